// SPDX-License-Identifier: MIT
//
// Where the page is. Everything is found from the folder above the modules, so that it works behind a proxy that puts a prefix before it.
const base = new URL('../', import.meta.url);

/** The address of a file or route of this server. @param {string} path */
export const siteUrl = (path) => new URL(path, base).href;
/** The address that people send each other. @param {string} room */
export const roomUrl = (room) => siteUrl(`room/${room}`);

/** The server's WebSocket. */
export function socketUrl() {
    const url = new URL('ws', base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
}

export const ROOM = /^[A-Za-z0-9_-]{1,64}$/;

/** The room that this address names, or undefined. */
export function roomOfAddress() {
    const room = location.pathname.slice(base.pathname.length).replace(/^room\//, '');
    return location.pathname.startsWith(`${base.pathname}room/`) && ROOM.test(room) ? room : undefined;
}

/** What is kept for next time; where the browser keeps nothing, it lasts as long as the page. */
function shelf(area) {
    const here = new Map();
    const real = () => {
        try {
            return window[area];
        } catch {
            return undefined; // storage is switched off
        }
    };
    return {
        get(key) {
            return here.get(key) ?? real()?.getItem(`usher.${key}`) ?? undefined;
        },
        set(key, value) {
            here.set(key, value);
            try {
                real()?.setItem(`usher.${key}`, value);
            } catch {
                // it is full: it lasts as long as the page
            }
        },
        remove(key) {
            here.delete(key);
            real()?.removeItem(`usher.${key}`);
        },
    };
}
/** For ever, and for this tab. */
export const kept = shelf('localStorage');
export const keptInTab = shelf('sessionStorage');
