// SPDX-License-Identifier: MIT
//
// Several daemons on one Redis.
import { metric, startDaemon } from './daemon.mjs';
import { until } from './program.mjs';

export { metric, until };

export const SECRET = '0123456789abcdef0123456789abcdef';

// A daemon of the cluster: of the name `node`, on the Redis of this URL. It serves; whether it is in the cluster yet, clustered()
// tells.
export async function startNode(node, redis, { args = [], ...options } = {}) {
    const set = [`server.node=${node}`, `cluster.redis=${redis}`, `cluster.node_secret=${SECRET}`].flatMap((one) => ['--set', one]);
    const daemon = await startDaemon({ args: [...set, ...args], ...options });
    return Object.assign(daemon, { node });
}

export const isReady = async (daemon) => (await fetch(`${daemon.http}/ready`)).status === 200;

export const clustered = (daemon, ms) => until(() => isReady(daemon), () => `${daemon.node} is not in its cluster:\n${daemon.log}`, ms);

// So many daemons, named a, b, c …, all in the cluster.
export async function startCluster(redis, n = 3, options = {}) {
    const nodes = await Promise.all(Array.from({ length: n }, (_, i) => startNode(String.fromCharCode(97 + i), redis, options)));
    await Promise.all(nodes.map((node) => clustered(node)));
    return nodes;
}
