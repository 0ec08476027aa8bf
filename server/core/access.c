/* SPDX-License-Identifier: MIT
 *
 * Without a port to verify them tokens mean nothing and are not looked at. With one, a token that is shown must be
 * good even where none is needed: who sends one relies on what it says, its name for instance. A token opens only what
 * its `room` claim names, so one that was made for another purpose opens nothing.
 */
#include "server/core/access.h"

#include <assert.h>

bool access_opens(const struct claims *claims, struct span room_id)
{
    size_t n = strnlen(claims->room, sizeof claims->room);
    if (n > 0 && claims->room[n - 1] == '*')
        return room_id.n >= n - 1 && memcmp(claims->room, room_id.p, n - 1) == 0;
    return n == room_id.n && memcmp(claims->room, room_id.p, n) == 0;
}

enum error access_decide(const struct core_settings *set, struct span token, struct span room_id, uint64_t unix_seconds,
    struct claims *claims, const char **problem)
{
    *claims = (struct claims){.expires = UINT64_MAX};
    *problem = NULL;
    if (token.n == 0 || !set->ports.verify)
        return set->token_required ? ERROR_UNAUTHORIZED : ERROR_NONE;
    *problem = set->ports.verify(set->ports.verify_ctx, token, unix_seconds, claims);
    if (*problem)
        return ERROR_UNAUTHORIZED;
    if (access_opens(claims, room_id))
        return ERROR_NONE;
    *problem = "the token is for another room";
    return ERROR_FORBIDDEN;
}
