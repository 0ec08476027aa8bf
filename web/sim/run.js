// SPDX-License-Identifier: MIT
//
// One run of sim.wasm: the same bytes in a page and in Node.
import { Exit, wasi } from './wasi.js';

async function start(module, on) {
    const { imports, attach } = wasi(on);
    const instance = await WebAssembly.instantiate(module, imports);
    attach(instance);
    instance.exports._initialize?.();
    return instance.exports;
}

// What can be run: [{ kind: 'seed' or 'story', name }].
export async function list(module) {
    const found = [];
    const sim = await start(module, (line) => {
        const [kind, name] = line.split(' ');
        found.push({ kind, name });
    });
    sim.sim_list();
    return found;
}

// Runs it; `on` hears each line of its trace. Its end: undefined, or in a sentence why it failed.
export async function run(module, name, seed, on) {
    let last = '';
    const sim = await start(module, (line) => on((last = line)));
    const bytes = new TextEncoder().encode(`${name}\0`);
    if (bytes.length > sim.sim_name_max()) return `there is no ${name}`;
    new Uint8Array(sim.memory.buffer, sim.sim_name(), bytes.length).set(bytes);
    try {
        return sim.sim_run(seed) ? undefined : `there is no ${name}`;
    } catch (error) {
        if (error instanceof Exit) return 'an invariant was violated: see its last lines';
        return `it trapped: ${error.message} (behind ${last})`;
    }
}
