// SPDX-License-Identifier: MIT
//
// One page a state: two would be one person twice, with one outbox. Web Locks know who has it, also after a crash. Where a page may
// not use them (it came by http from another machine) the pages ask each other instead.
import { UsherError } from './errors.js';

const TAKE_OVER_MS = 10000;
const RELOAD_MS = 1000; // that a page which was just closed may have it
const ANSWER_MS = 300; // a page answers from its loop

const inUse = () => new UsherError('in-use', 'this room is open in another tab or window: use that one, or take over');

/**
 * @typedef {{ release(): void }} Lock
 */

/**
 * @param {string} name
 * @param {{ takeOver: boolean, onTaken: () => void }} options onTaken: another page wants it; release it then
 * @returns {Promise<Lock>}
 */
export async function takeLock(name, { takeOver, onTaken }) {
    const channel = new BroadcastChannel(name);
    try {
        if (takeOver) channel.postMessage('take-over');
        const release = navigator.locks ? await webLock(name, takeOver) : await askedFor(channel, takeOver);
        channel.onmessage = ({ data }) => {
            if (data === 'take-over') onTaken();
            else if (data === 'anybody') channel.postMessage('here');
        };
        return {
            release() {
                channel.close();
                release();
            },
        };
    } catch (error) {
        channel.close();
        throw error;
    }
}

/**
 * @param {string} name
 * @param {boolean} wait
 * @returns {Promise<() => void>}
 */
function webLock(name, wait) {
    return new Promise((resolve, reject) => {
        const signal = AbortSignal.timeout(wait ? TAKE_OVER_MS : RELOAD_MS);
        navigator.locks.request(name, { signal }, () => new Promise((release) => resolve(() => release(undefined)))).catch(() => reject(inUse()));
    });
}

/**
 * @param {BroadcastChannel} channel
 * @param {boolean} wait
 * @returns {Promise<() => void>}
 */
async function askedFor(channel, wait) {
    const until = performance.now() + (wait ? TAKE_OVER_MS : 0);
    for (;;) {
        const there = await new Promise((resolve) => {
            setTimeout(resolve, ANSWER_MS, false);
            channel.onmessage = ({ data }) => data === 'here' && resolve(true);
            channel.postMessage('anybody');
        });
        if (!there) return () => {};
        if (performance.now() >= until) throw inUse();
    }
}
