/* SPDX-License-Identifier: MIT
 *
 * What chat and pipe have in common: one usher on one main loop, signals, a polite end, and what goes to stderr.
 */
#ifndef PEER_CLI_SESSION_H
#define PEER_CLI_SESSION_H

#include <glib.h>

#include "peer/cli/options.h"

struct session {
    GMainLoop *loop;
    struct usher *usher;
    int status;   /* what the process will exit with */
    bool leaving; /* the end has begun */
    bool left;    /* usher said so */
    bool joined;  /* we were in the room at least once */
    usher_callback *on_event;
    void (*say)(void *user, const char *line); /* a remark for a person: no newline, already harmless */
    void *user;
    GHashTable *said; /* remarks that were made already, and when */
};

/* Begins; false, with a sentence on stderr, when that is not possible. The callbacks get `user`, from session_run. */
bool session_open(struct session *s, const struct options *o);
/* Runs until the end and returns the exit status. */
int session_run(struct session *s);
/* Frees what session_open made, whether that went well or not. */
void session_close(struct session *s);
/* Says good-bye, then ends with this status; nothing if it is leaving already. */
void session_leave(struct session *s, int status);
/* Ends at once. */
void session_quit(struct session *s, int status);

#endif
