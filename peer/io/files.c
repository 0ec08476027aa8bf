/* SPDX-License-Identifier: MIT
 *
 * The loop's side. A call makes a task, which comes back with its answer in it. What a thread has of a file and what
 * the loop has never meet: the loop reads a source or a part only while it tells what its own task has found.
 */
#include "peer/io/files.h"

#include <stdlib.h>

#include "peer/io/file_work.h"

enum {
    ANSWERS_AT_ONCE = 64, /* of one turn of the loop */
    GATHERED_MAX =
        256 * 1024 /* bytes of a block that are written in one call: each piece alone cost a thread's wake-up */
};

struct files {
    const struct files_callbacks *callbacks; /* borrowed */
    void *user;
    GSource *answers; /* made ready by the threads */
    GHashTable *open; /* number → struct file, which the closing task takes along */
    struct file_work work;
    unsigned closing; /* parts that were closed, and have not let go of their locks yet */
};

/* ---- told ---- */

static void tell_problem(struct files *f, const struct file_task *t)
{
    static const enum files_call CALLS[] = {
        [TASK_OPEN] = FILES_OPEN,
        [TASK_RECEIVE] = FILES_RECEIVE,
        [TASK_READ] = FILES_READ,
        [TASK_HASHES] = FILES_NOTE,
        [TASK_WRITE] = FILES_WRITE,
        [TASK_VERIFIED] = FILES_NOTE,
        [TASK_FINISH] = FILES_FINISH,
        [TASK_LACK] = FILES_ANY,
    };
    struct files_problem p = {CALLS[t->kind], t->problem.code, t->problem.why.text, t->block, t->ticket};
    f->callbacks->problem(f->user, t->file->number, &p);
}

static void tell_opened(struct files *f, const struct file *file)
{
    const struct file_source *s = file->source;
    struct files_opened o = {s->name, s->size, s->tree, s->blocks, s->hashes, s->root};
    f->callbacks->opened(f->user, file->number, &o);
}

static void tell(struct files *f, const struct file_task *t)
{
    const struct files_callbacks *cb = f->callbacks;
    struct file *file = t->file;
    if (t->problem.code) {
        tell_problem(f, t);
        return;
    }
    switch (t->kind) {
    case TASK_OPEN:
        tell_opened(f, file);
        break;
    case TASK_RECEIVE:
        cb->part(f->user, file->number, file_part_blocks(file->part), file_part_have(file->part),
            file_part_hashes(file->part));
        break;
    case TASK_READ:
        cb->block(f->user, file->number, t->block, t->ticket, t->b);
        break;
    case TASK_WRITE:
        cb->block_written(f->user, file->number, t->block, t->hash);
        break;
    case TASK_FINISH:
        cb->done(f->user, file->number, file_part_path(file->part));
        break;
    case TASK_NOTICE:
        cb->notice(f->user, file->number, (const char *)t->bytes);
        break;
    case TASK_HASHING:
        cb->hashing(f->user, file->number, t->done, t->total);
        break;
    default: /* it has nothing to say */
        break;
    }
}

/* A part that was closed a moment ago is not in use. */
static void give_held(struct files *f)
{
    GHashTableIter each;
    gpointer file;
    g_hash_table_iter_init(&each, f->open);
    while (g_hash_table_iter_next(&each, NULL, &file)) {
        struct file_task *t = ((struct file *)file)->held;
        ((struct file *)file)->held = NULL;
        if (t)
            file_pool_give(f->work.pool, &t->file->line, &t->job);
    }
}

static void take_answer(struct files *f, struct file_task *t)
{
    if (!t->file->closed)
        tell(f, t);
    struct file *ended = t->kind == TASK_CLOSE ? t->file : NULL;
    file_task_free(t);
    if (ended && ended->is_part && --f->closing == 0)
        give_held(f);
    file_free(ended);
}

static gboolean on_answers(gpointer user)
{
    struct files *f = user;
    struct file_job *job = NULL;
    for (unsigned i = 0; i < ANSWERS_AT_ONCE && (job = file_pool_take(f->work.pool)); i++)
        take_answer(f, (struct file_task *)job);
    if (job) /* there may be more */
        g_source_set_ready_time(f->answers, 0);
    return G_SOURCE_CONTINUE;
}

/* From a thread; GLib wakes the loop. */
static void on_ready(void *user)
{
    struct files *f = user;
    g_source_set_ready_time(f->answers, 0);
}

/* A ready time that has passed would fire again at once. */
static gboolean dispatch(GSource *source, GSourceFunc run, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return run(user);
}

/* ---- from its beginning to its end ---- */

struct files *files_new(GMainContext *context, const struct files_callbacks *callbacks, void *user, struct err *err)
{
    static const GSourceFuncs FUNCS = {.dispatch = dispatch};
    struct files *f = calloc(1, sizeof *f);
    if (!f) {
        err_memory(err);
        return NULL;
    }
    f->callbacks = callbacks;
    f->user = user;
    f->open = g_hash_table_new(g_int64_hash, g_int64_equal);
    f->answers = g_source_new((GSourceFuncs *)&FUNCS, sizeof(GSource));
    g_source_set_callback(f->answers, on_answers, f, NULL);
    g_source_attach(f->answers, context);
    f->work.cache = file_cache_new();
    if (!f->work.cache)
        err_memory(err);
    else
        f->work.pool = file_pool_new(file_work_step, on_ready, f, err);
    if (f->work.pool)
        return f;
    files_free(f);
    return NULL;
}

static void write_gathered(struct files *f, struct file *file)
{
    struct file_task *t = file->gathered;
    if (!t)
        return;
    file->gathered = NULL;
    t->job.bytes = sizeof *t + t->n;
    file_pool_give(f->work.pool, &file->line, &t->job);
}

/* What came before it is done before it. */
static void give(struct files *f, struct file_task *t)
{
    write_gathered(f, t->file);
    file_pool_give(f->work.pool, &t->file->line, &t->job);
}

static void close_file(struct files *f, struct file *file, bool keep)
{
    struct file_task *t = file->close;
    file->close = NULL;
    file->closed = true;
    file_task_free(file->held);
    file->held = NULL;
    f->closing += file->is_part;
    g_atomic_int_set(&file->ending, keep ? FILE_KEPT : FILE_REMOVED);
    give(f, t);
}

void files_free(struct files *f)
{
    if (!f)
        return;
    GHashTableIter each;
    gpointer file;
    g_hash_table_iter_init(&each, f->open);
    while (g_hash_table_iter_next(&each, NULL, &file)) {
        g_hash_table_iter_steal(&each);
        close_file(f, file, true);
    }
    file_pool_end(f->work.pool);
    for (struct file_job *job; f->work.pool && (job = file_pool_take(f->work.pool));)
        take_answer(f, (struct file_task *)job);
    file_pool_free(f->work.pool);
    file_cache_free(f->work.cache);
    g_source_destroy(f->answers);
    g_source_unref(f->answers);
    g_hash_table_destroy(f->open);
    free(f);
}

static struct file *find(struct files *f, uint64_t number)
{
    return g_hash_table_lookup(f->open, &number);
}

/* Room for n bytes in a task of an open file. Without memory the file hears that, once. */
static struct file_task *task_for(struct file *file, enum file_task_kind kind, size_t n)
{
    struct file_task *t = file_task_new(file, kind, n);
    if (t || !file->lack)
        return t;
    file_problem_memory(&file->lack->problem);
    file_pool_say(file->work->pool, &file->lack->job);
    file->lack = NULL;
    return NULL;
}

static bool begin(struct files *f, struct file *file, enum file_task_kind kind, uint64_t total)
{
    struct file_task *t = file ? file_task_new(file, kind, 0) : NULL;
    if (!t) {
        file_free(file);
        return false;
    }
    t->total = total;
    g_hash_table_insert(f->open, &file->number, file);
    if (file->is_part && f->closing > 0)
        file->held = t;
    else
        file_pool_give(f->work.pool, &file->line, &t->job);
    return true;
}

bool files_open(struct files *f, uint64_t number, const char *path)
{
    return begin(f, file_new(&f->work, number, file_source_new(path), NULL), TASK_OPEN, 0);
}

bool files_receive(struct files *f, uint64_t number, const char *dir, struct span name, uint64_t size,
    const uint8_t root[FILE_HASH_BYTES], bool tree)
{
    struct file_part *part = file_part_new(dir, name, size, root, tree);
    struct file *file = file_new(&f->work, number, NULL, part);
    if (file)
        file->size = size;
    return begin(f, file, TASK_RECEIVE, size);
}

void files_close(struct files *f, uint64_t number, bool keep)
{
    struct file *file = find(f, number);
    if (!file)
        return;
    g_hash_table_remove(f->open, &number);
    close_file(f, file, keep);
}

/* ---- asked of an open file ---- */

void files_read(struct files *f, uint64_t number, uint32_t block, uint64_t ticket)
{
    struct file *file = find(f, number);
    struct file_task *t = file ? task_for(file, TASK_READ, 0) : NULL;
    if (!t)
        return;
    t->block = block;
    t->ticket = ticket;
    give(f, t);
}

static struct file *find_part(struct files *f, uint64_t number)
{
    struct file *file = find(f, number);
    return file && file->is_part ? file : NULL;
}

void files_hashes(struct files *f, uint64_t number, const uint8_t *hashes, uint32_t blocks)
{
    struct file *file = find_part(f, number);
    struct file_task *t = file ? task_for(file, TASK_HASHES, (size_t)blocks * FILE_HASH_BYTES) : NULL;
    if (!t)
        return;
    memcpy(t->bytes, hashes, t->n);
    t->job.bytes = t->n;
    give(f, t);
}

/* A task with room for as much of the block as is written in one call, and for n bytes. */
static struct file_task *gather(struct file *file, uint32_t block, uint32_t offset, size_t n)
{
    uint64_t end = block < file_blocks(file->size) ? file_block_bytes(file->size, block) : 0;
    uint64_t left = offset < end ? end - offset : 0;
    file->gather_max = MAX(n, (size_t)MIN(left, (uint64_t)GATHERED_MAX));
    struct file_task *t = task_for(file, TASK_WRITE, file->gather_max);
    if (!t)
        return NULL;
    t->block = block;
    t->offset = offset;
    t->n = 0;
    return t;
}

void files_write(struct files *f, uint64_t number, uint32_t block, uint32_t offset, struct span bytes)
{
    struct file *file = find_part(f, number);
    if (!file)
        return;
    struct file_task *t = file->gathered;
    if (t && (t->block != block || t->offset + t->n != offset || bytes.n > file->gather_max - t->n))
        write_gathered(f, file);
    if (!file->gathered)
        file->gathered = gather(file, block, offset, bytes.n);
    t = file->gathered;
    if (!t)
        return;
    if (bytes.n)
        memcpy(t->bytes + t->n, bytes.p, bytes.n);
    t->n += bytes.n;
    if (t->n == file->gather_max)
        write_gathered(f, file);
}

void files_verified(struct files *f, uint64_t number, uint32_t block)
{
    struct file *file = find_part(f, number);
    struct file_task *t = file ? task_for(file, TASK_VERIFIED, 0) : NULL;
    if (!t)
        return;
    t->block = block;
    give(f, t);
}

void files_finish(struct files *f, uint64_t number)
{
    struct file *file = find_part(f, number);
    struct file_task *t = file ? task_for(file, TASK_FINISH, 0) : NULL;
    if (t)
        give(f, t);
}
