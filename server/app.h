/* SPDX-License-Identifier: MIT
 *
 * The daemon, from its settings to its exit code: wiring, signals, reload and drain.
 */
#ifndef SERVER_APP_H
#define SERVER_APP_H

#include "server/config.h"
#include "server/adapters/token.h"

/* Where the settings come from; kept, because a reload reads them again. */
enum {
    LAUNCH_SETS_MAX = 128
};
struct launch {
    const char *file;                  /* NULL: none */
    const char *sets[LAUNCH_SETS_MAX]; /* section.key=value, in order */
    size_t count;
};

/* Exit codes, besides EXIT_SUCCESS and EXIT_FAILURE: starting again may help after EXIT_FAILURE only. */
enum {
    EXIT_USAGE = 2,
    EXIT_SETTINGS = 78 /* sysexits.h's EX_CONFIG, which systemctl(1) calls CONFIG */
};
/* What to end with after this problem of settings, files or sockets. */
int app_exit_code(const struct err *e);

/* The checked settings; NULL with the sentence in e. */
struct config *app_load(const struct launch *l, struct err *e);
/* Of these settings what is needed to ask the daemon that runs with them (config_new_to_ask); NULL with the sentence in e. */
struct config *app_load_to_ask(const struct launch *l, struct err *e);
/* Whether the files and folders that they name are good too, as far as that shows before the start. */
bool app_test(const struct config *config, struct err *e);
/* `usherd --test-config`, when all of that is well: prints it, and what is doubtful. Returns the exit code. */
int test_command(const struct config *config);
/* Serves until a signal ends it. Returns the exit code; takes the config. */
int app_run(const struct launch *l, struct config *config);
/* The keys that these settings name; NULL with the sentence in e. */
struct token_keys *app_token_keys(const struct config *config, struct err *e);
/* `usherd token …`: prints a token. Returns the exit code. */
int token_command(int argc, char **argv);
/* `usherd --reload`: has the daemon that $MAINPID names read its settings again and waits until they are in force.
 * Returns the exit code. */
int reload_command(void);
/* Asks the daemon that is launched so for its health. Returns the exit code. */
int healthcheck(const struct launch *l);

#endif
