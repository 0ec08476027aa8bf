/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP in a cluster: what rest.c does here alone is asked of the bus, and the answer given when its own is there. While
 * the node is cut off rooms are neither made nor closed, since nobody could tell the others; what it knows itself is shown.
 */
#ifndef SERVER_CORE_BUS_REST_H
#define SERVER_CORE_BUS_REST_H

#include "server/core/state.h"

struct pending;

/* What a PENDING_BUS_REST waits for. */
enum bus_rest_step {
    BUS_REST_AGAIN,    /* a room of ours is to be there again; nobody is answered */
    BUS_REST_CREATE,   /* a room is made */
    BUS_REST_SHOW,     /* one is shown */
    BUS_REST_VALIDATE, /* likewise, for what a join would be answered */
    BUS_REST_OWNED,    /* likewise, for who wants to close it */
    BUS_REST_CLOSE,    /* it is closed */
    BUS_REST_LIST,     /* all are shown */
};

struct core_request;
/* A room is to be made; the request is answered. */
void bus_rest_create(struct core *c, struct session *s, const struct room_terms *t);
/* The room of the request is looked up for this step; the request is answered. */
void bus_rest_ask(struct core *c, struct session *s, const struct core_request *r, enum bus_rest_step step);
/* All rooms that are to be listed; the request is answered. */
void bus_rest_list(struct core *c, struct session *s);
void bus_rest_answered(struct core *c, struct pending *e, const struct core_bus_answer *a);

#endif
