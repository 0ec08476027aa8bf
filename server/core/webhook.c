/* SPDX-License-Identifier: MIT
 *
 * An event is written once, as the JSON text that every receiver gets, and its bytes are shared by all their queues: the
 * core holds nothing back, and what becomes of an event is io's to see to. Each event of a peer says who that is, since
 * a receiver may be a function that remembers nothing. What no memory is left for is lost, and counted: rooms go on.
 *
 * A daemon that stops ends all stays: each member leaves with the reason `draining`. Whoever comes back to the next
 * one with a resume token is `peer-back` there, and so has a meaning of its own: a peer is in the room from then on,
 * whatever was told before.
 */
#include "server/core/webhook.h"

#include <assert.h>

#include "protocol/write.h"
#include "server/core/effects.h"
#include "server/core/member.h"
#include "server/core/room.h"
#include "server/core/say.h"

static struct buf *begin(struct core *c, enum webhook_type type, struct span room_id)
{
    static const char *const NAMES[WEBHOOK_TYPES] = {
        [WEBHOOK_ROOM_CREATED] = "room-created",
        [WEBHOOK_ROOM_CLOSED] = "room-closed",
        [WEBHOOK_PEER_JOINED] = "peer-joined",
        [WEBHOOK_PEER_AWAY] = "peer-away",
        [WEBHOOK_PEER_BACK] = "peer-back",
        [WEBHOOK_PEER_LEFT] = "peer-left",
    };
    assert(c->fx && type < WEBHOOK_TYPES);
    struct buf *text = say_text(c);
    buf_byte(text, '{');
    write_member_string(text, "type", span_of(NAMES[type]));
    write_member_string(text, "roomId", room_id);
    return text;
}

static void write_peer(const struct core *c, struct buf *text, const struct member *m)
{
    char id[PEER_ID_MAX];
    struct introduction i = member_introduction(m);
    reply_introduction_members(text, say_peer_id(c, m, id), &i, NULL);
}

static void end(struct core *c, struct buf *text)
{
    write_member_u64(text, "at", c->unix_ms);
    buf_byte(text, '}');
    struct frame *frame = say_body(c);
    if (!frame || !effects_add(c->fx, &(struct core_effect){.type = CORE_WEBHOOK, .webhook = frame}))
        c->stats.webhooks_lost_total++;
}

void webhook_room_closed(struct core *c, struct span room_id)
{
    if (c->settings.webhooks)
        end(c, begin(c, WEBHOOK_ROOM_CLOSED, room_id));
}

void webhook_seat_cleared(struct core *c, struct span room_id, struct span peer_id, const struct introduction *i)
{
    if (!c->settings.webhooks)
        return;
    struct buf *text = begin(c, WEBHOOK_PEER_LEFT, room_id);
    reply_introduction_members(text, peer_id, i, NULL);
    write_member_string(text, "reason", span_of(departure_reason(DEPARTURE_DISCONNECTED)));
    end(c, text);
}

void webhook_room(struct core *c, enum webhook_type type, const struct room *room)
{
    assert(type == WEBHOOK_ROOM_CREATED || type == WEBHOOK_ROOM_CLOSED);
    if (c->settings.webhooks)
        end(c, begin(c, type, room_id_of(room)));
}

void webhook_peer(struct core *c, enum webhook_type type, const struct room *room, const struct member *m)
{
    assert(type == WEBHOOK_PEER_JOINED || type == WEBHOOK_PEER_AWAY || type == WEBHOOK_PEER_BACK);
    if (!c->settings.webhooks)
        return;
    struct buf *text = begin(c, type, room_id_of(room));
    write_peer(c, text, m);
    if (type == WEBHOOK_PEER_BACK)
        write_member_optional(text, "previousPeerId", member_previous(m));
    end(c, text);
}

/* Who goes by himself while the daemon stops has left like any other. */
static const char *reason_of(const struct core *c, const struct room *room, enum departure why)
{
    if (room->closing)
        return "room-closed";
    return c->draining && why != DEPARTURE_LEFT ? "draining" : departure_reason(why);
}

void webhook_peer_left(struct core *c, const struct room *room, const struct member *m, enum departure why)
{
    if (!c->settings.webhooks)
        return;
    struct buf *text = begin(c, WEBHOOK_PEER_LEFT, room_id_of(room));
    write_peer(c, text, m);
    write_member_string(text, "reason", span_of(reason_of(c, room, why)));
    end(c, text);
}
