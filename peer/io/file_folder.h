/* SPDX-License-Identifier: MIT
 *
 * A folder on the disk together with its list (protocol/file_tree.h): the run of bytes that crosses, list first, can
 * be read from it at any place. A folder that is offered is one, and so is one that was received.
 *
 * The names on the disk may differ from those of the list: what is offered is UTF-8, what is received is made safe,
 * and of names that some system takes for one each but the first gets a number. Every path is walked from the
 * folder's own descriptor, name by name, and no link is followed.
 */
#ifndef PEER_IO_FILE_FOLDER_H
#define PEER_IO_FILE_FOLDER_H

#include "peer/io/file_hash.h"
#include "peer/io/file_problem.h"

/* The parent of what lies in the folder itself. */
#define FILE_FOLDER_TOP UINT32_MAX

struct file_entry {
    uint64_t at, size; /* of its content in the run of bytes */
    char *disk_name;   /* owned; NULL: the list's */
    uint32_t path;     /* in the list's text */
    uint32_t parent;   /* index of its folder, or FILE_FOLDER_TOP */
    uint16_t path_n, name_at;
    uint16_t mode;
    bool folder;
};

struct file_step {
    uint32_t entry;
    int fd;
};

struct file_folder {
    int top;    /* owned; the folder itself; -1: none yet */
    char *path; /* owned; for sentences */
    struct buf list;
    unsigned mode;
    struct file_entry *entries; /* owned */
    uint32_t n, room;
    uint64_t size;                             /* of the run of bytes */
    uint32_t renamed;                          /* entries whose name had to be made safe */
    struct file_step way[FILE_TREE_DEPTH_MAX]; /* open folders, from the top down to where we are */
    size_t depth;
    struct file_step read; /* the file that was read last */
};

/* path is copied; a zeroed struct is then ready for file_folder_add. False: no memory. */
bool file_folder_init(struct file_folder *f, const char *path);
void file_folder_done(struct file_folder *f); /* takes a zeroed one with top -1 */

/* Reads the list, which is taken (malloc'd), and finds a safe name for each entry. False with what is wrong. */
bool file_folder_parse(struct file_folder *f, char *list, size_t n, struct file_problem *p);
/* Adds an entry to a list that was begun (file_tree_begin), of which at, path, path_n and name_at are set by this;
 * disk_name is taken. Its line is added to the list. False: it does not fit, or no memory. */
bool file_folder_add(struct file_folder *f, struct span path, struct file_entry e);
/* The same, of a path that stands in the list already. */
bool file_folder_take(struct file_folder *f, struct span path, struct file_entry e);
/* Where the content of each entry is, by the sizes. */
void file_folder_place(struct file_folder *f);
/* The list is whole: contents begin behind it. */
bool file_folder_end(struct file_folder *f);

/* An entry's own name on the disk: out[FILE_NAME_MAX + 1]. */
void file_folder_name(const struct file_folder *f, uint32_t entry, char *out);
struct span file_folder_path(const struct file_folder *f, uint32_t entry);
/* The descriptor (O_PATH) of the folder that an entry lies in: borrowed until the next call. -1 with errno. */
int file_folder_enter(struct file_folder *f, uint32_t parent);
/* Forgets the descriptors that are open: what they stand for was moved. */
void file_folder_leave(struct file_folder *f);
/* The entry whose content has the byte at `at` (list.len <= at < size). */
uint32_t file_folder_find(const struct file_folder *f, uint64_t at);
/* Bytes of the run, list included. False with what is wrong: "file-changed" if a file is shorter by now, or none. */
bool file_folder_read(struct file_folder *f, void *bytes, size_t n, uint64_t at, struct file_problem *p);

#endif
