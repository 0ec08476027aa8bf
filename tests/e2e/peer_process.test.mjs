// SPDX-License-Identifier: MIT
//
// What the peer may be given by whoever starts it: closed descriptors, and signals that are blocked or ignored. A closed
// standard input is the end of input; nothing else's descriptor is ever taken for it.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { root, startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, Peer, runUsher, scratch, usher } from './lib/peer.mjs';
import { Program } from './lib/program.mjs';

const PATIENCE_MS = 15000;
const CPU_MS = 1500; // of a whole short life; one that spins uses all there is

let daemon;
before(async () => (daemon = await startDaemon()));
after(() => daemon.stop());

// usher, started by a shell through this program with its descriptors redirected.
async function startThrough({ through = '', redirect = '', command, env = {} }) {
    const state = await scratch();
    const child = spawn('sh', ['-c', `exec ${through} "$0" "$@" ${redirect}`, usher, '--server', daemon.url, '--state', state,
        '--ice-address', '127.0.0.1', ...command], { cwd: root, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {});
    const program = new Program('usher', child, [child.stderr]);
    program.output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (program.output += text));
    return Object.assign(program, { state });
}

// Milliseconds that all children of this process that have ended used so far.
const used = async () => {
    const stat = await fs.readFile('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
};

for (const redirect of ['<&-', '<&- >&-', '<&- 2>&-', '<&- >&- 2>&-'])
    for (const command of [['pipe', 'closed'], ['chat', 'closed']])
        test(`${command[0]} with ${redirect} ends like one whose input ends`, async () => {
            const before = await used();
            const program = await startThrough({ redirect, command });
            assert.equal(await within(PATIENCE_MS, program.exited, () => `it did not end: ${program.log}`), 0, program.log);
            assert.ok((await used()) - before < CPU_MS);
            assert.equal(program.log, '');
            if (!/(^| )>&-/.test(redirect)) assert.match(program.output, command[0] === 'pipe' ? /"event":"joined"/ : /You are in room closed/);
            // What it prints is in none of its files, and these are as good as ever.
            assert.equal(await fs.readFile(path.join(program.state, 'lock'), 'utf8'), '');
            for (const name of await fs.readdir(program.state))
                assert.doesNotMatch(await fs.readFile(path.join(program.state, name), 'latin1'), /"event"|You are in room/);
            const again = await runUsher(['--state', program.state, 'id']);
            assert.match(again.stdout, /^[a-z2-7]{26}\n$/);
        });

test('with standard error closed it talks on', async () => {
    const program = await startThrough({ redirect: '2>&-', command: ['pipe', 'closed'] });
    program.child.stdin.write('{"do":"peers"}\n');
    await within(PATIENCE_MS, (async () => {
        while (!/"event":"peers"/.test(program.output)) await new Promise((resolve) => program.child.stdout.once('data', resolve));
    })(), () => `no answer: ${program.output}`);
    program.child.stdin.end('{"do":"quit"}\n');
    assert.equal(await within(PATIENCE_MS, program.exited, 'it did not end'), 0);
});

const GIVEN = `use POSIX; my $how = shift;
    for my $name (qw(TERM INT CHLD PIPE XFSZ)) { $SIG{$name} = 'IGNORE' if $how eq 'ignored' }
    if ($how eq 'blocked') { my $all = POSIX::SigSet->new; $all->fillset; sigprocmask(SIG_SETMASK, $all) or die }
    exec @ARGV or die`;

for (const how of ['blocked', 'ignored'])
    test(`SIGTERM ends it, though the parent ${how} it`, async () => {
        const program = await startThrough({ through: `perl -e "$GIVEN" ${how}`, env: { GIVEN }, command: ['pipe', 'signals'] });
        await within(PATIENCE_MS, (async () => {
            while (!/"event":"ready"/.test(program.output)) await new Promise((resolve) => program.child.stdout.once('data', resolve));
        })(), () => `not ready: ${program.output}`);
        program.kill('SIGTERM');
        assert.equal(await within(PATIENCE_MS, program.exited, 'it did not end'), 0);
    });

// A file that may not grow fails the same call as a full disk, and comes with a signal that ends a process.
for (const [name, how] of [['a full disk', ['sh', '-c', 'exec "$0" "$@" >/dev/full']], ['a file that may not grow', ['sh', '-c', 'ulimit -f 0; exec "$0" "$@" >"$OUT"']]])
    for (const what of [['--version'], ['--help'], ['id', '--state', 'STATE']])
        test(`what ${what[0]} prints to ${name} is missed`, async () => {
            const state = await scratch();
            await runUsher(['id', '--state', state]); // it is there already: nothing else is written
            const [program, ...args] = how;
            const child = spawn(program, [...args, usher, ...what.map((word) => (word === 'STATE' ? state : word))],
                { cwd: root, env: { ...process.env, OUT: path.join(state, 'out') }, stdio: ['ignore', 'ignore', 'pipe'] });
            const ended = new Program('usher', child, [child.stderr]);
            assert.equal(await within(PATIENCE_MS, ended.exited, 'it does not end'), 1, ended.log);
            assert.match(ended.log, /^usher: cannot write to standard output: (No space left on device|File too large)\n$/);
        });

// Hands on what a program says until it says that something was delivered, then takes no more: a small buffer is full by then.
const TAKES_NO_MORE = `use Socket; socketpair(my $ours, my $its, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
    setsockopt($its, SOL_SOCKET, SO_SNDBUF, pack('i', 4096)) or die; $| = 1;
    my $pid = fork(); if (!$pid) { open(STDOUT, '>&', $its) or die; close($ours); exec @ARGV or die; }
    close($its); my $all = '';
    while (sysread($ours, my $part, 64)) { print $part; $all .= $part; $all =~ /"delivered"/ and last; }
    shutdown($ours, 0); while (sysread($ours, my $part, 4096)) { print $part; }
    waitpid($pid, 0); exit($? >> 8);`;

test('what it could not say of a delivery before its reader went is said by the next start', async () => {
    const MESSAGES = 200;
    const state = await scratch();
    const options = { server: daemon.url, room: 'unread', name: 'ann', state };
    const ben = await joinPeer({ ...options, name: 'ben', state: undefined });
    const args = ['--server', daemon.url, '--state', state, '--ice-address', '127.0.0.1', '--name', 'ann', 'pipe', 'unread'];
    const ann = new Peer(spawn('perl', ['-e', TAKES_NO_MORE, usher, ...args], { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] }), state);
    await ann.linked(ben);
    ben.child.kill('SIGSTOP');
    for (let i = 0; i < MESSAGES; i++) ann.do({ do: 'send', to: [ben.id], text: `${i}`, ref: `${i}` });
    for (let i = 0; i < MESSAGES; i++) await ann.event('accepted', { ref: `${i}` });
    ben.child.kill('SIGCONT');
    assert.equal(await within(PATIENCE_MS, ann.exited, 'it went on'), 1);
    const told = ann.count('delivered');
    assert.ok(told > 0 && told < MESSAGES, `${told}`);

    const again = await joinPeer(options);
    for (const { id } of ann.all.filter(({ event }) => event === 'accepted'))
        if (!ann.count('delivered', { id })) await again.event('delivered', { id, by: ben.id });
    await Promise.all([again.stop(), ben.stop()]);
});
