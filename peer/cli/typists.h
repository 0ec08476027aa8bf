/* SPDX-License-Identifier: MIT
 *
 * Who is typing. Nobody says that he has stopped: whoever was not heard of for TYPISTS_MS has. Times are milliseconds of one
 * clock that never goes back.
 */
#ifndef PEER_CLI_TYPISTS_H
#define PEER_CLI_TYPISTS_H

#include <stddef.h>
#include <stdint.h>

struct typists;

enum {
    TYPISTS_TELL_MS = 4000, /* between two that we send: what is typed meanwhile is told by the first */
    TYPISTS_MS = 6000,      /* more than that, and a delay */
    TYPISTS_NAMED_MAX = 3   /* of more, their number is told */
};

struct typists *typists_new(void);
void typists_free(struct typists *t); /* takes NULL */
void typists_heard(struct typists *t, const char *id, uint64_t now);
/* It wrote something, or is gone. */
void typists_stopped(struct typists *t, const char *id);
/* Forgets those who stopped. Returns when the next will have; 0: nobody types. */
uint64_t typists_pass(struct typists *t, uint64_t now);
/* "typing: <ann>, <ben>", for g_free; NULL: nobody is. call: what to call somebody, borrowed until its next call. */
char *typists_words(const struct typists *t, const char *(*call)(void *user, const char *id), void *user);

#endif
