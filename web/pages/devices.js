// SPDX-License-Identifier: MIT
//
// Camera, microphone and loudspeaker: what there is, what was chosen before, and what the browser refuses.
import { kept } from './place.js';

const key = { audio: 'microphone', video: 'camera', output: 'speaker' };
export const chosen = (kind) => kept.get(key[kind]) ?? '';
export const choose = (kind, id) => (id ? kept.set(key[kind], id) : kept.remove(key[kind]));

export const canCall = () => Boolean(navigator.mediaDevices?.getUserMedia);

const wish = (kind) => {
    if (chosen(kind) === 'none') return false;
    const device = chosen(kind) ? { deviceId: { ideal: chosen(kind) } } : {};
    return kind === 'video' ? { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } } : { ...device, echoCancellation: true, noiseSuppression: true };
};

/** Both if both can be had, else the one that can. `problem`: refused, refusedCamera, refusedMicrophone, noDevices. @returns {Promise<{ stream: MediaStream, problem?: string }>} */
export async function openDevices() {
    const kinds = ['audio', 'video'].filter((kind) => wish(kind));
    if (kinds.length === 0) return { stream: new MediaStream() };
    const ask = (some) => navigator.mediaDevices.getUserMedia(Object.fromEntries(some.map((kind) => [kind, wish(kind)])));
    try {
        return { stream: await ask(kinds) };
    } catch (error) {
        if (kinds.length === 1) return { stream: new MediaStream(), problem: problemOf(error, kinds[0]) };
        const parts = await Promise.allSettled(kinds.map((kind) => ask([kind])));
        const tracks = parts.flatMap((part) => (part.status === 'fulfilled' ? part.value.getTracks() : []));
        const missing = kinds.filter((_, i) => parts[i].status === 'rejected');
        if (missing.length === 2) return { stream: new MediaStream(), problem: error.name === 'NotFoundError' ? 'noDevices' : 'refused' };
        return { stream: new MediaStream(tracks), problem: missing.length ? problemOf(/** @type {any} */ (parts[kinds.indexOf(missing[0])]).reason, missing[0]) : undefined };
    }
}

const problemOf = (error, kind) => (error.name === 'NotFoundError' ? 'noDevices' : kind === 'video' ? 'refusedCamera' : 'refusedMicrophone');

/** @param {'audio' | 'video'} kind */
export async function openTrack(kind) {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: wish(kind) || true });
    return stream.getTracks()[0];
}

/** @returns {Promise<Record<'audio' | 'video' | 'output', MediaDeviceInfo[]>>} */
export async function listDevices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind) => all.filter((device) => device.kind === kind && device.deviceId);
    return { audio: of('audioinput'), video: of('videoinput'), output: 'setSinkId' in HTMLMediaElement.prototype ? of('audiooutput') : [] };
}
