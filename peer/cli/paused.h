/* SPDX-License-Identifier: MIT
 *
 * Codes of sends that are not done, beside the files that each is for: so the same command goes on under the same code, after
 * control-C as after a crash. They are kept in the file "sends" of the state directory, mode 0600.
 */
#ifndef PEER_CLI_PAUSED_H
#define PEER_CLI_PAUSED_H

#include "peer/cli/options.h"

enum {
    PAUSED_MAX = 16, /* sends that are kept in mind: the newest */
    PAUSED_DAYS = 7  /* so long; then the same command makes a new code */
};

/* The code under which just these files (o->files, wherever the command is started) were to be sent. False: none is kept. */
bool paused_find(const struct options *o, char code[USHER_CODE_BYTES]);
/* Keeps it. dir: the state directory. False: it could not be written. */
bool paused_keep(const struct options *o, const char *dir, const char *code);
/* It is done. */
void paused_forget(const char *dir, const char *code);

#endif
