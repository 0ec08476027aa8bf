/* SPDX-License-Identifier: MIT
 *
 * Through others to somebody without a link.
 *   owns     struct route: the first step to each person
 *   before   relay_send: the text names one reader, is sealed to it, and has us as the first of its route
 *   after    at most RELAYS_MAX others pass a message on; who can be reached, and how, is said by a notice and the facts
 *            REACHED and PATH
 */
#ifndef PEER_LINK_RELAY_H
#define PEER_LINK_RELAY_H

#include "peer/core/bounds.h"
#include "protocol/envelope.h"

struct person;

struct route {
    struct person *first[RELAYS_MAX + 1]; /* whose link is the first step, over at most so many relays; NULL: none */
    struct person *next_first;            /* of relay.c, while it looks for ways */
    uint64_t ms, next_ms;
};

/* Over a link or through others. */
bool relay_reaches(const struct peer *p, const struct person *who);
/* Whose link is the first step; NULL: nobody leads there now. */
struct person *relay_first(struct peer *p, struct person *who);
/* Whose link is the next step of what came on `from`'s for somebody else, and the text that goes on there. NULL: it is refused,
 * or dropped, and counted. */
struct person *relay_next(
    struct peer *p, struct person *from, const struct envelope *e, struct span reader, struct buf *text);
/* Sends an envelope of ours. False: nobody leads there now. */
bool relay_send(struct peer *p, struct person *who, struct span text);
/* Passes on what came on `from`'s link for somebody else. */
void relay_pass(struct peer *p, struct person *from, const struct envelope *e, struct span reader);
/* The application is told who can be reached now, and how, where that has changed. */
void relay_show(struct peer *p);
/* Whether `who` says that it is linked with that person. */
bool relay_names(const struct person *who, const char *id);
/* They said good-bye: nobody leads there until they are heard of again. */
void relay_forget(struct peer *p, struct person *who);

#endif
