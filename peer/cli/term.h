/* SPDX-License-Identifier: MIT
 *
 * A terminal with a line being typed at its bottom, and what happens meanwhile above it. Keys are those of most programs of
 * this kind (usher(1) lists them).
 */
#ifndef PEER_CLI_TERM_H
#define PEER_CLI_TERM_H

#include <glib.h>

struct term;

/* What can stand in place of the end of what is typed. */
struct term_completion {
    GPtrArray *found;   /* of char *; each is freed with g_free */
    size_t from;        /* where in its bytes it would begin */
    const char *suffix; /* goes behind it, if only one was found; static */
    gboolean of_others; /* they are names: in a list they stand in angle brackets, as everywhere */
};

struct term_callbacks {
    void (*on_line)(void *user, char *line);         /* without its newline; borrowed and free to be changed */
    void (*on_end)(void *user);                      /* control-D on an empty line, or the terminal is gone */
    void (*on_typing)(void *user, const char *line); /* it has changed, and is not empty */
    /* Tab was typed behind this. completion has an empty list. */
    void (*on_tab)(void *user, const char *before, struct term_completion *completion);
};

/* Whether standard input and output are a terminal that this can be done on. To be asked before there are threads. */
gboolean term_prepare(void);
/* prompt is copied. NULL if the terminal cannot be used. */
struct term *term_new(const char *prompt, const struct term_callbacks *callbacks, void *user);
/* Gives the terminal back as it was, below the last line. Takes NULL; not from inside a callback. */
void term_free(struct term *t);
/* Prints a line (and its newline), which may have tags of style.h, above the one being typed. */
void term_print(struct term *t, const char *line);
long term_columns(const struct term *t);
/* Rows between the two, until there are others, with a newline between them; NULL: none. Copied; so may have tags. */
void term_status(struct term *t, const char *status);

#endif
