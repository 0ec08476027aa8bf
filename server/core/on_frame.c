/* SPDX-License-Identifier: MIT
 *
 * Every message's way: a sign of life, read by its dialect, checked, applied, and last of all counted by the rate limit,
 * so that a frame over the rate is handled before reading stops. A session that is not welcomed yet or told to close is not listened to.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/alive.h"
#include "server/core/effects.h"
#include "server/core/pending.h"
#include "server/core/auth_throttle.h"
#include "server/core/rate_limit.h"
#include "server/core/say.h"
#include "server/core/session.h"

static const struct handler *const HANDLERS[MESSAGES] = {
    [MESSAGE_JOIN_ROOM] = &on_join,
    [MESSAGE_LEAVE_ROOM] = &on_leave,
    [MESSAGE_OFFER] = &on_relay,
    [MESSAGE_ANSWER] = &on_relay,
    [MESSAGE_ICE_CANDIDATE] = &on_relay,
    [MESSAGE_SIGNAL] = &on_relay,
    [MESSAGE_RESUME] = &on_resume,
    [MESSAGE_REPORT] = &on_report,
    [MESSAGE_PING] = &on_ping,
    [MESSAGE_SUBSCRIBE] = &on_subscribe,
    [MESSAGE_UNSUBSCRIBE] = &on_unsubscribe,
    [MESSAGE_PUBLISH] = &on_publish,
    [MESSAGE_FORWARD] = &on_forward,
    [MESSAGE_CONNECT] = &on_connect,
    [MESSAGE_DISCONNECT] = &on_disconnect,
};

static void count_for_rate(struct core *c, struct session *s)
{
    if (session_listens(s))
        rate_limit_frame(c, s);
}

/* Member by member: the whole is large, and most of it is for messages that are rare. */
static void begin(struct asked *r)
{
    r->problem = r->wrong = NULL;
    r->retry_after_ms = 0;
    r->proven = r->waited = false;
}

enum error on_read(const struct core *c, const struct session *s, struct span bytes, struct request *r)
{
    const struct dialect *d = say_dialect(c, s->dialect);
    enum error e = d->read(bytes, r);
    assert(e != ERROR_NONE || d->requests & dialect_bit(r->type));
    return e;
}

static void handle(struct core *c, struct session *s, struct asked *r)
{
    assert(HANDLERS[r->request.type]);
    const struct handler *h = HANDLERS[r->request.type];
    if (h->gate && !h->gate(c, s, r))
        return;
    enum error e = h->check ? h->check(c, s, r) : ERROR_NONE;
    if (r->wrong)
        auth_throttle_failed(c, s, r->wrong);
    if (e == ERROR_SERVER_FULL)
        c->stats.limited[LIMIT_MAX_ROOMS]++;
    if (e != ERROR_NONE)
        session_refuse(c, s,
            &(struct reply_error){
                .error = e, .problem = r->problem, .ref = r->request.ref, .retry_after_ms = r->retry_after_ms});
    else if (h->apply)
        h->apply(c, s, r);
}

/* A whole room hears of who comes and goes, and who comes is told of all; a topic hears of all that is published: as much
 * work as tens of messages. */
static bool is_dear(enum message_type t)
{
    static const uint32_t DEAR = 1U << MESSAGE_JOIN_ROOM | 1U << MESSAGE_LEAVE_ROOM | 1U << MESSAGE_RESUME |
                                 1U << MESSAGE_PUBLISH | 1U << MESSAGE_CONNECT | 1U << MESSAGE_DISCONNECT;
    return DEAR & dialect_bit(t);
}

/* Something else has to come first. Whoever does not know that is not of its dialect. */
static void end_unexpected(struct core *c, struct session *s)
{
    session_fail(c, s,
        &(struct reply_error){.error = ERROR_BAD_MESSAGE,
            .problem = s->expects == EXPECTS_CONNECT ? "a CONNECT has to come first" : "its attachments were to follow",
            .fatal = true},
        DEPARTURE_VIOLATION);
}

static void refuse_request(struct core *c, struct session *s, enum error e, const struct request *r)
{
    struct reply_error reply = {.error = e, .problem = r->problem, .ref = r->ref, .fatal = r->final};
    if (reply.fatal)
        session_fail(c, s, &reply, DEPARTURE_VIOLATION);
    else
        session_refuse(c, s, &reply);
    if (session_listens(s) && r->attachments)
        s->expects = r->attachments & 0xfU;
}

void on_frame(struct core *c, struct session *s, struct span bytes, bool urgent)
{
    if (!session_listens(s))
        return;
    alive_heard(c, s);
    struct asked r;
    begin(&r);
    enum error e = on_read(c, s, bytes, &r.request);
    enum message_type type = e == ERROR_NONE ? r.request.type : MESSAGE_NONE;
    if (type == MESSAGE_ALIVE) {
        on_pong(c, s, r.request.alive);
        return;
    }
    if (urgent && is_dear(type) && effects_add(c->fx, &(struct core_effect){.type = CORE_AGAIN, .conn = s->conn}))
        return;
    c->stats.frames_in[type]++;
    c->stats.bytes_in[type] += bytes.n;
    if (s->expects && (s->expects != EXPECTS_CONNECT || type != MESSAGE_CONNECT))
        end_unexpected(c, s);
    else if (e == ERROR_NONE)
        handle(c, s, &r);
    else
        refuse_request(c, s, e, &r.request);
    count_for_rate(c, s);
}

void on_delayed(struct core *c, const struct pending *e)
{
    assert(e->kind == PENDING_FRAME);
    struct session *s = session_find(c, e->conn);
    struct asked r;
    begin(&r);
    r.waited = true;
    if (s && session_listens(s) && on_read(c, s, (struct span){e->bytes, e->bytes_n}, &r.request) == ERROR_NONE)
        handle(c, s, &r);
}

/* Who speaks such a dialect sends binary where it told so before, and nowhere else. */
static void end_unreadable(struct core *c, struct session *s, struct reply_error reply)
{
    reply.fatal = true;
    session_fail(c, s, &reply, DEPARTURE_VIOLATION);
}

void on_unreadable(struct core *c, struct session *s, enum error e, const char *problem)
{
    assert(e != ERROR_NONE && e < ERRORS);
    if (!session_listens(s))
        return;
    alive_heard(c, s);
    c->stats.frames_in[MESSAGE_NONE]++;
    struct reply_error reply = {.error = e, .problem = problem, .fatal = e == ERROR_TOO_LARGE};
    if (reply.fatal) {
        c->stats.limited[LIMIT_MAX_FRAME]++;
        session_fail(c, s, &reply, DEPARTURE_TOO_LARGE);
        return;
    }
    bool awaited = s->expects > 0 && s->expects < EXPECTS_CONNECT && e == ERROR_BAD_MESSAGE;
    if (awaited)
        s->expects = (s->expects - 1U) & 0xfU; /* its message was refused */
    else if (say_dialect(c, s->dialect)->connects)
        end_unreadable(c, s, reply);
    else
        session_refuse(c, s, &reply);
    count_for_rate(c, s);
}

/* Of pongs the answer to our own ping alone is free: others may come as fast as messages may, or a flood of them would
 * cost the others what a flood of messages must not. */
void on_pong(struct core *c, struct session *s, uint32_t number)
{
    if (session_listens(s) && !alive_pong(c, s, number))
        rate_limit_frame(c, s);
}

void on_control(struct core *c, struct session *s)
{
    if (!session_listens(s))
        return;
    alive_heard(c, s);
    rate_limit_frame(c, s);
}
