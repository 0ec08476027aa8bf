// SPDX-License-Identifier: MIT
//
// A receiver of webhooks (docs/webhooks.md): prints each event of usherd's rooms, once, after a look at its signature.
//
//     WEBHOOK_SECRET=what-webhooks.secret-says node webhook-receiver.mjs [PORT]
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const MAX_AGE = 300; // seconds: what is older was recorded by somebody, and is sent again by him
const seen = new Set(); // deliveries; a program that runs for long forgets those of more than an hour ago
const server = createServer(async (request, response) => {
    const { 'x-usher-delivery': id, 'x-usher-timestamp': time, 'x-usher-signature': given = '' } = request.headers;
    const body = Buffer.concat(await request.toArray());
    const expected = `sha256=${createHmac('sha256', process.env.WEBHOOK_SECRET).update(`${time}.`).update(body).digest('hex')}`;
    const signed = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
    const good = signed && Math.abs(Date.now() / 1000 - time) < MAX_AGE;
    response.writeHead(good ? 204 : 401).end(); // at once: what takes long comes after the answer
    if (good && !seen.has(id)) for (const event of JSON.parse(body).events) console.log(JSON.stringify(event));
    if (good) seen.add(id);
});
server.listen(process.argv[2] ?? 8080, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
