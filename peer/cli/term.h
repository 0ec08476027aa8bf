/* SPDX-License-Identifier: MIT
 *
 * A terminal with one line being typed at its bottom, and what happens meanwhile above it.
 */
#ifndef PEER_CLI_TERM_H
#define PEER_CLI_TERM_H

struct term;

struct term_callbacks {
    void (*on_line)(void *user, char *line); /* without its newline; borrowed and free to be changed */
    void (*on_end)(void *user);              /* control-D on an empty line, or the terminal is gone */
};

/* prompt is copied. NULL if the terminal cannot be used. */
struct term *term_new(const char *prompt, const struct term_callbacks *callbacks, void *user);
/* Gives the terminal back as it was, below the last line. Takes NULL; not from inside a callback. */
void term_free(struct term *t);
/* Prints a line (and its newline) above the one being typed. */
void term_print(struct term *t, const char *line);

#endif
