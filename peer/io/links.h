/* SPDX-License-Identifier: MIT
 *
 * The connections by the core's numbers: carries out what the core asks of them, and hands it what they tell. Effects
 * may fail at once (a full send buffer, an SDP that cannot be used); what the core is to hear of that waits here until
 * the glue fetches it.
 */
#ifndef PEER_IO_LINKS_H
#define PEER_IO_LINKS_H

#include "peer/core/peer.h"
#include "peer/io/file_cache.h"
#include "peer/io/rtc.h"

struct links;

/* factory is borrowed. on_event is called from the loop; what event borrows is borrowed for the call. tamper: a fault for
 * tests, what is sealed is sent with a wrong byte. NULL when out of memory. */
struct links *links_new(
    struct rtc_factory *factory, bool tamper, void (*on_event)(void *user, struct peer_event *event), void *user);
void links_free(struct links *all); /* closes all at once; takes NULL; not from inside a callback */
/* PEER_FX_RTC_*; takes a message that must wait. Without effect on a connection that is gone. */
void links_effect(struct links *all, struct peer_effect *effect);
/* The next event that effects gave rise to. False: none. */
bool links_next(struct links *all, struct peer_event *event);
void links_addresses_changed(struct links *all);
/* From the loop: the bytes that PEER_FX_FILE_GIVE asked for are there, and are sent in frames, as far as the send buffer has room,
 * behind what was given before. give is taken; b is referenced. PEER_FILE_GIVEN follows, perhaps at once, unless the connection is gone. */
void links_give(struct links *all, struct peer_effect *give, struct file_block *b);
/* From the loop: they are not to be had. */
void links_give_nothing(struct links *all, struct peer_effect *give);

#endif
