/* SPDX-License-Identifier: MIT
 *
 * Files of peer/io/files.h on a loop of the test's own, what they told, and a transfer from one to another.
 */
#ifndef TESTS_PEER_IO_FILE_DESK_H
#define TESTS_PEER_IO_FILE_DESK_H

#include "peer/io/file_hash.h"
#include "peer/io/files.h"
#include "tests/unit/peer_io/scratch.h"

enum {
    DESK_BOUND_S = 60, /* that long a test waits for one thing */
    DESK_PIECE = 16 * 1024,
    MIB = 1024 * 1024
};

/* What was told of one file; those that are not waited for are written over. */
struct told {
    unsigned opened, part, done, problems, blocks, written, hashing, notices;
    uint64_t size, hashing_total;
    bool tree;
    uint32_t block_n;
    uint8_t *hashes, *have, root[FILE_HASH_BYTES], hash[FILE_HASH_BYTES];
    bool knows_hashes;
    char name[FILE_TREE_NAME_MAX + 1], path[4096 + 256], code[32], sentence[512], notice[8192];
    enum files_call call;
    uint32_t block;
    uint64_t ticket;
    struct file_block *b;
};

enum {
    DESK_FILES = 16
};
struct desk {
    GMainContext *context;
    struct files *f;
    struct told told[DESK_FILES];
    bool late;
};

static inline void desk_keep(uint8_t **to, const void *from, size_t n)
{
    free(*to);
    *to = malloc(n + 1);
    assert_non_null(*to);
    memcpy(*to, from, n);
}

static inline void on_opened(void *user, uint64_t file, const struct files_opened *o)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->opened++;
    snprintf(t->name, sizeof t->name, "%s", o->name);
    t->size = o->size;
    t->tree = o->tree;
    t->block_n = o->blocks;
    desk_keep(&t->hashes, o->hashes, (size_t)o->blocks * FILE_HASH_BYTES);
    memcpy(t->root, o->root, sizeof t->root);
}

static inline void on_hashing(void *user, uint64_t file, uint64_t done, uint64_t total)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->hashing++;
    t->hashing_total = total;
    assert_true(done > 0 && done <= total);
}

static inline void on_notice(void *user, uint64_t file, const char *sentence)
{
    struct told *t = &((struct desk *)user)->told[file];
    size_t n = strlen(t->notice);
    t->notices++;
    snprintf(t->notice + n, sizeof t->notice - n, "%s\n", sentence);
}

static inline void on_block(void *user, uint64_t file, uint32_t block, uint64_t ticket, struct file_block *b)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->blocks++;
    t->block = block;
    t->ticket = ticket;
    file_block_unref(t->b);
    t->b = file_block_ref(b);
}

static inline void on_part(void *user, uint64_t file, uint32_t blocks, const uint8_t *have, const uint8_t *hashes)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->part++;
    t->block_n = blocks;
    desk_keep(&t->have, have, file_bits_bytes(blocks));
    t->knows_hashes = hashes != NULL;
}

static inline void on_block_written(void *user, uint64_t file, uint32_t block, const uint8_t hash[FILE_HASH_BYTES])
{
    struct told *t = &((struct desk *)user)->told[file];
    t->written++;
    t->block = block;
    memcpy(t->hash, hash, FILE_HASH_BYTES);
}

static inline void on_done(void *user, uint64_t file, const char *path)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->done++;
    snprintf(t->path, sizeof t->path, "%s", path);
}

static inline void on_problem(void *user, uint64_t file, const struct files_problem *p)
{
    struct told *t = &((struct desk *)user)->told[file];
    t->problems++;
    t->call = p->call;
    t->block = p->block;
    t->ticket = p->ticket;
    snprintf(t->code, sizeof t->code, "%s", p->code);
    snprintf(t->sentence, sizeof t->sentence, "%s", p->sentence);
}

static inline void desk_open(struct desk *d)
{
    static const struct files_callbacks CALLBACKS = {
        on_opened, on_hashing, on_notice, on_block, on_part, on_block_written, on_done, on_problem};
    struct err err = {.text = ""};
    *d = (struct desk){.context = g_main_context_new()};
    d->f = files_new(d->context, &CALLBACKS, d, &err);
    if (!d->f)
        fail_msg("%s", err.text);
}

static inline void desk_close(struct desk *d)
{
    files_free(d->f);
    for (size_t i = 0; i < DESK_FILES; i++) {
        free(d->told[i].hashes);
        free(d->told[i].have);
        file_block_unref(d->told[i].b);
    }
    g_main_context_unref(d->context);
}

static inline gboolean desk_is_late(gpointer user)
{
    ((struct desk *)user)->late = true;
    return G_SOURCE_CONTINUE;
}

/* Runs the loop until *count is `wanted`, or a problem of this file was told. */
static inline void desk_wait(struct desk *d, uint64_t file, const unsigned *count, unsigned wanted)
{
    struct told *t = &d->told[file];
    unsigned problems = t->problems;
    GSource *bound = g_timeout_source_new_seconds(DESK_BOUND_S);
    g_source_set_callback(bound, desk_is_late, d, NULL);
    g_source_attach(bound, d->context);
    while (*count < wanted && !d->late && (t->problems == problems || count == &t->problems))
        g_main_context_iteration(d->context, TRUE);
    g_source_destroy(bound);
    g_source_unref(bound);
    if (d->late)
        fail_msg("file %u: waited for %d s", (unsigned)file, DESK_BOUND_S);
    if (*count < wanted)
        fail_msg("file %u: %s: %s", (unsigned)file, t->code, t->sentence);
}

#define DESK_WAIT(d, file, what) desk_wait(d, file, &(d)->told[file].what, (d)->told[file].what + 1)

/* Waits for a problem, which is to have this code. */
static inline void desk_wait_problem(struct desk *d, uint64_t file, const char *code)
{
    DESK_WAIT(d, file, problems);
    if (strcmp(d->told[file].code, code) != 0)
        fail_msg("%s instead of %s: %s", d->told[file].code, code, d->told[file].sentence);
}

static inline void desk_offer(struct desk *d, uint64_t file, const char *path)
{
    assert_true(files_open(d->f, file, path));
    DESK_WAIT(d, file, opened);
}

static inline void desk_ask(struct desk *d, uint64_t from, uint64_t to, const char *dir, const char *name)
{
    const struct told *s = &d->told[from];
    assert_true(files_receive(d->f, to, dir, span_of(name), s->size, s->root, s->tree));
}

static inline void desk_receive(struct desk *d, uint64_t from, uint64_t to, const char *dir, const char *name)
{
    desk_ask(d, from, to, dir, name);
    DESK_WAIT(d, to, part);
    files_hashes(d->f, to, d->told[from].hashes, d->told[from].block_n);
}

static inline void desk_write(struct desk *d, uint64_t to, uint32_t block, const struct file_block *b)
{
    for (uint32_t at = 0; at < b->n; at += DESK_PIECE) {
        uint32_t n = b->n - at < DESK_PIECE ? b->n - at : DESK_PIECE;
        files_write(d->f, to, block, at, (struct span){(const char *)b->bytes + at, n});
    }
}

/* Copies a block from one to the other. */
static inline void desk_carry(struct desk *d, uint64_t from, uint64_t to, uint32_t block)
{
    files_read(d->f, from, block, 77);
    DESK_WAIT(d, from, blocks);
    assert_int_equal(d->told[from].block, block);
    assert_int_equal(d->told[from].ticket, 77);
    desk_write(d, to, block, d->told[from].b);
    DESK_WAIT(d, to, written);
    assert_int_equal(d->told[to].block, block);
    assert_memory_equal(d->told[to].hash, d->told[from].hashes + (size_t)block * FILE_HASH_BYTES, FILE_HASH_BYTES);
    files_verified(d->f, to, block);
}

static inline void desk_carry_missing(struct desk *d, uint64_t from, uint64_t to)
{
    for (uint32_t b = 0; b < d->told[from].block_n; b++)
        if (!file_bit(d->told[to].have, b))
            desk_carry(d, from, to, b);
}

static inline void desk_finish(struct desk *d, uint64_t to)
{
    files_finish(d->f, to);
    DESK_WAIT(d, to, done);
}

/* All of it: d->told[to].path is where it is then. */
static inline void desk_transfer(struct desk *d, uint64_t from, uint64_t to, const char *dir)
{
    desk_receive(d, from, to, dir, d->told[from].name);
    desk_carry_missing(d, from, to);
    desk_finish(d, to);
}

/* ---- files of the test ---- */

/* Bytes that differ from block to block, and by the seed. */
static inline void desk_make(const char *path, size_t n, unsigned seed)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    uint32_t x = seed * 2654435761u + 1;
    uint8_t room[4096];
    for (size_t at = 0; at < n;) {
        for (size_t i = 0; i < sizeof room; i++) {
            x = x * 1664525u + 1013904223u;
            room[i] = (uint8_t)(x >> 24);
        }
        size_t part = n - at < sizeof room ? n - at : sizeof room;
        assert_int_equal(fwrite(room, 1, part, f), part);
        at += part;
    }
    assert_int_equal(fclose(f), 0);
}

static inline bool desk_same(const char *a, const char *b)
{
    FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
    assert_true(x && y);
    static char p[64 * 1024], q[64 * 1024];
    size_t n, m;
    do {
        n = fread(p, 1, sizeof p, x);
        m = fread(q, 1, sizeof q, y);
    } while (n == m && n > 0 && memcmp(p, q, n) == 0);
    fclose(x);
    fclose(y);
    return n == 0 && m == 0;
}

static inline bool desk_is_there(const char *dir, const char *name)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

#endif
