// SPDX-License-Identifier: MIT
//
// The browser's peer in headless Chromium, with `usher pipe` and with each other: what the two say reaches the other, once.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer } from './lib/peer.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';
import { joinWeb, serveWeb } from './lib/web.mjs';

let daemon;
let web;
let opened;

before(async () => {
    daemon = await startDaemon();
    web = await serveWeb();
    opened = await openChromium(LOOPBACK);
});
after(async () => {
    await opened?.close();
    web.close();
    await daemon.stop();
});

const join = (room, name, more = {}) => joinWeb(opened.browser, web.url, { server: daemon.url, room, name, ...more });

test('a page and usher pipe talk: to all, to one', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'both', name: 'ann' });
    const page = await join('both', 'web');
    assert.equal((await page.linked(usher.id)).verified, true);
    await usher.linked(page);
    assert.deepEqual(await page.sendThrough('from the page ü'), [usher.id]);
    assert.equal((await usher.event('message', { from: page.id })).text, 'from the page ü');
    usher.do({ do: 'send', to: [page.id], text: 'to the page \u{1f310}', ref: '1' });
    const heard = await page.event('message', { from: usher.id });
    assert.deepEqual([heard.text, heard.type, heard.verified], ['to the page \u{1f310}', 'direct_message', true]);
    const { id } = await usher.event('accepted', { ref: '1' });
    await usher.event('delivered', { id, by: page.id });
    await page.close();
    await usher.stop();
});

test('three of both kinds: to a few, and to all; a receipt of reading, typing, presence, a status', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'three', name: 'ann' });
    const [ben, cat] = [await join('three', 'ben', { state: 'ben' }), await join('three', 'cat', { state: 'cat' })];
    for (const [a, b] of [[ben, cat], [cat, ben], [ben, usher], [cat, usher]]) await a.linked(b.id);
    await Promise.all([usher.linked(ben), usher.linked(cat)]);
    assert.deepEqual((await ben.sendThrough('for all')).toSorted(), [usher.id, cat.id].toSorted());
    assert.equal((await cat.event('message', { text: 'for all' })).type, 'group_message');
    await usher.event('message', { text: 'for all' });
    const { id } = await ben.send('for two', { to: [usher.id, cat.id], ref: 'once' });
    assert.equal((await cat.event('message', { text: 'for two' })).type, 'private_message');
    await usher.event('message', { text: 'for two' });
    assert.equal((await ben.send('for two', { to: [usher.id, cat.id], ref: 'once' })).id, id, 'a ref is one message');
    await cat.run((m) => window.peer.read(m), id);
    await ben.event('read', { id, by: cat.id });
    await cat.run(() => {
        window.peer.typing(true);
        window.peer.status('at sea');
        window.peer.presence('away');
    });
    await ben.event('typing', { from: cat.id });
    await ben.event('status', { from: cat.id, text: 'at sea' });
    await usher.event('presence', { from: cat.id, presence: 'away' });
    const people = await ben.run(() => window.peer.peers());
    assert.deepEqual(people.map((p) => [p.name, p.state, p.path, p.verified, p.inRoom]).toSorted(),
        [['ann', 'up', 'direct', true, true], ['cat', 'up', 'direct', true, true]]);
    await Promise.all([ben.close(), cat.close()]);
    await usher.stop();
});

test('history is there after a reload: the newest, what is behind a message, what stands before one', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'history', name: 'ann' });
    const page = await join('history', 'web');
    await page.linked(usher.id);
    for (let i = 0; i < 12; i++) await page.sendThrough(`text ${i}`);
    const { id } = page;
    await page.page.reload();
    await page.ready();
    await page.join({ server: daemon.url, room: 'history', name: 'web' });
    assert.equal(page.id, id, 'it is the same person');
    const texts = (options) => page.run((o) => window.peer.history(o).then((all) => all.map((m) => m.text)), options);
    const all = await page.run(() => window.peer.history());
    assert.deepEqual(all.map((m) => m.text), Array.from({ length: 12 }, (_, i) => `text ${i}`));
    assert.deepEqual(await texts({ limit: 3 }), ['text 9', 'text 10', 'text 11']);
    assert.deepEqual(await texts({ after: all[8].id, limit: 2 }), ['text 9', 'text 10']);
    assert.deepEqual(await texts({ before: all[8].id, limit: 2 }), ['text 6', 'text 7']);
    assert.deepEqual(await texts({ before: all[1].id, limit: 5 }), ['text 0']);
    assert.deepEqual(await texts({ before: all[0].id }), []);
    await assert.rejects(page.run(() => window.peer.history({ before: 'unknown' })), /no message of that id/);
    usher.do({ do: 'send', text: 'after the reload' });
    await page.event('message', { text: 'after the reload' });
    await page.close();
    await usher.stop();
});

test('what is accepted before a reload is delivered after it, once', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'outbox', name: 'ann' });
    const page = await join('outbox', 'web');
    await page.linked(usher.id);
    await page.sendThrough('hello');
    usher.child.kill('SIGSTOP');
    await page.send('kept over the reload', { to: [usher.id] });
    await page.page.reload();
    usher.child.kill('SIGCONT');
    await page.ready();
    await page.join({ server: daemon.url, room: 'outbox', name: 'web' });
    await usher.event('message', { text: 'kept over the reload' });
    await page.event('delivered', { by: usher.id });
    usher.do({ do: 'history' });
    const { messages } = await usher.event('history');
    assert.equal(messages.filter((m) => m.text === 'kept over the reload').length, 1);
    await page.close();
    await usher.stop();
});

test('the daemon dies: what is said goes on; it comes back: a newcomer is found', async () => {
    const own = await startDaemon();
    const usher = await joinPeer({ server: own.url, room: 'lost', name: 'ann' });
    const page = await joinWeb(opened.browser, web.url, { server: own.url, room: 'lost', name: 'web' });
    await page.linked(usher.id);
    own.kill('SIGKILL');
    await own.exited;
    await page.event('state', { state: 'disconnected' });
    assert.deepEqual(await page.sendThrough('without a server'), [usher.id]);
    await usher.event('message', { text: 'without a server' });
    const again = await startDaemon({ listen: own.address });
    const { id } = await joinPeer({ server: again.url, room: 'lost', name: 'cat' });
    await page.linked(id);
    assert.equal((await page.sendThrough('with it')).length, 2);
    await page.close();
    await usher.stop();
    await again.stop();
});

test('a page relays for usher pipe, and usher pipe for pages: sealed, without a link of the two', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'relay', name: 'ann' });
    const between = await join('relay', 'between', { state: 'between' });
    await between.linked(usher.id);
    const far = await join('relay', 'far', { state: 'far', faults: { noLink: usher.id } });
    await far.event('peer', { id: usher.id, path: 'relay' });
    await usher.event('peer', { id: far.id, path: 'relay' });
    assert.deepEqual(await far.sendThrough('through a page', { to: [usher.id] }), [usher.id]);
    await usher.event('message', { text: 'through a page', from: far.id });
    const { relayedTotal } = await between.run(() => window.peer.stats());
    assert.ok(relayedTotal > 0);
    assert.equal(await between.run(() => window.count('message', { text: 'through a page' })), 0);
    await far.close();
    await between.close();

    const ben = await join('relay', 'ben', { state: 'ben' });
    const cat = await join('relay', 'cat', { state: 'cat', faults: { noLink: ben.id } });
    await cat.event('peer', { id: ben.id, path: 'relay' });
    await ben.event('peer', { id: cat.id, path: 'relay' });
    assert.deepEqual(await ben.sendThrough('through usher', { to: [cat.id] }), [cat.id]);
    assert.ok((await usher.stats()).relayedTotal > 0);
    await ben.close();
    await cat.close();
    await usher.stop();
});

test('a copy waits with the other kind while author and reader never meet', async () => {
    for (const kind of ['page', 'usher']) {
        const room = `custody-${kind}`;
        const keeper = kind === 'page' ? await join(room, 'keeper', { state: `keeper-${kind}` }) : await joinPeer({ server: daemon.url, room, name: 'keeper' });
        const author = await join(room, 'author', { state: `author-${kind}` });
        const reader = await join(room, 'reader', { state: `reader-${kind}` });
        for (const id of [keeper.id, reader.id]) await author.linked(id);
        await author.sendThrough('so that all know each other');
        await reader.page.goto('about:blank');
        await author.event('peer', { id: reader.id, state: 'down' });
        await author.send(`kept by ${kind}`, { to: [reader.id] });
        if (kind === 'page') await keeper.run(async () => {
            while ((await window.peer.stats()).kept === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        });
        else while ((await keeper.stats()).kept === 0);
        await author.close();
        await reader.open(web.url);
        await reader.join({ server: daemon.url, room, name: 'reader', state: `reader-${kind}` });
        assert.equal((await reader.event('message', { text: `kept by ${kind}` })).from, author.id);
        await reader.close();
        await (kind === 'page' ? keeper.close() : keeper.stop());
    }
});

test('what was changed on its way is refused by both kinds', async () => {
    const usher = await joinPeer({ server: daemon.url, room: 'tampered', name: 'ann' });
    const liar = await join('tampered', 'liar', { state: 'liar', faults: { tamper: true } });
    const page = await join('tampered', 'web');
    await Promise.all([liar.linked(usher.id), liar.linked(page.id), page.linked(liar.id), usher.linked(liar)]);
    await liar.send('wrong', { to: [usher.id] });
    await liar.send('wrong', { to: [page.id] });
    while ((await usher.stats()).refusedTotal === 0);
    await page.run(async () => {
        while ((await window.peer.stats()).refusedTotal === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    assert.equal(usher.count('message'), 0);
    assert.equal(await page.run(() => window.count('message')), 0);
    await liar.close();
    await page.close();
    await usher.stop();
});
