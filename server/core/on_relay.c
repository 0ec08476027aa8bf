/* SPDX-License-Identifier: MIT
 *
 * offer, answer, ice-candidate, signal: from one member of a room to another, byte for byte but for `to`. This is the
 * hot path: a lookup, one frame, one effect; nothing is written or logged, and kept only for a seat that is away. A stranger, a member of another room
 * and oneself are the same `no-such-peer`, so nobody can find out who is connected.
 */
#include "server/core/on.h"

#include "server/core/member.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"

static enum error check(const struct core *c, const struct session *s, struct request *r)
{
    if (s->state != SESSION_JOINED)
        return ERROR_NOT_IN_ROOM;
    r->reader = member_find(c, r->message.to);
    return r->reader && r->reader->room == s->member->room && r->reader != s->member ? ERROR_NONE : ERROR_NO_SUCH_PEER;
}

static void apply(struct core *c, struct session *s, const struct request *r)
{
    char id[PEER_ID_MAX];
    struct frame *frame = message_splice(&r->message, say_peer_id(c, s->member, id));
    if (!frame) {
        session_refuse(c, s, &(struct reply_error){.error = ERROR_SERVER_FULL, .ref = r->message.ref});
        return;
    }
    c->stats.relayed_total++;
    c->stats.relayed[r->message.type]++;
    c->stats.relayed_bytes[r->message.type] += frame_text(frame).n;
    if (member_is_away(r->reader)) {
        seat_hold(c, r->reader, frame);
        return;
    }
    r->reader->relayed++;
    say_send(c, r->reader->session, frame);
}

const struct handler on_relay = {.check = check, .apply = apply};
