// SPDX-License-Identifier: MIT
// The work of channel.c with @roamhq/wrtc (Chromium's stack) to itself: two processes, each pinned to a core of its own,
// one ordered channel, messages of 16 KiB, the send buffer kept at 1 MiB.
//     node channel_wrtc.mjs [SECONDS [MESSAGE_BYTES]]
//     → wrtc mb_per_s=60.2 mb_per_cpu_s=31.5 link_ms=80.1
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import wrtc from '@roamhq/wrtc';

const seconds = Number(process.argv[2] ?? 2);
const size = Number(process.argv[3] ?? 16384);
const HIGH = 1024 * 1024;
const now = () => performance.now() / 1000;
const cpu = () => {
  const u = process.cpuUsage();
  return (u.user + u.system) / 1e6;
};

// All threads of a process, those that exist and those to come.
function pin(pid, core) {
  spawnSync('taskset', ['-a', '-c', '-p', String(core % os.cpus().length), String(pid)]);
}

const described = ({ localDescription: { type, sdp } }) => ({ description: { type, sdp } });

// One side; `wire` sends to the other and says what came from it.
function connect(wire) {
  const pc = new wrtc.RTCPeerConnection({ iceServers: [] });
  const waiting = [];
  pc.onicecandidate = ({ candidate: c }) =>
    c && wire.tell({ candidate: { candidate: c.candidate, sdpMid: c.sdpMid, sdpMLineIndex: c.sdpMLineIndex } });
  wire.hear(async ({ description, candidate }) => {
    if (candidate) {
      if (!pc.remoteDescription) return waiting.push(candidate);
      return pc.addIceCandidate(candidate);
    }
    if (!description) return undefined;
    await pc.setRemoteDescription(description);
    for (const early of waiting.splice(0)) await pc.addIceCandidate(early);
    if (description.type === 'offer') {
      await pc.setLocalDescription(await pc.createAnswer());
      wire.tell(described(pc));
    }
    return undefined;
  });
  return pc;
}

function receive() {
  const pc = connect({ tell: (m) => process.send(m), hear: (f) => process.on('message', f) });
  pc.ondatachannel = ({ channel }) => {
    channel.binaryType = 'arraybuffer';
    const opened = now();
    const used = cpu();
    let bytes = 0;
    channel.onmessage = ({ data }) => {
      if (typeof data !== 'string') {
        bytes += data.byteLength;
        return;
      }
      process.send({ report: { bytes, seconds: now() - opened, cpu: cpu() - used } });
    };
  };
  process.on('disconnect', () => process.exit(0));
}

async function send() {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env: { ...process.env, CHANNEL_ROLE: 'receive' } });
  await once(child, 'message'); // "ready"
  pin(process.pid, 0);
  pin(child.pid, 1);
  const report = new Promise((resolve) => child.on('message', (m) => m.report && resolve(m.report)));
  const pc = connect({ tell: (m) => child.send(m), hear: (f) => child.on('message', f) });
  const began = now();
  const channel = pc.createDataChannel('bench');
  channel.binaryType = 'arraybuffer';
  await pc.setLocalDescription(await pc.createOffer());
  child.send(described(pc));
  await new Promise((resolve) => (channel.onopen = resolve));
  const opened = now();
  const used = cpu();
  const message = new ArrayBuffer(size);
  let ended = false;
  // onbufferedamountlow does not come from this stack: ask again in 1 ms, in which it sends a tenth of the buffer.
  const pour = () => {
    while (!ended && channel.bufferedAmount < HIGH) {
      ended = now() - opened >= seconds;
      channel.send(ended ? 'end' : message);
    }
    if (!ended) setTimeout(pour, 1);
  };
  pour();
  const r = await report;
  const mb = r.bytes / 1e6;
  const rate = (mb / r.seconds).toFixed(1);
  const each = (mb / (r.cpu + cpu() - used)).toFixed(1);
  console.log(`wrtc mb_per_s=${rate} mb_per_cpu_s=${each} link_ms=${((opened - began) * 1000).toFixed(1)}`);
  child.disconnect();
  process.exit(0);
}

if (process.env.CHANNEL_ROLE === 'receive') {
  receive();
  process.send('ready');
} else {
  await send();
}
