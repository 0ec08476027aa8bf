// SPDX-License-Identifier: MIT
//
// What the settings take, a browser takes, and what a browser throws at, they refuse: STUN and TURN URLs by Chromium's
// RTCPeerConnection, origins by the URL parser that browsers share with Node.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { run } from './lib/daemon.mjs';
import { openChromium } from './lib/chromium.mjs';

const TAKEN = {
    stun: ['stun:stun.example', 'stun:stun.example:3478', 'stuns:stun.example:5349', 'STUN:Stun.Example:19302', ' stun:stun.example',
        'stun:[2001:DB8::1]:3478', 'stun:[::1]', 'stun:192.0.2.1', 'stun:stun.example:03478', 'stun:my_host-1.example.', 'stun:localhost'],
    turn: ['turn:turn.example', 'turn:turn.example:3478?transport=udp', 'Turn:turn.example:3478?Transport=TCP',
        'turns:turn.example:443?transport=tcp', 'turns:turn.example?transport=udp', 'turn:[2001:db8::1]:3478?transport=tcp'],
};
const THROWN_AT = {
    stun: ['stun.example:3478', 'stun://stun.example:3478', 'stun:stun.example/', 'stun:stun.example?transport=udp', 'stun:',
        'stun:a.example,stun:b.example', 'stun:a.example stun:b.example', 'stun:a.example # near', 'stun: a.example', 'stun:a.example:0',
        'stun:a.example:65536', 'stun:a.example:x', 'stun:a.example:', 'stun:2001:db8::1', 'stun:[2001:db8::1', '"stun:stun.example"',
        "'stun:stun.example'", 'http://stun.example', 'stun:stun.example#a'],
    turn: ['turn:user:word@turn.example:3478', 'turn:turn.example?transport=tls', 'turn:turn.example?', 'turn:turn.example?udp',
        'turn://turn.example', 'turns://turn.example:443?transport=tcp', 'turn.example', 'turn:turn.example?transport=udp,tcp'],
};

let opened, page;
before(async () => {
    opened = await openChromium();
    page = await opened.browser.newPage();
});
after(() => opened?.close());

const opens = (url) => page.evaluate((urls) => {
    try {
        new RTCPeerConnection({ iceServers: [{ urls, username: 'u', credential: 'c' }] }).close();
        return true;
    } catch {
        return false;
    }
}, url);

const print = (option, values) => run([...values.flatMap((value) => ['--set', `${option}=${value}`]), '--print-config']);

// The forms that the settings give them.
async function printed(option, values) {
    const { code, stdout, stderr } = await print(option, values);
    assert.equal(code, 0, stderr);
    return [...stdout.matchAll(new RegExp(`^${option.split('.')[1]} = (.*)$`, 'gm'))].map(([, form]) => form);
}

const refuses = (option, values) => Promise.all(values.map(async (value) => {
    const { code, stderr } = await print(option, [value]);
    assert.equal(code, 2, `${value} is taken`);
    assert.match(stderr, /^usherd: --set \S+[^\n]*: [^\n]+\n$/);
}));

test('URLs that are taken open a connection', async () => {
    for (const [key, urls] of Object.entries(TAKEN)) {
        const forms = await printed(`ice.${key}`, urls);
        assert.equal(forms.length, urls.length);
        for (const form of forms) assert.ok(await opens(form), `${form}: the browser throws`);
    }
});

test('URLs that browsers throw at are refused', async () => {
    for (const [key, urls] of Object.entries(THROWN_AT)) {
        for (const url of urls) assert.equal(await opens(url), false, `${url}: the browser does not throw`);
        await refuses(`ice.${key}`, urls);
    }
});

test('origins have the form that browsers send', async () => {
    const urls = ['https://app.example', 'HTTPS://App.Example/', 'https://app.example:443', 'http://app.example:80/', 'https://app.example:08443',
        'http://localhost:3000', 'https://192.0.2.1:8443', 'https://[2001:DB8:0:0:0:0:0:1]', 'https://[::ffff:192.0.2.1]:444', 'https://[::]',
        'https://[1:0:0:2:0:0:3:4]', 'https://[1:0:2:3:4:5:6:7]', 'https://[1:2:3:4:5:6:0:0]', 'https://[0:0:3:4:5:6:7:8]',
        'https://xn--bcher-kva.example', 'https://a_b-c.example'];
    assert.deepEqual(await printed('server.origins', urls), urls.map((url) => new URL(url).origin));
});

test('what is no origin of a browser is refused', async () => {
    const urls = ['https://app.example/room', 'https://me@app.example', 'https://app.example?a', 'https://bücher.example', 'https://127.1',
        'https://0x7f.0.0.1', 'https://app%2eexample', 'https://app.example:', 'https:app.example', 'https:\\\\app.example'];
    for (const url of urls) assert.notEqual(new URL(url).origin, url);
    await refuses('server.origins', [...urls, 'app.example', '//app.example', 'https://', 'https://*.example:*', 'https://app.example:65536',
        'https://[::1', 'https://1.2.3.256', 'https://a b.example']);
});
