/* SPDX-License-Identifier: MIT
 *
 * A room that join-room made exists while it has members, and room_linger after that; one made over HTTP has terms, is
 * there before its first member and stays for room_ttl without any. Rooms are in a list of their kind, so that those
 * which are shown or kept are found without a look at the others.
 * During a drain nobody is told who left: everybody is leaving.
 */
#include "server/core/room.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/address_limits.h"
#include "server/core/member.h"
#include "server/core/batch.h"
#include "server/core/tombstones.h"
#include "server/core/room_store.h"
#include "server/core/room_list.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"
#include "server/core/shared.h"
#include "server/core/remote.h"
#include "server/core/webhook.h"

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

const struct room_terms *room_terms(const struct room *room)
{
    if (room->made)
        return &room->made->terms;
    return room->shared ? shared_terms(room->shared) : NULL;
}

static struct room *add(struct core *c, struct span id, uint64_t incarnation, enum room_kind kind)
{
    assert(id.n <= ROOM_ID_MAX);
    struct room *room = malloc(sizeof *room + id.n);
    if (!room)
        return NULL;
    *room = (struct room){.incarnation = incarnation,
        .created_ms = c->unix_ms,
        .hash = hash_keyed(c->hash_key, id.p, id.n),
        .kind = (uint8_t)kind,
        .id_n = (uint8_t)id.n};
    memcpy(room->id, id.p, id.n);
    if (!shared_begin(c, room) || !table_add(&c->room_ids, room)) {
        shared_end(c, room);
        free(room);
        return NULL;
    }
    DL_APPEND(c->rooms[kind], room);
    c->stats.rooms++;
    return room;
}

struct room *room_new(struct core *c, struct span id, uint64_t incarnation, bool made_elsewhere)
{
    assert(room_id_valid(id) && !room_find(c, id));
    struct room *room = add(c, id, incarnation, ROOM_JOINED);
    if (room && !made_elsewhere)
        webhook_room(c, WEBHOOK_ROOM_CREATED, room);
    return room;
}

static void room_free(struct core *c, struct room *room)
{
    assert(!room->members);
    if (!room->silent)
        webhook_room(c, WEBHOOK_ROOM_CLOSED, room);
    shared_end(c, room);
    waiting_remove(&room->empty);
    room_list_changes(c, room);
    if (room->made) {
        address_limits_room_gone(c, room->made->maker);
        room_store_goes(c, room);
        c->made_count--;
    }
    table_remove(&c->room_ids, room);
    DL_DELETE(c->rooms[room->kind], room);
    free(room->made);
    free(room);
    c->stats.rooms--;
}

static struct made *made_new(struct core *c, const struct room_terms *t)
{
    struct buf *names = say_text(c);
    room_names_write(names, (struct span){t->id, t->id_n}, (struct span){t->name, t->name_n});
    struct made *made = names->failed ? NULL : malloc(sizeof *made + names->len);
    if (!made)
        return NULL;
    *made = (struct made){.terms = *t, .names_n = (uint16_t)names->len};
    memcpy(made->names, names->p, names->len);
    if (room_store_measure(c, made))
        return made;
    free(made);
    return NULL;
}

struct room *room_restore(struct core *c, const struct room_terms *t)
{
    assert(t->id_n > 0 && !room_find(c, (struct span){t->id, t->id_n}));
    struct made *made = made_new(c, t);
    enum room_kind kind = t->listed ? ROOM_LISTED : ROOM_UNLISTED;
    struct room *room = made ? add(c, (struct span){t->id, t->id_n}, t->incarnation, kind) : NULL;
    if (!room) {
        free(made);
        return NULL;
    }
    room->made = made;
    room->created_ms = t->created_ms;
    waiting_add(&c->unused, &room->empty, c->now);
    c->made_count++;
    room_store_comes(c, room);
    room_list_changes(c, room);
    return room;
}

bool room_all_are_there(const struct core *c)
{
    uint32_t max = c->settings.max_rooms;
    return max && c->stats.rooms >= max;
}

uint32_t room_capacity(const struct core *c, const struct room *room)
{
    uint32_t most = c->settings.max_room_members, own = room_terms(room) ? room_terms(room)->max_peers : 0;
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
    return room_all_are_there(c) ? ERROR_SERVER_FULL : ERROR_NONE;
}

/* A linger of 0 lets those go that stayed under an earlier setting. */
static uint64_t linger(const struct core *c)
{
    bool over = c->draining && c->settings.webhooks; /* it ends with the daemon, which is to be told */
    return c->settings.room_linger_ms && !over ? c->settings.room_linger_ms : 1;
}

uint64_t room_due(const struct core *c)
{
    uint64_t a = waiting_due(&c->lingering, linger(c)), b = waiting_due(&c->unused, c->settings.room_ttl_ms);
    return a < b ? a : b;
}

/* One made over HTTP that nobody uses. */
static void lapse(struct core *c, struct room *room)
{
    if (room->shared)
        shared_closes(c, room, true);
    room_free(c, room);
}

void room_tick(struct core *c)
{
    for (uint32_t n = batch_size(c); n > 0 && waiting_due(&c->lingering, linger(c)) <= c->now; n--)
        room_free(c, WAIT_OF(waiting_first(&c->lingering), struct room, empty));
    for (uint32_t n = batch_size(c); n > 0 && waiting_due(&c->unused, c->settings.room_ttl_ms) <= c->now; n--)
        lapse(c, WAIT_OF(waiting_first(&c->unused), struct room, empty));
}

/* The last member left. */
static void emptied(struct core *c, struct room *room)
{
    assert(!room->members && room->count == 0);
    if (room->closing)
        return;
    if (room->shared && !room->made)
        shared_rests(c, room);
    if (room->made)
        waiting_add(&c->unused, &room->empty, c->now);
    else if (c->settings.room_linger_ms && !c->draining)
        waiting_add(&c->lingering, &room->empty, c->now);
    else
        room_free(c, room);
}

void room_abandon(struct core *c, struct room *room)
{
    assert(room->count == 0);
    if (!room->empty.next)
        emptied(c, room);
}

void room_link(struct core *c, struct room *room, struct member *m)
{
    assert(!m->room);
    waiting_remove(&room->empty);
    room->silent = false;
    m->room = room;
    DL_APPEND(room->members, m);
    room->count++;
    room_list_changes(c, room);
}

static void take_out(struct core *c, struct member *m)
{
    struct room *room = m->room;
    assert(room && room->count > 0);
    DL_DELETE(room->members, m);
    m->room = NULL;
    room->count--;
    room_list_changes(c, room);
    member_forget_introduction(m);
}

void room_unlink(struct core *c, struct member *m)
{
    struct room *room = m->room;
    take_out(c, m);
    if (room->count == 0)
        emptied(c, room);
}

void room_enter(struct core *c, struct room *room, struct member *m)
{
    m->awaited = false;
    room_link(c, room, m);
    c->stats.members++;
    c->stats.joins_total++;
}

static void tell_left(struct core *c, const struct room *room, const struct member *m, enum departure why)
{
    char id[PEER_ID_MAX];
    say_to_room(c, room, NULL,
        &(struct reply){.type = REPLY_PEER_LEFT, .peer = {.peer_id = say_peer_id(c, m, id), .why = why}});
}

void room_leave(struct core *c, struct member *m, enum departure why)
{
    struct room *room = m->room;
    assert(room && room->count > 0);
    webhook_peer_left(c, room, m, why);
    if (room->shared)
        shared_leaves(c, m, why);
    take_out(c, m);
    c->stats.members--;
    c->stats.leaves_total++;
    if (m->returned)
        tombstone_of_peer(c, m->id);
    m->returned = false;
    if (room->count == 0) {
        emptied(c, room);
        return;
    }
    if (!c->draining && !room->closing)
        tell_left(c, room, m, why);
    if (room->shared && !room->closing)
        shared_thins(c, room);
}

void room_move_out(struct core *c, struct member *m)
{
    struct room *room = m->room;
    shared_leaves(c, m, DEPARTURE_LEFT);
    take_out(c, m);
    c->stats.members--;
    c->stats.leaves_total++;
    m->returned = false;
    if (room->count == 0) {
        room->silent = true;
        emptied(c, room);
    } else {
        shared_thins(c, room);
    }
}

void room_close(struct core *c, struct room *room)
{
    assert(!room->closing);
    room->closing = true;
    if (room->shared && !room->silent)
        shared_closes(c, room, false);
    tombstone_of_room(c, room->incarnation);
    say_to_room(c, room, NULL, &(struct reply){.type = REPLY_ROOM_CLOSED, .room_id = {room->id, room->id_n}});
    while (room->members) {
        struct member *m = room->members;
        if (member_is_remote(m)) {
            remote_leave(c, m);
            continue;
        }
        if (member_is_away(m)) {
            seat_expire(c, m);
            continue;
        }
        room_leave(c, m, DEPARTURE_LEFT);
        session_move(c, m->session, SESSION_READY);
    }
    room_free(c, room);
}
