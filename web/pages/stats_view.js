// SPDX-License-Identifier: MIT
//
// How good the connection to one person is, out of getStats, once a second.
import { el, openDialog, say } from './dom.js';
import { bytesText, t } from './text.js';

const EVERY_MS = 1000;

/** What the report says in our words; `before` is the last answer, for rates. @param {Map<string, any>} report @param {any} [before] */
export function readStats(report, before) {
    const all = [...report.values()];
    const transport = all.find(({ type }) => type === 'transport');
    const pair = report.get(transport?.selectedCandidatePairId) ?? all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    const inbound = all.filter(({ type }) => type === 'inbound-rtp');
    const sum = (list, member) => list.reduce((total, one) => total + (one[member] ?? 0), 0);
    const now = { at: performance.now(), received: pair?.bytesReceived ?? 0, sent: pair?.bytesSent ?? 0, packets: sum(inbound, 'packetsReceived'), lost: sum(inbound, 'packetsLost') };
    const seconds = before ? (now.at - before.at) / 1000 : 0;
    const rate = (member) => (seconds > 0 ? Math.max(0, (now[member] - before[member]) / seconds) : undefined);
    const packets = before ? now.packets - before.packets + now.lost - before.lost : now.packets + now.lost;
    const lost = before ? now.lost - before.lost : now.lost;
    const video = inbound.find(({ kind }) => kind === 'video');
    const side = (id) => {
        const one = report.get(id);
        return one && { type: one.candidateType, protocol: one.protocol };
    };
    return { now, rttMs: pair?.currentRoundTripTime === undefined ? undefined : pair.currentRoundTripTime * 1000, loss: packets > 0 ? Math.max(0, lost) / packets : undefined, down: rate('received'), up: rate('sent'),
        local: side(pair?.localCandidateId), remote: side(pair?.remoteCandidateId), video: video?.frameWidth ? { width: video.frameWidth, height: video.frameHeight, frames: video.framesPerSecond ?? 0 } : undefined };
}

const sideText = (side) => (side ? `${side.type}, ${side.protocol}` : '–');
const rateText = (bytes) => (bytes === undefined ? '–' : t('perSecond', bytesText(bytes)));

function rowsOf({ rttMs, loss, down, up, local, remote, video }) {
    const path = local?.type === 'relay' || remote?.type === 'relay' ? t('pathTurn') : local ? t('pathDirect') : '–';
    return { statsRtt: rttMs === undefined ? '–' : t('roundTrip', Math.round(rttMs)), statsLoss: loss === undefined ? '–' : `${(loss * 100).toFixed(1)} %`, statsDown: rateText(down), statsUp: rateText(up), statsPath: path,
        statsLocal: sideText(local), statsRemote: sideText(remote), statsVideo: video ? `${video.width} × ${video.height}, ${Math.round(video.frames)}/s` : '–' };
}

/** @param {import('./call.js').Call} call @param {import('./session.js').Session} session @param {string} id */
export function showStats(call, session, id) {
    const cells = new Map();
    const list = el('dl', { class: 'stats' });
    for (const key of ['statsRtt', 'statsLoss', 'statsDown', 'statsUp', 'statsPath', 'statsLocal', 'statsRemote', 'statsVideo']) {
        cells.set(key, el('dd', {}, t('statsNone')));
        list.append(el('div', {}, el('dt', {}, t(key)), cells.get(key)));
    }
    let before;
    const look = async () => {
        const report = await call.parties.get(id)?.pc?.getStats();
        if (!report) return;
        const stats = readStats(report, before);
        before = stats.now;
        for (const [key, text] of Object.entries(rowsOf(stats))) say(cells.get(key), text);
    };
    const timer = setInterval(look, EVERY_MS);
    const dialog = openDialog(t('statsTitle', session.nameOf(id)), [list, el('div', { class: 'row' }, el('button', { type: 'button', autofocus: true, click: () => dialog.close() }, t('close')))], { closed: () => clearInterval(timer) });
    look();
}
