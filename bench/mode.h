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
    bool one_sided;   /* relay: only one side of each pair begins */
    unsigned rate;    /* pace: signals a second of all clients together */
    const char *kind; /* flood: of what; borrowed */
    const char *room; /* flood: a room with a password, or NULL; borrowed */
    unsigned payload; /* bytes of the description in a signal, as it stands in JSON */
    double warmup;    /* seconds before measuring */
    double seconds;   /* measured */
};

/* Makes in `out` the `data` of a signal: the lines of a session description as JSON carries them, cut to `payload` bytes,
 * never inside an escape. False when out of memory. */
bool signal_data(struct buf *out, unsigned payload);

/* Pairs exchange signals as fast as the server relays them. */
bool mode_relay(const struct load_options *options);
/* In each room all exchange signals with one. */
bool mode_star(const struct load_options *options);
/* Pairs exchange signals at a steady rate: what one relay takes, one way. */
bool mode_pace(const struct load_options *options);
/* One client does as much of one thing as it can, whatever the server answers. */
bool mode_flood(const struct load_options *options);
/* All clients come in and end at once. */
bool mode_crowd(const struct load_options *options);
/* What the slowest of many small requests takes. */
bool mode_pulse(const struct load_options *options);
/* All clients join, as fast as the server lets them. */
bool mode_join(const struct load_options *options);
/* All clients join and then say nothing. */
bool mode_idle(const struct load_options *options);

#endif
