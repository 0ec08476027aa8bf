// SPDX-License-Identifier: MIT
//
// Runs the simulator beside the page, which stays awake: { name, seed } in; { lines } as they come and { end } out, or { list }.
import { list, run } from './run.js';

const BATCH = 2000;
let module;

const compile = () => (module ??= WebAssembly.compileStreaming(fetch(new URL('./sim.wasm', import.meta.url))));

onmessage = async ({ data }) => {
    try {
        if (data.list) return postMessage({ list: await list(await compile()) });
        let lines = [];
        const end = await run(await compile(), data.name, data.seed, (line) => {
            if (lines.push(line) === BATCH) {
                postMessage({ lines });
                lines = [];
            }
        });
        postMessage({ lines });
        postMessage({ end });
    } catch (error) {
        postMessage({ end: `it cannot be run here: ${error.message}` });
    }
};
