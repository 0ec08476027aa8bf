/* SPDX-License-Identifier: MIT
 *
 * What was begun belongs to one life of the daemon; what comes of it later comes to nobody.
 */
#include "tests/sim/clerk.h"

#include "tests/sim/ports.h"

enum {
    HASH_MS = 1500,
    WRITE_MS = 400,
    ANSWER_MS = 200
};

void clerk_init(struct clerk *k, struct world *w, const struct clerk_face *face, void *who)
{
    *k = (struct clerk){.w = w, .face = face, .who = who, .life = 1};
}

void clerk_done(struct clerk *k)
{
    frame_unref(k->disk);
    frame_unref(k->writing);
}

static void on_hashed(void *who, uint64_t life)
{
    struct clerk_job *job = who;
    if (job->life != life || job->clerk->life != life)
        return;
    job->life = 0;
    job->clerk->face->hashed(job->clerk->who, job->job, job->fails ? NULL : job->hash);
}

void clerk_hash(struct clerk *k, const struct core_hash *ask)
{
    size_t i = 0;
    while (i < HASHES_MAX && k->jobs[i].life)
        i++;
    world_check(k->w, i < HASHES_MAX, "more than %d passwords are hashed at once", HASHES_MAX);
    struct clerk_job *job = &k->jobs[i];
    *job = (struct clerk_job){.clerk = k, .job = ask->job, .life = k->life, .fails = world_chance(k->w, k->failing)};
    ports_hash(ask, job->hash);
    world_at(k->w, world_now(k->w) + 1 + world_below(k->w, HASH_MS), on_hashed, job, k->life);
}

static void put_on_disk(struct clerk *k)
{
    frame_unref(k->disk);
    k->disk = k->writing;
    k->writing = NULL;
    k->face->written(k->who);
}

static void on_stored(void *who, uint64_t life)
{
    struct clerk *k = who;
    if (k->life == life)
        k->face->stored(k->who, true);
}

static void on_write(void *who, uint64_t life)
{
    struct clerk *k = who;
    if (k->life != life)
        return;
    if (world_chance(k->w, k->failing)) {
        frame_unref(k->writing);
        k->writing = NULL;
        k->face->stored(k->who, false);
        return;
    }
    put_on_disk(k);
    world_at(k->w, world_now(k->w) + 1 + world_below(k->w, ANSWER_MS), on_stored, k, life);
}

void clerk_store(struct clerk *k, struct frame *file)
{
    world_check(k->w, !k->writing, "two files are written at once");
    k->writing = frame_ref(file);
    world_at(k->w, world_now(k->w) + 1 + world_below(k->w, WRITE_MS), on_write, k, k->life);
}

void clerk_crash(struct clerk *k)
{
    k->life++;
    for (size_t i = 0; i < HASHES_MAX; i++)
        k->jobs[i].life = 0;
    if (k->writing && world_chance(k->w, 500))
        put_on_disk(k);
    frame_unref(k->writing);
    k->writing = NULL;
}
