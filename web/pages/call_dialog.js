// SPDX-License-Identifier: MIT
//
// Before one joins, and for another device later: what is seen and heard of oneself, and which devices are used.
import { el, openDialog, say } from './dom.js';
import { t } from './text.js';
import { choose, chosen, listDevices, openDevices } from './devices.js';
import { measure } from './loudness.js';

const LABELS = { video: 'camera', audio: 'microphone', output: 'speaker' };

function deviceChoice(kind, devices, changed) {
    const label = t(LABELS[kind]);
    const none = kind === 'video' ? [el('option', { value: 'none' }, t('noCamera'))] : kind === 'audio' ? [el('option', { value: 'none' }, t('noMicrophone'))] : [];
    const select = /** @type {HTMLSelectElement} */ (el('select', { id: `device-${kind}`, change: () => {
        choose(kind, select.value);
        changed();
    } }, el('option', { value: '' }, t('deviceDefault')), ...devices.map((device, i) => el('option', { value: device.deviceId }, device.label || t('deviceNumbered', label, i + 1))), ...none));
    select.value = [...select.options].some(({ value }) => value === chosen(kind)) ? chosen(kind) : '';
    return el('div', { class: 'field' }, el('label', { for: select.id }, label), select);
}

/** Resolves to the stream to join with, or undefined if the person thought better of it. @param {string} words of the button @returns {Promise<MediaStream | undefined>} */
export function chooseDevices(words) {
    return new Promise((resolve) => {
        const video = /** @type {HTMLVideoElement} */ (el('video', { autoplay: true, playsinline: true, class: 'preview', 'aria-label': t('camera') }));
        video.muted = true;
        const problem = el('p', { class: 'notice warn', role: 'alert', hidden: true });
        const again = el('button', { type: 'button', class: 'compact', hidden: true, click: () => look() }, t('tryAgain'));
        const meter = /** @type {HTMLMeterElement} */ (el('meter', { min: 0, max: 1, value: 0, id: 'level' }));
        const choices = el('div', { class: 'device-choices' });
        /** @type {MediaStream} */ let stream = new MediaStream();
        let ear;
        let taken = false;
        const stop = () => {
            ear?.close();
            ear = undefined;
            for (const track of stream.getTracks()) track.stop();
        };
        const look = async () => {
            stop();
            const got = await openDevices();
            if (taken || !dialog.open) return got.stream.getTracks().forEach((track) => track.stop());
            stream = got.stream;
            video.srcObject = stream.getVideoTracks().length ? stream : null;
            if (stream.getAudioTracks().length) ear = measure(stream);
            problem.hidden = again.hidden = !got.problem;
            say(problem, got.problem ? t(got.problem) : '');
            const devices = await listDevices();
            choices.replaceChildren(...['video', 'audio', 'output'].filter((kind) => devices[kind].length).map((kind) => deviceChoice(kind, devices[kind], look)));
            go.disabled = false;
        };
        const go = /** @type {HTMLButtonElement} */ (el('button', { type: 'button', class: 'primary', disabled: true, click: () => {
            taken = true;
            ear?.close();
            dialog.close();
            resolve(stream);
        } }, words));
        const timer = setInterval(() => (meter.value = ear?.level() ?? 0), 100);
        const dialog = openDialog(t('testTitle'), [el('p', { class: 'quiet' }, t('testHelp')), video, el('div', { class: 'field' }, el('label', { for: 'level' }, t('level')), meter), problem, again, choices,
            el('div', { class: 'row' }, go, el('button', { type: 'button', click: () => dialog.close() }, t('cancel')))], { closed: () => {
            clearInterval(timer);
            navigator.mediaDevices.removeEventListener('devicechange', look);
            if (!taken) stop();
            resolve(undefined);
        } });
        navigator.mediaDevices.addEventListener('devicechange', look);
        look();
    });
}
