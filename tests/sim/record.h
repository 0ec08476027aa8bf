/* SPDX-License-Identifier: MIT
 *
 * Each person's record of what was said, as its disk has it: the table `log`, row by row as the core writes it. It is
 * what counts across crashes. A message stands in it at most once, for ever, in the order in which it arrived, and never
 * behind one that was said by somebody who knew it.
 *
 * Messages are known by the number that stands in their text, "m<number> …"; conversations by their name.
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "peer/core/peer.h"
#include "tests/sim/shelf.h"
#include "tests/sim/world.h"

/* No frame, and no row but that of a record, ever holds this in the clear. */
#define RECORD_SECRET "for its readers only"

enum {
    RECORD_TEXT_MAX = 64
};

struct record;

struct record *record_new(struct world *w, unsigned who);
void record_free(struct record *r); /* takes NULL */
void record_text(size_t number, char out[RECORD_TEXT_MAX]);
/* The number in such a text, or in a row that holds one; SIZE_MAX if there is none. */
size_t record_number(struct span text);
/* A row of the log is written. Returns the message's number; SIZE_MAX: it is none of ours. */
size_t record_put(struct record *r, struct span key, struct span value);
/* After a crash: the record is what the disk has. It must be the beginning of what it was. */
void record_restore(struct record *r, const struct shelf *shelf);
bool record_has(const struct record *r, size_t number);
/* It is in the record, and no crash can take it. */
bool record_keeps(const struct record *r, const struct shelf *shelf, size_t number);
/* By index, in order; `n` of them. */
size_t record_count(const struct record *r);
size_t record_at(const struct record *r, size_t i);
/* The application is shown it. At most once, and in the order of the record. */
void record_show(struct record *r, size_t number);

/* A set of messages. */
struct marks {
    uint64_t *words; /* owned */
    size_t n;
};
bool marks_has(const struct marks *m, size_t number);
void marks_add(struct marks *m, size_t number);
void marks_done(struct marks *m);

#endif
