/* SPDX-License-Identifier: MIT
 *
 * A crowd of random clients of the native dialect. Each joins, leaves, relays, asks twice, sends nonsense, floods,
 * closes, breaks, vanishes without a packet, stops reading or never finishes its handshake; and each keeps its own
 * view of its room from what it is told: who is told of twice, of a stranger's leaving or a frame from somebody it
 * does not see has found a bug. When the crowd is calm, every view is compared with the server oracle's.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "tests/sim/daemon.h"

struct crowd;

struct crowd_options {
    unsigned clients, rooms;
    uint32_t pace_ms;  /* each client does something about this often */
    unsigned halls;    /* rooms that a REST client makes, of which some join */
    uint32_t tokens;   /* of 1,000 joins, how many show a token */
    uint32_t mischief; /* of 1,000 acts, how many are not what a good client does */
};

struct crowd *crowd_new(struct world *w, struct wire_net *net, struct daemon *d, const struct crowd_options *options);
void crowd_free(struct crowd *c); /* takes NULL */
/* From now on they only stay and answer pings. */
void crowd_calm(struct crowd *c);
/* At rest: every view is what the daemon should have said. */
void crowd_check(const struct crowd *c);
unsigned crowd_size(const struct crowd *c);
size_t crowd_joined(const struct crowd *c);

#endif
