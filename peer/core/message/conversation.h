/* SPDX-License-Identifier: MIT
 *
 * Conversations: the room's, and those of fixed sets of people.
 *   owns     struct conversation: its people, its clock (causal.h), what will never be shown, and their rows
 *   before   an author that is named has an id of at most PERSON_MAX bytes
 *   after    at most CONVERSATIONS_MAX, of which what one person may begin is bounded; a clock that moved is in its row once
 *            conversation_store_clock was called
 */
#ifndef PEER_MESSAGE_CONVERSATION_H
#define PEER_MESSAGE_CONVERSATION_H

#include "peer/core/bounds.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/hash.h"
#include "protocol/envelope.h"

struct person;

/* Messages of one author that will never be shown: given up, or come past their time to live. */
struct missing {
    char author[PERSON_MAX + 1];
    uint64_t from, to;
    bool expired;
    bool unreported; /* the author waits for our receipt */
};

struct conversation {
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    bool room;
    bool stored;                    /* it has a row */
    bool started;                   /* false: a newcomer's room, whose clock has yet to be learned */
    char (*people)[PERSON_MAX + 1]; /* owned; everybody, ourselves too; none of a room's */
    size_t people_count;
    struct causal *order;
    uint64_t used;   /* counts up over all conversations: the newest are compared first */
    uint64_t ask_at; /* when to ask for what is missing; NEVER: nothing is */
    unsigned asks;
    char hint[PERSON_MAX + 1];           /* who sent what waits: asked first */
    struct missing missing[MISSING_MAX]; /* stored: they must never be acknowledged */
    size_t missing_count;
    uint64_t clock_sent_at; /* last */
    uint64_t tell_at;       /* when to tell authors of those that they do not know of; NEVER: they know of all */
    uint64_t released;      /* our own sequences up to this are on the disk, and may be seen by others */
    uint64_t
        regained; /* and up to this were taken from somebody's clock: there are no messages to them any more; 0: none */
    UT_hash_handle hh;
};

/* The name of the conversation that a message from `from` to these people belongs to; none: the room's. */
void conversation_name(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1]);
struct conversation *conversation_find(const struct peer *p, struct span name);
/* The one of that name (conversation_name) and these people, or of the room if n is 0; made if it is new. NULL if there
 * are too many, or memory is short. */
struct conversation *conversation_of(
    struct peer *p, const char *name, struct span from, const struct span *to, size_t n);
/* Out of its row; NULL if that cannot be read. */
struct conversation *conversation_restored(struct peer *p, struct span name, struct span value);
bool conversation_has(const struct conversation *c, const struct person *who);
/* It is known from where on we read it. */
void conversation_start(struct peer *p, struct conversation *c);
void conversation_store_clock(struct peer *p, struct conversation *c, struct span author);
/* The stretch that this sequence is in, if it will never be shown; else NULL. */
struct missing *conversation_missing(struct conversation *c, struct span author, uint64_t sequence);
#define CONVERSATION_EXPIRED " expired" /* behind the last sequence of such a stretch in its row */
/* These of that author will never be shown; unreported: and the author is to hear so. False if it can be nobody's
 * name. */
bool conversation_bury(struct peer *p, struct conversation *c, struct span author, struct missing like);
/* This stretch's author hears of it soon; at most once in ASK_AGAIN_MS. */
void conversation_tell(struct peer *p, struct conversation *c, struct missing *m);
/* Puts a message into the history; of a room only an author's newest are kept. */
void conversation_keep(
    struct peer *p, const struct conversation *c, struct span author, uint64_t sequence, struct span text);
void conversation_clear(struct peer *p);

#endif
