/* SPDX-License-Identifier: MIT
 *
 * Stories of state directories that are lost but for the keys, or replaced by an older copy. An author then numbers anew, and
 * under a number that its reader knows comes another message: each is shown or reported failed, and none is said to have been
 * delivered because of its number. What was delivered the oracle reads in the record of the reader (peer_oracle_notices.c).
 */
#include "tests/sim/stories.h"

enum {
    SETTLED_MS = 60000
};

static void restart(struct run *r, unsigned who)
{
    peerhost_crash(r->people[who]);
    peerhost_start(r->people[who]);
}

static void lose(struct run *r, unsigned who, bool put_back)
{
    peerhost_crash(r->people[who]);
    run_for(r, 10000);
    peerhost_lose(r->people[who], put_back);
    peerhost_start(r->people[who]);
}

/* To everybody and, by everybody, to the next. */
static void all_talk(struct run *r, unsigned times)
{
    while (times-- > 0) {
        for (unsigned i = 0; i < r->people_count; i++) {
            run_tell(r, r->people[i], r->people[(i + 1) % r->people_count]);
            run_say(r, r->people[i]);
        }
        run_for(r, 50);
    }
}

/* Each message is shown, or fails within moments, not when its time is over. */
static void settles(struct run *r)
{
    run_until_delivered(r, SETTLED_MS);
}

/* What 0 says once its tables are gone is numbered as what 1 has long read; whoever begins again then hears what it should
 * not believe: that the other's clock is past all of that. */
void story_numbers_anew(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 2);
    all_talk(r, 5);
    settles(r);
    for (unsigned again = 0; again < 2; again++) {
        uint64_t failed = peer_oracle_failed(r->peer_oracle);
        size_t heard = peer_oracle_heard(r->peer_oracle, 1);
        peerhost_crash(r->people[0]);
        peerhost_lose(r->people[0], false);
        run_for(r, 1000);
        peerhost_start(r->people[0]);
        run_until_linked(r, 5000);
        run_tell(r, r->people[0], r->people[1]);
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        run_for(r, 30 * again);
        restart(r, again);
        run_until_linked(r, 20000);
        settles(r);
        world_check(r->w,
            peer_oracle_failed(r->peer_oracle) - failed + peer_oracle_heard(r->peer_oracle, 1) - heard == 3,
            "some of three messages are neither shown nor failed");
        run_tell(r, r->people[0], r->people[1]);
        run_say(r, r->people[0]);
        settles(r);
    }
}

/* A reader's state is lost, while all the others go on as if it had read what they said: it begins anew like a newcomer, in
 * order, wherever it was in between, and each message for it is shown or fails. */
void story_reader_anew(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 3);
    for (unsigned ms = 0; ms < 60; ms += 5) {
        peerhost_copy(r->people[2]);
        all_talk(r, 2);
        settles(r);
        peerhost_crash(r->people[2]);
        peerhost_lose(r->people[2], ms % 2);
        run_say(r, r->people[1]);
        run_for(r, 500);
        run_say(r, r->people[0]);
        run_for(r, 20);
        run_say(r, r->people[0]);
        peerhost_start(r->people[2]);
        run_until_linked(r, 20000);
        run_for(r, ms);
        all_talk(r, 2);
        if (ms % 4 == 1)
            restart(r, 2);
        settles(r);
    }
}

/* An older copy of a directory comes back while others know more; then the reader's, then both at once. */
void story_older_copy(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 3);
    for (unsigned i = 0; i < 3; i++)
        peerhost_copy(r->people[i]);
    for (unsigned who = 0; who < 4; who++) {
        all_talk(r, 4);
        run_for(r, who * 20);
        lose(r, who % 2, true);
        if (who > 1)
            lose(r, 1 - who % 2, true);
        all_talk(r, 2);
        run_until_linked(r, 60000);
        all_talk(r, 2);
        restart(r, 2);
        run_until_linked(r, 60000);
        settles(r);
    }
}

/* Custodians hold what was numbered anew for somebody who comes when its author has gone; then that one has lost its state. */
void story_copies_of_lost_numbers(struct run *r, const struct world_options *options)
{
    run_befriend(r, options, 4);
    peerhost_copy(r->people[0]); /* 0 is to know 3, but not how much it said */
    for (unsigned lost = 0; lost < 2; lost++) {
        for (unsigned i = 0; i < 5; i++)
            run_tell(r, r->people[0], r->people[3]);
        settles(r);
        peerhost_crash(r->people[3]);
        run_for(r, SETTLED_MS);
        lose(r, 0, true);
        if (lost)
            peerhost_lose(r->people[3], false);
        run_until_linked(r, 60000);
        run_tell(r, r->people[1], r->people[3]);
        for (unsigned i = 0; i < 3; i++)
            run_tell(r, r->people[0], r->people[3]);
        run_for(r, 10000);
        peerhost_crash(r->people[0]);
        peerhost_start(r->people[3]);
        run_for(r, 30000);
        peerhost_start(r->people[0]);
        run_until_linked(r, 60000);
        run_tell(r, r->people[0], r->people[3]);
        settles(r);
    }
}

enum {
    TOGETHER_MS = 180000,
    TURN_MS = 10000
};

/* A copy of 0's directory runs, too: it rests and takes nobody's link, both applications hear of it, and it goes on when the
 * first has gone. */
void story_identity_twice(struct run *r, const struct world_options *options)
{
    unsigned flaps[3];
    run_befriend(r, options, 3);
    all_talk(r, 3);
    settles(r);
    struct peerhost *twin = run_add_twin(r, 0);
    for (unsigned i = 1; i < 3; i++)
        flaps[i] = peer_oracle_flaps(r->peer_oracle, i, 0);
    peerhost_start(twin);
    for (uint64_t end = world_now(r->w) + TOGETHER_MS; world_now(r->w) < end;) {
        run_for(r, TURN_MS);
        all_talk(r, 1);
    }
    settles(r);
    world_check(r->w, run_all_linked(r), "the second took a link of the first");
    for (unsigned i = 1; i < 3; i++)
        world_check(r->w, peer_oracle_flaps(r->peer_oracle, i, 0) == flaps[i], "the second had %u and 0 part", i);
    world_check(r->w, peerhost_errors(r->people[0]) == 1 && peerhost_errors(twin) == 1, "told %u and %u times",
        peerhost_errors(r->people[0]), peerhost_errors(twin));
    world_check(r->w, peerhost_rtcs(twin) == 0, "the second has connections");
    peerhost_crash(r->people[0]);
    run_for(r, TOGETHER_MS);
    world_check(r->w, peerhost_stats(twin)->links_up == 2, "the second did not go on alone");
    peerhost_crash(twin);
    peerhost_start(r->people[0]);
    run_until_linked(r, 60000);
    all_talk(r, 3);
    settles(r);
}
