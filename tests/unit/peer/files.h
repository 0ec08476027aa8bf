/* SPDX-License-Identifier: MIT
 *
 * The disk of files of each node of world.h: whole files in memory. It answers what the core asks of it by events, as io
 * does; what came of a file outlives a boot, and is found by its root hash.
 */
#ifndef TESTS_PEER_FILES_H
#define TESTS_PEER_FILES_H

#include "peer/core/transfer/block_map.h"
#include "protocol/file_frame.h"
#include "tests/unit/peer/base.h"

static inline struct toy_file *files_at(struct node *n, uint64_t number)
{
    struct toy_file *f = n->files;
    while (f && f->number != number)
        f = f->next;
    return f;
}

static inline struct toy_file *files_named(struct node *n, const char *name, bool part)
{
    struct toy_file *f = n->files;
    while (f && (f->part != part || strcmp(f->name, name) != 0))
        f = f->next;
    return f;
}

static inline struct toy_file *files_add(struct node *n, const char *name, uint64_t size, bool part)
{
    struct toy_file *f = calloc(1, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->size = size;
    f->part = part;
    f->bytes = calloc(size + 1, 1);
    LL_APPEND(n->files, f);
    return f;
}

/* One whose bytes depend on where they stand. */
static inline struct toy_file *files_make(struct node *n, const char *name, uint64_t size)
{
    struct toy_file *f = files_add(n, name, size, false);
    for (uint64_t i = 0; i < size; i++)
        f->bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return f;
}

static inline void files_block_hash(const struct toy_file *f, uint32_t block, uint8_t hash[HASH_BYTES])
{
    toy_sha256(NULL,
        (struct span){(char *)f->bytes + (uint64_t)block * FILE_BLOCK_BYTES, file_block_bytes(f->size, block)}, hash);
}

static inline void files_fail(struct world *w, int node, struct toy_file *f, uint64_t number, const char *code)
{
    struct event *e = later(w, node, PEER_FILE_FAILED, 0, SPAN(""));
    e->ev.failed_file.file = number;
    e->ev.failed_file.code = span_of(code);
    e->ev.failed_file.why = span_of(code);
    if (f)
        f->number = 0;
}

static inline void files_open(struct world *w, int node, const struct peer_effect *fx)
{
    struct toy_file *f = files_named(&w->nodes[node], fx->open_file.path, false);
    if (!f || f->problem) {
        files_fail(w, node, f, fx->open_file.file, f ? f->problem : "no-such-file");
        return;
    }
    size_t n = (size_t)file_blocks(f->size) * HASH_BYTES;
    char *hashes = calloc(n + 1, 1);
    for (uint32_t i = 0; i < file_blocks(f->size); i++)
        files_block_hash(f, i, (uint8_t *)hashes + (size_t)i * HASH_BYTES);
    f->number = fx->open_file.file;
    struct event *e = later(w, node, PEER_FILE_OPENED, 0, (struct span){hashes, n});
    e->ev.opened_file.file = f->number;
    e->ev.opened_file.size = f->size;
    e->ev.opened_file.name = span_of(f->name);
    e->ev.opened_file.hashes = (uint8_t *)e->bytes;
    free(hashes);
}

static inline void files_part_open(struct world *w, int node, const struct peer_effect *fx)
{
    struct node *n = &w->nodes[node];
    struct toy_file *f = n->files;
    if (strcmp(fx->open_part.folder, "none") == 0) {
        files_fail(w, node, NULL, fx->open_part.file, "no-such-file");
        return;
    }
    while (f && !(f->part && f->name[0] && !f->finished && memcmp(f->root, fx->open_part.root, HASH_BYTES) == 0))
        f = f->next;
    if (!f) {
        f = files_add(n, fx->open_part.name, fx->open_part.size, true);
        memcpy(f->root, fx->open_part.root, HASH_BYTES);
    }
    f->number = fx->open_part.file;
    size_t hashes = f->hashes ? (size_t)file_blocks(f->size) * HASH_BYTES : 0;
    struct event *e = later(w, node, PEER_PART_OPENED, 0, (struct span){(char *)f->hashes, hashes});
    e->ev.opened_part.file = f->number;
    e->ev.opened_part.hashes = f->hashes ? (uint8_t *)e->bytes : NULL;
    e->ev.opened_part.have = f->map;
}

static inline void files_part_write(struct world *w, int node, struct toy_file *f, const struct peer_effect *fx)
{
    uint64_t at = (uint64_t)fx->part_write.block * FILE_BLOCK_BYTES + fx->part_write.offset;
    size_t n = fx->part_write.bytes.n;
    assert_true(at + n <= f->size);
    if (f->problem) {
        files_fail(w, node, f, f->number, f->problem);
        return;
    }
    memcpy(f->bytes + at, fx->part_write.bytes.p, n);
    if (fx->part_write.offset + n < file_block_bytes(f->size, fx->part_write.block))
        return;
    struct event *e = later(w, node, PEER_PART_BLOCK, 0, SPAN(""));
    e->ev.part_block.file = f->number;
    e->ev.part_block.block = fx->part_write.block;
    files_block_hash(f, fx->part_write.block, e->ev.part_block.hash);
}

static inline void files_disk_effect(struct world *w, int node, const struct peer_effect *fx)
{
    struct node *n = &w->nodes[node];
    struct toy_file *f;
    switch (fx->type) {
    case PEER_FX_FILE_OPEN:
        files_open(w, node, fx);
        break;
    case PEER_FX_FILE_READ: {
        if (!(f = files_at(n, fx->read_file.file)))
            break;
        char *at = (char *)f->bytes + (uint64_t)fx->read_file.block * FILE_BLOCK_BYTES + fx->read_file.offset;
        struct event *e = later(w, node, PEER_FILE_READ, 0, (struct span){at, f->problem ? 0 : fx->read_file.n});
        e->ev.read_file.ticket = fx->read_file.ticket;
        e->ev.read_file.bytes = (struct span){e->bytes, f->problem ? 0 : fx->read_file.n};
        break;
    }
    case PEER_FX_FILE_CLOSE:
        if ((f = files_at(n, fx->close_file.file)))
            f->number = 0;
        if (f && f->part && !f->finished && !fx->close_file.keep)
            f->name[0] = '\0'; /* it is removed */
        break;
    case PEER_FX_PART_OPEN:
        files_part_open(w, node, fx);
        break;
    case PEER_FX_PART_HASHES:
        if (!(f = files_at(n, fx->part_hashes.file)))
            break;
        f->hashes = malloc(fx->part_hashes.hashes.n);
        memcpy(f->hashes, fx->part_hashes.hashes.p, fx->part_hashes.hashes.n);
        f->map = calloc(block_map_bytes((uint32_t)file_blocks(f->size)), 1);
        break;
    case PEER_FX_PART_WRITE:
        if ((f = files_at(n, fx->part_write.file)))
            files_part_write(w, node, f, fx);
        break;
    case PEER_FX_PART_VERIFIED:
        if ((f = files_at(n, fx->part_verified.file)))
            block_map_add(f->map, fx->part_verified.block);
        break;
    case PEER_FX_PART_FINISH: {
        f = files_at(n, fx->part_finish.file);
        assert_non_null(f);
        f->finished = true;
        struct event *e = later(w, node, PEER_PART_DONE, 0, SPAN(""));
        e->ev.part_done.file = f->number;
        e->ev.part_done.path = span_of(f->name);
        break;
    }
    default:
        break;
    }
}

/* ---- what applications do ---- */

/* to: -1: the room. */
static inline struct peer_event files_send_event(struct world *w, int to, const char *path, struct span *id)
{
    struct peer_event ev = {.type = PEER_FILE_SEND, .send_file = {.path = span_of(path), .ref = SPAN("r1")}};
    if (to >= 0) {
        *id = span_of(peer_id(w->nodes[to].p));
        ev.send_file.to = id;
        ev.send_file.to_count = 1;
    }
    return ev;
}

#endif
