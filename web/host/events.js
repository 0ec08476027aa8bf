// SPDX-License-Identifier: MIT
//
// Events as `usher pipe` prints them: of each, its members in order, where in what the core tells each comes from, and how.
// tests/web/events.test.mjs holds this table against the one in peer/cli/pipe_events.c.

/** @typedef {Record<string, any>} Notice */

/** @type {Record<string, (notice: Notice, from: string) => any>} undefined: there is none */
const VALUES = {
    text: (n, from) => n[from],
    text_or_empty: (n, from) => n[from] ?? '',
    number: (n, from) => n[from],
    seconds: (n, from) => n[from] / 1000,
    truth: (n, from) => n[from],
    list: (n) => n.to,
    people: (n) => n.to.map((/** @type {string} */ id, /** @type {number} */ i) => ({ id, name: n.names?.[i] ?? '' })),
    messages: (n, from) => JSON.parse(n[from]),
    json_or_none: (n, from) => (n[from] === undefined ? undefined : JSON.parse(n[from])),
    up_or_down: (n) => (n.up ? 'up' : 'down'),
    path_if_up: (n, from) => (n.up ? n[from] : undefined),
};

/** @type {[event: string, member: string, value: string, from: string][]} */
export const MEMBERS = [
    ['ready', 'id', 'text', 'id'],
    ['state', 'state', 'text', 'text'],
    ['joined', 'room', 'text', 'room'],
    ['joined', 'peers', 'people', 'to'],
    ['peer', 'id', 'text', 'id'],
    ['peer', 'name', 'text_or_empty', 'name'],
    ['peer', 'state', 'up_or_down', 'up'],
    ['peer', 'path', 'path_if_up', 'path'],
    ['peer', 'verified', 'truth', 'verified'],
    ['message', 'id', 'text', 'id'],
    ['message', 'from', 'text', 'from'],
    ['message', 'to', 'list', 'to'],
    ['message', 'text', 'text', 'text'],
    ['message', 'conversation', 'text_or_empty', 'conversation'],
    ['message', 'type', 'text', 'kind'],
    ['message', 'attachments', 'json_or_none', 'attachments'],
    ['message', 'timestamp', 'number', 'timestamp'],
    ['message', 'verified', 'truth', 'verified'],
    ['accepted', 'ref', 'text', 'ref'],
    ['accepted', 'id', 'text', 'id'],
    ['delivered', 'id', 'text', 'id'],
    ['delivered', 'by', 'text', 'by'],
    ['read', 'id', 'text', 'id'],
    ['read', 'by', 'text', 'by'],
    ['failed', 'id', 'text_or_empty', 'id'],
    ['failed', 'to', 'list', 'to'],
    ['failed', 'reason', 'text_or_empty', 'reason'],
    ['typing', 'from', 'text', 'from'],
    ['presence', 'from', 'text', 'from'],
    ['presence', 'presence', 'text', 'text'],
    ['status', 'from', 'text', 'from'],
    ['status', 'text', 'text', 'text'],
    ['link', 'id', 'text', 'id'],
    ['link', 'name', 'text', 'name'],
    ['link', 'code', 'text', 'code'],
    ['link', 'text', 'text', 'text'],
    ['rooms', 'from', 'text', 'from'],
    ['rooms', 'rooms', 'list', 'to'],
    ['missing', 'from', 'text', 'from'],
    ['missing', 'conversation', 'text', 'conversation'],
    ['missing', 'before', 'text', 'id'],
    ['missing', 'count', 'number', 'count'],
    ['history', 'ref', 'text', 'ref'],
    ['history', 'messages', 'messages', 'text'],
    ['error', 'code', 'text', 'code'],
    ['error', 'message', 'text_or_empty', 'text'],
    ['error', 'fatal', 'truth', 'fatal'],
    ['error', 'ref', 'text', 'ref'],
    ['error', 'fileId', 'text', 'id'],
    ['file-offer', 'fileId', 'text', 'id'],
    ['file-offer', 'from', 'text', 'from'],
    ['file-offer', 'name', 'text_or_empty', 'name'],
    ['file-offer', 'bytes', 'number', 'size'],
    ['file-offer', 'kind', 'text', 'kind'],
    ['file-offer', 'conversation', 'text', 'conversation'],
    ['file-progress', 'fileId', 'text', 'id'],
    ['file-progress', 'from', 'text', 'from'],
    ['file-progress', 'by', 'text', 'by'],
    ['file-progress', 'bytes', 'number', 'count'],
    ['file-progress', 'of', 'number', 'size'],
    ['file-complete', 'fileId', 'text', 'id'],
    ['file-complete', 'from', 'text', 'from'],
    ['file-complete', 'by', 'text', 'by'],
    ['file-complete', 'path', 'text', 'text'],
    ['file-complete', 'bytes', 'number', 'size'],
    ['file-complete', 'seconds', 'seconds', 'took_ms'],
    ['file-failed', 'fileId', 'text', 'id'],
    ['file-failed', 'ref', 'text', 'ref'],
    ['file-failed', 'from', 'text', 'from'],
    ['file-failed', 'by', 'text', 'by'],
    ['file-failed', 'name', 'text', 'name'],
    ['file-failed', 'reason', 'text', 'reason'],
    ['file-failed', 'message', 'text_or_empty', 'text'],
    ['file-paused', 'fileId', 'text', 'id'],
    ['file-paused', 'by', 'text', 'by'],
    ['file-resumed', 'fileId', 'text', 'id'],
    ['file-resumed', 'by', 'text', 'by'],
    ['file-stalled', 'fileId', 'text', 'id'],
    ['file-stalled', 'from', 'text', 'from'],
    ['file-stalled', 'name', 'text_or_empty', 'name'],
    ['file-stalled', 'message', 'text_or_empty', 'text'],
];

/**
 * @param {Notice} notice
 * @returns {Record<string, any>}
 */
export function detailOf(notice) {
    /** @type {Record<string, any>} */
    const detail = {};
    for (const [event, member, value, from] of MEMBERS) {
        if (event !== notice.event) continue;
        const found = VALUES[value](notice, from);
        if (found !== undefined) detail[member] = found;
    }
    return detail;
}
