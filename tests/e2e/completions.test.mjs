// SPDX-License-Identifier: MIT
//
// What a shell completes: every command and option that the programs have, and no other; and bash, asked as it asks itself.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { binary, root, run } from './lib/daemon.mjs';
import { scratch } from './lib/peer.mjs';

const read = (file) => readFile(path.join(root, file), 'utf8');
const sorted = (names) => [...new Set(names)].sort();
const options = (text) =>
    sorted([...text.replace(/^ *#.*$/gm, '').matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([name]) => name));
const table = (text, row) => sorted([...text.matchAll(row)].map(([, name]) => name));

// Words of a shell's line as bash hands them over, which cuts at = and :.
async function complete(file, words, env = {}) {
    const script = `source completions/${file}.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${file} "$1"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', ...words],
        { cwd: root, env: { ...process.env, ...env } });
    return sorted(stdout.split('\n').filter(Boolean));
}

let dir;

before(async () => {
    dir = await scratch();
    await writeFile(path.join(dir, 'rooms'), 'http://localhost:4000/ alpha t\nhttp://localhost:4000/ beta t\n' +
        'half a\nhttp://localhost:4000/ $(touch${IFS}evil) t\n');
    await writeFile(path.join(dir, 'known'), `${'a'.repeat(26)} "ann"\n${'b'.repeat(26)} "an old friend"\n${'c'.repeat(26)} "$(touch evil)"\n${'d'.repeat(26)} "es\\\\cape"\n`);
    await mkdir(path.join(dir, 'usher'));
    await writeFile(path.join(dir, 'usher', 'rooms'), 'http://localhost:4000/ gamma t\n');
});

test('every option of usher is in both completions, its help and its manual; every command is in the completions', async () => {
    const source = await read('peer/cli/options.c');
    const flags = table(source, /\{"([a-z-]+)", (?:no|required)_argument,/g).map((name) => `--${name}`);
    const commands = table(source, /\{"([a-z]+)", (?:COMMAND|ROOMS)_[A-Z]+, [A-Za-z_]+\}/g);
    assert.ok(flags.length >= 14 && commands.length >= 7);
    const [bash, zsh, manual] = await Promise.all(['completions/usher.bash', 'completions/_usher', 'docs/man/usher.1'].map(read));
    assert.deepEqual(options(bash), flags);
    assert.deepEqual(options(zsh), flags);
    const described = manual.slice(manual.indexOf('.SH OPTIONS'), manual.indexOf('.SH NETWORKS')).replaceAll('\\-', '-');
    for (const flag of flags) assert.match(described, new RegExp(`^\\.(B|BI) .*${flag}(\\\\|$)`, 'm'), flag);
    for (const command of [...commands, 'rooms']) {
        assert.match(bash, new RegExp(`-W '[a-z ]*\\b${command}\\b`), command);
        assert.match(zsh, new RegExp(`'${command}[:[]`), command);
    }
});

test('every option of usherd and of usherd token is in both completions', async () => {
    const flags = table(await read('server/main.c'), /\{"(--[a-z-]+)", [a-zA-Z_]+, ACTION/g);
    const token = table(await read('server/token_command.c'), /strcmp\([a-z[\]]+, "(--[a-z]+)"\)/g);
    assert.ok(flags.length >= 9 && token.length >= 9);
    for (const file of ['completions/usherd.bash', 'completions/_usherd']) {
        const text = await read(file);
        assert.deepEqual(options(text), sorted([...flags, ...token]), file);
        assert.match(text, /' token'|'token|\(\(token/);
    }
    assert.deepEqual(await complete('usherd', [binary, '--']), flags);
    assert.deepEqual(await complete('usherd', [binary, 'token', '--']), token);
});

test('bash completes usher', async () => {
    const here = { HOME: '/nowhere', XDG_STATE_HOME: dir };
    const cases = [
        [[''], ['chat', 'exercise', 'id', 'pipe', 'receive', 'rooms', 'send']],
        [['ex'], ['exercise']],
        [['rooms', ''], ['create', 'delete', 'list']],
        [['--server', 'ws', ':', '//h', ':', '1', 'rooms', 'd'], ['delete']],
        [['--relay-only', 'p'], ['pipe']],
        [['--na'], ['--name']],
        [['--name', ''], []],
        [['rooms', '--js'], ['--json']],
        [['rooms', 'create', '--m'], ['--max-peers']],
        [['send', '--co'], ['--code']],
        [['send', '--new'], ['--new-code']],
        [['receive', '--co'], []],
        [['receive', '--on'], ['--once']],
        [['--state', dir, 'send', '--to', 'an'], ['an\\ old\\ friend', 'ann']],
        [['--state', dir, 'send', '--to', '$'], ['\\$\\(touch\\ evil\\)']],
        [['send', '--to', ''], []],
        [['send', '--room', 'g'], ['gamma']],
        [['send', `${dir}/us`], [`${dir}/usher`]],
        [['receive', '--dir', `${dir}/us`], [`${dir}/usher`]],
        [['rooms', 'delete', '--m'], []],
        [['rooms', 'delete', '--ow'], ['--owner-token']],
        [['chat', 'x', '--json'], []],
        [['rooms', 'delete', ''], ['gamma']],
        [['rooms', 'delete', 'gamma', ''], []],
        [['chat', 'g'], ['gamma']],
        [['id', ''], []],
        [['--state', dir, 'rooms', 'delete', ''], ['alpha', 'beta']],
        [['--state', '=', dir, 'rooms', 'delete', 'a'], ['alpha']],
        [['--state', `${dir}/us`], [`${dir}/usher`]],
        [['--state', '=', `${dir}/us`], [`${dir}/usher`]],
    ];
    for (const [words, expected] of cases)
        assert.deepEqual(await complete('usher', ['usher', ...words], here), expected, words.join(' '));
});

test('bash completes usherd: its settings, and files where files go', async () => {
    const printed = (await run(['--print-config'])).stdout;
    const limits = printed.slice(printed.indexOf('[limits]'), printed.indexOf('[rooms]'));
    const names = table(limits, /^([a-z_]+) =/gm).map((name) => `limits.${name}=`);
    assert.ok(names.length > 5);
    assert.deepEqual(await complete('usherd', [binary, '--set', 'limits.']), names);
    assert.deepEqual(await complete('usherd', [binary, '--set', '=', 'limits.max_rooms']), ['limits.max_rooms=']);
    assert.deepEqual(await complete('usherd', [binary, '--config', 'conf/usherd.c']), ['conf/usherd.conf']);
    assert.deepEqual(await complete('usherd', [binary, 'token', '--key', '=', 'conf/usherd.c']), ['conf/usherd.conf']);
    assert.deepEqual(await complete('usherd', [binary, 'tok']), ['token']);
    assert.deepEqual(await complete('usherd', [binary, '--listen', '']), []);
});
