// SPDX-License-Identifier: MIT
//
// max_frame to the byte, where a frame comes in one piece as where it takes several.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon } from './lib/daemon.mjs';
import { connect } from './lib/client.mjs';

const ping = (n) => `{"type":"ping","x":"${'x'.repeat(n - 22)}"}`;

for (const max of [1024, 200 * 1024]) {
    test(`max_frame = ${max}: as many bytes and no more`, async () => {
        const daemon = await startDaemon({ args: ['--set', `limits.max_frame=${max}`] });
        try {
            const a = await connect(daemon.url);
            assert.equal((await a.ask(ping(max))).type, 'pong');
            assert.equal((await a.ask(ping(max + 1))).code, 'too-large');
            assert.equal((await a.end()).code, 1009);
        } finally {
            assert.equal(await daemon.stop(), 0);
        }
    });
}
