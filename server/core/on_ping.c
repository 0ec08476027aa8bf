/* SPDX-License-Identifier: MIT
 *
 * ping: `pong`, for clients that cannot send WebSocket pings, such as browsers' pages.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/say.h"

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    assert(s->member && r->request.type == MESSAGE_PING);
    say(c, s, &(struct reply){.type = REPLY_PONG, .ref = r->request.ref});
    say_done(c, s, r->request.ref);
}

const struct handler on_ping = {.apply = apply};
