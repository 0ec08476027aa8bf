/* SPDX-License-Identifier: MIT
 *
 * Rooms made over HTTP survive the daemon. The file holds all of them and is written whole, away from the loop, one
 * writing at a time: what changes meanwhile goes into the next one. A client is told that its room was made, or is
 * closed, when that is on the disk. A room that could not be stored is closed again: it would come back unlocked after
 * a restart. Writing a journal of changes was rejected: ROOMS_KEPT_MAX rooms are a few megabytes.
 */
#include "server/core/keep.h"

#include "server/core/effects.h"
#include "server/core/errand.h"
#include "server/core/notice.h"
#include "server/core/rest.h"
#include "server/core/room.h"
#include "server/core/say.h"

void keep_settle(struct core *c)
{
    if (c->storing || c->keep_changed == c->keep_asked)
        return;
    struct buf text;
    buf_init(&text, ROOMFILE_MAX);
    roomfile_begin(&text);
    const struct room *room, *next;
    HASH_ITER (hh, c->rooms, room, next)
        if (room->terms)
            roomfile_add(&text, room->terms);
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
    rest_refuse(c, e->conn, 503, error_code(ERROR_SERVER_FULL), "the change could not be stored: try again later");
}

void keep_stored(struct core *c, bool stored)
{
    struct errand *e;
    if (!stored)
        notice(c, NOTICE_STORE, "rooms.json could not be written", NULL);
    while ((e = errand_take_stored(c))) {
        if (stored) {
            rest_respond(c, e->conn, e->status, e->answer);
            e->answer = NULL;
        } else {
            fail(c, e);
        }
        errand_free(e);
    }
    c->storing = false;
}
