// SPDX-License-Identifier: MIT
//
// All words of the page are in one table a language; another language is another file like text.en.js, and its line here. A text is a string, or a function of what stands in it.
import { EN } from './text.en.js';

const TABLES = { en: EN };
const chosen = navigator.languages?.map((language) => language.split('-')[0]).find((language) => language in TABLES) ?? 'en';
const TABLE = TABLES[chosen];
document.documentElement.lang = chosen;

/** @param {string} key @param {...any} values */
export function t(key, ...values) {
    const text = TABLE[key] ?? EN[key];
    if (text === undefined) throw new Error(`no text is called ${key}`);
    return typeof text === 'function' ? text(...values) : text;
}

const numbers = new Intl.NumberFormat(chosen, { maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat(chosen, { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat(chosen, { weekday: 'long', day: 'numeric', month: 'long' });

/** @param {number} bytes */
export function bytesText(bytes) {
    const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
    let unit = 0;
    for (; bytes >= 1000 && unit < units.length - 1; unit++) bytes /= 1000;
    return `${numbers.format(bytes)} ${units[unit]}`;
}
/** @param {number} ms */
export const timeText = (ms) => times.format(ms);
/** @param {number} ms */
export const dayText = (ms) => days.format(ms);
/** @param {number} s */
export function spanText(s) {
    if (s < 60) return t('seconds', Math.max(1, Math.round(s)));
    return s < 3600 ? t('minutes', Math.round(s / 60)) : t('hours', numbers.format(s / 3600));
}
