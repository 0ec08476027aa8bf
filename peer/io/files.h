/* SPDX-License-Identifier: MIT
 *
 * Files that are sent and received, as far as they touch disks. Nothing here waits: what is asked is done by two
 * threads, and told from the loop. What is asked of one file is done and told in order.
 *
 * A file has a number of the caller's, which is never used twice. It is a source (files_open) or a part
 * (files_receive), from that call until files_close, after which nothing more is told of it. Blocks are of
 * FILE_BLOCK_BYTES, the last shorter; the hash of a block is SHA-256, the root is the SHA-256 of the blocks' hashes
 * one after the other. A folder is one file too, its list first (protocol/file_tree.h); its size is that of the list
 * and of all its files.
 *
 * Sizes and places are bytes. docs/decisions/0017-files.md has what is on the disk, and why.
 */
#ifndef PEER_IO_FILES_H
#define PEER_IO_FILES_H

#include <glib.h>

#include "base/err.h"
#include "peer/io/file_cache.h"
#include "protocol/file_tree.h"

struct files;

struct files_opened {
    const char *name; /* of the file or folder: UTF-8, without control characters */
    uint64_t size;
    bool tree;
    uint32_t blocks;
    const uint8_t *hashes; /* blocks * FILE_HASH_BYTES */
    const uint8_t *root;   /* FILE_HASH_BYTES */
};

/* What the caller asked for, and cannot have. */
enum files_call {
    FILES_OPEN,
    FILES_READ, /* block, ticket */
    FILES_RECEIVE,
    FILES_WRITE, /* block: it is to begin anew */
    FILES_NOTE,  /* of hashes, or a verified block: it costs a block after a restart, and no more */
    FILES_FINISH,
    FILES_ANY /* memory is out: the file is of no use any more */
};

struct files_problem {
    enum files_call call;
    /* Of all calls: "no-permission" "disk-full" "io" "memory". Of files_open: "no-such-file" "not-a-file" "too-large"
     * "file-changed". Of files_read: "file-changed". Of files_receive: "no-such-file" "not-a-file" (the folder)
     * "in-use" "too-large". Of files_finish: "incomplete" "bad-folder" (it is no list, or not of what follows)
     * "file-changed". Static. */
    const char *code;
    const char *sentence; /* for a person: what, which file, what to do */
    uint32_t block;
    uint64_t ticket;
};

/* All from the loop, never from within a call of this. What is passed is borrowed until the callback returns. A
 * callback may call all of this but files_free. */
struct files_callbacks {
    /* files_open. Until files_close, hashes and root stay. */
    void (*opened)(void *user, uint64_t file, const struct files_opened *o);
    /* At most 10 times a second, while a source is hashed, or what is there of a part is checked. Bytes. */
    void (*hashing)(void *user, uint64_t file, uint64_t done, uint64_t total);
    /* What a person should know: what is left out of a folder, names that were changed. */
    void (*notice)(void *user, uint64_t file, const char *sentence);
    /* files_read. file_block_ref keeps b. */
    void (*block)(void *user, uint64_t file, uint32_t block, uint64_t ticket, struct file_block *b);
    /* files_receive. have: a bitmap of the blocks that are there and verified, block b is bit b % 8 of byte b / 8.
     * hashes: of all blocks, if they are known. Both stay until the next call for this file. */
    void (*part)(void *user, uint64_t file, uint32_t blocks, const uint8_t *have, const uint8_t *hashes);
    /* files_write: a block is whole. hash is of what was written. */
    void (*block_written)(void *user, uint64_t file, uint32_t block, const uint8_t hash[FILE_HASH_BYTES]);
    /* files_finish. Where it is. */
    void (*done)(void *user, uint64_t file, const char *path);
    void (*problem)(void *user, uint64_t file, const struct files_problem *p);
};

/* callbacks: borrowed. NULL with one sentence in err. */
struct files *files_new(GMainContext *context, const struct files_callbacks *callbacks, void *user, struct err *err);
/* Closes all files (parts are kept), waits for the threads: for what was given to be written, and the step in hand.
 * Not from a callback. Takes NULL. */
void files_free(struct files *f);

/* Each of the calls below does nothing for a file that is not open. What they take is copied. */

/* Offers a file, or a folder. → opened or problem; hashing, notice. A problem ends it, but for files_close. False: no
 * memory, and nothing is told of this file. */
bool files_open(struct files *f, uint64_t file, const char *path);
/* A block of a source, or a verified one of a part, finished or not; its hash is checked each time. → block or
 * problem. The ticket is the caller's. */
void files_read(struct files *f, uint64_t file, uint32_t block, uint64_t ticket);

/* Receives a file into the folder dir. name: as it was sent, any bytes. If one of the same root has that name already, all its
 * blocks are there, and files_finish tells its path. Else finds the unfinished part of the same root, and what of it is sound;
 * else makes one under a name that is free. → part or problem; hashing. A problem ends it. False: no memory. */
bool files_receive(struct files *f, uint64_t file, const char *dir, struct span name, uint64_t size,
    const uint8_t root[FILE_HASH_BYTES], bool tree);
/* The hashes of all blocks, which the caller has checked against the root. */
void files_hashes(struct files *f, uint64_t file, const uint8_t *hashes, uint32_t blocks);
/* Bytes of a block, in order from 0; offset 0 begins it anew, and it is not verified any more then. Up to 64 blocks
 * of a file may be under way. → block_written or problem, once a block; after a problem the block is to begin anew.
 * While more than FILE_POOL_BYTES_MAX (24 MiB) wait for the disk this waits too. */
void files_write(struct files *f, uint64_t file, uint32_t block, uint32_t offset, struct span bytes);
/* The block that was written is what the list says: it counts as there. */
void files_verified(struct files *f, uint64_t file, uint32_t block);
/* All blocks are verified: gives it its name, or another if that is taken; a folder is unpacked. → done or problem.
 * After a problem it may be asked again. */
void files_finish(struct files *f, uint64_t file);
/* A part that is not finished is kept for another time, or removed. */
void files_close(struct files *f, uint64_t file, bool keep);

#endif
