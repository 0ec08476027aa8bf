// SPDX-License-Identifier: MIT
//
// What systemd does for a daemon, without systemd: sockets for sd_notify(3) and for its journal, read by a line of perl
// since node has no datagrams of files, and listening sockets that are passed (sd_listen_fds(3)).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { after } from 'node:test';
import { Daemon, binary, root, within } from './daemon.mjs';

const running = new Set();
after(() => running.forEach((child) => child.kill('SIGKILL')));

const READER = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
    print "bound\\n"; while (defined recv(S, $m, 4096, 0)) { $m =~ s/\\n/ | /g; print "$m\\n"; }`;

// A datagram socket at this path: { said, heard(pattern, from), pause(), resume(), stop() }, said all that came, a line a
// datagram. Paused, it reads nothing, and whoever sends soon finds it full.
export async function startReader(socket) {
    const child = spawn('perl', ['-e', READER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    child.on('exit', () => running.delete(child));
    const reader = {
        said: '',
        heard: (pattern, from = 0) => within(10000, new Promise((resolve) => {
            const look = () => {
                const match = pattern.exec(reader.said.slice(from));
                if (!match) return;
                child.stdout.off('data', look);
                resolve(match);
            };
            child.stdout.on('data', look);
            look();
        }), () => `${pattern} was not told:\n${reader.said}`),
        pause: () => child.kill('SIGSTOP'),
        resume: () => child.kill('SIGCONT'),
        stop: async () => {
            child.kill('SIGKILL');
            await once(child, 'exit');
        },
    };
    child.stdout.setEncoding('utf8').on('data', (text) => (reader.said += text));
    await reader.heard(/bound\n/);
    return reader;
}

// The reader of a service manager: env is what the daemon needs.
export async function startManager(folder) {
    const socket = path.join(folder, 'notify');
    return Object.assign(await startReader(socket), { env: { NOTIFY_SOCKET: socket } });
}

// A socket to pass on: { fd, port, close() }. Node would accept from it, so it is closed here once the daemon has it.
export async function listening(...where) {
    const server = net.createServer().listen(...where);
    await once(server, 'listening');
    return { fd: server._handle.fd, port: server.address().port, close: () => server.close() };
}

// A daemon with these descriptors from 3 on; variables of the environment are expressions of its shell, such as '$$'.
// lives: how often it is started, one after the other, by a shell that holds the descriptors too; each says its pid.
export function spawnWith(fds, variables, args = [], env = {}, lives = 1) {
    const set = Object.entries(variables).map(([name, value]) => `export ${name}=${value};`).join(' ') +
        (fds.length === 0 ? ' exec 3>&-;' : ''); // whatever is open there
    const life = `echo "life $$" >&2; ${set} exec "$0" "$@"`;
    const script = lives === 1 ? life : `for n in $(seq ${lives}); do sh -c '${life}' "$0" "$@"; done`;
    const child = spawn('sh', ['-c', script, binary, ...args],
        { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', ...fds] });
    return new Daemon(child);
}
