// SPDX-License-Identifier: MIT
//
// Something else stands where a file should: a FIFO into which nobody writes, a folder, a device, a socket. Neither a start
// nor a reload waits for it; the error names it and says what was expected.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { makeAuthority } from './lib/authority.mjs';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';

const EXIT_SETTINGS = 78;

// What is put at a path, by the name that the error has for it.
const KINDS = {
    FIFO: (at) => execFileSync('mkfifo', [at]),
    folder: (at) => fs.mkdir(at),
    device: (at) => fs.symlink('/dev/zero', at),
    socket: async (at) => {
        const server = net.createServer().listen(at);
        await once(server, 'listening');
        sockets.push(server);
    },
};
const sockets = [];
after(() => sockets.forEach((server) => server.close()));

let certificate, key;
before(async () => ({ certificate, key } = await (await makeAuthority()).issue('usherd')));

// Where a file is named, or found: what usherd is given, and what it says it wants.
const PLACES = {
    'a configuration': { args: (at) => ['--config', at], wants: 'a configuration file' },
    'a certificate': { args: (at) => ['--set', `tls.certificate=${at}`, '--set', `tls.key=${key}`], wants: 'a PEM file' },
    'its key': { args: (at) => ['--set', `tls.certificate=${certificate}`, '--set', `tls.key=${at}`], wants: 'a PEM file' },
    'a key for tokens': { args: (at) => ['--set', `auth.keys=${at}`, '--set', 'auth.algorithms=HS256'], wants: 'a key file' },
    'a TURN secret': { args: (at) => ['--set', `ice.turn_secret=@${at}`, '--set', 'ice.turn=turn:127.0.0.1'], wants: 'a file with the secret' },
    'the rooms': { name: 'rooms.json', wants: 'a file, or none' },
    'the key of seats': { name: 'resume.key', wants: 'a file, or none' },
    'the key of owners': { name: 'owner.key', wants: 'a file, or none' },
    'the lock': { name: 'lock', wants: 'a file, or none' },
};

for (const [what, { args, name, wants }] of Object.entries(PLACES))
    test(`in place of ${what}`, async () => {
        for (const [kind, put] of Object.entries(KINDS)) {
            const folder = await scratch();
            const at = path.join(folder, name ?? 'it');
            await put(at);
            const named = args ? args(at) : ['--set', `server.state_dir=${folder}`];
            const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...named]);
            assert.equal(code, EXIT_SETTINGS, `${kind}: ${stderr}`);
            assert.ok(stderr.includes(at) && stderr.includes(`this is a ${kind}: expected ${wants}`), stderr);
        }
    });

test('a FIFO that takes the place of the configuration and the certificate stops no reload', async () => {
    const folder = await scratch();
    const [config, pem] = [path.join(folder, 'usherd.conf'), path.join(folder, 'pem')];
    await fs.copyFile(certificate, pem);
    await fs.writeFile(config, `[tls]\ncertificate = ${pem}\nkey = ${key}\n`);
    const daemon = await startDaemon({ args: ['--config', config] });
    try {
        const client = await connect(daemon.url.replace('ws:', 'wss:'), { rejectUnauthorized: false });
        for (const file of [pem, config]) {
            await fs.rm(file);
            await KINDS.FIFO(file);
            daemon.kill('SIGHUP');
            await daemon.logged(new RegExp(`${file}: this is a FIFO: expected`));
            await client.alive();
        }
        client.destroy();
    } finally {
        assert.equal(await daemon.stop(), 0);
    }
});
