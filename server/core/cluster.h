/* SPDX-License-Identifier: MIT
 *
 * Whether this node is in its cluster, and what it does to be and to stay in it. All of it is there only where the settings say
 * so (core->cluster).
 *
 *     DOWN ──CORE_BUS_UP──► ASKING ──registered──► UP ──► every room is brought in line (shared.h)
 *      ▲                      ▲  │ refused, or failed: asked again after a third of the lease
 *      └──CORE_BUS_DOWN───────┴──┴─ UP: an answer says that the registration is over, or that the server fails
 *
 * While it is not UP rooms go on with the members that are here, and show those of other nodes as they were. Each registration
 * has an epoch of its own; one that ended may still stand in the way of a new one, which therefore names it.
 *
 * Every third of the lease it is renewed. The answer tells how many announcements were ever sent to us: what is missing at the
 * next one is lost, and all rooms are read again. It also names a registration whose node is gone: that one is cleared, a batch at
 * a time; whoever else does the same clears other seats, since each can be taken off once.
 */
#ifndef SERVER_CORE_CLUSTER_H
#define SERVER_CORE_CLUSTER_H

#include "server/core/state.h"

enum cluster_state {
    CLUSTER_DOWN,
    CLUSTER_ASKING,
    CLUSTER_UP
};

enum {
    NODES_MAX = 1024,       /* that are known at once */
    SYNCS_MAX = 32,         /* rooms that are brought in line at the same time */
    SETTLE_MS = 3000,       /* after a start on the bus: members of other nodes that are not there yet may still come */
    CLEAR_COUNT = 64,       /* seats of a dead node that one operation clears */
    LEASE_PARTS = 3,        /* a lease is renewed so often */
    UNHEARD_RETRY_MS = 2000 /* told to whoever said something to a node that cannot be reached */
};

/* Another node. */
struct node {
    struct node *prev, *next; /* in cluster->nodes */
    uint64_t epoch, heard;    /* of the registration that its last signal came from, and the number of that */
    uint64_t said;            /* signals to it in this registration of ours */
    uint32_t members;         /* of our rooms, that are its */
    uint8_t name_n;
    char name[NODE_MAX];
};

/* A room that other nodes have part in, or might have: see shared.h. */
struct shared {
    struct shared *prev, *next;             /* in cluster->rooms, */
    struct shared *stale_prev, *stale_next; /* and in cluster->stale or cluster->syncing */
    struct room *room;
    struct made_there *there; /* owned; what is known of one made over HTTP on another node; NULL: nothing */
    uint64_t life, version;   /* of what we know */
    uint64_t seen_life, seen; /* of the newest announcement that came while a BUS_SYNC was under way */
    uint64_t job;             /* of the BUS_SYNC under way; 0: none is */
    bool known;               /* there is something that we know: what is announced is applied */
    bool stale;               /* it is in cluster->stale */
    bool again;               /* once that is answered, another one */
};

struct cluster {
    enum cluster_state state;
    uint64_t epoch, former;
    uint64_t registering, renewing, clearing; /* jobs; 0: none is under way */
    uint64_t due;                             /* when to register or renew next */
    uint64_t good_until;                      /* the lease that we know of lapses */
    uint64_t settled_at;                      /* then doubtful members are gone */
    uint64_t heard, owed;                     /* announcements: the newest, and as many as there were to be */
    struct table members;                     /* of other nodes, by the random part of their ids */
    struct node *nodes;                       /* owned list */
    uint32_t nodes_n;
    struct shared *rooms;           /* list of all, in order of their making */
    struct shared *cursor;          /* of them: it and those behind it are still to be brought in line */
    struct shared *stale, *syncing; /* lists */
    uint32_t syncing_n;
    uint32_t named_at;       /* the slot where registering names and topics goes on */
    struct span entering;    /* during shared_learn_for */
    bool settling;           /* what was doubtful is looked at once more, or was */
    char dead[NODE_MAX + 1]; /* whose seats are being cleared */
    uint64_t dead_epoch;
    struct room_lists {
        struct frame *frame; /* owned; the answer to GET /api/rooms; NULL: it is not known */
        uint64_t until;      /* it is good */
        uint64_t job;        /* it is asked for */
    } list;
};

/* False when out of memory. */
bool cluster_begin(struct core *c);
void cluster_end(struct core *c);
static inline bool cluster_is_up(const struct core *c)
{
    return c->cluster && c->cluster->state == CLUSTER_UP;
}
/* This node's name. */
static inline struct span cluster_self(const struct core *c)
{
    return (struct span){c->prefix, (size_t)c->prefix_n - 1};
}
/* Whether seats of earlier registrations of this node may be taken off: their clients had their time to come back. */
bool cluster_may_clear_own(const struct core *c);
void cluster_bus_up(struct core *c);
void cluster_bus_down(struct core *c);
void cluster_answered(struct core *c, const struct core_bus_answer *a);
/* A client's operation failed as a whole (BUS_FAILED): so will others. */
void cluster_fails(struct core *c);
void cluster_unheard(struct core *c, struct conn_id conn);
/* The drain is over. */
void cluster_leave(struct core *c);
void cluster_tick(struct core *c);
uint64_t cluster_due(const struct core *c);

/* Asks for the operation: a copy of it, with our node and epoch. False when out of memory. */
bool cluster_do(struct core *c, const struct core_bus *op);
/* The node of that name, made if it is not known; NULL when out of memory or when there are too many. */
struct node *cluster_node(struct core *c, struct span name);
/* The dialect of that mark as core->dialects has it; false if nobody here knows it. */
bool cluster_dialect(struct core *c, char mark, uint8_t *dialect);
/* One record to that node, of a client's (conn) or of nobody's. */
bool cluster_send(struct core *c, struct conn_id conn, struct node *to, struct span record);

#endif
