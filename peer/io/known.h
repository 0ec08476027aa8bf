/* SPDX-License-Identifier: MIT
 *
 * The names that were seen and whose they are, like ssh's known hosts: a text file in the state directory.
 */
#ifndef PEER_IO_KNOWN_H
#define PEER_IO_KNOWN_H

#include "base/err.h"
#include "base/span.h"

struct known;

enum {
    KNOWN_MAX = 4096 /* names; a new one then takes the place of the oldest */
};

/* Reads the file of a state directory. NULL with one sentence in err when it cannot be read; lines that are none of
 * ours are counted and stay where they are: a name that is forgotten is only learned again. */
struct known *known_open(const char *dir, struct err *err);
size_t known_unread(const struct known *k); /* so many */
/* Takes NULL. */
void known_free(struct known *k);
/* From the oldest to the newest. */
void known_each(const struct known *k, void (*each)(void *user, struct span name, struct span id), void *user);
/* Keeps that name belongs to id from now on, on disk too. False with one sentence in err when it could not be written;
 * it is then remembered by this process only. */
bool known_remember(struct known *k, const char *name, const char *id, struct err *err);

#endif
