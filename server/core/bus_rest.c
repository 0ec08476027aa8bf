/* SPDX-License-Identifier: MIT */
#include "server/core/bus_rest.h"

#include "server/core/pending.h"
#include "server/core/room.h"
#include "server/core/shared.h"

/* A room of ours is not to be there any more: it was closed, or another one has its name. */
static void ends(struct core *c, const struct pending *e)
{
    struct room *room = room_find(c, (struct span){e->room, e->room_n});
    if (!room || !room->made)
        return;
    room->silent = true;
    room_close(c, room);
}

void bus_rest_answered(struct core *c, struct pending *e, const struct core_bus_answer *a)
{
    if (e->step == BUS_REST_AGAIN && (a->outcome == BUS_EXISTS || a->outcome == BUS_GONE))
        ends(c, e);
}
