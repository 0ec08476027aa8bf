/* SPDX-License-Identifier: MIT
 *
 * The channel `usher-files` beside that of messages, on the connection of a link.
 *   owns     files_channel, files_open and files_asked of struct connection
 *   before   the person has a key: plain peers get no files
 *   after    it is opened when somebody first has something to send on it, by either end or by both; FILES_OPEN is noted as a
 *            fact. A frame that cannot be sent now is not kept: whoever has it tries again when the link is writable, or up
 */
#ifndef PEER_LINK_FILES_CHANNEL_H
#define PEER_LINK_FILES_CHANNEL_H

#include "peer/core/peer.h"
#include "protocol/file_frame.h"

struct person;
struct connection;

/* The link is up, and so is its channel of files; NULL: it is not, and is opened if the link is up. */
struct connection *files_channel(struct peer *p, struct person *who);
/* False if there is no such channel now, or the connection is congested. */
bool files_channel_send(struct peer *p, struct person *who, const struct file_frame *f);
/* A channel came up on the connection, or went. */
void files_channel_opened(struct peer *p, struct connection *a, uint16_t channel, struct span label);
void files_channel_closed(struct connection *a, uint16_t channel);

#endif
