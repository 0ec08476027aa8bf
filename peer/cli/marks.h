/* SPDX-License-Identifier: MIT
 *
 * What became of the messages that were sent here: how many of their readers have them, and saw them. A line that is printed
 * cannot be changed once it has scrolled, so the newest has its mark in the row above the prompt, and /sent tells of others.
 */
#ifndef PEER_CLI_MARKS_H
#define PEER_CLI_MARKS_H

#include <glib.h>
#include <stdbool.h>

struct marks;

enum {
    MARKS_MAX = 64 /* the newest messages, which are kept in mind */
};

struct mark {
    char *ref, *id, *text;                 /* id NULL: not accepted yet */
    size_t expected;                       /* readers who were there */
    GHashTable *delivered, *read, *failed; /* sets of readers' ids */
    bool refused;                          /* it was not accepted */
};

struct marks *marks_new(void);
void marks_free(struct marks *m); /* takes NULL */
void marks_add(struct marks *m, const char *ref, const char *text, size_t expected);
/* What events tell; of messages that are not known here they change nothing. True: the newest has changed. */
bool marks_accepted(struct marks *m, const char *ref, const char *id);
bool marks_refused(struct marks *m, const char *ref);
bool marks_delivered(struct marks *m, const char *id, const char *by);
bool marks_read(struct marks *m, const char *id, const char *by);
bool marks_failed(struct marks *m, const char *id, const char *const *to, size_t n);
/* The i-th newest, 0 the last; borrowed, NULL: there is none. */
const struct mark *marks_at(const struct marks *m, size_t i);
const struct mark *marks_find(const struct marks *m, const char *id); /* likewise */
/* "delivered to 2 of 3, read by 1"; for g_free. */
char *marks_words(const struct mark *mark);

#endif
