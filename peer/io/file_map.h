/* SPDX-License-Identifier: MIT
 *
 * The file beside an unfinished one (NAME.part.map): what it is to become, the hashes of its blocks once they are
 * known, and which blocks are there. docs/decisions/0017-files.md has its layout.
 *
 * What it says of blocks is a hint: whoever reads it hashes them again. So a note needs no fsync, and what a crash
 * tears costs a block and no more. Head and stage are believed, and have a checksum each.
 */
#ifndef PEER_IO_FILE_MAP_H
#define PEER_IO_FILE_MAP_H

#include "peer/io/file_hash.h"
#include "peer/io/file_problem.h"

/* How far a folder that has all its blocks has been unpacked. */
enum file_stage {
    FILE_STAGE_BLOCKS,    /* not begun: the part has all that there is */
    FILE_STAGE_UNPACKING, /* contents before `unpacked` are in the folder, and on the disk */
    FILE_STAGE_WHOLE,     /* all of them are: what is left to do is its modes and its name */
};

struct file_map {
    int fd; /* owned; -1: none; its flock is held */
    uint64_t size;
    uint8_t root[FILE_HASH_BYTES];
    bool tree;
    uint32_t blocks; /* by the size */
    enum file_stage stage;
    uint64_t unpacked; /* a place in the run of bytes */
    uint64_t folder;   /* inode of the folder that it is unpacked into; 0: none was made */
    uint8_t *hashes;   /* owned; NULL: not known */
    uint8_t *have;     /* owned; a bitmap (file_hash.h) */
};

/* size, root, tree are set; an empty file is at fd. False with errno. */
bool file_map_create(struct file_map *m);
/* Whether a map is at m->fd, and one of this size, root, and kind: reads no more than its head. */
bool file_map_is(const struct file_map *m);
/* Reads stage, hashes and bitmap of a map that file_map_is; hashes that do not make the root are none. False: no
 * memory. */
bool file_map_load(struct file_map *m);
/* Each false with errno. */
bool file_map_put_hashes(struct file_map *m, const uint8_t *hashes); /* copied */
bool file_map_note(struct file_map *m, uint32_t block, bool have);
/* Writes stage, unpacked and folder, and waits until they are on the disk. */
bool file_map_put_stage(struct file_map *m);
/* Closes it, which frees its lock. Takes a zeroed one with fd -1. */
void file_map_done(struct file_map *m);

#endif
