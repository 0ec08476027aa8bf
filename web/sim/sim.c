/* SPDX-License-Identifier: MIT
 *
 * The simulator as a module: one story or seed a call, whose trace goes to standard output line by line, as in a terminal (`sim --trace`). A
 * run that fails says why in its last lines, and ends the instance. WASI is what it needs of a system: fd_write, and
 * proc_exit where an invariant is violated (wasi.js).
 */
#include <stdio.h>

#include "tests/sim/run.h"

#define EXPORT(name) __attribute__((export_name(#name)))

enum {
    NAME_MAX_BYTES = 64
};

static char name[NAME_MAX_BYTES];

/* Where the name for `sim_run` is written, of at most so many bytes with its NUL. */
EXPORT(sim_name) char *sim_name(void);
char *sim_name(void)
{
    return name;
}

EXPORT(sim_name_max) unsigned sim_name_max(void);
unsigned sim_name_max(void)
{
    return sizeof name;
}

/* Prints what there is: "seed NAME" and "story NAME", a line each. */
EXPORT(sim_list) void sim_list(void);
void sim_list(void)
{
    for (const struct story *t = SEEDED; t->name; t++)
        if (t->tell != seed_short_memory) /* not_here.c */
            printf("seed %s\n", t->name);
    for (const struct story *t = STORIES; t->name; t++)
        printf("story %s\n", t->name);
    fflush(stdout);
}

/* Runs what `name` says with this seed; false: there is no such thing. Its hash is the last line: native runs have the same. */
EXPORT(sim_run) bool sim_run(double seed);
bool sim_run(double seed)
{
    struct run r;
    struct world_beacon beacon = {.seed = (uint64_t)seed};
    char replay[NAME_MAX_BYTES + 64];
    const struct story *story = story_find(SEEDED, name);
    story = story ? story : story_find(STORIES, name);
    if (!story)
        return false;
    snprintf(replay, sizeof replay, "sim --scenario %s --seed %.0f --trace", name, seed);
    struct world_options options = {
        .seed = (uint64_t)seed, .replay = replay, .trace = stdout, .beacon = &beacon, .every = !story->long_one};
    story->tell(&r, &options);
    printf("# hash %016llx\n", (unsigned long long)world_hash(r.w));
    run_done(&r);
    fflush(stdout);
    return true;
}
