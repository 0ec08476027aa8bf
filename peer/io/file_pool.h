/* SPDX-License-Identifier: MIT
 *
 * Two threads that do what waits for disks. Each file has a line of jobs, done one after the other; a job that takes
 * long is done in steps, and after each step it is another file's turn. What is to be told comes back in one queue,
 * by one wake-up.
 */
#ifndef PEER_IO_FILE_POOL_H
#define PEER_IO_FILE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
    FILE_POOL_THREADS = 2,
    FILE_POOL_BYTES_MAX = 24 * 1024 * 1024 /* that wait to be written: whoever gives more waits */
};

/* The head of whatever a job is. Once it was given it is the pool's until file_pool_take. */
struct file_job {
    struct file_job *next;
    struct file_line *line;
    size_t bytes; /* counted among those that wait */
};

/* A file's; zeroed at first. */
struct file_line {
    struct file_job *first, *last;
    struct file_line *next; /* of the lines whose turn comes */
    bool waits;             /* among these, or at work */
};

enum file_pool_result {
    FILE_JOB_GOES_ON,
    FILE_JOB_DONE,  /* it is an answer now */
    FILE_JOB_SILENT /* nothing is to be told: the pool frees it (free) */
};

struct file_pool;
/* step is called on a thread; ready too, when there may be answers. user is theirs. NULL with one sentence in err. */
struct file_pool *file_pool_new(enum file_pool_result (*step)(void *user, struct file_job *job),
    void (*ready)(void *user), void *user, struct err *err);
/* Does all that was given, then ends the threads. The answers stay for file_pool_take. Takes NULL. */
void file_pool_end(struct file_pool *p);
void file_pool_free(struct file_pool *p); /* after file_pool_end and the last file_pool_take. Takes NULL */

/* From the loop. A job that has bytes waits while FILE_POOL_BYTES_MAX is exceeded. */
void file_pool_give(struct file_pool *p, struct file_line *line, struct file_job *job);
/* From anywhere: an answer that was no job of the pool's. */
void file_pool_say(struct file_pool *p, struct file_job *answer);
/* The next answer; NULL: none now. */
struct file_job *file_pool_take(struct file_pool *p);

#endif
