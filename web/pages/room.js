// SPDX-License-Identifier: MIT
//
// The page of one room: of the one that the address names, or of a code in its fragment.
import { takeCode } from './code.js';
import { roomOfAddress } from './place.js';
import { mountRoom } from './room_app.js';
import { registerWorker } from './offline.js';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const room = roomOfAddress();
mountRoom(app, room ? { room } : { code: takeCode() });
registerWorker();
