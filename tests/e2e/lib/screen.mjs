// SPDX-License-Identifier: MIT
//
// What a person sees: a program in a real terminal emulator, tmux(1), which is driven by its control mode. Each has a server
// of its own, on a socket in a private folder, that is gone at the end.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { root, within } from './daemon.mjs';

const PATIENCE_MS = 15000;
const open = new Set();
after(() => Promise.all([...open].map((screen) => screen.close())));

// Its server ends with this process, also if that is killed.
const CONFIG = (term) => `set -g default-terminal ${term}
set -g status off
set -g escape-time 0
set -g history-limit 5000
run-shell -b 'tail --pid=${process.pid} -f /dev/null; kill -9 #{pid}'
`;

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

export class Screen extends EventEmitter {
    #replies = []; // of commands, in their order
    #block = null; // lines of the reply that is being read
    #rest = '';

    // A program and its arguments; at its end its status stands on the screen. term: what the emulator is called in $TERM.
    static async open(command, { env = {}, columns = 80, rows = 24, term = 'tmux-256color' } = {}) {
        const screen = new Screen();
        screen.dir = await mkdtemp(path.join(os.tmpdir(), 'usher-screen-'));
        const config = path.join(screen.dir, 'config');
        await writeFile(config, CONFIG(term));
        const line = Object.entries(env).map(([name, value]) => quoted(`${name}=${value}`)).concat(command.map(quoted)).join(' ');
        const all = { ...process.env, TMUX_TMPDIR: screen.dir, LC_ALL: 'C.UTF-8', SHELL: '/bin/sh' };
        for (const name of ['TMUX', 'NO_COLOR', 'COLORTERM']) delete all[name];
        screen.child = spawn('tmux', ['-u', '-f', config, '-C', 'new-session', '-x', columns, '-y', rows, `env ${line}; echo "ended with $?"; cat`],
            { cwd: root, env: all, stdio: ['pipe', 'pipe', 'inherit'] });
        screen.exited = once(screen.child, 'exit');
        screen.child.stdin.on('error', () => {});
        screen.child.stdout.setEncoding('utf8').on('data', (more) => screen.#read(more));
        open.add(screen);
        screen.#replies.push(() => {}); // that of new-session
        await screen.resize(columns, rows);
        return screen;
    }

    #read(more) {
        const lines = (this.#rest + more).split('\n');
        this.#rest = lines.pop();
        for (const line of lines) this.#line(line);
    }

    #line(line) {
        if (this.#block && /^%(end|error) \d+ \d+/.test(line)) {
            const block = this.#block;
            this.#block = null;
            this.#replies.shift()?.(block);
        } else if (this.#block) {
            this.#block.push(line);
        } else if (line.startsWith('%begin ')) {
            this.#block = [];
        } else {
            this.emit('news'); // %output, mostly
        }
    }

    #do(command) {
        const reply = new Promise((resolve) => this.#replies.push(resolve));
        this.child.stdin.write(`${command}\n`);
        return within(PATIENCE_MS, reply, () => `tmux did not answer ${command}`);
    }

    resize(columns, rows) {
        return this.#do(`refresh-client -C ${columns}x${rows}`);
    }

    type(text) {
        return this.#do(`send-keys -l ${quoted(text)}`);
    }

    // By the names that tmux has: Enter, Up, C-a, M-b, …
    press(...keys) {
        return this.#do(`send-keys ${keys.join(' ')}`);
    }

    async enter(text) {
        await this.type(text);
        await this.press('Enter');
    }

    // As a terminal does for a program that asked it to mark what is pasted.
    async paste(text) {
        const file = path.join(this.dir, 'pasted');
        await writeFile(file, text);
        await this.#do(`load-buffer ${file}`);
        await this.#do('paste-buffer -p');
    }

    // The rows that are seen, without what is blank at their ends; colours: with the sequences that make them; spaces: with
    // those at their ends that were written.
    async rows({ colours = false, spaces = false } = {}) {
        const rows = await this.#do(`capture-pane -p ${colours ? '-e' : ''} ${spaces ? '-N' : ''}`);
        while (rows.length > 0 && rows.at(-1) === '') rows.pop();
        return rows;
    }

    async cursor() {
        const [line] = await this.#do("display-message -p '#{cursor_x} #{cursor_y}'");
        const [x, y] = line.split(' ').map(Number);
        return { x, y };
    }

    // Until that is on the screen; the rows, then.
    shows(pattern, options) {
        let rows = [];
        const look = async () => {
            for (;;) {
                const news = once(this, 'news');
                rows = await this.rows(options);
                const found = typeof pattern === 'function' ? pattern(rows) : pattern.test(rows.join('\n'));
                if (found) return rows;
                await news;
            }
        };
        return within(PATIENCE_MS, look(), () => `the screen never showed ${pattern}:\n${rows.join('\n')}`);
    }

    async close() {
        open.delete(this);
        if (this.child.exitCode === null) this.child.stdin.write('kill-server\n');
        await within(PATIENCE_MS, this.exited, 'tmux did not end');
        await rm(this.dir, { recursive: true, force: true });
    }
}
