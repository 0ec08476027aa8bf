/* SPDX-License-Identifier: MIT
 *
 * [ice] stun_listen and stun_public, within struct io; what the app calls of it is in io.h.
 */
#ifndef SERVER_IO_STUN_H
#define SERVER_IO_STUN_H

#include "server/io/turn.h"

/* Closes what is bound. */
void stun_close(struct io *io);

#endif
