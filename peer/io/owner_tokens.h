/* SPDX-License-Identifier: MIT
 *
 * The owner tokens of rooms that were made from here: a file of the state directory, mode 0600, one line a room: the server, the
 * room, the token. Several processes may use it at once, one of which may have the directory's lock.
 */
#ifndef PEER_IO_OWNER_TOKENS_H
#define PEER_IO_OWNER_TOKENS_H

#include "base/err.h"

enum {
    OWNER_TOKENS_MAX = 1024, /* rooms in the file: the oldest go */
    OWNER_TOKEN_MAX = 512,   /* bytes of a token; a daemon's have 52 */
    OWNER_SERVER_MAX = 1024  /* bytes of a server's name, which has no space */
};

/* In all of these dir is the state directory, and server, room and token are printable ASCII without a space. False with one
 * sentence in err. All of them block for as long as the disk needs, and another process that is at the file. */

/* Keeps the token, instead of one that there is. */
bool owner_tokens_keep(const char *dir, const char *server, const char *room, const char *token, struct err *err);
/* Forgets it, if it is there. */
bool owner_tokens_forget(const char *dir, const char *server, const char *room, struct err *err);
/* Its token, or an empty text if none is kept, to out. */
bool owner_tokens_find(
    const char *dir, const char *server, const char *room, char out[OWNER_TOKEN_MAX + 1], struct err *err);

#endif
