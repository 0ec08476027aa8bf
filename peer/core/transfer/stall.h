/* SPDX-License-Identifier: MIT
 *
 * A file of which nothing comes while whoever sends it could give: told after STALLED_MS, and ended after STALL_END_MS, or
 * STALL_RELAYED_MS through others, where much may be lost.
 *   owns     a download's `wanted_at` and `stalled`; a person's `gave_at`
 *   before   the download is not at its end
 *   after    a pause of either side, a link that is lost, a disk or a share of the window that is waited for are no stall
 */
#ifndef PEER_TRANSFER_STALL_H
#define PEER_TRANSFER_STALL_H

#include "peer/core/peer.h"

struct person;
struct download;

void stall_wanted(struct peer *p, struct download *d); /* something of it was asked for, or should be */
void stall_heard(struct peer *p, struct download *d, struct person *who); /* they gave what was asked for */
void stall_reset(struct download *d);                                     /* nothing is awaited for now */
bool stall_due(struct peer *p, struct download *d);                       /* true: it is to end */

#endif
