/* SPDX-License-Identifier: MIT
 *
 * What the daemon's parent may have left it of signals, put right. SIGTERM, SIGINT and SIGHUP are handled on the loop
 * (app.c).
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

/* First of all, and again when nobody hears SIGHUP any more: it waits. */
void signals_hold(void);
/* Of the daemon, before any thread: SIGHUP waits, nothing else is blocked, and what would end the process for no reason of
 * ours is ignored. A handler that is there already stays. */
void signals_prepare(void);
/* There is somebody who hears SIGHUP, or it may end the process: one that came since comes now. */
void signals_release(void);

#endif
