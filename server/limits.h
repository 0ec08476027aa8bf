/* SPDX-License-Identifier: MIT
 *
 * Limits of the system that the daemon was started under (setrlimit(2), a control group): what it cannot start without
 * is looked for at once and named, since libraries below hang or abort when they find it missing half-way.
 */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include <stddef.h>

#include "base/err.h"

/* As many descriptors as the hard limit gives, and enough of them, threads and memory to start with so many listeners
 * and receivers of webhooks; else false with the sentence in e. */
bool limits_prepare(size_t listeners, size_t webhooks, struct err *e);

#endif
