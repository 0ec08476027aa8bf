// SPDX-License-Identifier: MIT
//
// The front page: join a room or use a code, open a room, and the list of those that are shown.
import { el } from './dom.js';
import { t } from './text.js';
import { readCode, takeCode, keepCode } from './code.js';
import { kept, keptInTab, ROOM, roomUrl, siteUrl } from './place.js';
import { closeRoom, createRoom, findRoom, forgetRoom, isOurs, listRooms, ourRooms } from './rooms_api.js';
import { registerWorker } from './offline.js';
import icon from './icon_url.js';

const EVERY_MS = 10000;
const app = /** @type {HTMLElement} */ (document.getElementById('app'));

/** @param {string} id @param {string} label @param {HTMLElement} input @param {string} [help] */
function field(id, label, input, help) {
    input.id = id;
    if (help) input.setAttribute('aria-describedby', `${id}-help`);
    return el('div', { class: 'field' }, el('label', { for: id }, label), input, help && el('div', { class: 'help', id: `${id}-help` }, help));
}

function card(title, ...inside) {
    return el('section', { class: 'card' }, el('h2', {}, title), ...inside);
}

// The form runs `act` once at a time and shows what it throws.
function form(act, words, ...inside) {
    const problem = el('p', { class: 'problem', role: 'alert' });
    const go = el('button', { class: 'primary' }, words);
    return el('form', { class: 'field', style: null, submit: async (event) => {
        event.preventDefault();
        problem.textContent = '';
        go.disabled = true;
        try {
            await act();
        } catch (error) {
            problem.textContent = error.message;
        }
        go.disabled = false;
    } }, ...inside, problem, go);
}

// ---- joining ----

async function openCode(code) {
    keepCode(code);
    const { mountRoom } = await import('./room_app.js');
    mountRoom(app, { code });
}

function joinCard(name) {
    const input = el('input', { autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', required: true, maxlength: 200 });
    const join = async () => {
        const text = input.value.trim();
        const { code, words = 0 } = readCode(text);
        keepName(name);
        if (code) return openCode(code);
        if (ROOM.test(text)) return location.assign(roomUrl(text));
        throw new Error(words > 1 ? t('joinCodeWords', words) : t('joinBad'));
    };
    return card(t('joinTitle'), form(join, t('join'), field('join', t('joinLabel'), input, t('joinHelp'))));
}

// ---- opening ----

function whyNot(error) {
    if (error.status === 409) return t('createTaken');
    if (error.status === 400) return t('createBad');
    if (error.status === 401 || error.status === 403) return t('createDenied');
    if (error.status === 429) return t('tooMany');
    return t('createFailed', error.status === 0 ? t('serverGone') : error.message);
}

function createCard(name) {
    const room = el('input', { autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: 64 });
    const password = el('input', { type: 'password', autocomplete: 'new-password', maxlength: 128 });
    const listed = el('input', { type: 'checkbox', id: 'listed' });
    const create = async () => {
        keepName(name);
        if (room.value.trim() && !ROOM.test(room.value.trim())) throw new Error(t('createBad'));
        const id = await createRoom({ name: room.value.trim(), password: password.value, listed: listed.checked }).catch((error) => {
            throw new Error(whyNot(error));
        });
        if (password.value) keptInTab.set(`password.${id}`, password.value);
        location.assign(roomUrl(id));
    };
    return card(t('createTitle'), form(create, t('create'), field('room', t('createName'), room, t('createNameHelp')),
        field('password', t('createPassword'), password, t('createPasswordHelp')), el('label', { class: 'check', for: 'listed' }, listed, t('createListed'))));
}

function keepName(input) {
    kept.set('name', input.value.trim());
}

// ---- the list ----

async function askAndClose(id, list) {
    if (!confirm(t('roomDeleteSure', id))) return;
    await closeRoom(id).catch((error) => {
        if (error.status === 404) forgetRoom(id);
        else alert(t('roomDeleteFailed'));
    });
    await showRooms(list);
}

function roomRow(room, list) {
    return el('li', {}, el('div', { class: 'grow' }, el('a', { href: roomUrl(room.id) }, room.name || room.id), ' ',
        room.locked && el('span', { class: 'tag' }, t('roomLocked')), ' ', isOurs(room.id) && el('span', { class: 'tag' }, t('roomYours')),
        el('div', { class: 'small quiet' }, t('roomPeers', room.peers, room.maxPeers))),
    isOurs(room.id) && el('button', { class: 'compact danger', type: 'button', 'aria-label': t('roomDelete', room.name || room.id),
        click: () => askAndClose(room.id, list) }, t('roomDeleteShort')));
}

// Ours are shown to us though nobody else is shown them.
async function unlisted(rooms) {
    const found = [];
    for (const id of ourRooms().filter((one) => !rooms.some((room) => room.id === one))) {
        const room = await findRoom(id);
        if (room) found.push(room);
        else forgetRoom(id);
    }
    return found;
}

async function showRooms(list) {
    try {
        const rooms = await listRooms();
        const all = [...(await unlisted(rooms)), ...rooms];
        const said = JSON.stringify(all);
        if (list.dataset.said === said) return; // the focus stays where it is
        list.dataset.said = said;
        list.replaceChildren(all.length ? el('ul', { class: 'room-list' }, ...all.map((room) => roomRow(room, list))) : el('p', { class: 'quiet' }, t('roomsNone')));
    } catch (error) {
        delete list.dataset.said;
        list.replaceChildren(el('p', { class: 'problem' }, error.status === 429 ? t('tooMany') : t('roomsFailed')));
    }
}

function roomsCard() {
    const list = el('div', { id: 'rooms' }, el('p', { class: 'quiet' }, t('roomsLoading')));
    showRooms(list);
    setInterval(() => document.visibilityState === 'visible' && list.isConnected && showRooms(list), EVERY_MS);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && list.isConnected && showRooms(list));
    return card(t('roomsTitle'), list);
}

function showFront() {
    const name = el('input', { autocomplete: 'nickname', maxlength: 64, value: kept.get('name') ?? '', change: () => keepName(name) });
    app.replaceChildren(
        el('header', { class: 'bar' }, el('span', { class: 'brand' }, el('img', { src: icon, alt: '', width: 28, height: 28 }), t('frontTitle'))),
        el('main', { class: 'front' }, el('h1', {}, t('frontLead')), el('p', { class: 'lead' }, t('frontHow')),
            el('div', { class: 'front-grid' },
                el('div', { class: 'front-column' }, el('section', { class: 'card' }, field('name', t('yourName'), name, t('yourNameHelp'))), joinCard(name)),
                createCard(name), roomsCard()),
            el('footer', {}, el('a', { href: siteUrl('check') }, t('checkLink')), el('span', {}, t('source')))));
}

function begin() {
    const code = takeCode();
    if (code) openCode(code);
    else showFront();
}

begin();
addEventListener('hashchange', begin);
registerWorker();
