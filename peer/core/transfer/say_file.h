/* SPDX-License-Identifier: MIT
 *
 * What is said of a file in an envelope.
 *   owns     nothing
 *   before   the reader has a key
 *   after    true: it is on the link, or goes through others. False: it cannot be said now, and whoever has to say it tries again
 */
#ifndef PEER_TRANSFER_SAY_FILE_H
#define PEER_TRANSFER_SAY_FILE_H

#include "peer/core/peer.h"
#include "protocol/body.h"

struct person;

/* room: it was offered to everybody. */
bool say_file_offer(struct peer *p, struct person *who, const struct body_file_offer *b, bool room);
/* have: a bit for each of so many blocks. */
bool say_file_accept(
    struct peer *p, struct person *who, struct span id, const uint8_t *have, uint32_t blocks, bool paused);
bool say_file_decline(struct peer *p, struct person *who, struct span id, struct span reason);
bool say_file_complete(struct peer *p, struct person *who, struct span id);

#endif
