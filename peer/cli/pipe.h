/* SPDX-License-Identifier: MIT
 *
 * The parts of `usher pipe`: pipe.c runs it, pipe_commands.c reads what comes in, pipe_events.c prints what goes out.
 */
#ifndef PEER_CLI_PIPE_H
#define PEER_CLI_PIPE_H

#include <jansson.h>

#include "peer/cli/input.h"
#include "peer/cli/client.h"

enum {
    PIPE_PENDING_MAX = 512,   /* messages without an acknowledgement above which stdin waits */
    PIPE_END_SECONDS = 10,    /* after the end of input, for what is not acknowledged yet */
    PIPE_HISTORY_LIMIT = 100, /* messages that `history` lists unless `limit` says otherwise */
    PIPE_HISTORY_MAX = 1024   /* as usher.h has it */
};

struct pipe {
    struct client client;
    struct input *input;
    guint stdout_watch; /* 0: it was seen to close */
    bool ready, ending;
    bool broken;     /* stdout is closed */
    const char *ref; /* of the command in hand, or NULL; borrowed */
};

/* Prints one event; takes it. */
void pipe_say(struct pipe *p, json_t *event);
/* Of the command in hand, if there is one: with its ref. */
void pipe_say_error(struct pipe *p, const char *code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void pipe_on_event(struct usher *u, const struct usher_event *event, void *user);
/* False: this command has to wait. The line may be changed. */
bool pipe_command(struct pipe *p, char *line, size_t n);

#endif
