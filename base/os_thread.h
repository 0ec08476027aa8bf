/* SPDX-License-Identifier: MIT
 *
 * Threads behind a loop. They have a small stack of their own size, whatever RLIMIT_STACK says, and block all signals,
 * which are for the loop.
 */
#ifndef BASE_OS_THREAD_H
#define BASE_OS_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

/* Starts a thread, to be joined by the caller; false with the sentence in e if the system has none. ctx is borrowed for
 * as long as the thread runs. */
bool os_thread_start(pthread_t *thread, void *(*run)(void *), void *ctx, struct err *e);
/* Joins the thread if it ends within so many milliseconds; false if it does not, and nothing is changed. */
bool os_thread_join(pthread_t thread, unsigned ms);
/* Whether so many threads more could run at once, with stacks of so many bytes; false with the sentence in e. For
 * libraries that abort when they get none. */
bool os_thread_probe(unsigned count, size_t stack, struct err *e);

#endif
