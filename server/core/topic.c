/* SPDX-License-Identifier: MIT
 *
 * A topic is a list of its sessions, and a session a list of its topics: both are short, so each is walked.
 */
#include "server/core/topic.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/address_limits.h"
#include "server/core/notice.h"
#include "server/core/session.h"

uint32_t topic_hash(const void *topic)
{
    return ((const struct topic *)topic)->hash;
}

static bool has_name(const void *topic, const void *name)
{
    const struct topic *t = topic;
    return span_eq((struct span){t->name, t->name_n}, *(const struct span *)name);
}

struct topic *topic_find(const struct core *c, struct span name)
{
    return table_find(&c->topics, hash_keyed(c->hash_key, name.p, name.n), has_name, &name);
}

static struct topic *topic_new(struct core *c, struct span name, struct address_state *maker)
{
    struct topic *t = malloc(sizeof *t + name.n);
    if (!t)
        return NULL;
    *t = (struct topic){.hash = hash_keyed(c->hash_key, name.p, name.n), .maker = maker, .name_n = (uint16_t)name.n};
    memcpy(t->name, name.p, name.n);
    if (table_add(&c->topics, t)) {
        c->stats.topics++;
        address_limits_topic_made(maker);
        return t;
    }
    free(t);
    return NULL;
}

static void topic_free(struct core *c, struct topic *t)
{
    assert(!t->subscriptions && t->count == 0);
    table_remove(&c->topics, t);
    c->stats.topics--;
    address_limits_topic_gone(c, t->maker);
    free(t);
}

/* Where the session's subscription to the topic hangs; there is none: where the list ends. */
static struct subscription **find(struct session *s, const struct topic *t, size_t *before)
{
    struct subscription **at = &s->topics;
    for (*before = 0; *at && (*at)->topic != t; at = &(*at)->of_session)
        ++*before;
    return at;
}

static void drop(struct core *c, struct subscription **at)
{
    struct subscription *sub = *at;
    struct topic *t = sub->topic;
    *at = sub->of_session;
    DL_DELETE(t->subscriptions, sub);
    t->count--;
    c->stats.subscriptions--;
    free(sub);
    if (t->count == 0)
        topic_free(c, t);
}

/* Whether the address of this session keeps as many topics as one may: as with rooms that are made over HTTP. */
static bool has_its_share(const struct core *c, const struct session *s)
{
    return s->address && c->settings.join_rate && s->address->topics >= TOPICS_PER_ADDRESS;
}

static enum error admits(
    struct core *c, const struct session *s, const struct topic *t, size_t own, const char **problem)
{
    uint32_t max = c->settings.max_room_members, most = c->settings.max_rooms;
    if (own >= TOPICS_MAX) {
        *problem = "a connection may have 32 topics";
        return ERROR_FORBIDDEN;
    }
    if (t && max && t->count >= max) {
        *problem = "the topic has as many subscribers as it may";
        return ERROR_ROOM_FULL;
    }
    if (!t && most && c->stats.topics >= most) {
        c->stats.limited[LIMIT_MAX_ROOMS]++;
        return ERROR_SERVER_FULL;
    }
    if (!t && has_its_share(c, s)) {
        notice_limit(c, LIMIT_TOPICS_PER_ADDRESS, NOTICE_FULL, s);
        *problem = "this address made as many topics as one may: leave some";
        return ERROR_RATE_LIMITED;
    }
    return ERROR_NONE;
}

static bool subscribe(struct core *c, struct session *s, struct topic *t, struct subscription **at)
{
    struct subscription *sub = calloc(1, sizeof *sub);
    if (!sub)
        return false;
    sub->session = s;
    sub->topic = t;
    *at = sub;
    DL_APPEND(t->subscriptions, sub);
    t->count++;
    c->stats.subscriptions++;
    return true;
}

enum error topic_join(struct core *c, struct session *s, struct span name, const char **problem)
{
    assert(s->state == SESSION_READY || s->state == SESSION_SUBSCRIBED);
    assert(name.n >= 1 && name.n <= TOPIC_MAX);
    struct topic *t = topic_find(c, name);
    struct subscription *none = NULL, **at = &none;
    size_t own = 0;
    if (s->state == SESSION_SUBSCRIBED)
        at = find(s, t, &own);
    if (*at)
        return ERROR_NONE;
    enum error e = admits(c, s, t, own, problem);
    if (e != ERROR_NONE)
        return e;
    if (!t && !(t = topic_new(c, name, s->address)))
        return ERROR_SERVER_FULL;
    if (!subscribe(c, s, t, at)) {
        if (t->count == 0)
            topic_free(c, t);
        return ERROR_SERVER_FULL;
    }
    if (s->state == SESSION_READY) {
        session_move(c, s, SESSION_SUBSCRIBED);
        s->topics = none;
    }
    return ERROR_NONE;
}

void topic_leave(struct core *c, struct session *s, struct span name)
{
    size_t before;
    const struct topic *t = s->state == SESSION_SUBSCRIBED ? topic_find(c, name) : NULL;
    struct subscription **at = t ? find(s, t, &before) : NULL;
    if (!at || !*at)
        return;
    drop(c, at);
    if (!s->topics)
        session_move(c, s, SESSION_READY);
}

void topic_leave_all(struct core *c, struct session *s)
{
    while (s->state == SESSION_SUBSCRIBED && s->topics)
        drop(c, &s->topics);
}
