/* SPDX-License-Identifier: MIT
 *
 * What the daemons of a cluster say to each other and keep for each other, as bytes: the terms of a room, the entry of a
 * member, and the records on a node's channel. Numbers are big-endian, texts stand behind their length. The layout is
 * part of the version in every key's prefix (server/core/bus.h) and the first byte of each record: it is never changed, but by
 * another version.
 *
 * What is read points into the bytes that it was read from. Whatever somebody else wrote there is refused, never believed.
 */
#ifndef PROTOCOL_BUS_H
#define PROTOCOL_BUS_H

#include "base/buf.h"
#include "protocol/limits.h"
#include "protocol/reply.h"
#include "protocol/roomfile.h"

enum {
    BUS_VERSION = 1,
    BUS_LIFE_BYTES = 8, /* before the terms, where they are kept */
    BUS_TERMS_MAX = 22 + NODE_MAX + ROOM_SALT_BYTES + ROOM_HASH_BYTES + 1 + DISPLAY_NAME_MAX,
    BUS_ENTRY_MAX = 7 + PEER_ID_MAX + 2 + DISPLAY_NAME_MAX * 6 + 2 + METADATA_MAX,
    BUS_RECORD_MAX = FRAME_MAX_CEILING + 1024, /* its head and names, and a client's frame */
};

/* ---- terms ---- */

struct bus_terms {
    struct room_terms room; /* its id is not among the bytes */
    bool made;              /* over HTTP, by: */
    struct span keeper;     /* a node; n = 0: none */
};
void bus_terms_write(struct buf *out, const struct bus_terms *t);
/* False if that is none; the id stays empty. */
bool bus_terms_read(struct span bytes, struct bus_terms *t);
/* As they are kept, behind the life of the room. */
bool bus_room_read(struct span kept, uint64_t *life, struct bus_terms *t);

/* ---- entries ---- */

struct bus_entry {
    bool away;
    char dialect;         /* its mark */
    uint32_t generation;  /* of the last resume token that was used */
    struct span previous; /* the peer id that it had on another node; n = 0: none */
    struct introduction introduction;
};
void bus_entry_write(struct buf *out, const struct bus_entry *e);
bool bus_entry_read(struct span bytes, struct bus_entry *e);

/* ---- records ---- */

enum bus_record_type {
    BUS_RECORD_ANNOUNCE = 'A', /* a room changed; written by the scripts */
    BUS_RECORD_SIGNAL = 'S',   /* from a member of another node to one of ours */
    BUS_RECORD_HELD = 'H', /* what was held for a member that went on on another node: bytes as it is to hear them */
    BUS_RECORD_NAME = 'N', /* from a name to a name */
    BUS_RECORD_NAME_GONE = 'G', /* a name of ours is another node's now */
    BUS_RECORD_TOPIC = 'T',     /* was published */
};

enum bus_change {
    BUS_JOINED = 'J',
    BUS_AWAY = 'A',
    BUS_BACK = 'B',
    BUS_LEFT = 'L',
    BUS_MOVED = 'M',
    BUS_CLOSED = 'C',
};

struct bus_announce {
    uint64_t sent, life, version;
    enum bus_change change;
    uint8_t why; /* enum departure, or what another version means by it */
    struct span room, peer, previous, entry;
};

struct bus_signal {
    struct span node; /* the sender's */
    uint64_t epoch, sequence;
    char dialect; /* the mark of the one that `bytes` are in */
    struct span from, to, bytes;
};

struct bus_record {
    enum bus_record_type type;
    union {
        struct bus_announce announce;
        struct bus_signal signal; /* also of BUS_RECORD_HELD */
        struct {
            struct span key, to, from, bytes;
        } name; /* of BUS_RECORD_NAME_GONE key and to alone */
        struct {
            struct span topic, bytes;
        } topic;
    };
};

/* Appends it. */
void bus_record_write(struct buf *out, const struct bus_record *r);

enum bus_read {
    BUS_READ_ONE, /* *r is one */
    BUS_READ_END, /* there is none any more */
    BUS_READ_BAD, /* that is none: *problem, a static text, says why; what follows it is read next time */
    BUS_READ_CUT, /* nor can what follows be found: nothing is left */
};
/* The next record of a message, which is taken off it. */
enum bus_read bus_record_read(struct span *message, struct bus_record *r, const char **problem);

#endif
