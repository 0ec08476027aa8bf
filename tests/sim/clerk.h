/* SPDX-License-Identifier: MIT
 *
 * What the daemon has done for it elsewhere: passwords hashed by threads, in any order, and rooms.json written to a
 * disk that outlives it. Either may fail; a file is there whole or not at all.
 */
#ifndef SIM_CLERK_H
#define SIM_CLERK_H

#include "server/core/core.h"
#include "tests/sim/world.h"

struct clerk_face {
    void (*hashed)(void *who, uint64_t job, const uint8_t *hash); /* NULL: it failed */
    void (*written)(void *who);                                   /* the file is on the disk; nobody knows yet */
    void (*stored)(void *who, bool stored);
};

struct clerk_job {
    struct clerk *clerk;
    bool fails;
    uint64_t job, life; /* 0: free */
    uint8_t hash[ROOM_HASH_BYTES];
};

struct clerk {
    struct world *w;
    const struct clerk_face *face;
    void *who;
    uint32_t failing; /* of 1,000 */
    uint64_t life;
    struct frame *disk, *writing; /* NULL: no file; nothing in progress */
    struct clerk_job jobs[HASHES_MAX];
};

void clerk_init(struct clerk *k, struct world *w, const struct clerk_face *face, void *who);
void clerk_done(struct clerk *k);
void clerk_hash(struct clerk *k, const struct core_hash *ask);
void clerk_store(struct clerk *k, struct frame *file);
/* The daemon is gone: nobody waits. What was being written is on the disk, or not. */
void clerk_crash(struct clerk *k);

#endif
