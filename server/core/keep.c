/* SPDX-License-Identifier: MIT
 *
 * Rooms made over HTTP survive the daemon. The file holds all of them and is written whole, away from the loop, one
 * writing at a time: what changes meanwhile goes into the next one. A client is told that its room was made, or is
 * closed, when that is on the disk. A room that could not be stored is closed again: it would come back unlocked after
 * a restart. A room that was closed stays closed when that could not be stored, but its owner is not told that it is
 * gone, since a restart would bring it back; the writing is tried again until it succeeds. Writing a journal of changes was rejected: ROOMS_KEPT_MAX rooms are a few megabytes.
 */
#include "server/core/keep.h"

#include "server/core/batch.h"
#include "server/core/effects.h"
#include "server/core/errand.h"
#include "server/core/notice.h"
#include "server/core/rest.h"
#include "server/core/room.h"
#include "server/core/say.h"

void keep_settle(struct core *c)
{
    bool again = c->keep_failed && c->now >= c->keep_retry_at;
    if (c->storing || (c->keep_changed == c->keep_asked && !again))
        return;
    struct buf text;
    buf_init(&text, ROOMFILE_MAX);
    roomfile_begin(&text);
    for (enum room_kind kind = ROOM_LISTED; kind <= ROOM_UNLISTED; kind++)
        for (const struct room *room = c->rooms[kind]; room; room = room->next)
            roomfile_add(&text, &room->made->terms, (struct span){room->made->names, room->made->names_n});
    roomfile_end(&text);
    struct frame *store = text.failed ? NULL : frame_of(buf_view(&text));
    buf_done(&text);
    if (store && effects_add(c->fx, &(struct core_effect){.type = CORE_STORE, .store = store})) {
        c->storing = true;
        c->keep_asked = c->keep_changed;
    }
}

/* The same room as when the errand began, not another one under its name. */
static struct room *room_of(const struct core *c, const struct room_terms *t)
{
    struct room *room = t->id_n ? room_find(c, (struct span){t->id, t->id_n}) : NULL;
    return room && room->incarnation == t->incarnation ? room : NULL;
}

static void fail(struct core *c, struct errand *e)
{
    struct room *room = room_of(c, &e->terms);
    if (room)
        room_close(c, room);
    rest_refuse_unstored(c, e->conn);
}

static void answer(struct core *c, struct errand *e)
{
    if (c->stored) {
        rest_respond(c, e->conn, e->status, e->answer);
        e->answer = NULL;
    } else {
        fail(c, e);
    }
    errand_free(e);
}

/* Until all are told what became of this writing, the next one, which others wait for, does not begin. */
void keep_tick(struct core *c)
{
    if (!c->answering)
        return;
    struct errand *e;
    for (uint32_t n = 0; batch_allows(c, n) && (e = errand_take_stored(c)); n++)
        answer(c, e);
    c->answering = c->storing = errand_stored(c) != NULL;
}

void keep_stored(struct core *c, bool stored)
{
    if (!stored)
        notice(c, NOTICE_STORE, "rooms.json could not be written", NULL);
    c->keep_failed = !stored;
    c->keep_retry_at = c->now + KEEP_RETRY_MS;
    c->answering = true;
    c->stored = stored;
    keep_tick(c);
}

uint64_t keep_due(const struct core *c)
{
    if (c->answering)
        return c->now;
    return c->keep_failed && !c->storing ? c->keep_retry_at : UINT64_MAX;
}
