/* SPDX-License-Identifier: MIT
 *
 * What chat and pipe have in common: one usher on one main loop, signals, a polite end, and what goes to stderr.
 */
#ifndef PEER_CLI_CLIENT_H
#define PEER_CLI_CLIENT_H

#include <glib.h>

#include "peer/cli/options.h"

struct client {
    GMainLoop *loop;
    struct usher *usher;
    GPtrArray *others; /* of struct usher, owned: the same person in other rooms */
    guint gone;        /* so many of all have left */
    int status;        /* what the process will exit with */
    bool leaving;      /* the end has begun */
    bool left;         /* usher said so */
    bool joined;       /* we were in the room at least once */
    usher_callback *on_event;
    void (*on_interrupt)(void *user); /* asked to end by a signal, for the first time: it leaves. NULL: with status 0 */
    void (*say)(void *user, const char *line); /* a remark for a person: no newline, already harmless */
    void *user;
    GHashTable *said; /* remarks that were made already, and when */
};

/* Until client_run a signal that asks to end prints these words, and ends with EXIT_NO_CONNECTION. */
void client_early_end(const char *words);
/* Begins; false, with a sentence on stderr, when that is not possible. The callbacks get `user`, from client_run. */
bool client_open(struct client *c, const struct options *o);
/* One more usher, beside the first, whose events come by the same callback. False, with a sentence on stderr, if it cannot be. */
bool client_add(struct client *c, const struct usher_options *o);
/* Runs until the end and returns the exit status. */
int client_run(struct client *c);
/* Frees what client_open made, whether that went well or not. */
void client_close(struct client *c);
/* Says good-bye, then ends with this status; nothing if it is leaving already. */
void client_leave(struct client *c, int status);
/* Ends at once. */
void client_quit(struct client *c, int status);

#endif
