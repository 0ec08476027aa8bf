/* SPDX-License-Identifier: MIT
 *
 * The grammar of Socket.IO's packets (protocol revision 5, "Packet encoding"), which are messages of Engine.IO:
 *
 *     <type>[<number of attachments>-][<namespace>,][<id>][<payload>]
 */
#ifndef PROTOCOL_SOCKETIO_PACKET_H
#define PROTOCOL_SOCKETIO_PACKET_H

#include <stdint.h>

#include "base/span.h"

enum {
    SOCKETIO_NAMESPACE_MAX = 128, /* bytes */
    SOCKETIO_ID_MAX = 16          /* digits: no client counts further than 2^53 */
};

enum socketio_type {
    SOCKETIO_CONNECT,
    SOCKETIO_DISCONNECT,
    SOCKETIO_EVENT,
    SOCKETIO_ACK,
    SOCKETIO_CONNECT_ERROR,
    SOCKETIO_BINARY_EVENT,
    SOCKETIO_BINARY_ACK,
    SOCKETIO_TYPES
};

/* Spans into the packet. */
struct socketio_packet {
    enum socketio_type type;
    uint8_t attachments;
    struct span space;   /* the namespace; n = 0: the main one */
    struct span id;      /* digits; n = 0: none */
    struct span payload; /* not looked at; n = 0: none */
};

/* NULL, or a static sentence about what is wrong with it. */
const char *socketio_packet_read(struct span bytes, struct socketio_packet *p);
/* Whether it is one of the names that no event may have. */
bool socketio_is_reserved(struct span event);

#endif
