/* SPDX-License-Identifier: MIT
 *
 * Engine.IO 4: the packets between a client and us, under Socket.IO's own. A packet is a digit and what follows it. Over a
 * WebSocket each text frame is one; over HTTP a body holds several (a payload), with 0x1e between them. Pure.
 *
 * Source: github.com/socketio/socket.io, docs/engine.io-protocol/v4-current.md.
 */
#ifndef PROTOCOL_ENGINEIO_H
#define PROTOCOL_ENGINEIO_H

#include "base/buf.h"

enum engineio_type {
    ENGINEIO_OPEN,    /* `0`: the server's first packet, with the session's settings */
    ENGINEIO_CLOSE,   /* `1`: the session ends */
    ENGINEIO_PING,    /* `2`: the server's; of a client the probe of a WebSocket alone: `2probe` */
    ENGINEIO_PONG,    /* `3`: its answer */
    ENGINEIO_MESSAGE, /* `4` and a text */
    ENGINEIO_UPGRADE, /* `5`: the WebSocket that was probed is used from now on */
    ENGINEIO_NOOP,    /* `6`: answers a poll that would wait */
    ENGINEIO_BINARY,  /* `b` and a binary message in base64, in a payload alone */
    ENGINEIO_BAD      /* it is none */
};

struct engineio_packet {
    enum engineio_type type;
    struct span data; /* behind the first byte; borrowed from where it was read */
};

/* The packet that a WebSocket's text frame is. */
struct engineio_packet engineio_read(struct span text);
/* Takes the first packet off a payload that is not empty; what is behind its separator stays. */
struct engineio_packet engineio_next(struct span *payload);
/* Why a client may not send this payload, a static sentence, or NULL: what it holds are close, pong, message, noop and
 * binary packets, all of them whole. */
const char *engineio_check(struct span payload);

/* ---- refusals ---- */

/* name, number on the wire, status of the answer over HTTP, message */
#define ENGINEIO_ERROR_TABLE(X)               \
    X(TRANSPORT, 0, 400, "Transport unknown") \
    X(SESSION, 1, 400, "Session ID unknown")  \
    X(METHOD, 2, 400, "Bad handshake method") \
    X(REQUEST, 3, 400, "Bad request")         \
    X(FORBIDDEN, 4, 403, "Forbidden")         \
    X(VERSION, 5, 400, "Unsupported protocol version")

enum engineio_error {
#define X(name, number, status, message) ENGINEIO_ERROR_##name = (number),
    ENGINEIO_ERROR_TABLE(X)
#undef X
    ENGINEIO_ERRORS,
    ENGINEIO_FINE = ENGINEIO_ERRORS
};

unsigned engineio_status(enum engineio_error e);
/* Appends {"code":…,"message":…}. */
void engineio_write_error(struct buf *out, enum engineio_error e);

/* ---- the open packet ---- */

enum {
    /* Clients count the time to the next ping with setTimeout(interval + timeout), which cannot wait longer than 2^31 - 1
     * ms. This, twice, is what they are told where the server never pings: they go after 23 days. */
    ENGINEIO_NEVER_MS = 1000000000,
};

struct engineio_open {
    struct span sid;           /* letters and digits */
    bool upgradable;           /* over HTTP: a WebSocket may follow */
    uint64_t ping_interval_ms; /* 0: there are no pings */
    uint64_t ping_timeout_ms;  /* 0: the server waits for ever; the client is told PING_TIMEOUT_DEFAULT_MS */
    size_t max_payload;        /* bytes of a payload that the client may send */
};

void engineio_write_open(struct buf *out, const struct engineio_open *open);

#endif
