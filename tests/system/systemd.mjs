// SPDX-License-Identifier: MIT
//
// What the units promise, asked of the systemd that systemd.test.sh booted: $INIT is its first process, $ROOT its root.
// Runs in its network, so that clients are this process's; prints TAP from the number after its argument.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { within } from '../e2e/lib/daemon.mjs';
import { Client, connect, pair } from '../e2e/lib/client.mjs';
import { Raw } from '../e2e/lib/raw.mjs';
import { StunClient, mapped } from '../e2e/lib/stun.mjs';
import { Crowd } from './systemd-crowd.mjs';

const { INIT, ROOT } = process.env;
const CROWD = 500;
let count = Number(process.argv[2] ?? 0);
let failed = false;

const at = (...names) => path.join(ROOT, ...names);
const note = (text) => console.log(`# ${text}`);

// { code, out }: a command inside, to its end.
async function inside(...argv) {
    const child = spawn('nsenter', ['--target', INIT, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--', ...argv],
        { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (out += text));
    const [code] = await within(60000, once(child, 'close'), () => `${argv.join(' ')} did not end: ${out}`);
    return { code, out };
}
const systemctl = (...argv) => inside('systemctl', '--no-pager', ...argv);
async function done(...argv) {
    const { code, out } = await systemctl(...argv);
    assert.equal(code, 0, `systemctl ${argv.join(' ')}: ${out}`);
}
async function show(unit, property) {
    return (await systemctl('show', '--property', property, '--value', unit)).out.trim();
}
async function journal(...argv) {
    const { out } = await inside('journalctl', '--no-pager', '--output', 'json', ...argv);
    return out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

// Until the body returns something true; looks ten times a second.
async function until(ms, body, sentence) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await body();
        if (value) return value;
        if (Date.now() > end) throw new Error(typeof sentence === 'function' ? await sentence() : sentence);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
const state = (unit, wanted, ms = 20000) => until(ms, async () => (await show(unit, 'ActiveState')) === wanted,
    async () => `${unit} is not ${wanted}: ${(await systemctl('status', unit)).out}`);

async function test(name, body) {
    const began = Date.now();
    try {
        await body();
        console.log(`ok ${++count} - ${name}`);
    } catch (error) {
        failed = true;
        console.log(`not ok ${++count} - ${name}`);
        console.error(`${name}: ${error.stack}`);
    }
    console.error(`${name}: ${Date.now() - began} ms`);
}

const configure = (text, unit = 'usherd') => fs.writeFileSync(at('etc/usherd', `${unit}.conf`), text);
async function dropIn(unit, text) {
    const folder = at('etc/systemd/system', `${unit}.d`);
    fs.rmSync(folder, { recursive: true, force: true });
    if (text) {
        fs.mkdirSync(folder, { recursive: true });
        fs.writeFileSync(path.join(folder, 'test.conf'), text);
    }
    await done('daemon-reload');
}
// As if nothing had been: both units down, failures and drop-ins forgotten, good settings.
const GOOD = '[limits]\nconnection_rate = 0\njoin_rate = 0\nmax_connections_per_address = 0\n';
async function fresh() {
    await systemctl('stop', 'usherd.socket', 'usherd.service');
    await dropIn('usherd.service', '');
    await dropIn('usherd.socket', '');
    await systemctl('reset-failed', 'usherd.socket', 'usherd.service');
    await inside('umount', STATE);
    configure(GOOD);
}
const URL = 'ws://127.0.0.1:4000/ws';
const STATE = '/var/lib/private/usherd';
const health = async (port = 4000) => (await fetch(`http://127.0.0.1:${port}/health`)).status;

await test('systemctl start: ready, as a user and with folders of its own', async () => {
    configure(GOOD);
    await done('start', 'usherd.socket', 'usherd.service');
    assert.equal(await health(), 200);
    const local = await connect(`ws+unix:${at('run/usherd.sock')}:/ws`);
    await local.close();
    const pid = await show('usherd.service', 'MainPID');
    const status = (await inside('cat', `/proc/${pid}/status`)).out;
    assert.doesNotMatch(status, /^Uid:\s+0\b/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.match(status, new RegExp(`^${set}:\\s+0+$`, 'm'));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.match(status, /^Seccomp:\s+2$/m);
    assert.equal(fs.statSync(at('var/lib/private/usherd')).mode & 0o777, 0o700);
    for (const name of ['owner.key', 'resume.key', 'lock'])
        assert.equal(fs.statSync(at('var/lib/private/usherd', name)).mode & 0o777, 0o600, name);
});

await test('the status says how many connections and rooms there are, and stays fresh', async () => {
    const [a, b] = await pair(URL, 'one');
    const c = await connect(URL);
    await c.join('two');
    const says = (text) => until(5000, async () => (await show('usherd.service', 'StatusText')) === text,
        async () => `the status is ${await show('usherd.service', 'StatusText')}`);
    await says('3 connections, 2 rooms');
    for (const client of [a, b, c]) await client.close();
    await says('0 connections, 0 rooms');
});

await test('passwords are hashed at a lower priority inside the sandbox too', async () => {
    const a = await connect(URL);
    await a.join('locked', { password: 'secret' }).catch(() => {});
    await fetch('http://127.0.0.1:4000/api/rooms', { method: 'POST', body: '{"name":"hashed","password":"x"}' });
    const pid = await show('usherd.service', 'MainPID');
    const threads = (await inside('sh', '-c', `cat /proc/${pid}/task/*/stat`)).out.trim().split('\n');
    assert.ok(threads.some((line) => line.slice(line.lastIndexOf(')') + 2).split(' ')[16] === '15'), threads.join('\n'));
    await a.close();
});

await test('the sandbox: what the daemon must not do is refused', async () => {
    const unit = fs.readFileSync(at('usr/lib/systemd/system/usherd.service'), 'utf8')
        .replace(/^ExecStart=.*$/m, 'ExecStart=/usr/bin/usherd-probe').replace(/^Type=.*$/m, 'Type=oneshot')
        .replace(/^(WatchdogSec|Restart|RestartSec|ExecReload)=.*$/gm, '');
    fs.writeFileSync(at('etc/systemd/system/usherd-probe.service'), unit);
    await done('daemon-reload');
    fs.writeFileSync(at('dev/usherd-probe'), '');
    await done('start', 'usherd-probe.service');
    const said = Object.fromEntries((await journal('--unit', 'usherd-probe.service')).map(({ MESSAGE }) => String(MESSAGE).split(': ')));
    const refused = {
        'write /etc': /Read-only/, 'write /usr': /Read-only/, 'write /var/lib': /Read-only/, 'read /root': /denied/,
        'see other processes': /No such/, "read the daemon's memory": /No such|denied/, 'see all of /dev': /No such/,
        'packet socket': /family not supported/, 'netlink socket': /family not supported/, 'port below 1024': /denied/,
        mmap: /not permitted/, unshare: /not permitted/, mount: /not permitted/, clock_settime: /not permitted/,
        ptrace: /not permitted/, keyctl: /not permitted/, bpf: /not permitted/, 'setuid bit': /not permitted/, 'become root': /not permitted/,
    };
    const allowed = ['write state', 'write runtime', 'internet socket'];
    for (const name of allowed) assert.equal(said[name], 'done', name);
    for (const [name, why] of Object.entries(refused)) assert.match(String(said[name]), why, name);
    assert.equal(Object.keys(said).filter((name) => name in refused || allowed.includes(name)).length, allowed.length + Object.keys(refused).length);
    // That the attempts are good ones: without the unit's lines nearly all succeed.
    const { out } = await inside('env', 'STATE_DIRECTORY=/tmp', 'RUNTIME_DIRECTORY=/tmp', '/usr/bin/usherd-probe');
    const outside = Object.fromEntries(out.trim().split('\n').map((line) => line.split(': ')));
    for (const name of ['write /etc', 'write /usr', 'write /var/lib', 'read /root', "read the daemon's memory", 'see other processes',
        'see all of /dev', 'netlink socket', 'port below 1024', 'mmap', 'mount', 'setuid bit', 'become root', 'unshare'])
        assert.equal(outside[name], 'done', `${name}, without the sandbox`);
    assert.match(outside.clock_settime, /Invalid argument/);
    note(`sandbox: ${Object.keys(refused).length} attempts refused, ${allowed.length} that it needs allowed`);
});

await test('journal: fields of event, peer and room', async () => {
    configure(`${GOOD}message_rate = 1\nmessage_burst = 3\n`);
    await done('restart', 'usherd.service');
    const a = await connect(URL);
    await a.join('noisy');
    for (let i = 0; i < 10; i++) a.send({ type: 'ping' });
    const found = await until(10000, async () => (await journal('ROOM=noisy'))[0], async () => (await systemctl('status', 'usherd')).out);
    assert.equal(found.PEER, a.peerId);
    assert.match(found.EVENT, /^[a-z-]+$/);
    assert.equal(found.SYSLOG_IDENTIFIER, 'usherd');
    assert.match(found.MESSAGE, /room=noisy/);
    assert.ok(['4', '5', '6'].includes(found.PRIORITY));
    assert.ok((await journal('EVENT=started', '--unit', 'usherd.service')).length > 0);
    a.destroy();
});

const TLS = 'usherd@4443';
const openssl = (cwd, ...args) => execFileSync('openssl', args, { cwd, stdio: 'pipe' });

await test('systemctl reload: a new certificate and new limits under open connections; a bad file is reported', async () => {
    const folder = at('etc/usherd/tls');
    fs.mkdirSync(folder, { recursive: true });
    fs.appendFileSync(at('etc/group'), 'usherd-tls:x:64123:\n');
    for (const name of ['first', 'second'])
        openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`,
            '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2', '-addext', 'subjectAltName=IP:127.0.0.1');
    const serve = (name, frame) => {
        for (const kind of ['pem', 'key']) {
            fs.copyFileSync(path.join(folder, `${name}.${kind}`), path.join(folder, `live.${kind}`));
            fs.chmodSync(path.join(folder, `live.${kind}`), 0o640);
            fs.chownSync(path.join(folder, `live.${kind}`), 0, 64123);
        }
        configure(`[tls]\ncertificate = /etc/usherd/tls/live.pem\nkey = /etc/usherd/tls/live.key\n${GOOD}max_frame = ${frame}K\n`, TLS);
    };
    serve('first', 1);
    await dropIn(`${TLS}.service`, '[Service]\nSupplementaryGroups=usherd-tls\n');
    await done('start', `${TLS}.socket`, `${TLS}.service`);
    const options = { rejectUnauthorized: false };
    const crowd = await Promise.all(Array.from({ length: 50 }, () => connect('wss://127.0.0.1:4443/ws', options)));
    await Promise.all(crowd.map((client, i) => client.join(`room${i}`)));
    let ended = 0;
    for (const client of crowd) client.closed.then(() => ended++);
    const seen = async () => {
        const socket = tls.connect({ host: '127.0.0.1', port: 4443, ...options });
        await once(socket, 'secureConnect');
        const name = socket.getPeerCertificate().subject.CN;
        socket.destroy();
        const client = await connect('wss://127.0.0.1:4443/ws', options);
        const frame = client.welcome.limits.maxFrame / 1024;
        await client.close();
        return `${name} ${frame}`;
    };
    let busy = true;
    const pings = crowd.map(async (client) => {
        while (busy) await client.alive();
    });
    const times = [];
    for (let i = 0; i < 10; i++) {
        const name = i % 2 ? 'first' : 'second';
        serve(name, i + 2);
        const began = performance.now();
        await done('reload', `${TLS}.service`);
        times.push(performance.now() - began);
        assert.equal(await seen(), `${name} ${i + 2}`);
    }
    const refuse = async (sentence) => {
        const { code } = await systemctl('reload', `${TLS}.service`);
        assert.notEqual(code, 0, 'systemctl reported success');
        assert.equal(await show(`${TLS}.service`, 'ActiveState'), 'active');
        assert.equal(await seen(), 'first 11');
        await until(5000, async () => (await journal('--unit', `${TLS}.service`)).some(({ MESSAGE }) => sentence.test(MESSAGE)), `${sentence} was not logged`);
    };
    configure('[limits]\nmax_frame = lots\n', TLS);
    await refuse(/usherd: the settings stay as they were: \S+usherd@4443\.conf:2: limits\.max_frame = "lots"/);
    serve('second', 12);
    fs.chmodSync(path.join(folder, 'live.key'), 0o600);
    await refuse(/tls\.key = \S+live\.key: the file cannot be read: Permission denied: give/);
    fs.chmodSync(path.join(folder, 'live.key'), 0o640);
    fs.writeFileSync(path.join(folder, 'live.pem'), 'no certificate');
    await refuse(/tls\.certificate = \S+live\.pem: /);
    serve('second', 13);
    await done('reload', `${TLS}.service`);
    assert.equal(await seen(), 'second 13');
    busy = false;
    await Promise.all(pings);
    assert.equal(ended, 0, 'connections were dropped');
    note(`reload: 10 of 10 exact, ${Math.round(Math.max(...times))} ms at most, 50 connections stayed`);
    // Beside it, the other one serves.
    assert.equal(await health(), 200);
    assert.ok(fs.existsSync(at('var/lib/private', TLS)));
    for (const client of crowd) client.destroy();
    await done('stop', `${TLS}.socket`, `${TLS}.service`);
});

await test(`systemctl restart under ${CROWD} clients that send: none refused, all resume, nothing lost after it, within 3 s`, async () => {
    await fresh();
    await done('start', 'usherd.socket', 'usherd.service');
    const crowd = await Crowd.gather(URL, CROWD);
    try {
        await restartUnder(crowd);
    } finally {
        crowd.leave();
    }
});

async function restartUnder(crowd) {
    await crowd.talk(1000);
    const began = performance.now();
    const restarted = done('restart', 'usherd.service').then(() => performance.now() - began);
    // Strangers keep coming all the while.
    const strangers = [];
    let coming = true;
    const come = (async () => {
        while (coming) {
            const client = new Client(URL);
            const stranger = { at: Date.now() };
            const served = client.text().then(() => 'served');
            const refused = client.failed.then((error) => error.message);
            stranger.fate = Promise.race([served, refused]).catch((error) => error.message).finally(() => client.destroy());
            served.catch(() => {});
            strangers.push(stranger);
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    })();
    const back = await within(30000, crowd.allBack(), () => `not all came back: ${crowd.told()}`);
    const took = back - began;
    const systemd = await restarted;
    await crowd.talk(2000);
    coming = false;
    await come;
    for (const stranger of strangers) stranger.fate = await stranger.fate;
    const [{ __REALTIME_TIMESTAMP: stopped }] = await journal('EVENT=draining', '--unit', 'usherd.service', '--reverse');
    // Who came before that may have been in the middle of his handshake when the daemon stopped.
    const cut = strangers.filter(({ at, fate }) => fate !== 'served' && at <= stopped / 1000);
    const refused = strangers.filter(({ at, fate }) => fate !== 'served' && at > stopped / 1000);
    for (const { fate } of [...cut, ...refused]) console.error(`a stranger: ${fate}`);
    const { sent, told, lost } = await crowd.settle();
    note(`restart: ${CROWD} clients back after ${(took / 1000).toFixed(2)} s (systemctl: ${(systemd / 1000).toFixed(2)} s; ` +
        `${os.loadavg()[0].toFixed(1)} processes at work on ${os.cpus().length} processors), ` +
        `${crowd.refused} refused, ${sent} signals sent after the resume, ${lost} lost (${told} for a reader who was away: told)`);
    note(`${strangers.length} strangers came all the while: ${refused.length} refused; ${cut.length} cut off in a handshake begun before the stop`);
    assert.equal(crowd.refused, 0);
    assert.equal(refused.length, 0);
    assert.equal(crowd.lostSeats, 0, 'seats were not resumed');
    assert.equal(lost, 0);
    assert.ok(sent > CROWD);
    assert.ok(took < 3000, `${took} ms`);
}

await test('a hung loop is ended by the watchdog and back within 10 s', async () => {
    await fresh();
    await dropIn('usherd.service', '[Service]\nExecStart=\nExecStart=/usr/bin/usherd-that-hangs --config /etc/usherd/%N.conf\n');
    await done('start', 'usherd.socket', 'usherd.service');
    const first = await show('usherd.service', 'MainPID');
    assert.equal(await health(), 200);
    const began = performance.now();
    await done('kill', '--kill-whom=main', '--signal=USR2', 'usherd.service');
    // Waits on the socket until there is one who answers.
    assert.equal(await within(15000, health(), 'nobody came back'), 200);
    const took = performance.now() - began;
    assert.notEqual(await show('usherd.service', 'MainPID'), first);
    assert.equal(await show('usherd.service', 'NRestarts'), '1');
    assert.ok((await journal('--unit', 'usherd.service')).some(({ MESSAGE }) => /Watchdog timeout/.test(MESSAGE)));
    note(`watchdog: back after ${(took / 1000).toFixed(1)} s`);
    assert.ok(took < 10000, `${took} ms`);
});

await test('a daemon that keeps crashing is left alone after five starts', async () => {
    await fresh();
    await done('start', 'usherd.service');
    let starts = 1;
    let last = '';
    while ((await show('usherd.service', 'ActiveState')) !== 'failed') {
        const pid = await until(15000, async () => {
            if ((await show('usherd.service', 'ActiveState')) === 'failed') return '0';
            const main = await show('usherd.service', 'MainPID');
            return main !== '0' && main !== last && (await show('usherd.service', 'SubState')) === 'running' ? main : '';
        }, 'it is neither up nor given up');
        if (pid === '0') break;
        starts += last !== '';
        last = pid;
        await systemctl('kill', '--kill-whom=main', '--signal=SEGV', 'usherd.service');
        await until(5000, async () => (await show('usherd.service', 'MainPID')) !== pid, 'it did not crash');
    }
    note(`crash loop: given up after ${starts} starts, result ${await show('usherd.service', 'Result')}`);
    assert.equal(starts, 5);
});

// Starts what cannot start: the exit code, how often it was tried, and the sentence in the journal.
async function unmendable(code, restarts, sentence, { ms = 30000 } = {}) {
    await systemctl('start', '--no-block', 'usherd.service');
    await state('usherd.service', 'failed', ms);
    assert.equal(await show('usherd.service', 'ExecMainStatus'), String(code));
    assert.equal(await show('usherd.service', 'NRestarts'), String(restarts));
    await until(5000, async () => (await journal('--unit', 'usherd.service')).some(({ MESSAGE, PRIORITY }) => sentence.test(MESSAGE) && PRIORITY <= '4'), `${sentence} was not logged as an error`);
}

await test('what starting again does not mend is tried once', async () => {
    await fresh();
    configure('[limits]\nmax_rooms = many\n');
    await unmendable(78, 0, /usherd\.conf:2: limits\.max_rooms = "many"/);
    await fresh();
    configure('[tls]\ncertificate = /root/cert.pem\nkey = /root/key.pem\n');
    await unmendable(78, 0, /tls\.certificate = \/root\/cert\.pem: the file cannot be read/);
    await fresh();
    configure('[auth]\nkeys = %d/key\n');
    await unmendable(78, 0, /auth\.keys names a credential \(%d\/NAME\), but there is no CREDENTIALS_DIRECTORY/);
    await fresh();
    await dropIn('usherd.service', '[Service]\nLoadCredential=key:/etc/usherd/absent\n');
    await unmendable(243, 0, /credentials/i);
    await fresh();
    await dropIn('usherd.service', '[Service]\nExecStart=\nExecStart=/usr/bin/usherd --nonsense\n');
    await unmendable(2, 0, /--nonsense/);
});

await test('what may pass is tried again, five times at most', async () => {
    await fresh();
    configure(`${GOOD}[server]\nlisten = 127.0.0.1:4321\n`);
    const taken = net.createServer().listen(4321, '127.0.0.1');
    await once(taken, 'listening');
    await systemctl('start', '--no-block', 'usherd.service');
    await until(10000, async () => Number(await show('usherd.service', 'NRestarts')) >= 2, 'it was not tried again');
    taken.close();
    await state('usherd.service', 'active');
    assert.equal(await health(4321), 200);
    await fresh();
    configure(`${GOOD}[server]\nlisten = 127.0.0.1:4321\n`);
    const kept = net.createServer().listen(4321, '127.0.0.1');
    await once(kept, 'listening');
    await unmendable(1, 5, /cannot listen on 127\.0\.0\.1:4321: Address already in use: stop/);
    kept.close();
});

await test('no space left: one line, and all is well again when there is some', async () => {
    await fresh();
    assert.equal((await inside('sh', '-c', `mount -t tmpfs -o size=4k,mode=700 tmpfs ${STATE} && touch ${STATE}/lock && { cat /dev/zero >${STATE}/filler; true; }`)).code, 0);
    await unmendable(1, 5, /cannot write \S*owner\.key: No space left on device: make room on that disk/);
    assert.equal((await inside('rm', `${STATE}/filler`)).code, 0);
    assert.equal((await inside('mount', '-o', 'remount,size=1m', STATE)).code, 0);
    await systemctl('reset-failed', 'usherd.service');
    await done('start', 'usherd.service');
    await done('stop', 'usherd.service');
});

await test('socket activation: the first who comes starts it; what cannot start does not spin', async () => {
    await fresh();
    await done('start', 'usherd.socket');
    assert.equal(await show('usherd.service', 'ActiveState'), 'inactive');
    const waiting = new Raw(4000);
    await waiting.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await waiting.until(/200 OK/);
    assert.equal(await show('usherd.service', 'ActiveState'), 'active');
    await fresh();
    configure('[limits]\nmax_rooms = many\n');
    await done('start', 'usherd.socket');
    const from = (await journal('--unit', 'usherd.service')).length;
    const knock = net.connect(4000, '127.0.0.1');
    knock.on('error', () => {});
    await state('usherd.socket', 'failed');
    const tries = (await journal('--unit', 'usherd.service')).slice(from).filter(({ MESSAGE }) => /limits\.max_rooms = "many"/.test(MESSAGE)).length;
    note(`a connection that waits for a daemon with wrong settings: ${tries} starts, then the socket is given up`);
    assert.ok(tries >= 1 && tries <= 5, `${tries} starts`);
    knock.destroy();
});

await test('malformed descriptors: a datagram socket is refused and not tried again', async () => {
    await fresh();
    await dropIn('usherd.socket', '[Socket]\nListenStream=\nListenDatagram=127.0.0.1:4000\n');
    await done('start', 'usherd.socket');
    await unmendable(78, 0, /descriptor 3 that the service manager passed is no listening stream socket: in the socket unit use ListenStream=/);
});

await test('credentials reach the daemon, and nobody else', async () => {
    await fresh();
    fs.writeFileSync(at('etc/usherd/turn_secret'), 'a shared secret\n', { mode: 0o600 });
    configure(`${GOOD}[ice]\nturn = turn:127.0.0.1:3478\nturn_secret = @%d/turn\n`);
    await dropIn('usherd.service', '[Service]\nLoadCredential=turn:/etc/usherd/turn_secret\n');
    await done('start', 'usherd.service');
    assert.match(await (await fetch('http://127.0.0.1:4000/api/ice-servers')).text(), /"credential":"[^"]+"/);
    await done('reload', 'usherd.service');
});

await test('STUN is answered from within the sandbox', async () => {
    await fresh();
    configure(`${GOOD}[ice]\nstun_listen = [::]:3478\n`);
    await done('start', 'usherd.service');
    const client = await StunClient.open('127.0.0.1', '127.0.0.1', 3478);
    assert.equal(mapped(await client.ask()), `127.0.0.1 ${client.port}`);
    client.close();
});

await fresh();
process.exit(failed ? 1 : 0);
