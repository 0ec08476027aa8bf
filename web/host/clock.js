// SPDX-License-Identifier: MIT
//
// A clock that never goes back, and one alarm on it. It is the browser's monotonic one, which stands still in some browsers while the
// machine sleeps: the core then sees that the wall clock is further ahead than before, as if it had been set.

const TIMER_MAX_MS = 2 ** 31 - 1;

export const now = () => performance.now();

export class Alarm {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    #fire;

    /** @param {() => void} fire */
    constructor(fire) {
        this.#fire = fire;
    }

    /** @param {number} at infinite: never */
    set(at) {
        clearTimeout(this.#timer);
        if (at === Infinity) return;
        const left = Math.max(0, Math.min(TIMER_MAX_MS, Math.ceil(at - now())));
        // Timers fire a little early in some browsers, and the core does not tell a deadline twice.
        this.#timer = setTimeout(() => (now() < at ? this.set(at) : this.#fire()), left);
    }
}
