/* SPDX-License-Identifier: MIT
 *
 * How many datagrams of one address ([ice] stun_listen) are looked at: STUN_RATE a second, STUN_BURST at once. An address
 * is an IPv4 address or the /64 of an IPv6 one, as for the core's limits. Pure; its memory is fixed.
 *
 * Many people share an address (an office, a mobile network), and Chromium asks again every 10 s while a call may still
 * move: STUN_RATE is enough for a thousand calls at once behind one address. As a reflector the daemon is worth 4.4 KB/s
 * of payload towards an address.
 */
#ifndef SERVER_IO_STUN_LIMIT_H
#define SERVER_IO_STUN_LIMIT_H

#include "base/rng.h"
#include "server/core/core.h"

enum {
    STUN_RATE = 100,
    STUN_BURST = 200,
    STUN_LIMIT_SETS = 1024, /* with the ways: 8,192 addresses, 128 KB */
    STUN_LIMIT_WAYS = 8
};

struct stun_limit {
    uint32_t key;
    struct stun_limit_entry {
        uint64_t network; /* 0: the place is free */
        uint32_t at;      /* when the level was right, in milliseconds */
        uint32_t level;   /* in thousandths of a datagram */
    } sets[STUN_LIMIT_SETS][STUN_LIMIT_WAYS];
};

void stun_limit_init(struct stun_limit *l, const struct rng *rng);
/* Counts a datagram from there; false if it is one too many. now_ms never goes back. */
bool stun_limit_allows(struct stun_limit *l, const struct address *from, uint64_t now_ms);

#endif
