/* SPDX-License-Identifier: MIT
 *
 * What to call people on a terminal: "<Ann>", and "<Ann#k3f9xz2a>" with the beginning of the id where the name does not
 * tell who it is: another of that name, or of one that looks like it, was seen; the name is known as somebody else's; it
 * has a # itself; there is none. Nothing else that is printed stands in angle brackets, and no name has one.
 */
#ifndef PEER_CLI_NAMES_H
#define PEER_CLI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct names;

enum {
    NAMES_SEEN_MAX = 4096 /* people who are kept in mind */
};

struct names *names_new(void);
void names_free(struct names *n); /* takes NULL */
/* The name that an event of libusher has for this person; NULL or empty: none. */
void names_learn(struct names *n, const char *id, const char *name);
/* Its name is known as somebody else's. */
void names_doubt(struct names *n, const char *id);
/* Borrowed until the next call of these. NULL: nobody that is known. */
const char *names_call(struct names *n, const char *id);
/* How many bytes of line name this person: as names_call has it without the brackets, by the name alone, or by at least 4
 * characters of the id. 0: none. */
size_t names_match(struct names *n, const char *id, const char *line);

#endif
