/* SPDX-License-Identifier: MIT
 *
 * Frames of files on their way through others ([F-8] in protocol/README.md): each sealed to its reader in an envelope
 * `file_chunk`, on the channels of files of the links on the way, behind everything else.
 *   owns     relay_paid and frame_stamp of struct person
 *   before   the reader has a key
 *   after    nothing is kept, and nothing sent again from here: a frame may be lost at every step, because a connection has much
 *            to send, a channel is not open yet, or one person sends more through us than we lend. Whoever asked for what
 *            does not come asks again. A frame that comes is newer than all before it of its author, so none comes twice
 */
#ifndef PEER_LINK_FILES_RELAY_H
#define PEER_LINK_FILES_RELAY_H

#include "peer/core/peer.h"
#include "protocol/file_frame.h"

struct person;
struct connection;

/* Others lead there, and have for long enough: a link that is only just coming up is waited for. */
bool files_relay_reaches(struct peer *p, struct person *who);
/* Whether what is said of files reaches them now, over their link or through others. */
bool files_reach(const struct peer *p, const struct person *who);
/* False: nobody leads there now, or the channel to the first of them is not open. */
bool files_relay_send(struct peer *p, struct person *who, const struct file_frame *f);
/* Over the link's channel, or through others. */
bool files_send(struct peer *p, struct person *who, const struct file_frame *f, bool relayed);
/* A text came on the channel of files: for somebody else, who is sent it, or for us: then it is handed on. */
void files_relay_data(struct peer *p, struct connection *a, struct span text);

#endif
