// SPDX-License-Identifier: MIT
//
// The way into a room and out of it: a name, perhaps a password, one tab at a time; then the views. What goes wrong says what happened and what still works.
import { Usher } from './usher.js';
import { el, icon, iconButton, ICONS, say } from './dom.js';
import { t } from './text.js';
import { forgetCode } from './code.js';
import { kept, keptInTab, roomUrl, siteUrl, socketUrls } from './place.js';
import { Session } from './session.js';
import { chatView } from './chat_view.js';
import { peopleView } from './people_view.js';
import { acceptDrops, filesView } from './files_view.js';
import { callView } from './call_view.js';
import picture from './icon_url.js';

/** @typedef {{ room?: string, code?: string }} Target */

function bar(title, ...inside) {
    return el('header', { class: 'bar' }, el('a', { class: 'brand', href: siteUrl(''), 'aria-label': 'usher', click: forgetCode }, el('img', { src: picture, alt: '', width: 28, height: 28 })),
        el('h1', { class: 'room-name', dir: 'auto' }, title), ...inside);
}

const titleOf = ({ room, code }) => (code ? t('codeTitle') : room ?? '');

// A page of one question or sentence.
function showCentre(app, target, title, ...inside) {
    app.replaceChildren(bar(titleOf(target)), el('main', { class: 'centre' }, el('h2', {}, title), ...inside));
    app.querySelector('[autofocus]')?.focus();
}

const frontLink = () => el('p', {}, el('a', { href: siteUrl(''), click: forgetCode }, t('backToFront')));

function ask(app, target, title, { label, value = '', type = 'text', go, problem, autocomplete }) {
    return new Promise((resolve) => {
        const input = el('input', { id: 'answer', type, value, required: true, maxlength: 64, autofocus: true, autocomplete });
        showCentre(app, target, title, el('form', { class: 'field', submit: (event) => {
            event.preventDefault();
            if (input.value.trim()) resolve(type === 'password' ? input.value : input.value.trim());
        } }, el('div', { class: 'field' }, el('label', { for: 'answer' }, label), input), problem && el('p', { class: 'problem', role: 'alert' }, problem),
        el('button', { class: 'primary' }, go)), frontLink());
    });
}

// ---- opening ----

function missing() {
    if (typeof WebAssembly === 'undefined') return t('noWebAssembly');
    if (typeof RTCPeerConnection === 'undefined') return t('noWebRtc');
    if (typeof indexedDB === 'undefined') return t('noStorage');
    return undefined;
}

async function ownName(app, target) {
    const name = kept.get('name');
    if (name) return name;
    const given = await ask(app, target, t('nameTitle'), { label: t('yourName'), go: t('nameGo'), autocomplete: 'nickname' });
    kept.set('name', given);
    return given;
}

// Each room has a state of its own (usher.js): a person in it, who is another one in the next room, and may be in both at once.
async function open(app, target, more = {}) {
    const name = await ownName(app, target);
    const password = target.room ? keptInTab.get(`password.${target.room}`) : undefined;
    showCentre(app, target, t('opening'));
    return Usher.open({ server: await socketUrls(), name, ...(target.code ? { code: target.code } : { room: target.room }), ...(password ? { password } : {}), ...more });
}

async function askPassword(app, target) {
    const tried = keptInTab.get(`password.${target.room}`);
    const password = await ask(app, target, t('passwordTitle'), { label: t('password'), type: 'password', go: t('passwordGo'), problem: tried && t('passwordWrong'), autocomplete: 'current-password' });
    keptInTab.set(`password.${target.room}`, password);
    return mountRoom(app, target);
}

const SENTENCES = { 'room-closed': 'reasonRoomClosed', 'room-full': 'reasonRoomFull', unauthorized: 'reasonUnauthorized', 'store-failed': 'reasonStorage', store: 'reasonStorage', panic: 'reasonCrash',
    'no-webassembly': 'noWebAssembly', 'no-webrtc': 'noWebRtc', 'no-storage': 'noStorage' };
const sentenceOf = (error) => (SENTENCES[error?.code] ? t(SENTENCES[error.code]) : error?.message ?? '');

function offerTakeOver(app, target, title, words) {
    showCentre(app, target, title, el('p', {}, t('inUseText')), el('div', { class: 'row' },
        el('button', { class: 'primary', type: 'button', autofocus: true, click: () => mountRoom(app, target, { takeOver: true }) }, words)), frontLink());
}

function cannotOpen(app, target, error) {
    if (error.code === 'in-use') return offerTakeOver(app, target, t('inUseTitle'), t('takeOver'));
    if (error.code === 'room-locked' && target.room) return askPassword(app, target);
    if (error.code === 'bad-code') forgetCode();
    console.error(error);
    return showCentre(app, target, error.code === 'bad-code' ? t('badCode', error.message) : t('failedOpen', sentenceOf(error)),
        el('div', { class: 'row' }, el('button', { type: 'button', class: 'primary', click: () => mountRoom(app, target) }, t('tryAgain'))), frontLink());
}

/** @param {HTMLElement} app @param {Target} target @param {object} [more] */
export async function mountRoom(app, target, more) {
    document.body.classList.add('in-room');
    document.title = t('roomTitle', titleOf(target));
    const lacks = missing();
    if (!target.room && !target.code) return showCentre(app, target, t('noRoom'), frontLink());
    if (lacks) return showCentre(app, target, lacks, frontLink());
    try {
        const peer = await open(app, target, more);
        showRoom(app, target, new Session(peer));
    } catch (error) {
        cannotOpen(app, target, error);
    }
}

// ---- in the room ----

function stateText(session) {
    const here = session.present.length;
    if (['in-room', 'discovering', 'p2p-connected'].includes(session.state)) {
        if (here === 0) return t('stateAlone');
        return session.present.some(({ up }) => up) ? t('stateOnline', here + 1) : t('stateFinding');
    }
    if (session.present.some(({ up }) => up)) return t('stateOfflineLinked');
    return { connecting: t('stateConnecting'), connected: t('stateJoining'), joining: t('stateJoining') }[session.state] ?? t('stateOffline');
}

function stateChip(session) {
    const words = el('span', {});
    const chip = el('span', { class: 'state', role: 'status' }, el('span', { class: 'dot', 'aria-hidden': 'true' }), words);
    const show = () => {
        chip.dataset.state = ['in-room', 'discovering', 'p2p-connected'].includes(session.state) ? (session.present.some(({ up }) => !up) ? 'wait' : 'up') : 'wait';
        say(words, stateText(session));
    };
    session.addEventListener('state', show);
    session.addEventListener('people', show);
    show();
    return chip;
}

async function copyAddress(address, told) {
    try {
        await navigator.clipboard.writeText(address);
        told(t('inviteCopied'));
    } catch {
        told(t('copyFailed'));
    }
}

// Sentences that come and go; a screen reader hears them.
function toasts() {
    const box = el('div', { class: 'toasts', role: 'status' });
    return { box, tell: (text, kind = '', words = '', act = () => {}) => {
        const one = el('div', { class: `toast ${kind}` }, el('span', { class: 'grow' }, text), words && el('button', { type: 'button', class: 'compact primary', click: () => {
            act();
            one.remove();
        } }, words), iconButton(ICONS.close, t('close'), () => one.remove()));
        box.append(one);
        while (box.childElementCount > 3) box.firstElementChild?.remove();
        setTimeout(() => one.remove(), 8000);
        return one;
    } };
}

// Until somebody comes: what to send them.
function aloneCard(session, target, tell) {
    const address = target.room ? roomUrl(target.room) : '';
    const input = el('input', { readonly: true, value: address, 'aria-label': t('aloneText'), focus: (event) => event.target.select() });
    const card = el('section', { class: 'alone card', hidden: true }, el('h2', {}, t('aloneTitle')), el('p', { class: 'quiet' }, t('aloneText')), el('div', { class: 'row' }, el('div', { class: 'grow' }, input),
        el('button', { type: 'button', class: 'primary', click: () => copyAddress(address, tell) }, t('copy'))));
    const show = () => (card.hidden = !target.room || session.present.length > 0 || !['in-room', 'discovering', 'p2p-connected'].includes(session.state));
    session.addEventListener('people', show);
    session.addEventListener('state', show);
    return card;
}

function sideToggle(side) {
    const button = iconButton(ICONS.people, `${t('people')}, ${t('files')}`, () => {
        const open = side.classList.toggle('open');
        button.setAttribute('aria-expanded', String(open));
    }, { class: 'icon-button side-toggle', 'aria-expanded': 'false', 'aria-controls': 'side' });
    return button;
}

function hearOf(session, tell) {
    session.addEventListener('offered', ({ detail: { fileId, from, name } }) => {
        const one = tell(t('fileOffer', session.nameOf(from), name), '', t('accept'), () => session.files.accept(fileId));
        session.addEventListener('files', () => session.files.items.get(fileId)?.state !== 'offered' && one.remove());
    });
    session.addEventListener('warning', ({ detail: { text, code } }) => code === 'known-name' && tell(`${t('warning')}: ${text}`, 'warn'));
    session.addEventListener('problem', ({ detail: { message, fatal } }) => !fatal && message && tell(message, 'warn'));
}

function showEnded(app, target, how) {
    const error = how.code && how.code !== 'closed' ? how : undefined;
    if (error?.code === 'taken-over') return offerTakeOver(app, target, t('takenOver'), t('takeBack'));
    if (error?.code === 'room-locked' && target.room) return askPassword(app, target);
    return showCentre(app, target, error ? sentenceOf(error) : t('endedTitle'), el('div', { class: 'row' },
        el('button', { type: 'button', class: 'primary', autofocus: true, click: () => mountRoom(app, target) }, t('reopen'))), frontLink());
}

function showRoom(app, target, session) {
    const { box, tell } = toasts();
    const call = callView(session, tell);
    const side = el('aside', { class: 'side', id: 'side' }, peopleView(session), filesView(session));
    const undo = acceptDrops(session);
    let left = false;
    const leave = async () => {
        left = true;
        call.end();
        await session.close();
        forgetCode();
        location.assign(siteUrl(''));
    };
    hearOf(session, tell);
    session.addEventListener('ended', ({ detail }) => {
        undo();
        call.end();
        if (!left) showEnded(app, target, detail);
    });
    app.replaceChildren(
        bar(titleOf(target), stateChip(session), el('span', { class: 'grow' }), call.button,
            target.room && el('button', { type: 'button', class: 'compact invite', 'aria-label': t('invite'), title: t('invite'), click: () => copyAddress(roomUrl(target.room), tell) }, icon(ICONS.link), el('span', {}, t('invite'))),
            sideToggle(side), iconButton(ICONS.close, t('leave'), leave)),
        el('main', { class: 'room' }, call.stage, el('div', { class: 'talk' }, aloneCard(session, target, tell), chatView(session)), side), box);
    session.loadEarlier();
    if (matchMedia('(pointer: fine)').matches) app.querySelector('#write')?.focus();
    Object.assign(window, { usherSession: session, usherCall: call.call }); // for tests, and for who looks with the browser's tools
}
