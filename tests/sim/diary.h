/* SPDX-License-Identifier: MIT
 *
 * Each person's record of what was said, as its disk has it: the table `log`, row by row as the core writes it. It is
 * what counts across crashes. A message stands in it at most once, for ever, in the order in which it arrived, and never
 * behind one that was said by somebody who knew it.
 *
 * Messages are known by the number that stands in their text, "m<number> …"; conversations by their name.
 */
#ifndef SIM_DIARY_H
#define SIM_DIARY_H

#include "peer/core/peer.h"
#include "tests/sim/memory_store.h"
#include "tests/sim/world.h"

/* No frame, and no row but that of a record, ever holds this in the clear. */
#define DIARY_SECRET "for its readers only"

enum {
    DIARY_TEXT_MAX = 64
};

/* A set of messages. */
struct marks {
    uint64_t *words; /* owned */
    size_t n;
};
bool marks_has(const struct marks *m, size_t number);
void marks_add(struct marks *m, size_t number);
void marks_remove(struct marks *m, size_t number);
void marks_join(struct marks *m, const struct marks *other);
void marks_without(struct marks *m, const struct marks *other);
void marks_both(struct marks *m, const struct marks *other);
/* The first from there on; SIZE_MAX: there is none. */
size_t marks_next(const struct marks *m, size_t from);
void marks_done(struct marks *m);

struct diary;

struct diary *diary_new(struct world *w, unsigned who);
void diary_free(struct diary *r); /* takes NULL */
void diary_text(size_t number, char out[DIARY_TEXT_MAX]);
/* The number in such a text, or in a row that holds one; SIZE_MAX if there is none. */
size_t diary_number(struct span text);
/* A row of the log is written. Returns the message's number; SIZE_MAX: it is none of ours. */
size_t diary_put(struct diary *r, struct span key, struct span value);
/* After a crash: the record is what the disk has. It must be the beginning of what it was. */
void diary_restore(struct diary *r, const struct memory_store *store);
/* The files are others than they were: the record is what they hold now. What is not in it may be shown once more. */
void diary_replace(struct diary *r, const struct memory_store *store);
bool diary_has(const struct diary *r, size_t number);
const struct marks *diary_marks(const struct diary *r); /* all of them; until the next change */
/* It is in the record, and no crash can take it. */
bool diary_keeps(const struct diary *r, const struct memory_store *store, size_t number);
/* By index, in order; `n` of them. */
size_t diary_count(const struct diary *r);
size_t diary_at(const struct diary *r, size_t i);
/* The application is shown it. At most once, and in the order of the record. */
void diary_show(struct diary *r, size_t number);

#endif
