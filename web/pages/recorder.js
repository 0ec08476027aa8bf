// SPDX-License-Identifier: MIT
//
// A recording of the call as one sees and hears it: the tiles on one picture, all voices in one sound. Everybody is told while it runs. Where the browser can it is written to
// a file as it comes; else it is kept until the end and saved then.
import { el, icon, ICONS, say } from './dom.js';
import { t } from './text.js';
import { audioContext } from './loudness.js';

const [WIDTH, HEIGHT, FRAMES] = [1280, 720, 15];
const SLICE_MS = 1000;
const TYPES = ['video/webm;codecs=vp9,opus', 'video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'];

// The tiles in a grid, each as much of its picture as fits.
function draw(canvas, tiles) {
    const paint = canvas.getContext('2d');
    const columns = Math.ceil(Math.sqrt(tiles.length || 1));
    const rows = Math.ceil(tiles.length / columns) || 1;
    const [w, h] = [WIDTH / columns, HEIGHT / rows];
    paint.fillStyle = '#101413';
    paint.fillRect(0, 0, WIDTH, HEIGHT);
    paint.font = '20px sans-serif';
    tiles.forEach(({ video, element }, i) => {
        const [x, y] = [(i % columns) * w, Math.floor(i / columns) * h];
        const scale = Math.min(w / (video.videoWidth || w), h / (video.videoHeight || h));
        const [vw, vh] = [(video.videoWidth || 0) * scale, (video.videoHeight || 0) * scale];
        if (element.classList.contains('with-picture') && vw) paint.drawImage(video, x + (w - vw) / 2, y + (h - vh) / 2, vw, vh);
        paint.fillStyle = '#fff';
        paint.fillText(video.getAttribute('aria-label') ?? '', x + 12, y + h - 14, w - 24);
    });
}

// All sound there is now and that comes later.
function mixer(tilesNow) {
    const out = audioContext().createMediaStreamDestination();
    const sources = new Map();
    return { track: out.stream.getAudioTracks()[0], refresh() {
        for (const { video } of tilesNow()) {
            const [track] = video.srcObject?.getAudioTracks() ?? [];
            if (!track || sources.has(track)) continue;
            const source = audioContext().createMediaStreamSource(new MediaStream([track]));
            source.connect(out);
            sources.set(track, source);
        }
    }, close: () => sources.forEach((source) => source.disconnect()) };
}

/** Where it goes: a file that the person chooses, or this page's memory. @param {string} name */
async function openSink(name) {
    const { showSaveFilePicker } = /** @type {any} */ (window);
    if (showSaveFilePicker) {
        const handle = await showSaveFilePicker({ suggestedName: name });
        const file = await handle.createWritable();
        return { write: (blob) => file.write(blob), end: () => file.close() };
    }
    const parts = [];
    return { write: async (blob) => void parts.push(blob), end: async () => {
        const url = URL.createObjectURL(new Blob(parts));
        el('a', { href: url, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(url), 60000);
    } };
}

async function record(view, failed) {
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one)) ?? '';
    const name = `${t('recordName')}-${view.session.peer.room}-${new Date().toISOString().slice(0, 16).replace(':', '')}.${type.includes('mp4') ? 'mp4' : 'webm'}`;
    const sink = await openSink(name);
    const canvas = el('canvas', { width: WIDTH, height: HEIGHT });
    const mix = mixer(() => view.tiles);
    const timer = setInterval(() => {
        draw(canvas, view.tiles);
        mix.refresh();
    }, 1000 / FRAMES);
    const stream = /** @type {HTMLCanvasElement} */ (canvas).captureStream(FRAMES);
    const recorder = new MediaRecorder(new MediaStream([...stream.getVideoTracks(), mix.track]), type ? { mimeType: type } : {});
    let writing = Promise.resolve();
    recorder.ondataavailable = ({ data }) => {
        if (data.size) writing = writing.then(() => sink.write(data)).catch(failed);
    };
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start(SLICE_MS);
    return async () => {
        if (recorder.state !== 'inactive') recorder.stop();
        await ended;
        clearInterval(timer);
        mix.close();
        await writing;
        await sink.end();
    };
}

/** @param {any} view of the call @param {import('./session.js').Session} session @param {(text: string, kind?: string) => void} tell */
export function recordButton(view, session, tell) {
    const words = el('span', {}, t('recordStart'));
    const button = el('button', { type: 'button', class: 'control', 'aria-pressed': 'false', hidden: typeof MediaRecorder === 'undefined', click: () => (stopNow ? stop() : start()) }, icon(ICONS.record), words);
    let stopNow;
    const show = () => {
        button.setAttribute('aria-pressed', String(Boolean(stopNow)));
        button.classList.toggle('recording', Boolean(stopNow));
        say(words, t(stopNow ? 'recordStop' : 'recordStart'));
    };
    const start = async () => {
        button.disabled = true;
        try {
            stopNow = await record(view, (error) => {
                tell(t('recordFailed', error.message), 'warn');
                stop();
            });
            view.call.show({ recording: true });
            tell(t('recordingHere'));
        } catch (error) {
            if (error.name !== 'AbortError') tell(t('recordFailed', error.message), 'warn');
        }
        button.disabled = false;
        show();
    };
    const stop = async () => {
        const end = stopNow;
        if (!end) return;
        stopNow = undefined;
        show();
        await end().then(() => tell(t('recordSaved')), (error) => tell(t('recordFailed', error.message), 'warn'));
        view.call.show({ recording: false });
    };
    return { button, stop };
}
