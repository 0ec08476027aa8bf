// SPDX-License-Identifier: MIT
//
// Built again, from a copy of the sources in another folder, the program has the same bytes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = path.resolve(root, process.env.BUILD ?? 'build');

test('two builds in two folders are equal, byte for byte', async () => {
    const other = await mkdtemp(path.join(os.tmpdir(), 'usher-reproduce-'));
    try {
        for (const part of ['base', 'protocol', 'peer', 'web', 'Makefile']) await cp(path.join(root, part), path.join(other, part), { recursive: true });
        await cp(path.join(build, 'web-src'), path.join(other, 'out/web-src'), { recursive: true });
        const env = { ...process.env, MAKEFLAGS: '', MAKELEVEL: '' };
        await promisify(execFile)('make', ['-j2', 'BUILD=out', 'out/web/usher.wasm'], { cwd: other, env, maxBuffer: 1 << 24 });
        assert.equal(Buffer.compare(await readFile(path.join(other, 'out/web/usher.wasm')), await readFile(path.join(build, 'web/usher.wasm'))), 0);
    } finally {
        await rm(other, { recursive: true, force: true });
    }
});
