// SPDX-License-Identifier: MIT
//
// A client of TLS 1.3 that makes its own records once its handshake is done (RFC 8446 section 5.2), for what no library
// would send: key updates without end. Node does the handshake and reads what comes.
import crypto from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { Duplex } from 'node:stream';

const [HASH, HASH_BYTES, KEY_BYTES, IV_BYTES] = ['sha256', 32, 16, 12];
const [HANDSHAKE, DATA, KEY_UPDATE] = [22, 23, 24];

// RFC 8446 section 7.1; one block of HKDF is enough.
function expand(secret, label, bytes) {
    const name = Buffer.from(`tls13 ${label}`);
    const info = Buffer.concat([Buffer.from([0, bytes, name.length]), name, Buffer.from([0, 1])]);
    return crypto.createHmac(HASH, secret).update(info).digest().subarray(0, bytes);
}

export class Rekeying {
    #secret;
    #key;
    #iv;
    #sequence;

    // Its handshake done. What comes is this.tls, what goes is written to this.socket.
    static async open(port, ca) {
        const rekeying = new Rekeying();
        rekeying.socket = net.connect(port, '127.0.0.1');
        rekeying.ended = new Promise((resolve) => rekeying.socket.on('close', resolve));
        rekeying.socket.on('error', () => {});
        const between = new Duplex({ read() {}, write: (bytes, encoding, done) => rekeying.socket.write(bytes, done) });
        rekeying.socket.on('data', (bytes) => between.push(bytes));
        rekeying.tls = tls.connect({ socket: between, host: 'localhost', ca, minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' });
        rekeying.tls.on('error', () => {});
        let secret;
        rekeying.tls.on('keylog', (line) => {
            const [label, , value] = line.toString('latin1').trim().split(' ');
            if (label === 'CLIENT_TRAFFIC_SECRET_0') secret = Buffer.from(value, 'hex');
        });
        await once(rekeying.tls, 'secureConnect');
        rekeying.#use(secret);
        return rekeying;
    }

    #use(secret) {
        this.#secret = secret;
        this.#key = expand(secret, 'key', KEY_BYTES);
        this.#iv = expand(secret, 'iv', IV_BYTES);
        this.#sequence = 0;
    }

    #record(type, bytes) {
        const nonce = Buffer.from(this.#iv);
        nonce.writeUInt32BE((nonce.readUInt32BE(IV_BYTES - 4) ^ this.#sequence++) >>> 0, IV_BYTES - 4);
        const inner = Buffer.concat([bytes, Buffer.from([type])]);
        const n = inner.length + 16;
        const head = Buffer.from([DATA, 3, 3, n >> 8, n & 0xff]);
        const cipher = crypto.createCipheriv('aes-128-gcm', this.#key, nonce).setAAD(head);
        return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
    }

    data(bytes) {
        return this.#record(DATA, Buffer.from(bytes));
    }

    // So many; `answered`: the other side is asked for new keys too (RFC 8446 section 4.6.3).
    updates(n, answered) {
        const records = [];
        for (let i = 0; i < n; i++) {
            records.push(this.#record(HANDSHAKE, Buffer.from([KEY_UPDATE, 0, 0, 1, answered ? 1 : 0])));
            this.#use(expand(this.#secret, 'traffic upd', HASH_BYTES));
        }
        return Buffer.concat(records);
    }

    destroy() {
        this.socket.destroy();
    }
}
