/* SPDX-License-Identifier: MIT
 *
 * What is known of the servers that were named, and which of them is to be used: a table, and answers from it. It does
 * nothing by itself; session.c and session_servers.c ask and act.
 *
 * Servers whose `welcome` names the same cluster are one server with several addresses: who is on one meets who is on
 * another, so the nearest is the best. Others have nothing in common but that a person named them: two people meet only
 * on the same one, so all take the first that works, in the order given. A cluster stands where its first member stands.
 *
 *   owns     nothing beyond the table
 *   before   servers_init once; indices are below the number given there
 *   after    the answers depend on the table and the time alone
 */
#ifndef PEER_LINK_SERVERS_H
#define PEER_LINK_SERVERS_H

#include "peer/core/peer.h"

#define SERVER_HEALTHS(X)                                                     \
    X(UNKNOWN, "nothing was heard of it lately")                              \
    X(WELL, "it answered a probe: /health, then the welcome of a connection") \
    X(DEAD, "it did not answer one, or not as a daemon does, or it was in use and failed")

enum server_health {
#define X(name, sentence) SERVER_##name,
    SERVER_HEALTHS(X)
#undef X
};

struct server {
    char cluster[CLUSTER_ID_MAX + 1]; /* that its newest welcome named; empty: none */
    bool heard;                       /* a welcome of it ever came */
    unsigned changes;                 /* of what its welcomes name */
    enum server_health health;
    uint64_t health_at;   /* when that was learned */
    uint64_t distance_ms; /* how long /health takes; 0: not measured since it matters */
    uint64_t avoid_until; /* it drains, or has no room, or a move to it failed: others are better */
    uint64_t wait_until;  /* it asked not to be tried before */
    unsigned refusals;    /* moves that it refused, since it was in use last */
    bool tried;           /* in this round of tries */
    unsigned samples;     /* that the probe under way takes; 0: there is none */
    uint64_t probe_until; /* and it counts as lost then */
};

struct servers {
    struct server v[SERVERS_MAX];
    unsigned n;
};

void servers_init(struct servers *s, unsigned n);
/* A welcome of this one named the cluster, or none (empty). One that names another too often is taken to be in none. */
void servers_welcomed(struct servers *s, unsigned i, struct span cluster);
/* A probe of it was begun; and ended. False: there was none. ms: how long /health took, at least 1; 0: it failed. */
void servers_probe(struct servers *s, unsigned i, unsigned samples, uint64_t now);
bool servers_probed(struct servers *s, unsigned i, uint64_t ms, uint64_t now);
bool servers_is_probed(const struct servers *s, unsigned i, uint64_t now); /* a probe of it is under way */
bool servers_any_probed(const struct servers *s, uint64_t now);
/* It was tried in this round, and failed. */
void servers_failed(struct servers *s, unsigned i, uint64_t now);
void servers_avoid(struct servers *s, unsigned i, uint64_t until);
/* It asks not to be tried before. */
void servers_wait(struct servers *s, unsigned i, uint64_t until);
/* A move to it failed: it is avoided for a while, longer each time that it refused us. */
void servers_failed_move(struct servers *s, unsigned i, bool refused, uint64_t now);
/* It is the one in use: tries and distances begin anew. */
void servers_settled(struct servers *s, unsigned i, uint64_t now);

/* Whether both name the same cluster. Each is one with itself. */
bool servers_are_one(const struct servers *s, unsigned a, unsigned b);
/* Whether a seat of one may be known to the other: not if either names a cluster that the other is not in. */
bool servers_may_share(const struct servers *s, unsigned a, unsigned b);
/* Whether `i` comes before `current` in the order given: an earlier one, and not of its cluster. */
bool servers_is_before(const struct servers *s, unsigned i, unsigned current);
/* Whether it is known to answer, and nothing speaks against it. */
bool servers_is_well(const struct servers *s, unsigned i, uint64_t now);
bool servers_is_avoided(const struct servers *s, unsigned i, uint64_t now);
uint64_t servers_waits_until(const struct servers *s); /* from when on one of them may be tried */
/* All were tried in this round. */
bool servers_all_tried(const struct servers *s);
void servers_new_round(struct servers *s);
/* The one to try next: not tried yet, best one that is well, then one of which nothing is known, then a dead one; among
 * equals in the order given. If all were tried: the best of all. */
unsigned servers_next(const struct servers *s, uint64_t now);
/* The one to move to from `current`, which works; current, if none is better: one that comes before it, or one of its
 * cluster that is clearly nearer. */
unsigned servers_better(const struct servers *s, unsigned current, uint64_t now);

#endif
