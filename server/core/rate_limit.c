/* SPDX-License-Identifier: MIT
 *
 * message_rate: who sends faster is read slower. Nothing is lost: the frame that found no token is handled as any
 * other, and the tokens it lacked are a debt. Reading stops, and is looked at every PAUSE_MS until the debt is paid, so
 * a fast sender's socket is switched ten times a second and not once a frame; TCP does the rest. The sender is told
 * with `rate-limited`, once a second at most. Dropping frames instead was rejected: a lost candidate is a call that
 * never connects.
 */
#include "server/core/rate_limit.h"

#include <assert.h>

#include "server/core/alive.h"
#include "server/core/notice.h"
#include "server/core/say.h"
#include "server/core/session.h"

enum {
    RATE_TOLD_EVERY_MS = 1000
};

static bool within(const struct core *c, struct session *s)
{
    return bucket_ready(&s->messages, c->settings.message_rate, c->settings.message_burst, c->now);
}

static void tell(struct core *c, struct session *s)
{
    if (c->now < s->rate_told_until)
        return;
    s->rate_told_until = c->now + RATE_TOLD_EVERY_MS;
    say_error(c, s,
        &(struct reply_error){
            .error = ERROR_RATE_LIMITED, .retry_after_ms = bucket_wait(&s->messages, c->settings.message_rate)});
}

void rate_limit_frame(struct core *c, struct session *s)
{
    assert(session_listens(s));
    bool allowed = within(c, s);
    bucket_take(&s->messages);
    if (allowed)
        return;
    tell(c, s);
    if (!alive_is_read(s) || !say_pause(c, s))
        return;
    notice_limit(c, LIMIT_MESSAGE_RATE, NOTICE_RATE, s);
    alive_pause(c, s);
}

void rate_limit_look(struct core *c, struct session *s)
{
    assert(s->watch == WATCH_PAUSED || s->paused);
    if (!within(c, s))
        alive_pause(c, s);
    else if (say_resume(c, s))
        alive_go_on(c, s);
}
