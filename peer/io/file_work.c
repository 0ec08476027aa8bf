/* SPDX-License-Identifier: MIT
 *
 * A file that was closed is done with soon: what takes several steps ends at the next, what is read is not read, and
 * what was to be written to a part is written if it is kept.
 */
#include "peer/io/file_work.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TELL_US = 100 * 1000 /* hashing is told that often */
};

struct file_task *file_task_new(struct file *file, enum file_task_kind kind, size_t n)
{
    struct file_task *t = malloc(sizeof *t + n);
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->file = file;
    t->kind = kind;
    t->n = n;
    return t;
}

void file_task_free(struct file_task *t)
{
    if (t)
        file_block_unref(t->b);
    free(t);
}

struct file *file_new(struct file_work *work, uint64_t number, struct file_source *source, struct file_part *part)
{
    struct file *file = source || part ? calloc(1, sizeof *file) : NULL;
    if (!file) {
        file_source_free(source);
        file_part_free(part, true);
        return NULL;
    }
    *file = (struct file){.number = number, .work = work, .source = source, .part = part, .is_part = part != NULL};
    file->lack = file_task_new(file, TASK_LACK, 0);
    file->close = file_task_new(file, TASK_CLOSE, 0);
    if (file->lack && file->close)
        return file;
    file_free(file);
    return NULL;
}

void file_free(struct file *file)
{
    if (!file)
        return;
    file_source_free(file->source);
    file_part_free(file->part, true);
    file_task_free(file->lack);
    file_task_free(file->close);
    file_task_free(file->held);
    file_task_free(file->gathered);
    free(file);
}

/* ---- what is told meanwhile ---- */

static void tell_notice(void *ctx, const char *sentence)
{
    struct file *file = ctx;
    size_t n = strlen(sentence) + 1;
    struct file_task *t = file_task_new(file, TASK_NOTICE, n);
    if (!t)
        return;
    memcpy(t->bytes, sentence, n);
    file_pool_say(file->work->pool, &t->job);
}

static void tell_hashing(struct file *file, uint32_t blocks, uint64_t total)
{
    gint64 now = g_get_monotonic_time();
    uint64_t done = file_block_at(blocks);
    if (now - file->told < TELL_US || blocks == 0)
        return;
    struct file_task *t = file_task_new(file, TASK_HASHING, 0);
    if (!t)
        return;
    file->told = now;
    t->total = total;
    t->done = done < total ? done : total;
    file_pool_say(file->work->pool, &t->job);
}

/* ---- what is done ---- */

static enum file_pool_result end_of_step(struct file_task *t, bool ok, bool whole)
{
    if (ok && !whole)
        return FILE_JOB_GOES_ON;
    t->file->broken |= !ok && t->kind != TASK_FINISH;
    t->file->ready |= ok;
    return FILE_JOB_DONE;
}

static enum file_pool_result open_step(struct file_task *t)
{
    bool whole = false;
    struct file *file = t->file;
    bool ok = file_source_step(file->source, tell_notice, file, &whole, &t->problem);
    if (ok && !whole)
        tell_hashing(file, file->source->hashed, file->source->size);
    return end_of_step(t, ok, whole);
}

static enum file_pool_result receive_step(struct file_task *t)
{
    bool whole = false;
    struct file *file = t->file;
    bool ok = file_part_step(file->part, &whole, &t->problem);
    if (ok && !whole)
        tell_hashing(file, file_part_checked(file->part), t->total);
    return end_of_step(t, ok, whole);
}

static enum file_pool_result finish_step(struct file_task *t)
{
    char sentence[128];
    bool whole = false, ok = file_part_finish_step(t->file->part, &whole, &t->problem);
    uint32_t renamed = whole ? file_part_renamed(t->file->part) : 0;
    if (renamed) {
        snprintf(sentence, sizeof sentence, "%u names in the folder were changed, for not every system can have them",
            renamed);
        tell_notice(t->file, sentence);
    }
    if (whole && !file_part_path(t->file->part))
        file_problem_memory(&t->problem);
    return end_of_step(t, ok, whole);
}

static bool read_block(struct file *file, uint32_t block, struct file_task *t)
{
    uint32_t blocks = file->source ? file->source->blocks : file_part_blocks(file->part);
    if (block >= blocks)
        return file_problem_set(&t->problem, "io", "there is no block %u", block);
    t->b = file_cache_find(file->work->cache, file->number, block);
    if (t->b)
        return true;
    struct file_block *b = file_cache_room(file->work->cache);
    if (!b)
        return file_problem_memory(&t->problem);
    b->n = file->source ? file_block_bytes(file->source->size, block) : file_part_block_bytes(file->part, block);
    bool ok = file->source ? file_source_read(file->source, block, b->bytes, &t->problem)
                           : file_part_read(file->part, block, b->bytes, &t->problem);
    if (!ok) {
        file_block_unref(b);
        return false;
    }
    file_cache_add(file->work->cache, file->number, block, b);
    t->b = b;
    return true;
}

static enum file_pool_result write_piece(struct file_task *t)
{
    bool whole = false;
    struct span bytes = {(const char *)t->bytes, t->n};
    bool ok = file_part_write(t->file->part, t->block, t->offset, bytes, &whole, t->hash, &t->problem);
    return !ok || whole ? FILE_JOB_DONE : FILE_JOB_SILENT;
}

static enum file_pool_result close_file(struct file *file)
{
    file_source_free(file->source);
    file_part_free(file->part, g_atomic_int_get(&file->ending) != FILE_REMOVED);
    file->source = NULL;
    file->part = NULL;
    file_cache_forget(file->work->cache, file->number);
    return FILE_JOB_DONE;
}

/* Of a file that is not open yet, was closed, or has failed: what is of no use. */
static bool is_idle(const struct file_task *t)
{
    bool opens = t->kind == TASK_OPEN || t->kind == TASK_RECEIVE;
    int ending = g_atomic_int_get(&t->file->ending);
    bool writes = t->kind == TASK_WRITE || t->kind == TASK_VERIFIED || t->kind == TASK_HASHES;
    return t->kind != TASK_CLOSE && (t->file->broken || (!opens && !t->file->ready) || ending == FILE_REMOVED ||
                                        (ending == FILE_KEPT && !writes));
}

enum file_pool_result file_work_step(void *user, struct file_job *job)
{
    struct file_task *t = (struct file_task *)job;
    struct file *file = t->file;
    bool ok = true;
    (void)user;
    if (is_idle(t))
        return FILE_JOB_SILENT;
    switch (t->kind) {
    case TASK_OPEN:
        return open_step(t);
    case TASK_RECEIVE:
        return receive_step(t);
    case TASK_FINISH:
        return finish_step(t);
    case TASK_WRITE:
        return write_piece(t);
    case TASK_CLOSE:
        return close_file(file);
    case TASK_READ:
        read_block(file, t->block, t);
        return FILE_JOB_DONE;
    case TASK_HASHES:
        ok = file_part_put_hashes(file->part, t->bytes, t->n / FILE_HASH_BYTES, &t->problem);
        break;
    case TASK_VERIFIED:
        ok = file_part_verified(file->part, t->block, &t->problem);
        break;
    default:
        break;
    }
    return ok ? FILE_JOB_SILENT : FILE_JOB_DONE;
}
