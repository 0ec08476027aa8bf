/* SPDX-License-Identifier: MIT
 *
 * Every object begins with its type and, if it answers a request, that request's `ref`.
 */
#include "protocol/reply.h"

#include <assert.h>

#include "protocol/limits.h"
#include "protocol/write.h"

static void begin(struct buf *out, const char *type, struct span ref)
{
    buf_byte(out, '{');
    write_member_string(out, "type", span_of(type));
    if (ref.n)
        write_member_raw(out, "ref", ref);
}

static void end(struct buf *out)
{
    buf_byte(out, '}');
}

static const struct span NO_REF = {NULL, 0};

void reply_welcome(struct buf *out, const struct reply_welcome *w)
{
    begin(out, "welcome", NO_REF);
    write_member_string(out, "peerId", w->peer_id);
    write_member_raw(out, "iceServers", w->ice_servers);
    write_member_u64(out, "pingInterval", w->ping_interval_ms);
    write_name(out, "limits");
    buf_byte(out, '{');
    write_member_u64(out, "maxFrame", w->max_frame);
    write_member_u64(out, "maxRoomMembers", w->max_room_members);
    write_member_u64(out, "messageRate", w->message_rate);
    write_member_u64(out, "messageBurst", w->message_burst);
    write_member_u64(out, "maxDisplayName", DISPLAY_NAME_MAX);
    write_member_u64(out, "maxMetadata", METADATA_MAX);
    buf_byte(out, '}');
    write_member_string(out, "server", w->server);
    if (w->cluster.n)
        write_member_string(out, "cluster", w->cluster);
    end(out);
}

void reply_ice_servers(struct buf *out, struct span ice_servers)
{
    begin(out, "ice-servers", NO_REF);
    write_member_raw(out, "iceServers", ice_servers);
    end(out);
}

void reply_error_members(struct buf *out, const struct reply_error *e)
{
    write_member_string(out, "code", span_of(error_code(e->error)));
    write_member_string(out, "message", span_of(e->problem ? e->problem : error_text(e->error)));
    if (e->retry_after_ms)
        write_member_u64(out, "retryAfterMs", e->retry_after_ms);
}

void reply_error(struct buf *out, const struct reply_error *e)
{
    begin(out, "error", e->ref);
    reply_error_members(out, e);
    write_member_bool(out, "fatal", e->fatal);
    end(out);
}

void reply_pong(struct buf *out, struct span ref)
{
    begin(out, "pong", ref);
    end(out);
}

void reply_left_room(struct buf *out, struct span ref)
{
    begin(out, "left-room", ref);
    end(out);
}

void reply_room_closed(struct buf *out, struct span room_id)
{
    begin(out, "room-closed", NO_REF);
    write_member_string(out, "roomId", room_id);
    buf_byte(out, '}');
}

void reply_server_draining(struct buf *out, uint64_t reconnect_after_ms)
{
    begin(out, "server-draining", NO_REF);
    write_member_u64(out, "reconnectAfterMs", reconnect_after_ms);
    end(out);
}

void reply_introduction_members(struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect)
{
    write_member_string(out, "peerId", peer_id);
    if (i->display_name.n)
        write_member_raw(out, "displayName", i->display_name);
    if (i->metadata.n)
        write_member_raw(out, "metadata", i->metadata);
    if (dialect)
        write_member_string(out, "dialect", span_of(dialect));
}

static void presence(
    struct buf *out, const char *type, struct span peer_id, const struct introduction *i, const char *dialect)
{
    begin(out, type, NO_REF);
    reply_introduction_members(out, peer_id, i, dialect);
    end(out);
}

void reply_peer_joined(struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect)
{
    presence(out, "peer-joined", peer_id, i, dialect);
}

void reply_peer_away(struct buf *out, struct span peer_id)
{
    presence(out, "peer-away", peer_id, &(struct introduction){.display_name = {NULL, 0}}, NULL);
}

void reply_peer_back(
    struct buf *out, struct span peer_id, struct span previous, const struct introduction *i, const char *dialect)
{
    begin(out, "peer-back", NO_REF);
    reply_introduction_members(out, peer_id, i, dialect);
    write_member_optional(out, "previousPeerId", previous);
    end(out);
}

const char *departure_reason(enum departure why)
{
    static const char *const REASONS[DEPARTURES] = {
#define X(name, reason) [DEPARTURE_##name] = (reason),
        DEPARTURE_TABLE(X)
#undef X
    };
    return REASONS[why];
}

void reply_peer_left(struct buf *out, struct span peer_id, enum departure why)
{
    begin(out, "peer-left", NO_REF);
    write_member_string(out, "peerId", peer_id);
    write_member_string(out, "reason", span_of(departure_reason(why)));
    end(out);
}

static void begin_stay(struct buf *out, const char *type, const struct reply_stay *stay)
{
    begin(out, type, stay->ref);
    write_member_string(out, "roomId", stay->room_id);
    write_member_string(out, "peerId", stay->peer_id);
    write_member_optional(out, "resumeToken", stay->resume_token);
}

static void begin_list(struct buf *out)
{
    write_name(out, "peers");
    buf_byte(out, '[');
}

void reply_peers_begin(struct buf *out, const struct reply_stay *stay)
{
    begin_stay(out, "peers", stay);
    begin_list(out);
}

void reply_resumed_begin(
    struct buf *out, const struct reply_stay *stay, bool restarted, bool recovered, uint64_t resume_grace_ms)
{
    begin_stay(out, "resumed", stay);
    write_member_bool(out, "restarted", restarted);
    write_member_bool(out, "recovered", recovered);
    write_member_u64(out, "resumeGrace", resume_grace_ms);
    begin_list(out);
}

void reply_peers_add(struct buf *out, struct span peer_id, const struct introduction *i, const char *dialect, bool away)
{
    if (out->len && out->p[out->len - 1] == '}')
        buf_byte(out, ',');
    buf_byte(out, '{');
    reply_introduction_members(out, peer_id, i, dialect);
    if (away)
        write_member_bool(out, "away", true);
    end(out);
}

void reply_peers_end(struct buf *out)
{
    buf_byte(out, ']');
    end(out);
}

void reply_relayed_members(
    struct buf *out, enum message_type type, struct span from, struct span value, struct span link)
{
    assert(message_is_relayed(type));
    bool sdp = type == MESSAGE_OFFER || type == MESSAGE_ANSWER;
    write_member_string(out, "from", from);
    write_member_raw(out, sdp ? "sdp" : type == MESSAGE_ICE_CANDIDATE ? "candidate" : "data", value);
    if (link.n)
        write_member_raw(out, "link", link);
}

void reply_relayed(struct buf *out, enum message_type type, struct span from, struct span value, struct span link)
{
    begin(out, message_name(type), NO_REF);
    reply_relayed_members(out, type, from, value, link);
    end(out);
}
