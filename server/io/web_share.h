/* SPDX-License-Identifier: MIT
 *
 * Whose the places of downloads are, where there are fewer of them than are asked for. As long as one is free anybody
 * may have it. When all are taken, an address that has fewer of them than another gets one of the address that has most:
 * that whose client has not come for its next piece for the longest time. So each address has its equal share when it
 * asks for it, and one that is alone may have them all. An address is an IPv4 address or the /64 of an IPv6 one, as for
 * the core's limits. Pure; every call takes the same time, however many there are.
 *
 * A fixed share for each address was rejected: with an eighth, eight addresses have all, and a proxy that nobody told us
 * of, with many clients behind it, has no more than an eighth.
 */
#ifndef SERVER_IO_WEB_SHARE_H
#define SERVER_IO_WEB_SHARE_H

#include "base/rng.h"
#include "server/core/core.h"

enum {
    WEB_DOWNLOADS_MAX = 4096 /* places */
};

struct web_owner;

/* Lies in a download. */
struct web_place {
    struct web_owner *owner;       /* borrowed; NULL: of no address, or it is no place (taken is false) */
    struct web_place *prev, *next; /* while it is held: in its owner's list */
    bool taken, held;
};

struct web_share {
    uint32_t key;
    uint32_t taken;                                /* places */
    uint32_t most;                                 /* that one address has */
    struct web_owner *owners;                      /* owned: by address */
    struct web_owner *with[WEB_DOWNLOADS_MAX + 1]; /* those that have so many */
};

void web_share_init(struct web_share *s, const struct rng *rng);
/* Takes one more place, for the address of a client; all zero: of none, which shares with nobody. False when all are taken,
 * or out of memory. */
bool web_share_take(struct web_share *s, const struct address *whose, struct web_place *p);
/* It is nobody's any more. One that is not taken stays as it is. */
void web_share_give(struct web_share *s, struct web_place *p);
/* From now on the client has a piece and has to come for the next; it came. */
void web_share_hold(struct web_place *p);
void web_share_release(struct web_place *p);
/* All are taken: which one this address may have in place of its owner, who has at least two more than it. NULL: none. */
struct web_place *web_share_for(const struct web_share *s, const struct address *whose);

#endif
