// SPDX-License-Identifier: MIT
//
// What the host of links tells the core, over a connection whose events come in the order that the test chooses: Chromium gives a channel's
// first message before its `open` event about once in fifty times.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Links } from '../../web/host/links.js';

class Connection {
    static last;
    constructor() {
        Connection.last = this;
    }
    close() {}
}

const channelOf = (readyState) => ({ label: 'usher', readyState, bufferedAmount: 0, sent: [], send(data) { this.sent.push(data); } });

// Links with one connection, and all that they tell; at `web_channel_open` the core says its introduction at once.
function begin() {
    globalThis.RTCPeerConnection = Connection;
    const told = [];
    const tell = (name, ...args) => {
        told.push([name, ...args]);
        if (name === 'web_channel_open') links.send(args[0], args[1], false, false, new TextEncoder().encode('the introduction'));
    };
    const links = new Links({ tell, head: () => new Uint8Array(), chunk: 1, onChannel: () => {}, tamper: false });
    links.create(1);
    return { told, pc: Connection.last };
}

test('a message before the open event: the channel is told of first, once, and the introduction goes out', () => {
    const { told, pc } = begin();
    const channel = channelOf('connecting');
    pc.ondatachannel({ channel });
    assert.deepEqual(told, []);
    channel.readyState = 'open';
    channel.onmessage({ data: 'theirs' });
    channel.onopen();
    assert.deepEqual(told.map(([name]) => name), ['web_channel_open', 'web_data']);
    assert.deepEqual(channel.sent, ['the introduction']);
});

test('a channel that is open when it comes is told of at once', () => {
    const { told, pc } = begin();
    const channel = channelOf('open');
    pc.ondatachannel({ channel });
    channel.onmessage({ data: 'theirs' });
    assert.deepEqual(told.map(([name]) => name), ['web_channel_open', 'web_data']);
    assert.deepEqual(channel.sent, ['the introduction']);
});
