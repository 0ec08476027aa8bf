/* SPDX-License-Identifier: MIT
 *
 * The parts of `usher chat`: chat.c runs it, chat_events.c tells what happens, chat_commands.c does what is typed,
 * chat_status.c keeps the rows above the prompt, chat_complete.c knows what Tab can mean, chat_files.c has the files.
 */
#ifndef PEER_CLI_CHAT_H
#define PEER_CLI_CHAT_H

#include "peer/cli/client.h"
#include "peer/cli/input.h"
#include "peer/cli/marks.h"
#include "peer/cli/names.h"
#include "peer/cli/term.h"
#include "peer/cli/typists.h"

struct chat_files; /* chat_files.h */

struct chat {
    struct client client;
    struct term *term;   /* NULL: stdin or stdout is no terminal */
    struct input *input; /* then lines come from here */
    const char *room, *name;
    struct names *names;
    gchar *called;           /* what chat_call returned */
    struct marks *marks;     /* of what we sent */
    struct typists *typists; /* others */
    struct chat_files *files;
    GHashTable *away;        /* set of the ids of those who said so */
    uint64_t typing_told_at; /* that we type; 0: never */
    guint typists_timer;     /* 0: nobody types */
    bool is_away;            /* we said so */
    bool was_in;             /* the room was entered before */
    bool lost;               /* the server, since then */
    bool ended;              /* of input: nothing more will be typed */
};

/* Prints one line, which may have tags of style.h, above the prompt, or just prints it. */
void chat_say(struct chat *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
void chat_on_event(struct usher *u, const struct usher_event *event, void *user);
/* A line that was typed. */
void chat_line(struct chat *c, char *line);
/* What to call somebody (names.h), in the colour of that name; for chat_say. Borrowed until the next call. */
const char *chat_call(struct chat *c, const char *id);
/* How a link goes: "direct link", "through a TURN server", … Static. */
const char *chat_path(const char *path);

/* Sends it, and keeps its mark; to_count 0: to everybody. Who writes is not away any more. */
void chat_send(struct chat *c, const char *const *to, size_t to_count, const char *text);
/* Something changed that the row above the prompt tells of. */
void chat_status(struct chat *c);
/* What an event has to do with that row. */
void chat_status_event(struct chat *c, const struct usher_event *e);
void chat_typing(void *user, const char *line); /* as term.h has it */

/* The name of the i-th command, in the order of /help; NULL: there are no more. */
const char *chat_command(size_t i);
void chat_complete(void *user, const char *before, struct term_completion *completion); /* as term.h has it */

#endif
