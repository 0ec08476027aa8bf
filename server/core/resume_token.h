/* SPDX-License-Identifier: MIT
 *
 * What a resume token says: whose seat it is, in which room, and which of its tokens this one is. The server keeps no
 * list of tokens: each is sealed under the daemon's key and comes back whole or not at all.
 */
#ifndef SERVER_CORE_RESUME_TOKEN_H
#define SERVER_CORE_RESUME_TOKEN_H

#include "server/core/core.h"

enum {
    BOOT_BYTES = 16,
    RESUME_TOKEN_PLAIN_MAX = 2048, /* its plain bytes: two ids, and a name and metadata as they were sent */
};

struct resume_token {
    char boot[BOOT_BYTES];
    uint32_t generation;
    uint64_t incarnation; /* of the room */
    uint64_t expires;     /* unix seconds, when the right to be in the room ends */
    bool kept;            /* the room was made over HTTP: it is in rooms.json or was closed */
    char dialect;         /* its mark */
    struct span peer_id, room_id;
    struct span origin; /* the id that its peer had first, on another node; n = 0: this one */
    struct introduction introduction;
};

/* The token in `text`, as a span; n = 0 if it could not be sealed. */
struct span resume_token_write(
    const struct core_crypto *crypto, const struct resume_token *t, char text[RESUME_TOKEN_MAX + 1]);
enum resume_token_found {
    RESUME_TOKEN_GOOD,
    RESUME_TOKEN_UNKNOWN, /* ours, of another version */
    RESUME_TOKEN_FORGED,  /* none of ours, or changed */
};
/* The token's spans point into `space`. */
enum resume_token_found resume_token_read(
    const struct core_crypto *crypto, struct span text, struct resume_token *t, char space[RESUME_TOKEN_PLAIN_MAX]);

#endif
