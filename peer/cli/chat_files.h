/* SPDX-License-Identifier: MIT
 *
 * Files in `usher chat`: those that others offer, which have a number each, and those that are sent. One that is under way has
 * a row above the prompt.
 */
#ifndef PEER_CLI_CHAT_FILES_H
#define PEER_CLI_CHAT_FILES_H

#include "peer/cli/chat.h"

enum {
    CHAT_FILES_MAX =
        64 /* that are kept in mind: of those that ended the oldest is forgotten; else an offer is declined */
};

struct chat_files *chat_files_new(void);
void chat_files_free(struct chat_files *f); /* takes NULL */
/* True: it was about a file, and is told. */
bool chat_files_event(struct chat *c, const struct usher_event *e);
/* How far the file is that is under way, for g_free; NULL: none is. columns: of the terminal. */
char *chat_files_row(struct chat *c, long columns);

/* Commands; argument is what was typed behind each. */
void chat_send_file(struct chat *c, const char *argument);
void chat_accept(struct chat *c, const char *argument);
void chat_decline(struct chat *c, const char *argument);
void chat_cancel(struct chat *c, const char *argument);
void chat_list_files(struct chat *c, const char *argument);

#endif
