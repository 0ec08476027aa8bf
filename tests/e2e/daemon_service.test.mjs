// SPDX-License-Identifier: MIT
//
// The daemon under a service manager, without one: what it tells (sd_notify), sockets that it is passed, reloads that
// somebody waits for, credentials, and the exit codes by which a restart is tried or not. tests/system/systemd.test.sh
// has the real one.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Daemon, binary, root, run, startDaemon, within } from './lib/daemon.mjs';
import { Client, connect, pair } from './lib/client.mjs';
import { Raw, handshake } from './lib/raw.mjs';
import { listening, spawnWith, startManager } from './lib/manager.mjs';
import { scratch } from './lib/peer.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);
const MINE = { LISTEN_PID: '$$' };

test('readiness, numbers and the end are told', async () => {
    const manager = await startManager(await scratch());
    const daemon = await startDaemon({ env: manager.env });
    await manager.heard(/^READY=1 \| STATUS=0 connections, 0 rooms$/m);
    const [a, b] = await pair(daemon.url, 'told');
    await manager.heard(/^STATUS=2 connections, 1 rooms$/m);
    await b.close();
    await manager.heard(/^STATUS=1 connections, 1 rooms$/m);
    assert.doesNotMatch(manager.said, /WATCHDOG/);
    daemon.kill('SIGTERM');
    await manager.heard(/^STOPPING=1 \| STATUS=seeing everybody off: [^|]* \| EXTEND_TIMEOUT_USEC=20000000$/m);
    await a.end();
    assert.equal(await daemon.exited, 0);
    await manager.stop();
});

test('the watchdog is fed while the loop turns, and only then', async () => {
    const manager = await startManager(await scratch());
    const state = await scratch();
    const child = spawn(path.join(path.dirname(binary), 'tests/usherd-that-hangs'), ['--listen', '127.0.0.1:0'],
        { cwd: root, env: { ...process.env, ...manager.env, WATCHDOG_USEC: '400000', XDG_STATE_HOME: state }, stdio: ['ignore', 'pipe', 'pipe'] });
    const daemon = new Daemon(child);
    await manager.heard(/(WATCHDOG=1\n[^]*){5}/);
    child.kill('SIGUSR2');
    // What it told before it hung is read when what another told later is.
    const mark = async () => {
        const from = manager.said.length;
        const other = await startDaemon({ env: manager.env });
        await manager.heard(/READY=1/, from);
        await other.stop();
        await manager.heard(/STOPPING=1/, from);
        return manager.said.length;
    };
    const from = await mark();
    const until = Date.now() + 1000;
    while (Date.now() < until) await mark();
    assert.doesNotMatch(manager.said.slice(from), /WATCHDOG/);
    child.kill('SIGABRT');
    assert.equal(await daemon.exited, 'SIGABRT');
    await manager.stop();
});

test('--reload returns when the new settings are in force, and fails when they are not', async () => {
    const folder = await scratch();
    const file = path.join(folder, 'usherd.conf');
    const manager = await startManager(folder);
    const env = { RUNTIME_DIRECTORY: folder };
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n');
    const daemon = await startDaemon({ args: ['--config', file], env: { ...manager.env, ...env } });
    const [a, b] = await pair(daemon.url, 'stays');
    const reload = () => run(['--reload'], { env: { ...env, MAINPID: String(daemon.pid) } });
    const limit = async () => {
        const client = await connect(daemon.url);
        await client.close();
        return client.welcome.limits.maxFrame;
    };
    for (let k = 2; k < 12; k++) {
        await fs.writeFile(file, `[limits]\nmax_frame = ${k}K\n`);
        assert.deepEqual(await reload(), { code: 0, stdout: '', stderr: '' });
        assert.equal(await limit(), k * 1024);
    }
    await manager.heard(/^RELOADING=1 \| MONOTONIC_USEC=\d+\nREADY=1$/m);
    await fs.writeFile(file, '[limits]\nmax_frame = lots\n');
    const bad = await reload();
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /^usherd: the settings stay as they were: \S+usherd\.conf:2: limits\.max_frame = "lots": expected [^\n]*\n$/);
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n[tls]\ncertificate = /x\nkey = /x\n');
    assert.equal((await reload()).code, 1);
    assert.equal(await limit(), 11 * 1024);
    await fs.writeFile(path.join(folder, 'reload'), 'left behind');
    await fs.writeFile(file, '');
    assert.equal((await reload()).code, 0);
    await assert.rejects(fs.stat(path.join(folder, 'reload')));
    await a.alive();
    await b.alive();
    assert.equal(await daemon.stop(), 0);
    const gone = await reload();
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /^usherd: MAINPID=\d+: No such process\n$/);
    for (const wrong of [{ MAINPID: 'x' }, { MAINPID: '0' }, { MAINPID: '1x' }, { RUNTIME_DIRECTORY: '' }])
        assert.equal((await run(['--reload'], { env: { ...env, MAINPID: String(process.pid), ...wrong } })).code, 2);
    await manager.stop();
});

test('a daemon that ends instead of reloading, or is told to by two, is no success', async () => {
    const folder = await scratch();
    const env = { RUNTIME_DIRECTORY: folder };
    const other = spawn('sh', ['-c', 'trap "exit 0" HUP; echo up; while :; do read x; done'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    other.stdin.on('error', () => {});
    const ended = run(['--reload'], { env: { ...env, MAINPID: String(other.pid) } });
    const { code, stderr } = await ended;
    assert.equal(code, 1);
    assert.match(stderr, /^usherd: the daemon ended before it had read its settings\n$/);
    const manager = await startManager(folder);
    await fs.rename(path.join(folder, 'notify'), path.join(folder, 'reload'));
    const second = await run(['--reload'], { env: { ...env, MAINPID: String(process.pid) } });
    assert.equal(second.code, 1);
    assert.match(second.stderr, /reload: another --reload is under way: wait for it\n$/);
    await manager.stop();
});

test('sockets that are passed stand in for server.listen', async () => {
    const folder = await scratch();
    const file = path.join(folder, 'passed.sock');
    const server = await listening(0, '127.0.0.1');
    const local = await listening(file);
    const state = await scratch();
    const daemon = spawnWith([server.fd, local.fd], { ...MINE, LISTEN_FDS: 2 }, ['--listen', '127.0.0.1:1'],
        { XDG_STATE_HOME: state });
    // Node removes the file of what it closes.
    await fs.link(file, `${file}.kept`);
    server.close();
    local.close();
    await fs.rename(`${file}.kept`, file);
    await daemon.logged(new RegExp(`listening on 127\\.0\\.0\\.1:${server.port}\n`));
    await daemon.logged(new RegExp(`listening on unix:${file}\n`));
    await daemon.logged(/passed its own sockets: server\.listen has no effect/);
    await daemon.logged(/is ready/);
    const a = await connect(`ws://127.0.0.1:${server.port}/ws`);
    await a.join('passed');
    const b = await connect(`ws+unix:${file}:/ws`);
    assert.equal((await b.join('passed')).peers.length, 1);
    assert.equal(await daemon.stop(), 0);
    await fs.stat(file);
});

test('a passed socket named proxy wants a PROXY header', async () => {
    const server = await listening(0, '127.0.0.1');
    const state = await scratch();
    const daemon = spawnWith([server.fd], { ...MINE, LISTEN_FDS: 1, LISTEN_FDNAMES: 'proxy' }, [], { XDG_STATE_HOME: state });
    server.close();
    await daemon.logged(new RegExp(`listening on 127\\.0\\.0\\.1:${server.port} proxy\n`));
    const plain = net.connect(server.port, '127.0.0.1');
    plain.write('GET /health HTTP/1.1\r\n\r\n');
    plain.on('error', () => {});
    plain.resume();
    await new Promise((resolve) => plain.on('close', resolve));
    await daemon.logged(/PROXY/);
    assert.equal(await daemon.stop(), 0);
});

test('who comes while the daemon restarts waits on the passed socket', async () => {
    const server = await listening(0, '127.0.0.1');
    const state = await scratch();
    const both = spawnWith([server.fd], { ...MINE, LISTEN_FDS: 1 }, set('server.drain_timeout=30s'), { XDG_STATE_HOME: state }, 2);
    server.close();
    const first = await both.logged(/life (\d+)[^]*is ready/);
    const rude = new Raw(server.port);
    await rude.write(handshake());
    await rude.until(/welcome/);
    process.kill(Number(first[1]), 'SIGTERM');
    await rude.until(/server-draining/);
    const waiting = Array.from({ length: 20 }, () => new Client(`ws://127.0.0.1:${server.port}/ws`));
    const refused = Promise.race(waiting.map((client) => client.failed)).then((error) => Promise.reject(error));
    await within(5000, Promise.all(waiting.map(({ ws }) => once(ws._req, 'socket').then(([socket]) => once(socket, 'connect')))), 'not connected');
    const from = both.log.length;
    rude.destroy();
    const second = await both.logged(/life (\d+)[^]*is ready/, from);
    for (const client of waiting) assert.equal((await Promise.race([client.next(), refused])).type, 'welcome');
    process.kill(Number(second[1]), 'SIGTERM');
    assert.equal(await both.exited, 0);
});

test('what is passed and cannot be listened on is told, and not tried again', async () => {
    const file = await fs.open(binary);
    const server = await listening(0, '127.0.0.1');
    const client = net.connect(server.port, '127.0.0.1');
    await once(client, 'connect');
    const described = /^[^\n]*LISTEN_PID, LISTEN_FDS or LISTEN_FDNAMES do not describe open descriptors from 3 on \([^)]+\): let the service manager set them, or remove them\n$/;
    const listened = /^[^\n]*descriptor [34] that the service manager passed is no listening stream socket: in the socket unit use ListenStream= and leave Accept=no\n$/;
    const cases = [
        [[], { ...MINE, LISTEN_FDS: 'many' }, described],
        [[], { ...MINE, LISTEN_FDS: '-1' }, described],
        [[], { ...MINE, LISTEN_FDS: '1' }, described],
        [[], { LISTEN_PID: 'me', LISTEN_FDS: '1' }, described],
        [[server.fd], { ...MINE, LISTEN_FDS: '1', LISTEN_FDNAMES: 'a:b' }, described],
        [[file.fd], { ...MINE, LISTEN_FDS: '1' }, listened],
        [[client._handle.fd], { ...MINE, LISTEN_FDS: '1' }, listened],
        [[server.fd, file.fd], { ...MINE, LISTEN_FDS: '2' }, listened],
        [Array(17).fill(server.fd), { ...MINE, LISTEN_FDS: '17' }, /17 sockets were passed: expected at most 16\n$/],
    ];
    for (const [fds, variables, sentence] of cases) {
        const state = await scratch();
        const daemon = spawnWith(fds, variables, ['--listen', '127.0.0.1:0'], { XDG_STATE_HOME: state });
        assert.equal(await within(10000, daemon.exited, 'it did not end'), 78, JSON.stringify(variables));
        assert.match(daemon.log.replace(/^life.*\n/, ''), sentence);
    }
    // Descriptors of another process are none of ours.
    const daemon = await startDaemon({ env: { LISTEN_PID: '1', LISTEN_FDS: '1' } });
    assert.equal(await daemon.stop(), 0);
    client.destroy();
    server.close();
    await file.close();
});

test('credentials', async () => {
    const folder = await scratch();
    const env = { CREDENTIALS_DIRECTORY: folder };
    await fs.writeFile(path.join(folder, 'turn'), 'shared secret\n');
    const turn = set('ice.turn=turn:127.0.0.1:3478', 'ice.turn_secret=@%d/turn');
    const daemon = await startDaemon({ args: turn, env });
    assert.match((await (await fetch(`${daemon.http}/api/ice-servers`)).text()), /"credential":"[^"]+"/);
    assert.equal(await daemon.stop(), 0);
    const none = await run(['--listen', '127.0.0.1:0', ...turn]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /^usherd: --set ice\.turn_secret names a credential [^\n]*LoadCredential=NAME:FILE[^\n]*\n$/);
    const conf = path.join(folder, 'usherd.conf');
    await fs.writeFile(conf, '[auth]\nkeys = %d/key\n');
    const unset = await run(['--config', conf]);
    assert.equal(unset.code, 78);
    assert.match(unset.stderr, /usherd\.conf:2: auth\.keys names a credential/);
    for (const option of ['--test-config', '--listen=127.0.0.1:0']) {
        const missing = await run(['--config', conf, option], { env });
        assert.equal(missing.code, 78);
        assert.match(missing.stderr, /^[^\n]*\/key: cannot be read: No such file or directory: put it there, or correct the path\n$/);
    }
});

// As somebody for whom permissions count.
async function runAsNobody(args, folder) {
    const copy = path.join(folder, 'usherd');
    await fs.copyFile(binary, copy);
    const who = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
    const child = spawn(copy, args, { cwd: '/', env: { ...process.env, XDG_STATE_HOME: path.join(folder, 'state') }, stdio: ['ignore', 'pipe', 'pipe'], ...who });
    const daemon = new Daemon(child);
    return { code: await within(10000, daemon.exited, 'it did not end'), stderr: daemon.log };
}

test('files without permission are named, and not tried again', async () => {
    const folder = await scratch();
    await fs.chmod(folder, 0o755);
    await fs.mkdir(path.join(folder, 'state'), { mode: 0o777 });
    await fs.chmod(path.join(folder, 'state'), 0o777);
    const locked = path.join(folder, 'locked');
    await fs.writeFile(locked, '');
    await fs.chmod(locked, 0);
    const shut = path.join(folder, 'shut');
    await fs.mkdir(shut, { mode: 0o555 });
    const keyed = path.join(folder, 'keyed');
    await fs.mkdir(keyed);
    await fs.chmod(keyed, 0o777);
    await fs.writeFile(path.join(keyed, 'owner.key'), Buffer.alloc(32), { mode: 0o000 });
    const cases = [
        [['--config', locked], /locked: Permission denied/],
        [set(`tls.certificate=${locked}`, `tls.key=${locked}`), /tls\.certificate = \S+locked: the file cannot be read: Permission denied: give the user that this runs as access to it/],
        [set(`auth.keys=${locked}`), /locked: cannot be read: Permission denied: give/],
        [set('ice.turn=turn:a', `ice.turn_secret=@${locked}`), /ice\.turn_secret: the file "\S+locked" cannot be read: Permission denied: give/],
        [set(`server.state_dir=${shut}`), /the state folder \S+shut cannot be used: Permission denied: set server\.state_dir/],
        [set(`server.state_dir=${keyed}`), /cannot read \S+keyed\/owner\.key: Permission denied: give/],
    ];
    for (const [args, sentence] of cases) {
        const { code, stderr } = await runAsNobody(['--listen', '127.0.0.1:0', ...args], folder);
        assert.match(stderr, sentence);
        assert.match(stderr, /^[^\n]+\n$/);
        assert.equal(code, 78, stderr);
    }
    const inShut = set(`server.state_dir=${path.join(shut, 'deeper/state')}`);
    for (const args of [set(`server.state_dir=${shut}`), inShut, set(`server.web_root=${locked}`)]) {
        const { code, stderr } = await runAsNobody(['--test-config', ...args], folder);
        assert.match(stderr, /^usherd: [^\n]+\n$/);
        assert.equal(code, args.some((a) => a.includes('web_root')) ? 2 : 78, stderr);
    }
});
