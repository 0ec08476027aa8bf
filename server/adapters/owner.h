/* SPDX-License-Identifier: MIT
 *
 * The core's port for owner tokens: HMAC-SHA-256 over a room's id and incarnation, under a key of the state folder.
 */
#ifndef SERVER_ADAPTERS_OWNER_H
#define SERVER_ADAPTERS_OWNER_H

#include "server/core/core.h"
#include "server/adapters/state_dir.h"

#define OWNER_KEY_FILE "owner.key"

struct owner_key {
    uint8_t bytes[STATE_KEY_BYTES];
};

/* ctx is a struct owner_key. */
bool owner_token(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES]);

#endif
