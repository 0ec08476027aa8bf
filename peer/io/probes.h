/* SPDX-License-Identifier: MIT
 *
 * Whether servers are of use, and how far they are: /health, timed, then a connection of its own that hears the welcome
 * and ends. Everything runs on one GLib main context; callbacks come from its loop, never from inside a call.
 *
 *     probes_ask ─► on_probed, once for each
 */
#ifndef PEER_IO_PROBES_H
#define PEER_IO_PROBES_H

#include <glib.h>

#include "base/span.h"
#include "peer/io/url.h"

struct probes;

/* ms: how long /health took, the shortest of the samples, rounded up; 0: the server is of no use now. cluster: that its
 * welcome named, borrowed; empty: none. */
typedef void probes_callback(void *user, unsigned server, uint64_t ms, struct span cluster);

/* context is referenced; the URLs (at most URLS_MAX) and user are borrowed until probes_free. NULL: out of memory. */
struct probes *probes_new(
    GMainContext *context, const struct url *urls, unsigned count, probes_callback *on_probed, void *user);
/* Ends what is under way, without a callback for it. Takes NULL; not from inside a callback. */
void probes_free(struct probes *p);
/* Of urls[server], which is not being probed: what is asked for meanwhile is left out. Answered within 15 s, however many
 * there are. */
void probes_ask(struct probes *p, unsigned server, unsigned samples);

#endif
