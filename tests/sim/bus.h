/* SPDX-License-Identifier: MIT
 *
 * A model of the bus of server/core/bus.h: the same keys, operations, answers and announcements as the scripts in Redis, in
 * memory and at once. Whoever uses it decides when an operation arrives, and what becomes of answers and messages.
 */
#ifndef TESTS_SIM_BUS_H
#define TESTS_SIM_BUS_H

#include "server/core/core.h"

struct bus;

/* A message on the channel of that node; whether somebody hears it. */
typedef bool bus_publish(void *ctx, struct span node, struct span message);

struct bus *bus_new(bus_publish *publish, void *ctx);
void bus_free(struct bus *b);
/* It starts again with nothing. */
void bus_forget_all(struct bus *b);

/* An answer, which owns what it points to. */
struct bus_reply {
    struct core_bus_answer answer;
    bool unheard; /* of a BUS_SEND */
    char *memory, *text;
    struct core_bus_seat *seats;
};
/* Does the operation; bus_reply_done frees the answer. */
void bus_do(struct bus *b, const struct core_bus *op, uint64_t now, struct bus_reply *out);
void bus_reply_done(struct bus_reply *r);

/* ---- for whoever judges ---- */

/* How many members the room has; and whether this peer is one. */
size_t bus_members(const struct bus *b, struct span room);
bool bus_has_member(const struct bus *b, struct span room, struct span peer);
/* Every seat of every room: false ends. */
void bus_each_seat(const struct bus *b, bool (*each)(void *ctx, struct span room, struct span peer), void *ctx);

#endif
