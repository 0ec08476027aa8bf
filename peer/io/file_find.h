/* SPDX-License-Identifier: MIT
 *
 * Finds the unfinished file of this root in a folder, or makes one: NAME.part, of the size it is to have and without
 * content, and NAME.part.map. Both are 0600, and nothing that was there before is written to unless its map says that
 * it is this root's. No link is followed.
 */
#ifndef PEER_IO_FILE_FIND_H
#define PEER_IO_FILE_FIND_H

#include "peer/io/file_map.h"
#include "peer/io/file_name.h"

enum {
    FILE_FIND_ENTRIES_MAX = 100 * 1000, /* of the folder that are looked at, */
    FILE_FIND_MAPS_MAX = 1024           /* and maps among them that are opened, when it is not where it was to be */
};

struct file_found {
    int fd;                       /* owned; the part; -1: none */
    char name[FILE_NAME_MAX + 1]; /* what it is to be called: without .part */
    char part[FILE_NAME_MAX + 1];
    char part_map[FILE_NAME_MAX + 1];
    char unpacked[FILE_NAME_MAX + 1]; /* the folder that it is unpacked into: NAME.part.d */
    bool resumed;                     /* it was there before */
};

/* dir: the folder's descriptor; path: its name for sentences. m: size, root, tree are set; afterwards it holds the
 * map with its lock, loaded. name: safe (file_name.h). False with what is wrong; then *found and *m need their done
 * all the same. */
bool file_find(
    int dir, const char *path, const char *name, struct file_map *m, struct file_found *found, struct file_problem *p);

#endif
