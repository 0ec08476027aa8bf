/* SPDX-License-Identifier: MIT
 *
 * What people were promised, and whether it was kept: every message accepted reaches each of its readers exactly once
 * and in its sender's order, or is reported failed; "delivered" is never said of what was not; a peer's "up" and
 * "down" alternate. The peers' memory does not outlive them yet, so a crash of either side releases what it held.
 */
#ifndef SIM_PROMISES_H
#define SIM_PROMISES_H

#include "peer/core/peer.h"
#include "tests/sim/world.h"

enum {
    PEOPLE_MAX = 16
};

struct promises;

struct promises *promises_new(struct world *w);
void promises_free(struct promises *p); /* takes NULL */
/* A person of the run, by index 0 … PEOPLE_MAX - 1. The name (a seat for a plain peer) is copied. */
void promises_person(struct promises *p, unsigned who, const char *id);
/* The process of `who` ended without saying good-bye, or left for good. */
void promises_crash(struct promises *p, unsigned who);
/* `who` asks to send to these people; the text and ref to use are written to out (64 bytes). */
void promises_send(struct promises *p, unsigned who, const unsigned *to, size_t n, bool room, char out[64]);
/* Each notice that `who` gets. */
void promises_notice(struct promises *p, unsigned who, const struct peer_notice *n);
/* Everybody is reachable and quiet: is all kept? The latter names what is not. */
bool promises_kept(const struct promises *p);
void promises_check(const struct promises *p);
bool promises_up(const struct promises *p, unsigned who, unsigned other);
unsigned promises_flaps(const struct promises *p, unsigned who, unsigned other); /* notices about it so far */
uint64_t promises_delivered(const struct promises *p);

#endif
