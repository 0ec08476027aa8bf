/* SPDX-License-Identifier: MIT
 *
 * One list of files of both kinds; the number of the life is the argument of its timers, so a dead one's answers are dropped.
 */
#include "tests/sim/filedisk.h"

#include <stdlib.h>

#include <utlist.h>

#include "peer/core/transfer/block_map.h"

enum {
    ANSWER_MS = 20,
    UNSYNCED = 200 /* of 1,000 blocks, when a machine goes down */
};

struct file {
    struct file *next;
    uint64_t number; /* 0: it is not open */
    bool part, finished;
    char name[64];
    uint64_t size;
    uint32_t blocks;
    uint8_t root[HASH_BYTES];
    uint8_t *bytes, *hashes, *map;
    bool listed; /* of a part: its hashes are known */
};

struct answer {
    struct answer *prev, *next;
    struct peer_event event;
};

struct filedisk {
    struct world *w;
    struct peer_crypto crypto;
    filedisk_answer *answer;
    void *who;
    struct file *files;
    struct answer *answers;
    uint64_t life, last_at, written;
};

struct filedisk *filedisk_new(struct world *w, const struct peer_crypto *crypto, filedisk_answer *answer, void *who)
{
    struct filedisk *d = world_alloc(sizeof *d);
    *d = (struct filedisk){.w = w, .crypto = *crypto, .answer = answer, .who = who};
    return d;
}

static void drop_answers(struct filedisk *d)
{
    struct answer *a, *next;
    DL_FOREACH_SAFE (d->answers, a, next)
        free(a);
    d->answers = NULL;
}

void filedisk_free(struct filedisk *d)
{
    struct file *f, *next;
    if (!d)
        return;
    drop_answers(d);
    LL_FOREACH_SAFE(d->files, f, next)
    {
        free(f->bytes);
        free(f->hashes);
        free(f->map);
        free(f);
    }
    free(d);
}

static void on_answer(void *who, uint64_t life)
{
    struct filedisk *d = who;
    if (life != d->life)
        return;
    struct answer *a = d->answers;
    struct peer_event event = a->event;
    DL_DELETE(d->answers, a);
    free(a);
    d->answer(d->who, event);
}

static void later(struct filedisk *d, struct peer_event event)
{
    struct answer *a = world_alloc(sizeof *a);
    uint64_t at = world_now(d->w) + world_below(d->w, ANSWER_MS);
    a->event = event;
    DL_APPEND(d->answers, a);
    d->last_at = at > d->last_at ? at : d->last_at;
    world_at(d->w, d->last_at, on_answer, d, d->life);
}

static struct file *find(const struct filedisk *d, uint64_t number)
{
    struct file *f = d->files;
    while (f && f->number != number)
        f = f->next;
    return f;
}

static struct file *add(struct filedisk *d, const char *name, uint64_t size, bool part)
{
    struct file *f = world_alloc(sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->size = size;
    f->part = part;
    f->blocks = (uint32_t)file_blocks(size);
    f->bytes = world_alloc((size_t)size + 1);
    f->hashes = world_alloc((size_t)f->blocks * HASH_BYTES + 1);
    f->map = world_alloc(block_map_bytes(f->blocks) + 1);
    LL_PREPEND(d->files, f);
    return f;
}

/* What a file of that name holds at `at`, eight bytes. */
static uint64_t content(uint64_t seed, uint64_t at)
{
    uint64_t z = (seed << 32) + at + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 27);
}

static void fill(struct file *f, uint64_t seed)
{
    for (uint64_t at = 0; at < f->size; at += 8) {
        uint64_t v = content(seed, at);
        memcpy(f->bytes + at, &v, f->size - at < 8 ? (size_t)(f->size - at) : 8);
    }
}

static bool is_right(const struct file *f, uint64_t from, uint64_t n)
{
    unsigned long long size, seed;
    if (sscanf(f->name, "%llu-%llu", &size, &seed) != 2 || size != f->size)
        return false;
    for (uint64_t at = from; at < from + n; at += 8) {
        uint64_t v = content(seed, at), rest = from + n - at;
        if (memcmp(f->bytes + at, &v, rest < 8 ? (size_t)rest : 8) != 0)
            return false;
    }
    return true;
}

static struct span block_of(const struct file *f, uint32_t block)
{
    return (struct span){(const char *)f->bytes + (uint64_t)block * FILE_BLOCK_BYTES, file_block_bytes(f->size, block)};
}

/* ---- effects ---- */

static void open_source(struct filedisk *d, const struct peer_effect *e)
{
    unsigned long long size, seed;
    world_check(d->w, sscanf(e->open_file.path, "%llu-%llu", &size, &seed) == 2, "no file %s", e->open_file.path);
    struct file *f = add(d, e->open_file.path, size, false);
    f->number = e->open_file.file;
    fill(f, seed);
    for (uint32_t i = 0; i < f->blocks; i++)
        d->crypto.sha256(d->crypto.ctx, block_of(f, i), f->hashes + (size_t)i * HASH_BYTES);
    later(d, (struct peer_event){.type = PEER_FILE_OPENED,
                 .opened_file = {.file = f->number, .size = size, .name = span_of(f->name), .hashes = f->hashes}});
}

/* What is there of it, as it is hashed again. */
static void open_part(struct filedisk *d, const struct peer_effect *e)
{
    struct file *f = d->files;
    while (f && !(f->part && !f->finished && f->number == 0 && memcmp(f->root, e->open_part.root, HASH_BYTES) == 0))
        f = f->next;
    if (!f)
        f = add(d, e->open_part.name, e->open_part.size, true);
    memcpy(f->root, e->open_part.root, HASH_BYTES);
    f->number = e->open_part.file;
    later(d, (struct peer_event){.type = PEER_PART_OPENED,
                 .opened_part = {f->number, f->listed ? f->hashes : NULL, f->listed ? f->map : NULL}});
}

static void write_part(struct filedisk *d, struct file *f, const struct peer_effect *e)
{
    uint64_t at = (uint64_t)e->part_write.block * FILE_BLOCK_BYTES + e->part_write.offset;
    size_t n = e->part_write.bytes.n, end = e->part_write.offset + n;
    world_check(d->w, f->listed && at + n <= f->size, "%s: %zu bytes at %llu", f->name, n, (unsigned long long)at);
    world_check(d->w, !block_map_has(f->map, e->part_write.block), "%s: block %u is written, and was there", f->name,
        e->part_write.block);
    memcpy(f->bytes + at, e->part_write.bytes.p, n);
    if (end < file_block_bytes(f->size, e->part_write.block))
        return;
    struct peer_event event = {
        .type = PEER_PART_BLOCK, .part_block = {.file = f->number, .block = e->part_write.block}};
    d->crypto.sha256(d->crypto.ctx, block_of(f, e->part_write.block), event.part_block.hash);
    d->written++;
    later(d, event);
}

static void verified(struct filedisk *d, struct file *f, uint32_t block)
{
    struct span bytes = block_of(f, block);
    world_check(
        d->w, is_right(f, (uint64_t)block * FILE_BLOCK_BYTES, bytes.n), "%s: block %u is wrong", f->name, block);
    block_map_add(f->map, block);
}

static void finish(struct filedisk *d, struct file *f)
{
    world_check(d->w, is_right(f, 0, f->size), "%s is not what was sent", f->name);
    f->finished = true;
    later(d, (struct peer_event){.type = PEER_PART_DONE, .part_done = {f->number, span_of(f->name)}});
}

/* What is read stays where it is until this life's end. */
static void read_some(struct filedisk *d, const struct peer_effect *e)
{
    const struct file *f = find(d, e->read_file.file);
    struct peer_event event = {.type = PEER_FILE_READ, .read_file = {.ticket = e->read_file.ticket}};
    if (f)
        event.read_file.bytes = (struct span){
            (const char *)f->bytes + (uint64_t)e->read_file.block * FILE_BLOCK_BYTES + e->read_file.offset,
            e->read_file.n};
    later(d, event);
}

void filedisk_effect(struct filedisk *d, const struct peer_effect *e)
{
    struct file *f;
    switch (e->type) {
    case PEER_FX_FILE_OPEN:
        open_source(d, e);
        break;
    case PEER_FX_FILE_READ:
        read_some(d, e);
        break;
    case PEER_FX_FILE_CLOSE:
        if ((f = find(d, e->close_file.file)))
            f->number = 0;
        break;
    case PEER_FX_PART_OPEN:
        open_part(d, e);
        break;
    case PEER_FX_PART_HASHES:
        if ((f = find(d, e->part_hashes.file))) {
            memcpy(f->hashes, e->part_hashes.hashes.p, e->part_hashes.hashes.n);
            f->listed = true;
        }
        break;
    case PEER_FX_PART_WRITE:
        if ((f = find(d, e->part_write.file)))
            write_part(d, f, e);
        break;
    case PEER_FX_PART_VERIFIED:
        if ((f = find(d, e->part_verified.file)))
            verified(d, f, e->part_verified.block);
        break;
    default:
        if ((f = find(d, e->part_finish.file)))
            finish(d, f);
        break;
    }
}

const uint8_t *filedisk_bytes(const struct filedisk *d, uint64_t file, uint64_t at)
{
    const struct file *f = find(d, file);
    return f ? f->bytes + at : NULL;
}

void filedisk_end(struct filedisk *d, bool orderly)
{
    struct file *f;
    drop_answers(d);
    d->life++;
    LL_FOREACH (d->files, f) {
        f->number = 0;
        for (uint32_t i = 0; f->part && !f->finished && !orderly && i < f->blocks; i++)
            if (block_map_has(f->map, i) && world_chance(d->w, UNSYNCED))
                block_map_remove(f->map, i);
    }
}

bool filedisk_has(const struct filedisk *d, const char *name)
{
    const struct file *f;
    LL_FOREACH (d->files, f)
        if (f->part && f->finished && strcmp(f->name, name) == 0)
            return true;
    return false;
}

uint64_t filedisk_written(const struct filedisk *d)
{
    return d->written;
}
