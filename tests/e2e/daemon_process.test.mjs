// SPDX-License-Identifier: MIT
//
// What a daemon may be given by whoever starts it: closed descriptors, signals that are blocked, ignored or stray,
// limits (setrlimit(2)), and an odd environment. It serves all the same, or says in one sentence what it lacks.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Daemon, binary, root, run, startDaemon, testMemory, within } from './lib/daemon.mjs';
import { connect, pair } from './lib/client.mjs';
import { scratch } from './lib/peer.mjs';
import { Program } from './lib/program.mjs';

const PATIENCE_MS = 10000;

// A daemon that a shell starts: after these commands, through this program, with its descriptors redirected; at a unix
// socket, since its log may be closed.
async function startThrough({ first = ':', through = '', redirect = '', env = {} }) {
    const folder = await scratch();
    const socket = path.join(folder, 'socket');
    const state = path.join(folder, 'state');
    const child = spawn('sh', ['-c', `${first} && exec ${through} "$0" "$@" ${redirect}`, binary,
        '--listen', `unix:${socket}`, '--set', `server.state_dir=${state}`],
    { cwd: root, env: { ...process.env, STATE: state, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const daemon = new Daemon(child);
    return Object.assign(daemon, { folder, socket, url: `ws+unix:${socket}:/ws` });
}

const ask = (socket, what, ...more) =>
    execFileSync('curl', ['-s', '--max-time', '5', '--unix-socket', socket, '-w', ' %{http_code}', `http://localhost${what}`, ...more], { encoding: 'utf8' });

async function whenListening(daemon) {
    const connected = async () => {
        for (;;)
            try {
                return await connect(daemon.url);
            } catch {
                await Promise.race([pause(20), daemon.exited.then((code) => Promise.reject(new Error(`it ended with ${code}: ${daemon.log}`)))]);
            }
    };
    (await within(PATIENCE_MS, connected(), () => `it does not listen: ${daemon.log}`)).destroy();
}

// A whole life: it relays, writes its file, and ends when it is told to.
async function live(daemon) {
    await whenListening(daemon);
    const [a, b] = await pair(daemon.url, 'alive');
    a.send({ type: 'signal', to: b.peerId, data: 'hello' });
    assert.equal((await b.next()).data, 'hello');
    assert.match(ask(daemon.socket, '/api/rooms', '-d', '{"name":"kept"}'), / 201$/);
    await Promise.all([a.close(), b.close()]);
    daemon.kill('SIGTERM');
    assert.equal(await within(PATIENCE_MS, daemon.exited, 'it did not end'), 0, daemon.log);
}

for (const redirect of ['<&-', '>&-', '2>&-', '<&- >&-', '<&- >&- 2>&-'])
    test(`started with ${redirect}`, async () => {
        const daemon = await startThrough({ redirect });
        await live(daemon);
        // What would have been the log's number is nothing else's.
        const state = path.join(daemon.folder, 'state');
        assert.equal(await fs.readFile(path.join(state, 'lock'), 'utf8'), '');
        assert.equal((await fs.stat(path.join(state, 'owner.key'))).size, 32);
        JSON.parse(await fs.readFile(path.join(state, 'rooms.json'), 'utf8'));
        if (!redirect.includes('2>')) assert.match(daemon.log, /is ready/);
    });

const GIVEN = `use POSIX; my $how = shift;
    for my $name (qw(TERM INT HUP CHLD PIPE XFSZ)) { $SIG{$name} = 'IGNORE' if $how eq 'ignored' }
    if ($how eq 'blocked') { my $all = POSIX::SigSet->new; $all->fillset; sigprocmask(SIG_SETMASK, $all) or die }
    exec @ARGV or die`;

for (const how of ['blocked', 'ignored'])
    test(`signals that the parent ${how}`, async () => {
        const daemon = await startThrough({ through: `perl -e "$GIVEN" ${how}`, env: { GIVEN } });
        await daemon.logged(/is ready/);
        daemon.kill('SIGHUP');
        await daemon.logged(/the settings were read again/);
        await live(daemon);
    });

test('signals that mean nothing to it', async () => {
    const daemon = await startDaemon();
    const two = await pair(daemon.url, 'stray');
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGIO', 'SIGPWR', 'SIGXFSZ', 'SIGPIPE', 'SIGTTIN', 'SIGTTOU',
        'SIGURG', 'SIGCHLD', 'SIGWINCH', 'SIGCONT']) {
        daemon.kill(signal);
        for (const client of two) await client.alive();
    }
    assert.equal(await daemon.stop(), 0);
});

test('a parent that is gone may have it end', async () => {
    const folder = await scratch();
    const script = 'setpriv --pdeathsig TERM "$0" "$@" & wait';
    const parent = spawn('sh', ['-c', script, binary, '--listen', '127.0.0.1:0', '--set', `server.state_dir=${folder}/state`],
        { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const daemon = new Daemon(parent);
    await daemon.logged(/is ready/);
    parent.kill('SIGKILL');
    await within(PATIENCE_MS, once(parent.stderr, 'end'), 'it lives on');
    assert.match(daemon.log, / stopping: /);
});

for (const limit of ['--nofile=32', '--stack=65536', '--core=0', '--memlock=0', '--sigpending=0', '--msgqueue=0', '--fsize=65536'])
    test(`serves under ${limit}`, async () => {
        await live(await startThrough({ through: `prlimit ${limit}` }));
    });

// As somebody to whom the limit of processes applies.
const asSomebody = process.getuid() === 0 ? 'setpriv --reuid 65534 --clear-groups' : '';

// Resolves to what starts, through this program, a copy of the daemon that this somebody may run.
async function openFolder() {
    const folder = await scratch();
    await fs.chmod(folder, 0o777);
    const copy = path.join(folder, 'usherd');
    await fs.copyFile(binary, copy);
    return async (through) => {
        const state = path.join(folder, 'state');
        await fs.rm(state, { recursive: true, force: true });
        return new Daemon(spawn('sh', ['-c', `exec ${through} "$0" "$@"`, copy, '--listen', '127.0.0.1:0', '--set', `server.state_dir=${state}`],
            { cwd: '/', env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }, stdio: ['ignore', 'pipe', 'pipe'] }));
    };
}

test('what it cannot start without is named', async () => {
    const start = await openFolder();
    const cases = [
        ['prlimit --nofile=16', 78, /\d+ descriptors are free, of a limit of 16: expected 25 at least: raise the limit \(ulimit -n, LimitNOFILE=\)\n$/],
        ['prlimit --nofile=8', 78, /\d+ descriptors are free, of a limit of 8: expected 25 at least: raise the limit \(ulimit -n, LimitNOFILE=\)\n$/],
        [`${asSomebody} prlimit --nproc=1`, 1, /no thread could be started: Resource temporarily unavailable: raise the limit of processes or memory \(ulimit -u, /],
        ['prlimit --fsize=0', 78, /cannot write \S+\/owner\.key: File too large: raise the limit of a file's size \(ulimit -f, LimitFSIZE=\)\n$/],
    ];
    for (const [through, code, sentence] of cases) {
        const daemon = await start(through);
        assert.equal(await within(PATIENCE_MS, daemon.exited, `it did not end under ${through}`), code, `${through}: ${daemon.log}`);
        assert.match(daemon.log, sentence);
        assert.match(daemon.log, /^[^\n]+\n$/, through);
    }
});

test('threads that nobody gets any more are not missed', async () => {
    const start = await openFolder();
    const daemon = await start(asSomebody);
    const [, port] = await daemon.logged(/listening on 127\.0\.0\.1:(\d+)\n/);
    await daemon.logged(/is ready/);
    execFileSync('sh', ['-c', `exec ${asSomebody} prlimit --pid ${daemon.pid} --nproc=1`]);
    for (const body of ['{"name":"open"}', '{"name":"locked","password":"secret"}'])
        assert.equal((await fetch(`http://127.0.0.1:${port}/api/rooms`, { method: 'POST', body })).status, 201);
    assert.equal(await daemon.stop(), 0, daemon.log);
});

// From far too little to enough, by what a daemon without the limit has mapped. The loader's own refusal is 127.
testMemory('however little memory there is, it starts or says so', async () => {
    const whole = await startDaemon();
    const [, peak] = /^VmPeak:\s+(\d+) kB/m.exec(await fs.readFile(`/proc/${whole.pid}/status`, 'latin1'));
    assert.equal(await whole.stop(), 0);
    const ends = { started: 0, said: 0 };
    for (let part = 1; part <= 20; part++) {
        const folder = await scratch();
        const child = spawn('sh', ['-c', `ulimit -v ${Math.ceil((peak * part) / 16)} && exec "$0" "$@"`, binary, '--listen', '127.0.0.1:0',
            '--set', `server.state_dir=${folder}`], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
        const daemon = new Daemon(child);
        const started = await Promise.race([daemon.logged(/is ready/).then(() => true, () => false), daemon.exited.then(() => false)]);
        if (started) {
            ends.started++;
            assert.equal(await daemon.stop(), 0, daemon.log);
        } else {
            ends.said++;
            assert.ok([1, 127].includes(await daemon.exited), `${part}/16 of ${peak} KiB: ${await daemon.exited}: ${daemon.log}`);
            assert.notEqual(daemon.log, '');
        }
    }
    assert.ok(ends.started > 0 && ends.said > 0, JSON.stringify(ends));
});

// Makes rooms before, while and after `fill` and `free` of a daemon's disk; the members of one talk all the while.
async function fillDisk(daemon, problem, fill, free) {
    const make = (name) => JSON.parse(ask(daemon.socket, '/api/rooms', '-d', JSON.stringify({ name })).replace(/^(.*)\n? (\d+)$/s, '{"answer":$1,"status":$2}'));
    await whenListening(daemon);
    assert.equal(make('before').status, 201);
    const [a, b] = await pair(daemon.url, 'before');
    await fill();
    const filled = Date.now();
    for (const name of Array.from({ length: 20 }, (_, i) => `full${i}`)) {
        const { status, answer } = make(name);
        assert.equal(status, 503);
        assert.match(answer.error.message, /^the room could not be stored, so it was not made/);
        a.send({ type: 'signal', to: b.peerId, data: name });
        assert.equal((await b.next()).data, name);
    }
    await daemon.logged(problem);
    const said = daemon.log.match(new RegExp(problem, 'g')).length;
    assert.ok(said <= 1 + (Date.now() - filled) / 1000, `said ${said} times`);
    assert.match(ask(daemon.socket, '/health'), / 200$/);
    await free();
    await within(PATIENCE_MS, (async () => {
        while (make('after').status !== 201) await pause(100);
    })(), () => `rooms cannot be made again: ${daemon.log}`);
    daemon.kill('SIGTERM');
    assert.equal(await within(PATIENCE_MS, daemon.exited, 'it did not end'), 0);
}

test('a limit of file sizes refuses rooms, and is no end', async () => {
    const daemon = await startThrough({});
    const limit = (bytes) => execFileSync('prlimit', ['--pid', daemon.pid, `--fsize=${bytes}:unlimited`]);
    await fillDisk(daemon, /cannot write \S+\/rooms\.json: File too large: raise the limit of a file's size/, () => limit(8), () => limit('unlimited'));
    const stored = await fs.readFile(path.join(daemon.folder, 'state/rooms.json'), 'utf8');
    assert.match(stored, /"before"/);
    assert.match(stored, /"after"/);
    assert.doesNotMatch(stored, /full/);
});

test('a full disk refuses rooms, and takes them when there is room again', async () => {
    const space = process.getuid() === 0 ? '--mount' : '--mount --map-root-user';
    const daemon = await startThrough({
        through: `unshare ${space} sh -c 'mkdir "$STATE" && mount -t tmpfs -o size=64k tmpfs "$STATE" && exec "$0" "$@"'`,
    });
    const filler = `/proc/${daemon.pid}/root${daemon.folder}/state/filler`;
    const fill = async () => {
        const file = await fs.open(filler, 'w');
        await assert.rejects(async () => {
            for (;;) await file.write(Buffer.alloc(512));
        }, { code: 'ENOSPC' });
        await file.close();
    };
    await fillDisk(daemon, /cannot write \S+\/rooms\.json: No space left on device: make room on that disk/, fill, () => fs.rm(filler));
});

test('files are private, whatever the umask', async () => {
    const daemon = await startThrough({ first: 'umask 0' });
    await live(daemon);
    const state = path.join(daemon.folder, 'state');
    assert.equal((await fs.stat(state)).mode & 0o777, 0o700);
    const names = await fs.readdir(state);
    assert.deepEqual(names.sort(), ['lock', 'owner.key', 'resume.key', 'rooms.json']);
    for (const name of names) assert.equal((await fs.stat(path.join(state, name))).mode & 0o777, 0o600, name);
});

test('an odd environment', async () => {
    const gone = await scratch();
    const daemon = await startThrough({
        first: `cd ${gone} && rmdir ${gone} && unset HOME XDG_STATE_HOME`,
        env: { TZ: 'Nowhere/At_all', LC_ALL: 'de_DE@none', LANG: '%s%n', TERM: '' },
    });
    await live(daemon);
    assert.match(daemon.log, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z notice {2}listening/);
});

test('what cannot be printed is said', async () => {
    for (const args of [['--version'], ['--help'], ['--print-config']]) {
        const child = spawn('sh', ['-c', 'exec "$0" "$@" >/dev/full', binary, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
        const program = new Program('usherd', child, [child.stderr]);
        assert.equal(await program.exited, 1, args.join(' '));
        assert.equal(program.log, 'usherd: cannot write to standard output: No space left on device\n');
    }
    assert.equal((await run(['--version'])).code, 0);
});

// A daemon whose thread is in the midst of writing rooms.json, to a disk that takes a minute for each sync
// (tests/hooks/sync.c). The keys are there already.
const DRAIN_MS = 500; // who waits for the answer is waited for
async function startWriting() {
    const folder = await scratch();
    const args = ['--set', `server.state_dir=${folder}`, '--set', `server.drain_timeout=${DRAIN_MS}ms`];
    assert.equal(await (await startDaemon({ args })).stop(), 0);
    const env = {
        LD_PRELOAD: path.resolve(path.dirname(binary), 'tests/slow-sync.so'),
        USHER_TEST_SYNC_MS: '60000',
        ASAN_OPTIONS: 'verify_asan_link_order=0:detect_leaks=0',
    };
    const daemon = await startDaemon({ args, env });
    http.request(`${daemon.http}/api/rooms`, { method: 'POST' }).on('error', () => {}).end();
    const begun = async () => {
        while (!(await fs.readdir(folder)).includes('rooms.json.new')) await pause(20);
    };
    await within(PATIENCE_MS, begun(), 'nothing is written');
    return daemon;
}

async function whenClosed(daemon) {
    for (;;)
        try {
            await (await fetch(`${daemon.http}/health`)).text();
            await pause(20);
        } catch {
            return;
        }
}

test('a disk that does not answer holds the end up for 10 seconds, and a second signal for none', { timeout: 60000 }, async () => {
    const [STOP_MS, AT_ONCE_MS] = [10000, 2000];
    const daemons = await Promise.all([startWriting(), startWriting(), startWriting()]);
    for (const daemon of daemons) daemon.kill('SIGTERM');
    await Promise.all(daemons.map((daemon) => daemon.logged(/stopping: everybody is told to come back later/)));
    const [patient, hurried, late] = daemons;
    hurried.kill('SIGTERM'); // while it drains
    assert.equal(await within(AT_ONCE_MS, hurried.exited, 'it did not end at once'), 1);
    await within(PATIENCE_MS, whenClosed(late), 'it still listens');
    late.kill('SIGTERM'); // when only the disk is waited for
    assert.equal(await within(AT_ONCE_MS, late.exited, 'it did not end at once'), 1);
    assert.equal(await within(DRAIN_MS + STOP_MS + AT_ONCE_MS, patient.exited, 'it did not end'), 1);
    assert.match(patient.log, /the disk does not answer: ending without what was still to be written or read\n$/);
});
