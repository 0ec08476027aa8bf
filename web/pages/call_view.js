// SPDX-License-Identifier: MIT
import { el } from './dom.js';
export function callView() {
    return { button: el('span'), stage: el('section', { hidden: true }), end() {} };
}
