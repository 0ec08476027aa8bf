/* SPDX-License-Identifier: MIT
 *
 * The sentence a person gets when something outside the protocol fails: what was wrong and what to do.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

struct err {
    char text[384];
    int error; /* the errno behind it; 0: none */
};

/* Sets the sentence (cut at its end) and returns false, so that `return err_set(e, …)` reads well. e may be NULL. */
bool err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool err_set_errno(struct err *e, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The usual sentence of ENOMEM. */
bool err_memory(struct err *e);

#endif
