/* SPDX-License-Identifier: MIT
 *
 * Somebody who makes, shows, lists and closes rooms over HTTP at random: `hall-0` and on, with the password
 * `secret-0` and on or without one, and some that get a code for a name. He asks for what exists already, with tokens
 * of others, and hangs up before he is answered.
 */
#ifndef SIM_LANDLORD_H
#define SIM_LANDLORD_H

#include "tests/sim/daemon.h"

enum {
    HALLS = 6
};

struct landlord;

struct landlord *landlord_new(struct world *w, struct daemon *d, uint32_t pace_ms);
void landlord_free(struct landlord *l); /* takes NULL */
void landlord_calm(struct landlord *l);

#endif
