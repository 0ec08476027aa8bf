/* SPDX-License-Identifier: MIT
 *
 * Rooms made over HTTP as JSON: what a client asks for, what is shown of a room, and the file that carries such rooms
 * over a restart. All of it pure; what a client or the file says is checked for kind and bound before anything is done.
 */
#ifndef PROTOCOL_ROOMFILE_H
#define PROTOCOL_ROOMFILE_H

#include <stdint.h>

#include "base/buf.h"
#include "protocol/limits.h"

enum {
    ROOM_SALT_BYTES = 16,
    ROOM_HASH_BYTES = 32,
    ROOMS_KEPT_MAX = 10000,          /* rooms made over HTTP: bounds the file that each change writes anew */
    ROOMFILE_MAX = 16 * 1024 * 1024, /* of them all: a room takes 1,100 bytes at most, most of it an escaped name */
    ROOMS_LISTED_MAX = 1000,         /* named in one list */
    ROOM_PEERS_CEILING = 1000000000,
};

/* What a room made over HTTP was promised. */
struct room_terms {
    uint64_t incarnation; /* random: another room under the same id has another */
    uint64_t created_ms;  /* Unix time */
    uint32_t max_peers;   /* 0: the server's limit */
    uint8_t id_n, name_n;
    bool listed, locked;
    char id[ROOM_ID_MAX]; /* no NUL, as the name */
    char name[DISPLAY_NAME_MAX];
    uint8_t salt[ROOM_SALT_BYTES], hash[ROOM_HASH_BYTES]; /* of the password, if locked */
};

/* Reads the body of POST /api/rooms: name, max_peers and listed into *t, the rest of which is zeroed; the password, of
 * which n = 0 is none, into `password`. NULL, or a static sentence on what is wrong. */
const char *room_terms_parse(struct span body, struct room_terms *t, char password[PASSWORD_MAX], size_t *password_n);

enum {
    ROOM_NAMES_MAX = 9 + ROOM_ID_MAX + 8 + DISPLAY_NAME_MAX * 6 + 1 /* every byte of the name escaped */
};

/* `"id":"…","name":"…"` as a room is shown, its id for a name if it has none. This is what costs most of a room's text,
 * and never changes: it is written once, for roomfile_add and room_view_write. */
void room_names_write(struct buf *out, struct span id, struct span name);

/* The file: begin, one add for each room, end. */
void roomfile_begin(struct buf *out);
void roomfile_add(struct buf *out, const struct room_terms *t, struct span names);
void roomfile_end(struct buf *out);
/* Reads it: `take` is called for each room and returns false when out of memory. NULL, or a static sentence on what is
 * wrong; `take` may have been called for the rooms before the damage. */
const char *roomfile_read(struct span text, bool (*take)(void *ctx, const struct room_terms *t), void *ctx);

/* What GET /api/rooms shows of one room. */
struct room_view {
    struct span names;
    uint64_t peers, max_peers, created_ms; /* max_peers 0: no limit */
    bool locked;
};
void room_view_write(struct buf *out, const struct room_view *v);

#endif
