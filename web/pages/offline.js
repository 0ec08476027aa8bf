// SPDX-License-Identifier: MIT
//
// The service worker that opens the page without a network. Browsers have it on https and localhost only; without it the page works as long as the server answers.
import { siteUrl } from './place.js';

export function registerWorker() {
    if (!('serviceWorker' in navigator) || !isSecureContext) return;
    addEventListener('load', () => navigator.serviceWorker.register(siteUrl('sw.js')).catch(() => {}), { once: true });
    if (document.readyState === 'complete') navigator.serviceWorker.register(siteUrl('sw.js')).catch(() => {});
}
