/* SPDX-License-Identifier: MIT
 *
 * The one table of signaling errors: C name, wire code, the sentence for a person, and the WebSocket close code
 * (RFC 6455 section 7.4) used when this error ends the connection.
 */
#ifndef PROTOCOL_ERROR_H
#define PROTOCOL_ERROR_H

#include <stdint.h>

#define ERROR_TABLE(X)                                                                                                 \
    X(BAD_JSON, "bad-json", "the frame is not one JSON object in UTF-8", 1007)                                         \
    X(BAD_MESSAGE, "bad-message", "the message has a member that is missing, of the wrong type or out of range", 1008) \
    X(UNKNOWN_TYPE, "unknown-type", "the message's type is not known here", 1008)                                      \
    X(NOT_IN_ROOM, "not-in-room", "join a room first", 1008)                                                           \
    X(NO_SUCH_PEER, "no-such-peer", "no such peer in this room", 1008)                                                 \
    X(ROOM_FULL, "room-full", "the room has reached its number of members", 1008)                                      \
    X(ROOM_LOCKED, "room-locked", "the room asks for its password", 1008)                                              \
    X(UNAUTHORIZED, "unauthorized", "a valid token is needed", 1008)                                                   \
    X(FORBIDDEN, "forbidden", "the token does not allow this", 1008)                                                   \
    X(RATE_LIMITED, "rate-limited", "too much too fast: slow down", 1008)                                              \
    X(TOO_LARGE, "too-large", "the message is larger than the server takes", 1009)                                     \
    X(SERVER_FULL, "server-full", "the server has reached its limit: try again later", 1013)                           \
    X(DRAINING, "draining", "the server is shutting down: connect again", 1012)                                        \
    X(RESUME_FAILED, "resume-failed", "the seat cannot be resumed: join again", 1008)

enum error {
    ERROR_NONE = 0,
#define X(name, code, text, close) ERROR_##name,
    ERROR_TABLE(X)
#undef X
    ERRORS
};

/* A seat's old connection is closed with it when another takes the seat over. RFC 6455 section 7.4.2: 4000 to 4999 are an
 * application's own. */
enum {
    CLOSE_TAKEN_OVER = 4001
};

/* The wire code, e.g. "bad-json"; "ok" for ERROR_NONE. Static. */
const char *error_code(enum error e);
/* The sentence. Static. */
const char *error_text(enum error e);
uint16_t error_close_code(enum error e);

#endif
