/* SPDX-License-Identifier: MIT */
#include "server/core/cluster.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/bus_names.h"
#include "server/core/bus_rest.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/on.h"
#include "server/core/pending.h"
#include "server/core/remote.h"
#include "server/core/room.h"
#include "server/core/session.h"
#include "server/core/shared.h"
#include "server/core/webhook.h"

/* ---- it comes to be ---- */

bool cluster_begin(struct core *c)
{
    c->cluster = calloc(1, sizeof *c->cluster);
    if (!c->cluster)
        return false;
    table_init(&c->cluster->members, member_hash);
    return true;
}

void cluster_end(struct core *c)
{
    struct cluster *cl = c->cluster;
    if (!cl)
        return;
    struct member *m;
    for (uint64_t at = 0; (m = table_next(&cl->members, &at));) {
        free(m->introduction);
        free(m);
    }
    table_done(&cl->members);
    struct node *n, *next;
    DL_FOREACH_SAFE (cl->nodes, n, next)
        free(n);
    frame_unref(cl->list.frame);
    free(cl);
    c->cluster = NULL;
}

bool core_clustered(const struct core *c)
{
    return !c->cluster || cluster_is_up(c);
}

/* ---- nodes and dialects ---- */

struct node *cluster_node(struct core *c, struct span name)
{
    struct cluster *cl = c->cluster;
    struct node *n;
    DL_FOREACH (cl->nodes, n)
        if (span_eq((struct span){n->name, n->name_n}, name))
            return n;
    n = cl->nodes_n < NODES_MAX && name.n > 0 && name.n <= NODE_MAX ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return NULL;
    memcpy(n->name, name.p, name.n);
    n->name_n = (uint8_t)name.n;
    DL_APPEND(cl->nodes, n);
    cl->nodes_n++;
    c->stats.nodes++;
    return n;
}

bool cluster_dialect(struct core *c, char mark, uint8_t *dialect)
{
    const struct dialect *const *d = c->settings.dialects;
    while (d && *d && (*d)->mark != mark)
        d++;
    if (!d || !*d)
        return false;
    *dialect = session_dialect(c, *d);
    return true;
}

/* ---- up and down ---- */

static uint64_t lease_part(const struct core *c)
{
    return c->settings.lease_ms / LEASE_PARTS;
}

static void move(struct core *c, enum cluster_state to)
{
    struct cluster *cl = c->cluster;
    if (cl->state == CLUSTER_UP && to != CLUSTER_UP) {
        cl->former = cl->epoch;
        shared_forget_jobs(c);
    }
    if (to != CLUSTER_UP)
        cl->registering = cl->renewing = cl->clearing = 0;
    cl->state = to;
    c->stats.bus_up = to == CLUSTER_UP;
}

static void ask_register(struct core *c)
{
    struct cluster *cl = c->cluster;
    cl->epoch = rng_u64(c->rng) | 1;
    cl->registering = ++c->last_job;
    cl->due = c->now + lease_part(c);
    const struct core_bus op = {
        .op = BUS_REGISTER, .job = cl->registering, .former = cl->former, .lease_ms = c->settings.lease_ms};
    if (!cluster_do(c, &op))
        cl->registering = 0;
}

/* What clients wait for is done without the others, as if it had been asked now. */
static void give_up_asked(struct core *c)
{
    struct pending *e;
    while ((e = c->asked) != NULL) {
        const struct core_bus_answer none = {.job = e->job, .outcome = BUS_EPOCH};
        cluster_answered(c, &none);
    }
}

static void ask_again(struct core *c, uint64_t after_ms)
{
    move(c, CLUSTER_ASKING);
    c->cluster->due = c->now + after_ms;
}

/* All that was is over. */
static void ask_anew(struct core *c)
{
    ask_again(c, 0);
    give_up_asked(c);
    ask_register(c);
}

void cluster_bus_up(struct core *c)
{
    if (!c->cluster || c->draining)
        return;
    ask_anew(c);
}

void cluster_bus_down(struct core *c)
{
    if (!c->cluster || c->cluster->state == CLUSTER_DOWN)
        return;
    move(c, CLUSTER_DOWN);
    give_up_asked(c);
}

/* The registration is over, though the bus is there. */
static void lose_epoch(struct core *c)
{
    if (c->cluster->state != CLUSTER_UP)
        return;
    ask_anew(c);
}

void cluster_fails(struct core *c)
{
    if (c->cluster->state != CLUSTER_UP)
        return;
    notice(c, NOTICE_BUS, "the store of the cluster fails: this node goes on alone", NULL);
    ask_again(c, lease_part(c));
    give_up_asked(c);
}

static void registered(struct core *c, const struct core_bus_answer *a)
{
    struct cluster *cl = c->cluster;
    cl->registering = 0;
    if (a->outcome == BUS_TAKEN)
        notice(c, NOTICE_BUS, "another daemon has this node's name: set server.node", NULL);
    if (a->outcome != BUS_OK)
        return; /* asked again when it is due */
    move(c, CLUSTER_UP);
    cl->due = c->now + lease_part(c);
    cl->good_until = c->now + c->settings.lease_ms;
    cl->settled_at = c->now + SETTLE_MS;
    cl->heard = cl->owed = a->number;
    for (struct node *n = cl->nodes; n; n = n->next)
        n->said = 0;
    frame_unref(cl->list.frame);
    cl->list.frame = NULL;
    cl->settling = false;
    cl->named_at = 0;
    shared_all_stale(c);
}

/* ---- the lease ---- */

static void ask_renew(struct core *c)
{
    struct cluster *cl = c->cluster;
    cl->due = c->now + lease_part(c);
    if (cl->renewing)
        return; /* a slow answer counts, too */
    cl->renewing = ++c->last_job;
    const struct core_bus op = {.op = BUS_RENEW, .job = cl->renewing, .lease_ms = c->settings.lease_ms};
    if (!cluster_do(c, &op))
        cl->renewing = 0;
}

static void ask_clear(struct core *c)
{
    struct cluster *cl = c->cluster;
    cl->clearing = ++c->last_job;
    const struct core_bus op = {.op = BUS_CLEAR,
        .job = cl->clearing,
        .other = span_of(cl->dead),
        .former = cl->dead_epoch,
        .count = CLEAR_COUNT,
        .why = DEPARTURE_DISCONNECTED,
        .linger_ms = c->settings.room_linger_ms,
        .ttl_ms = c->settings.room_ttl_ms};
    if (!cluster_do(c, &op))
        cl->clearing = 0;
}

static bool read_epoch(struct span text, uint64_t *epoch)
{
    *epoch = 0;
    for (size_t i = 0; i < text.n; i++) {
        static const char DIGITS[] = "0123456789abcdef";
        const char *digit = memchr(DIGITS, text.p[i], sizeof DIGITS - 1);
        if (!digit)
            return false;
        *epoch = *epoch << 4 | (uint64_t)(digit - DIGITS);
    }
    return text.n == 16;
}

bool cluster_may_clear_own(const struct core *c)
{
    return c->now >= c->cluster->settled_at + c->settings.lease_ms;
}

static bool may_clear(const struct core *c, struct span node)
{
    return !span_eq(node, cluster_self(c)) || cluster_may_clear_own(c);
}

static void clear_dead(struct core *c, struct span text)
{
    struct cluster *cl = c->cluster;
    const char *space = span_find(text, ' ');
    size_t n = space ? (size_t)(space - text.p) : 0;
    if (n == 0 || n > NODE_MAX || cl->clearing || !may_clear(c, (struct span){text.p, n}))
        return;
    if (!read_epoch((struct span){space + 1, text.n - n - 1}, &cl->dead_epoch))
        return;
    memcpy(cl->dead, text.p, n);
    cl->dead[n] = '\0';
    ask_clear(c);
}

static void lose(struct core *c, uint64_t n)
{
    c->stats.bus_lost_total += n;
    notice(c, NOTICE_BUS_LOST, "announcements", NULL);
    shared_all_stale(c);
}

static void renewed(struct core *c, const struct core_bus_answer *a)
{
    struct cluster *cl = c->cluster;
    cl->renewing = 0;
    cl->good_until = c->now + c->settings.lease_ms;
    if (cl->heard < cl->owed) {
        uint64_t n = cl->owed - cl->heard;
        cl->heard = cl->owed;
        lose(c, n);
    }
    cl->owed = a->number;
    clear_dead(c, a->text);
}

static void tell_cleared(struct core *c, const struct core_bus_seat *seat)
{
    struct bus_entry e;
    c->stats.bus_cleared_total++;
    if (bus_entry_read(seat->entry, &e))
        webhook_seat_cleared(c, seat->room, seat->peer, &e.introduction);
}

static void cleared(struct core *c, const struct core_bus_answer *a)
{
    c->cluster->clearing = 0;
    for (size_t i = 0; i < a->seats_n; i++)
        tell_cleared(c, &a->seats[i]);
    if (a->number > 0)
        ask_clear(c);
    else
        ask_renew(c); /* there may be another one */
}

/* ---- answers ---- */

/* Of the cluster's own operations. */
static bool is_own(struct core *c, const struct core_bus_answer *a)
{
    struct cluster *cl = c->cluster;
    bool own = a->job && (a->job == cl->registering || a->job == cl->renewing || a->job == cl->clearing);
    if (!own)
        return false;
    if (a->job == cl->registering)
        registered(c, a);
    else if (a->outcome != BUS_OK)
        cluster_fails(c);
    else if (a->job == cl->renewing)
        renewed(c, a);
    else
        cleared(c, a);
    return true;
}

static void of_client(struct core *c, struct pending *e, const struct core_bus_answer *a)
{
    if (e->kind == PENDING_BUS_JOIN)
        on_join_answered(c, e, a);
    else if (e->kind == PENDING_BUS_RESUME)
        on_resume_answered(c, e, a);
    else if (e->kind == PENDING_BUS_REST)
        bus_rest_answered(c, e, a);
    else
        bus_name_answered(c, e, a);
    session_answered(c, e->conn);
    pending_free(e);
}

void cluster_answered(struct core *c, const struct core_bus_answer *a)
{
    struct cluster *cl = c->cluster;
    if (!cl || cl->state == CLUSTER_DOWN) {
        struct pending *left = cl ? pending_take_asked(c, a->job) : NULL;
        if (left)
            of_client(c, left, a);
        return;
    }
    if (a->outcome == BUS_EPOCH && cl->state == CLUSTER_UP) {
        lose_epoch(c); /* what waited for this answer is given up with all else */
        return;
    }
    if (is_own(c, a))
        return;
    struct pending *e = pending_take_asked(c, a->job);
    if (a->outcome == BUS_FAILED)
        cluster_fails(c);
    if (e)
        of_client(c, e, a);
    else if (a->outcome != BUS_FAILED)
        shared_synced(c, a);
}

void cluster_unheard(struct core *c, struct conn_id conn)
{
    if (!c->cluster)
        return;
    struct session *s = session_find(c, conn);
    c->stats.bus_unheard_total++;
    notice(c, NOTICE_UNHEARD, "nobody listens on that node's channel", NULL);
    if (s && session_listens(s))
        session_refuse(c, s,
            &(struct reply_error){.error = ERROR_NO_SUCH_PEER,
                .problem = "that peer's server does not answer: try again",
                .retry_after_ms = UNHEARD_RETRY_MS});
}

void cluster_leave(struct core *c)
{
    if (cluster_is_up(c))
        cluster_do(c, &(struct core_bus){.op = BUS_UNREGISTER, .lease_ms = c->settings.lease_ms});
}

/* ---- time ---- */

static void give_up_late(struct core *c)
{
    while (c->asked && c->asked->at <= c->now) {
        struct pending *e = pending_take_asked(c, c->asked->job);
        of_client(c, e, &(struct core_bus_answer){.job = e->job, .outcome = BUS_OUTCOMES}); /* none came */
    }
}

/* What was doubtful is looked at once more. */
static void settle(struct core *c)
{
    struct cluster *cl = c->cluster;
    if (!cl->settled_at || c->now < cl->settled_at || cl->settling)
        return;
    cl->settling = true;
    shared_all_stale(c);
}

void cluster_tick(struct core *c)
{
    struct cluster *cl = c->cluster;
    if (!cl)
        return;
    give_up_late(c);
    if (cl->state == CLUSTER_ASKING && cl->due <= c->now)
        ask_register(c);
    if (cl->state != CLUSTER_UP)
        return;
    if (cl->good_until <= c->now) {
        lose_epoch(c);
        return;
    }
    if (cl->due <= c->now)
        ask_renew(c);
    settle(c);
    if (c->draining)
        return;
    shared_tick(c);
    bus_names_tick(c);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t cluster_due(const struct core *c)
{
    const struct cluster *cl = c->cluster;
    if (!cl)
        return UINT64_MAX;
    uint64_t due = c->asked ? c->asked->at : UINT64_MAX;
    if (cl->state == CLUSTER_DOWN)
        return due;
    due = least(due, cl->due);
    if (cl->state == CLUSTER_ASKING)
        return due;
    due = least(due, cl->good_until);
    if (!cl->settling)
        due = least(due, cl->settled_at);
    return !c->draining && (shared_is_due(c) || bus_names_due(c)) ? c->now : due;
}
