/* SPDX-License-Identifier: MIT
 *
 * Waiting is running the world in small steps until a condition holds, with a bound in virtual time.
 */
#include "tests/sim/run.h"

#include <assert.h>

enum {
    LOOK_MS = 100,
    CALM_MS = 20,
    TREE_MS = 600,     /* for a message to get everywhere and the prunes back */
    TREE_AUTHORS = 12, /* whose trees are judged */
    MESH = 8,
    MEET_MS = 3000,
    MEET_MANY_MS = 60000,
    HEAR_MS = 5000,
};

void run_init(struct run *r, const struct world_options *options)
{
    *r = (struct run){.pace_ms = 1000};
    r->w = world_new(options);
    r->wires = wire_net_new(r->w);
    r->rtcs = rtc_net_new(r->w);
    r->keys = key_ring_new();
    r->peer_oracle = peer_oracle_new(r->w);
}

void run_done(struct run *r)
{
    for (unsigned i = 0; i < r->people_count; i++)
        peerhost_free(r->people[i]);
    peerhost_free(r->twin);
    crowd_free(r->crowd);
    rest_client_free(r->rest_client);
    for (unsigned i = 0; i < r->daemon_count; i++)
        daemon_free(r->daemons[i]);
    peer_oracle_free(r->peer_oracle);
    key_ring_free(r->keys);
    rtc_net_free(r->rtcs);
    wire_net_free(r->wires);
    world_free(r->w);
}

struct daemon *run_add_daemon(struct run *r, const struct core_settings *settings)
{
    return r->daemons[r->daemon_count++] = daemon_new(r->w, settings);
}

void run_add_daemons(struct run *r, unsigned n)
{
    struct core_settings settings = daemon_settings();
    while (n-- > 0)
        run_add_daemon(r, &settings);
}

struct peerhost *run_add_person(struct run *r, const char *room, const char *name)
{
    unsigned who = r->people_count++;
    struct peerhost_world in = {r->w, r->wires, r->rtcs, r->peer_oracle, r->daemons, r->daemon_count, r->people};
    r->pairs[who] = key_ring_add(r->keys, world_rng(r->w));
    return r->people[who] = peerhost_new(&in, who, room, name, r->pairs[who]);
}

struct peerhost *run_add_twin(struct run *r, unsigned who)
{
    struct peerhost_world in = {r->w, r->wires, r->rtcs, NULL, r->daemons, r->daemon_count, r->people};
    assert(!r->twin);
    return r->twin = peerhost_twin(&in, r->people[who], r->pairs[who]);
}

void run_for(struct run *r, uint64_t ms)
{
    world_run(r->w, world_now(r->w) + ms);
}

/* The first pair that is not linked as it should be; false if there is none. */
static bool unlinked(const struct run *r, unsigned *a, unsigned *b)
{
    for (unsigned i = 0; i < r->people_count; i++)
        for (unsigned k = 0; k < r->people_count; k++) {
            bool both = i != k && peerhost_is_up(r->people[i]) && peerhost_is_up(r->people[k]);
            if (both != peer_oracle_up(r->peer_oracle, i, k) && peerhost_is_up(r->people[i])) {
                *a = i;
                *b = k;
                return true;
            }
        }
    return false;
}

bool run_all_linked(const struct run *r)
{
    unsigned a, b;
    return !unlinked(r, &a, &b);
}

void run_until_linked(struct run *r, uint64_t ms)
{
    unsigned a, b;
    for (uint64_t end = world_now(r->w) + ms; unlinked(r, &a, &b);) {
        world_check(r->w, world_now(r->w) < end, "after %llu ms %u still believes that %u is %s",
            (unsigned long long)ms, a, b, peer_oracle_up(r->peer_oracle, a, b) ? "up" : "not up");
        run_for(r, LOOK_MS);
    }
}

static size_t pending(const struct run *r)
{
    size_t n = 0;
    for (unsigned i = 0; i < r->people_count; i++)
        if (peerhost_is_up(r->people[i]))
            n += peer_pending(peerhost_core(r->people[i]));
    return n;
}

void run_until_delivered(struct run *r, uint64_t ms)
{
    uint64_t end = world_now(r->w) + ms;
    while ((!peer_oracle_kept(r->peer_oracle) || pending(r) > 0) && world_now(r->w) < end)
        run_for(r, LOOK_MS);
    peer_oracle_check(r->peer_oracle);
    world_check(r->w, pending(r) == 0, "all is delivered and %zu messages are pending", pending(r));
}

/* ---- the tree ---- */

static unsigned root_of(unsigned *parent, unsigned i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static unsigned person_of(const struct run *r, const char *id)
{
    unsigned i = 0;
    while (i < r->people_count && strcmp(peerhost_id(r->people[i]), id) != 0)
        i++;
    return i;
}

/* Who runs and can be reached from there. */
static size_t island_of(const struct run *r, const struct peerhost *h, bool on[PEOPLE_MAX])
{
    size_t n = 0;
    for (unsigned i = 0; i < r->people_count; i++) {
        on[i] = peerhost_is_up(r->people[i]) && world_reachable(r->w, peerhost_host(h), peerhost_host(r->people[i]));
        n += on[i];
    }
    return n;
}

/* NULL, or what is wrong with the tree of an author: either end may push along an edge. */
static const char *tree_is_wrong(const struct run *r, const struct peerhost *author)
{
    struct span id = span_of(peerhost_id(author));
    unsigned parent[PEOPLE_MAX], edges = 0, joined = 0, n = r->people_count;
    bool edge[PEOPLE_MAX][PEOPLE_MAX] = {{false}}, on[PEOPLE_MAX];
    size_t members = island_of(r, author, on);
    for (unsigned i = 0; i < n; i++) {
        char ids[PEOPLE_MAX][PERSON_MAX + 1];
        parent[i] = i;
        for (size_t k = on[i] ? peer_tree(peerhost_core(r->people[i]), id, ids, PEOPLE_MAX) : 0; k-- > 0;) {
            unsigned other = person_of(r, ids[k]);
            if (other < n)
                edge[i < other ? i : other][i < other ? other : i] = true;
        }
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = i + 1; k < n; k++) {
            unsigned a = root_of(parent, i), b = root_of(parent, k);
            if (edge[i][k] && on[i] != on[k])
                return "leaves its island";
            edges += edge[i][k];
            joined += edge[i][k] && a != b;
            if (edge[i][k])
                parent[a] = b;
        }
    return joined + 1 < members ? "does not span its island" : edges > joined ? "has a circle" : NULL;
}

void run_calm(struct run *r)
{
    for (unsigned i = 0; i < r->people_count; i++)
        world_weather(r->w, peerhost_host(r->people[i]), (struct weather){.latency_ms = CALM_MS});
}

void run_until_tree(struct run *r, uint64_t ms)
{
    uint64_t end = world_now(r->w) + ms;
    unsigned authors = r->people_count < TREE_AUTHORS ? r->people_count : TREE_AUTHORS;
    bool right[PEOPLE_MAX] = {false};
    for (unsigned i = 0, left = authors; left > 0; i++) {
        unsigned who = i % authors;
        if (right[who])
            continue;
        const char *wrong = NULL;
        if (peerhost_is_up(r->people[who])) {
            run_say(r, r->people[who]);
            run_for(r, TREE_MS);
            wrong = tree_is_wrong(r, r->people[who]);
        }
        world_check(r->w, !wrong || world_now(r->w) < end, "after %llu ms the tree of %u %s", (unsigned long long)ms,
            who, wrong);
        right[who] = !wrong;
        left -= !wrong;
    }
}

void run_gather(struct run *r, const struct world_options *options, unsigned people, unsigned started)
{
    struct core_settings settings = daemon_settings();
    run_init(r, options);
    run_add_daemon(r, &settings);
    for (unsigned i = 0; i < people; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", i);
        struct peerhost *h = run_add_person(r, "room", name);
        if (i < started)
            peerhost_start(h);
    }
}

void run_befriend(struct run *r, const struct world_options *options, unsigned people)
{
    run_gather(r, options, people, people);
    run_until_linked(r, people > MESH ? MEET_MANY_MS : MEET_MS);
    run_say_all(r);
    run_until_delivered(r, HEAR_MS);
}

void run_say_all(struct run *r)
{
    for (unsigned i = 0; i < r->people_count; i++)
        if (peerhost_is_up(r->people[i]))
            run_say(r, r->people[i]);
}

void run_say(struct run *r, struct peerhost *h)
{
    (void)r;
    peerhost_send(h, NULL, 0);
}

void run_tell(struct run *r, struct peerhost *from, const struct peerhost *to)
{
    (void)r;
    peerhost_send(from, &to, 1);
}
