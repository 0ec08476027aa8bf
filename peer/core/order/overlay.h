/* SPDX-License-Identifier: MIT
 *
 * Who should be linked, from nothing but the set of identities in the room, so that both ends of a link come to the
 * same answer alone. Up to OVERLAY_MESH_MAX members: everybody with everybody. Above: identities are 128-bit numbers on
 * a ring, and each member has fingers: its successor, and the first member at or after id + 2^128/2^k for k = 1 …
 * ⌈log2 n⌉. Two are linked if one is a finger of the other.
 *
 * Identities are hashes, so they lie evenly; a member has about 2·log2 n links on average, a join moves O(log n), and any
 * two of up to 64 members are at most 3 links apart (4 of up to 256). Who follows a wide stretch of the ring is a finger
 * of many: the busiest of 64 can have some 36 links. Nothing is stored but the sorted ring: a question costs two binary
 * searches and O(log n) additions.
 *
 *   owns     the ring of identities of one room
 *   before   both ends of a link have set the same identities; else they may answer differently until they have
 *   after    both ends of a link give the same answer, which depends on nothing else
 */
#ifndef PEER_CORE_OVERLAY_H
#define PEER_CORE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum {
    OVERLAY_MESH_MAX = 8 /* members, ourselves among them */
};

struct overlay;

/* Of a room with ourselves alone. NULL: no memory, or self is no identity. */
struct overlay *overlay_new(struct span self);
void overlay_free(struct overlay *o); /* takes NULL */

/* The room's identities (ID_CHARS of base32), in any order, with or without ourselves; what is no identity is passed
 * over. False: no memory, and the former set stays. */
bool overlay_set(struct overlay *o, const struct span *ids, size_t n);
size_t overlay_members(const struct overlay *o); /* ourselves included */
/* Whether this member and we should be linked; false for strangers and ourselves. */
bool overlay_wants(const struct overlay *o, struct span id);

#endif
