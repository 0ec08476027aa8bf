// SPDX-License-Identifier: MIT
//
// The programs in examples/, as a reader of them would run them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root, startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, scratch, usher } from './lib/peer.mjs';

const build = path.dirname(usher);
const program = (name) => path.join(build, 'examples', name);
const command = promisify(execFile);

function run(name, args) {
    const child = spawn(path.resolve(build, 'examples', name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ran = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (ran.output += text));
    ran.ended = once(child, 'close');
    return ran;
}

// Where `make install` has put everything.
async function install(dir) {
    const prefix = path.join(dir, 'usr');
    const make = ['-s', `BUILD=${build}`, `DESTDIR=${dir}/stage`, `PREFIX=${prefix}`, 'install'];
    await command('make', make, { cwd: root, env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '' } });
    await fs.rename(path.join(dir, 'stage', prefix), prefix); // as a package is made in one place for another
    return prefix;
}

// What was installed, and its example compiled as pkg-config says to: the path of the program.
async function installed(how) {
    const dir = await scratch();
    const prefix = await install(dir);
    const env = { ...process.env, PKG_CONFIG_PATH: path.join(prefix, 'lib/pkgconfig') };
    const { stdout } = await command('pkg-config', ['--cflags', '--libs', ...how, 'usher'], { env });
    await fs.copyFile(path.join(root, 'examples/echo.c'), path.join(dir, 'echo.c'));
    const sanitized = (await fs.readFile(path.join(prefix, 'lib/libusher.a'))).includes('__asan_init');
    const flags = ['-Wall', '-Werror', ...(sanitized ? ['-fsanitize=address,undefined'] : [])];
    await command('cc', [...flags, '-o', 'echo', 'echo.c', ...stdout.trim().split(/\s+/)], { cwd: dir });
    const { stdout: version } = await command(path.join(prefix, 'bin/usher'), ['--version']);
    assert.match(version, /^usher \d/);
    return path.join(dir, 'echo');
}

for (const [how, find] of [['built here', async () => 'echo'], ['compiled against what was installed', () => installed([])],
    ['... as if it were all static', () => installed(['--static'])]])
    test(`echo, ${how}, says back what is said to it, alone and before all`, async () => {
        const daemon = await startDaemon();
        const { child, ended } = run(await find(), [daemon.url, 'demo', `${await scratch()}/echo`, '127.0.0.1']);
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

test('an installed daemon serves the page that was installed with it, and its building changes no other', async () => {
    const before = await fs.stat(path.join(build, 'usherd'));
    const prefix = await install(await scratch());
    const { child, ended } = run(path.join(prefix, 'bin/usherd'), ['--listen', '127.0.0.1:0', '--set', `server.state_dir=${await scratch()}`]);
    let said = '';
    const at = await new Promise((resolve) => child.stderr.on('data', (text) => {
        const found = /listening on ([\d.]+:\d+)/.exec((said += text));
        if (found) resolve(found[1]);
    }));
    const answer = await fetch(`http://${at}/`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /<title>/);
    child.kill('SIGTERM');
    await ended;
    assert.equal((await fs.stat(path.join(build, 'usherd'))).mtimeMs, before.mtimeMs);
});
