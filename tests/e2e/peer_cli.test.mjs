// SPDX-License-Identifier: MIT
//
// The `usher` command itself: usage, identity, state directory, and servers that are not there or are none.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { WebSocketServer } from 'ws';
import { root, startDaemon, within } from './lib/daemon.mjs';
import { joinPeer, Peer, runUsher, scratch, spawnUsher, startPeer } from './lib/peer.mjs';
import { freePorts } from './lib/program.mjs';

let dir;

before(async () => {
    dir = await scratch();
});
after(() => rm(dir, { recursive: true, force: true }));

test('help and version', async () => {
    const help = await runUsher(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /usage: usher/);
    const version = await runUsher(['--version']);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^usher \d+\.\d+\.\d+\n$/);
});

// What a section of usher(1) says of each of its heads: .TP, a line with one or more names, text.
function entries(manual, from, to) {
    const section = manual.slice(manual.indexOf(from), manual.indexOf(to));
    return section.split(/^\.TP$/m).slice(1).map((entry) => {
        const [head, ...text] = entry.trim().split('\n');
        return { names: head.replace(/^\.(BR|BI|B) /, '').split('\\fR,\\fP '), text: text.join('\n') };
    });
}

test('each event with its members, and each command, is in the manual', async () => {
    const read = async (file) => (await readFile(path.join(root, file), 'utf8')).replaceAll('\\-', '-');
    const manual = await read('docs/man/usher.1');
    const header = await read('peer/include/usher.h');
    const events = [...header.matchAll(/^ {4}USHER_([A-Z]+)\b/gm)].map(([, name]) => name.toLowerCase());
    const members = [...(await read('peer/cli/pipe_events.c')).matchAll(/\{USHER_([A-Z]+), "(\w+)",/g)];
    assert.ok(events.length >= 18 && members.length >= 45);
    const out = entries(manual, '.SS Out', '.SH ENVIRONMENT');
    const told = (event) => out.find(({ names }) => names.includes(event))?.text ?? assert.fail(`${event} is not in usher.1`);
    for (const event of events) told(event);
    for (const [, type, member] of members)
        assert.match(told(type.toLowerCase()), new RegExp(`^\\.(B|BR) ${member}\\b`, 'm'), `${type}: ${member}`);
    // The commands as the program itself lists them.
    const daemon = await startDaemon();
    const peer = await joinPeer({ server: daemon.url });
    peer.do({ do: 'nothing that there is' });
    const { message } = await peer.event('error', { code: 'bad-command' });
    const commands = message.replace('expected do: one of ', '').split(', ');
    const described = new Set([...manual.matchAll(/\{"do":"([a-z-]+)"/g)].map(([, name]) => name));
    assert.deepEqual([...described].sort(), commands.sort());
    const slashes = [...(await read('peer/cli/chat_commands.c')).matchAll(/\{"(\/[a-z]+)", "/g)].map(([, name]) => name);
    const chat = manual.slice(manual.indexOf('.SH COMMANDS'), manual.indexOf('.SH OPTIONS'));
    assert.deepEqual([...chat.matchAll(/^\.BI? (\/[a-z]+)/gm)].map(([, name]) => name).sort(), slashes.sort());
    await peer.stop();
    await daemon.stop();
});

test('usage errors exit 2 with one line that says what was expected', async () => {
    const cases = [
        [[], /chat ROOM/],
        [['dance'], /"dance" is no command/],
        [['send'], /send wants files or folders/],
        [['pipe'], /pipe wants a room/],
        [['chat', 'a room'], /ROOM is 1 to 64/],
        [['chat', ''], /ROOM is 1 to 64/],
        [['pipe', 'x'.repeat(65)], /ROOM is 1 to 64/],
        [['pipe', 'a', 'b'], /unexpected "b"/],
        [['id', 'x'], /unexpected "x"/],
        [['--server'], /--server wants a value/],
        [['--serve', 'x', '--bogus', 'id'], /no option|ws:\/\//],
        [['--server', 'http://x', 'pipe', 'r'], /ws:\/\/ or wss:\/\//],
        [['--ice-address', 'localhost', 'pipe', 'r'], /numeric/],
        [['--name', 'n'.repeat(129), 'pipe', 'r'], /128 bytes/],
        [['--state', '', 'id'], /--state wants/],
        [['rooms', 'open'], /rooms is followed by list, create or delete ROOM, not "open"/],
        [['rooms', 'list', 'x'], /unexpected "x" after list/],
        [['rooms', 'delete'], /rooms delete wants a room: usher rooms delete ROOM/],
        [['rooms', 'delete', 'a room'], /ROOM is 1 to 64/],
        [['rooms', 'delete', 'a', 'b'], /unexpected "b" after a/],
        [['rooms', 'create', '--max-peers', '0'], /--max-peers wants a number from 1 to 1000000000, not "0"/],
        [['rooms', 'create', '--max-peers', '1e3'], /--max-peers wants a number/],
        [['rooms', 'create', '--listed', '--unlisted'], /expected one of them/],
        [['rooms', 'create', '--name', ''], /--name wants 1 to 128/],
        [['rooms', 'create', '--password', ''], /--password wants 1 to 256/],
        [['rooms', 'create', '--password', 'p'.repeat(257)], /--password wants 1 to 256/],
        [['rooms', '--max-peers', '3'], /--max-peers is for rooms create/],
        [['rooms', 'delete', 'r', '--unlisted'], /--unlisted is for rooms create/],
        [['rooms', 'create', '--owner-token', 't'], /--owner-token is for rooms delete/],
        [['rooms', 'delete', 'r', '--json'], /--json is for send, receive, rooms list and rooms create/],
        [['chat', 'r', '--json'], /--json is for send, receive, rooms/],
    ];
    for (const [args, says] of cases) {
        const { code, stdout, stderr } = await runUsher(args);
        assert.equal(code, 2, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, says, args.join(' '));
        assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    }
    assert.equal((await runUsher(['pipe', 'r'], { env: { USHER_SERVER: 'nonsense' } })).code, 2);
});

test('id is made once, in a directory closed to others', async () => {
    const state = path.join(dir, 'deep', 'state');
    const first = await runUsher(['--state', state, 'id']);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^[a-z2-7]{26}\n$/);
    assert.equal((await runUsher(['id', '--state', state])).stdout, first.stdout);
    assert.equal((await stat(state)).mode & 0o777, 0o700);
    assert.equal((await stat(path.join(state, 'identity'))).mode & 0o777, 0o600);
    const home = path.join(dir, 'home');
    await mkdir(home);
    const at = await runUsher(['id'], { env: { HOME: home, XDG_STATE_HOME: '' } });
    assert.equal(at.code, 0, at.stderr);
    assert.equal((await stat(path.join(home, '.local/state/usher/identity'))).mode & 0o777, 0o600);
});

test('an identity that is damaged or open to others is said and left alone', async () => {
    const state = path.join(dir, 'damaged');
    const file = path.join(state, 'identity');
    await runUsher(['--state', state, 'id']);
    const good = await readFile(file);
    for (const bad of [good.subarray(0, 40), Buffer.from('nonsense'), Buffer.alloc(0), Buffer.alloc(5000)]) {
        await writeFile(file, bad);
        const { code, stderr, stdout } = await runUsher(['--state', state, 'id']);
        assert.equal(code, 1);
        assert.equal(stdout, '');
        assert.match(stderr, /damaged|larger/);
        assert.deepEqual(await readFile(file), bad);
    }
    await writeFile(file, good);
    await chmod(file, 0o644);
    const open = await runUsher(['--state', state, 'pipe', 'r']);
    assert.equal(open.code, 1);
    assert.match(open.stderr, /chmod 600/);
    const under = await runUsher(['--state', path.join(file, 'x'), 'id']);
    assert.equal(under.code, 1);
    assert.equal(under.stderr.trimEnd().split('\n').length, 1);
});

test('damaged names are told of; an identity that is gone from beside its messages is missed', async () => {
    const daemon = await startDaemon();
    const state = await scratch();
    await writeFile(path.join(state, 'known'), 'nonsense\n');
    const pipe = ['--server', daemon.url, '--state', state, 'pipe', 'demo'];
    const first = await runUsher(pipe, { input: '{"do":"quit"}\n' });
    assert.equal(first.code, 0);
    assert.match(first.stderr, /^usher: some of the names that were known are forgotten: damaged lines in .*known: 1\n$/);
    await rm(path.join(state, 'identity'));
    const { code, stdout, stderr } = await runUsher(pipe);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^usher: the identity of .* is gone: bring back a copy of its file "identity"/);
    await daemon.stop();
});

test('a state directory is used by one process; without --state the next one takes its own', async () => {
    const daemon = await startDaemon();
    const ann = await joinPeer({ server: daemon.url, name: 'ann' });
    const locked = await runUsher(['--state', ann.state, '--server', daemon.url, 'pipe', 'demo']);
    assert.equal(locked.code, 1);
    assert.match(locked.stderr, /another process uses/);
    assert.equal((await runUsher(['--state', ann.state, 'id'])).stdout.trim(), ann.id);

    const env = { XDG_STATE_HOME: path.join(dir, 'xdg') };
    const args = ['--server', daemon.url, '--ice-address', '127.0.0.1', 'pipe', 'other'];
    const peers = [];
    for (const state of ['usher', 'usher-2']) {
        const peer = new Peer(spawnUsher(args, { env }), path.join(env.XDG_STATE_HOME, state));
        peer.name = state;
        peer.id = (await peer.event('ready')).id;
        peers.push(peer);
    }
    assert.notEqual(peers[0].id, peers[1].id);
    assert.equal(peers[0].log, '');
    assert.match(peers[1].log, /usher-2/);
    for (const peer of [ann, ...peers]) assert.equal(await peer.stop(), 0);
    await daemon.stop();
});

test('a server that is not there is said once, retried, and found', async () => {
    const [port] = await freePorts(1);
    const peer = await startPeer({ server: `ws://localhost:${port}`, name: 'ann' });
    await peer.says(new RegExp(`nothing listens at localhost:${port}`));
    await peer.event('state', { state: 'disconnected' });
    await peer.event('state', { state: 'connecting' });
    const daemon = await startDaemon({ listen: `127.0.0.1:${port}` });
    await peer.event('ready', {}, 20000);
    assert.equal(peer.log.match(/nothing listens/g).length, 1);
    await peer.stop();
    await daemon.stop();
});

for (const [what, status, sentence] of [
    ['is none', 404, /answers \/ws with HTTP status 404, so it is no usher daemon/],
    ['refuses us', 403, /refuses us with HTTP status 403: .* most likely; ask who runs it/],
    ['redirects', 301, /redirects \(HTTP status 301\), which is not followed: name the daemon itself\n/],
])
    test(`a server that ${what} is said`, async () => {
        const answer = (request, response) => response.writeHead(status, { location: '/elsewhere' }).end();
        const server = http.createServer(answer).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const peer = await startPeer({ server: `ws://127.0.0.1:${server.address().port}`, name: 'ann' });
        await peer.says(sentence);
        assert.equal(await peer.stop(), 0);
        server.close();
    });

// Left to itself libwebsockets gives up on each after 5 seconds, in its own way.
const HALF_TLS = Buffer.from([22, 3, 3, 0, 122, 2, 0, 0, 118]); // the head of a ServerHello (RFC 8446 section 4)
describe('servers that do not go on', { concurrency: true }, () => {
    for (const [what, half, scheme = 'ws'] of [['nothing', ''], ['half an answer', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso'],
        ['nothing, in place of TLS,', '', 'wss'], ['half of its handshake', HALF_TLS, 'wss']])
        test(`a server that says ${what} and no more is tried again after ten seconds`, async () => {
            const ATTEMPT_MS = 10000;
            let connections = 0;
            const lasted = [];
            let twice;
            const again = new Promise((resolve) => (twice = resolve));
            const server = net.createServer((socket) => {
                const from = performance.now();
                socket.on('error', () => {}).on('data', () => socket.write(half));
                socket.on('close', () => lasted.push(performance.now() - from));
                if (++connections === 2) twice();
            }).listen(0, '127.0.0.1');
            await once(server, 'listening');
            const peer = await startPeer({ server: `${scheme}://127.0.0.1:${server.address().port}`, name: 'ann' });
            await peer.says(/does not answer/, 20000);
            await within(15000, again, 'it did not come again');
            assert.ok(lasted[0] > ATTEMPT_MS * 0.8 && lasted[0] < ATTEMPT_MS * 1.5, `${lasted} ms`);
            assert.equal(await peer.stop(), 0);
            server.close();
        });
});

// A daemon of a few lines, to misbehave.
async function fake(onConnection) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    server.on('connection', onConnection);
    return { server, url: `ws://127.0.0.1:${server.address().port}` };
}

for (const [what, send] of [
    ['sends binary', (ws) => ws.send(Buffer.from([1, 2, 3]))],
    ['sends too much', (ws) => ws.send(`{"type":"x","pad":"${'x'.repeat(5000000)}"}`)],
    ['hangs up', (ws) => ws.close(1013)],
    ['breaks', (ws) => ws.terminate()],
]) {
    test(`a server that ${what} costs the connection, which is tried again`, async () => {
        let connections = 0;
        let twice;
        const again = new Promise((resolve) => (twice = resolve));
        const { server, url } = await fake((ws) => {
            send(ws);
            if (++connections === 2) twice();
        });
        const peer = await startPeer({ server: url, name: 'ann' });
        await within(15000, again, 'it did not come again');
        assert.equal(await peer.stop(), 0);
        server.close();
    });
}

test('several servers are tried in turn', async () => {
    const daemon = await startDaemon();
    const peer = await startPeer({
        server: `ws://127.0.0.1:${(await freePorts(1))[0]}`, name: 'ann', args: ['--server', daemon.url] });
    await peer.event('ready');
    await peer.stop();
    await daemon.stop();
});

test('the end of input without ever having been in the room exits 3', async () => {
    const server = `ws://127.0.0.1:${(await freePorts(1))[0]}`;
    await Promise.all(['{"do":"send","text":"x"}\n', ''].map(async (input) => {
        const state = await scratch();
        const { code } = await runUsher(['--server', server, '--state', state, 'pipe', 'demo'], { input, ms: 20000 });
        assert.equal(code, 3);
        await rm(state, { recursive: true });
    }));
});

test('the end of an empty input is waited with until the room is reached', async () => {
    const daemon = await startDaemon();
    const state = await scratch();
    const { code, stdout } = await runUsher(['--server', daemon.url, '--state', state, 'pipe', 'demo']);
    assert.equal(code, 0);
    assert.match(stdout, /^{"event":"ready",/m);
    await rm(state, { recursive: true });
    await daemon.stop();
});

test('chat with nothing to say ends when it was in the room, or says that it could not be', async () => {
    const daemon = await startDaemon();
    const body = JSON.stringify({ name: 'locked', password: 'secret' });
    assert.equal((await fetch(`${daemon.http}/api/rooms`, { method: 'POST', body })).status, 201);
    const nobody = `ws://127.0.0.1:${(await freePorts(1))[0]}`;
    await Promise.all([[daemon.url, 'demo', 0], [daemon.url, 'locked', 1], [nobody, 'demo', 3]].map(async ([server, room, status]) => {
        const state = await scratch();
        const { code, stdout } = await runUsher(['--server', server, '--state', state, 'chat', room], { ms: 20000 });
        assert.equal(code, status, stdout);
        if (room === 'locked') assert.match(stdout, /^! .*password/m);
        await rm(state, { recursive: true });
    }));
    await daemon.stop();
});

test('chat without a terminal: plain lines in and out, harmless', async () => {
    const daemon = await startDaemon();
    const ann = await joinPeer({ server: daemon.url, name: 'ann' });
    const state = await scratch();
    const child = spawnUsher(['--server', daemon.url, '--state', state, '--ice-address', '127.0.0.1', '--name', 'ben',
        'chat', 'demo']);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
    const shows = (pattern) => within(15000, (async () => {
        while (!pattern.test(text)) await once(child.stdout, 'data');
    })(), () => `no ${pattern} in:\n${text}`);
    await shows(/^\* <ann> is here \(direct link\)/m);
    child.stdin.write('hello from ben\n/msg ann only you\n/who\n/peers\n/nonsense\n/pers\n/quit now\n');
    assert.equal((await ann.event('message', { text: 'hello from ben' })).type, 'group_message');
    assert.equal((await ann.event('message', { text: 'only you' })).type, 'direct_message');
    await shows(new RegExp(`^\\* <ann> \\(${ann.id}\\): here$`, 'm'));
    await shows(new RegExp(`^\\* <ann>  ${ann.id}  direct link( {13} +\\d+ ms)?$`, 'm'));
    await shows(/^! There is no command \/nonsense; \/help lists them/m);
    await shows(/^! There is no command \/pers: did you mean \/peers\?$/m);
    await shows(/^! \/quit takes nothing behind it\.$/m);
    child.stdin.write('/help\n');
    await shows(/^\* {3}\/msg NAME text {3}to one person only\n\* {3}\/history N {7}the last N messages \(20\)$/m);
    await shows(/^\* {3}\/who {13}who is here\n[^]*\n\* {3}\/quit {12}leave/m);
    ann.do({ do: 'send', text: 'one\ntwo \u001b[31mred\u001b[0m \u202e' });
    await shows(/^<ann> one\n {4}two \ufffd\[31mred\ufffd\[0m \ufffd$/m);
    child.stdin.write('/history 2\n/history none\n');
    await shows(/^\(\d{4}-\d\d-\d\d \d\d:\d\d, not to all\) you: only you\n\(\S+ \S+\) <ann> one\n {4}two \ufffd\[31mred/m);
    await shows(/\/history wants a number from 1 to 1024/);
    child.stdin.end('bye\n');
    await ann.event('message', { text: 'bye' });
    assert.deepEqual(await within(8000, once(child, 'exit'), 'it did not end'), [0, null]);
    assert.doesNotMatch(text, /is gone/); // it was ben who went
    await ann.event('peer', { state: 'down' });
    await ann.stop();
    await rm(state, { recursive: true });
    await daemon.stop();
});
