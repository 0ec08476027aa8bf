// SPDX-License-Identifier: MIT
//
// A receiver of webhooks (docs/webhooks.md): prints each event of usherd's rooms, once, after a look at its signature, with
// the `node` and `boot` of the daemon that it is of.
//
//     WEBHOOK_SECRET=what-webhooks.secret-says node webhook-receiver.mjs [PORT]
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.WEBHOOK_SECRET;
if (!secret) {
    console.error('WEBHOOK_SECRET is not set: give it what webhooks.secret of usherd says (WEBHOOK_SECRET=... node webhook-receiver.mjs)');
    process.exit(1);
}
const MAX_AGE = 300; // seconds: what is older was recorded by somebody, and is sent again by him
const seen = new Set(); // deliveries; a program that runs for long forgets those of more than an hour ago
const server = createServer(async (request, response) => {
    const { 'x-usher-delivery': id, 'x-usher-timestamp': time, 'x-usher-signature': given = '' } = request.headers;
    const body = Buffer.concat(await request.toArray().catch(() => [])); // nothing of one that broke off
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex')}`);
    const signature = Buffer.from(given);
    const signed = signature.length === expected.length && timingSafeEqual(signature, expected);
    const good = signed && Math.abs(Date.now() / 1000 - time) < MAX_AGE;
    response.writeHead(good ? 204 : 401).end(); // at once: what takes long comes after the answer
    if (!good) console.error(signed ? 'refused: its timestamp is minutes off' : 'refused: signed with another secret than WEBHOOK_SECRET, or not at all');
    if (good && !seen.has(id)) {
        const { node, boot, events } = JSON.parse(body);
        for (const event of events) console.log(JSON.stringify({ node, boot, ...event }));
    }
    if (good) seen.add(id);
});
server.listen(process.argv[2] ?? 8080, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
