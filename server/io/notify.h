/* SPDX-License-Identifier: MIT
 *
 * sd_notify(3) for a loop that others wait for: libsystemd's waits until the service manager has read what it was told
 * before.
 */
#ifndef SERVER_IO_NOTIFY_H
#define SERVER_IO_NOTIFY_H

#include <stdbool.h>

/* Tells $NOTIFY_SOCKET this state (lines of NAME=value); false if there is none, or if it does not take it within so
 * many milliseconds (0: at once). */
bool notify(const char *state, int patience_ms);

#endif
