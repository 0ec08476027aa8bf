/* SPDX-License-Identifier: MIT
 *
 * What the model of the bus keeps; only bus.c and bus_names.c include it.
 */
#ifndef TESTS_SIM_BUS_INNER_H
#define TESTS_SIM_BUS_INNER_H

#include "tests/sim/bus.h"

enum {
    ITEM_MAX = 512
};

struct text {
    char *p; /* owned */
    size_t n;
};

struct lease {
    struct lease *prev, *next;
    struct text node;
    uint64_t epoch, until; /* epoch 0: "-" */
};

struct item {
    struct item *prev, *next;
    struct text text;
};

struct registration {
    struct registration *prev, *next;
    struct text node;
    uint64_t epoch;
    struct item *items;
};

struct seat_entry {
    struct seat_entry *prev, *next;
    struct text peer, entry;
};

struct bus_room {
    struct bus_room *prev, *next;
    struct text id, at; /* `@` */
    uint64_t version, until;
    struct seat_entry *entries;
    size_t count;
};

struct sent {
    struct sent *prev, *next;
    struct text node;
    uint64_t n;
};

struct gone {
    struct gone *prev, *next;
    uint64_t incarnation;
};

struct bus_name {
    struct bus_name *prev, *next;
    struct text key, id, node, secret;
    uint64_t epoch;
};

struct bus_topic {
    struct bus_topic *prev, *next;
    struct text topic, node;
    uint64_t epoch;
};

struct bus {
    bus_publish *publish;
    void *ctx;
    uint64_t now;
    struct lease *leases;
    struct registration *registrations;
    struct bus_room *rooms;
    struct sent *sent;
    struct gone *gone;
    struct bus_name *names;
    struct bus_topic *topics;
};

struct text text_of(struct span s);
bool bus_is_alive(struct bus *b, struct span node, uint64_t epoch);
void bus_item_add(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second);
void bus_item_remove(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second);

enum core_bus_outcome bus_names_do(struct bus *b, const struct core_bus *op, struct bus_reply *out);
void bus_names_clear(struct bus *b, const struct core_bus *op, char kind, struct span item);
void bus_names_forget(struct bus *b);

#endif
