/* SPDX-License-Identifier: MIT
 *
 * What files.h asks of one file, as jobs of the pool, and how a thread does each.
 */
#ifndef PEER_IO_FILE_WORK_H
#define PEER_IO_FILE_WORK_H

#include "peer/io/file_part.h"
#include "peer/io/file_pool.h"
#include "peer/io/file_source.h"
#include "peer/io/files.h"

enum file_task_kind {
    TASK_OPEN,
    TASK_RECEIVE,
    TASK_READ,
    TASK_HASHES,
    TASK_WRITE,
    TASK_VERIFIED,
    TASK_FINISH,
    TASK_CLOSE,
    /* Answers only. */
    TASK_NOTICE,
    TASK_HASHING,
    TASK_LACK /* of memory */
};

enum file_ending {
    FILE_STAYS,
    FILE_KEPT,
    FILE_REMOVED
};

struct file {
    uint64_t number;
    struct file_line line;
    struct file_work *work; /* borrowed */
    /* The thread's that is at it; the loop reads of it what it was told to. */
    struct file_source *source; /* owned, one of the two */
    struct file_part *part;
    bool is_part, broken;
    bool ready;                     /* it was opened, or received */
    gint64 told;                    /* when hashing was told last, us */
    gint ending;                    /* enum file_ending; atomic */
    bool closed;                    /* the loop's */
    struct file_task *lack, *close; /* owned, until they are used: there may be no memory then */
    struct file_task *held;         /* owned: its first, which waits for parts to be closed */
    struct file_task *gathered;     /* owned, the loop's: a stretch that is written when more of its block has come */
    size_t gather_max;              /* bytes that there is room for in it */
    uint64_t size;                  /* of a part */
};

struct file_task {
    struct file_job job; /* first */
    enum file_task_kind kind;
    struct file *file;
    uint32_t block, offset;
    uint64_t ticket, done, total;
    struct file_problem problem; /* code NULL: none */
    struct file_block *b;        /* owned; an answer of TASK_READ */
    uint8_t hash[FILE_HASH_BYTES];
    size_t n;
    uint8_t bytes[]; /* n: of a write or the hashes; a sentence */
};

struct file_work {
    struct file_pool *pool; /* borrowed, as is the cache */
    struct file_cache *cache;
};

/* n: of bytes; NULL: no memory. */
struct file_task *file_task_new(struct file *file, enum file_task_kind kind, size_t n);
void file_task_free(struct file_task *t); /* takes NULL */

/* source and part are taken, one of them; NULL: no memory, and both are freed. */
struct file *file_new(struct file_work *work, uint64_t number, struct file_source *source, struct file_part *part);
void file_free(struct file *file); /* after its TASK_CLOSE, or before its first task */

/* A step of a task, on a thread. */
enum file_pool_result file_work_step(void *user, struct file_job *job);

#endif
