/* SPDX-License-Identifier: MIT
 *
 * ping: `pong`, for clients that cannot send WebSocket pings, such as browsers' pages.
 */
#include "server/core/on.h"

#include "server/core/say.h"

static void apply(struct core *c, struct session *s, const struct request *r)
{
    reply_pong(say_text(c), r->message.ref);
    say_reply(c, s);
}

const struct handler on_ping = {.apply = apply};
