/* SPDX-License-Identifier: MIT
 *
 * The list of what is in a folder that is sent: it stands in front of the contents, which follow in its order, so a
 * folder crosses as one run of bytes. docs/decisions/0017-files.md has the format and its reasons.
 *
 *     usher-tree 1 00000065 755
 *     d 755 photos
 *     f 644 1234 photos/one.jpg
 *
 * The first line has the length of the whole list, itself included, in 8 digits, and the mode of the folder. Then a
 * line an entry: a folder with its mode (octal), or a file with its mode and size. Paths are relative, UTF-8, without
 * control characters; each folder stands before what is in it, siblings are sorted by the bytes of their names,
 * nothing is there twice. So a folder has exactly one list, and what the reader takes is what the writer writes.
 */
#ifndef PROTOCOL_FILE_TREE_H
#define PROTOCOL_FILE_TREE_H

#include <stdint.h>

#include "base/buf.h"
#include "protocol/limits.h"

enum {
    FILE_TREE_HEAD = 26, /* bytes of the first line */
    FILE_TREE_MODES = 0777
};
#define FILE_SIZE_MAX ((uint64_t)FILE_BLOCKS_MAX * FILE_BLOCK_BYTES)

struct file_tree_entry {
    struct span path; /* borrowed */
    bool folder;
    unsigned mode; /* of FILE_TREE_MODES */
    uint64_t size; /* of a file, bytes */
};

/* Whether it may be one name of a path: 1 to 255 bytes of UTF-8 without control characters and `/`; not `.` or `..`. */
bool file_tree_name_valid(struct span name);

/* Writes a list: begin, entries in order, end. The buffer is the caller's, with a maximum of FILE_TREE_MAX. What does
 * not fit fails the buffer. */
void file_tree_begin(struct buf *out, unsigned mode);
void file_tree_add(struct buf *out, const struct file_tree_entry *e);
void file_tree_end(struct buf *out);

/* The first line: how long the list is, and the folder's mode. Reads FILE_TREE_HEAD bytes. False: it is no list. */
bool file_tree_head(struct span start, size_t *length, unsigned *mode);

struct file_tree_reader {
    struct span rest;
    struct span last; /* the path before */
    bool last_folder;
    uint32_t entries;
    uint64_t bytes; /* of the list and of the files so far: where the next file's content begins */
};

/* list: all of it, borrowed until the last read; its head was read. */
void file_tree_reader_init(struct file_tree_reader *r, struct span list);
/* The next entry. False at the end, with *problem NULL, or at what is wrong, with a static sentence; then the reader
 * is not read again. */
bool file_tree_read(struct file_tree_reader *r, struct file_tree_entry *e, const char **problem);

#endif
