/* SPDX-License-Identifier: MIT
 *
 * offer, answer, ice-candidate, signal: from one member of a room to another, byte for byte but for `to`. This is the
 * hot path: a lookup, one frame, one effect; nothing is logged of what arrives, and a frame is kept only for a member that
 * is away. For a reader of another dialect it is written anew. A stranger, a member of another room and oneself are the same
 * `no-such-peer`, so nobody can find out who is connected.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/member.h"
#include "server/core/remote.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    assert(s->member && message_is_relayed(r->request.type));
    if (s->state != SESSION_JOINED)
        return ERROR_NOT_IN_ROOM;
    r->reader = member_find(c, r->request.relay.to);
    if (!r->reader)
        r->reader = remote_find(c, r->request.relay.to);
    return r->reader && r->reader->room == s->member->room && r->reader != s->member ? ERROR_NONE : ERROR_NO_SUCH_PEER;
}

static struct frame *frame_for(
    struct core *c, const struct member *reader, const struct session *s, const struct request *r, struct span from)
{
    const struct dialect *d = say_dialect(c, s->dialect);
    if (reader->dialect == s->dialect)
        return d->relay(r, from);
    return say_frame(c, reader->dialect,
        &(struct reply){.type = REPLY_RELAYED, .relayed = {.type = r->type, .from = from, .payload = d->payload(r)}});
}

/* There is no frame for want of memory, or it is empty for want of words. Takes it. */
static void refuse(struct core *c, struct session *s, const struct asked *r, struct frame *frame)
{
    struct reply_error e = {.error = ERROR_SERVER_FULL, .ref = r->request.ref};
    if (frame) {
        e.error = ERROR_NO_SUCH_PEER;
        e.problem = "that peer speaks another dialect, which has no words for this";
    }
    frame_unref(frame);
    session_refuse(c, s, &e);
}

static inline void count(struct core *c, const struct request *r, const struct frame *frame)
{
    c->stats.relayed_total++;
    c->stats.relayed[r->type]++;
    c->stats.relayed_bytes[r->type] += frame_text(frame).n;
}

/* Its connection is not here. */
static void apply_elsewhere(struct core *c, struct session *s, const struct asked *r)
{
    char id[PEER_ID_MAX];
    if (member_is_remote(r->reader)) {
        remote_relay(c, s, r);
        return;
    }
    struct frame *frame = frame_for(c, r->reader, s, &r->request, say_own_id(c, s->member, id));
    if (!frame || say_is_nothing(frame)) {
        refuse(c, s, r, frame);
        return;
    }
    count(c, &r->request, frame);
    seat_hold(c, r->reader, s, frame);
    say_done(c, s, r->request.ref);
}

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    assert(r->reader && r->reader != s->member && r->reader->room == s->member->room);
    char id[PEER_ID_MAX];
    if (!member_is_here(r->reader)) {
        apply_elsewhere(c, s, r);
        return;
    }
    struct frame *frame = frame_for(c, r->reader, s, &r->request, say_own_id(c, s->member, id));
    if (!frame || say_is_nothing(frame)) {
        refuse(c, s, r, frame);
        return;
    }
    count(c, &r->request, frame);
    r->reader->relayed++;
    say_send(c, r->reader->session, frame);
    say_done(c, s, r->request.ref);
}

const struct handler on_relay = {.check = check, .apply = apply};
