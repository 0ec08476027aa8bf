/* SPDX-License-Identifier: MIT
 *
 * People, and the entries under which the daemon shows them.
 *   owns     struct person as far as it says who somebody is; all people and entries, by id
 *   before   an id has at most PERSON_MAX bytes; entries go before their person does
 *   after    a person lives until the floors above have heard FACT_LEFT and hand_on.c has called roster_free: within one
 *            call nobody who was found is freed. At most PEOPLE_MAX people and ENTRIES_MAX entries
 */
#ifndef PEER_PEOPLE_ROSTER_H
#define PEER_PEOPLE_ROSTER_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"

struct person;
struct card;

/* A place in the daemon's roster. */
struct roster_entry {
    char id[PEER_ID_MAX + 1];
    struct person *person;
    bool dialect;     /* called with `signal` */
    bool listed;      /* seen in the list that is being read */
    bool away;        /* its socket is lost, the daemon keeps frames for it: not called */
    uint64_t gone_at; /* a roster entry of the daemon's earlier life that has not come back has left then; else NEVER */
    uint64_t refused_until; /* 0: it never gave a wrong introduction */
    struct roster_entry *prev, *next;
    UT_hash_handle hh;
};

/* NULL if there is none of that id. */
struct person *roster_find(const struct peer *p, struct span id);
struct roster_entry *roster_entry(const struct peer *p, struct span id);
/* The entry to call: the newest that is not away and not refused; NULL if there is none. */
struct roster_entry *roster_usable_entry(const struct peer *p, const struct person *who);
/* The person of that card, made if new; NULL if it is ourselves, there is no room, or memory is short. */
struct person *roster_meet(struct peer *p, const struct card *card);
/* A plain peer, who has no key: known by the id of its entry. */
struct person *roster_meet_plain(struct peer *p, struct span id);
/* Keeps who this is for the next start. */
void roster_store(struct peer *p, struct person *who);

/* Of an id that has none yet; NULL when out of memory. */
struct roster_entry *roster_add_entry(struct peer *p, struct person *who, struct span id);
void roster_remove_entry(struct peer *p, struct roster_entry *entry);
/* `to` is free. */
void roster_rename_entry(struct peer *p, struct roster_entry *entry, struct span to);

/* Forgets plain peers who are gone for good. */
void roster_sweep(struct peer *p);
/* Forgets everybody: nobody has an entry or a link any more. */
void roster_clear(struct peer *p);
/* After FACT_LEFT: nothing waits for this person. */
void roster_free(struct person *who);

#endif
