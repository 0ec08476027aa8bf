/* SPDX-License-Identifier: MIT
 *
 * connect: the client of a dialect that `connects` is told who it is. It may show that it was here before, and where: then
 * it has its seat again as if it had said resume, and is told who is in the room. Its token may be missing, old, or of
 * another server: then it is somebody new, which is no error, and no attempt at guessing either: a client that moved here
 * from another server brings what that one gave it.
 *
 * disconnect: it has left for good. Its connection stays, for it may connect again; where the answer to a join is still to
 * come, that would be an answer to nobody, and the connection ends.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/pending.h"
#include "server/core/session.h"

static bool gate(struct core *c, struct session *s, const struct asked *r)
{
    assert(r->request.type == MESSAGE_CONNECT);
    if ((!s->connected && !pending_waits(c, s->conn)) || r->request.connect.problem)
        return true;
    session_fail(c, s,
        &(struct reply_error){.error = ERROR_BAD_MESSAGE, .problem = "CONNECT was said before", .fatal = true},
        DEPARTURE_VIOLATION);
    return false;
}

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    struct span token = r->request.connect.token;
    if (r->request.connect.problem) {
        r->problem = r->request.connect.problem;
        return ERROR_UNKNOWN_TYPE;
    }
    r->returns = token.n > 0 && on_resume_check(c, s, r, token) == ERROR_NONE;
    r->problem = r->wrong = NULL;
    return ERROR_NONE;
}

static void connect_session(struct core *c, struct session *s, const struct asked *r)
{
    if (r->returns && r->elsewhere) { /* it is told who it is when that is known */
        on_resume_apply(c, s, r);
        return;
    }
    session_connect(c, s);
    if (r->returns)
        on_resume_apply(c, s, r);
    else
        session_say_connected(c, s, s->member, (struct span){NULL, 0});
}

static void disconnect_session(struct core *c, struct session *s, const struct asked *r)
{
    assert(s->connected && r->request.type == MESSAGE_DISCONNECT);
    bool owed = pending_waits(c, s->conn);
    session_disconnect(c, s);
    if (owed)
        session_end(c, s, 1000, "farewell", DEPARTURE_LEFT);
}

const struct handler on_connect = {gate, check, connect_session};
const struct handler on_disconnect = {.apply = disconnect_session};
