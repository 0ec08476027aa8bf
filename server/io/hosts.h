/* SPDX-License-Identifier: MIT
 *
 * Under which host clients reached us (the Host of their request): each name once, however many have it, so that a
 * connection keeps a number only. Names are in the form of url_host_read.
 */
#ifndef SERVER_IO_HOSTS_H
#define SERVER_IO_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/span.h"

enum {
    HOST_NONE = 0
};

struct hosts {
    uint32_t key;
    uint32_t cap, free; /* of numbers: how many have a place, and the first that is free (HOST_NONE: all are taken) */
    struct host_place *places;
    struct host *named; /* owned, by name */
};

/* Allocates nothing. */
void hosts_init(struct hosts *h, const struct rng *rng);
void hosts_done(struct hosts *h);
/* The number of the host of `authority` (host and maybe port), to be dropped once; HOST_NONE if it names none. False when
 * out of memory. */
bool hosts_take(struct hosts *h, struct span authority, uint32_t *number);
/* Takes HOST_NONE. */
void hosts_drop(struct hosts *h, uint32_t number);
/* Lives until it is dropped; n = 0 for HOST_NONE. */
struct span hosts_name(const struct hosts *h, uint32_t number);

#endif
