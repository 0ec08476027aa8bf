/* SPDX-License-Identifier: MIT
 *
 * The parts of `usher chat`: chat.c runs it, chat_events.c tells what happens, chat_commands.c does what is typed.
 */
#ifndef PEER_CLI_CHAT_H
#define PEER_CLI_CHAT_H

#include "peer/cli/input.h"
#include "peer/cli/names.h"
#include "peer/cli/client.h"
#include "peer/cli/term.h"

struct chat {
    struct client client;
    struct term *term;   /* NULL: stdin or stdout is no terminal */
    struct input *input; /* then lines come from here */
    const char *room, *name;
    struct names *names;
    bool was_in; /* the room was entered before */
    bool lost;   /* the server, since then */
    bool ended;  /* of input: nothing more will be typed */
};

/* Prints one line above the prompt, or just prints it. */
void chat_say(struct chat *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
void chat_on_event(struct usher *u, const struct usher_event *event, void *user);
/* A line that was typed. */
void chat_line(struct chat *c, char *line);
/* How a link goes: "direct link", "through a TURN server", … Static. */
const char *chat_path(const char *path);

#endif
