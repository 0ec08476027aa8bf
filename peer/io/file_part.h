/* SPDX-License-Identifier: MIT
 *
 * A file or a folder that is being received: found or made, its blocks checked, written as they come, and put under its
 * name at the end. All calls block; they are for one thread at a time.
 */
#ifndef PEER_IO_FILE_PART_H
#define PEER_IO_FILE_PART_H

#include "peer/io/file_unpack.h"

enum {
    FILE_WRITING_MAX = 64 /* blocks that may be under way at once */
};

struct file_part;

/* dir, and name as it was sent, are copied. NULL: no memory. */
struct file_part *file_part_new(
    const char *dir, struct span name, uint64_t size, const uint8_t root[FILE_HASH_BYTES], bool tree);
/* Closes it. keep: what was written stays for another time; else part and map are removed, unless it is finished. */
void file_part_free(struct file_part *p, bool keep); /* takes NULL */

/* Looks whether it is there already, whole (file_there.h): then all its blocks are verified and it is finished. Else finds or
 * makes it, and checks what is there, piece by piece. *whole: it may be used. */
bool file_part_step(struct file_part *p, bool *whole, struct file_problem *why);
uint32_t file_part_blocks(const struct file_part *p);
uint32_t file_part_block_bytes(const struct file_part *p, uint32_t block);
uint32_t file_part_checked(const struct file_part *p);      /* blocks, while file_part_step goes on */
const uint8_t *file_part_have(const struct file_part *p);   /* borrowed: a bitmap of the verified blocks */
const uint8_t *file_part_hashes(const struct file_part *p); /* borrowed; NULL: not known yet */

bool file_part_put_hashes(
    struct file_part *p, const uint8_t *hashes, size_t blocks, struct file_problem *why); /* copied */
/* Bytes of a block, in order; offset 0 begins it anew. *whole: that was its last, and hash is of what was written.
 * False: the block is to begin anew; what comes of it till then is left out, with true. */
bool file_part_write(struct file_part *p, uint32_t block, uint32_t offset, struct span bytes, bool *whole,
    uint8_t hash[FILE_HASH_BYTES], struct file_problem *why);
bool file_part_verified(struct file_part *p, uint32_t block, struct file_problem *why);
/* A verified block into out; its hash is checked again. */
bool file_part_read(struct file_part *p, uint32_t block, uint8_t *out, struct file_problem *why);

/* Puts it under its name, piece by piece. *whole: it has it, file_part_path is where. */
bool file_part_finish_step(struct file_part *p, bool *whole, struct file_problem *why);
const char *file_part_path(struct file_part *p); /* borrowed; NULL: no memory */
/* Entries of the folder whose names had to be made safe. */
uint32_t file_part_renamed(const struct file_part *p);

#endif
