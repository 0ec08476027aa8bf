// SPDX-License-Identifier: MIT
//
// `usher chat` on a terminal of its own, which script(1) makes: what is typed, what is on the screen, and its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import { root, within } from './daemon.mjs';
import { usher } from './peer.mjs';

const PATIENCE_MS = 15000;
const open = new Set();
after(async () => {
    const ended = [...open].map((child) => once(child, 'exit'));
    for (const child of open) child.kill('SIGKILL');
    await Promise.all(ended);
});

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

export class Terminal {
    constructor(args, { env = {}, columns = 80 } = {}) {
        const line = `stty cols ${columns} rows 24; exec ${[usher, ...args].map(quoted).join(' ')}`;
        this.columns = columns;
        this.text = '';
        this.child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'],
            { cwd: root, env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', SHELL: '/bin/sh', ...env } });
        open.add(this.child);
        this.exited = once(this.child, 'exit').then(([code]) => code);
        this.exited.then(() => open.delete(this.child));
        this.child.stdin.on('error', () => {});
        this.child.stdout.setEncoding('utf8').on('data', (more) => (this.text += more));
    }

    type(text) {
        this.child.stdin.write(text);
    }

    // Until it has printed this.
    shows(pattern) {
        const look = async () => {
            while (!pattern.test(this.text)) await once(this.child.stdout, 'data');
        };
        return within(PATIENCE_MS, look(), () => `the terminal never showed ${pattern}:\n${this.text}`);
    }

    // The rows as a terminal of that many columns has them, oldest first; of what was drawn over, each version.
    rows() {
        // eslint-disable-next-line no-control-regex
        const plain = this.text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
        return plain.split(/[\r\n]+/).flatMap((line) => {
            const letters = [...line];
            const rows = [];
            do rows.push(letters.splice(0, this.columns).join(''));
            while (letters.length > 0);
            return rows;
        });
    }

    // The process of usher itself.
    async pid() {
        const children = await readFile(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8');
        return Number(children.trim().split(' ')[0]);
    }

    // As when its window is closed.
    close() {
        this.child.kill('SIGKILL');
    }
}
