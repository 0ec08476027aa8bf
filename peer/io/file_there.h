/* SPDX-License-Identifier: MIT
 *
 * Whether a file or a folder that is offered is in a folder already, whole and under its name: then it need not come again.
 * It is believed only after it was hashed, and nothing is written. All calls block; they are for one thread at a time.
 */
#ifndef PEER_IO_FILE_THERE_H
#define PEER_IO_FILE_THERE_H

#include "peer/io/file_hash.h"
#include "peer/io/file_name.h"
#include "peer/io/file_source.h"

enum {
    FILE_THERE_NAMES_TRIED = 8 /* NAME, NAME (1), ...: what has them and cannot be it is not read */
};

struct file_there {
    /* What is looked for; borrowed but for root. */
    int dir;
    const char *path; /* of dir */
    const char *name; /* safe (file_name.h) */
    uint64_t size;
    bool tree;
    uint8_t root[FILE_HASH_BYTES];

    unsigned tried;
    char found[FILE_NAME_MAX + 1]; /* the name that is looked at */
    struct file_source *source;    /* owned; of what is looked at, and at last of what was found */
};

/* Looks on, a few ms. *whole: there is an answer; found and source are what is there, or source is NULL: it is not. */
void file_there_step(struct file_there *t, bool *whole);
void file_there_done(struct file_there *t); /* takes one that is all zero */

#endif
