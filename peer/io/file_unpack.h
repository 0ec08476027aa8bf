/* SPDX-License-Identifier: MIT
 *
 * From the one run of bytes of a folder, whole and verified, to the folder: into NAME.part.d first, then, when all of
 * it is on the disk, under its name. It may be stopped between any two instructions and begun again.
 *
 * Where the disk has room for the contents a second time, the part stays as it is until the folder has its name.
 * Where it has not, the part gives back what was unpacked, FILE_UNPACK_STRIDE at a time, and the map says how far
 * that went.
 */
#ifndef PEER_IO_FILE_UNPACK_H
#define PEER_IO_FILE_UNPACK_H

#include "peer/io/file_find.h"
#include "peer/io/file_folder.h"

enum {
    FILE_UNPACK_STRIDE = 8 * 1024 * 1024,
    FILE_UNPACK_AT_ONCE = 128 /* entries of one step, or a stride of bytes */
};

struct file_unpack {
    int dir;          /* borrowed, as all of these: the folder that received it */
    const char *path; /* of dir */
    struct file_found *names;
    struct file_map *map;
    struct file_folder *folder; /* zeroed with top -1; set up by this */
    uint8_t *room;              /* owned */
    bool begun, sparing, resumed;
    uint32_t next; /* entry; when modes are given they are counted down */
    int out;       /* owned; the file of `next`, or -1 */
    uint64_t at;   /* in the run of bytes: what was unpacked */
    bool giving_modes;
    unsigned permitted; /* modes that the umask leaves */
};

/* Finds what an earlier process had unpacked of it (map->stage), so that the bytes before map->unpacked can be read
 * from the folder. False: it is not as it was left; file_unpack_forget is to follow. */
bool file_unpack_reopen(struct file_unpack *u);
/* Removes what was unpacked: the part is all there is. */
bool file_unpack_forget(struct file_unpack *u, struct file_problem *p);
/* Goes on. *whole: the folder has its name (names->name is it now); part and map are gone. */
bool file_unpack_step(struct file_unpack *u, bool *whole, struct file_problem *p);
void file_unpack_done(struct file_unpack *u);

#endif
