/* SPDX-License-Identifier: MIT
 *
 * From the path of a request to an open file below a folder. web_find blocks: it is for threads of the pool.
 */
#ifndef SERVER_IO_WEB_FIND_H
#define SERVER_IO_WEB_FIND_H

#include <sys/stat.h>

#include "server/io/conditional.h"

enum {
    WEB_ETAG_MAX = 88,
    WEB_HASH_LEN = 16
};

/* The files of `/` and of `/room/:id`. A folder without the second has one page for both: the first. */
#define WEB_INDEX "index.html"
#define WEB_ROOM "room.html"

struct web_found {
    int fd;              /* owned: a regular file, open for reading; -1: none */
    struct stat is;      /* what it is */
    enum coding coding;  /* the twin that it is, or CODING_IDENTITY */
    unsigned twins;      /* those that exist, a bit (1u << coding) each */
    const char *type;    /* of the content; static */
    const char *problem; /* what an operator should know; static; NULL: nothing */
};

/* What a decoded path names below the folder: `/` WEB_INDEX, `/room/:id` WEB_ROOM. NULL if it can be no file of it: a name that
 * begins with a dot or is empty, or a backslash. Borrowed from path, or static. Touches no disk. */
const char *web_name(const char *path);
/* Whether the path is /room/:id. */
bool web_is_room(const char *path);
/* Whether the name says what is in the file, so that there will never be another of this name: it has WEB_HASH_LEN lower-case
 * hexadecimal digits between two dots, as `assets/app.0123456789abcdef.js` has. */
bool web_is_hashed(const char *name);
/* Finds the file, or of its precompressed twins the one that is wanted most. 0, or an errno that says why not. */
int web_find(const char *root, const char *name, struct span accept_encoding, struct web_found *found);
/* Writes the strong entity tag, with its quotes: another for every twin and every version. */
void web_etag(const struct web_found *found, char out[WEB_ETAG_MAX]);

#endif
