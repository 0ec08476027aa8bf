// SPDX-License-Identifier: MIT
//
// A folder that is there for as long as the body runs.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export async function inFolder(body) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'usherd-e2e-'));
    try {
        await body(folder);
    } finally {
        await fs.rm(folder, { recursive: true });
    }
}
