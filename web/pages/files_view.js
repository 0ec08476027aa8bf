// SPDX-License-Identifier: MIT
//
// Files that are offered, on their way and there; and the whole page as a place to drop them.
import { el, icon, ICONS, iconButton, keepChildren, say } from './dom.js';
import { bytesText, spanText, t } from './text.js';
import { secondsLeft } from './transfers.js';

const REASONS = { declined: 'failDeclined', cancelled: 'failCancelled', ended: 'failEnded', 'not-offered': 'failNotOffered', 'offered-again': 'failOfferedAgain',
    'file-changed': 'failFileChanged', 'wrong-data': 'failWrongData', 'wrong-hashes': 'failWrongData', 'disk-full': 'failDiskFull', 'plain-peer': 'failPlainPeer' };
const reasonText = ({ reason, message }) => (REASONS[reason] ? t(REASONS[reason]) : message || t('failOther'));

function progressRow(session, item, who) {
    const bar = /** @type {HTMLProgressElement} */ (el('progress', { max: 1, value: 0 }));
    const words = el('div', { class: 'small quiet' });
    const element = el('li', {}, bar, words);
    return { element, update: ([, progress]) => {
        bar.value = progress.of > 0 ? progress.done / progress.of : 1;
        const left = secondsLeft(progress);
        const parts = [bytesText(progress.done), bytesText(progress.of), left === undefined ? '' : spanText(left)];
        const name = session.nameOf(who);
        bar.setAttribute('aria-label', item.own ? `${item.name}: ${t('sendingTo', name)}` : item.name);
        bar.hidden = progress.state === 'done' || progress.state === 'failed';
        say(words, progress.state === 'failed' ? `${name}: ${reasonText(progress)}` : progress.state === 'done' ? t('fileSent', name) :
            progress.state === 'paused' ? (progress.pausedBy === session.me ? t('filePausedHere') : t('filePausedBy', session.nameOf(progress.pausedBy))) :
                item.own ? t('fileSending', name, ...parts) : t('fileReceiving', ...parts));
    } };
}

function actions(session, item) {
    const { files } = session;
    const { fileId, name, own, state } = item;
    const button = (d, key, act) => iconButton(d, t('forFile', t(key), name), act, { title: t(key) });
    if (state === 'offered' && !own)
        return [el('button', { type: 'button', class: 'primary compact', 'aria-label': t('forFile', t('accept'), name), click: () => files.accept(fileId) }, t('accept')),
            el('button', { type: 'button', class: 'compact', 'aria-label': t('forFile', t('decline'), name), click: () => files.decline(fileId) }, t('decline'))];
    if (state === 'done') return [item.url && el('a', { class: 'button compact primary', href: item.url, download: name }, t('saveFile')), button(ICONS.close, 'close', () => files.drop(fileId))];
    if (state === 'failed') return [button(ICONS.close, 'close', () => files.drop(fileId))];
    if (state === 'hashing') return [];
    const going = !own || [...item.progress.values()].some((one) => one.state === 'going');
    return [state === 'paused' ? button(ICONS.play, 'resume', () => files.pause(fileId, false)) : state === 'going' && going && button(ICONS.pause, 'pause', () => files.pause(fileId, true)),
        button(ICONS.close, 'cancel', () => files.cancel(fileId))];
}

function stateText(session, item) {
    if (item.state === 'failed') return t('fileFailed', reasonText(item));
    if (item.state === 'hashing') return t('fileHashing');
    if (item.state === 'done') return t('fileDone');
    if (item.state === 'offered') return item.own ? t('fileWaiting') : t('fileOffered', session.nameOf(item.from));
    return '';
}

function fileRow(session) {
    const name = el('strong', { dir: 'auto' });
    const size = el('span', { class: 'quiet small' });
    const state = el('div', { class: 'small quiet', 'aria-live': 'polite' });
    const rows = el('ul', { class: 'progress-list' });
    const buttons = el('div', { class: 'row tight' });
    const element = el('li', { class: 'file' }, icon(ICONS.file), el('div', { class: 'grow' }, el('div', {}, name, ' ', size), state, rows), buttons);
    let shown = '';
    return { element, update: (item) => {
        say(name, item.name);
        say(size, bytesText(item.bytes));
        say(state, stateText(session, item));
        const parts = item.state === 'done' && !item.own ? [] : [...item.progress].filter(() => item.own || item.state === 'going' || item.state === 'paused');
        keepChildren(rows, parts, ([who]) => who, ([who]) => progressRow(session, item, who));
        const now = [item.state, item.fileId, item.own, Boolean(item.url), [...item.progress.values()].some((one) => one.state === 'going')].join();
        if (now !== shown) buttons.replaceChildren(...actions(session, item).filter(Boolean));
        shown = now;
    } };
}

/** @param {import('./session.js').Session} session */
export function filesView(session) {
    const none = el('p', { class: 'quiet small' }, t('filesNone'));
    const list = el('ul', { class: 'file-list' });
    const show = () => {
        const items = [...session.files.items.values()].reverse();
        none.hidden = items.length > 0;
        keepChildren(list, items, ({ fileId }) => fileId, () => fileRow(session));
    };
    session.addEventListener('files', show);
    show();
    return el('section', { class: 'panel', 'aria-labelledby': 'files-title' }, el('h2', { id: 'files-title' }, t('files')), none, list);
}

/** Files that are dropped anywhere go to everybody. Returns what undoes it. @param {import('./session.js').Session} session */
export function acceptDrops(session) {
    const veil = el('div', { class: 'drop-veil', hidden: true, 'aria-hidden': 'true' }, t('dropHere'));
    document.body.append(veil);
    const has = (event) => event.dataTransfer?.types.includes('Files');
    let depth = 0;
    const on = {
        dragenter: (event) => has(event) && depth++ === 0 && (veil.hidden = false),
        dragleave: (event) => has(event) && --depth <= 0 && (depth = 0, veil.hidden = true),
        dragover: (event) => has(event) && event.preventDefault(),
        drop: (event) => {
            if (!has(event)) return;
            event.preventDefault();
            depth = 0;
            veil.hidden = true;
            for (const file of event.dataTransfer.files) session.files.send(file);
        },
        paste: (event) => {
            for (const file of event.clipboardData?.files ?? []) session.files.send(file);
        },
    };
    for (const [type, act] of Object.entries(on)) addEventListener(type, act);
    return () => {
        for (const [type, act] of Object.entries(on)) removeEventListener(type, act);
        veil.remove();
    };
}
