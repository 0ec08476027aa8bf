// SPDX-License-Identifier: MIT
//
// A peer with a key in Node: protocol/README.md's identity and introduction on node:crypto and @roamhq/wrtc.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { plainPeer } from './plain.mjs';

const raw = (key) => Buffer.from(key.export({ format: 'jwk' }).x, 'base64url');

function base32(bytes) {
    const bits = [...bytes].map((b) => b.toString(2).padStart(8, '0')).join('');
    return bits.match(/.{1,5}/g).map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five.padEnd(5, '0'), 2)]).join('');
}

// RFC 8785 for what is said here: names and texts in ASCII.
const canonical = (value) => (Array.isArray(value) ? `[${value.map(canonical)}]`
    : typeof value !== 'object' ? JSON.stringify(value)
        : `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`);

export function newIdentity() {
    const signer = generateKeyPairSync('ed25519');
    const key = raw(signer.publicKey);
    const box = raw(generateKeyPairSync('x25519').publicKey);
    const id = base32(createHash('sha256').update(key).digest().subarray(0, 16));
    const signed = (bytes) => sign(null, bytes, signer.privateKey).toString('base64');
    const card = { usher: 1, key: key.toString('base64'), box: box.toString('base64'), sig: signed(box) };
    const write = (message) => {
        const all = { id: base32(generateId()), version: 1, from: id, timestamp: Date.now(), ...message };
        return JSON.stringify({ ...all, signature: signed(canonical(all)) });
    };
    return { id, card, write };
}

const generateId = () => createHash('sha256').update(`${Math.random()}`).digest().subarray(0, 16);

const fingerprint = ({ sdp }) => /a=fingerprint:(\S+ \S+)/.exec(sdp)[1];

// What `who` has to say first to a reader, by the descriptions of their connection.
export const introduction = (who, reader, room, pc) => who.write({
    type: 'peer_introduction',
    to: [reader],
    content: { metadata: {
        context: 'usher-intro-1',
        room,
        reader,
        fingerprint: fingerprint(pc.localDescription),
        readerFingerprint: fingerprint(pc.remoteDescription),
    } },
});

// A peer that shows this card in the room. introduce: its first words on a channel, by the connection.
export async function keyedPeer({ room, card, ...options }) {
    const peer = await plainPeer({ ...options, metadata: card });
    peer.join(room);
    return peer;
}
