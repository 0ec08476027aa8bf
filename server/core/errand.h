/* SPDX-License-Identifier: MIT
 *
 * What cannot be answered within its step: a password has to be hashed, or has to wait for having been wrong before,
 * or a change has to be on the disk first.
 */
#ifndef SERVER_CORE_ERRAND_H
#define SERVER_CORE_ERRAND_H

#include "server/core/state.h"

enum errand_kind {
    ERRAND_JOIN,   /* a join-room with a password waits for its hash */
    ERRAND_CREATE, /* a POST with a password waits for its hash */
    ERRAND_STORE,  /* an answer waits for the disk */
    ERRAND_FRAME,  /* a message with a password or token waits for its time: see guess.c */
    ERRAND_ASK,    /* an HTTP request likewise */
};

struct errand {
    struct errand *prev, *next; /* in core->hashes, core->delays or core->stores */
    enum errand_kind kind;
    struct conn_id conn;
    uint64_t job; /* of the hash; or what keep.changed has to be on the disk */
    char *bytes;  /* owned; ERRAND_JOIN, ERRAND_FRAME: the frame; ERRAND_ASK: the request's room, token and body */
    size_t bytes_n;
    struct core_request request; /* ERRAND_ASK; its spans tell lengths only */
    uint64_t at;                 /* ERRAND_FRAME, ERRAND_ASK: its time */
    struct room_terms
        terms;            /* ERRAND_CREATE; ERRAND_STORE: of the room that goes if it cannot be stored, else id_n 0 */
    struct frame *answer; /* owned; ERRAND_STORE */
    uint16_t status;
};

/* Asks for a hash and remembers why. ERROR_RATE_LIMITED when too many wait, ERROR_SERVER_FULL when out of memory. */
enum error errand_hash(struct core *c, const struct errand *why, struct span password, const uint8_t *salt);
/* Takes the frame; it is the answer once what has changed so far is on the disk. */
void errand_store(struct core *c, const struct errand *why);
/* Remembers it for that long. ERROR_RATE_LIMITED when too many wait, ERROR_SERVER_FULL when out of memory. */
enum error errand_delay(struct core *c, const struct errand *why, uint64_t ms);
/* Whether this connection waits for a hash or for its time. */
bool errand_waits(const struct core *c, struct conn_id conn);
/* The errand that waits for this hash, taken off the list: the caller frees it. NULL if there is none. */
struct errand *errand_take_hashed(struct core *c, uint64_t job);
/* The next one that waits for the disk no longer, if it is asked now; NULL if there is none. */
const struct errand *errand_stored(const struct core *c);
/* As errand_take_hashed: that one. */
struct errand *errand_take_stored(struct core *c);
/* As errand_take_hashed: one whose time has come. */
struct errand *errand_take_due(struct core *c);
/* When errand_take_due has one, or UINT64_MAX. */
uint64_t errand_due(const struct core *c);
/* The connection is gone: it need not wait for its time. */
void errand_forget(struct core *c, struct conn_id conn);
void errand_free(struct errand *e);
/* Frees all that wait. */
void errand_done(struct core *c);

#endif
