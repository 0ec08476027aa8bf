// SPDX-License-Identifier: MIT
//
// Whoever reads the log stops reading, be it a pipe, a socket or the journal, and the daemon goes on: what finds no room
// is dropped, counted, and said when the log flows again. Records are caused by reloads of a file with a mistake. The
// service manager's socket is of the same kind.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { Daemon, binary, root, startDaemon, within } from './lib/daemon.mjs';
import { pair } from './lib/client.mjs';
import { startManager, startReader } from './lib/manager.mjs';
import { scratch } from './lib/peer.mjs';
import { Program } from './lib/program.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const RECORDS_MAX = 20000; // far more than ring and pipe take
const SOME = 600; // less than the ring takes, and more than a socket
const STOP_MS = 3000;

const dropped = async (http) => parseMetrics(await (await fetch(`${http}/metrics`)).text()).get('usherd_log_dropped_total');

// A file that is good at start and has a mistake ever after, with a name that makes long records.
async function badFile(folder) {
    const file = path.join(folder, `${'long-'.repeat(30)}.conf`);
    await fs.promises.writeFile(file, '');
    return { file, spoil: () => fs.promises.writeFile(file, '[limits]\nmax_frame = lots\n') };
}

async function causeRecord(pid, [a, b], n) {
    process.kill(pid, 'SIGHUP');
    a.send({ type: 'signal', to: b.peerId, data: n });
    assert.equal((await b.next()).data, n);
}

// Causes records until some are dropped, and sees a signal through between any two of them.
async function overflow({ http, pid }, two) {
    for (let n = 0; n < RECORDS_MAX; n++) {
        await causeRecord(pid, two, n);
        if (n % 100 === 99 && (await dropped(http)) > 0) return;
    }
    assert.fail('nothing was dropped');
}

// A pipe of the kernel's, which node has none of: { writer, read(until), close() }.
async function openPipe(folder) {
    const file = path.join(folder, 'pipe');
    execFileSync('mkfifo', [file]);
    const reader = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const writer = fs.openSync(file, fs.constants.O_WRONLY);
    const bytes = Buffer.alloc(65536);
    const pipe = { writer, said: '' };
    const readSome = () => {
        try {
            pipe.said += bytes.toString('utf8', 0, fs.readSync(reader, bytes));
        } catch (error) {
            if (error.code !== 'EAGAIN') throw error;
        }
    };
    pipe.until = async (pattern) => {
        let wanted = true;
        const read = async () => {
            for (let match; wanted; await turn()) {
                readSome();
                if ((match = pattern.exec(pipe.said))) return match;
            }
            return null;
        };
        return within(10000, read(), () => `${pattern} was not logged:\n${pipe.said}`).finally(() => (wanted = false));
    };
    pipe.close = () => fs.closeSync(reader);
    return pipe;
}

// A daemon whose log is a pipe that is read only when the test says so.
async function startWithPipe() {
    const folder = await scratch();
    const pipe = await openPipe(folder);
    const { file, spoil } = await badFile(folder);
    const args = ['--config', file, '--listen', '127.0.0.1:0', '--set', `server.state_dir=${folder}/state`];
    const child = spawn(binary, args, { cwd: root, stdio: ['ignore', 'ignore', pipe.writer] });
    fs.closeSync(pipe.writer);
    const daemon = new Program('the daemon', child, []);
    const [, port] = await pipe.until(/listening on 127\.0\.0\.1:(\d+)\n/);
    await pipe.until(/is ready/);
    await spoil();
    return Object.assign(daemon, { pipe, url: `ws://127.0.0.1:${port}/ws`, http: `http://127.0.0.1:${port}` });
}

test('a full pipe', async () => {
    const daemon = await startWithPipe();
    const two = await pair(daemon.url, 'goes-on');
    await overflow(daemon, two);
    const lost = await dropped(daemon.http);
    const [, count] = await daemon.pipe.until(/ warning records were dropped: [^\n]* count=(\d+)\n/);
    assert.ok(Number(count) >= lost, `${count} were said, ${lost} counted`);
    assert.equal(Number(count), await dropped(daemon.http));
    const from = daemon.pipe.said.length;
    daemon.kill('SIGTERM');
    await daemon.pipe.until(/ notice  stopping: [^\n]*\n$/);
    assert.equal(await daemon.exited, 0);
    assert.ok(daemon.pipe.said.length > from);
    // No line is cut.
    for (const line of daemon.pipe.said.trimEnd().split('\n'))
        assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (error|warning|notice|info) +\S.*$/);
    daemon.pipe.close();
});

test('a full pipe does not hold up the end', async () => {
    const daemon = await startWithPipe();
    const two = await pair(daemon.url, 'ends');
    await overflow(daemon, two);
    daemon.kill('SIGTERM');
    assert.equal(await within(STOP_MS, daemon.exited, 'the daemon did not end'), 0);
    daemon.pipe.close();
});

test('a pipe that nobody can read any more', async () => {
    const daemon = await startWithPipe();
    daemon.pipe.close();
    const two = await pair(daemon.url, 'goes-on');
    daemon.kill('SIGHUP');
    await within(10000, (async () => {
        while ((await dropped(daemon.http)) === 0) await two[0].alive();
    })(), 'what nobody could read was not counted');
    assert.equal(await daemon.stop(), 0);
});

test('a socket that is not read', async () => {
    const folder = await scratch();
    const { file, spoil } = await badFile(folder);
    const daemon = await startDaemon({ args: ['--config', file] }); // node's pipes are sockets
    daemon.child.stderr.pause();
    await spoil();
    const two = await pair(daemon.url, 'goes-on');
    await overflow(daemon, two);
    daemon.child.stderr.resume();
    const [, count] = await daemon.logged(/ warning records were dropped: [^\n]* count=(\d+)\n/);
    assert.equal(Number(count), await dropped(daemon.http));
    assert.equal(await daemon.stop(), 0);
});

test('a descriptor that another program made non-blocking loses nothing', async () => {
    const folder = await scratch();
    const { file, spoil } = await badFile(folder);
    const nonblocking = 'use Fcntl; fcntl(STDERR, F_SETFL, O_NONBLOCK | O_WRONLY) or die; exec @ARGV or die';
    const args = ['--config', file, '--listen', '127.0.0.1:0', '--set', `server.state_dir=${folder}/state`];
    const child = spawn('perl', ['-e', nonblocking, binary, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const daemon = new Daemon(child);
    const [, port] = await daemon.logged(/listening on 127\.0\.0\.1:(\d+)\n/);
    const two = await pair(`ws://127.0.0.1:${port}/ws`, 'goes-on');
    await spoil();
    daemon.child.stderr.pause();
    for (let n = 0; n < SOME; n++) await causeRecord(daemon.pid, two, n);
    assert.equal(await dropped(`http://127.0.0.1:${port}`), 0);
    daemon.child.stderr.resume();
    assert.equal(await daemon.stop(), 0);
    assert.ok(daemon.log.match(/expected a size/g).length > SOME / 2);
});

// The journal's socket has its place, so the daemon gets a /run of its own.
async function startWithJournal(socketFolder, args) {
    const inRun = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal && shift &&
        export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) && exec "$0" "$@"`;
    const space = process.getuid() === 0 ? ['--mount'] : ['--mount', '--map-root-user'];
    const child = spawn('unshare', [...space, 'sh', '-c', inRun, binary, socketFolder, ...args],
        { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    return new Daemon(child);
}

test('a journal that is stopped', async () => {
    const folder = await scratch();
    const { file, spoil } = await badFile(folder);
    const sockets = path.join(folder, 'journal');
    await fs.promises.mkdir(sockets);
    const journal = await startReader(path.join(sockets, 'socket'));
    const daemon = await startWithJournal(sockets,
        ['--config', file, '--listen', '127.0.0.1:0', '--set', `server.state_dir=${folder}/state`]);
    const [, port] = await journal.heard(/^SYSLOG_IDENTIFIER=usherd \| MESSAGE=listening on 127\.0\.0\.1:(\d+) \| PRIORITY=5 \| EVENT=listening \| $/m);
    const two = await pair(`ws://127.0.0.1:${port}/ws`, 'goes-on');
    await spoil();
    journal.pause();
    const http = `http://127.0.0.1:${port}`;
    await overflow({ http, pid: daemon.pid }, two);
    journal.resume();
    const [, count] = await journal.heard(/ \| PRIORITY=4 \| EVENT=log-dropped \| COUNT=(\d+) \| $/m);
    assert.equal(Number(count), await dropped(http));
    assert.equal(await daemon.stop(), 0);
    await journal.heard(/EVENT=draining/);
    assert.equal(daemon.log, '', 'what the journal takes does not come twice');
    await journal.stop();
});

test('a service manager that is stopped', async () => {
    const manager = await startManager(await scratch());
    const daemon = await startDaemon({ env: { ...manager.env, WATCHDOG_USEC: '2000' }, args: ['--set', 'limits.message_rate=0'] });
    await manager.heard(/(WATCHDOG=1\n[^]*){3}/);
    const two = await pair(daemon.url, 'goes-on');
    manager.pause();
    const until = Date.now() + 1000; // a thousand notifications; the socket takes a dozen, or some hundreds
    while (Date.now() < until) for (const client of two) await client.alive();
    await two[0].close();
    manager.resume();
    await manager.heard(/STATUS=1 connections/);
    assert.equal(await daemon.stop(), 0);
    await manager.heard(/STOPPING=1/);
    await manager.stop();
});
