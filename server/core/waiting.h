/* SPDX-License-Identifier: MIT
 *
 * A queue of things that all wait equally long: who came first is due first, so joining, leaving and asking who is
 * next cost O(1), and thousands of connections need one timer. The place in the queue is part of the thing itself.
 */
#ifndef SERVER_CORE_WAITING_H
#define SERVER_CORE_WAITING_H

#include <stddef.h>
#include <stdint.h>

struct wait {
    struct wait *prev, *next; /* NULL: not in a queue */
    uint64_t since;
};

/* Its own head and tail: it must not be moved once initialised. */
struct waiting {
    struct wait ends;
};

/* The thing around the wait `w`, a member of it. */
#define WAIT_OF(w, type, member) ((type *)(void *)((char *)(w)-offsetof(type, member)))

void waiting_init(struct waiting *q);
/* To the end of the queue. `w` must be in none, and `now` not before that of the last one. */
void waiting_add(struct waiting *q, struct wait *w, uint64_t now);
/* Out of its queue, if it is in one. */
void waiting_remove(struct wait *w);
/* All of `from` go behind those of `to`, who came before them. */
void waiting_move_all(struct waiting *from, struct waiting *to);
/* The one that waits longest; NULL if nobody does. */
struct wait *waiting_first(const struct waiting *q);
/* When the first has waited for `interval`; UINT64_MAX if nobody waits or the interval is 0, for ever. */
uint64_t waiting_due(const struct waiting *q, uint64_t interval);

#endif
