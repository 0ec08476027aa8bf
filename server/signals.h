/* SPDX-License-Identifier: MIT
 *
 * What the daemon's parent may have left it of signals, put right. SIGTERM, SIGINT and SIGHUP are handled on the loop
 * (app.c).
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

/* For the start, before any thread: nothing is blocked, and what would end the process for no reason of ours is
 * ignored. A handler that is there already stays. */
void signals_prepare(void);

#endif
