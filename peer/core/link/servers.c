/* SPDX-License-Identifier: MIT
 *
 * Which server. The order of two is that of their ranks: a server's rank is its index, or that of the first one of its
 * cluster. Within a cluster distance decides, and only if it differs by more than two measurements of one server do:
 * else a peer would wander between two that are equally far.
 *
 * What a server says of its cluster is believed, since whoever named the server trusts it so far; but one that says
 * something else each time (a proxy before unrelated daemons, say) would have its peers move for ever. After FICKLE_MAX
 * changes it stands alone, as one that names none.
 */
#include <assert.h>
#include <string.h>

#include "peer/core/bounds.h"
#include "peer/core/link/servers.h"
#include "peer/core/port/effects.h"

void servers_init(struct servers *s, unsigned n)
{
    assert(n > 0 && n <= SERVERS_MAX);
    *s = (struct servers){.n = n};
}

static struct server *server_at(struct servers *s, unsigned i)
{
    assert(i < s->n);
    return &s->v[i];
}

void servers_welcomed(struct servers *s, unsigned i, struct span cluster)
{
    struct server *server = server_at(s, i);
    bool same = span_is(cluster, server->cluster);
    server->changes += server->heard && !same;
    server->heard = true;
    if (!same && !text_copy(server->cluster, sizeof server->cluster, cluster))
        server->cluster[0] = '\0';
}

void servers_probe(struct servers *s, unsigned i, unsigned samples, uint64_t now)
{
    struct server *server = server_at(s, i);
    assert(samples > 0);
    server->samples = samples;
    server->probe_until = now + PROBE_LOST_MS;
}

bool servers_is_probed(const struct servers *s, unsigned i, uint64_t now)
{
    assert(i < s->n);
    return s->v[i].samples > 0 && now < s->v[i].probe_until;
}

bool servers_any_probed(const struct servers *s, uint64_t now)
{
    for (unsigned i = 0; i < s->n; i++)
        if (servers_is_probed(s, i, now))
            return true;
    return false;
}

bool servers_probed(struct servers *s, unsigned i, uint64_t ms, uint64_t now)
{
    struct server *server = server_at(s, i);
    if (server->samples == 0)
        return false;
    server->health = ms ? SERVER_WELL : SERVER_DEAD;
    server->health_at = now;
    if (ms == 0)
        server->distance_ms = 0;
    else if (server->samples > 1)
        server->distance_ms = ms;
    server->samples = 0;
    return true;
}

void servers_failed(struct servers *s, unsigned i, uint64_t now)
{
    struct server *server = server_at(s, i);
    server->tried = true;
    server->health = SERVER_DEAD;
    server->health_at = now;
}

void servers_avoid(struct servers *s, unsigned i, uint64_t until)
{
    server_at(s, i)->avoid_until = until;
}

void servers_wait(struct servers *s, unsigned i, uint64_t until)
{
    server_at(s, i)->wait_until = until;
    servers_avoid(s, i, until);
}

void servers_failed_move(struct servers *s, unsigned i, bool refused, uint64_t now)
{
    struct server *server = server_at(s, i);
    server->refusals += refused && server->refusals < MOVE_AGAIN_DOUBLINGS;
    uint64_t pause = (uint64_t)MOVE_AGAIN_MS << (refused ? server->refusals : 0);
    server->avoid_until = now + pause;
    server->health = SERVER_DEAD;
    server->health_at = now;
}

void servers_settled(struct servers *s, unsigned i, uint64_t now)
{
    struct server *server = server_at(s, i);
    for (unsigned k = 0; k < s->n; k++) {
        s->v[k].tried = false;
        s->v[k].distance_ms = 0;
    }
    server->health = SERVER_WELL;
    server->health_at = now;
    server->avoid_until = 0;
    server->refusals = 0;
}

bool servers_are_one(const struct servers *s, unsigned a, unsigned b)
{
    assert(a < s->n && b < s->n);
    const struct server *one = &s->v[a], *other = &s->v[b];
    return a == b || (one->cluster[0] && one->changes < FICKLE_MAX && other->changes < FICKLE_MAX &&
                         strcmp(one->cluster, other->cluster) == 0);
}

bool servers_may_share(const struct servers *s, unsigned a, unsigned b)
{
    return servers_are_one(s, a, b) || (!s->v[a].cluster[0] && !s->v[b].cluster[0]);
}

static unsigned rank(const struct servers *s, unsigned i)
{
    unsigned first = 0;
    while (!servers_are_one(s, first, i))
        first++;
    return first;
}

bool servers_is_before(const struct servers *s, unsigned i, unsigned current)
{
    return rank(s, i) < rank(s, current);
}

bool servers_is_avoided(const struct servers *s, unsigned i, uint64_t now)
{
    assert(i < s->n);
    return now < s->v[i].avoid_until;
}

uint64_t servers_waits_until(const struct servers *s)
{
    uint64_t first = s->v[0].wait_until;
    for (unsigned i = 1; i < s->n; i++)
        first = s->v[i].wait_until < first ? s->v[i].wait_until : first;
    return first;
}

static enum server_health health_of(const struct servers *s, unsigned i, uint64_t now)
{
    return now < s->v[i].health_at + HEALTH_FRESH_MS ? s->v[i].health : SERVER_UNKNOWN;
}

bool servers_is_well(const struct servers *s, unsigned i, uint64_t now)
{
    return health_of(s, i, now) == SERVER_WELL && !servers_is_avoided(s, i, now);
}

bool servers_all_tried(const struct servers *s)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!s->v[i].tried)
            return false;
    return true;
}

void servers_new_round(struct servers *s)
{
    for (unsigned i = 0; i < s->n; i++)
        s->v[i].tried = false;
}

/* The smaller the better. */
static unsigned doubt(const struct servers *s, unsigned i, uint64_t now)
{
    static const unsigned DOUBTS[] = {[SERVER_WELL] = 0, [SERVER_UNKNOWN] = 1, [SERVER_DEAD] = 2};
    return servers_is_avoided(s, i, now) ? 3 : DOUBTS[health_of(s, i, now)];
}

unsigned servers_next(const struct servers *s, uint64_t now)
{
    bool all = servers_all_tried(s);
    unsigned best = s->n;
    for (unsigned i = 0; i < s->n; i++) {
        if (!all && s->v[i].tried)
            continue;
        if (best == s->n || doubt(s, i, now) < doubt(s, best, now) ||
            (doubt(s, i, now) == doubt(s, best, now) && rank(s, i) < rank(s, best)))
            best = i;
    }
    assert(best < s->n);
    return best;
}

/* Of those of one cluster; one that was not measured is farthest. */
static bool nearer(const struct servers *s, unsigned a, unsigned b)
{
    uint64_t one = s->v[a].distance_ms, other = s->v[b].distance_ms;
    return one && (!other || one < other);
}

/* Among those that come before `current`, the first cluster's nearest. */
static unsigned first_before(const struct servers *s, unsigned current, uint64_t now)
{
    unsigned best = current;
    for (unsigned i = 0; i < s->n; i++) {
        if (!servers_is_well(s, i, now) || !servers_is_before(s, i, current))
            continue;
        if (servers_is_before(s, i, best) || (servers_are_one(s, i, best) && nearer(s, i, best)))
            best = i;
    }
    return best;
}

unsigned servers_better(const struct servers *s, unsigned current, uint64_t now)
{
    unsigned best = first_before(s, current, now);
    if (best != current || !s->v[current].distance_ms)
        return best;
    for (unsigned i = 0; i < s->n; i++)
        if (servers_is_well(s, i, now) && servers_are_one(s, i, current) && nearer(s, i, best))
            best = i;
    uint64_t here = s->v[current].distance_ms, there = s->v[best].distance_ms;
    return there + NEARER_MS < here && there + here / NEARER_PART < here ? best : current;
}
