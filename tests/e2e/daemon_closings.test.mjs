// SPDX-License-Identifier: MIT
//
// Nine thousand connections that never sent a byte, whose time is over at once, beside two members that talk. What the
// daemon needs to let go of the crowd must not make the two wait.
//
// Other programs of the machine make everybody wait, so the bound is about the daemon alone: no relay lasts longer
// because of it than the processor time that its loop has used since the message was sent (schedstat, proc(5)).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { startDaemon, within } from './lib/daemon.mjs';
import { pair } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';

const ADDRESSES = 20;
const EACH = 450; // from one address: within the burst that the limits let in
const FEW = 15;
const CROWD = ADDRESSES * EACH;
const DELAY_MS = 50;
const PATIENCE_MS = 20000;

// Node would be busy with the ends of its nine thousand sockets; this one sleeps in the first of its reads. It says when
// all are connected, when the first has ended, and when all have.
const SILENT = `use strict; use Socket; $| = 1;
    my ($port, $addresses, $each) = @ARGV;
    my @all;
    for (1 .. $each) {
        for my $n (1 .. $addresses) {
            socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
            bind($s, pack_sockaddr_in(0, inet_aton("127.0.1.$n"))) or die "bind: $!";
            connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die "connect: $!";
            push @all, $s;
        }
    }
    print "open\\n";
    for my $s (@all) {
        sysread($s, my $byte, 1);
        print "first\\n" if $s == $all[0];
    }
    print "closed\\n";`;

function startCrowd(port, each) {
    // The soft limit of descriptors may be far below the hard one.
    const child = spawn('sh', ['-c', 'ulimit -n $(ulimit -Hn) && exec perl -e "$0" "$@"', SILENT, port, ADDRESSES, each],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = async (word) => {
        const { value } = await within(PATIENCE_MS, lines.next(), `the crowd did not say ${word}`);
        assert.equal(value, word);
    };
    return { child, said };
}

const connections = async (daemon) =>
    parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text()).get('usherd_connections');

// Milliseconds of processor time that the daemon's loop has used.
const used = (pid) => Number(fs.readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;

// Relays until `going` says no: the worst times, by the clock and by the daemon's part in it, in ms.
async function relay(daemon, [a, b], going) {
    const worst = { clock: 0, daemon: 0, relays: 0 };
    for (; going() || worst.relays === 0; worst.relays++) {
        const [at, cpu] = [performance.now(), used(daemon.pid)];
        a.send({ type: 'signal', to: b.peerId, data: worst.relays });
        assert.equal((await b.next()).data, worst.relays);
        const clock = performance.now() - at;
        worst.clock = Math.max(worst.clock, clock);
        worst.daemon = Math.max(worst.daemon, Math.min(clock, used(daemon.pid) - cpu));
    }
    return worst;
}

async function relayUntil(daemon, two, end) {
    let over = false;
    const ended = end.finally(() => (over = true));
    ended.catch(() => {});
    const worst = await relay(daemon, two, () => !over);
    await ended;
    return worst;
}

test('thousands whose time is over at once keep no relay waiting', { timeout: 120000 }, async (t) => {
    const daemon = await startDaemon({ args: ['--set', 'limits.message_rate=0'] });
    const crowd = startCrowd(daemon.port, EACH);
    // Nothing happens here but the end of them all, which takes more than one turn of the loop.
    const quiet = await startDaemon();
    const few = startCrowd(quiet.port, FEW);
    try {
        const two = await pair(daemon.url, 'beside');
        await crowd.said('open');
        await within(PATIENCE_MS, (async () => {
            while ((await connections(daemon)) < CROWD + 2) await two[0].alive();
        })(), 'the crowd was not let in');
        const before = await relayUntil(daemon, two, crowd.said('first'));
        const during = await relayUntil(daemon, two, crowd.said('closed'));
        assert.ok((await connections(daemon)) < ADDRESSES);
        for (const word of ['open', 'first', 'closed']) await few.said(word);
        const figures = ({ clock, daemon: own, relays }) => `${clock.toFixed(1)} ms, ${own.toFixed(1)} the daemon's, of ${relays} relays`;
        t.diagnostic(`before: ${figures(before)}; during: ${figures(during)}`);
        assert.ok(during.daemon <= before.daemon + DELAY_MS, `before: ${figures(before)}; during: ${figures(during)}`);
    } finally {
        for (const { child } of [crowd, few]) child.kill('SIGKILL');
        await Promise.all([daemon.stop(), quiet.stop()]);
    }
});
