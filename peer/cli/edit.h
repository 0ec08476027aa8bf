/* SPDX-License-Identifier: MIT
 *
 * The line being typed, the lines before it, and what keys do to them. Nothing is drawn here (screen.h).
 *
 * Owns the modes of the terminal at standard input from edit_new to edit_free: keys come as they are typed, and are not shown.
 */
#ifndef PEER_CLI_EDIT_H
#define PEER_CLI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "peer/cli/keys.h"

struct edit;

enum {
    EDIT_MAX = 64 * 1024, /* characters of a line */
    EDIT_HISTORY = 500    /* lines that are kept, in memory only */
};

/* NULL if the terminal cannot be used. */
struct edit *edit_new(void);
void edit_free(struct edit *e); /* gives the terminal back as it was; takes NULL */
/* What a key does that moves, deletes or brings back; other keys do nothing. */
void edit_key(struct edit *e, enum key key);
/* Puts n bytes of UTF-8 before the cursor, or as much of them as the line has place for. False: not all of it. */
bool edit_insert(struct edit *e, const char *text, size_t n);
/* Takes away n characters before the cursor. */
void edit_erase(struct edit *e, size_t n);
/* A copy of the line, for g_free; *cursor: where in its bytes the cursor stands. */
char *edit_text(const struct edit *e, size_t *cursor);
bool edit_is_empty(const struct edit *e);
/* The line in place of what was typed, with the cursor behind it. */
void edit_replace(struct edit *e, const char *text);
/* The line, for g_free; another is begun. It becomes the newest of those before, unless it is empty or the same as that. */
char *edit_take(struct edit *e);
/* The line before that holds these words, the newest first, without the first `skip` of them; NULL: there is none. For
 * g_free. */
char *edit_find(struct edit *e, const char *words, unsigned skip);
/* Gives the terminal back as it was, for a while; takes it again. What is being typed stays. */
void edit_suspend(struct edit *e);
void edit_resume(struct edit *e);

#endif
