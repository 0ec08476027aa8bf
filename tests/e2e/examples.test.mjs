// SPDX-License-Identifier: MIT
//
// The programs in examples/, as a reader of them would run them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, scratch, usher } from './lib/peer.mjs';

const program = (name) => path.join(path.dirname(usher), 'examples', name);

function run(name, args) {
    const child = spawn(program(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ran = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (ran.output += text));
    ran.ended = once(child, 'close');
    return ran;
}

test('echo says back what is said to it, alone and before all', async () => {
    const daemon = await startDaemon();
    const { child, ended } = run('echo', [daemon.url, 'demo', `${await scratch()}/echo`, '127.0.0.1']);
    const ann = await joinPeer({ server: daemon.url, name: 'ann' });
    const echo = await ann.event('peer', { name: 'echo', state: 'up' });
    ann.do({ do: 'send', text: 'hello, everybody' });
    assert.equal((await ann.event('message', { text: 'hello, everybody' })).type, 'group_message');
    ann.do({ do: 'send', to: [echo.id], text: 'hello, you' });
    const answer = await ann.event('message', { text: 'hello, you' });
    assert.equal(answer.type, 'direct_message');
    assert.equal(answer.from, echo.id);
    child.kill('SIGKILL');
    await ended;
    await ann.stop();
    await daemon.stop();
});

test('two people in one process', async () => {
    const daemon = await startDaemon();
    const dir = await scratch();
    const ran = run('two', [daemon.url, 'demo', `${dir}/ann`, `${dir}/ben`, '127.0.0.1']);
    const [code] = await within(25000, ran.ended, 'it did not end');
    assert.equal(code, 0, ran.output);
    assert.match(ran.output, /^ben: [a-z2-7]{26} says "hello, ben"\nann: ben has read it\n$/);
    await daemon.stop();
});

for (const name of ['echo', 'two'])
    test(`${name} without arguments says what it wants`, async () => {
        const ran = run(name, []);
        assert.deepEqual(await ran.ended, [2, null]);
        assert.match(ran.output, /^usage: /);
    });
