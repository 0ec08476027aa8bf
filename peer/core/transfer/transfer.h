/* SPDX-License-Identifier: MIT
 *
 * Files, as peer.c sees them: which module hears what.
 *   owns     nothing
 *   before   envelopes were signed by `who`, who has a key; frames came on the channel of files of a link that is up
 *   after    what names no file that we know is answered where its sender waits, and dropped where not
 */
#ifndef PEER_TRANSFER_TRANSFER_H
#define PEER_TRANSFER_TRANSFER_H

#include "peer/core/peer.h"
#include "protocol/envelope.h"

struct person;
struct attached;
struct refused_offer;
struct connection;

/* Of type file_*; a frame that came through others is one of them. */
void transfer_said(struct peer *p, struct person *who, const struct envelope *e);
/* An offer of theirs, on their link or in a seal of theirs, that is no envelope. */
void transfer_offer_refused(struct peer *p, struct person *who, const struct refused_offer *r);
/* A message of theirs lists it. */
void transfer_attached(struct peer *p, struct person *who, const struct attached *a);
void transfer_frame(struct peer *p, struct connection *a, struct span frame);
/* PEER_FILE_GIVEN. */
void transfer_given(struct peer *p, struct connection *a, uint64_t ticket, bool ok);
/* PEER_FILE_OPENED to PEER_FILE_FAILED, and PEER_FILE_SEND to PEER_FILE_CANCEL. */
void transfer_event(struct peer *p, const struct peer_event *ev);

void transfer_link_up(struct peer *p, struct person *who);
/* They are reached another way than before. */
void transfer_path(struct peer *p, struct person *who);
void transfer_link_down(struct peer *p, struct person *who);
void transfer_left(struct peer *p, struct person *who);
/* The channel of files is open, or the link takes frames again. */
void transfer_writable(struct peer *p, struct person *who);
void transfer_due(struct peer *p);
void transfer_clear(struct peer *p);

#endif
