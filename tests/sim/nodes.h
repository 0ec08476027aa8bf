/* SPDX-License-Identifier: MIT
 *
 * Several daemons' cores on one model of the bus. What goes between them is handed to whoever runs them (`later`), who gives
 * it back when it is to arrive, in the order and as often as he likes: so a unit test has no time between, and the simulator
 * delays, duplicates and losses.
 */
#ifndef TESTS_SIM_NODES_H
#define TESTS_SIM_NODES_H

#include "tests/sim/bus.h"

enum {
    NODES_COUNT_MAX = 8
};

enum parcel_type {
    PARCEL_OP,      /* from a node to the bus */
    PARCEL_ANSWER,  /* back */
    PARCEL_UNHEARD, /* likewise */
    PARCEL_MESSAGE, /* on a node's channel */
    PARCEL_HASHED,  /* of a password, to the node that asked */
};

/* On its way; owned by whoever has it, until nodes_arrives or parcel_free. */
struct parcel {
    enum parcel_type type;
    unsigned node;
    uint32_t link; /* of the node's connection to the bus, when it was sent */
    struct core_bus *op;
    struct bus_reply reply;
    char *bytes;
    size_t n;
    struct conn_id conn;
    uint64_t job;
    bool keeps_order; /* with those of its type and node */
};
void parcel_free(struct parcel *p);
/* The same once more, of a message. */
struct parcel *parcel_again(const struct parcel *p);

struct nodes;
struct nodes_host {
    void *ctx;
    void (*later)(void *ctx, struct parcel *p); /* taken */
    void (*heard)(void *ctx, unsigned node, struct conn_id conn, struct span text);
    void (*closed)(void *ctx, unsigned node, struct conn_id conn, uint16_t code);
    void (*responded)(void *ctx, unsigned node, struct conn_id conn, uint16_t status, struct span body);
    void (*told)(void *ctx, unsigned node, struct span webhook); /* may be NULL */
    uint64_t (*now)(void *ctx);
};

struct nodes *nodes_new(const struct nodes_host *host, uint64_t seed);
void nodes_free(struct nodes *ns);
struct bus *nodes_bus(struct nodes *ns);
/* A daemon of that number starts, under "n<number + 1>" or the name in its settings; it is not connected to the bus. */
void nodes_start(struct nodes *ns, unsigned node, struct core_settings settings);
/* It is no more, without a word. */
void nodes_kill(struct nodes *ns, unsigned node);
struct core *nodes_core(const struct nodes *ns, unsigned node); /* NULL: it does not run */
/* Its connection to the bus comes, and goes: what is on its way is lost, but for operations, which may still arrive. */
void nodes_link(struct nodes *ns, unsigned node, bool up);
bool nodes_is_linked(const struct nodes *ns, unsigned node);
void nodes_step(struct nodes *ns, unsigned node, struct core_event event);
/* Takes it. */
void nodes_arrives(struct nodes *ns, struct parcel *p);

#endif
