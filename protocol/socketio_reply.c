/* SPDX-License-Identifier: MIT
 *
 * Every event has one argument, an object: a string at the end of an event is an offset to its reader, and `peers` alone
 * has one.
 */
#include "protocol/socketio_reply.h"

#include <assert.h>

#include "protocol/write.h"

static void begin_event(struct buf *out, const char *name)
{
    buf_text(out, "2[\"");
    buf_text(out, name);
    buf_text(out, "\",{");
}

static void end_event(struct buf *out)
{
    buf_text(out, "}]");
}

static void write_person(struct buf *out, const struct reply_peer *p)
{
    const char *dialect = p->dialect != &dialect_socketio ? p->dialect->name : NULL;
    reply_introduction_members(out, p->peer_id, &p->introduction, dialect);
}

static void separate(struct buf *list)
{
    if (list->len > 0)
        buf_byte(list, ',');
}

/* The others are told one by one, and stand in two lists. */
static void write_others(struct buf *out, const struct reply *r)
{
    struct buf ids, people;
    struct reply_peer peer;
    buf_init(&ids, REPLY_MAX);
    buf_init(&people, REPLY_MAX);
    while (r->peers.next(r->peers.others, &peer)) {
        separate(&ids);
        write_string(&ids, peer.peer_id);
        separate(&people);
        buf_byte(&people, '{');
        write_person(&people, &peer);
        buf_byte(&people, '}');
    }
    out->failed |= ids.failed | people.failed;
    write_name(out, "peers");
    buf_byte(out, '[');
    buf_span(out, buf_view(&ids));
    buf_byte(out, ']');
    write_name(out, "participants");
    buf_byte(out, '[');
    buf_span(out, buf_view(&people));
    buf_byte(out, ']');
    buf_done(&ids);
    buf_done(&people);
}

static void write_peers(struct buf *out, const struct reply *r)
{
    begin_event(out, "peers");
    write_others(out, r);
    write_member_string(out, "roomId", r->peers.stay.room_id);
    write_member_string(out, "peerId", r->peers.stay.peer_id);
    buf_byte(out, '}');
    if (r->peers.stay.resume_token.n) {
        buf_byte(out, ',');
        write_string(out, r->peers.stay.resume_token);
    }
    buf_byte(out, ']');
}

static void write_welcome(struct buf *out, const struct reply_welcome *w)
{
    buf_text(out, "0{");
    write_member_string(out, "sid", w->peer_id);
    write_member_optional(out, "pid", w->pid);
    buf_byte(out, '}');
}

static void write_error(struct buf *out, const struct reply_error *e)
{
    if (e->ref.n == 0) {
        begin_event(out, "error");
        reply_error_members(out, e);
        end_event(out);
    } else if (*e->ref.p == '/') {
        buf_byte(out, '4');
        buf_span(out, e->ref);
        buf_text(out, ",{");
        write_member_string(out, "message", span_of(e->problem ? e->problem : error_text(e->error)));
        buf_byte(out, '}');
    } else {
        buf_byte(out, '3');
        buf_span(out, e->ref);
        buf_text(out, "[{\"ok\":false,\"error\":{");
        reply_error_members(out, e);
        buf_text(out, "}}]");
    }
}

static void write_relayed(struct buf *out, const struct reply *r)
{
    begin_event(out, message_name(r->relayed.type));
    reply_relayed_members(out, r->relayed.type, r->relayed.from, r->relayed.payload.value, r->relayed.payload.link);
    end_event(out);
}

static void write_presence(struct buf *out, const struct reply *r)
{
    bool left = r->type == REPLY_PEER_LEFT;
    begin_event(out, left ? "peer-left" : "peer-joined");
    if (left) {
        write_member_string(out, "peerId", r->peer.peer_id);
        write_member_string(out, "reason", span_of(departure_reason(r->peer.why)));
    } else {
        write_person(out, &r->peer);
    }
    end_event(out);
}

static void write_done(struct buf *out, struct span id)
{
    buf_byte(out, '3');
    buf_span(out, id);
    buf_text(out, "[{\"ok\":true}]");
}

static void write_event(struct buf *out, const struct reply *r)
{
    static const char *const NAMES[REPLIES] = {
        [REPLY_ICE_SERVERS] = "ice-servers",
        [REPLY_PONG] = "pong",
        [REPLY_LEFT_ROOM] = "left-room",
        [REPLY_ROOM_CLOSED] = "room-closed",
        [REPLY_DRAINING] = "server-draining",
    };
    assert(NAMES[r->type]);
    begin_event(out, NAMES[r->type]);
    if (r->type == REPLY_ICE_SERVERS)
        write_member_raw(out, "iceServers", r->ice_servers);
    else if (r->type == REPLY_ROOM_CLOSED)
        write_member_string(out, "roomId", r->room_id);
    else if (r->type == REPLY_DRAINING)
        write_member_u64(out, "reconnectAfterMs", r->reconnect_after_ms);
    end_event(out);
}

void socketio_write(struct buf *out, const struct reply *r)
{
    switch (r->type) {
    case REPLY_WELCOME:
        write_welcome(out, &r->welcome);
        break;
    case REPLY_PEERS:
    case REPLY_RESUMED:
        write_peers(out, r);
        break;
    case REPLY_PEER_JOINED:
    case REPLY_PEER_RETURNED:
    case REPLY_PEER_LEFT:
        write_presence(out, r);
        break;
    case REPLY_RELAYED:
        write_relayed(out, r);
        break;
    case REPLY_ERROR:
        write_error(out, &r->error);
        break;
    case REPLY_DONE:
        write_done(out, r->ref);
        break;
    case REPLY_TAKEN_OVER:
        buf_byte(out, '1');
        break;
    default:
        write_event(out, r);
    }
}
