/* SPDX-License-Identifier: MIT
 *
 * The daemon's keys in the simulation: a seal, tokens, owner tokens and password hashes that cost nothing, under one
 * secret that outlives the daemon. Not for any other use.
 */
#ifndef SIM_PORTS_H
#define SIM_PORTS_H

#include "server/core/core.h"

enum {
    PORTS_TOKEN_MAX = 512
};

struct ports {
    uint64_t secret;     /* daemons that are not of one cluster have different ones */
    uint64_t sealed;     /* so far: no two seals are alike */
    uint64_t ice_ttl_ms; /* of TURN credentials; 0: there are none */
};

/* The ctx of both is `p`, which outlives the core. */
struct core_crypto ports_crypto(struct ports *p);
void ports_fill(struct ports *p, struct core_ports *ports);

/* A token that `verify` takes. expires UINT64_MAX: never. */
void ports_token(
    char text[PORTS_TOKEN_MAX], const char *room, const char *name, uint64_t expires_unix_seconds, bool admin);
const char *ports_verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims);
bool ports_owner(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES]);
/* One TURN server, whose username begins with the second in which it lapses, as coturn's do. */
void ports_ice(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out);
void ports_hash(const struct core_hash *ask, uint8_t hash[ROOM_HASH_BYTES]);

#endif
