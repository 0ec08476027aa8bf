// SPDX-License-Identifier: MIT
//
// The seats of protocol/README.md, section 10, as scenarios (tests/vectors/seats.json) against the real daemon. A step
// names its connections; `of` and `to` are the peer ids of theirs; a crash is SIGKILL and a new start at once.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';

const load = async (name) => fs.readFile(new URL(`../${name}`, import.meta.url), 'utf8');
const vectors = JSON.parse(await load('vectors/seats.json'));
const page = await load('../protocol/README.md');

const has = (message, members = {}) => assert.deepEqual(
    Object.fromEntries(Object.keys(members).map((name) => [name, message[name]])), members, JSON.stringify(message));

const STEPS = {
    async join(world, { join: name }) {
        const client = (world.clients[name] = await connect(world.daemon.url));
        client.token = (await client.join('room', { displayName: name })).resumeToken;
    },
    async resume(world, { resume: name, as, answer, with: members }) {
        const old = world.clients[name];
        const client = (world.clients[as] = await connect(world.daemon.url));
        const message = await client.ask({ type: 'resume', resumeToken: old?.token ?? 'AAAA' });
        has(message, { type: answer, ...members });
        if (answer === 'resumed') assert.equal(message.peerId, old.peerId);
        client.peerId = message.peerId;
        client.token = message.resumeToken;
    },
    async expect(world, { expect: name, type, of, with: members }) {
        const message = await world.clients[name].next();
        has(message, { type, ...(of && { peerId: world.clients[of].peerId }), ...members });
    },
    async signal(world, { signal: name, to, data }) {
        world.clients[name].send({ type: 'signal', to: world.clients[to].peerId, data });
    },
    settle: (world, { settle: name }) => world.clients[name].alive(),
    async break(world, { break: name }) {
        world.clients[name].destroy();
    },
    close: (world, { close: name }) => world.clients[name].close(1000),
    async closed(world, { closed: name, code, reason }) {
        assert.deepEqual(await world.clients[name].end(), { code, reason });
    },
    async crash(world) {
        world.daemon.kill('SIGKILL');
        await world.daemon.exited;
        world.daemon = await startDaemon(world.options);
    },
};

for (const { clause, name, grace = '30s', steps } of vectors) {
    test(`seat [${clause}] ${name}`, async () => {
        const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usher-e2e-'));
        const options = { args: ['--set', `server.state_dir=${folder}`, '--set', `server.resume_grace=${grace}`] };
        const world = { options, clients: {}, daemon: await startDaemon(options) };
        try {
            for (const step of steps) await STEPS[Object.keys(step)[0]](world, step);
        } finally {
            Object.values(world.clients).forEach((client) => client.destroy());
            await world.daemon.stop();
            await fs.rm(folder, { recursive: true });
        }
    });
}

// Those of several daemons are in cluster.test.mjs.
test('every clause of seats has a scenario', async () => {
    const clauses = new Set([...page.matchAll(/\*\*\[(R-\d+)\]\*\*/g)].map((match) => match[1]));
    const others = (await fs.readFile(new URL('cluster.test.mjs', import.meta.url), 'utf8')).matchAll(/^test\('seat \[(R-\d+)\]/gm);
    assert.deepEqual(new Set([...vectors.map((vector) => vector.clause), ...[...others].map((match) => match[1])]), clauses);
});
