/* SPDX-License-Identifier: MIT
 *
 * Who may join which room: the decision, given what a verified token says. Pure; the signature is a port's matter.
 */
#ifndef SERVER_CORE_ACCESS_H
#define SERVER_CORE_ACCESS_H

#include "server/core/core.h"

/* Whether a request with this token (n = 0: without one) may join the room. On ERROR_NONE the claims are those of
 * the token, or empty without one; else *problem is the sentence for the client, or NULL. */
enum error access_decide(const struct core_settings *set, struct span token, struct span room_id, uint64_t unix_seconds,
    struct claims *claims, const char **problem);

/* Whether the claims open the room. */
bool access_opens(const struct claims *claims, struct span room_id);

#endif
