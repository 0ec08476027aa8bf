// SPDX-License-Identifier: MIT
//
// The work of `transfer.mjs` one with @roamhq/wrtc (Chromium's stack): a file in messages of 16 KiB on one ordered channel, hashed by both sides and
// written by the other. The sender is a process behind the command PREFIX_A, the receiver behind PREFIX_B.
//     node transfer_wrtc.mjs FILE DIR   → wrtc file_mb_per_s=50.1 sender_mb=150.0 receiver_mb=160.0 whole=true
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [file, dir] = process.argv.slice(2);
const role = process.env.TRANSFER_ROLE;
const PIECE = 16384;
const HIGH = 1024 * 1024;
const peakMb = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;

function connect(wrtc) {
    const pc = new wrtc.RTCPeerConnection({ iceServers: [] });
    const waiting = [];
    const described = () => ({ description: { type: pc.localDescription.type, sdp: pc.localDescription.sdp } });
    pc.onicecandidate = ({ candidate: c }) =>
        c && process.send({ candidate: { candidate: c.candidate, sdpMid: c.sdpMid, sdpMLineIndex: c.sdpMLineIndex } });
    process.on('message', async ({ description, candidate }) => {
        if (candidate && !pc.remoteDescription) waiting.push(candidate);
        else if (candidate) await pc.addIceCandidate(candidate);
        if (!description) return;
        await pc.setRemoteDescription(description);
        for (const early of waiting.splice(0)) await pc.addIceCandidate(early);
        if (description.type !== 'offer') return;
        await pc.setLocalDescription(await pc.createAnswer());
        process.send(described());
    });
    return { pc, described };
}

async function send({ default: wrtc }) {
    const { pc, described } = connect(wrtc);
    const channel = pc.createDataChannel('file');
    channel.binaryType = 'arraybuffer';
    await pc.setLocalDescription(await pc.createOffer());
    process.send(described());
    await new Promise((resolve) => (channel.onopen = resolve));
    const hash = createHash('sha256');
    process.send({ began: Date.now() });
    for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
        hash.update(piece);
        for (let at = 0; at < piece.length; at += PIECE) {
            // onbufferedamountlow does not come from this stack: ask again in 1 ms.
            while (channel.bufferedAmount > HIGH) await new Promise((resolve) => setTimeout(resolve, 1));
            channel.send(piece.subarray(at, at + PIECE));
        }
    }
    channel.send('end');
    process.send({ sent: hash.digest('hex'), mb: peakMb() });
}

function receive({ default: wrtc }) {
    const { pc } = connect(wrtc);
    const fd = openSync(path.join(dir, 'received'), 'w');
    const hash = createHash('sha256');
    pc.ondatachannel = ({ channel }) => {
        channel.binaryType = 'arraybuffer';
        channel.onmessage = ({ data }) => {
            if (typeof data === 'string') {
                closeSync(fd);
                process.send({ received: hash.digest('hex'), ended: Date.now(), mb: peakMb() });
                return;
            }
            const bytes = new Uint8Array(data);
            hash.update(bytes);
            writeSync(fd, bytes);
        };
    };
    process.send({ ready: true });
}

async function both() {
    const start = (name, prefix) => {
        const [command, ...rest] = [...(prefix ? prefix.split(' ') : []), process.execPath, fileURLToPath(import.meta.url), file, dir];
        return spawn(command, rest, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: { ...process.env, TRANSFER_ROLE: name } });
    };
    const receiver = start('receive', process.env.PREFIX_B);
    await new Promise((resolve) => receiver.once('message', resolve));
    const sender = start('send', process.env.PREFIX_A);
    const seen = {};
    await new Promise((resolve) => {
        const pass = (other) => (m) => {
            if (m.description || m.candidate) other.send(m);
            if (m.sent) Object.assign(seen, { sent: m.sent, senderMb: m.mb });
            if (m.received) Object.assign(seen, { received: m.received, ended: m.ended, receiverMb: m.mb });
            if (m.began) seen.began = m.began;
            if (seen.sent && seen.received) resolve();
        };
        sender.on('message', pass(receiver));
        receiver.on('message', pass(sender));
    });
    const rate = statSync(file).size / 1e6 / ((seen.ended - seen.began) / 1000);
    console.log(`wrtc file_mb_per_s=${rate.toFixed(1)} sender_mb=${seen.senderMb.toFixed(1)}`
        + ` receiver_mb=${seen.receiverMb.toFixed(1)} whole=${seen.sent === seen.received}`);
    sender.kill();
    receiver.kill();
    process.exit(0);
}

if (!role) await both();
else if (role === 'send') await send(await import('@roamhq/wrtc'));
else receive(await import('@roamhq/wrtc'));
