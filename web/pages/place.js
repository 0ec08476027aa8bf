// SPDX-License-Identifier: MIT
//
// Where the page is. Everything is found from the folder above the modules, so that it works behind a proxy that puts a prefix before it.
const base = new URL('../', import.meta.url);
const SERVERS_MS = 2000; // for the list of further servers
const SERVERS_MAX = 16; // that the core takes

/** What a text of JSON says, or undefined. @param {string | undefined} text */
function parsed(text) {
    try {
        return JSON.parse(text ?? 'null');
    } catch {
        return undefined;
    }
}

/** The address of a file or route of this server. @param {string} path */
export const siteUrl = (path) => new URL(path, base).href;
/** The address that people send each other. @param {string} room */
export const roomUrl = (room) => siteUrl(`room/${room}`);

/** The server's WebSocket. */
function socketUrl() {
    const url = new URL('ws', base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
}

/** A WebSocket's address as the server names them: wss://host[:port]/path. @param {unknown} url */
const isServer = (url) => typeof url === 'string' && /^wss?:\/\/[^/\s]+\/\S*$/.test(url);

/** This server's WebSocket and those that its operator named besides, in his order; as long as it does not answer, those that it
 * named last time. */
export async function socketUrls() {
    const own = socketUrl();
    let named;
    try {
        const answer = await fetch(siteUrl('api/servers'), { cache: 'no-store', signal: AbortSignal.timeout(SERVERS_MS) });
        named = (await answer.json()).servers;
        kept.set('servers', JSON.stringify(named));
    } catch {
        named = parsed(kept.get('servers'));
    }
    const servers = Array.isArray(named) ? named.filter(isServer) : [];
    return [...new Set(servers.includes(own) ? servers : [own, ...servers])].slice(0, SERVERS_MAX);
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
