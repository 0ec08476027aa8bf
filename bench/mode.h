/* SPDX-License-Identifier: MIT
 *
 * What the load generator can do. Each mode takes the same options, prints one line of `name=value` pairs on stdout
 * and says on stderr why it could not.
 */
#ifndef BENCH_MODE_H
#define BENCH_MODE_H

#include <sys/types.h>

#include "bench/fleet.h"

struct load_options {
    struct fleet_options fleet;
    pid_t server;     /* its process: whose processor time and memory count */
    unsigned window;  /* signals in flight from each side of a pair */
    unsigned payload; /* bytes of the description in a signal, as it stands in JSON */
    double warmup;    /* seconds before measuring */
    double seconds;   /* measured */
};

/* Pairs exchange signals as fast as the server relays them. */
bool mode_relay(const struct load_options *options);
/* All clients join, as fast as the server lets them. */
bool mode_join(const struct load_options *options);
/* All clients join and then say nothing. */
bool mode_idle(const struct load_options *options);

#endif
