/* SPDX-License-Identifier: MIT
 *
 * Somebody who makes, shows, lists and closes rooms over HTTP at random: `hall-0` and on, with the password
 * `secret-0` and on or without one, and some that get a code for a name. He asks for what exists already, with tokens
 * of others, and hangs up before he is answered.
 */
#ifndef SIM_REST_CLIENT_H
#define SIM_REST_CLIENT_H

#include "tests/sim/daemon.h"

enum {
    HALLS = 6
};

struct rest_client;

struct rest_client *rest_client_new(struct world *w, struct daemon *d, uint32_t pace_ms);
void rest_client_free(struct rest_client *l); /* takes NULL */
void rest_client_calm(struct rest_client *l);

#endif
