/* SPDX-License-Identifier: MIT
 *
 * The clock that the core's times are read from, and a source that wakes a loop by it. It never goes back, and it counts
 * on while the machine sleeps (CLOCK_BOOTTIME, clock_getres(2)), as the time to live of a message does; GLib's clock and
 * timeouts stand still then (CLOCK_MONOTONIC).
 */
#ifndef PEER_IO_CLOCK_H
#define PEER_IO_CLOCK_H

#include <glib.h>
#include <stdint.h>

/* Milliseconds. */
uint64_t clock_now(void);

struct clock_alarm;
/* Calls fn, on the loop of the context, when what was set has come. NULL: the system has no descriptor left for it. */
struct clock_alarm *clock_alarm_new(GMainContext *context, void (*fn)(void *user), void *user);
void clock_alarm_free(struct clock_alarm *a); /* takes NULL */
/* Once, then or at once if that is past, in place of what was set before; UINT64_MAX: not at all. */
void clock_alarm_set(struct clock_alarm *a, uint64_t at);

#endif
