// SPDX-License-Identifier: MIT
//
// y-webrtc as npm has it, in two browser processes: what one types the other reads, through /y-webrtc and a data channel.
// And the signaling protocol of its own, as its server speaks it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, within } from './lib/daemon.mjs';
import { Client } from './lib/client.mjs';
import { npmPages } from './lib/npm_pages.mjs';

let daemon;
let pages;

before(async () => {
    daemon = await startDaemon({ args: ['--set', 'dialects.ywebrtc=yes'] });
    pages = await npmPages();
});
after(async () => {
    await pages.close();
    await daemon.stop();
});

async function open(url = address()) {
    const client = new Client(url, {}, []);
    const opened = new Promise((resolve) => client.ws.on('open', resolve));
    await within(8000, Promise.race([opened, client.failed.then((error) => Promise.reject(error))]), 'the WebSocket did not open');
    return client;
}
const address = (of = daemon) => `ws://127.0.0.1:${of.port}/y-webrtc`;

// The document `doc` in the page, and its provider.
const share = (page, signaling, room, password = null) => page.evaluate(async ([url, name, secret]) => {
    const Y = await import('/npm/yjs');
    const { WebrtcProvider } = await import('/npm/y-webrtc');
    window.doc = new Y.Doc();
    window.text = window.doc.getText('text');
    window.provider = new WebrtcProvider(name, window.doc, { signaling: [url], password: secret, peerOpts: { config: { iceServers: [] } } });
}, [signaling, room, password]);
const write = (page, words) => page.evaluate((w) => window.text.insert(window.text.length, w), words);
const reads = (page, words) => page.waitForFunction((w) => window.text.toString().includes(w), words);

for (const [name, password] of [['in the clear', null], ['under a password', 'a secret']]) {
    test(`two browsers share a document, ${name}`, async () => {
        const [a, b] = [await pages.open(), await pages.open()];
        await share(a, address(), `room ${name} \u00e4`, password);
        await write(a, 'from a, before b came. ');
        await share(b, address(), `room ${name} \u00e4`, password);
        await reads(b, 'from a, before b came. ');
        await write(b, 'from b. ');
        await reads(a, 'from b. ');
        const metrics = await (await fetch(`http://127.0.0.1:${daemon.port}/metrics`)).text();
        assert.match(metrics, /^usherd_topics 1$/m);
        assert.match(metrics, /^usherd_subscriptions 2$/m);
        await a.close();
        await b.close();
    });
}

test('without a daemon they do not: it was the daemon that brought them together', async () => {
    const gone = await startDaemon({ args: ['--set', 'dialects.ywebrtc=yes'] });
    const nowhere = address(gone);
    await gone.stop();
    const [a, b] = [await pages.open(), await pages.open()];
    for (const page of [a, b]) await share(page, nowhere, 'room');
    await write(a, 'nobody reads this');
    for (const page of [a, b]) await page.waitForFunction(() => window.provider.signalingConns[0].unsuccessfulReconnects >= 3);
    assert.equal(await b.evaluate(() => window.text.toString()), '');
    await a.close();
    await b.close();
});

test('the protocol of its server', async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    a.send({ type: 'subscribe', topics: ['x', 'y'] });
    b.send({ type: 'subscribe', topics: ['x'] });
    for (const client of [a, b]) assert.deepEqual(await client.ask({ type: 'ping' }), { type: 'pong' });
    c.send('{"type":"publish","topic":"x","data":{"token":0.12345678901234567890},"more":[1]}');
    for (const client of [a, b])
        assert.equal(await client.text(), '{"type":"publish","topic":"x","data":{"token":0.12345678901234567890},"more":[1],"clients":2}');
    a.send({ type: 'publish', topic: 'y' });
    assert.deepEqual(await a.next(), { type: 'publish', topic: 'y', clients: 1 });
    a.send({ type: 'unsubscribe', topics: ['x'] });
    assert.deepEqual(await a.ask({ type: 'ping' }), { type: 'pong' });
    c.send({ type: 'publish', topic: 'x' });
    assert.deepEqual(await b.next(), { type: 'publish', topic: 'x', clients: 1 });
    assert.deepEqual(await a.ask({ type: 'ping' }), { type: 'pong' });
    for (const client of [a, b, c]) await client.close();
});

test('what is wrong is said, and costs nobody else anything', async () => {
    const client = await open();
    const long = 'x'.repeat(257);
    const cases = [['nonsense', 'bad-json'], [{ type: 'join-room', roomId: 'a' }, 'unknown-type'], [{ type: 'publish' }, 'bad-message'],
        [{ type: 'subscribe', topics: [long] }, 'bad-message'], [{ type: 'subscribe', topics: 'x' }, 'bad-message'],
        [{ type: 'publish', topic: 7 }, 'bad-message'], [{ type: 'subscribe', topics: Array(33).fill('t') }, 'bad-message']];
    for (const [message, code] of cases) {
        const answer = await client.ask(message);
        assert.equal(answer.type, 'error');
        assert.equal(answer.code, code);
        assert.ok(answer.message.length > 0);
    }
    client.send({ type: 'subscribe', topics: ['x'.repeat(256)] });
    assert.deepEqual(await client.ask({ type: 'ping' }), { type: 'pong' });
    await client.close();
});

test('it is off unless asked for', async () => {
    const closed = await startDaemon();
    const refused = new Client(address(closed), {}, []);
    const opened = new Promise((resolve) => refused.ws.on('open', () => resolve({ message: 'it was let in' })));
    assert.match((await Promise.race([refused.failed, opened])).message, /404/);
    await closed.stop();
    const response = await fetch(`http://127.0.0.1:${daemon.port}/y-webrtc`);
    assert.equal(response.status, 426);
});

test('a native peer and a topic of one name have nothing to do with each other', async () => {
    const topics = await open();
    topics.send({ type: 'subscribe', topics: ['lobby'] });
    const native = new Client(daemon.url);
    await native.next();
    const joined = await native.join('lobby');
    assert.deepEqual(joined.peers, []);
    await native.close(1000);
    await topics.close();
});
