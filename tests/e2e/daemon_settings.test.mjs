// SPDX-License-Identifier: MIT
//
// Settings that cannot work are told before anybody is let down by them: by --test-config, at start, at reload. Origins
// let in whom they should, and a page that is refused leaves a trace. Variables of container platforms do no harm.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { run, startDaemon } from './lib/daemon.mjs';
import { Client, connect } from './lib/client.mjs';
import { parseMetrics } from './lib/prometheus.mjs';
import { inFolder } from './lib/folder.mjs';
import { freePorts } from './lib/program.mjs';

const set = (...options) => options.flatMap((option) => ['--set', option]);
const HERE = ['--listen', '127.0.0.1:0'];

test('a wrong URL or origin refuses --test-config, start and reload, with its line and the right form', () => inFolder(async (folder) => {
    const conf = path.join(folder, 'usherd.conf');
    const cases = [
        ['[ice]\nstun = stun://stun.example:3478\n', 'ice.stun = "stun://stun.example:3478": no // stands behind the scheme: write stun:stun.example:3478'],
        ['[ice]\nstun = turn:turn.example\n', 'ice.stun = "turn:turn.example": turn: is not for ice.stun: give it as ice.turn'],
        ['[server]\norigins = https://app.example/room\n',
            'server.origins = "https://app.example/room": an origin has no path: it is all pages of that host: write https://app.example'],
    ];
    await fs.writeFile(conf, '');
    const daemon = await startDaemon({ args: ['--config', conf] });
    for (const [text, sentence] of cases) {
        await fs.writeFile(conf, text);
        for (const more of [['--test-config'], HERE]) {
            const { code, stdout, stderr } = await run(['--config', conf, ...more]);
            assert.deepEqual([code, stdout, stderr], [78, '', `usherd: ${conf}:2: ${sentence}\n`]);
        }
        const mark = daemon.log.length;
        daemon.kill('SIGHUP');
        const [line] = await daemon.logged(/error +.*\n/, mark);
        assert.ok(line.includes(`${conf}:2: ${sentence}`), line);
    }
    const a = await connect(daemon.url, { origin: 'https://evil.example' });
    assert.deepEqual(a.welcome.iceServers, []);
    await a.close();
    assert.equal(await daemon.stop(), 0);
}));

test('what is unambiguous is put right, and told so to clients', async () => {
    const args = set('ice.stun=STUN:Stun.Example:03478', 'ice.turn=turns:[2001:DB8:0::1]:5349?Transport=TCP', 'ice.turn_secret=s',
        'server.origins=HTTPS://App.Example:443/');
    const daemon = await startDaemon({ args });
    const a = await connect(daemon.url, { origin: 'https://app.example' });
    assert.deepEqual(a.welcome.iceServers.map(({ urls }) => urls), [['stun:stun.example:3478'], ['turns:[2001:db8::1]:5349?transport=tcp']]);
    await a.close();
    const printed = await run([...args, '--print-config']);
    assert.match(printed.stdout, /\norigins = https:\/\/app\.example\n/);
    assert.match(printed.stdout, /\nstun = stun:stun\.example:3478\n/);
    assert.equal(await daemon.stop(), 0);
});

test('what is hardly meant is said at start, at reload and by --test-config', () => inFolder(async (folder) => {
    const conf = path.join(folder, 'usherd.conf');
    await fs.writeFile(conf, '[server]\norigins = null\n');
    const tested = await run(['--config', conf, '--test-config']);
    assert.equal(tested.code, 0);
    assert.equal(tested.stdout, 'the settings are valid\n');
    assert.match(tested.stderr, /^usherd: warning: any web page can make a frame whose origin is null[^\n]* \(option=server\.origins, value=null\)\n$/);
    const daemon = await startDaemon({ args: ['--config', conf] });
    await daemon.logged(/warning +any web page can make a frame whose origin is null/);
    const page = await connect(daemon.url, { origin: 'null' });
    await page.close();
    await fs.writeFile(conf, '[limits]\nmax_frame = 64\n');
    const mark = daemon.log.length;
    daemon.kill('SIGHUP');
    await daemon.logged(/warning +offers of browsers [^\n]* option=limits\.max_frame\n/, mark);
    assert.doesNotMatch(daemon.log.slice(mark), /origin is null/);
    assert.equal(await daemon.stop(), 0);
}));

test('a page that is refused is counted, and logged once a second at most', async () => {
    const long = `https://${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example:8443`;
    const daemon = await startDaemon({ args: set('server.origins=https://app.example', `server.origins=${long}`) });
    const refused = async (origin) => assert.match((await new Client(daemon.url, { origin }).failed).message, /403/);
    for (const origin of ['https://app.example', 'HTTPS://APP.example', long]) {
        const page = await connect(daemon.url, { origin });
        await page.close();
        const health = await fetch(`${daemon.http}/health`, { headers: { origin } });
        assert.equal(health.headers.get('access-control-allow-origin'), origin);
    }
    const from = Date.now();
    const tries = 40;
    for (let i = 0; i < tries; i++) await refused(`https://evil-${i}.example`);
    await refused(`${long}0`);
    await refused('x'.repeat(2000));
    const post = await fetch(`${daemon.http}/api/rooms`, { method: 'POST', headers: { origin: 'https://evil.example' } });
    assert.equal(post.status, 403);
    const asked = await fetch(`${daemon.http}/api/rooms`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    assert.equal(asked.headers.get('access-control-allow-methods'), null);
    const seconds = Math.floor((Date.now() - from) / 1000) + 1;
    const numbers = parseMetrics(await (await fetch(`${daemon.http}/metrics`)).text());
    assert.equal(numbers.get('usherd_origin_refused_total'), tries + 4);
    await daemon.logged(/notice +pages of this origin may not connect: add it to server\.origins if they should origin=https:\/\/evil-0\.example count=1\n/);
    assert.ok(daemon.log.match(/pages of this origin/g).length <= seconds + 1, daemon.log);
    assert.equal(await daemon.stop(), 0);
});

test('variables of Kubernetes and Docker are skipped with a debug line', async () => {
    const env = {
        USHERD_SERVICE_HOST: '10.0.0.1', USHERD_PORT: 'tcp://10.0.0.1:4000', USHERD_PORT_4000_TCP_ADDR: '10.0.0.1',
        USHERD_SERVER_SERVICE_HOST: '10.0.0.2', USHERD_SERVER_SERVICE_PORT: '80', USHERD_SERVER_SERVICE_PORT_HTTP: '80',
        USHERD_SERVER_PORT: 'tcp://10.0.0.2:80', USHERD_SERVER_PORT_80_TCP: 'tcp://10.0.0.2:80', USHERD_SERVER_PORT_80_TCP_PROTO: 'tcp',
        USHERD_ICE_PORT_3478_UDP_ADDR: '10.0.0.3', USHERD_SERVER_NAME: '/web/usherd-server', USHERD_SERVER_ENV_PATH: '/bin',
        USHERD_SERVER_NODE: 'pod', USHERD_SERVER_LOG_LEVEL: 'debug',
    };
    const daemon = await startDaemon({ env });
    for (const name of Object.keys(env).filter((n) => !/NODE|LOG_LEVEL/.test(n)))
        await daemon.logged(new RegExp(`debug +this variable is the platform's, not a setting variable=${name}\n`));
    const a = await connect(daemon.url);
    assert.match(a.welcome.peerId, /^pod\./);
    await a.close();
    assert.equal(await daemon.stop(), 0);
    const quiet = await run(['--test-config'], { env: { ...env, USHERD_SERVER_LOG_LEVEL: 'info' } });
    assert.deepEqual(quiet, { code: 0, stdout: 'the settings are valid\n', stderr: '' });
});

test('a misspelt variable ends the start, one that is nobody\'s is remarked', async () => {
    for (const [variable, value, sentence] of [
        ['USHERD_SERVER_PORT', '4000', 'USHERD_SERVER_PORT: there is no such option: did you mean USHERD_SERVER_LISTEN?'],
        ['USHERD_LIMIT_MAX_ROOMS', '4', 'USHERD_LIMIT_MAX_ROOMS: there is no such option: did you mean USHERD_LIMITS_MAX_ROOMS?'],
        ['USHERD_SERVER_NODE', '"a"', 'USHERD_SERVER_NODE = ""a"": quotes are taken as part of the value: write it without'],
    ]) {
        const { code, stderr } = await run(HERE, { env: { [variable]: value } });
        assert.deepEqual([code, stderr], [78, `usherd: ${sentence}\n`]);
    }
    const { code, stderr } = await run(['--test-config'], { env: { USHERD_PORT: '4000' } });
    assert.equal(code, 0);
    assert.match(stderr, /^usherd: warning: this variable begins like a setting[^\n]*\(variable=USHERD_PORT, meant=USHERD_SERVER_LISTEN\)\n$/);
});

const WELL = { code: 0, stdout: 'ok\n', stderr: '' };

test('--healthcheck of a daemon that is well looks at nothing but where to ask', () => inFolder(async (folder) => {
    const conf = path.join(folder, 'usherd.conf');
    const web = path.join(folder, 'web');
    await fs.mkdir(web);
    const [port] = await freePorts(1);
    const listen = `listen = 127.0.0.1:${port}\n`;
    const file = async (...lines) => {
        await fs.writeFile(conf, `[server]\n${listen}${lines.map((line) => `${line}\n`).join('')}`);
        return run(['--config', conf, '--healthcheck']);
    };
    await file(`web_root = ${web}`);
    const daemon = await startDaemon({ args: ['--config', conf], listen: `127.0.0.1:${port}` });
    assert.deepEqual(await file(`web_root = ${web}`), WELL);
    await fs.rename(web, `${web}.old`);
    const unread = path.join(folder, 'key');
    await fs.writeFile(unread, '', { mode: 0 });
    for (const lines of [
        [`web_root = ${web}`], // renamed for a moment
        ['[auth]', 'required = yes'], ['[auth]', 'required = yes', 'keys = /nowhere/key'], ['[auth]', `keys = ${unread}`],
        ['lissen = x'], ['log_level = loud'], ['[limits]', 'max_rooms = many', 'max_rooms = more'], ['[limts]', 'listen = nowhere'],
        ['[limits] max_rooms = 5'], ['[open'], ['nothing'], ['  listen = nowhere'], ['node = a # b'], ['node = "a"'], ['node = a\u0001b'],
        [`node = ${'a'.repeat(300)}`], [`[${'a'.repeat(300)}]`, 'listen = nowhere'],
        ['listen = nowhere'], // the second is not asked
        ['[tls]', 'key = /nowhere'], ['[tls]', 'certificate = /nowhere # soon', 'key = /nowhere'], ['[tls]', 'certificate = %d/c', 'certificate = "x"'],
        ['[cluster]', 'redis = redis://a'], ['[ice]', 'turn = turn:turn.example'], ['[webhooks]', 'url = https://a.example/'],
    ]) {
        assert.deepEqual(await file(...lines), WELL, lines.join(' / '));
        if (!/listen = nowhere|\[limts|key = |node = a #/.test(lines.join()))
            assert.equal((await run(['--config', conf, '--test-config'])).code, 78, lines.join(' / '));
    }
    await fs.writeFile(conf, `[server]\nnode = a\n[limts]\nlisten = nowhere\n[server]\n${listen}`);
    assert.deepEqual(await run(['--config', conf, '--healthcheck']), WELL);
    const at = ['--listen', `127.0.0.1:${port}`];
    for (const args of [['--config', '/nowhere', ...at], [...at, ...set('server.web_root=/nowhere', 'auth.keys=/nowhere', 'auth.required=yes')]])
        assert.deepEqual(await run([...args, '--healthcheck']), WELL, args.join(' '));
    const env = { USHERD_SERVER_LISTEN: `127.0.0.1:${port}, nowhere`, USHERD_SERVER_WEB_ROOT: '/nowhere', USHERD_LIMITS_MAX_ROOM: '1', USHERD_AUTH_KEYS: `%d/k,${'k'.repeat(2000)}` };
    assert.deepEqual(await run(['--healthcheck'], { env }), WELL);
    assert.equal(await daemon.stop(), 0);
}));

test('--healthcheck tells why it does not know where to ask', () => inFolder(async (folder) => {
    const conf = path.join(folder, 'usherd.conf');
    for (const [text, sentence] of [
        ['[server]\nlisten = nowhere\n', /^usherd: \S+:2: server\.listen = "nowhere": expected an address/],
        ['[server]\nlisten = 127.0.0.1:1 # all\n', /^usherd: \S+:2: server\.listen: a comment stands on a line of its own/],
        ['[server]\nlisten =\n', /^usherd: server\.listen is empty/],
        ['[server]\nlisten = 127.0.0.1:0\n', /^usherd: 127\.0\.0\.1:0: cannot ask port 0/],
    ]) {
        await fs.writeFile(conf, text);
        const { code, stdout, stderr } = await run(['--config', conf, '--healthcheck']);
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, sentence);
    }
    const { code, stderr } = await run(['--config', path.join(folder, 'none'), '--healthcheck']);
    assert.deepEqual([code, stderr], [1, `usherd: ${folder}/none: No such file or directory: put it there, or correct the path\n`]);
    assert.equal((await run(['--healthcheck', '--set', 'limits.none=1'])).code, 2);
}));

test('what lies in web_root and must stay secret is warned of', () => inFolder(async (folder) => {
    const web = path.join(folder, 'web');
    const beside = path.join(folder, 'web-state'); // its name only begins like the other
    for (const dir of [path.join(web, 'state'), beside]) await fs.mkdir(dir, { recursive: true });
    await fs.writeFile(path.join(web, 'index.html'), '');
    await fs.writeFile(path.join(web, 'secret'), 'turn');
    await fs.writeFile(path.join(folder, 'secret'), 'turn');
    await fs.symlink(path.join(web, 'secret'), path.join(folder, 'link'));
    const warnedIn = async (env, root, ...options) => {
        const { code, stderr } = await run([...set(`server.web_root=${root}`, ...options), '--test-config'], { env });
        assert.equal(code, 0, stderr);
        return [...stderr.matchAll(/this lies in server\.web_root, where everybody may read it[^\n]* \(option=(\S+), value=/g)].map(([, option]) => option);
    };
    const warned = (...args) => warnedIn({}, ...args);
    const turn = (file) => ['ice.turn=turn:turn.example', `ice.turn_secret=@${path.join(folder, file)}`];
    assert.deepEqual(await warned(web, `server.state_dir=${web}/state`, ...turn('web/../web/secret')), ['server.state_dir', 'ice.turn_secret']);
    assert.deepEqual(await warned(`${web}/`, `server.state_dir=${web}`, ...turn('link')), ['server.state_dir', 'ice.turn_secret']);
    assert.deepEqual(await warned('/', ...turn('secret')), ['server.state_dir', 'ice.turn_secret']);
    assert.deepEqual(await warned(web, `server.state_dir=${beside}`, ...turn('secret')), []);
    assert.deepEqual(await warned(web, 'ice.turn=turn:turn.example', 'ice.turn_secret=secret'), []);
    assert.deepEqual(await warned(web, `server.state_dir=${web}/new/state`), ['server.state_dir']); // not there yet
    assert.deepEqual(await warned(web, `server.state_dir=${folder}/new/state`), []);
    // What is in force where server.state_dir is empty; names with a dot are not served.
    for (const [env, expected] of [
        [{ STATE_DIRECTORY: `${web}/state` }, ['server.state_dir']],
        [{ STATE_DIRECTORY: beside }, []],
        [{ XDG_STATE_HOME: web }, ['server.state_dir']],
        [{ XDG_STATE_HOME: `${web}/.state` }, []],
    ])
        assert.deepEqual(await warnedIn(env, web), expected);
    await fs.mkdir(path.join(web, '.state'));
    assert.deepEqual(await warned(web, `server.state_dir=${web}/.state`), []);
    const daemon = await startDaemon({ args: set(`server.web_root=${web}`), env: { XDG_STATE_HOME: web } });
    await daemon.logged(/this lies in server\.web_root[^\n]* option=server\.state_dir/);
    assert.equal(await daemon.stop(), 0);
}));
