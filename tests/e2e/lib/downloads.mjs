// SPDX-License-Identifier: MIT
//
// A process of its own that has so many downloads of one file under way at once, a new one for each that ends. Prints
// `going` when each has its first bytes, and goes when its input ends, with the number of those that came whole.
//   usage: downloads.mjs PORT PATH COUNT BYTES
import http from 'node:http';

const [port, path, count, bytes] = [Number(process.argv[2]), process.argv[3], ...process.argv.slice(4).map(Number)];
let begun = 0;
let whole = 0;
let going = true;

function download() {
    http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        let n = 0;
        if (++begun === count) console.log('going');
        response.on('data', (chunk) => (n += chunk.length));
        response.on('close', () => {
            if (n !== bytes) {
                console.log(`${n} of ${bytes} bytes`);
                process.exit(1);
            }
            whole++;
            if (going) download();
        });
    });
}

for (let i = 0; i < count; i++) download();
process.stdin.on('end', () => {
    going = false;
    process.once('exit', () => console.log(`whole ${whole}`));
}).resume();
