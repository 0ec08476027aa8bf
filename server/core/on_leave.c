/* SPDX-License-Identifier: MIT
 *
 * leave-room: `left-room` to who leaves, `peer-left` to the others. The connection stays and may join again.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    (void)c;
    (void)r;
    return s->state == SESSION_JOINED ? ERROR_NONE : ERROR_NOT_IN_ROOM;
}

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    assert(s->state == SESSION_JOINED && s->member->room);
    say(c, s, &(struct reply){.type = REPLY_LEFT_ROOM, .ref = r->request.ref});
    room_leave(c, s->member, DEPARTURE_LEFT);
    session_move(c, s, SESSION_READY);
    say_done(c, s, r->request.ref);
}

const struct handler on_leave = {.check = check, .apply = apply};
