// SPDX-License-Identifier: MIT
//
// The state folder is removed and made again under the running daemon, as a cleaner of /tmp or another volume does it: what
// was given out is good after a restart, and no second daemon gets in.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';
import { inFolder } from './lib/folder.mjs';

const LOOK_MS = 10000; // between looks at the folder
const AGAIN = /the state folder was made again while this daemon ran/;

const post = (daemon, name) => fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: JSON.stringify({ name }) });
const status = async (daemon, name) => (await post(daemon, name)).status;
const close = async (daemon, name, token) =>
    (await fetch(`${daemon.http}/api/rooms/${name}`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).status;

async function make(daemon, name) {
    const response = await post(daemon, name);
    assert.equal(response.status, 201);
    return (await response.json()).ownerToken;
}

// A member of the room whose connection breaks; resolves to its resume token.
async function member(daemon, room) {
    const client = await connect(daemon.url);
    const { resumeToken } = await client.join(room);
    client.destroy();
    return resumeToken;
}

async function comesBack(daemon, resumeToken) {
    const client = await connect(daemon.url);
    const { type } = await client.ask({ type: 'resume', resumeToken });
    client.destroy();
    assert.equal(type, 'resumed');
}

// A daemon, and another after it that was killed.
async function daemons(folder, story) {
    const args = ['--set', `server.state_dir=${folder}`];
    let daemon = await startDaemon({ args });
    try {
        const promises = await story(daemon, args);
        daemon.kill('SIGKILL');
        await daemon.exited;
        daemon = await startDaemon({ args });
        await promises(daemon);
    } finally {
        await daemon.stop();
    }
}

test('the folder is removed and made again: keys and lock are back with the rooms', () => inFolder(async (above) => {
    const folder = path.join(above, 'state');
    await daemons(folder, async (daemon, args) => {
        const before = await make(daemon, 'before');
        await fs.rm(folder, { recursive: true });
        assert.equal(await status(daemon, 'meanwhile'), 503);
        await daemon.logged(/the state folder \S+ is gone: No such file or directory: make it again/);
        await fs.mkdir(folder, { mode: 0o700 });
        const after = await make(daemon, 'after');
        await daemon.logged(AGAIN);
        assert.deepEqual((await fs.readdir(folder)).sort(), ['lock', 'owner.key', 'resume.key', 'rooms.json']);
        const second = await run(['--listen', '127.0.0.1:0', ...args]);
        assert.equal(second.code, 1);
        assert.match(second.stderr, /is in use by another usherd/);
        const seats = [await member(daemon, 'before'), await member(daemon, 'after')];
        return async (next) => {
            for (const seat of seats) await comesBack(next, seat);
            assert.equal(await close(next, 'before', before), 204);
            assert.equal(await close(next, 'after', after), 204);
            assert.equal((await fetch(`${next.http}/api/rooms/meanwhile`)).status, 404);
        };
    });
}));

test('the same where nobody makes a room: the daemon looks by itself', () => inFolder(async (above) => {
    const folder = path.join(above, 'state');
    await daemons(folder, async (daemon) => {
        const owner = await make(daemon, 'room');
        const seat = await member(daemon, 'room');
        await fs.rename(folder, path.join(above, 'old'));
        await fs.mkdir(folder, { mode: 0o700 });
        await daemon.logged(AGAIN, 0, 2 * LOOK_MS);
        while (!(await fs.readdir(folder)).includes('rooms.json')) await new Promise((resolve) => setImmediate(resolve));
        return async (next) => {
            await comesBack(next, seat);
            assert.equal(await close(next, 'room', owner), 204);
        };
    });
}));

test('another daemon took the folder: nothing of it is written over', () => inFolder(async (above) => {
    const folder = path.join(above, 'state');
    const args = ['--set', `server.state_dir=${folder}`];
    const first = await startDaemon({ args });
    try {
        await make(first, 'one');
        await fs.rm(folder, { recursive: true });
        const second = await startDaemon({ args }); // it makes the folder
        const owner = await make(second, 'two');
        assert.equal(await status(first, 'three'), 503);
        await first.logged(/is in use by another usherd/);
        assert.equal(await second.stop(), 0);
        assert.equal(await status(first, 'three'), 503);
        await first.logged(/owner\.key is not this daemon's, nor is what lies beside it: restart usherd/);
        first.kill('SIGKILL');
        await first.exited;
        const third = await startDaemon({ args });
        assert.equal(await close(third, 'two', owner), 204);
        assert.equal(await third.stop(), 0);
    } finally {
        await first.stop();
    }
}));
