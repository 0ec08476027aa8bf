/* SPDX-License-Identifier: MIT
 *
 * What happened in rooms, as webhooks tell it: each an effect, in the order in which it happened. Nothing is made unless
 * settings.webhooks is set.
 */
#ifndef SERVER_CORE_WEBHOOK_H
#define SERVER_CORE_WEBHOOK_H

#include "server/core/state.h"

enum webhook_type {
    WEBHOOK_ROOM_CREATED,
    WEBHOOK_ROOM_CLOSED,
    WEBHOOK_PEER_JOINED,
    WEBHOOK_PEER_AWAY,
    WEBHOOK_PEER_BACK,
    WEBHOOK_PEER_LEFT,
    WEBHOOK_TYPES
};

/* The room came to be, or is no more. Uses core->text. */
void webhook_room(struct core *c, enum webhook_type type, const struct room *room);
/* The member, which is still in the room, came, went away, or is back. Uses core->text. */
void webhook_peer(struct core *c, enum webhook_type type, const struct room *room, const struct member *m);
/* The room of this id is no more, on any node. */
void webhook_room_closed(struct core *c, struct span room_id);
/* A member of a node that died has left, under this id. */
void webhook_seat_cleared(struct core *c, struct span room_id, struct span peer_id, const struct introduction *i);
/* It leaves. Uses core->text. */
void webhook_peer_left(struct core *c, const struct room *room, const struct member *m, enum departure why);

#endif
