// SPDX-License-Identifier: MIT
//
// npm's ws as a client for the shell: each line of its input is a message, or `close`; each message that comes is a line
// of its output, and the end of the connection is a line too.   usage: node tests/system/client.mjs URL
import readline from 'node:readline';
import { createRequire } from 'node:module';

const WebSocket = createRequire(new URL('../e2e/package.json', import.meta.url))('ws');
const ws = new WebSocket(process.argv[2], 'usher.v1');
ws.on('message', (text) => console.log(String(text)));
ws.on('error', (error) => console.log(JSON.stringify({ type: 'failed', message: error.message })));
ws.on('close', (code) => {
    console.log(JSON.stringify({ type: 'closed', code }));
    process.exit(0);
});
readline.createInterface({ input: process.stdin }).on('line', (line) => (line === 'close' ? ws.close(1000) : ws.send(line)));
