/* SPDX-License-Identifier: MIT
 *
 * The ICE servers that clients are told of, as RTCPeerConnection takes them: STUN as it stands in the settings, TURN
 * with credentials that are made for each peer and lapse.
 */
#ifndef SERVER_ADAPTERS_ICE_LIST_H
#define SERVER_ADAPTERS_ICE_LIST_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "server/adapters/ice_url.h"
#include "server/core/core.h"

enum {
    TURN_SECRET_MAX = 1024
};

struct ice_list;

struct ice_list_settings {
    const char *const *stun, *const *turn; /* URLs */
    size_t stun_count, turn_count;
    const char *secret; /* shared with the TURN servers, or `@` and the file that holds it; needed if there is TURN */
    uint64_t ttl_ms;
    /* Writes the URL of the STUN server built in, as the client of this connection reaches it; false if there is none.
     * NULL: there never is. own_ctx is borrowed. */
    bool (*own)(const void *own_ctx, struct conn_id conn, char url[ICE_URL_MAX + 1]);
    const void *own_ctx;
};

/* Everything is copied. NULL with the sentence in e. */
struct ice_list *ice_list_new(const struct ice_list_settings *s, struct err *e);
/* Takes NULL. */
void ice_list_free(struct ice_list *l);
/* Appends the JSON array for whoever has this id, at this connection. ctx is the list: see struct core_ports. */
void ice_list_write(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out);
/* How often a client must be told anew: at 80 % of the credentials' life; 0 if there are none. */
uint64_t ice_list_refresh_ms(const struct ice_list *l);

#endif
