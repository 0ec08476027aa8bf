/* SPDX-License-Identifier: MIT
 *
 * A whole run in one struct: the world, its sockets and connections, the daemons, the crowd and the people. Seeds and
 * stories build one, let virtual time pass, and end it.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "tests/sim/client.h"
#include "tests/sim/rest_client.h"
#include "tests/sim/peerhost.h"

enum {
    RUN_DAEMONS_MAX = 2
};

struct run {
    struct world *w;
    struct wire_net *wires;
    struct rtc_net *rtcs;
    struct key_ring *keys;
    struct peer_oracle *peer_oracle;
    struct daemon *daemons[RUN_DAEMONS_MAX];
    unsigned daemon_count;
    struct crowd *crowd; /* may be NULL */
    struct rest_client *rest_client;
    struct peerhost *people[PEOPLE_MAX];
    struct key_pair *pairs[PEOPLE_MAX];
    unsigned people_count;
    struct peerhost *twin; /* NULL: there is none */
    bool restless;         /* the people go on sending and suffering */
    bool losses;           /* they lose their state directories, too */
    uint32_t pace_ms, trouble_ms;
};

void run_init(struct run *r, const struct world_options *options);
void run_done(struct run *r);
/* Of the usual settings: servers that have nothing in common. */
void run_add_daemons(struct run *r, unsigned n);
struct daemon *run_add_daemon(struct run *r, const struct core_settings *settings);
/* The next person, in the room of that name; not started. */
struct peerhost *run_add_person(struct run *r, const char *room, const char *name);
/* A second process of that person's identity; owned by the run. Not started. */
struct peerhost *run_add_twin(struct run *r, unsigned who);
void run_for(struct run *r, uint64_t ms);
/* Every pair of running people is linked and up exactly once. */
bool run_all_linked(const struct run *r);
/* Lets time pass until they are, or fails after `ms`. */
void run_until_linked(struct run *r, uint64_t ms);
/* A daemon and these people in one room, of whom the first are started at once. */
void run_gather(struct run *r, const struct world_options *options, unsigned people, unsigned started);
/* Likewise, all of them; they are linked, have said something each and heard each other. */
void run_befriend(struct run *r, const struct world_options *options, unsigned people);
void run_say_all(struct run *r); /* everybody who runs says something to the room */
/* Lets time pass until every promise is kept, or fails after `ms`. */
void run_until_delivered(struct run *r, uint64_t ms);
/* From now on every path is quick and loses nothing. */
void run_calm(struct run *r);
/* Lets everybody speak in turns until the broadcast tree of each has spanned his island without a circle, or fails after
 * `ms`. */
void run_until_tree(struct run *r, uint64_t ms);
/* To everybody else who runs. */
void run_say(struct run *r, struct peerhost *h);
void run_tell(struct run *r, struct peerhost *from, const struct peerhost *to);

/* ---- what is run ---- */
typedef void scenario(struct run *r, const struct world_options *options);
scenario seed_server;       /* hundreds of random clients */
scenario seed_peers;        /* two to 64 people and their misfortunes */
scenario seed_apart;        /* likewise, and in every seed some of them can never be linked */
scenario seed_losses;       /* likewise, and in every seed some lose their state, or put back an older one */
scenario seed_short_memory; /* one story, in which one allocation fails, another with each seed */
scenario seed_files;        /* two to five people who send each other files */
scenario seed_cluster;      /* two to eight daemons on one bus */
scenario seed_storms;       /* likewise, and every path loses 40 % of its packets at each end */

struct story {
    const char *name; /* for --scenario and TAP */
    scenario *tell;
    bool long_one; /* run by name only, and not checked after every event */
};
/* All named stories, and what each seed is a run of; the last of each has a NULL name. */
extern const struct story STORIES[];
extern const struct story SEEDED[];
/* Of these names; NULL: there is none. */
const struct story *story_find(const struct story *among, const char *name);

#endif
