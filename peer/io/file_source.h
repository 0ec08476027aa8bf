/* SPDX-License-Identifier: MIT
 *
 * A file or a folder that is offered: its hashes first, then its blocks, each checked when it is read against the
 * hash that was offered. All calls block; they are for one thread at a time.
 */
#ifndef PEER_IO_FILE_SOURCE_H
#define PEER_IO_FILE_SOURCE_H

#include "peer/io/file_folder.h"
#include "peer/io/file_name.h"
#include "peer/io/file_scan.h"

struct file_source {
    char *path; /* owned */
    char name[FILE_NAME_MAX + 1];
    bool tree;
    int fd; /* of a file; -1 */
    struct file_folder folder;
    struct file_scan *scan; /* while the list is made */
    uint64_t size;
    uint32_t blocks, hashed;
    uint8_t *hashes; /* owned */
    uint8_t root[FILE_HASH_BYTES];
    uint8_t *room; /* for a block, while hashing */
};

/* path is copied. NULL: no memory. */
struct file_source *file_source_new(const char *path);
void file_source_free(struct file_source *s); /* takes NULL */
/* Opens it, then lists and hashes it piece by piece, a few ms each. *whole: all above is known. False with what is
 * wrong. */
bool file_source_step(struct file_source *s, file_notice_fn *notice, void *ctx, bool *whole, struct file_problem *p);
/* One block into out (file_block_bytes). False with what is wrong: "file-changed" if it is not what was offered. */
bool file_source_read(struct file_source *s, uint32_t block, uint8_t *out, struct file_problem *p);

#endif
