/* SPDX-License-Identifier: MIT
 *
 * Guesses: wrong passwords and tokens, counted for each address.
 */
#ifndef SERVER_CORE_GUESS_H
#define SERVER_CORE_GUESS_H

#include "server/core/state.h"

enum {
    GUESS_WINDOW_MS = 60000, /* auth_failures are forgiven evenly over this */
};

enum guess {
    GUESS_ALLOWED, /* look at the password or token */
    GUESS_DELAYED, /* look again in *ms */
    GUESS_REFUSED, /* do not look; another may come in *ms */
};

/* What to do with a password or token that came from the session's address; `waited`: it was delayed before. */
enum guess guess_look(const struct core *c, const struct session *s, bool waited, uint64_t *ms);
/* It was looked at, and wrong. */
void guess_failed(struct core *c, struct session *s, const char *reason);

#endif
