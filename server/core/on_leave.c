/* SPDX-License-Identifier: MIT
 *
 * leave-room: `left-room` to who leaves, `peer-left` to the others. The connection stays and may join again. A join that
 * waits for its password's hash goes on: whoever would rather not be in the room is told that he will be.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/pending.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    if (s->state == SESSION_JOINED)
        return ERROR_NONE;
    if (pending_waits(c, s->conn))
        r->problem = "a join is under way: leave when it is answered";
    return ERROR_NOT_IN_ROOM;
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
