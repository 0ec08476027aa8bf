/* SPDX-License-Identifier: MIT
 *
 * The state directory: one identity's files, used by one process at a time.
 */
#ifndef PEER_IO_STATE_H
#define PEER_IO_STATE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

enum {
    STATE_PATH_MAX = 4000,
    STATE_DIRS_MAX = 64 /* usher, usher-2 … usher-64: processes of one user without --state */
};

struct state {
    char path[STATE_PATH_MAX + 1];
    int lock;      /* descriptor whose flock we have; -1: none */
    bool fallback; /* the default directory was in use: this is one of those after it */
};

/* Makes the directory (mode 0700) if there is none and locks it. dir NULL: $XDG_STATE_HOME/usher, or the first of
 * usher-2 … that nobody uses. False with one sentence in err; s is then empty. */
bool state_open(struct state *s, const char *dir, struct err *err);
/* Unlocks. Takes one that was never opened if it was zeroed with lock = -1. */
void state_close(struct state *s);

/* Makes the directory, and those above it, closed to others. False, too, if others may write to the one that is there. */
bool state_make_dir(const char *path, struct err *err);
/* The directory that state_open(NULL) would try first. */
bool state_default(char path[STATE_PATH_MAX + 1], struct err *err);

enum state_read {
    STATE_READ,
    STATE_ABSENT,
    STATE_FAILED
};
/* Reads a file of at most room_n bytes. secret: it must belong to us and be closed to others. */
enum state_read state_read(
    const char *dir, const char *name, bool secret, char *room, size_t room_n, size_t *n, struct err *err);

#endif
