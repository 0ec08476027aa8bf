/* SPDX-License-Identifier: MIT
 *
 * What a group message costs in a room of 64 once the speakers' trees have settled: frames a member, counted on the links.
 */
#include <stdio.h>

#include "tests/sim/stories.h"

enum {
    PEOPLE = 64,
    SPEAKERS = 10,
    ROUNDS = SPEAKERS,
    LINGER_MS = 65000, /* the links of the small room that this was have gone */
    DEPTH_MAX = 6
};

static double a_member(uint64_t frames, unsigned messages)
{
    return (double)frames / messages / (PEOPLE - 1);
}

/* Over every link, but not back to where it came from. */
static double flooded(const struct run *r)
{
    uint64_t ends = 0;
    for (unsigned i = 0; i < r->people_count; i++)
        ends += peerhost_rtcs(r->people[i]);
    return a_member(ends - (PEOPLE - 1), 1);
}

static void count(struct run *r, const char *who, unsigned speakers)
{
    struct traffic *t = peer_oracle_traffic(r->peer_oracle);
    *t = (struct traffic){0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        run_say(r, r->people[i % speakers]);
        run_for(r, 1000);
    }
    double payload = a_member(t->pushed + t->alone, ROUNDS);
    printf("# room of 64, %s: %.2f frames a member with the message, %.2f announcements, %.2f receipts; %u deep "
           "(flooding: %.2f)\n",
        who, payload, a_member(t->announcements, ROUNDS), a_member(t->receipts, ROUNDS), t->depth, flooded(r));
    world_check(r->w, payload <= 1.2, "a message costs %.2f frames a member", payload);
    world_check(r->w, t->depth <= DEPTH_MAX, "a message is %u deep", t->depth);
}

void story_room_of_64(struct run *r, const struct world_options *options)
{
    run_gather(r, options, PEOPLE, PEOPLE);
    run_until_linked(r, 60000);
    run_for(r, LINGER_MS);
    for (unsigned i = 0; i < 2 * SPEAKERS; i++) {
        run_say(r, r->people[i % SPEAKERS]);
        run_for(r, 1000);
    }
    run_until_delivered(r, 60000);
    count(r, "one speaks", 1);
    count(r, "ten in turn", SPEAKERS);
}
