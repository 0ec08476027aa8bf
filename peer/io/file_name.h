/* SPDX-License-Identifier: MIT
 *
 * Names of files as somebody else sent them, made such that they can be given to a file here: they name nothing
 * outside of the folder, show what they are, and are no name that another system, a shell or our own files (.part,
 * .part.map) treat as something else. Pure.
 */
#ifndef PEER_IO_FILE_NAME_H
#define PEER_IO_FILE_NAME_H

#include "base/span.h"

enum {
    FILE_NAME_MAX = 255, /* bytes, as Linux has it (NAME_MAX) */
    /* Of a name that may get ".part.map" and " (99)" behind it. */
    FILE_NAME_BASE_MAX = FILE_NAME_MAX - 9 - 5,
    FILE_NAMES_TRIED = 99
};

/* name: at most FILE_NAME_MAX bytes. */
static inline void file_name_copy(const char *name, char out[FILE_NAME_MAX + 1])
{
    memcpy(out, name, strlen(name) + 1);
}

/* Each writes a name of 1 to `max` bytes (max <= FILE_NAME_MAX) of UTF-8, and a NUL. */

/* Any bytes, as one name; without_path: only what stands behind the last `/` or `\`. */
void file_name_safe(struct span sent, bool without_path, size_t max, char out[FILE_NAME_MAX + 1]);
/* A name of a file here (at most FILE_NAME_MAX bytes), as it can be offered: UTF-8 without control characters. */
void file_name_offered(const char *name, char out[FILE_NAME_MAX + 1]);
/* "name (2).ext" of "name.ext". */
void file_name_numbered(const char *name, unsigned number, size_t max, char out[FILE_NAME_MAX + 1]);
/* What equal names have in common: without case, in one Unicode form (NFC). Returned owned (g_free). name is UTF-8. */
char *file_name_key(const char *name);

#endif
