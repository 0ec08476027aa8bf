/* SPDX-License-Identifier: MIT
 *
 * The other servers. Nothing happens here where only one was named. Else they are looked at by probes (PEER_FX_PROBE),
 * which cost a server one request and one connection that joins nothing:
 *
 *     a try that failed, or takes long   those that were not tried yet: the next try is of one that is well, so that
 *                                        dead ones cost no time; a server that only hangs is left for it
 *     in the room, on a later server     those that come before it, every half minute: back to the first that is well
 *     in the room, in a cluster          all of it, and whoever may belong to it, now and then: to the nearest
 *
 * A decision waits until no probe is under way, so that it is one move and not several. What a probe found is a hint;
 * session.c goes back if the welcome says otherwise.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/session.h"
#include "peer/core/port/effects.h"

void session_look_at(struct peer *p, uint64_t at)
{
    struct session *s = &p->session;
    s->look_at = s->servers.n > 1 ? at : NEVER;
    if (s->look_at != NEVER)
        effect_wake(p, s->look_at);
}

void session_measure(struct peer *p)
{
    p->session.measure_at = p->now + SETTLE_MS;
    session_look_at(p, p->session.measure_at);
}

static void probe(struct peer *p, unsigned server, unsigned samples)
{
    struct servers *all = &p->session.servers;
    if (servers_is_probed(all, server, p->now) || !effect_probe(p, server, samples))
        return;
    servers_probe(all, server, samples, p->now);
    effect_wake(p, all->v[server].probe_until);
}

/* None works: which of the others does? */
void session_look_for_another(struct peer *p)
{
    struct session *s = &p->session;
    if (s->servers.n == 1)
        return;
    for (unsigned i = 0; i < s->servers.n; i++)
        if (i != s->server && !s->servers.v[i].tried && !servers_is_well(&s->servers, i, p->now))
            probe(p, i, 1);
    session_look_at(p, p->now + PROBE_AGAIN_MS);
}

static bool is_in_a_cluster(const struct session *s)
{
    const struct server *ours = &s->servers.v[s->server];
    return ours->cluster[0] && ours->changes < FICKLE_MAX;
}

static bool one_comes_before(const struct session *s)
{
    for (unsigned i = 0; i < s->servers.n; i++)
        if (servers_is_before(&s->servers, i, s->server))
            return true;
    return false;
}

static void measure(struct peer *p)
{
    struct session *s = &p->session;
    for (unsigned i = 0; i < s->servers.n; i++)
        if (servers_are_one(&s->servers, i, s->server) || !s->servers.v[i].heard)
            probe(p, i, MEASURE_SAMPLES);
    s->measure_at = p->now + effect_jitter(p, MEASURE_MS);
}

/* Is there a better one than ours? */
static void look_for_a_better(struct peer *p)
{
    struct session *s = &p->session;
    bool cluster = is_in_a_cluster(s);
    if (cluster && p->now >= s->measure_at)
        measure(p);
    for (unsigned i = 0; i < s->servers.n; i++)
        if (servers_is_before(&s->servers, i, s->server) && !servers_is_avoided(&s->servers, i, p->now))
            probe(p, i, 1);
    uint64_t at = one_comes_before(s) ? p->now + effect_jitter(p, EARLIER_MS) : NEVER;
    session_look_at(p, cluster && s->measure_at < at ? s->measure_at : at);
}

/* Whether the server that is tried takes so long that another one, which is well, is taken instead. */
static bool is_slow(struct peer *p)
{
    struct session *s = &p->session;
    bool other = false;
    if (s->moving || (s->state != SESSION_CONNECTING && s->state != SESSION_CONNECTED))
        return false;
    for (unsigned i = 0; i < s->servers.n; i++)
        other = other || (i != s->server && !s->servers.v[i].tried && servers_is_well(&s->servers, i, p->now));
    if (other && p->now < s->began + HEDGE_MS)
        effect_wake(p, s->began + HEDGE_MS);
    return other && p->now >= s->began + HEDGE_MS;
}

static void move_to_the_best(struct peer *p)
{
    struct session *s = &p->session;
    if (s->state != SESSION_JOINED || servers_any_probed(&s->servers, p->now))
        return;
    unsigned best = servers_better(&s->servers, s->server, p->now);
    if (best == s->server)
        return;
    effect_log(
        p, LOG_LEVEL_INFO, "move", "to another server: it is nearer, or was named before this one", NULL, SPAN(""));
    session_move(p, best);
}

void session_look(struct peer *p)
{
    struct session *s = &p->session;
    if (s->servers.n == 1 || s->state == SESSION_IDLE)
        return;
    if (is_slow(p))
        session_hop(p);
    if (p->now < s->look_at)
        effect_wake(p, s->look_at);
    else if (s->state == SESSION_JOINED)
        look_for_a_better(p);
    else if (!s->moving && s->state <= SESSION_CONNECTED)
        session_look_for_another(p);
    for (unsigned i = 0; i < s->servers.n; i++) /* one that is lost ends a wait, too */
        if (servers_is_probed(&s->servers, i, p->now))
            effect_wake(p, s->servers.v[i].probe_until);
    move_to_the_best(p);
}

void session_probed(struct peer *p, unsigned server, uint64_t ms, struct span cluster)
{
    struct session *s = &p->session;
    assert(server < s->servers.n);
    bool was_one = servers_are_one(&s->servers, server, s->server);
    if (!servers_probed(&s->servers, server, ms, p->now))
        return;
    if (ms)
        servers_welcomed(&s->servers, server, cluster);
    if (s->state == SESSION_JOINED && server != s->server && servers_are_one(&s->servers, server, s->server)) {
        if (ms == 0 && s->measure_at > p->now + MEASURE_LACKING_MS)
            s->measure_at = p->now + MEASURE_LACKING_MS;
        if (!was_one && ms && !s->servers.v[server].distance_ms)
            s->measure_at = p->now; /* it was only asked whether it is there */
        if (s->measure_at < s->look_at)
            s->look_at = s->measure_at;
    }
    session_look(p);
}
