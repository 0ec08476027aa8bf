// SPDX-License-Identifier: MIT
//
// The little of WASI (snapshot preview 1) that sim.wasm needs: writes go out line by line, an exit is an error that ends the instance, and all
// else is refused as a system without files would.
const OK = 0;
const BADF = 8;
const NOSYS = 52;

export class Exit extends Error {
    constructor(status) {
        super(`ended with ${status}`);
        this.status = status;
    }
}

// on: called with each whole line that is written. attach() is for the instance's memory, before anything of it is called.
export function wasi(on) {
    const decoder = new TextDecoder();
    let memory;
    let rest = '';
    const view = () => new DataView(memory.buffer);

    function write(fd, vectors, count, written) {
        if (fd !== 1 && fd !== 2) return BADF;
        let total = 0;
        for (let i = 0; i < count; i++) {
            const [at, n] = [view().getUint32(vectors + 8 * i, true), view().getUint32(vectors + 8 * i + 4, true)];
            rest += decoder.decode(new Uint8Array(memory.buffer, at, n), { stream: true });
            total += n;
        }
        const lines = rest.split('\n');
        rest = lines.pop();
        lines.forEach(on);
        view().setUint32(written, total, true);
        return OK;
    }

    const known = {
        fd_write: write,
        fd_fdstat_get: (fd, at) => {
            new Uint8Array(memory.buffer, at, 24).fill(0);
            return fd <= 2 ? OK : BADF;
        },
        proc_exit: (status) => {
            throw new Exit(status);
        },
    };
    // What is never called must still be there.
    const imports = new Proxy(known, { get: (all, name) => all[name] ?? (() => NOSYS) });
    return { imports: { wasi_snapshot_preview1: imports }, attach: (instance) => (memory = instance.exports.memory) };
}
