/* SPDX-License-Identifier: MIT
 *
 * One story, run once for each allocation that a core makes in it: that one fails. Whoever lacks it goes on, or says that
 * its memory ran out and begins again from its disk; the oracle holds everybody to what was promised, and nothing may be
 * left in memory at the end.
 */
#include "tests/sim/short_memory.h"
#include "tests/sim/stories.h"

enum {
    SEED = 1,
    PEOPLE = 3,
    MEET_MS = 40000,
    SETTLED_MS = 90000
};

static void wake_up(struct run *r, unsigned who)
{
    if (!peerhost_is_up(r->people[who]))
        peerhost_start(r->people[who]);
}

static void tell(struct run *r, unsigned from, unsigned to)
{
    if (peerhost_is_up(r->people[from]))
        run_tell(r, r->people[from], r->people[to]);
}

static void say(struct run *r, unsigned from)
{
    if (peerhost_is_up(r->people[from]))
        run_say(r, r->people[from]);
}

static void crash(struct run *r, unsigned who)
{
    if (peerhost_is_up(r->people[who]))
        peerhost_crash(r->people[who]);
}

static void all_talk(struct run *r)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        tell(r, i, (i + 1) % PEOPLE);
        say(r, i);
        run_for(r, 30);
    }
}

/* Two meet and talk, a third comes late; one crashes and hears what was said meanwhile, some of it from who kept it; one
 * leaves in good order and returns. */
static void play(struct run *r, const struct world_options *options, uint64_t failing)
{
    run_gather(r, options, PEOPLE, 0);
    short_memory_begin(failing);
    wake_up(r, 0);
    wake_up(r, 1);
    run_until_linked(r, MEET_MS);
    tell(r, 0, 1);
    say(r, 1);
    run_for(r, 100);
    wake_up(r, 2);
    run_until_linked(r, MEET_MS);
    all_talk(r);
    crash(r, 0);
    tell(r, 1, 0);
    say(r, 2);
    run_for(r, 8000);
    crash(r, 1);
    wake_up(r, 0);
    run_for(r, 3000);
    wake_up(r, 1);
    run_until_linked(r, MEET_MS);
    all_talk(r);
    if (peerhost_is_up(r->people[2]))
        peerhost_leave(r->people[2]);
    run_for(r, 2000);
    wake_up(r, 2);
    for (unsigned i = 0; i < PEOPLE; i++)
        wake_up(r, i);
    run_until_linked(r, MEET_MS);
    all_talk(r);
    run_until_delivered(r, SETTLED_MS);
}

static bool has_common_factor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a > 1;
}

static unsigned run_out(const struct run *r)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PEOPLE; i++)
        n += peerhost_run_out(r->people[i]);
    return n;
}

/* As far from the next as from the last: any number of seeds, from 1, is spread over the whole story. */
static uint64_t allocation_of(uint64_t seed, uint64_t all)
{
    uint64_t step = all * 618 / 1000;
    while (step > 1 && has_common_factor(step, all))
        step--;
    return (seed - 1) * step % all + 1;
}

/* As many seeds as there are allocations fail each of them once. */
void seed_short_memory(struct run *r, const struct world_options *options)
{
    static uint64_t all; /* how many there are; 0: not counted yet */
    struct world_options quiet = *options, same = *options;
    quiet.trace = NULL;
    quiet.seed = same.seed = SEED;
    if (all == 0) {
        play(r, &quiet, 0);
        all = short_memory_count();
        run_done(r);
    }
    uint64_t failing = allocation_of(options->seed, all);
    long before = short_memory_live();
    play(r, &same, failing);
    world_check(r->w, short_memory_failed() && run_out(r) <= 1, "allocation %llu of %llu: memory ran out %u times",
        (unsigned long long)failing, (unsigned long long)all, run_out(r));
    run_done(r);
    long left = short_memory_live() - before;
    run_init(r, &quiet);
    world_check(r->w, left == 0, "allocation %llu of %llu: %ld are left", (unsigned long long)failing,
        (unsigned long long)all, left);
    if (options->seed == 1)
        printf("# short-memory: %llu allocations\n", (unsigned long long)all);
}
