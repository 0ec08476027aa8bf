// SPDX-License-Identifier: MIT
//
// Networks that are this test's own, for root and for anybody who may make user namespaces: each is a process that sits in
// one and ends with the test.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';

const holders = new Set();
after(async () => {
    const ended = [...holders].map((child) => once(child, 'exit'));
    for (const child of holders) child.stdin.end();
    await Promise.all(ended);
});

export class Network {
    // Beside another, which may then hand its cables over; without one: the first.
    static async make(beside) {
        const command = [...(beside?.space ?? []), 'unshare', ...(beside ? [] : ['--map-root-user']), '--net',
            'sh', '-c', 'echo ready; exec cat'];
        const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
        holders.add(child);
        child.on('exit', () => holders.delete(child));
        await once(child.stdout, 'data');
        const network = new Network();
        network.pid = child.pid;
        network.space = ['nsenter', '--target', `${child.pid}`, '--user', '--net', '--preserve-credentials'];
        network.ip('link set lo up');
        return network;
    }

    // Lines as ip(8) reads them with -batch.
    ip(...lines) {
        const [command, ...args] = [...this.space, 'ip', '-batch', '-'];
        execFileSync(command, args, { input: `${lines.join('\n')}\n`, stdio: ['pipe', 'ignore', 'inherit'] });
    }

    cable(device, other, theirs) {
        this.ip(`link add ${device} type veth peer name ${theirs} netns ${other.pid}`, `link set ${device} up`);
        other.ip(`link set ${theirs} up`);
    }
}
