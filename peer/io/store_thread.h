/* SPDX-License-Identifier: MIT
 *
 * The thread that a store lives on: what the tables are to do goes in by one queue, what they answer comes back in the same
 * order. So a disk that takes its time to sync stops nothing but what waits for it.
 */
#ifndef PEER_IO_STORE_THREAD_H
#define PEER_IO_STORE_THREAD_H

#include "peer/io/store.h"

enum {
    /* So many wait for the disk, and as many are at work, before whoever gives more waits: some five thousand messages, with
     * which the core's own list of what waits for a commit (AFTER_COMMITS_MAX) is not full. */
    STORE_JOBS_MAX = 32 * 1024,
    STORE_BYTES_MAX = 32 * 1024 * 1024
};

struct store_job {
    struct store_job *next;
    struct peer_effect what; /* owned: PEER_FX_PUT, _DELETE, _LOAD; _COMMIT: sync all that was given */
};
void store_job_free(struct store_job *job);

struct store_jobs {
    struct store_job *first, *last;
    size_t n, bytes;
};
void store_jobs_add(struct store_jobs *jobs, struct store_job *job); /* taken */
void store_jobs_free(struct store_jobs *jobs);

struct store_answer {
    struct store_answer *next;
    enum peer_event_type type; /* PEER_LOADED, PEER_COMMITTED; PEER_STORE_FAILED: the last */
    uint64_t ticket;
    struct store_rows rows;
    struct err why; /* it failed */
};
void store_answer_free(struct store_answer *a); /* takes NULL */

struct store_thread;

/* store is borrowed, and the thread's until store_thread_free, but for calls before the first jobs are given. ready is called
 * from the thread when there may be answers. NULL with one sentence in err. */
struct store_thread *store_thread_new(struct store *store, void (*ready)(void *user), void *user, struct err *err);
/* Does all that was given, then ends. Takes NULL. */
void store_thread_free(struct store_thread *t);
/* The jobs are taken, and the list is empty then. What is given at once is committed at once, or not at all. Waits while
 * STORE_JOBS_MAX or STORE_BYTES_MAX are exceeded. */
void store_thread_give(struct store_thread *t, struct store_jobs *jobs);
/* Half of what may wait does. */
bool store_thread_is_behind(struct store_thread *t);
/* The next answer, the caller's; NULL: none now. */
struct store_answer *store_thread_take(struct store_thread *t);

#endif
