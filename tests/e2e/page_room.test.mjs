// SPDX-License-Identifier: MIT
//
// What the room's page makes of what it is told, with a peer that is the test's (tests/e2e/pages/fake): hostile texts, marks, files, long histories, the ways in that are shut.
// $SCREENSHOTS names a folder for pictures of it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import jsqr from 'jsqr';
import { openChromium, LOOPBACK } from './lib/chromium.mjs';
import { accessibilityProblems, FAKE_PEER, openPage, shot, startWithPage, until } from './lib/page.mjs';

const ANA = 'b'.repeat(26);
const BEN = 'c'.repeat(26);
const PLAIN = 'n1.abcdef';

let site, chromium;
before(async () => ([site, chromium] = await Promise.all([startWithPage(FAKE_PEER), openChromium(LOOPBACK)])));
after(async () => {
    await chromium?.close();
    await site?.stop();
});

// As a camera sees it, eight pixels a module.
async function readQr(picture) {
    await picture.locator('path[d]').waitFor({ state: 'attached' });
    const [left, top, side] = (await picture.getAttribute('viewBox')).split(' ').map(Number);
    const width = side * 8;
    const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
    for (const [, x, y] of (await picture.locator('path').getAttribute('d')).matchAll(/M(\d+) (\d+)h1v1h-1z/g))
        for (let row = (y - top) * 8; row < (y - top + 1) * 8; row++) {
            const at = (row * width + (x - left) * 8) * 4;
            for (let i = at; i < at + 32; i += 4) pixels.fill(0, i, i + 3);
        }
    return jsqr(pixels, width, width)?.data;
}

// People of the room, told as usher.js tells of them.
function populate(people) {
    if (!sessionStorage.begun) localStorage.clear(); // what the test before has kept
    sessionStorage.begun = '1';
    localStorage.setItem('usher.name', 'Mira');
    window.fakeReady = (peer) => setTimeout(() => {
        peer.people = people;
        peer.tell('state', { state: 'p2p-connected' });
        peer.tell('joined', { room: peer.room, peers: people });
        for (const person of people) peer.tell('peer', person);
        window.fakeIsReady = true;
    });
    window.hear = (from, text, more = {}) => window.fake.tell('message', { id: `m${++window.heard}`, from, to: [window.fake.id], text, timestamp: Date.now(), type: 'group_message', conversation: 'room:tea', verified: true, ...more });
    window.heard = 0;
}

const PEOPLE = [{ id: ANA, name: 'Ana', state: 'up', path: 'direct', verified: true, rttMs: 3, inRoom: true }, { id: BEN, name: 'Ben', state: 'up', path: 'relay', verified: true, rttMs: 80, inRoom: true },
    { id: PLAIN, name: 'old page', state: 'up', path: 'turn', verified: false, inRoom: true }];

async function room(people = PEOPLE, options = {}) {
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/tea`, { init: `(${populate})(${JSON.stringify(people)})`, ...options });
    await until(page, () => window.fakeIsReady);
    return page;
}

const ATTACKS = ['<img src=x onerror="window.hit=1">', '<script>window.hit=1</script>', '"><svg onload=window.hit=1>', "javascript:window.hit=1", '<a href="javascript:window.hit=1">x</a>',
    '<iframe srcdoc="<script>parent.hit=1</script>">', '{{constructor.constructor("window.hit=1")()}}', '</textarea><script>window.hit=1</script>', '<style>*{display:none}</style>', '<base href="https://evil.example/">',
    '<form action="https://evil.example"><button>x', '<meta http-equiv="refresh" content="0;url=https://evil.example">', '\u202egnp.exe', '<math><mtext></form><form><mglyph><style></math><img src onerror=window.hit=1>',
    'https://ok.example/" onmouseover="window.hit=1', "<img src=x onerror=window['hit']=1 x='", '<details open ontoggle=window.hit=1>', '<object data="javascript:window.hit=1">', '<video><source onerror=window.hit=1>'];

test('whatever a hostile peer says, calls itself or its files appears as text', async () => {
    const names = ATTACKS.map((attack, i) => ({ id: `${'x'.repeat(24)}${String.fromCharCode(97 + i)}z`, name: attack, state: 'up', path: 'direct', verified: true, rttMs: 1, inRoom: true }));
    const page = await room(names);
    await page.evaluate(([attacks, people]) => {
        attacks.forEach((attack, i) => {
            window.hear(people[i].id, attack, { attachments: [{ fileId: `a${i}`, name: attack, bytes: 3, type: attack, hash: '' }] });
            window.fake.tell('file-offer', { fileId: `f${i}`, from: people[i].id, name: attack, bytes: 5, kind: 'file' });
            window.fake.tell('link', { id: people[i].id, name: attack, text: attack, code: 'known-name' });
            window.fake.tell('typing', { from: people[i].id });
            window.fake.tell('error', { code: attack, message: attack, fatal: false });
            window.fake.tell('failed', { id: attack, to: [people[i].id], reason: attack });
            window.fake.tell('file-failed', { fileId: `f${i}`, from: people[i].id, reason: attack, message: attack });
        });
    }, [ATTACKS, names]);
    await until(page, () => document.querySelectorAll('.file').length > 10 && document.querySelectorAll('.text').length > 5);
    const shown = await page.evaluate(() => ({ text: document.body.textContent, hit: window.hit, strange: [...document.querySelectorAll('script:not([src]), iframe, object, base, style, form[action], #app img:not(.brand img), video, [onerror], [onload], [onmouseover]')].map((e) => e.outerHTML),
        links: [...document.querySelectorAll('.text a')].map((a) => a.getAttribute('href')) }));
    assert.equal(shown.hit, undefined);
    assert.deepEqual(shown.strange, []);
    for (const attack of ATTACKS) assert.ok(shown.text.includes(attack), attack);
    for (const href of shown.links) assert.match(href, /^https?:\/\/[^"]*$/);
    assert.equal(page.url(), `${site.daemon.http}/room/tea`);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('what is typed shows at once, and is marked as it gets further', async () => {
    const page = await room();
    const field = page.getByRole('textbox', { name: 'Message' });
    await page.evaluate(() => {
        const { send } = window.fake;
        window.fake.send = async (...args) => {
            await new Promise((resolve) => (window.store = resolve));
            return send.apply(window.fake, args);
        };
    });
    await field.pressSequentially('on my way');
    await page.keyboard.press('Enter');
    const own = page.locator('.line.own');
    assert.equal(await own.locator('.text').textContent(), 'on my way');
    assert.equal(await own.locator('.mark .hidden').textContent(), 'Being stored');
    assert.equal(await field.inputValue(), '');
    await page.evaluate((ana) => {
        window.fake.tell('delivered', { id: 'own-1', by: ana }); // before our own commit is told
        window.store();
    }, ANA);
    await until(page, () => document.querySelector('.own .mark .hidden')?.textContent === 'Delivered to 1 of 2');
    await page.evaluate((ben) => window.fake.tell('read', { id: 'own-1', by: ben }), BEN);
    await until(page, () => document.querySelector('.own .mark .hidden')?.textContent === 'Read by 1 of 2');
    await page.evaluate((ana) => window.fake.tell('failed', { id: 'own-1', to: [ana], reason: 'expired' }), ANA);
    await page.getByText('Not delivered to Ana: its time was over').waitFor();
    assert.deepEqual(await page.evaluate(() => window.fake.said.filter((one) => one.do === 'send').map(({ text, to }) => [text, to])), [['on my way', undefined]]);
    assert.equal(await page.evaluate(() => window.fake.said.filter((one) => one.do === 'typing').length), 1);
    await page.close();
});

test('messages for some go to them only, and those seen are told as read', async () => {
    const page = await room();
    await page.getByLabel('To', { exact: true }).selectOption({ label: 'Ben' });
    await page.getByRole('textbox', { name: 'Message' }).fill('a secret');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('only for Ben').waitFor();
    assert.deepEqual(await page.evaluate(() => window.fake.said.find((one) => one.do === 'send').to), [BEN]);
    await page.bringToFront();
    await page.evaluate(([ana, plain]) => {
        window.hear(ana, 'hello');
        window.hear(plain, 'unsigned', { verified: false });
    }, [ANA, PLAIN]);
    await page.getByText('not signed').waitFor();
    await until(page, () => window.fake.said.some((one) => one.do === 'read'));
    assert.deepEqual(await page.evaluate(() => window.fake.said.filter((one) => one.do === 'read').map(({ args }) => args[0])), ['m1']);
    await page.evaluate((ana) => window.fake.tell('typing', { from: ana }), ANA);
    await page.getByText('Ana is writing').waitFor();
    await page.close();
});

test('a room full of things passes axe, at a desk and on a phone, light and dark', async () => {
    for (const [name, options] of [['room', {}], ['room-phone-dark', { size: { width: 390, height: 780 }, colorScheme: 'dark' }]]) {
        const page = await room(PEOPLE, options);
        await page.evaluate(([ana, ben]) => {
            window.hear(ana, 'Good morning! Did the train run today?');
            window.hear(ana, 'I have the drawings: https://example.org/plan');
            window.hear(ben, 'It did, but late.\nYou could walk meanwhile.', { type: 'direct_message' });
            window.fake.tell('file-offer', { fileId: 'f1', from: ana, name: 'drawings.pdf', bytes: 52428800, kind: 'file' });
            window.fake.tell('file-offer', { fileId: 'f2', from: ben, name: 'photo.jpg', bytes: 2400000, kind: 'file' });
            window.usherSession.files.accept('f2');
            window.fake.tell('file-progress', { fileId: 'f2', from: ben, bytes: 1200000, of: 2400000 });
            window.usherSession.send('I am sending them now.');
        }, [ANA, BEN]);
        await page.getByText('I am sending them now.').waitFor();
        await shot(page, name);
        assert.deepEqual(await accessibilityProblems(page), []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        if (options.size) await page.getByRole('button', { name: 'People, Files' }).click();
        await shot(page, `${name}-side`);
        await page.getByRole('button', { name: 'Compare fingerprints: Ana' }).click();
        await page.getByText('bbbbb bbbbb').waitFor();
        for (const [whose, id] of [['Yours', 'a'.repeat(26)], ['Theirs', ANA]])
            assert.equal(await readQr(page.getByRole('img', { name: `${whose}, as a QR code` })), id);
        await shot(page, `${name}-compare`);
        assert.deepEqual(await accessibilityProblems(page), []);
        await page.getByRole('button', { name: 'They are the same' }).click();
        await page.getByText('✓ compared').first().waitFor();
        assert.deepEqual(page.problems, []);
        await page.close();
    }
});

test('files go by drag and drop, are paused, cancelled, declined and saved', async () => {
    const page = await room();
    await page.evaluate(() => {
        const data = new DataTransfer();
        data.items.add(new File(['x'.repeat(1000)], 'notes.txt'));
        for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.getByText('notes.txt').waitFor();
    const fileId = await until(page, () => [...window.usherSession.files.items.keys()].find((id) => id.startsWith('file-')));
    await page.evaluate(([id, ana]) => window.fake.tell('file-progress', { fileId: id, by: ana, bytes: 400, of: 1000 }), [fileId, ANA]);
    assert.equal(await page.getByRole('progressbar').getAttribute('value'), '0.4');
    await page.getByRole('button', { name: 'Pause: notes.txt' }).click();
    await page.getByRole('button', { name: 'Go on: notes.txt' }).click();
    await page.getByRole('button', { name: 'Cancel: notes.txt' }).click();
    await page.getByText('Ended: cancelled').waitFor();
    await page.evaluate((ana) => {
        window.fake.tell('file-offer', { fileId: 'f1', from: ana, name: 'one.bin', bytes: 10, kind: 'file' });
        window.fake.tell('file-offer', { fileId: 'f2', from: ana, name: 'two.bin', bytes: 10, kind: 'file' });
    }, ANA);
    await page.getByRole('button', { name: 'No, thanks: one.bin' }).click();
    await page.locator('.file').getByRole('button', { name: 'Receive: two.bin' }).click();
    await page.evaluate((ana) => {
        window.fake.tell('file-complete', { fileId: 'f2', from: ana, bytes: 10, seconds: 1 });
        window.fake.got(new Blob(['0123456789']));
    }, ANA);
    const saved = page.waitForEvent('download');
    await page.locator('.file').getByRole('link', { name: 'Save' }).click();
    assert.equal((await saved).suggestedFilename(), 'two.bin');
    const said = await page.evaluate(() => window.fake.said.filter((one) => ['pause', 'resume', 'cancel', 'decline', 'accept'].includes(one.do)).map((one) => [one.do, one.fileId ?? one.args[0]]));
    assert.deepEqual(said, [['pause', fileId], ['resume', fileId], ['cancel', fileId], ['decline', 'f1'], ['accept', 'f2']]);
    await page.close();
});

test('what was accepted goes on after a reload', async () => {
    const page = await room();
    await page.evaluate(() => window.usherSession.files.send(new File(['x'.repeat(10)], 'mine.txt')));
    await page.reload();
    await until(page, () => window.fakeIsReady);
    await page.getByText('mine.txt').waitFor(); // our offers stand
    await page.evaluate((ana) => window.fake.tell('file-offer', { fileId: 'f9', from: ana, name: 'long.bin', bytes: 1e9, kind: 'file', accepted: true }), ANA);
    await page.getByRole('button', { name: 'Cancel: long.bin' }).waitFor();
    assert.ok(await page.evaluate(() => window.fake.said.some((one) => one.do === 'accept' && one.fileId === 'f9')));
    await page.close();
});

const RECORDS = 10000;
const writeRecords = ([ana, count]) => {
    window.fake.records = Array.from({ length: count }, (_, i) => ({ id: `h${i}`, from: i % 3 ? ana : window.fake.id, to: [], type: 'group_message', timestamp: 1.7e12 + i * 60000,
        text: `message ${i} ${'of some words '.repeat((i * 7) % 23)}` }));
    window.usherSession.reachedStart = false;
};

test('of ten thousand messages only what is on screen is in the page, and they scroll at 50 frames a second', async () => {
    const page = await room();
    await page.evaluate(writeRecords, [ANA, RECORDS]);
    await page.evaluate(async () => {
        while (!window.usherSession.reachedStart) await window.usherSession.loadEarlier();
    });
    assert.equal(await page.evaluate(() => window.usherSession.messages.length), RECORDS);
    await until(page, () => document.querySelector('.line:last-child')?.textContent.includes('message 9999'));
    const found = await page.evaluate(async () => {
        const box = document.querySelector('.messages');
        const times = [];
        let most = 0;
        for (let i = 0, last = await new Promise(requestAnimationFrame); i < 300; i++) {
            box.scrollTop -= 350;
            const now = await new Promise(requestAnimationFrame);
            times.push(now - last);
            last = now;
            most = Math.max(most, document.querySelectorAll('.line').length);
        }
        times.sort((a, b) => a - b);
        return { most, mean: times.reduce((sum, one) => sum + one) / times.length, p95: times[285], worst: times.at(-1), top: box.scrollTop };
    });
    console.log(`# frames: mean ${found.mean.toFixed(1)} ms, p95 ${found.p95.toFixed(1)} ms, worst ${found.worst.toFixed(1)} ms; at most ${found.most} rows`);
    assert.ok(found.most < 120, `${found.most} rows`);
    assert.ok(found.mean < 20, `a frame took ${found.mean} ms`);
    await page.evaluate(() => (document.querySelector('.messages').scrollTop = 0));
    await until(page, () => document.querySelector('.line')?.textContent.includes('message 0 '));
    await page.close();
});

test('the reader stays where he reads while older messages come in and new ones do', async () => {
    const page = await room();
    await page.evaluate(writeRecords, [ANA, 1000]);
    await page.evaluate(() => window.usherSession.loadEarlier());
    await until(page, () => document.querySelector('.line:last-child')?.textContent.includes('message 999'));
    const at = () => page.evaluate(() => {
        const box = document.querySelector('.messages').getBoundingClientRect();
        const row = [...document.querySelectorAll('.line')].find((one) => one.getBoundingClientRect().bottom > box.top + 5);
        return { text: row.querySelector('.text').textContent, y: Math.round(row.getBoundingClientRect().top - box.top) };
    });
    await page.evaluate(() => (document.querySelector('.messages').scrollTop = 2500));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const before = await at();
    await page.evaluate(() => window.usherSession.loadEarlier());
    await page.evaluate((ana) => window.hear(ana, 'something new'), ANA);
    await page.getByRole('button', { name: '1 new message below' }).waitFor();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const now = await at();
    assert.equal(now.text, before.text);
    assert.ok(Math.abs(now.y - before.y) <= 2, `${before.y} became ${now.y}`);
    await page.getByRole('button', { name: '1 new message below' }).click();
    await page.getByText('something new').last().waitFor();
    await page.close();
});

test('a second tab says so and offers to take over; a password is asked for; what cannot be is said', async () => {
    const page = await openPage(chromium.browser, `${site.daemon.http}/room/tea`, { init: `localStorage.setItem('usher.name', 'Mira');
        window.fakeRefusal = ({ takeOver }) => !takeOver && { code: 'in-use', message: 'another tab' };` });
    await page.getByText('This room is open in another tab').waitFor();
    await shot(page, 'second-tab');
    assert.deepEqual(await accessibilityProblems(page), []);
    await page.getByRole('button', { name: 'Go on here' }).click();
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    await page.evaluate(() => window.fake.end({ code: 'taken-over' }));
    await page.getByText('This room goes on in another tab').waitFor();
    await page.close();

    const locked = await openPage(chromium.browser, `${site.daemon.http}/room/locked`, { init: `localStorage.setItem('usher.name', 'Mira');
        window.fakeRefusal = ({ password }) => password !== 'right' && { code: 'room-locked', message: 'locked' };` });
    await locked.getByLabel('Password').fill('wrong');
    await locked.keyboard.press('Enter');
    await locked.getByText('That is not the password').waitFor();
    await locked.getByLabel('Password').fill('right');
    await locked.keyboard.press('Enter');
    await locked.getByRole('textbox', { name: 'Message' }).waitFor();
    await locked.evaluate(() => window.fake.end({ code: 'store-failed', message: 'full' }));
    await locked.getByText('Nothing that was accepted is lost').waitFor();
    await locked.close();

    const old = await openPage(chromium.browser, `${site.daemon.http}/room/tea`, { init: 'delete window.WebAssembly;' });
    await old.getByText('This browser has no WebAssembly').waitFor();
    await old.close();
});
