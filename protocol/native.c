/* SPDX-License-Identifier: MIT
 *
 * The native dialect: its messages (message.h) as requests, and replies as its messages (reply.h). What one native client
 * sends another is spliced, not written anew.
 */
#include <assert.h>

#include "protocol/dialect_json.h"
#include "protocol/dialect_members.h"

/* ---- requests ---- */

static enum error native_read(struct span bytes, struct request *r)
{
    enum error e = message_parse(bytes, &r->codec.native);
    r->bytes = bytes;
    r->ref = r->codec.native.ref;
    if (e != ERROR_NONE)
        return dialect_refuse(r, e, r->codec.native.problem);
    r->type = r->codec.native.type;
    r->problem = NULL;
    members_read(&r->codec.native, r);
    return e;
}

static struct frame *native_relay(const struct request *r, struct span from)
{
    return message_splice(&r->codec.native, from);
}

static struct relay_payload native_payload(const struct request *r)
{
    return members_payload(&r->codec.native);
}

/* ---- replies ---- */

/* What a native client must know to call it: NULL for one of its own. */
static const char *foreign(const struct reply_peer *p)
{
    return p->dialect == &dialect_native ? NULL : p->dialect->name;
}

static void write_peers(struct buf *out, const struct reply *r)
{
    if (r->type == REPLY_PEERS)
        reply_peers_begin(out, &r->peers.stay);
    else
        reply_resumed_begin(out, &r->peers.stay, r->peers.restarted, r->peers.recovered, r->peers.resume_grace_ms);
    struct reply_peer peer;
    while (r->peers.next(r->peers.others, &peer))
        reply_peers_add(out, peer.peer_id, &peer.introduction, foreign(&peer), peer.away);
    reply_peers_end(out);
}

static void native_write(struct buf *out, const struct reply *r)
{
    switch (r->type) {
    case REPLY_WELCOME:
        reply_welcome(out, &r->welcome);
        break;
    case REPLY_ICE_SERVERS:
        reply_ice_servers(out, r->ice_servers);
        break;
    case REPLY_ERROR:
        reply_error(out, &r->error);
        break;
    case REPLY_PONG:
        reply_pong(out, r->ref);
        break;
    case REPLY_LEFT_ROOM:
        reply_left_room(out, r->ref);
        break;
    case REPLY_ROOM_CLOSED:
        reply_room_closed(out, r->room_id);
        break;
    case REPLY_DRAINING:
        reply_server_draining(out, r->reconnect_after_ms);
        break;
    case REPLY_PEERS:
    case REPLY_RESUMED:
        write_peers(out, r);
        break;
    case REPLY_PEER_JOINED:
        reply_peer_joined(out, r->peer.peer_id, &r->peer.introduction, foreign(&r->peer));
        break;
    case REPLY_PEER_LEFT:
        reply_peer_left(out, r->peer.peer_id, r->peer.why);
        break;
    case REPLY_PEER_AWAY:
        reply_peer_away(out, r->peer.peer_id);
        break;
    case REPLY_PEER_BACK:
    case REPLY_PEER_RETURNED:
        reply_peer_back(out, r->peer.peer_id, r->peer.previous, &r->peer.introduction, foreign(&r->peer));
        break;
    case REPLY_RELAYED:
        reply_relayed(out, r->relayed.type, r->relayed.from, r->relayed.payload.value, r->relayed.payload.link);
        break;
    case REPLY_PUBLISHED:
    case REPLY_NAMED:
    case REPLY_NAME_TAKEN:
    case REPLY_UNNAMED:
    case REPLY_EXPIRED:
    case REPLY_DONE:
    case REPLY_TAKEN_OVER:
    case REPLIES:
        assert(false);
    }
}

const struct dialect dialect_native = {
    .name = "native",
    .mark = 'n',
    .requests = ((1U << MESSAGE_SUBSCRIBE) - 1) & ~(1U << MESSAGE_NONE),
    .replies = (1U << REPLY_PUBLISHED) - 1,
    .read = native_read,
    .write = native_write,
    .frame = frame_of,
    .relay = native_relay,
    .payload = native_payload,
};
