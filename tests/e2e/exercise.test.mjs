// SPDX-License-Identifier: MIT
//
// `usher exercise` against a live daemon: every line passes in time; what cannot be reached is said; nothing is left
// behind. That each line can fail, and fails alone, is what tests/mutants asks of it (suite exercise.e2e).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { startDaemon } from './lib/daemon.mjs';
import { joinPeer, runUsher, scratch } from './lib/peer.mjs';

const LINES = ['join', 'call', 'direct', 'group', 'causal order', 'acks', 'relay', 'offline', 'history', 'sealed',
    'tampered', 'files', 'resume', 'reconnect', 'daemon lost'];
const exercise = async (servers, env = {}) => {
    const dir = await scratch();
    const args = [servers].flat().flatMap((server) => ['--server', server]).concat(['--ice-address', '127.0.0.1', 'exercise']);
    const result = await runUsher(args, { env: { ...env, TMPDIR: dir }, ms: 70000 });
    assert.deepEqual(await fs.readdir(dir), [], 'its folder is gone');
    return result;
};

test('all lines pass, and others in the daemon notice nothing', async (t) => {
    const daemon = await startDaemon();
    const bystander = await joinPeer({ server: daemon.url, room: 'elsewhere', name: 'bystander' });
    const began = performance.now();
    const { code, stdout, stderr } = await exercise(daemon.url);
    t.diagnostic(stdout);
    const failed = stdout.split('\n').filter((line) => line.includes('FAILED')).map((line) => line.slice(0, 14).trim());
    if (process.env.EXERCISE_FAILS) { // a mutant runs, which the test notices by failing
        const exactly = failed.length === 1 && failed[0] === process.env.EXERCISE_FAILS.replace('-', ' ');
        assert.ok(!exactly || !/FAILED\n +expected .*\w/.test(stdout), 'exactly that line failed and said why, as it should');
        return;
    }
    assert.deepEqual(failed, []);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.ok(performance.now() - began < 60000);
    assert.deepEqual(stdout.trim().split('\n').slice(0, -1).map((line) => line.slice(0, 14).trim()), LINES);
    assert.match(stdout, /^15 of 15 passed in [\d.]+ s$/m);
    assert.equal(bystander.count('state', { state: 'disconnected' }), 0);
    assert.equal(bystander.count('joined'), 1);
    assert.equal(await bystander.stop(), 0);
    await daemon.stop();
});

test('a server that is not there: one line says so, the others stand on it', async () => {
    const daemon = await startDaemon();
    await daemon.stop();
    const [{ code, stdout }, tls] = await Promise.all([exercise(daemon.url), exercise('wss://127.0.0.77')]);
    assert.equal(code, 3);
    assert.match(stdout, /^join +\d+ ms {2}FAILED\n +expected at ann: ready; came last: state "connecting".*\n +\S+:\d+: .*refused$/m);
    assert.equal(tls.code, 3);
    assert.match(tls.stdout, /^ +127\.0\.0\.77:443: .*refused$/m, 'where wss:// names no port it is 443');
    assert.match(stdout, /^call +not tried: it stands on join\ndirect +not tried: it stands on call$/m);
    assert.equal(stdout.match(/not tried: it stands on /g).length, LINES.length - 1);
    assert.match(stdout, /^0 of 15 passed/m);
    assert.ok(/ in (\d+)/.exec(stdout)[1] < 8, 'nobody waits for what was refused');
});

test('of several servers each is asked at its own address', async () => {
    const gone = await startDaemon();
    await gone.stop();
    const file = `${await scratch()}/key`;
    await fs.writeFile(file, `alg: HS256\nkid: k\n\n${Buffer.alloc(32, 'k').toString('base64')}\n`, { mode: 0o600 });
    const strict = await startDaemon({ args: ['--set', 'auth.required=true', '--set', `auth.keys=${file}`] });
    const { code, stdout } = await exercise([gone.url, strict.url]);
    assert.equal(code, 1, 'the second one was reached');
    assert.match(stdout, /^join .*FAILED\n.*error ".*token/);
    await strict.stop();
});

test('a server that wants a token says so in the first line', async () => {
    const file = `${await scratch()}/key`;
    await fs.writeFile(file, `alg: HS256\nkid: k\n\n${Buffer.alloc(32, 'k').toString('base64')}\n`, { mode: 0o600 });
    const daemon = await startDaemon({ args: ['--set', 'auth.required=true', '--set', `auth.keys=${file}`] });
    const { code, stdout } = await exercise(daemon.url);
    assert.equal(code, 1);
    assert.match(stdout, /^join .*FAILED\n.*error ".*token/);
    await daemon.stop();
});
