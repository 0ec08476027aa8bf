/* SPDX-License-Identifier: MIT
 *
 * Guesses: wrong passwords and tokens, counted for each address.
 */
#ifndef SERVER_CORE_AUTH_THROTTLE_H
#define SERVER_CORE_AUTH_THROTTLE_H

#include "server/core/state.h"

enum {
    AUTH_WINDOW_MS = 60000, /* auth_failures are forgiven evenly over this */
};

enum auth_verdict {
    AUTH_ALLOWED, /* look at the password or token */
    AUTH_DELAYED, /* look again in *ms */
    AUTH_REFUSED, /* do not look; another may come in *ms */
};

/* What to do with a password or token that came from the session's address; `waited`: it was delayed before. */
enum auth_verdict auth_throttle_look(const struct core *c, const struct session *s, bool waited, uint64_t *ms);
/* Whether the password of a room that is made from the session's address may be hashed now; else ask again in *ms. */
bool auth_throttle_may_hash(const struct core *c, const struct session *s, uint64_t *ms);
/* It was looked at, and wrong. */
void auth_throttle_failed(struct core *c, struct session *s, const char *reason);

#endif
