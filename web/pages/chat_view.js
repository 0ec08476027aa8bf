// SPDX-License-Identifier: MIT
//
// What is said: the list, what is being written, and the field to write in.
import { el, icon, iconButton, ICONS, say } from './dom.js';
import { dayText, t, timeText } from './text.js';
import { MessageList } from './message_list.js';
import { bytesText } from './text.js';

const TEXT_MAX = 8000;
const TOGETHER_MS = 5 * 60 * 1000; // messages of one person within so much stand under one name
const REASONS = { expired: 'reasonExpired', gone: 'reasonGone', left: 'reasonGone', forgotten: 'reasonGone', 'too-large': 'reasonTooLarge', 'queue-full': 'reasonQueueFull', missed: 'reasonOther' };

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();
export const hueOf = (id) => [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);

/** A round picture of a person: the first letter, in a colour of the id. @param {string} id @param {string} name */
export function avatar(id, name) {
    const picture = el('span', { class: 'avatar', 'aria-hidden': 'true' }, [...(name || '?')][0].toUpperCase());
    picture.style.setProperty('--hue', String(hueOf(id)));
    return picture;
}

// ---- marks ----

function markOf(session, message) {
    const of = message.to.length || Math.max(message.by.size, 1);
    if (message.mark === 'failed') return { sign: ICONS.failed, words: t('markFailed'), kind: 'bad' };
    if (message.mark === 'sending') return { sign: ICONS.clock, words: t('markSending'), kind: '' };
    if (message.readBy.size > 0) return { sign: ICONS.checks, words: t('markRead', message.readBy.size, of), kind: 'read' };
    if (message.by.size > 0) return { sign: ICONS.checks, words: t('markDelivered', message.by.size, of), kind: '' };
    return { sign: ICONS.check, words: t('markAccepted'), kind: '' };
}

function markElement(session, message) {
    const { sign, words, kind } = markOf(session, message);
    return el('span', { class: `mark ${kind}`, title: words }, icon(sign), el('span', { class: 'hidden' }, words));
}

function problemText(session, { to, reason }) {
    if (!to) return t('sendFailed', reason);
    return t('failedTo', session.nameOf(to), REASONS[reason] ? t(REASONS[reason]) : reason);
}

// ---- rows ----

// Addresses become links; everything else stays text.
function textParts(text) {
    const parts = [];
    let at = 0;
    for (const found of text.matchAll(/\bhttps?:\/\/[^\s<>"']{1,2000}[^\s<>"'.,;:!?)\]]/g)) {
        parts.push(text.slice(at, found.index), el('a', { href: found[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, found[0]));
        at = found.index + found[0].length;
    }
    return [...parts, text.slice(at)].filter((part) => part !== '');
}

function forWhom(session, message) {
    if (!message.type || message.type === 'group_message') return null;
    const readers = message.to.filter((id) => id !== session.me).map((id) => session.nameOf(id));
    return el('span', { class: 'tag' }, message.own || readers.length ? t('onlyFor', readers.join(', ')) : t('onlyForYou'));
}

function noteRow(session, message) {
    const text = message.note === 'missing' ? t('missing', Number(message.text), session.nameOf(message.from)) : message.text;
    return el('div', { class: 'message note' }, text);
}

function attachmentList(attachments) {
    return el('ul', { class: 'attachments' }, ...attachments.map(({ name, bytes }) => el('li', {}, icon(ICONS.file), `${name} (${bytesText(bytes)})`)));
}

export function messageRow(session, message, before) {
    const newDay = !before || !sameDay(before.timestamp, message.timestamp);
    const day = newDay && el('div', { class: 'day' }, el('span', {}, dayText(message.timestamp)));
    if (message.note) return el('div', { class: 'line' }, day, noteRow(session, message));
    const together = !newDay && before.from === message.from && !before.note && message.timestamp - before.timestamp < TOGETHER_MS;
    const name = message.own ? t('you') : session.nameOf(message.from);
    const heading = el('div', { class: together ? 'hidden' : 'who' }, el('strong', { dir: 'auto' }, name), !message.verified && el('span', { class: 'tag warn' }, t('notVerified')));
    const time = el('time', { datetime: new Date(message.timestamp).toISOString(), class: 'time' }, timeText(message.timestamp));
    const body = el('div', { class: 'bubble' }, el('div', { class: 'text', dir: 'auto' }, ...textParts(message.text)),
        message.attachments.length > 0 && attachmentList(message.attachments),
        el('div', { class: 'under' }, forWhom(session, message), time, message.own && markElement(session, message)));
    return el('div', { class: `line ${message.own ? 'own' : ''} ${together ? 'together' : ''}` }, day,
        el('div', { class: 'message' }, !message.own && (together ? el('span', { class: 'avatar-gap' }) : avatar(message.from, name)),
            el('div', { class: 'grow' }, heading, body, ...message.problems.map((problem) => el('div', { class: 'problem small' }, problemText(session, problem))))));
}

// ---- the view ----

function newBelow(list, session, box) {
    let count = 0;
    const button = el('button', { type: 'button', class: 'to-newest compact', hidden: true, click: () => list.toEnd() });
    const show = () => {
        if (list.atEnd) count = 0;
        button.hidden = list.atEnd;
        say(button, count ? t('newBelow', count) : t('toNewest'));
    };
    box.append(button);
    return { show, more: () => {
        if (!list.atEnd) count++;
        show();
    } };
}

function writersLine(session) {
    const line = el('div', { class: 'writers quiet small' });
    const show = () => {
        const now = Date.now();
        const writers = [...session.writers].filter(([, until]) => until > now).map(([id]) => session.nameOf(id));
        say(line, writers.length === 0 ? '' : writers.length === 1 ? t('typingOne', writers[0]) : t('typingMany', writers.length));
    };
    session.addEventListener('typing', show);
    return line;
}

function readerChoice(session) {
    const choice = /** @type {HTMLSelectElement} */ (el('select', { 'aria-label': t('sendTo'), class: 'reader-choice' }));
    let said = '';
    const show = () => {
        const people = session.present.filter(({ verified }) => verified);
        const now = people.map(({ id }) => id + session.nameOf(id)).join();
        choice.hidden = people.length < 2;
        if (now === said) return;
        said = now;
        const before = choice.value;
        choice.replaceChildren(el('option', { value: '' }, t('toAll')), ...people.map(({ id }) => el('option', { value: id }, session.nameOf(id))));
        choice.value = people.some(({ id }) => id === before) ? before : '';
    };
    session.addEventListener('people', show);
    show();
    return choice;
}

function composer(session, list) {
    const field = /** @type {HTMLTextAreaElement} */ (el('textarea', { id: 'write', rows: 1, placeholder: t('writeHere'), 'aria-label': t('writeLabel'), maxlength: TEXT_MAX, dir: 'auto', enterkeyhint: 'send' }));
    const choice = readerChoice(session);
    const picker = /** @type {HTMLInputElement} */ (el('input', { type: 'file', multiple: true, class: 'hidden', tabindex: -1, 'aria-hidden': 'true', change: () => {
        for (const file of picker.files ?? []) session.files.send(file, choice.value ? [choice.value] : undefined);
        picker.value = '';
    } }));
    const fit = () => {
        field.style.height = 'auto';
        field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
    };
    const send = () => {
        const text = field.value.trim();
        if (!text) return;
        field.value = '';
        fit();
        list.toEnd();
        session.send(text, choice.value ? [choice.value] : undefined);
    };
    field.addEventListener('input', () => {
        fit();
        if (field.value) session.typing();
    });
    field.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        send();
    });
    return el('form', { class: 'composer', submit: (event) => {
        event.preventDefault();
        send();
        field.focus();
    } }, iconButton(ICONS.attach, t('attach'), () => picker.click()), picker, choice, el('div', { class: 'grow' }, field),
    el('button', { class: 'primary icon-button', 'aria-label': t('send'), title: t('send') }, icon(ICONS.send)));
}

/** @param {import('./session.js').Session} session */
export function chatView(session) {
    const scroller = el('div', { class: 'messages', tabindex: 0, role: 'region', 'aria-label': t('messages') });
    const aloud = el('div', { class: 'hidden', 'aria-live': 'polite' }); // the list itself changes as one scrolls, so it is silent
    const box = el('div', { class: 'messages-box' }, scroller);
    const see = () => document.visibilityState === 'visible' && document.hasFocus() && session.seen(onScreen);
    let onScreen = [];
    const list = new MessageList(scroller, {
        row: (message, before) => messageRow(session, message, before),
        top: () => session.loadEarlier(),
        shown: (items) => {
            onScreen = items;
            see();
            below.show();
        },
        moved: () => below.show(),
    });
    const below = newBelow(list, session, box);
    addEventListener('focus', see);
    session.addEventListener('messages', ({ detail: { added, item, count } }) => {
        if (added === 'start') list.prepended(session.messages, session.messages[count]);
        else if (added === 'end') list.set(session.messages);
        else list.changed(item);
        if (added !== 'end' || item.own) return;
        below.more();
        if (item.text && !item.note) say(aloud, t('messageFrom', session.nameOf(item.from), item.text));
    });
    list.set(session.messages);
    return el('section', { class: 'chat', 'aria-label': t('chat') }, box, aloud, writersLine(session), composer(session, list));
}
