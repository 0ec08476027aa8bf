/* SPDX-License-Identifier: MIT
 *
 * Where two people who know each other's identity meet without having agreed on a room.
 */
#ifndef PEER_IO_PAIR_ROOM_H
#define PEER_IO_PAIR_ROOM_H

#include "base/err.h"
#include "base/text.h"

/* Of two different identities, in either order: base32 of the first 128 bits of SHA-256 over "usher-pair-1 room" and the two,
 * the smaller first, a NUL behind each of the three. An identity is a hash of its public key, so the room is one of both keys.
 * False, with a sentence in err, if OpenSSL has no memory. */
bool pair_room(const char *a, const char *b, char room[ID_CHARS + 1], struct err *err);

#endif
