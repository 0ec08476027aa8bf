/* SPDX-License-Identifier: MIT
 *
 * The bus of a cluster on Redis (server/core/bus.h): two connections, one for commands and one on which our channel is
 * subscribed to. Both are up, or neither is used: with either, the other one goes as well and both are opened again, after a
 * pause that grows.
 *
 *     waiting ─► opening: both are connected, scripts loaded, the channel subscribed to ─► up: CORE_BUS_UP
 *        ▲──────────────────────┴── either is lost: CORE_BUS_DOWN if it was up ◄──────────────┘
 *
 * What the core asks in one turn is written once, and signals to one node become one PUBLISH.
 */
#ifndef SERVER_IO_BUS_H
#define SERVER_IO_BUS_H

#include "base/histogram.h"
#include "server/adapters/redis_url.h"
#include "server/core/core.h"

struct io;
struct bus;

struct bus_counts {
    bool connected;            /* to Redis, now */
    uint64_t connected_total;  /* times that it came up, */
    uint64_t lost_total;       /* and was lost after that */
    uint64_t operations_total; /* done by scripts */
    uint64_t published_total;  /* messages with signals, of one or many */
    uint64_t refused_total;    /* operations that Redis answered with an error */
    uint64_t waiting_bytes;    /* for Redis, now */
    struct histogram answers;  /* until a script was answered */
};
extern const struct histogram_bounds BUS_ANSWER_BOUNDS;

/* Into io->bus; the URL is copied, the node's name too. False when out of memory; bus_stop and bus_free undo it in any case. */
bool bus_new(struct io *io, const struct redis_url *url, const char *node);
/* Begins to connect. */
void bus_start(struct io *io);
/* Does it, later in this turn. Takes the operation. */
void bus_put(struct io *io, struct core_bus *op);
/* The end of a turn, not within a step: all that was put there is sent, and who could not be served is told. Nothing
 * without a bus. */
void bus_flush(struct io *io);
/* Nothing more is put there: calls done(io), now or later, when Redis has answered all, or has had time enough. */
void bus_drain(struct io *io, void (*done)(struct io *io));
/* What is known of it now; NULL: there is no bus. */
const struct bus_counts *bus_counts(const struct io *io);
/* Ends it; the loop has to run once more before bus_free. Both do nothing without a bus. */
void bus_stop(struct io *io);
void bus_free(struct io *io);

#endif
