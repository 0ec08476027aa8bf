/* SPDX-License-Identifier: MIT
 *
 * Stories of people: how they meet, lose each other and find each other again.
 */
#include "tests/sim/stories.h"

static unsigned all_flaps(const struct run *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->people_count; i++)
        for (unsigned k = 0; k < r->people_count; k++)
            n += peer_oracle_flaps(r->peer_oracle, i, k);
    return n;
}

void story_two_meet(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 2, 2);
    run_until_linked(r, 1000);
    run_say(r, r->people[0]);
    run_tell(r, r->people[1], r->people[0]);
    run_until_delivered(r, 1000);
    world_check(r->w, peer_oracle_delivered(r->peer_oracle) == 2, "not delivered");
    world_check(r->w, all_flaps(r) == 2, "%u notices for two links", all_flaps(r));
    world_check(
        r->w, strcmp(peerhost_state(r->people[0]), "p2p-connected") == 0, "state is %s", peerhost_state(r->people[0]));
    run_for(r, 600000);
    world_check(r->w, all_flaps(r) == 2 && peerhost_rtcs(r->people[0]) == 1, "peace is not quiet");
}

void story_eight_meet(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 8, 8);
    run_until_linked(r, 3000);
    run_say_all(r);
    run_until_delivered(r, 2000);
    world_check(r->w, peer_oracle_delivered(r->peer_oracle) == 56, "%llu of 56 delivered",
        (unsigned long long)peer_oracle_delivered(r->peer_oracle));
    /* Somebody may be told of as reached through others first. */
    world_check(r->w, all_flaps(r) >= 56 && all_flaps(r) <= 2 * 56, "%u notices for 56 links", all_flaps(r));
    for (unsigned i = 0; i < 8; i++)
        world_check(r->w, peerhost_rtcs(r->people[i]) == 7, "%u has %zu connections", i, peerhost_rtcs(r->people[i]));
}

void story_daemon_returns(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    run_until_linked(r, 2000);
    for (int mute = 0; mute < 2; mute++) {
        daemon_crash(r->daemons[0], mute);
        run_for(r, 90000);
        run_say_all(r);
        run_until_delivered(r, 2000);
        daemon_start(r->daemons[0]);
        run_for(r, 90000);
        for (unsigned i = 0; i < 3; i++)
            world_check(r->w, strcmp(peerhost_state(r->people[i]), "p2p-connected") == 0, "%u is %s", i,
                peerhost_state(r->people[i]));
    }
    world_check(r->w, all_flaps(r) == 6, "%u notices for 6 links", all_flaps(r));
    world_check(r->w, peerhost_rtcs(r->people[0]) == 2, "%zu connections", peerhost_rtcs(r->people[0]));
    run_say_all(r);
    run_until_delivered(r, 2000);
}

void story_first_of_two_servers(struct run *r, const struct world_options *options)
{
    run_init(r, options);
    run_add_daemons(r, 2);
    for (unsigned i = 0; i < 4; i++)
        peerhost_start(run_add_person(r, "room", "p"));
    run_until_linked(r, 3000);
    run_for(r, 3000); /* somebody may be told of as reached through others first */
    unsigned before = all_flaps(r);
    for (int mute = 0; mute < 2; mute++) {
        daemon_crash(r->daemons[0], mute);
        run_say_all(r);
        run_for(r, mute ? 60000 : 5000); /* a machine that is gone without a word is missed by its pings */
        for (unsigned i = 0; i < 4; i++)
            world_check(r->w, peerhost_server(r->people[i]) == 1, "%u is not on the other server", i);
        run_say_all(r);
        run_until_delivered(r, 2000);
        daemon_start(r->daemons[0]);
        run_for(r, 45000);
        for (unsigned i = 0; i < 4; i++)
            world_check(r->w,
                peerhost_server(r->people[i]) == 0 && strcmp(peerhost_state(r->people[i]), "p2p-connected") == 0,
                "%u is not back on the first server", i);
        run_say_all(r);
        run_until_delivered(r, 2000);
    }
    world_check(r->w, all_flaps(r) == before, "%u notices of links after %u", all_flaps(r), before);
}

void story_people_keep_their_seats(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    run_until_linked(r, 2000);
    peerhost_unplug(r->people[0]);
    run_for(r, 5000);
    daemon_crash(r->daemons[0], 0);
    run_for(r, 1000);
    daemon_start(r->daemons[0]);
    run_for(r, 30000);
    for (unsigned i = 0; i < 3; i++) {
        world_check(r->w, strcmp(peerhost_state(r->people[i]), "p2p-connected") == 0, "%u is %s", i,
            peerhost_state(r->people[i]));
        world_check(r->w, peerhost_joins(r->people[i]) == 1, "%u joined %u times", i, peerhost_joins(r->people[i]));
    }
    world_check(r->w, all_flaps(r) == 6, "%u notices for 6 links", all_flaps(r));
    run_say_all(r);
    run_until_delivered(r, 2000);
}

void story_partition_heals(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 4, 4);
    run_until_linked(r, 3000);
    world_island(r->w, peerhost_host(r->people[0]), 1);
    world_island(r->w, peerhost_host(r->people[1]), 1);
    run_say(r, r->people[0]); /* before anybody knows */
    run_for(r, 180000);
    world_check(
        r->w, peer_oracle_up(r->peer_oracle, 0, 1) && peer_oracle_up(r->peer_oracle, 2, 3), "an island fell apart");
    world_check(
        r->w, !peer_oracle_up(r->peer_oracle, 0, 2) && !peer_oracle_up(r->peer_oracle, 3, 1), "the cut went unnoticed");
    world_heal(r->w);
    run_until_linked(r, 90000);
    run_until_delivered(r, 30000);
}

void story_address_changes(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 2, 2);
    run_until_linked(r, 2000);
    peerhost_move(r->people[0]);
    run_say(r, r->people[1]);
    run_until_delivered(r, 60000);
    run_until_linked(r, 60000);
    world_check(r->w, peerhost_stats(r->people[0])->restarts_total + peerhost_stats(r->people[1])->restarts_total > 0,
        "it was not mended by a restart");
}

void story_peer_returns(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    run_until_linked(r, 3000);
    for (int i = 0; i < 6; i++) { /* now one's seat is the smaller, now the other's */
        peerhost_crash(r->people[1]);
        run_for(r, 500);
        peerhost_start(r->people[1]);
        run_until_linked(r, 4000);
        run_say_all(r);
        run_until_delivered(r, 2000);
    }
    run_for(r, 30000);
    world_check(r->w, peerhost_rtcs(r->people[0]) == 2, "%zu connections", peerhost_rtcs(r->people[0]));
}

void story_leave(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    run_until_linked(r, 3000);
    peerhost_leave(r->people[2]);
    run_for(r, 1000);
    world_check(r->w, !peerhost_is_up(r->people[2]), "it does not leave");
    run_until_linked(r, 2000);
    world_check(r->w, peerhost_rtcs(r->people[0]) == 1, "%zu connections", peerhost_rtcs(r->people[0]));
}

void story_clock_jumps(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    run_until_linked(r, 3000);
    unsigned flaps = all_flaps(r);
    world_clock_step(r->w, peerhost_host(r->people[0]), -86400000);
    run_say_all(r);
    run_for(r, 30000);
    world_clock_step(r->w, peerhost_host(r->people[1]), 86400000);
    run_say_all(r);
    run_until_delivered(r, 2000);
    run_for(r, 60000);
    world_check(r->w, all_flaps(r) == flaps, "a clock took a link down");
}

/* Its sequences begin at the wall clock: a process that began again after the clock went back was taken for a replay. */
void story_clock_back_and_restart(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 2);
    peerhost_crash(r->people[0]);
    world_clock_step(r->w, peerhost_host(r->people[0]), -3600000);
    peerhost_start(r->people[0]);
    run_for(r, 30000);
    run_until_linked(r, 30000);
    run_say_all(r);
    run_until_delivered(r, 5000);
}

/* Nor is what it tells taken for old by who has no link to it, and hears of it from others. */
void story_clock_back_and_relay(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 0);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[2]));
    for (unsigned i = 0; i < 3; i++)
        peerhost_start(r->people[i]);
    run_until_linked(r, 60000);
    peerhost_leave(r->people[2]);
    world_clock_step(r->w, peerhost_host(r->people[2]), -3600000);
    run_for(r, 10000);
    peerhost_start(r->people[2]);
    run_until_linked(r, 30000);
    run_say_all(r);
    run_until_delivered(r, 5000);
}
