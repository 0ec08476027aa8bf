/* SPDX-License-Identifier: MIT
 *
 * What messages to everybody cost when nobody waits for the others: all at once in rooms of 12 to 64, and a storm of them
 * while people are killed and come back. Counted are frames with the message, on all links together, a message and member.
 */
#include <stdio.h>

#include "tests/sim/stories.h"

enum {
    SETTLING = 4,
    ROUNDS = 3,
    BREATH_MS = 5,
    ROUND_MS = 1000,
    LINGER_MS = 65000, /* the links of the small room that this was have gone */
    STORM_PEOPLE = 8,
    STORM_ROUNDS = 20,
    STORM_BURST = 10,
    STORM_ROUND_MS = 100,
    AWAY_MS = 500
};

struct cost {
    uint64_t pushed, alone, handed, filled;
};

static void add_cost(struct cost *c, const struct peerhost *h)
{
    const struct peer_stats *s = peerhost_stats(h);
    c->pushed += s->pushed_total;
    c->alone += s->alone_total;
    c->handed += s->handed_total;
    c->filled += s->filled_total;
}

static struct cost cost_of_all(const struct run *r)
{
    struct cost c = {0};
    for (unsigned i = 0; i < r->people_count; i++)
        add_cost(&c, r->people[i]);
    return c;
}

static double show(const char *what, const struct run *r, const struct cost *c, unsigned messages)
{
    double all = (double)messages * (r->people_count - 1), sum = (double)(c->pushed + c->alone + c->handed) / all;
    printf("# %u %s: %.2f frames a member with the message: %.2f pushed, %.2f handed, %.2f alone\n", r->people_count,
        what, sum, (double)c->pushed / all, (double)c->handed / all, (double)c->alone / all);
    return sum;
}

static void gather(struct run *r, const struct world_options *options, unsigned people, struct weather weather)
{
    run_gather(r, options, people, people);
    for (unsigned i = 0; i < people; i++)
        world_weather(r->w, peerhost_host(r->people[i]), weather);
    run_until_linked(r, 60000);
}

/* Paths so uneven, and voices so close to each other, that much of what is said overtakes what it depends on. */
static void at_once(struct run *r, const struct world_options *options, unsigned people)
{
    gather(r, options, people, (struct weather){.latency_ms = 10, .jitter_ms = 60});
    run_for(r, LINGER_MS);
    struct cost before = {0};
    for (unsigned i = 0; i < SETTLING + ROUNDS; i++) {
        if (i == SETTLING)
            before = cost_of_all(r);
        for (unsigned k = 0; k < people; k++) {
            run_say(r, r->people[k]);
            run_for(r, BREATH_MS);
        }
        run_for(r, ROUND_MS);
    }
    run_until_delivered(r, 60000);
    struct cost c = cost_of_all(r);
    c.pushed -= before.pushed;
    c.alone -= before.alone;
    c.handed -= before.handed;
    double sum = show("at once", r, &c, ROUNDS * people);
    world_check(r->w, sum <= 1.2, "a message costs %.2f frames a member", sum);
    world_check(r->w, c.handed <= c.pushed / 50, "%llu messages came out of histories that were in flight",
        (unsigned long long)c.handed);
}

void story_twelve_at_once(struct run *r, const struct world_options *options)
{
    at_once(r, options, 12);
}

void story_all_at_once(struct run *r, const struct world_options *options)
{
    at_once(r, options, 64);
}

static void until_heard(struct run *r, size_t messages, uint64_t ms)
{
    uint64_t end = world_now(r->w) + ms;
    for (unsigned i = 0; i < r->people_count; i++)
        while (peer_oracle_heard(r->peer_oracle, i) < messages) {
            world_check(r->w, world_now(r->w) < end, "%u has %zu messages of %zu", i,
                peer_oracle_heard(r->peer_oracle, i), messages);
            run_for(r, STORM_ROUND_MS);
        }
}

/* What somebody missed while he was away several others have: each of it is to come once. */
void story_storm(struct run *r, const struct world_options *options)
{
    static const unsigned victims[] = {2, 5, 0, 7, 2, 4};
    struct cost c = {0};
    gather(r, options, STORM_PEOPLE, (struct weather){.latency_ms = 10, .jitter_ms = 20});
    for (unsigned i = 0; i < STORM_ROUNDS; i++) {
        for (unsigned n = 0; n < STORM_BURST; n++)
            run_say_all(r);
        run_for(r, STORM_ROUND_MS);
        if (i % 3 == 2) {
            struct peerhost *victim = r->people[victims[i / 3]];
            add_cost(&c, victim);
            peerhost_crash(victim);
            run_for(r, AWAY_MS);
            peerhost_start(victim);
        }
        if (i % 10 == 4) {
            daemon_crash(r->daemons[0], 0);
            run_for(r, AWAY_MS);
            daemon_start(r->daemons[0]);
        }
    }
    unsigned messages = STORM_PEOPLE * STORM_ROUNDS * STORM_BURST;
    uint64_t end = world_now(r->w);
    until_heard(r, messages, 10000);
    end = world_now(r->w) - end;
    run_until_delivered(r, 60000);
    struct cost last = cost_of_all(r);
    c = (struct cost){c.pushed + last.pushed, c.alone + last.alone, c.handed + last.handed, c.filled + last.filled};
    show("in a storm", r, &c, messages);
    double each = (double)c.handed / (double)c.filled;
    printf("# %.2f handed for each that was lacked; all have all after %.1f s\n", each, (double)end / 1000);
    world_check(r->w, each <= 1.5, "%.2f messages handed for each that was lacked", each);
    world_check(r->w, c.alone <= c.filled / 10, "%llu messages sent alone", (unsigned long long)c.alone);
}
