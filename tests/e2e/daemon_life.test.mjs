// SPDX-License-Identifier: MIT
//
// The daemon's life: its command line, its settings, start, reload, drain, and a machine that runs out of things.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { binary, root, run, startDaemon, within } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';
import { Raw, handshake } from './lib/raw.mjs';
import { inFolder } from './lib/folder.mjs';

test('--version, --help', async () => {
    assert.match((await run(['--version'])).stdout, /^usherd \d+\.\d+\.\d+\n$/);
    const help = await run(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--set section\.key=value/);
});

test('usage errors end with 2 and one line', async () => {
    for (const args of [['--nonsense'], ['file.conf'], ['--config'], ['--listen', 'nowhere'], ['--listen='], ['--version=1'],
        ['--set', 'x'], ['--set', 'limits.none=1'], ['--set', 'limits.max_rooms=x'],
        ['--set', 'server.node=a.b'], ['--set', 'server.listen=nowhere'], ['--config', 'a', '--config', 'b']]) {
        const { code, stdout, stderr } = await run(args);
        assert.equal(code, 2, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, /^usherd: [^\n]+\n$/);
    }
});

test('--test-config and --print-config', () => inFolder(async (folder) => {
    const file = path.join(folder, 'usherd.conf');
    await fs.writeFile(file, '[limits]\nmax_rooms = 5\nmax_queue = 1M\n[ice]\nturn = turn:turn.example\nturn_secret = hush\n');
    assert.deepEqual(await run(['--config', file, '--test-config']), { code: 0, stdout: 'the settings are valid\n', stderr: '' });
    const printed = await run(['--config', file, '--set', 'server.node=here', '--print-config'], { env: { USHERD_LIMITS_MAX_ROOMS: '6' } });
    assert.match(printed.stdout, /\nnode = here\n/);
    assert.match(printed.stdout, /\nmax_rooms = 6\n/);
    assert.match(printed.stdout, /\nmax_queue = 1M\n/);
    assert.doesNotMatch(printed.stdout, /hush/);
    const other = path.join(folder, 'other.conf');
    await fs.writeFile(other, '[limits]\nmax_rooms = 7\n');
    const named = (args) => run([...args, '--print-config'], { env: { USHERD_CONFIG: other } });
    assert.match((await named([])).stdout, /\nmax_rooms = 7\n/);
    assert.match((await named(['--config', file])).stdout, /\nmax_rooms = 5\n/);
    const empty = await run(['--config', '', '--test-config']);
    assert.deepEqual([empty.code, empty.stderr], [78, 'usherd: --config is empty: expected a file, or no --config\n']);
    await fs.writeFile(file, '[limits]\nmax_rooms = many\n');
    const bad = await run(['--config', file, '--test-config']);
    assert.equal(bad.code, 78);
    assert.equal(bad.stderr, `usherd: ${file}:2: limits.max_rooms = "many": expected a whole number from 0 to 1000000000\n`);
}));

test('the shipped conf is valid', async () => {
    assert.equal((await run(['--config', path.join(root, 'conf/usherd.conf'), '--test-config'])).code, 0);
});

test('settings that lack others refuse the start', async () => {
    const set = 'cluster.redis=redis://localhost';
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', '--set', set]);
    assert.equal(code, 78);
    assert.match(stderr, /^usherd: cluster\.redis is set, but cluster\.node_secret is empty/);
    assert.equal((await run(['--set', set, '--test-config'])).code, 78);
    assert.equal((await run(['--set', set, '--print-config'])).code, 0);
    const half = await run(['--listen', '127.0.0.1:0', '--set', 'tls.certificate=/x']);
    assert.equal(half.code, 78);
    assert.match(half.stderr, /^usherd: tls\.certificate and tls\.key: expected both of them, or neither/);
});

test('an occupied port is named, and what to do', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${server.address().port}`;
    const { code, stderr } = await run(['--listen', address]);
    server.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^[^\\n]*cannot listen on ${address}: Address already in use: [^\\n]*--listen\\n$`));
});

test('several addresses, IPv4 through [::], a unix socket', () => inFolder(async (folder) => {
    const socket = path.join(folder, 'usherd.sock');
    const daemon = await startDaemon({ listen: '[::]:0', args: ['--listen', `unix:${socket}`] });
    await daemon.logged(new RegExp(`listening on unix:${socket}\n`));
    const six = await connect(`ws://[::1]:${daemon.port}/ws`);
    const four = await connect(`ws://127.0.0.1:${daemon.port}/ws`);
    const local = await connect(`ws+unix:${socket}:/ws`);
    await six.join('all');
    assert.equal((await four.join('all')).peers.length, 1);
    assert.equal((await local.join('all')).peers.length, 2);
    assert.equal((await run(['--listen', `unix:${socket}`, '--healthcheck'])).code, 0);
    daemon.kill('SIGKILL');
    await daemon.exited;
    const again = await startDaemon({ listen: `unix:${socket}` });
    assert.equal((await run(['--listen', `unix:${socket}`, '--healthcheck'])).stdout, 'ok\n');
    assert.equal(await again.stop(), 0);
    await assert.rejects(fs.stat(socket));
}));

test('of what stands at the path of a unix socket only a socket that nobody answers on is removed', () => inFolder(async (folder) => {
    const at = (name) => path.join(folder, name);
    await fs.writeFile(at('file'), 'precious');
    await fs.symlink(at('nowhere'), at('link'));
    await fs.mkdir(at('folder'));
    await once(spawn('mkfifo', [at('fifo')]), 'exit');
    const names = ['file', 'link', 'folder', 'fifo'];
    for (const [name, ...more] of names.flatMap((one) => [[one], [one, '--test-config']])) {
        const { code, stderr } = await run(['--listen', `unix:${at(name)}`, ...more]);
        assert.equal(code, 78, name);
        assert.match(stderr, new RegExp(`cannot listen on unix:${at(name)}: File exists: what is there is no socket[^\\n]*\\n$`));
    }
    assert.equal(await fs.readFile(at('file'), 'utf8'), 'precious');
    assert.deepEqual((await fs.readdir(folder)).sort(), ['fifo', 'file', 'folder', 'link']);
}));

test('a unix socket in a folder that is not there: a warning of --test-config, and the start says what to do', () => inFolder(async (folder) => {
    await fs.writeFile(path.join(folder, 'file'), '');
    for (const [name, problem] of [['none/socket', 'No such file or directory'], ['file/socket', 'Not a directory']]) {
        const listen = ['--listen', `unix:${path.join(folder, name)}`];
        const { code, stderr } = await run(listen);
        assert.equal(code, 78);
        assert.match(stderr, new RegExp(`cannot listen on unix:${folder}/${name}: ${problem}: the folder of that path is not there; make it, [^\\n]*\\n$`));
        const tested = await run([...listen, '--test-config']);
        assert.equal(tested.code, 0);
        assert.match(tested.stderr, /^usherd: warning: the folder of this socket is not there[^\n]* \(option=server\.listen, value=unix:[^\n]*\)\n$/);
    }
    assert.equal((await run(['--listen', `unix:${folder}/socket`, '--test-config'])).stderr, '');
}));

// Whose backlog is full, as of a program that was stopped: connect(2) would wait there for ever.
test('a unix socket whose owner accepts nobody is in use', () => inFolder(async (folder) => {
    const socket = path.join(folder, 'stopped.sock');
    const listen = `require('net').createServer().listen({ path: ${JSON.stringify(socket)}, backlog: 1 }, () => {
        console.log('listening'); process.kill(process.pid, 'SIGSTOP'); })`;
    const stopped = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(stopped.stdout, 'data');
    const clients = Array.from({ length: 4 }, () => net.connect(socket).on('error', () => {}));
    await once(clients[0], 'connect');
    try {
        const { code, stderr } = await run(['--listen', `unix:${socket}`]);
        assert.match(stderr, /Address already in use/);
        assert.equal(code, 1);
    } finally {
        for (const client of clients) client.destroy();
        stopped.kill('SIGKILL');
    }
    await once(stopped, 'exit');
}));

test('a daemon that ends leaves the socket of the one that took its path', () => inFolder(async (folder) => {
    const socket = path.join(folder, 'usherd.sock');
    const first = await startDaemon({ listen: `unix:${socket}` });
    await fs.rm(socket);
    const second = await startDaemon({ listen: `unix:${socket}` });
    assert.equal(await first.stop(), 0);
    const client = await connect(`ws+unix:${socket}:/ws`);
    client.close();
    assert.equal(await second.stop(), 0);
    await assert.rejects(fs.stat(socket), { code: 'ENOENT' });
}));

test('two daemons do not share a state folder', () => inFolder(async (folder) => {
    const state = ['--set', `server.state_dir=${folder}`];
    const first = await startDaemon({ args: state });
    const second = await run(['--listen', '127.0.0.1:0', ...state]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^[^\n]*the state folder [^\n]* is in use by another usherd: stop that one, or [^\n]*server\.state_dir\n$/);
    assert.equal((await run(['--listen', first.address, ...state, '--healthcheck'])).stdout, 'ok\n');
    assert.equal((await run(['--test-config', ...state])).code, 0);
    const key = path.join(folder, 'key');
    await fs.writeFile(key, `alg: HS256\nkid: k\n\n${'A'.repeat(43)}=\n`);
    assert.equal((await run(['token', '--room', 'r', '--key', key], { env: { USHERD_SERVER_STATE_DIR: folder } })).code, 0);
    first.kill('SIGKILL');
    await first.exited;
    const next = await startDaemon({ args: state });
    assert.equal(await next.stop(), 0);
}));

test('a state folder that cannot be used refuses the start', () => inFolder(async (folder) => {
    const file = path.join(folder, 'file');
    await fs.writeFile(file, '');
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', '--set', `server.state_dir=${file}`]);
    assert.equal(code, 78);
    assert.match(stderr, /^[^\n]*the state folder \S+ cannot be used: Not a directory: set server\.state_dir to one [^\n]*\n$/);
}));

test('--healthcheck tells a daemon that is well from one that is not', async () => {
    const daemon = await startDaemon();
    assert.equal((await run(['--listen', `127.0.0.1:${daemon.port}`, '--healthcheck'])).code, 0);
    await daemon.stop();
    const gone = await run(['--listen', `127.0.0.1:${daemon.port}`, '--healthcheck']);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /^usherd: 127\.0\.0\.1:\d+: Connection refused\n$/);
    const odd = http.createServer((request, response) => response.writeHead(500).end()).listen(0, '127.0.0.1');
    await once(odd, 'listening');
    const ill = await run(['--listen', `127.0.0.1:${odd.address().port}`, '--healthcheck']);
    odd.close();
    assert.equal(ill.code, 1);
    assert.match(ill.stderr, /answered "HTTP\/1\.1 500/);
});

// A byte at a time, before the head is whole, is no answer; nor does a line write to a terminal.
test('--healthcheck has 3 seconds for all of it', async () => {
    const slow = net.createServer((socket) => {
        const drops = setInterval(() => socket.write('H'), 500);
        socket.on('error', () => {}).on('close', () => clearInterval(drops));
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const late = await run(['--listen', `127.0.0.1:${slow.address().port}`, '--healthcheck']);
    slow.close();
    assert.equal(late.code, 1);
    assert.match(late.stderr, /^usherd: 127\.0\.0\.1:\d+: no answer in time\n$/);
    const loud = net.createServer((socket) => socket.end('HTTP/1.1 503 \u001b[2J\r\n\r\n')).listen(0, '127.0.0.1');
    await once(loud, 'listening');
    const ill = await run(['--listen', `127.0.0.1:${loud.address().port}`, '--healthcheck']);
    loud.close();
    assert.match(ill.stderr, /^usherd: 127\.0\.0\.1:\d+: answered "HTTP\/1\.1 503 \?\[2J"\n$/);
});

test('SIGTERM sees everybody off and ends with 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
        const daemon = await startDaemon();
        const [a, b] = await pair(daemon.url, 'drained');
        const waiting = new Raw(daemon.port);
        await waiting.write('GET /ws HTTP/1.1\r\n');
        await a.alive();
        daemon.kill(signal);
        for (const client of [a, b]) {
            let message = await client.next();
            if (message.type === 'peer-left') message = await client.next();
            assert.equal(message.type, 'server-draining');
            assert.equal(typeof message.reconnectAfterMs, 'number');
            assert.equal((await client.end()).code, 1012);
        }
        await waiting.end();
        assert.equal(await within(5000, daemon.exited, 'the daemon did not end'), 0);
    }
});

test('while it drains, probes are answered and everybody else is sent away', async () => {
    const daemon = await startDaemon({ args: ['--set', 'server.drain_timeout=30s'] });
    const rude = new Raw(daemon.port);
    await rude.write(handshake());
    await rude.until(/welcome/);
    assert.equal((await fetch(`${daemon.http}/ready`)).status, 200);
    daemon.kill('SIGTERM');
    await rude.until(/server-draining/);
    assert.equal((await fetch(`${daemon.http}/health`)).status, 200);
    for (const what of ['/ready', '/api/rooms', '/']) {
        const answer = await fetch(`${daemon.http}${what}`);
        assert.equal(answer.status, 503, what);
        assert.equal(answer.headers.get('retry-after'), '5');
        assert.equal((await answer.json()).error.code, 'draining', what);
    }
    const late = new Raw(daemon.port);
    await late.write(handshake());
    await late.until(/^HTTP\/1\.1 503 .*Retry-After: 5\r\n.*"draining"/s);
    await late.end();
    const silent = new Raw(daemon.port);
    await once(silent.socket, 'connect');
    rude.destroy();
    assert.equal(await within(5000, daemon.exited, 'the daemon did not end with its last client'), 0);
    silent.destroy();
});

// More than are let in to ask how it is (REFUSED_MAX), each with a download that it does not read.
test('those whose answers are under way when the drain begins keep no probe out', { timeout: 30000 }, async () => {
    await inFolder(async (folder) => {
        await fs.writeFile(path.join(folder, 'large'), Buffer.alloc(20 << 20));
        const daemon = await startDaemon({ args: ['--set', 'server.drain_timeout=30s', '--set', `server.web_root=${folder}`] });
        const slow = [];
        try {
            for (let i = 0; i < 40; i++) {
                slow.push(new Raw(daemon.port));
                await slow[i].write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
                await slow[i].until(/^HTTP\/1\.1 200 /);
                slow[i].socket.pause();
            }
            daemon.kill('SIGTERM');
            await daemon.logged(/stopping/);
            for (let i = 0; i < 3; i++) assert.equal((await fetch(`${daemon.http}/health`)).status, 200);
        } finally {
            slow.forEach((raw) => raw.destroy());
        }
        assert.equal(await within(5000, daemon.exited, 'the daemon did not end with its last client'), 0);
    });
});

test('a request that waits for its turn when the drain begins is answered, and holds nothing up', async () => {
    const daemon = await startDaemon({ args: ['--set', 'server.drain_timeout=0'] });
    const made = await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body: '{"name":"a"}' });
    assert.equal(made.status, 201);
    const guess = () => fetch(`${daemon.http}/api/rooms/a`, { method: 'DELETE', headers: { Authorization: 'Bearer wrong' } });
    for (let i = 0; i < 5; i++) assert.equal((await guess()).status, 403);
    const waiting = new Raw(daemon.port); // for a second
    await waiting.write('DELETE /api/rooms/a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n');
    assert.equal((await fetch(`${daemon.http}/health`)).status, 200);
    daemon.kill('SIGTERM');
    await waiting.until(/^HTTP\/1\.1 503 .*"draining"/s);
    await waiting.end();
    assert.equal(await within(5000, daemon.exited, 'the daemon did not end'), 0);
});

test('a drain without clients ends at once', async () => {
    const daemon = await startDaemon({ args: ['--set', 'server.drain_timeout=0'] });
    daemon.kill('SIGTERM');
    assert.equal(await within(2000, daemon.exited, 'the daemon did not end'), 0);
});

test('a client that does not answer the close does not hold the drain up', async () => {
    const daemon = await startDaemon();
    const rude = new Raw(daemon.port);
    await rude.write(handshake());
    await rude.until(/welcome/);
    daemon.kill('SIGTERM');
    await rude.until(/server-draining/);
    assert.equal(await within(9000, daemon.exited, 'the daemon did not end'), 0);
    rude.destroy();
});

test('a second signal ends at once', async () => {
    const daemon = await startDaemon();
    const rude = new Raw(daemon.port);
    await rude.write(handshake());
    await rude.until(/welcome/);
    daemon.kill('SIGTERM');
    await rude.until(/server-draining/);
    daemon.kill('SIGTERM');
    assert.equal(await within(2000, daemon.exited, 'the daemon did not end'), 1);
    rude.destroy();
});

test('SIGHUP that comes while the daemon starts is a reload, and no end', () => inFolder(async (folder) => {
    const file = path.join(folder, 'usherd.conf');
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n');
    const start = 'kill -HUP $$; exec "$0" --config "$1" --listen 127.0.0.1:0 --set "server.state_dir=$2"';
    const child = spawn('env', ['--block-signal=HUP', 'sh', '-c', start, binary, file, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    const read = new Promise((resolve) => child.stderr.on('data', (text) => {
        log += text;
        if (/the settings were read again/.test(log)) resolve();
    }));
    const ended = once(child, 'exit');
    await within(10000, Promise.race([read, ended.then(([code, signal]) => Promise.reject(new Error(`it ended: ${code ?? signal} ${log}`)))]),
        () => `no reload: ${log}`);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
}));

// As usherd(8) says for those who may send it before the program is loaded.
test('a daemon that is started with SIGHUP ignored outlives it from the first moment on, and reloads', () => inFolder(async (folder) => {
    const file = path.join(folder, 'usherd.conf');
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n');
    const daemon = await startDaemon({ args: ['--config', file],
        space: ['env', '--ignore-signal=HUP', 'sh', '-c', '(for i in $(seq 20000); do kill -HUP $$ || exit; done 2>/dev/null) & exec "$0" "$@"'] });
    await daemon.logged(/the settings were read again/);
    assert.equal(await daemon.stop(), 0);
}));

// tests/hooks/hangup.c
test('SIGHUP at the first and at the last moment of the process ends nothing', () => inFolder(async (folder) => {
    const file = path.join(folder, 'usherd.conf');
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n');
    const env = { LD_PRELOAD: path.resolve(path.dirname(binary), 'tests/hangup.so'), ASAN_OPTIONS: 'verify_asan_link_order=0:detect_leaks=0' };
    const daemon = await startDaemon({ args: ['--config', file], env });
    await daemon.logged(/the settings were read again/);
    assert.equal(await daemon.stop(), 0);
    assert.equal((await run(['--test-config'], { env })).code, 'SIGHUP'); // who only prints something ends with its terminal
}));

test('SIGHUP takes new settings over, and a mistake changes nothing', () => inFolder(async (folder) => {
    const file = path.join(folder, 'usherd.conf');
    await fs.writeFile(file, '[limits]\nmax_frame = 1K\n');
    const daemon = await startDaemon({ args: ['--config', file] });
    const a = await connect(daemon.url);
    assert.equal(a.welcome.limits.maxFrame, 1024);
    await fs.writeFile(file, '[limits]\nmax_frame = lots\n');
    daemon.kill('SIGHUP');
    await daemon.logged(/usherd\.conf:2: limits\.max_frame = "lots": expected/);
    await a.alive();
    let from = daemon.log.length;
    await fs.writeFile(file, '[limits]\nmax_frame = 2K\n[server]\nnode = other\n[ice]\nstun = stun:here\n');
    daemon.kill('SIGHUP');
    await daemon.logged(/the settings were read again/, from);
    await daemon.logged(/when the daemon is restarted option=server\.node/, from);
    const b = await connect(daemon.url);
    assert.equal(b.welcome.limits.maxFrame, 2048);
    assert.deepEqual(b.welcome.iceServers, [{ urls: ['stun:here'] }]);
    assert.match(b.welcome.peerId, /^n1\./);
    assert.equal((await a.ask({ type: 'ping', x: 'x'.repeat(1500) })).type, 'pong');
    from = daemon.log.length;
    const idle = await connect(daemon.url);
    await fs.writeFile(file, '[server]\nlog_format = json\nlog_level = debug\n[limits]\njoin_timeout = 100ms\n');
    daemon.kill('SIGHUP');
    assert.equal((await within(3000, idle.next(), 'the new join_timeout does not count')).code, 'not-in-room');
    const [line] = await daemon.logged(/^\{.*"event":"reloaded".*\}$/m, from);
    assert.equal(JSON.parse(line).level, 'notice');
    await a.close();
    await b.close();
    assert.equal(await daemon.stop(), 0);
}));

test('a service manager that does not listen is no hindrance', () => inFolder(async (folder) => {
    const daemon = await startDaemon({ env: { NOTIFY_SOCKET: path.join(folder, 'none') } });
    assert.equal(await daemon.stop(), 0);
}));

test('without descriptors accepting pauses, is said once, and recovers', async () => {
    const daemon = await startDaemon({ descriptors: 64, args: ['--set', 'limits.message_rate=0'] });
    const a = await connect(daemon.url);
    await a.join('full');
    const crowd = [];
    for (let i = 0; i < 100; i++) crowd.push(new Raw(daemon.port));
    await daemon.logged(/out of file descriptors/);
    const cpu = async () => {
        const fields = (await fs.readFile(`/proc/${daemon.pid}/stat`, 'utf8')).split(' ');
        return Number(fields[13]) + Number(fields[14]);
    };
    const before = await cpu();
    const from = Date.now();
    while (Date.now() - from < 1500) await a.alive();
    const busy = (await cpu()) - before;
    assert.ok(busy < 100, `${busy} ticks of processor time in 1.5 s`);
    for (const raw of crowd.splice(0)) raw.destroy();
    const b = await connect(daemon.url);
    assert.equal((await b.join('full')).peers.length, 1);
    await daemon.logged(/accepting connections again/);
    assert.equal(daemon.log.match(/out of file descriptors/g).length, 1);
    await a.close();
    await b.close();
    assert.equal(await daemon.stop(), 0);
});
