/* SPDX-License-Identifier: MIT
 *
 * Rooms exist while they have members: the first join makes one, the last leave frees it, and nothing of it is kept.
 * During a drain nobody is told who left: everybody is leaving.
 */
#include "server/core/room.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/say.h"

struct room *room_find(const struct core *c, struct span id)
{
    struct room *room;
    HASH_FIND_BYHASHVALUE(hh, c->rooms, id.p, id.n, hash_keyed(c->hash_key, id.p, id.n), room);
    return room;
}

struct room *room_new(struct core *c, struct span id, uint64_t incarnation)
{
    assert(id.n <= ROOM_ID_MAX);
    struct room *room = malloc(sizeof *room + id.n);
    if (!room)
        return NULL;
    *room = (struct room){.incarnation = incarnation, .id_n = (uint8_t)id.n};
    memcpy(room->id, id.p, id.n);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, c->rooms, room->id, id.n, hash_keyed(c->hash_key, id.p, id.n), room);
    if (!room->hh.tbl) {
        free(room);
        return NULL;
    }
    c->stats.rooms++;
    return room;
}

static void room_free(struct core *c, struct room *room)
{
    HASH_DEL(c->rooms, room);
    free(room);
    c->stats.rooms--;
}

void room_enter(struct core *c, struct room *room, struct session *s)
{
    assert(!s->room);
    s->room = room;
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
    free(s->introduction);
    s->introduction = NULL;
    s->introduction_n = 0;
    if (room->count == 0)
        room_free(c, room);
    else if (!c->draining)
        tell_left(c, room, s, why);
}
