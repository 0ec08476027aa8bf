/* SPDX-License-Identifier: MIT
 *
 * subscribe, unsubscribe, publish: see topic.h. As in y-webrtc's own server, whoever publishes need not have subscribed, and
 * hears himself if he has. Its clients bring no tokens: where those are required, topics are closed.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/address_limits.h"
#include "server/core/bus_names.h"
#include "server/core/notice.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/topic.h"

static enum error open_to_all(const struct core *c, const struct session *s, struct asked *r)
{
    assert(s->member && s->state != SESSION_JOINED);
    if (!c->settings.token_required)
        return ERROR_NONE;
    r->problem = "tokens are required here, and topics take none";
    return ERROR_UNAUTHORIZED;
}

static bool gate(struct core *c, struct session *s, const struct asked *r)
{
    uint64_t ms = 0;
    if (address_limits_join(c, s->address, &ms))
        return true;
    session_refuse(c, s,
        &(struct reply_error){.error = ERROR_RATE_LIMITED,
            .problem = "too many joins from this address",
            .ref = r->request.ref,
            .retry_after_ms = ms});
    notice_limit(c, LIMIT_JOIN_RATE, NOTICE_JOINS, s);
    return false;
}

static void subscribe(struct core *c, struct session *s, const struct asked *r)
{
    for (size_t i = 0; i < r->request.topics.n; i++) {
        const char *problem = NULL;
        enum error e = topic_join(c, s, r->request.topics.v[i], &problem);
        if (e == ERROR_NONE)
            continue;
        session_refuse(c, s, &(struct reply_error){.error = e, .problem = problem, .ref = r->request.ref});
        return;
    }
}

static void unsubscribe(struct core *c, struct session *s, const struct asked *r)
{
    for (size_t i = 0; i < r->request.topics.n; i++)
        topic_leave(c, s, r->request.topics.v[i]);
}

static void publish(struct core *c, struct session *s, const struct asked *r)
{
    (void)s;
    topic_say(c, r->request.topic, r->request.bytes);
    if (c->cluster)
        bus_topic_publish(c, r->request.topic, r->request.bytes);
}

const struct handler on_subscribe = {gate, open_to_all, subscribe};
const struct handler on_unsubscribe = {.apply = unsubscribe};
const struct handler on_publish = {.check = open_to_all, .apply = publish};
