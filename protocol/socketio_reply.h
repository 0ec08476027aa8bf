/* SPDX-License-Identifier: MIT
 *
 * Replies as packets of Socket.IO: see socketio.c.
 */
#ifndef PROTOCOL_SOCKETIO_REPLY_H
#define PROTOCOL_SOCKETIO_REPLY_H

#include "protocol/dialect.h"

/* dialect.write */
void socketio_write(struct buf *out, const struct reply *reply);

#endif
