/* SPDX-License-Identifier: MIT
 *
 * Blocks that were read lately, so that several who want one read it once. For any thread.
 */
#ifndef PEER_IO_FILE_CACHE_H
#define PEER_IO_FILE_CACHE_H

#include <stdint.h>

#include "protocol/limits.h"

enum {
    FILE_CACHE_BLOCKS = 16
};

/* A block's bytes, which do not change, shared by whoever has a reference. */
struct file_block {
    uint32_t n;
    int references; /* atomic */
    uint8_t bytes[];
};
struct file_block *file_block_ref(struct file_block *b);
void file_block_unref(struct file_block *b); /* takes NULL */

struct file_cache;
struct file_cache *file_cache_new(void);    /* NULL: no memory */
void file_cache_free(struct file_cache *c); /* takes NULL */
/* A block to read into, n = 0: one that nobody wants any more, or a new one of FILE_BLOCK_BYTES. One reference; NULL:
 * no memory. */
struct file_block *file_cache_room(struct file_cache *c);
/* A reference of the caller's; NULL: it is not there. */
struct file_block *file_cache_find(struct file_cache *c, uint64_t file, uint32_t block);
void file_cache_add(struct file_cache *c, uint64_t file, uint32_t block, struct file_block *b); /* referenced */
void file_cache_forget(struct file_cache *c, uint64_t file);

#endif
