/* SPDX-License-Identifier: MIT
 *
 * forward: to another client by the name that it chose (named.h).
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/named.h"
#include "server/core/session.h"

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    assert(r->request.type == MESSAGE_FORWARD);
    if (s->state != SESSION_NAMED) /* its name is still being asked for: nobody could know it */
        return;
    if (r->request.forward.to.n == 0)
        session_end(c, s, 1000, "farewell", DEPARTURE_LEFT);
    else
        named_forward(c, s, &r->request);
}

const struct handler on_forward = {.apply = apply};
