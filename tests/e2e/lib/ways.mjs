// SPDX-License-Identifier: MIT
//
// One daemon for each way in: plain, and over TLS.
import assert from 'node:assert/strict';
import { makeAuthority } from './authority.mjs';
import { startDaemon } from './daemon.mjs';

// { daemons: { plain, TLS }, ca, stop }: both with these arguments; `stop` wants that they end well.
export async function startBothWays(args, options = {}) {
    const authority = await makeAuthority();
    const { certificate, key } = await authority.issue('here');
    const secure = ['--set', `tls.certificate=${certificate}`, '--set', `tls.key=${key}`];
    const daemons = {
        plain: await startDaemon({ ...options, args }),
        TLS: await startDaemon({ ...options, args: [...args, ...secure] }),
    };
    const stop = async () => {
        for (const daemon of Object.values(daemons)) assert.equal(await daemon.stop(), 0);
    };
    return { daemons, ca: authority.ca, stop };
}
