/* SPDX-License-Identifier: MIT
 *
 * The daemon, from its settings to its exit code: wiring, signals, reload and drain.
 */
#ifndef SERVER_APP_H
#define SERVER_APP_H

#include "server/config.h"
#include "server/io/token.h"

/* Where the settings come from; kept, because a reload reads them again. */
enum {
    LAUNCH_SETS_MAX = 128
};
struct launch {
    const char *file;                  /* NULL: none */
    const char *sets[LAUNCH_SETS_MAX]; /* section.key=value, in order */
    size_t count;
};

/* The checked settings; NULL with the sentence in e. */
struct config *app_load(const struct launch *l, struct err *e);
/* Serves until a signal ends it. Returns the exit code; takes the config. */
int app_run(const struct launch *l, struct config *config);
/* The keys that these settings name; NULL with the sentence in e. */
struct token_keys *app_token_keys(const struct config *config, struct err *e);
/* `usherd token …`: prints a token. Returns the exit code. */
int token_command(int argc, char **argv);
/* Asks the daemon that these settings describe for its health. Returns the exit code. */
int healthcheck(const struct config *config);

#endif
