/* SPDX-License-Identifier: MIT
 *
 * The commands that talk to a server. Each runs to its end and returns the exit status.
 */
#ifndef PEER_CLI_COMMANDS_H
#define PEER_CLI_COMMANDS_H

#include "peer/cli/options.h"

int chat_run(const struct options *o); /* for a person */
int pipe_run(const struct options *o); /* for a program */
int send_run(const struct options *o);
int receive_run(const struct options *o);
/* Makes rooms and people of its own. */
int exercise_run(const struct options *o);
int rooms_run(const struct options *o); /* joins none */

#endif
