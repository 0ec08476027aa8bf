/* SPDX-License-Identifier: MIT
 *
 * Lines from a descriptor, as the main loop finds them: reading never blocks, and stops while nobody takes the lines.
 */
#ifndef PEER_CLI_INPUT_H
#define PEER_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct input;

enum {
    INPUT_LINE_MAX = 512 * 1024 /* a text of 64 KiB in which each byte is written as \u00xx, and what is around it */
};

struct input_callbacks {
    /* One line without its newline, NUL-terminated, borrowed and free to be changed. False: not now; it is kept as it
     * was, and offered again by input_resume. */
    bool (*on_line)(void *user, char *line, size_t n);
    void (*on_too_long)(void *user);
    void (*on_end_seen)(void *user); /* nothing more will come; lines may still be waiting */
    void (*on_end)(void *user);      /* and now they are all taken */
};

/* fd and user are borrowed. Callbacks come from the main loop, or from input_resume. */
struct input *input_new(int fd, const struct input_callbacks *callbacks, void *user);
void input_resume(struct input *in);
/* Takes NULL. Not from inside a callback. */
void input_free(struct input *in);

#endif
