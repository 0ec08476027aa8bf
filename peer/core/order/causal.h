/* SPDX-License-Identifier: MIT
 *
 * One conversation's order: which message is next, which waits for which, and what is missing meanwhile.
 *
 * The clock holds, for each author, the sequence delivered last. A message is deliverable when its sequence is its
 * author's next and every entry of the clock it carries is reached; else it waits here. Each unreached entry stands in
 * a list of its author, sorted by count, and each waiting message in one of its own author, sorted by sequence: when a
 * clock moves, only the fronts of that author's two lists are looked at.
 *
 * What is missing is asked for (causal_gaps). What nobody had for CAUSAL_GAP_MS, without anything of that author
 * filling in since, is given up: if a later message of that author is held, its signature proves the sequence and the
 * clock jumps to just before it. If only somebody else's clock claims it, it may be forged and as high as 2^53-1: then
 * the claim is forgotten for the message that made it, and nobody's clock moves. Messages that claim to come after each
 * other are untied likewise. Somebody named in claims only is no author: he takes no place among them.
 *
 * Times are any milliseconds that do not run backwards. Running out of memory is CAUSAL_FULL: the message was not taken
 * and can come again.
 *
 *   owns     the clock, and each waiting item until causal_next, causal_give_up or item_free hands it out
 *   before   the caller has checked the author's signature; times do not run backwards
 *   after    an item is handed out once, behind all that its clock names or after what it waited for was given up; the
 *            bounds below hold whatever comes
 */
#ifndef PEER_CORE_CAUSAL_H
#define PEER_CORE_CAUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/envelope.h"

enum {
    CAUSAL_AUTHORS_MAX = ENVELOPE_CLOCK_MAX, /* what one message can list; ourselves among them */
    CAUSAL_WAITING_MAX = 1024,
    CAUSAL_BYTES_MAX = 4 * 1024 * 1024, /* of all that waits, what is kept about it included */
    /* Of one author, so that one liar does not crowd out the others. */
    CAUSAL_AUTHOR_WAITING_MAX = CAUSAL_WAITING_MAX / 4,
    CAUSAL_AUTHOR_BYTES_MAX = CAUSAL_BYTES_MAX / 4,
    CAUSAL_GAP_MS = 30000,
    /* A claim about an author who goes on filling in: a forged one would hold its message for as long as he talks. */
    CAUSAL_CLAIM_MS = 10 * CAUSAL_GAP_MS,
};
#define CAUSAL_NEVER UINT64_MAX

enum causal_verdict {
    CAUSAL_DELIVER, /* now, by the caller; the clock has moved, so ask causal_next afterwards */
    CAUSAL_WAIT,    /* kept: the item is taken */
    CAUSAL_OLD,     /* at or below the clock, or waiting already */
    CAUSAL_FULL,    /* a bound was met, or memory ran out: as if it had never come */
};

struct causal_gap {
    char author[ENVELOPE_PERSON_MAX + 1];
    uint64_t from, to; /* both missing; 0 and 0 from causal_give_up: two messages claimed to come after each other */
    uint64_t since;    /* when it was first missed, or the author last filled something in */
    bool proved;       /* a later message of the author is held; else it is only claimed by somebody else's clock */
    const void *item;  /* from causal_give_up: what waited for it, held until causal_next; the caller's */
};

struct causal;

/* self is copied and known from the start, at 0. item_free (may be NULL) is given every waiting item that will never be
 * delivered: on causal_free, and when causal_set passes it by; it must not call into c. NULL: no memory. */
struct causal *causal_new(struct span self, void (*item_free)(void *ctx, void *item), void *ctx);
void causal_free(struct causal *c); /* takes NULL */

/* Delivered up to; 0 if unknown. */
uint64_t causal_get(const struct causal *c, struct span author);
/* Delivered or waiting here up to, without a gap. */
uint64_t causal_has(const struct causal *c, struct span author);
/* The first that waits here behind a gap; 0: none. */
uint64_t causal_held_next(const struct causal *c, struct span author);
bool causal_known(const struct causal *c, struct span author);
/* The item that waits here under that number, the caller's; NULL: none. */
const void *causal_held(const struct causal *c, struct span author, uint64_t sequence);
/* The whole clock by index, in the order in which authors became known, ourselves first. Spans live as long as c. */
size_t causal_size(const struct causal *c);
struct envelope_tick causal_at(const struct causal *c, size_t i);

/* Raises an author's clock, never lowers it, and makes the author known, be it at 0: a restored clock, a start, a
 * tombstone. What waits at or below is freed undelivered; what was waiting for it may be there for causal_next. False
 * when there are too many authors or no memory. */
bool causal_set(struct causal *c, struct span author, uint64_t count);

/* What our next message lists: our entry first, counted up, then those that changed since our last causal_tick, or all
 * (whole). Returns how many; 0, with nothing written that counts, if max (CAUSAL_AUTHORS_MAX always does) or 2^53-1 is
 * exceeded. */
size_t causal_clock(const struct causal *c, bool whole, struct envelope_tick *out, size_t max);
/* That message exists now: our clock counts up. */
void causal_tick(struct causal *c);

/* A message whose author and signature are known to be right; its clock may hold anything that envelope_parse takes.
 * bytes is what keeping the item costs; the item is taken on CAUSAL_WAIT only. author and clock are borrowed. */
enum causal_verdict causal_offer(struct causal *c, struct span author, uint64_t sequence,
    const struct envelope_tick *clock, size_t clock_count, void *item, size_t bytes, uint64_t now);
/* Makes room for a message that was refused as CAUSAL_FULL: gives back the waiting item furthest ahead of its author's
 * clock (of the same author, if that has its share), if it is further than this one. NULL: there is none. Repeat both. */
void *causal_evict(struct causal *c, struct span author, uint64_t sequence, size_t bytes);
/* The next waiting item that is deliverable, given back to the caller, with the clock moved on; NULL: none. */
void *causal_next(struct causal *c);
size_t causal_waiting(const struct causal *c);
size_t causal_waiting_bytes(const struct causal *c); /* as CAUSAL_BYTES_MAX counts them */

/* For each author the first range that a waiting message needs and that is not held; at most max of them. */
size_t causal_gaps(const struct causal *c, struct causal_gap *out, size_t max);
/* When something is to be given up; CAUSAL_NEVER if nothing waits for anything missing. */
uint64_t causal_due(struct causal *c);
/* Gives up one thing that is due and says what; false if nothing is. Repeat, and then ask causal_next. */
bool causal_give_up(struct causal *c, uint64_t now, struct causal_gap *missing);

#endif
