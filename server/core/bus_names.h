/* SPDX-License-Identifier: MIT
 *
 * Names that clients chose, and topics, in a cluster. A name is one client's on all nodes: the bus gives it, and takes it from the
 * node that had it when the same client comes again elsewhere. What is said to a name that nobody has here goes to whoever has it;
 * a topic's node hears what is published on any. A node that is cut off gives names by itself; back in its cluster it asks for
 * them anew, and whoever has a name that is another's by then loses it.
 */
#ifndef SERVER_CORE_BUS_NAMES_H
#define SERVER_CORE_BUS_NAMES_H

#include "protocol/bus.h"
#include "server/core/state.h"

struct pending;

/* What a PENDING_BUS_NAME waits for. */
enum bus_name_step {
    BUS_NAME_STEP_TAKE,  /* a client is to have its name */
    BUS_NAME_STEP_AGAIN, /* a client that has its name is to keep it */
    BUS_NAME_STEP_SAID,  /* something said to a name that nobody has here */
    BUS_NAME_STEP_LIST   /* an HTTP request for the names of a key */
};

/* The session, which is READY, asks for the name; it is answered when that is. */
void bus_name_take(struct core *c, struct session *s, const struct client_name *name);
/* Nobody has it here any more. */
void bus_name_free(struct core *c, struct span key, struct span id);
/* The message, to a name that nobody has here, goes to the bus; false if it does not. */
bool bus_name_forward(struct core *c, struct session *s, const struct request *r, struct span key, struct span from);
void bus_name_list(struct core *c, struct session *s, struct span key);
void bus_name_answered(struct core *c, struct pending *e, const struct core_bus_answer *a);
/* Records of the bus. */
void bus_name_said(struct core *c, const struct bus_record *r);
void bus_topic_said(struct core *c, const struct bus_record *r);

/* The first of this node has subscribed, and the last one not any more; something was published. */
void bus_topic_begins(struct core *c, struct span topic);
void bus_topic_ends(struct core *c, struct span topic);
void bus_topic_publish(struct core *c, struct span topic, struct span bytes);

/* Registers all names and topics anew, a batch at a time. */
void bus_names_tick(struct core *c);
bool bus_names_due(const struct core *c);

#endif
