/* SPDX-License-Identifier: MIT
 *
 * The judge's model of the daemon: which connections there are, what peer id each has, who is in which room.
 */
#ifndef SIM_SEATS_H
#define SIM_SEATS_H

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#include "server/core/core.h"
#include "tests/sim/world.h"

struct room;

struct seat { /* one connection */
    uint32_t slot, generation;
    bool live, ready, closing, paused;
    char id[PEER_ID_MAX + 1];
    struct room *room;                 /* NULL: in none */
    uint64_t last_life, outside_since; /* the latter: since it was in no room */
    uint64_t relayed_to;
    /* within one step */
    uint64_t heard_step;
    uint32_t heard_of;
    size_t told; /* how many were told of this seat's coming or going */
    bool joined, left;
    UT_hash_handle hh; /* by id */
};

struct room {
    char id[ROOM_ID_MAX + 1];
    uint32_t *slots;
    size_t n, cap;
    UT_hash_handle hh;
};

struct seats {
    struct seat **v; /* by slot */
    size_t n, cap, live, members;
    struct seat *by_id; /* uthash: the welcomed ones */
    struct room *rooms; /* uthash */
};

void seats_done(struct seats *all);
/* Everybody is gone. */
void seats_reset(struct seats *all);
void seats_open(struct seats *all, struct conn_id conn, uint64_t now);
void seats_name(struct seats *all, struct seat *s, const char *id);
void seats_gone(struct seats *all, struct seat *s);
/* NULL unless this generation lives. */
struct seat *seats_at(const struct seats *all, struct conn_id conn);
/* id may be NULL. */
struct seat *seats_by_id(const struct seats *all, const char *id);
struct room *seats_room(const struct seats *all, const char *id);
void seats_enter(struct seats *all, const char *id, struct seat *s);
void seats_leave(struct seats *all, struct seat *s, uint64_t now);

#endif
