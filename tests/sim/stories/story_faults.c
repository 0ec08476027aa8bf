/* SPDX-License-Identifier: MIT
 *
 * Stories of what goes wrong in the middle of something: crashes between two steps, people who come and go while a message
 * travels, rooms cut in two, clocks that jump by hours.
 */
#include "tests/sim/stories.h"

enum {
    NOTICED_MS = 60000, /* whoever is away is known to be */
    GIVEN_MS = 10000    /* custodians have their copies */
};

static void island(const struct run *r, unsigned from, unsigned to, unsigned number)
{
    for (unsigned i = from; i < to; i++)
        world_island(r->w, peerhost_host(r->people[i]), number);
}

static uint64_t kept(const struct run *r, unsigned who)
{
    return peerhost_stats(r->people[who])->kept;
}

static void hears(const struct run *r, unsigned who, size_t expected)
{
    size_t heard = peer_oracle_heard(r->peer_oracle, who);
    world_check(r->w, heard == expected, "%u has heard %zu messages of %zu", who, heard, expected);
}

/* While a message travels the tree of a room of 10, one of the tree crashes, another leaves and two newcomers join. */
void story_members_change(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 12, 10);
    run_until_linked(r, 60000);
    run_until_tree(r, 60000);
    for (unsigned i = 0; i < 3; i++) {
        run_say(r, r->people[0]);
        run_for(r, 5 + 15 * i);
        peerhost_crash(r->people[1 + i]);
        peerhost_leave(r->people[6 + i]);
        if (i < 2)
            peerhost_start(r->people[10 + i]);
        run_say(r, r->people[5]);
        run_for(r, 15000);
        peerhost_start(r->people[1 + i]);
        peerhost_start(r->people[6 + i]);
        run_until_linked(r, 60000);
        run_until_delivered(r, 10000);
    }
    run_until_tree(r, 60000);
    run_until_delivered(r, 10000);
}

/* 0 reaches nobody: what it was told to be accepted is sent by its next life. What it asked for in the moment of its death
 * is gone or is sent, and nothing in between. */
void story_accepted_then_crash(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 3);
    size_t before = peer_oracle_heard(r->peer_oracle, 1);
    for (unsigned i = 0; i < 8; i++) {
        island(r, 0, 1, 1);
        run_for(r, 30000);
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        run_for(r, 100);
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        peerhost_crash(r->people[0]);
        peer_oracle_drop(r->peer_oracle, 0);
        world_heal(r->w);
        run_for(r, 10000);
        peerhost_start(r->people[0]);
        run_until_linked(r, 30000);
        run_until_delivered(r, 10000);
    }
    size_t heard = peer_oracle_heard(r->peer_oracle, 1) - before;
    world_check(r->w, heard > 16 && heard < 32, "%zu messages: all that was not accepted had one fate", heard);
}

/* With the daemon dead, two who could not be linked before are, through somebody whom both know. */
void story_friend_in_common(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[2]));
    run_until_linked(r, 60000);
    daemon_crash(r->daemons[0], true);
    run_for(r, 30000);
    world_check(r->w, peerhost_stats(r->people[0])->links_up == 1, "they are linked already");
    rtc_net_allow(r->rtcs);
    run_for(r, 60000);
    world_check(r->w, peerhost_stats(r->people[0])->links_up == 2 && peerhost_stats(r->people[2])->links_up == 2,
        "they are not linked");
    peerhost_crash(r->people[1]);
    run_for(r, 10000);
    run_tell(r, r->people[0], r->people[2]);
    run_for(r, 1000);
    world_check(r->w, peer_oracle_kept(r->peer_oracle), "not without their friend");
}

/* All tries go to somebody who has crashed, and is reached through another only: it has the message as soon as it is back. */
void story_back_through_others(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 3);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[2]));
    run_until_linked(r, 60000);
    peerhost_crash(r->people[2]);
    run_tell(r, r->people[0], r->people[2]);
    run_for(r, 15000);
    peerhost_start(r->people[2]);
    run_until_delivered(r, 10000);
}

/* A room of 10 in two halves, both of which talk on, each along trees of its own; then it is one again: everybody has all. */
void story_both_sides_talk(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 10);
    island(r, 5, 10, 1);
    run_for(r, 30000);
    for (unsigned i = 0; i < 30; i++) {
        run_say(r, r->people[i % 10]);
        run_for(r, 20 + 7 * (i % 5));
    }
    run_until_tree(r, 60000);
    for (unsigned i = 0; i < 10; i++)
        run_tell(r, r->people[i], r->people[9 - i]);
    run_for(r, 30000);
    world_heal(r->w);
    run_until_linked(r, 90000);
    run_until_delivered(r, 60000);
    for (unsigned i = 1; i < 10; i++)
        hears(r, i, peer_oracle_heard(r->peer_oracle, 0));
    run_until_tree(r, 60000);
    run_until_delivered(r, 10000);
}

/* Many, whose paths lose so much that nearly every message comes late to somebody, who takes another link into the tree for
 * it; when they lose nothing any more the trees have their shape within a few messages each. */
void story_circle_after_rain(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 24);
    for (unsigned i = 0; i < 24; i++)
        world_weather(
            r->w, peerhost_host(r->people[i]), (struct weather){.latency_ms = 40, .jitter_ms = 30, .loss = 100});
    for (unsigned i = 0; i < 48; i++) {
        run_say(r, r->people[i % 24]);
        run_for(r, 200);
    }
    run_calm(r);
    run_until_tree(r, 20000);
    run_until_delivered(r, 10000);
}

/* The wall clocks of a sender, a custodian and the reader jump while a copy is kept: it is neither dropped nor doubled. */
void story_clocks_of_hours(struct run *r, const struct world_options *options)
{
    static const int64_t jumps[] = {5 * 3600000, -5 * 3600000, -5 * 3600000};
    run_befriend(r, options, 4);
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        peerhost_crash(r->people[3]);
        run_for(r, NOTICED_MS);
        run_tell(r, r->people[0], r->people[3]);
        run_for(r, GIVEN_MS);
        size_t before = peer_oracle_heard(r->peer_oracle, 3);
        for (unsigned who = 0; who < 4; who += who == 1 ? 2 : 1)
            world_clock_step(r->w, peerhost_host(r->people[who]), jumps[i]);
        run_for(r, 60000);
        world_check(r->w, kept(r, 1) == 1 && kept(r, 2) == 1, "the copies are kept by %llu and %llu",
            (unsigned long long)kept(r, 1), (unsigned long long)kept(r, 2));
        peerhost_crash(r->people[0]);
        peerhost_start(r->people[3]);
        run_for(r, 30000);
        hears(r, 3, before + 1);
        peerhost_start(r->people[0]);
        run_until_linked(r, 30000);
        run_say_all(r);
        run_until_delivered(r, 60000);
    }
}

/* Both custodians crash about when they say that a copy is stored: they have it, or are given it once more. */
void story_custodian_crashes(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 4);
    peerhost_crash(r->people[3]);
    run_for(r, NOTICED_MS);
    for (unsigned ms = 0; ms < 60; ms += 4) {
        run_tell(r, r->people[0], r->people[3]);
        run_for(r, 2000 + ms);
        for (unsigned who = 1; who < 3; who++) {
            peerhost_crash(r->people[who]);
            peerhost_start(r->people[who]);
        }
        run_for(r, 10000);
    }
    size_t before = peer_oracle_heard(r->peer_oracle, 3);
    peerhost_crash(r->people[0]);
    peerhost_start(r->people[3]);
    run_for(r, 60000);
    hears(r, 3, before + 15);
    world_check(r->w, kept(r, 1) + kept(r, 2) == 0, "copies are kept for ever");
    peerhost_start(r->people[0]);
    run_until_delivered(r, 60000);
}

/* Whoever has 3's first message is away when the second is handed over: the first is given up, and stays so after a crash
 * of 3, when its author and its custodians come back with it. */
void story_given_up_for_good(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 5);
    peerhost_crash(r->people[3]);
    peerhost_crash(r->people[4]);
    run_for(r, NOTICED_MS);
    run_tell(r, r->people[0], r->people[3]);
    run_for(r, GIVEN_MS);
    world_check(r->w, kept(r, 1) == 1 && kept(r, 2) == 1, "the first is kept by %llu and %llu",
        (unsigned long long)kept(r, 1), (unsigned long long)kept(r, 2));
    peerhost_crash(r->people[1]);
    peerhost_crash(r->people[2]);
    peerhost_start(r->people[4]);
    run_for(r, NOTICED_MS);
    run_tell(r, r->people[0], r->people[3]);
    run_for(r, GIVEN_MS);
    world_check(r->w, kept(r, 4) == 1, "the second is kept by nobody");
    peerhost_crash(r->people[0]);
    size_t before = peer_oracle_heard(r->peer_oracle, 3);
    peerhost_start(r->people[3]);
    run_for(r, NOTICED_MS);
    hears(r, 3, before + 1);
    world_check(r->w, peer_oracle_missing(r->peer_oracle, 3) == 1, "nobody said that the first is missing");
    peerhost_crash(r->people[3]);
    peerhost_start(r->people[3]);
    for (unsigned i = 0; i < 3; i++)
        peerhost_start(r->people[i]);
    run_until_linked(r, 60000);
    run_until_delivered(r, 60000);
    run_for(r, 10000);
    hears(r, 3, before + 1);
    world_check(r->w, peer_oracle_failed(r->peer_oracle) == 1, "%llu are reported failed",
        (unsigned long long)peer_oracle_failed(r->peer_oracle));
    world_check(r->w, kept(r, 1) + kept(r, 2) + kept(r, 4) == 0, "copies are kept for ever");
}

/* More than fits the window of a link, and more copies than a custodian keeps for one giver: all arrives all the same. */
void story_more_than_fits(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 3);
    for (unsigned i = 0; i < 400; i++)
        run_tell(r, r->people[0], r->people[1]);
    for (unsigned i = 0; i < 300; i++)
        run_say(r, r->people[2]);
    run_until_delivered(r, 10000);
    peerhost_crash(r->people[1]);
    run_for(r, NOTICED_MS);
    for (unsigned i = 0; i < 300; i++)
        run_tell(r, r->people[0], r->people[1]);
    run_for(r, GIVEN_MS);
    world_check(r->w, kept(r, 2) == 256, "%llu copies are kept", (unsigned long long)kept(r, 2));
    peerhost_start(r->people[1]);
    run_until_delivered(r, 60000);
    run_for(r, GIVEN_MS);
    world_check(r->w, kept(r, 2) == 0, "%llu copies are kept for ever", (unsigned long long)kept(r, 2));
}

/* After hours in one room two processes end; the one that comes back first still speaks to the other. */
void story_seen_lately(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 2);
    run_for(r, 4000000);
    size_t before = peer_oracle_heard(r->peer_oracle, 1);
    peerhost_crash(r->people[0]);
    peerhost_crash(r->people[1]);
    run_for(r, NOTICED_MS);
    peerhost_start(r->people[0]);
    run_for(r, 10000);
    run_say(r, r->people[0]);
    run_for(r, 10000);
    peerhost_start(r->people[1]);
    run_until_delivered(r, 60000);
    hears(r, 1, before + 1);
}
