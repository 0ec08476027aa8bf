// SPDX-License-Identifier: MIT
//
// A peer with a key that offers files and then does not do as it should: what is asked of it is answered by `give`.
import { createHash } from 'node:crypto';
import { introduction, keyedPeer, newIdentity } from './keyed.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const HASHES_WANTED = 1;
const WANTED = 3;
const number = (n) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

const frame = (type, id, block, ...rest) =>
    Buffer.concat([Buffer.from([type, id.length]), Buffer.from(id), number(block), ...rest]);
export const hashes = (id, block, content) => frame(2, id, block, sha256(content));
export const chunk = (id, block, offset, bytes) => frame(4, id, block, number(offset), bytes);
export const refused = (id, block) => frame(7, id, block);

// What an honest one says of a file of one block.
export const offerOf = (fileId, content, name = 'file.bin') => ({
    chunkSize: 16384, fileId, hash: sha256(sha256(content)).toString('base64'), name, size: content.length,
});

// Joins the room and links with the one there. give({ id, block, offset }): the frames that answer what was wanted.
export async function hostilePeer({ url, room, reader, content = Buffer.from('some file'), give = () => [] }) {
    const who = newIdentity();
    const files = (seat, channel) => {
        channel.binaryType = 'arraybuffer';
        channel.onmessage = ({ data }) => {
            const bytes = Buffer.from(data);
            const id = bytes.subarray(2, 2 + bytes[1]).toString();
            const [block, offset] = [2 + bytes[1], 6 + bytes[1]].map((at) => (at + 4 <= bytes.length ? bytes.readUInt32BE(at) : 0));
            const answers = bytes[0] === HASHES_WANTED ? [hashes(id, block, content)]
                : bytes[0] === WANTED ? give({ id, block, offset, content }) : [];
            for (const answer of answers) channel.send(answer);
        };
    };
    const peer = await keyedPeer({ url, room, name: 'mallory', card: who.card, files,
        introduce: (pc) => introduction(who, reader, room, pc) });
    // What it says is signed; text: as it is.
    peer.post = (seat, message) => peer.channel(seat).send(who.write({ to: [reader], ...message }));
    const { id: seat } = await peer.until(({ name }) => name === 'open', 'the link');
    peer.identity = who.id;
    peer.offer = (metadata) => peer.post(seat, { type: 'file_offer', content: { metadata } });
    peer.say = (text) => peer.channel(seat).send(text);
    peer.declined = (fileId) => peer.until(({ name, type, content }) =>
        name === 'message' && type === 'file_decline' && content.metadata.fileId === fileId, `a decline of ${fileId}`)
        .then(({ content }) => content.metadata.reason);
    return peer;
}
