/* SPDX-License-Identifier: MIT
 *
 * What everybody tells everybody about itself.
 *   owns     each person's struct presence, and what we tell of ourselves
 *   before   what came is for everybody, so nothing of it is secret; its signature is checked here
 *   after    the newest presence of each person reaches everybody, over few links whole and by digests for the rest
 */
#ifndef PEER_LINK_PRESENCE_GOSSIP_H
#define PEER_LINK_PRESENCE_GOSSIP_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;

struct presence_link {
    char id[ID_CHARS + 1];
    uint64_t rtt_ms;
    struct person *person; /* of relay.c, while it looks for ways */
};

/* What a person last said to everybody about itself. */
struct presence {
    uint64_t version; /* 0: nothing was said */
    uint64_t heard_at;
    uint64_t asked_at; /* for newer, last */
    uint64_t order;    /* counts up over all that we hear and say */
    char *text;        /* owned: the envelope, for those who link with us later */
    size_t n;
    struct presence_link *links; /* owned */
    size_t link_count;
    char presence[8];
    uint32_t rooms; /* hash of those that it announced; 0: none */
};

void gossip_due(struct peer *p);
void gossip_changed(struct peer *p); /* tell it soon */
void gossip_now(struct peer *p);
/* "online", "away" or "gone"; else nothing. To everybody whose link is up, and to those whose link comes up later. */
void gossip_presence(struct peer *p, struct span presence);
/* The rooms that we tell of; what is no room's id is left out. */
void gossip_rooms(struct peer *p, const struct span *ids, size_t n);
void gossip_link_up(struct peer *p, struct person *who);
/* What this link has not been sent yet, if it can take it. */
void gossip_tell(struct peer *p, struct person *who);
void gossip_heard(struct peer *p, struct person *from, const struct envelope *e, struct span raw);
/* Their digest came. */
void gossip_compared(struct peer *p, struct person *from, const struct envelope *e);
void gossip_clear(struct person *who);

#endif
