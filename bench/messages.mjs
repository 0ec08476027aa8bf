// SPDX-License-Identifier: MIT
//
// Messages between real `usher pipe` processes on one machine, each signed, sealed and on two disks: from `send` to
// `message` one at a time; how many a second when the pipe takes all that it can; what a peer with eight links weighs.
//
//     node messages.mjs BUILD [ONE_BY_ONE] [AT_ONCE]   → name=value lines
import { join, print, quantile, startDaemon } from './peers.mjs';

const [, oneByOne = 1000, atOnce = 20000] = process.argv.slice(2);

const server = await startDaemon();
const [ann, ben] = [await join(server, 'ann'), await join(server, 'ben')];
await Promise.all([ann.linked(ben), ben.linked(ann)]);

const took = [];
for (let i = 0; i < Number(oneByOne); i++) {
    const text = `one by one ${i}`;
    const came = ben.when((e) => e.event === 'message' && e.text === text);
    const began = performance.now();
    ann.do({ do: 'send', to: [ben.id], text });
    await came;
    took.push(performance.now() - began);
}
print({ p50_ms: quantile(took, 0.5).toFixed(2), p99_ms: quantile(took, 0.99).toFixed(2) });

let heard = 0;
const all = new Promise((resolve) => {
    ben.onEvent = (e) => e.event === 'message' && ++heard === Number(atOnce) && resolve();
});
const began = performance.now();
for (let i = 0; i < Number(atOnce); i++)
    if (!ann.do({ do: 'send', to: [ben.id], text: `at once ${i}` }))
        await new Promise((resolve) => ann.child.stdin.once('drain', resolve));
await all;
print({ messages_per_s: Math.round(Number(atOnce) / ((performance.now() - began) / 1000)) });

const others = [];
for (let i = 0; i < 7; i++) others.push(await join(server, `other-${i}`));
const cy = await join(server, 'cy');
for (const other of [ann, ben, ...others.slice(0, 6)]) cy.do({ do: 'send', to: [other.id], text: 'hello' });
await Promise.all([ann, ben, ...others.slice(0, 6)].map((other) => cy.linked(other)));
print({ rss_mb_8_links: cy.rssMb.toFixed(1), rss_mb_after_messages: ann.rssMb.toFixed(1) });
process.exit(0);
