// SPDX-License-Identifier: MIT
//
// The service worker that opens the page without a network. Browsers have it on https and localhost only; without it the page works as long as the server answers.
import { siteUrl } from './place.js';

export function registerWorker() {
    if (!('serviceWorker' in navigator) || !isSecureContext) return;
    const register = () => navigator.serviceWorker.register(siteUrl('sw.js')).catch((error) => console.warn('the page will not open without a network:', error.message));
    if (document.readyState === 'complete') register();
    else addEventListener('load', register, { once: true });
}
