// SPDX-License-Identifier: MIT
//
// The page at /check in Chromium: what it says where all works, where something does not, and where it may not try; and
// what an operator reads of it. $SCREENSHOTS names a folder for pictures of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import fs from 'node:fs/promises';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { LOOPBACK, openChromium } from './lib/chromium.mjs';
import { inFolder } from './lib/folder.mjs';
import { freeUdpPort } from './lib/program.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { startTurn } from './lib/turn.mjs';

const SECRET = 'a secret of two';
const PATIENCE_MS = 45000;
const RESULT = 'websocket=works&polling=skipped&stun=fails&turn=works';
const PARTS = ['websocket', 'polling', 'stun', 'turn'];
const set = (...options) => options.flatMap((option) => ['--set', option]);

let turn, chromium;
before(async () => ([turn, chromium] = await Promise.all([startTurn(SECRET), openChromium(LOOPBACK)])));
after(async () => {
    await chromium?.close();
    await turn?.stop();
});

// Opens the page, waits for its end: { page, part(name): { outcome, words }, verdict, problems, asked: what it sent where }.
async function check(url, { size = { width: 900, height: 900 }, dark = false, shot } = {}) {
    const page = await chromium.browser.newPage();
    const problems = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    const asked = [];
    page.on('request', (request) => asked.push({ method: request.method(), url: request.url(), body: request.postData() ?? '' }));
    page.on('websocket', (socket) => asked.push({ method: 'WebSocket', url: socket.url().replace('ws', 'http'), body: '' }));
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
    await page.goto(`${url}/check`);
    return { page, problems, asked, ...(await outcome(page, shot)) };
}

async function outcome(page, shot) {
    await page.waitForSelector('html[data-done]', { timeout: PATIENCE_MS });
    const result = { verdict: await page.textContent('#verdict') };
    for (const part of PARTS)
        result[part] = { outcome: await page.getAttribute(`#${part}`, 'class'), words: await page.textContent(`#${part} dd`) };
    if (process.env.SCREENSHOTS && shot) await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${shot}.png`), fullPage: true });
    return result;
}

const posts = ({ asked }, to) => asked.filter(({ method, url }) => method === 'POST' && new URL(url).pathname.endsWith(to)).map(({ body }) => body);

async function counts(daemon) {
    const samples = parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
    return (part, outcome) => samples.get(`usherd_check_total{part="${part}",outcome="${outcome}"}`);
}

// Until Socket.IO is served, and where it is switched off.
const pollingIsServed = async (daemon) => (await fetch(`${daemon.http}/socket.io/?EIO=4&transport=polling`)).status !== 404;

test('where all works it says so, on a phone too, and the operator reads it', async () => {
    const daemon = await startDaemon({ args: set('ice.stun_listen=127.0.0.1:0', `ice.turn=${turn.url}`, `ice.turn_secret=${SECRET}`) });
    const polling = (await pollingIsServed(daemon)) ? 'works' : 'skipped';
    for (const [i, options] of [{ shot: 'works' }, { size: { width: 340, height: 700 }, dark: true, shot: 'works-narrow-dark' }].entries()) {
        const found = await check(daemon.http, options);
        assert.deepEqual(PARTS.map((part) => found[part].outcome), ['works', polling, 'works', 'works'], JSON.stringify(found, ['words', 'outcome', ...PARTS]));
        assert.match(found.websocket.words, /^Works\.The server answers within \d+ ms\.$/);
        assert.match(found.stun.words, /^Works\.(It sees you at 127\.0\.0\.1\.$|A server answers)/);
        assert.match(found.turn.words, /^Works\.Calls that cannot go straight can go through /);
        assert.equal(found.verdict, 'Calls will work from here.');
        assert.deepEqual(found.problems, []); // a browser calls each refusal an error
        assert.ok(found.asked.every((one) => new URL(one.url).host === new URL(daemon.http).host || one.url === 'data:,'), JSON.stringify(found.asked));
        assert.deepEqual(posts(found, '/check/result'), ['', `websocket=works&polling=${polling}&stun=works&turn=works`]);
        assert.ok(await found.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it is wider than the screen');
        await found.page.close();
        const count = await counts(daemon);
        assert.deepEqual([count('websocket', 'works'), count('polling', polling), count('stun', 'works'), count('turn', 'works'), count('turn', 'fails')],
            [i + 1, i + 1, i + 1, i + 1, 0]);
    }
    assert.equal(await daemon.stop(), 0);
});

test('a STUN server that is not there, and a TURN server with another secret, are named', async () => {
    const dead = `stun:127.0.0.1:${await freeUdpPort()}`;
    const daemon = await startDaemon({ args: set(`ice.stun=${dead}`, `ice.turn=${turn.url}`, 'ice.turn_secret=another') });
    const found = await check(daemon.http, { shot: 'fails' });
    assert.equal(found.websocket.outcome, 'works');
    assert.equal(found.stun.outcome, 'fails');
    assert.ok(found.stun.words.includes(`No answer from ${dead}`), found.stun.words);
    assert.equal(found.turn.outcome, 'fails');
    assert.match(found.turn.words, /refused the credentials that this server gave \(401\)/);
    assert.equal(found.verdict, 'Calls will fail from here, but for those within your own network.');
    await found.page.close();
    assert.equal((await counts(daemon))('turn', 'fails'), 1);
    assert.equal(await daemon.stop(), 0);
});

// Nothing answers there, nor says that nobody is there: the browser asks again and again.
test('servers that do not answer are waited for at the same time', async () => {
    const hole = dgram.createSocket('udp4').unref().bind(0, '127.0.0.1');
    await once(hole, 'listening');
    const { port } = hole.address();
    const daemon = await startDaemon({ args: set(`ice.stun=stun:127.0.0.1:${port}`, `ice.turn=turn:127.0.0.1:${port}?transport=udp`, `ice.turn_secret=${SECRET}`) });
    const page = await chromium.browser.newPage();
    await page.goto(`${daemon.http}/check`);
    await page.waitForFunction(() => ['stun', 'turn'].every((part) => document.querySelector(`#${part} dd`).textContent.includes('being tried')));
    const found = await outcome(page);
    assert.deepEqual(PARTS.map((part) => found[part].outcome), ['works', 'works', 'fails', 'fails']);
    assert.match(found.turn.words, /No answer from turn:/);
    await page.close();
    hole.close();
    assert.equal(await daemon.stop(), 0);
});

test('where no server is named it says what that means', async () => {
    const daemon = await startDaemon();
    const found = await check(daemon.http);
    assert.deepEqual([found.stun.outcome, found.turn.outcome], ['skipped', 'skipped']);
    assert.match(found.stun.words, /has named no STUN server/);
    assert.match(found.turn.words, /has named no TURN server/);
    assert.equal(found.verdict, 'What could be tried works.');
    await found.page.close();
    assert.equal(await daemon.stop(), 0);
});

test('where a token is needed it says so, and takes one', () => inFolder(async (folder) => {
    const key = path.join(folder, 'key');
    await fs.writeFile(key, `alg: HS256\nkid: k\n${Buffer.alloc(32, 7).toString('base64')}\n`);
    const options = set('auth.required=yes', `auth.keys=${key}`, 'ice.stun_listen=127.0.0.1:0');
    const daemon = await startDaemon({ args: options });
    const found = await check(daemon.http, { shot: 'token' });
    assert.equal(found.websocket.outcome, 'works');
    assert.equal(found.stun.outcome, 'skipped');
    assert.match(found.stun.words, /only to those with a token/);
    const { stdout } = await run(['token', '--room', 'tea', '--key', key]);
    const again = async (token) => {
        await found.page.fill('#token', token);
        await found.page.getByRole('button', { name: 'Check again' }).click();
        return outcome(found.page);
    };
    assert.match((await again('nonsense')).stun.words, /does not take this token/);
    assert.equal((await again(stdout.trim())).stun.outcome, 'works');
    await found.page.close();
    assert.equal(await daemon.stop(), 0);
}));

// Passes ordinary requests on, without their prefix; an upgrade is answered as one of them.
async function startProxy(daemon, prefix) {
    const proxy = http.createServer((request, response) => {
        const { connection, upgrade, ...headers } = request.headers;
        const onward = http.request({ port: daemon.port, host: '127.0.0.1', method: request.method, path: request.url.slice(prefix.length), headers }, (answer) => {
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        onward.on('error', () => response.destroy());
        request.pipe(onward);
    });
    proxy.on('upgrade', (request, socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    return proxy;
}

test('behind a proxy that lets no WebSocket through, and strips a prefix, it says what is in the way', async () => {
    const daemon = await startDaemon();
    const proxy = await startProxy(daemon, '/app/sig');
    const found = await check(`http://127.0.0.1:${proxy.address().port}/app/sig`, { shot: 'proxy' });
    assert.equal(found.websocket.outcome, 'fails');
    assert.match(found.websocket.words, /Ordinary requests reach the server, a WebSocket does not/);
    if (found.polling.outcome === 'skipped') assert.match(found.verdict, /You cannot reach anybody from here/);
    await found.page.close();
    assert.equal((await counts(daemon))('websocket', 'fails'), 1);
    proxy.closeAllConnections();
    await once(proxy.close(), 'close');
    assert.equal(await daemon.stop(), 0);
});

test('a page whose script was refused says so', async () => {
    const daemon = await startDaemon({ args: set('limits.connection_rate=1', 'limits.connection_burst=1') });
    const page = await chromium.browser.newPage();
    const refused = page.waitForResponse((response) => response.url().endsWith('/check.js'));
    await page.goto(`${daemon.http}/check`);
    assert.equal((await refused).status(), 429);
    assert.match(await page.textContent('#verdict'), /Load it again later/);
    await page.close();
    assert.equal(await daemon.stop(), 0);
});

test('where server.origins has not this page it tells what to add, and sends nothing', async () => {
    const daemon = await startDaemon({ args: set('server.origins=https://app.example') });
    const found = await check(daemon.http);
    assert.equal(found.websocket.outcome, 'skipped');
    assert.ok(found.websocket.words.includes(`would add ${daemon.http} to server.origins`), found.websocket.words);
    await found.page.close();
    assert.deepEqual(posts(found, '/check/result'), ['']); // whether it may post: no
    assert.deepEqual(found.asked.filter(({ method, url }) => method === 'WebSocket' || url.includes('/socket.io/')), []);
    const foreign = await fetch(`${daemon.http}/check/result`, { method: 'POST', headers: { origin: daemon.http }, body: RESULT });
    assert.equal(foreign.status, 403);
    const count = await counts(daemon);
    assert.equal(PARTS.reduce((sum, part) => sum + count(part, 'works') + count(part, 'fails') + count(part, 'skipped'), 0), 0);
    assert.equal(await daemon.stop(), 0);
});

test('the page may load and reach nothing but its own server, and has no room in a frame', async () => {
    const daemon = await startDaemon();
    for (const [file, type] of [['/check', 'text/html'], ['/check/check.js', 'text/javascript'], ['/check/check.css', 'text/css']]) {
        const answer = await fetch(daemon.http + file);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), `${type}; charset=utf-8`);
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        const policy = answer.headers.get('content-security-policy');
        assert.match(policy, /^default-src 'none'; script-src 'self';/);
        assert.match(policy, /frame-ancestors 'none'/);
        assert.doesNotMatch(policy, /unsafe|\*/);
        const text = await answer.text();
        assert.equal(text.length, Number(answer.headers.get('content-length')) - (Buffer.byteLength(text) - text.length));
        assert.doesNotMatch(text.replaceAll('data:,', ''), /(src|href)="(https?:)?\/\//);
    }
    assert.equal(await daemon.stop(), 0);
});

test('results are four words; anything else is refused, and too many are', async () => {
    const daemon = await startDaemon({ args: set('limits.connection_rate=0') });
    const post = (body) => fetch(`${daemon.http}/check/result`, { method: 'POST', body }).then((answer) => (answer.text(), answer.status));
    const good = RESULT;
    assert.equal(await post(''), 204); // it asks, and counts for nothing
    for (const body of ['websocket=works', good.replace('fails', 'broke'), good.replace('stun', 'stunt'), good.replace('works', 'works%00'),
        `${good.replace('turn=works', 'turn=')}`, '{"websocket":"works"}', 'websocket=%&polling=skipped&stun=fails&turn=works', 'x'.repeat(16384)])
        assert.equal(await post(body), 400, body.slice(0, 80));
    assert.equal(await post('x'.repeat(16385)), 413);
    assert.equal((await fetch(`${daemon.http}/check/result`)).status, 405);
    let taken = 0;
    let status;
    for (; taken < 700 && (status = await post(good)) === 204; taken++);
    assert.equal(status, 429);
    assert.equal(taken, 600);
    const count = await counts(daemon);
    assert.deepEqual([count('websocket', 'works'), count('polling', 'skipped'), count('stun', 'fails'), count('websocket', 'fails')], [600, 600, 600, 0]);
    assert.equal(await daemon.stop(), 0);
});
