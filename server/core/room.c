/* SPDX-License-Identifier: MIT
 *
 * A room that join-room made exists while it has members, and room_linger after that; one made over HTTP has terms, is
 * there before its first member and stays for room_ttl without any.
 * During a drain nobody is told who left: everybody is leaving.
 */
#include "server/core/room.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/ended.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"

uint32_t room_hash(const void *item)
{
    return ((const struct room *)item)->hash;
}

static bool has_id(const void *item, const void *id)
{
    const struct room *room = item;
    return span_eq((struct span){room->id, room->id_n}, *(const struct span *)id);
}

struct room *room_find(const struct core *c, struct span id)
{
    return table_find(&c->room_ids, hash_keyed(c->hash_key, id.p, id.n), has_id, &id);
}

struct room *room_new(struct core *c, struct span id, uint64_t incarnation)
{
    assert(id.n <= ROOM_ID_MAX);
    struct room *room = malloc(sizeof *room + id.n);
    if (!room)
        return NULL;
    *room = (struct room){.incarnation = incarnation,
        .created_ms = c->unix_ms,
        .hash = hash_keyed(c->hash_key, id.p, id.n),
        .id_n = (uint8_t)id.n};
    memcpy(room->id, id.p, id.n);
    if (!table_add(&c->room_ids, room)) {
        free(room);
        return NULL;
    }
    DL_APPEND(c->rooms, room);
    c->stats.rooms++;
    return room;
}

static void room_free(struct core *c, struct room *room)
{
    waiting_remove(&room->empty);
    if (room->terms) {
        c->kept_count--;
        c->keep_changed++;
    }
    table_remove(&c->room_ids, room);
    DL_DELETE(c->rooms, room);
    free(room->terms);
    free(room);
    c->stats.rooms--;
}

struct room *room_restore(struct core *c, const struct room_terms *t)
{
    struct room_terms *terms = malloc(sizeof *terms);
    struct room *room = terms ? room_new(c, (struct span){t->id, t->id_n}, t->incarnation) : NULL;
    if (!room) {
        free(terms);
        return NULL;
    }
    *terms = *t;
    room->terms = terms;
    room->created_ms = t->created_ms;
    waiting_add(&c->unused, &room->empty, c->now);
    c->kept_count++;
    c->keep_changed++;
    return room;
}

uint32_t room_capacity(const struct core *c, const struct room *room)
{
    uint32_t most = c->settings.max_room_members, own = room->terms ? room->terms->max_peers : 0;
    return own && (!most || own < most) ? own : most;
}

enum error room_admits(const struct core *c, const struct room *room, const char **problem)
{
    const struct core_settings *set = &c->settings;
    if (room) {
        uint32_t capacity = room_capacity(c, room);
        return capacity && room->count >= capacity ? ERROR_ROOM_FULL : ERROR_NONE;
    }
    if (!set->auto_create) {
        *problem = "there is no such room, and a join makes none here";
        return ERROR_FORBIDDEN;
    }
    return set->max_rooms && c->stats.rooms >= set->max_rooms ? ERROR_SERVER_FULL : ERROR_NONE;
}

/* A linger of 0 lets those go that stayed under an earlier setting. */
static uint64_t linger(const struct core *c)
{
    return c->settings.room_linger_ms ? c->settings.room_linger_ms : 1;
}

uint64_t room_due(const struct core *c)
{
    uint64_t a = waiting_due(&c->lingering, linger(c)), b = waiting_due(&c->unused, c->settings.room_ttl_ms);
    return a < b ? a : b;
}

void room_tick(struct core *c)
{
    while (waiting_due(&c->lingering, linger(c)) <= c->now)
        room_free(c, WAIT_OF(waiting_first(&c->lingering), struct room, empty));
    while (waiting_due(&c->unused, c->settings.room_ttl_ms) <= c->now)
        room_free(c, WAIT_OF(waiting_first(&c->unused), struct room, empty));
}

/* The last member left. */
static void emptied(struct core *c, struct room *room)
{
    if (room->closing)
        return;
    if (room->terms)
        waiting_add(&c->unused, &room->empty, c->now);
    else if (c->settings.room_linger_ms && !c->draining)
        waiting_add(&c->lingering, &room->empty, c->now);
    else
        room_free(c, room);
}

void room_enter(struct core *c, struct room *room, struct session *s)
{
    assert(!s->room);
    waiting_remove(&room->empty);
    s->room = room;
    s->held = NULL;
    DL_APPEND(room->members, s);
    room->count++;
    c->stats.members++;
    c->stats.joins_total++;
}

static void tell_left(struct core *c, const struct room *room, const struct session *s, enum departure why)
{
    char id[PEER_ID_MAX];
    reply_peer_left(say_text(c), say_peer_id(c, s, id), why);
    say_to_room(c, room, NULL, say_frame(c));
}

void room_leave(struct core *c, struct session *s, enum departure why)
{
    struct room *room = s->room;
    assert(room && room->count > 0);
    DL_DELETE(room->members, s);
    s->room = NULL;
    room->count--;
    c->stats.members--;
    c->stats.leaves_total++;
    if (s->returned)
        ended_stay(c, s->id);
    s->returned = false;
    free(s->introduction);
    s->introduction = NULL;
    s->introduction_n = 0;
    if (room->count == 0)
        emptied(c, room);
    else if (!c->draining && !room->closing)
        tell_left(c, room, s, why);
}

void room_close(struct core *c, struct room *room)
{
    room->closing = true;
    ended_room(c, room->incarnation);
    while (room->members) {
        struct session *s = room->members;
        if (s->state == SESSION_AWAY) {
            seat_expire(c, s);
            continue;
        }
        reply_room_closed(say_text(c), (struct span){room->id, room->id_n});
        say_reply(c, s);
        room_leave(c, s, DEPARTURE_LEFT);
        session_move(c, s, SESSION_READY);
    }
    room_free(c, room);
}
