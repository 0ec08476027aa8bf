/* SPDX-License-Identifier: MIT
 *
 * Stories of messages: what crashes, absence, relays and custodians do to them.
 */
#include "protocol/envelope.h"
#include "tests/sim/stories.h"

static void start(struct run *r, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        peerhost_start(r->people[i]);
}

/* At every millisecond of a commit: what was not accepted is asked for again, what was is not lost, nothing is doubled. */
void story_sender_crashes(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 2, 0);
    start(r, 0, 2);
    run_until_linked(r, 2000);
    for (unsigned ms = 0; ms < 30; ms++) {
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        run_for(r, ms);
        peerhost_crash(r->people[0]);
        peerhost_start(r->people[0]);
        run_until_delivered(r, 60000);
    }
    world_check(
        r->w, peer_oracle_heard(r->peer_oracle, 1) == 60, "%zu of 60 messages", peer_oracle_heard(r->peer_oracle, 1));
}

/* Likewise between storing and acknowledging. */
void story_reader_crashes(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 2, 0);
    start(r, 0, 2);
    run_until_linked(r, 2000);
    for (unsigned ms = 0; ms < 40; ms += 2) {
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        run_for(r, 10 + ms);
        peerhost_crash(r->people[1]);
        peerhost_start(r->people[1]);
        run_until_delivered(r, 60000);
    }
    world_check(
        r->w, peer_oracle_heard(r->peer_oracle, 1) == 40, "%zu of 40 messages", peer_oracle_heard(r->peer_oracle, 1));
}

/* With the daemon dead, somebody whose machine moved is left with one link, and gets the others back through it. */
void story_one_link_left(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 5, 0);
    for (unsigned i = 2; i < 5; i++)
        rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[i]));
    start(r, 0, 5);
    run_for(r, 30000);
    world_check(r->w, peerhost_stats(r->people[0])->links_up == 1, "0 has %llu links",
        (unsigned long long)peerhost_stats(r->people[0])->links_up);
    daemon_crash(r->daemons[0], true);
    run_for(r, 30000);
    rtc_net_allow(r->rtcs);
    run_for(r, 90000);
    for (unsigned i = 0; i < 5; i++)
        world_check(r->w, peerhost_stats(r->people[i])->links_up == 4, "%u has %llu links", i,
            (unsigned long long)peerhost_stats(r->people[i])->links_up);
    run_say_all(r);
    run_until_delivered(r, 5000);
}

/* Two who can never be linked talk through three others in a row. */
void story_through_three(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 5, 0);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned k = i + 2; k < 5; k++)
            rtc_net_forbid(r->rtcs, peerhost_host(r->people[i]), peerhost_host(r->people[k]));
    start(r, 0, 5);
    run_until_linked(r, 60000);
    run_tell(r, r->people[0], r->people[4]);
    run_tell(r, r->people[4], r->people[0]);
    run_say(r, r->people[2]);
    run_until_delivered(r, 30000);
    for (unsigned i = 1; i < 4; i++)
        world_check(r->w, peerhost_stats(r->people[i])->relayed_total > 0, "%u relayed nothing", i);
}

/* All tries of a message to somebody without a link are lost; the next one arrives. Its reader asks for the first before
 * it would come again by itself, or be given up. */
void story_gap_through_others(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 0);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[2]));
    start(r, 0, 3);
    run_until_linked(r, 60000);
    world_island(r->w, peerhost_host(r->people[2]), 1);
    run_for(r, 100);
    run_tell(r, r->people[0], r->people[2]);
    run_for(r, 10500);
    world_heal(r->w);
    run_for(r, 1000);
    run_tell(r, r->people[0], r->people[2]);
    run_until_delivered(r, 10000);
    world_check(
        r->w, peer_oracle_heard(r->peer_oracle, 2) == 2, "%zu of 2 messages", peer_oracle_heard(r->peer_oracle, 2));
}

/* A message for somebody who is away arrives after its sender has gone, and its custodians forget it. */
void story_custody(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 4);
    size_t before = peer_oracle_heard(r->peer_oracle, 3);
    peerhost_crash(r->people[3]);
    run_for(r, 60000);
    run_tell(r, r->people[0], r->people[3]);
    run_for(r, 10000);
    world_check(r->w, peerhost_stats(r->people[1])->kept == 1 && peerhost_stats(r->people[2])->kept == 1,
        "the copies are kept by %llu and %llu", (unsigned long long)peerhost_stats(r->people[1])->kept,
        (unsigned long long)peerhost_stats(r->people[2])->kept);
    peerhost_crash(r->people[0]);
    run_for(r, 30000);
    peerhost_start(r->people[3]);
    run_for(r, 30000);
    world_check(r->w, peer_oracle_heard(r->peer_oracle, 3) == before + 1, "it did not arrive");
    world_check(r->w, peerhost_stats(r->people[1])->kept == 0 && peerhost_stats(r->people[2])->kept == 0,
        "copies are kept for ever");
    peerhost_start(r->people[0]);
    run_until_delivered(r, 60000);
}

/* Author and reader are away, and the custodians sleep for longer than the message lives (the daemon begins anew with them): nobody is
 * shown it, whatever they hear first when they wake, and it is reported. */
void story_custodians_asleep(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 4);
    size_t before = peer_oracle_heard(r->peer_oracle, 3);
    uint64_t failed = peer_oracle_failed(r->peer_oracle);
    peerhost_crash(r->people[3]);
    run_for(r, 60000);
    run_tell(r, r->people[0], r->people[3]);
    run_for(r, 10000);
    world_check(r->w, peerhost_stats(r->people[1])->kept == 1, "nobody keeps a copy");
    peerhost_crash(r->people[0]);
    daemon_crash(r->daemons[0], false);
    world_sleep(r->w, 2 * 3600000);
    daemon_start(r->daemons[0]);
    peerhost_start(r->people[3]);
    run_for(r, 60000);
    world_check(r->w, peer_oracle_heard(r->peer_oracle, 3) == before, "it is shown an hour too late");
    world_check(r->w, peerhost_stats(r->people[1])->kept == 0 && peerhost_stats(r->people[2])->kept == 0,
        "copies are kept for longer than they live");
    peerhost_start(r->people[0]);
    run_until_linked(r, 60000);
    run_until_delivered(r, 60000);
    world_check(r->w, peer_oracle_failed(r->peer_oracle) == failed + 1, "it was not reported");
}

/* Somebody new gets nothing older; but what was meant for it while it was linking. */
void story_newcomer(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 4, 0);
    start(r, 0, 3);
    run_until_linked(r, 3000);
    for (unsigned i = 0; i < 60; i++)
        run_say(r, r->people[i % 3]);
    run_until_delivered(r, 10000);
    size_t spoken = peer_oracle_heard(r->peer_oracle, 3);
    peerhost_start(r->people[3]);
    for (int i = 0; i < 40; i++) {
        run_say(r, r->people[i % 3]);
        run_for(r, 50);
    }
    run_until_delivered(r, 30000);
    size_t heard = peer_oracle_heard(r->peer_oracle, 3);
    world_check(r->w, heard > spoken && heard <= spoken + 40, "%zu heard, %zu of them before it came", heard, spoken);
}

/* 0 has no daemon while 2 comes, so that only 1 speaks to 2; when 0 sees 2 at last, all that it says depends on that
 * message, but the one that said so was not for 2. 1 and 2 cannot be linked: both messages come from 0, its own first. */
void story_newcomer_in_order(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 0);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[1]), peerhost_host(r->people[2]));
    start(r, 0, 2);
    run_until_linked(r, 3000);
    peerhost_unplug(r->people[0]);
    peerhost_start(r->people[2]);
    run_for(r, 400);
    run_say(r, r->people[1]);
    run_for(r, 100);
    run_say(r, r->people[0]);
    run_for(r, 100);
    for (int ms = 0; ms < 5000 && strcmp(peerhost_state(r->people[0]), "p2p-connected") != 0; ms++)
        run_for(r, 1);
    run_say(r, r->people[0]);
    run_until_delivered(r, 60000);
    world_check(
        r->w, peer_oracle_heard(r->peer_oracle, 2) == 2, "%zu of 2 messages", peer_oracle_heard(r->peer_oracle, 2));
}

/* What was said to somebody who was away reaches a newcomer behind him, too, as far as it needs it: nobody keeps less of it
 * than others may ask for. */
void story_newcomer_behind(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 3, 0);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[2]));
    start(r, 0, 2);
    run_until_linked(r, 3000);
    run_say(r, r->people[0]);
    run_until_delivered(r, 5000);
    peerhost_crash(r->people[1]);
    run_for(r, 20000);
    run_say(r, r->people[0]);
    run_for(r, 1000);
    start(r, 1, 2);
    run_until_delivered(r, 30000);
    start(r, 2, 3);
    run_until_linked(r, 60000);
    run_say(r, r->people[1]);
    run_until_delivered(r, 5000);
}

/* 2 is in the room and gone before anybody was linked with it. 0 tells it something, and something else when it has not
 * been seen for so long that the room's messages are not for it any more. */
static void tell_who_never_came(struct run *r, const struct world_options *options, uint64_t between_ms)
{
    run_gather(r, options, 3, 0);
    start(r, 0, 2);
    run_until_linked(r, 3000);
    start(r, 2, 3);
    for (int ms = 0; ms < 5000 && strcmp(peerhost_state(r->people[2]), "discovering") != 0; ms++)
        run_for(r, 1);
    run_for(r, 50);
    peerhost_crash(r->people[2]);
    world_check(r->w, peer_oracle_flaps(r->peer_oracle, 0, 2) == 0, "2 was linked");
    run_for(r, ENVELOPE_TTL_DEFAULT_MS - 600000);
    run_say(r, r->people[0]);
    run_for(r, between_ms);
    run_say(r, r->people[0]);
    run_for(r, 1000);
    world_check(r->w, peer_oracle_flaps(r->peer_oracle, 0, 2) == 0, "2 was linked");
}

/* 2 comes in time for the first, and begins with it, though the last that 0 said was not for it. */
void story_newcomer_expected(struct run *r, const struct world_options *options)
{
    tell_who_never_came(r, options, 1800000);
    start(r, 2, 3);
    run_until_linked(r, 60000);
    run_until_delivered(r, 30000);
    size_t heard = peer_oracle_heard(r->peer_oracle, 2);
    world_check(r->w, heard == 1 && peer_oracle_failed(r->peer_oracle) == 0, "%zu of 1 messages", heard);
    run_say(r, r->people[0]);
    run_until_delivered(r, 5000);
}

/* 2 comes when the first has been reported failed, and begins behind both. */
void story_newcomer_too_late(struct run *r, const struct world_options *options)
{
    tell_who_never_came(r, options, ENVELOPE_TTL_DEFAULT_MS + 60000);
    world_check(r->w, peer_oracle_failed(r->peer_oracle) == 1, "it was not reported");
    start(r, 2, 3);
    run_until_linked(r, 60000);
    run_say(r, r->people[0]);
    run_until_delivered(r, 5000);
    size_t heard = peer_oracle_heard(r->peer_oracle, 2);
    world_check(r->w, heard == 1, "%zu messages, and 1 is for it", heard);
}

/* Two hours away: what others said meanwhile is over for whoever was not there; what is said now arrives. */
void story_two_hours_away(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 3);
    peerhost_crash(r->people[2]);
    run_for(r, 60000);
    run_say(r, r->people[0]);
    run_tell(r, r->people[1], r->people[2]);
    run_for(r, 7200000);
    world_check(r->w, peer_oracle_failed(r->peer_oracle) == 2, "%llu of 2 are reported failed",
        (unsigned long long)peer_oracle_failed(r->peer_oracle));
    size_t before = peer_oracle_heard(r->peer_oracle, 2);
    peerhost_start(r->people[2]);
    run_until_linked(r, 60000);
    run_for(r, 10000);
    world_check(r->w, peer_oracle_heard(r->peer_oracle, 2) == before, "it gets what was reported failed");
    run_say_all(r);
    run_until_delivered(r, 30000);
}

/* The clocks of two are a year apart; somebody is away for 65 minutes, and what the others said first is over, whoever
 * has it, and the rest is not. */
void story_an_hour_is_an_hour(struct run *r, const struct world_options *options)
{
    run_gather(r, options, 4, 0);
    world_clock_step(r->w, peerhost_host(r->people[0]), -INT64_C(15768000000));
    world_clock_step(r->w, peerhost_host(r->people[1]), INT64_C(15768000000));
    start(r, 0, 4);
    run_until_linked(r, 3000);
    run_say_all(r);
    run_until_delivered(r, 5000);
    size_t before = peer_oracle_heard(r->peer_oracle, 3);
    peerhost_crash(r->people[3]);
    run_for(r, 20000);
    for (unsigned i = 0; i < 7; i++) {
        run_say(r, r->people[i % 2]);
        run_tell(r, r->people[1 - i % 2], r->people[3]);
        run_for(r, i < 6 ? 600000 : 300000);
    }
    world_check(r->w, peer_oracle_failed(r->peer_oracle) == 2, "%llu of 2 are reported failed",
        (unsigned long long)peer_oracle_failed(r->peer_oracle));
    peerhost_crash(r->people[0]); /* its words in the room come from the others, and what it said from custodians */
    peerhost_start(r->people[3]);
    run_for(r, 30000);
    peerhost_start(r->people[0]);
    run_until_linked(r, 60000);
    run_until_delivered(r, 60000);
    size_t heard = peer_oracle_heard(r->peer_oracle, 3) - before;
    world_check(r->w, heard == 2 * 6, "%zu of 12 are heard", heard);
}

/* One of six takes small messages only: what was said to many is larger than a copy for one. Nobody sends it more than it
 * takes, by whatever way (rtcchannel.c looks at that), and each message is shown to it or fails by name. */
void story_small_messages(struct run *r, const struct world_options *options)
{
    const struct peerhost *to[4];
    run_gather(r, options, 6, 0);
    peerhost_takes(r->people[5], 1050);
    rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[5]));
    start(r, 0, 6);
    run_until_linked(r, 60000);
    for (unsigned i = 0; i < 4; i++)
        to[i] = r->people[i + 2];
    for (unsigned again = 0; again < 3; again++) {
        run_say_all(r);
        for (unsigned i = 0; i < 5; i++)
            run_tell(r, r->people[i], r->people[5]);
        for (unsigned i = 0; i < 2; i++)
            peerhost_send(r->people[i], to, 4);
        peerhost_crash(r->people[5]);
        run_for(r, again * 5000);
        run_say(r, r->people[1]);
        peerhost_start(r->people[5]);
        run_until_linked(r, 60000);
    }
    run_until_delivered(r, 60000);
    world_check(r->w, peer_oracle_heard(r->peer_oracle, 5) > 30, "%zu messages", peer_oracle_heard(r->peer_oracle, 5));
}
