/* SPDX-License-Identifier: MIT
 *
 * Reads the frames of a WebSocket client (RFC 6455): bytes in, facts out. One reader a connection. It is one pointer,
 * NULL while nothing is unfinished: memory is taken only while a frame or a message is cut, grows with the bytes that
 * came and not with what a header promises, and stays under the limits.
 *
 *     bytes ─► ws_next ─► WS_TEXT ─► ... ─► WS_MORE: read the socket again
 *                 └─► WS_CLOSE, WS_VIOLATION, WS_NO_MEMORY: the reader is dead, and whatever comes is skipped
 *
 * The same bytes give the same facts, however they are cut into inputs. Text is not checked for UTF-8 here: the frame
 * scanner does that, and answers `bad-json` where section 8.1 would fail the connection.
 */
#ifndef PROTOCOL_WS_READER_H
#define PROTOCOL_WS_READER_H

#include <stdint.h>

#include "base/span.h"

enum {
    WS_CONTROL_MAX = 125, /* bytes of a control frame's payload (section 5.5) */
    WS_CODE_NONE = 1005,  /* stands for a Close without a code (section 7.1.5) */
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NOT_UTF8 = 1007,
    WS_PROBLEM_MAX = 100, /* bytes of a problem's sentence: it fits into a Close */
};

struct ws_limits {
    size_t message_max;     /* bytes of one message */
    unsigned fragments_max; /* frames of one message, at least 1 */
};

enum ws_fact {
    WS_MORE,      /* all bytes are used up; what is unfinished is kept */
    WS_TEXT,      /* one whole text message: bytes */
    WS_PING,      /* bytes: its payload */
    WS_PONG,      /* bytes: its payload */
    WS_CLOSE,     /* code and, in bytes, the reason */
    WS_REFUSED,   /* refusal: a message that is not taken. The rest of it is skipped */
    WS_VIOLATION, /* the connection must fail: code and problem */
    WS_NO_MEMORY, /* the connection cannot go on */
};

/* WS_REFUSED says why once, when the header shows it; then WS_TOO_LARGE each time that more than message_max bytes of
 * the same message were skipped, where each further frame counts one byte more: so neither a message without end nor
 * one of empty frames is free. */
enum ws_refusal {
    WS_BINARY,
    WS_TOO_LARGE,
    WS_TOO_MANY_FRAGMENTS,
};

struct ws_message {
    struct span bytes; /* borrowed: of the input or of the reader, until the next call */
    uint16_t code;     /* WS_CLOSE: as sent, or WS_CODE_NONE. WS_VIOLATION: what to close with, 1002 or 1007 */
    enum ws_refusal refusal;
    const char *problem; /* WS_VIOLATION: a static sentence that names the rule and its section */
};

/* What was read from the socket: borrowed, and unmasked in place. p and n advance over what is used up. */
struct ws_input {
    uint8_t *p;
    size_t n;
};

struct ws_partial;

/* The next fact, O(bytes used). *partial is NULL at first, and the reader's from then on; the caller frees it with the
 * connection. To be called until it says WS_MORE, which uses up the input and gives memory back that is not needed.
 * Limits may change between calls: they hold for frames that begin. A payload may be unmasked in place, so what was
 * used up reads differently after the call; what is behind it is not touched. */
enum ws_fact ws_next(
    struct ws_partial **partial, struct ws_input *in, const struct ws_limits *limits, struct ws_message *out);
/* Takes NULL. */
void ws_partial_free(struct ws_partial *p);
/* The memory that it holds, in bytes. Takes NULL. */
size_t ws_partial_bytes(const struct ws_partial *p);

#endif
