/* SPDX-License-Identifier: MIT
 *
 * Clocks compared, and each other's gaps filled.
 *   owns     what a link is to hand over next (person: handed, handing), and whether it is behind
 *   before   history_request and history_reply: signed by that person
 *   after    an answer has at most HISTORY_ROWS_MAX messages and HISTORY_BYTES_MAX bytes; what is behind that is asked for
 *            again
 */
#ifndef PEER_MESSAGE_HISTORY_H
#define PEER_MESSAGE_HISTORY_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;
struct conversation;
struct load;
struct tree_graft;

enum handing {
    HANDING_GAP,  /* out of the history */
    HANDING_HEAD, /* an author's last, for a newcomer */
    HANDING_COPY  /* to be kept for somebody else */
};

/* ---- history.c ---- */
void history_link_up(struct peer *p, struct person *who);
/* linked: it came on their own link, not through others. */
void history_request(struct peer *p, struct person *who, const struct envelope *e, bool linked);
void history_reply(struct peer *p, struct person *who, const struct envelope *e);
/* The rows that somebody's request asked for. */
void history_give(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n);

/* ---- history_ask.c ---- */
/* Tells our clock; of a conversation of few, asks its author for what is behind it. */
void history_ask(struct peer *p, struct conversation *c, struct person *who);
/* Asks for those messages of the room that we lack. False: none of them, or it cannot be said. */
bool history_want(struct peer *p, struct person *who, const struct tree_graft *wants, size_t n);
/* What is handed over on a link, as history_reply says it. */
struct handout {
    const char *conversation; /* NULL: it is of none in particular */
    const char *what;
    size_t count;          /* messages that follow and belong to no tree */
    uint64_t gone;         /* of the giver's own messages those up to this are no more; 0: none */
    struct person *author; /* of the messages; NULL: it needs no introduction */
};
void history_announce(struct peer *p, struct person *who, const struct handout *h);

#endif
