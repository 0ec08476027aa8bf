/* SPDX-License-Identifier: MIT
 *
 * The command line of `usher`, with what the environment adds.
 */
#ifndef PEER_CLI_OPTIONS_H
#define PEER_CLI_OPTIONS_H

#include "peer/include/usher.h"

/* The server where none is named (usher.h says so too). */
#define OPTIONS_SERVER "ws://localhost:4000"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_CONNECTION = 3
};

enum command {
    COMMAND_CHAT,
    COMMAND_PIPE,
    COMMAND_SEND,
    COMMAND_RECEIVE,
    COMMAND_ID,
    COMMAND_EXERCISE,
    COMMAND_ROOMS,
    COMMAND_HELP,
    COMMAND_VERSION
};

enum rooms_command {
    ROOMS_LIST,
    ROOMS_CREATE,
    ROOMS_DELETE
};

/* What only `usher rooms` has. */
struct rooms_options {
    enum rooms_command command;
    struct usher_room_terms terms; /* but for name and password, which are the usher's */
    const char *room, *owner_token;
    bool listed, unlisted;
};

struct options {
    enum command command;
    struct rooms_options rooms;
    bool json;                         /* print for a program */
    struct usher_options usher;        /* its texts are argv's or owned by lists */
    void *servers, *addresses, *texts; /* GPtrArray of owned text */
    char **files;                      /* of send: argv's */
    int file_count;
    const char *to;  /* of send: an identity or a known name; NULL: whoever comes */
    const char *dir; /* of receive: where to; NULL: here */
    bool once;
    bool new_code; /* of send: no code that is kept */
};

/* False when one line was written to stderr that says what was expected: exit 2. */
bool options_parse(struct options *o, int argc, char **argv);
void options_done(struct options *o);
void options_help(void);

#endif
