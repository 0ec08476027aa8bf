// SPDX-License-Identifier: MIT
//
// The call as one sees it: the button, the grid of people, and the controls.
import { el, icon, iconButton, ICONS, keepChildren, say } from './dom.js';
import { t } from './text.js';
import { Call, CALL_MAX } from './call.js';
import { avatar } from './chat_view.js';
import { chooseDevices } from './call_dialog.js';
import { canCall, chosen, openTrack } from './devices.js';
import { measure } from './loudness.js';
import { captionsButton } from './captions.js';
import { recordButton } from './recorder.js';
import { showStats } from './stats_view.js';

const EVERY_MS = 120;
const SHAPE = 16 / 9;
const CAPTION_MS = 6000;

/** @typedef {{ id: string, key: string, own: boolean, screen: boolean }} TileItem one picture: of a person, or of a screen */

// ---- a tile ----

function streamOf(call, { id, own, screen }) {
    if (own) return screen ? call.screen : call.local;
    const party = call.parties.get(id);
    const wanted = screen ? party?.shown.screen : party?.shown.stream;
    return party?.streams.get(wanted);
}

function stateWords(call, item) {
    const party = call.parties.get(item.id);
    if (item.own || !party) return '';
    return { new: t('callConnecting'), connecting: t('callConnecting'), disconnected: t('callBroken'), failed: t('callBroken') }[party.state] ?? '';
}

function pipButton(video, name) {
    if (!document.pictureInPictureEnabled) return null;
    return iconButton(ICONS.window, t('pipTile', name), () => (document.pictureInPictureElement === video ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => {}));
}

function tileOf(view, item) {
    const { call, session } = view;
    const name = item.own ? t('you') : session.nameOf(item.id);
    const title = item.screen ? t('screenOf', name) : name;
    const video = /** @type {HTMLVideoElement} */ (el('video', { autoplay: true, playsinline: true, 'aria-label': title }));
    video.muted = item.own;
    if (chosen('output') && !item.own) /** @type {any} */ (video).setSinkId?.(chosen('output')).catch(() => {});
    const marks = el('span', { class: 'tile-marks' });
    const words = el('div', { class: 'tile-state', role: 'status' });
    const caption = el('div', { class: 'caption', 'aria-live': 'polite', dir: 'auto' });
    const pin = iconButton(ICONS.pin, t('pinTile', title), () => view.pin(item.key), { 'aria-pressed': 'false' });
    const label = el('div', { class: 'tile-label' }, el('span', { class: 'grow', dir: 'auto' }, title), marks, !item.own && !item.screen && iconButton(ICONS.info, t('statsOpen', name), () => showStats(call, session, item.id)),
        pipButton(video, title), pin);
    const element = el('li', { class: `tile ${item.own && !item.screen ? 'own' : ''} ${item.screen ? 'screen' : ''}` }, el('div', { class: 'tile-picture' }, avatar(item.id, item.own ? session.peer.name : name)), video, words, caption, label);
    element.dataset.key = item.key;
    let ear;
    let heard;
    const listen = (stream) => {
        const [track] = stream?.getAudioTracks() ?? [];
        if (track === heard) return;
        ear?.close();
        heard = track;
        ear = track && !item.screen ? measure(new MediaStream([track])) : undefined;
    };
    const update = () => {
        const stream = streamOf(call, item);
        if (video.srcObject !== (stream ?? null)) {
            video.srcObject = stream ?? null;
            video.play?.().catch((error) => error.name === 'NotAllowedError' && view.blocked(video));
        }
        listen(stream);
        const shown = item.own ? call.shown : call.parties.get(item.id)?.shown;
        const picture = item.screen || (shown?.camera && stream?.getVideoTracks().some(({ muted, readyState }) => !muted && readyState === 'live'));
        element.classList.toggle('with-picture', Boolean(picture));
        element.dataset.muted = String(Boolean(shown?.muted));
        marks.replaceChildren(...[!item.screen && shown?.muted && t('muted'), !item.screen && shown?.recording && '●'].filter(Boolean).map((one) => el('span', { class: 'tag' }, one)));
        say(words, stateWords(call, item));
        pin.setAttribute('aria-pressed', String(view.pinned === item.key));
        pin.setAttribute('aria-label', t(view.pinned === item.key ? 'unpinTile' : 'pinTile', title));
        element.classList.toggle('pinned', view.pinned === item.key);
    };
    const tick = () => element.classList.toggle('speaking', Boolean(ear?.speaking()) && element.dataset.muted !== 'true');
    const showCaption = (text) => {
        say(caption, text);
        clearTimeout(caption.timer);
        caption.timer = setTimeout(() => say(caption, ''), CAPTION_MS);
    };
    return { element, update, tick, showCaption, video, item, close: () => ear?.close() };
}

// ---- the controls ----

function toggle(d, words, act) {
    const label = el('span', {});
    const button = el('button', { type: 'button', class: 'control', click: act }, icon(d), label);
    return { button, set: (on, key) => {
        button.classList.toggle('off', !on);
        say(label, t(key ?? words)); // which says what it would do, so it is not "pressed" as well
        button.title = label.textContent ?? '';
    } };
}

function pushToTalk(call, button) {
    const inField = () => /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
    let on = false;
    const hold = (down) => on && call.joined && call.mute(!down);
    const key = (down) => (event) => {
        if (event.code !== 'Space' || !on || !call.joined || inField() || event.repeat) return;
        event.preventDefault();
        hold(down);
    };
    const { signal } = call.off;
    addEventListener('keydown', key(true), { signal });
    addEventListener('keyup', key(false), { signal });
    addEventListener('blur', () => hold(false), { signal });
    return { get on() {
        return on;
    }, switch() {
        on = !on;
        call.mute(on);
        button().setAttribute('aria-pressed', String(on));
    } };
}

function controls(view, tell) {
    const { call, session } = view;
    const mic = toggle(ICONS.mic, 'mute', async () => {
        if (call.local.getAudioTracks().length === 0) {
            try {
                await call.setTrack('audio', await openTrack('audio'));
            } catch {
                return tell(t('refusedMicrophone'), 'warn');
            }
            return call.mute(false);
        }
        return call.mute(!call.shown.muted);
    });
    const camera = toggle(ICONS.camera, 'cameraOff', async () => {
        try {
            await call.setTrack('video', call.shown.camera ? null : await openTrack('video'));
        } catch {
            tell(t('refusedCamera'), 'warn');
        }
    });
    const screen = toggle(ICONS.screen, 'shareScreen', async () => {
        if (call.screen) return call.unshare();
        try {
            return call.share(await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true }));
        } catch {
            return tell(t('screenRefused'));
        }
    });
    const talk = el('button', { type: 'button', class: 'control', 'aria-pressed': 'false', title: t('pushToTalkHelp'), click: () => ptt.switch() }, el('kbd', { 'aria-hidden': 'true' }, '␣'), el('span', {}, t('pushToTalk')));
    const ptt = pushToTalk(call, () => talk);
    const devices = el('button', { type: 'button', class: 'control', click: async () => {
        const stream = await chooseDevices(t('save'));
        if (!stream) return;
        const muted = call.shown.muted;
        await call.setTrack('audio', stream.getAudioTracks()[0] ?? null);
        await call.setTrack('video', stream.getVideoTracks()[0] ?? null);
        call.mute(muted);
    } }, icon(ICONS.settings), el('span', {}, t('devices')));
    const leave = el('button', { type: 'button', class: 'control leave', click: () => view.leave() }, icon(ICONS.leave), el('span', {}, t('leaveCall')));
    const record = recordButton(view, session, tell);
    const captions = captionsButton(call, tell);
    const show = () => {
        mic.set(!call.shown.muted, call.shown.muted ? 'unmute' : 'mute');
        camera.set(call.shown.camera, call.shown.camera ? 'cameraOff' : 'cameraOn');
        screen.set(Boolean(call.screen), call.screen ? 'stopSharing' : 'shareScreen');
        screen.button.classList.remove('off');
    };
    screen.button.hidden = !navigator.mediaDevices?.getDisplayMedia;
    return { show, stop: () => record.stop(), element: el('div', { class: 'controls', role: 'toolbar', 'aria-label': t('callControls') }, mic.button, camera.button, screen.button, talk, captions, record.button, devices, leave) };
}

// ---- all of it ----

class CallView {
    constructor(session, tell) {
        this.session = session;
        this.tell = tell;
        this.call = new Call(session);
        /** @type {string | undefined} */ this.pinned = undefined;
        this.small = 0;
        this.grid = el('ul', { class: 'grid', 'aria-label': t('callGrid') });
        this.unblock = el('button', { type: 'button', class: 'primary compact', hidden: true, click: () => this.#play() }, t('playBlocked'));
        this.controls = controls(this, tell);
        this.stage = el('section', { class: 'stage', 'aria-label': t('callTitle'), hidden: true }, this.unblock, this.grid, this.controls.element);
        this.words = el('span', {});
        this.button = el('button', { type: 'button', class: 'compact primary call-button', click: () => this.#askToJoin() }, icon(ICONS.camera), this.words);
        for (const type of ['call', 'tile']) this.call.addEventListener(type, () => this.show());
        session.addEventListener('people', () => this.show());
        this.call.addEventListener('caption', ({ detail }) => this.#tile(detail.id)?.showCaption(detail.text));
        this.call.addEventListener('recording', ({ detail: { id, on } }) => tell(t(on ? 'recordingBy' : 'recordEnded', session.nameOf(id)), 'warn'));
        new ResizeObserver(() => this.fit()).observe(this.grid);
        this.timer = setInterval(() => this.call.joined && this.tiles.forEach((tile) => tile.tick()), EVERY_MS);
        this.show();
    }

    get tiles() {
        return [...(/** @type {any} */ (this.grid).rows?.values() ?? [])];
    }

    #tile(id) {
        return this.tiles.find(({ item }) => item.id === id && !item.screen);
    }

    async #askToJoin() {
        if (!canCall()) return this.tell(t('callNeedsHttps'), 'warn');
        if (this.call.others.length >= CALL_MAX - 1) return this.tell(t('callFull'), 'warn');
        const stream = await chooseDevices(t('joinCall'));
        if (stream) this.call.join(stream);
        this.controls.element.querySelector('button')?.focus();
    }

    leave() {
        this.controls.stop();
        this.call.leave();
        this.button.focus();
    }

    end() {
        this.controls.stop();
        clearInterval(this.timer);
        this.call.close();
    }

    /** As many columns as make the pictures largest; a picture that is large has the others below it. */
    fit() {
        const { clientWidth: width, clientHeight } = this.grid;
        const height = this.grid.classList.contains('with-big') ? clientHeight / 4 : clientHeight;
        const size = (columns) => Math.min(width / columns, (height / Math.ceil(this.small / columns)) * SHAPE);
        const choices = Array.from({ length: Math.max(1, this.small) }, (_, i) => i + 1);
        const best = choices.reduce((most, columns) => (size(columns) > size(most) ? columns : most), 1);
        this.grid.style.setProperty('--columns', String(best));
    }

    pin(key) {
        this.pinned = this.pinned === key ? undefined : key;
        this.show();
    }

    /** A browser that plays no sound before the page was touched. */
    blocked() {
        this.unblock.hidden = false;
    }

    #play() {
        this.unblock.hidden = true;
        for (const { video } of this.tiles) video.play().catch(() => {});
    }

    /** @returns {TileItem[]} */
    get #items() {
        const { call, session } = this;
        const of = (id, own, shown) => [{ id, own, screen: false, key: id }, ...(shown.screen ? [{ id, own, screen: true, key: `${id} screen` }] : [])];
        return [...call.others.flatMap(({ id, shown }) => of(id, false, shown)), ...of(session.me, true, call.shown)];
    }

    show() {
        const { call, session } = this;
        const others = call.others.map(({ id }) => session.nameOf(id));
        this.button.hidden = call.joined || session.present.length === 0;
        say(this.words, others.length ? t('callJoin') : t('call'));
        this.button.title = others.length ? t('callRing', others.join(', ')) : '';
        this.button.classList.toggle('ringing', others.length > 0);
        if (this.stage.hidden === call.joined) {
            this.stage.hidden = !call.joined;
            document.querySelector('.room')?.classList.toggle('calling', call.joined);
        }
        const items = call.joined ? this.#items : [];
        for (const tile of this.tiles) if (!items.some(({ key }) => key === tile.item.key)) tile.close();
        if (this.pinned && !items.some(({ key }) => key === this.pinned)) this.pinned = undefined;
        keepChildren(this.grid, items, ({ key }) => key, (item) => tileOf(this, item));
        const screens = items.filter(({ screen }) => screen);
        const big = this.pinned ?? screens.find(({ own }) => !own)?.key;
        for (const tile of this.tiles) tile.element.classList.toggle('big', tile.item.key === big);
        this.grid.classList.toggle('with-big', Boolean(big));
        this.small = items.length - (big ? 1 : 0);
        this.fit();
        this.grid.dataset.count = String(items.length);
        this.controls.show();
    }
}

/** @param {import('./session.js').Session} session @param {(text: string, kind?: string) => void} tell */
export function callView(session, tell) {
    return new CallView(session, tell);
}
