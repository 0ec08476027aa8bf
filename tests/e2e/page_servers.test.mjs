// SPDX-License-Identifier: MIT
//
// The page goes on at another server when its own dies, as its policy lets it, and comes back.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { startDaemon, untilMembers } from './lib/daemon.mjs';
import { openPage, startWithPage, until } from './lib/page.mjs';
import { Peer, joinPeer, scratch, spawnUsher } from './lib/peer.mjs';
import { built } from './lib/web.mjs';

const LONG = 60000;

let site, second, chromium;
before(async () => {
    second = await startDaemon();
    [site, chromium] = await Promise.all([startWithPage(built, { args: ['--set', `server.web_servers=${second.url}`] }), openChromium(LOOPBACK)]);
});
after(async () => {
    await chromium?.close();
    await fs.rm(site.folder, { recursive: true }); // its daemon is dead
    await second?.stop();
});

test('/api/servers and the policy name the other server, in the one form', async () => {
    const list = await (await fetch(`${site.daemon.http}/api/servers`)).json();
    assert.deepEqual(list, { servers: [second.url] });
    const policy = (await fetch(`${site.daemon.http}/`)).headers.get('content-security-policy');
    assert.ok(policy.includes(`; connect-src 'self' ws://127.0.0.1:${second.port} http://127.0.0.1:${second.port};`), policy);
    assert.deepEqual(await (await fetch(`http://127.0.0.1:${second.port}/api/servers`)).json(), { servers: [] });
});

test('the server of the page dies and returns: page and usher meet at the other one, and come back', async () => {
    const { url, port } = site.daemon;
    const state = await scratch();
    const args = [url, second.url].flatMap((server) => ['--server', server]);
    const jonas = new Peer(spawnUsher([...args, '--state', state, '--name', 'Jonas', 'pipe', 'tea'], { env: { USHER_ICE_ADDRESS: '127.0.0.1' } }), state);
    jonas.name = 'Jonas';
    await jonas.event('ready');
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/tea`, { init: `localStorage.setItem('usher.name', 'Mira')` });
    const say = async (text) => {
        await page.getByRole('textbox', { name: 'Message' }).fill(text);
        await page.keyboard.press('Enter');
        await jonas.event('message', { text });
    };
    const meets = () => until(page, () => [...(window.usherSession?.people.values() ?? [])].some(({ name, up, verified }) => name === 'Jonas' && up && verified), undefined, LONG);
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    await meets();
    await say('at home');
    site.daemon.kill('SIGKILL');
    await site.daemon.exited;
    await untilMembers(second, 2, LONG);
    await say('away');
    // Who stays behind keeps the link to who moves.
    const ines = await joinPeer({ server: second.url, room: 'tea', name: 'Ines' });
    await ines.event('peer', { name: 'Mira', state: 'up' });
    await ines.event('peer', { name: 'Jonas', state: 'up' });
    const again = await startDaemon({ listen: `127.0.0.1:${port}` });
    await untilMembers(again, 2, LONG);
    await say('at home again');
    await ines.event('message', { text: 'at home again' });
    assert.equal(ines.count('peer', { state: 'down' }), 0, 'a move is no good-bye');
    assert.equal(jonas.count('peer', { state: 'down' }), 0, 'the link was never lost');
    await page.close();
    await Promise.all([jonas.stop(), ines.stop()]);
    await again.stop();
});
