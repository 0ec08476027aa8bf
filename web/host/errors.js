// SPDX-License-Identifier: MIT
//
// What goes wrong has a code, which programs compare, and a sentence, which says what was wrong and what to do.

export class UsherError extends Error {
    /**
     * @param {string} code
     * @param {string} message
     * @param {Record<string, unknown>} [more]
     */
    constructor(code, message, more = {}) {
        super(message);
        this.name = 'UsherError';
        this.code = code;
        Object.assign(this, more);
    }
}

/** @param {unknown} error */
export const sentence = (error) => (error instanceof Error ? error.message : String(error));
