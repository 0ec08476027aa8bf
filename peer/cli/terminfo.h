/* SPDX-License-Identifier: MIT
 *
 * What the terminal can do, by the system's descriptions of terminals (terminfo) and $TERM.
 */
#ifndef PEER_CLI_TERMINFO_H
#define PEER_CLI_TERMINFO_H

#include <stdbool.h>

/* Whether a prompt can be kept at the bottom of the terminal that fd is: its cursor can be moved up. False for TERM=dumb,
 * for none, and for one that is not described here. */
bool terminfo_moves(int fd);
int terminfo_colours(int fd); /* 0: none */

#endif
