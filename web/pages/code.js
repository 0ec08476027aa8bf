// SPDX-License-Identifier: MIT
//
// Codes of six words. They come in the fragment, which no browser sends to a server, and leave the address bar as soon as they are read: a history or a screenshot would keep them.
import { keptInTab } from './place.js';

const WORDS = 6;

/** The words of what was typed or stands in a fragment, as `six-words-with-hyphens-between`; else { words }: how many there are. @param {string} text */
export function readCode(text) {
    const words = text.trim().toLowerCase().replace(/^#/, '').split(/[\s\-–—_,.]+/).filter(Boolean);
    const looks = words.length > 1 && words.every((word) => /^[a-z]{2,12}$/.test(word));
    return looks && words.length === WORDS ? { code: words.join('-') } : { words: looks ? words.length : 0 };
}

/** The code that this page was opened with, also after a reload; undefined: none. */
export function takeCode() {
    const { code } = readCode(decodeURIComponent(location.hash));
    if (code) {
        keptInTab.set('code', code);
        history.replaceState(null, '', location.pathname + location.search);
    }
    return code ?? keptInTab.get('code');
}

export const keepCode = (code) => keptInTab.set('code', code);
export const forgetCode = () => keptInTab.remove('code');
