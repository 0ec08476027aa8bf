// SPDX-License-Identifier: MIT
//
// Headless Firefox over WebDriver BiDi, with a profile of its own, gone with it. $FIREFOX names another.
import puppeteer from 'puppeteer-core';

// For pages that call each other: nothing goes out, and loopback is an address like another.
const PREFERENCES = {
    'media.peerconnection.ice.loopback': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
    'browser.safebrowsing.downloads.remote.enabled': false,
    'app.update.enabled': false,
    'extensions.update.enabled': false,
};

export const openFirefox = () => puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: PREFERENCES,
});
