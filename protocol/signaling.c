/* SPDX-License-Identifier: MIT
 *
 * One row a message: its type name and its reader. jansson builds the tree: unlike the daemon's relay, a client reads
 * few frames and needs all of each. Strings are handed out as spans into the tree, which lives as long as the message.
 */
#include "protocol/signaling.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "protocol/envelope.h"
#include "protocol/json_read.h"
#include "protocol/write.h"

struct row {
    const char *name;
    enum signaling_type type;
    bool (*read)(const json_t *tree, struct signaling_message *m); /* NULL: the type is all */
};

/* ---- members ---- */

/* The string as a span; false if it is none or longer than max. */
static bool text_of(const json_t *value, size_t max, struct span *out)
{
    if (!json_is_string(value) || json_string_length(value) > max)
        return false;
    *out = (struct span){json_string_value(value), json_string_length(value)};
    return true;
}

/* As text_of, but an absent member leaves *out empty. */
static bool optional_text(const json_t *tree, const char *name, size_t max, struct span *out)
{
    const json_t *value = json_object_get(tree, name);
    return !value || text_of(value, max, out);
}

static bool peer_id_of(const json_t *tree, const char *name, struct span *out)
{
    return text_of(json_object_get(tree, name), PEER_ID_MAX, out) && person_id_valid(*out);
}

static uint64_t duration_of(const json_t *tree, const char *name)
{
    double ms = json_number_value(json_object_get(tree, name));
    return ms > 0 && ms < (double)ENVELOPE_NUMBER_MAX ? (uint64_t)ms : 0;
}

static bool key_of(const json_t *metadata, const char *name, void *out, size_t n)
{
    struct span text;
    return text_of(json_object_get(metadata, name), BASE64_LEN(n), &text) && base64_decode(text, out, n);
}

static bool read_member(const json_t *tree, struct signaling_member *member)
{
    *member = (struct signaling_member){0};
    if (!peer_id_of(tree, "peerId", &member->peer_id))
        return false;
    if (!optional_text(tree, "displayName", DISPLAY_NAME_MAX, &member->name))
        member->name = (struct span){0};
    member->dialect = json_is_string(json_object_get(tree, "dialect"));
    member->away = json_is_true(json_object_get(tree, "away"));
    const json_t *metadata = json_object_get(tree, "metadata");
    member->keyed = json_integer_value(json_object_get(metadata, "usher")) == 1 &&
                    key_of(metadata, "key", member->key, sizeof member->key) &&
                    key_of(metadata, "box", member->box, sizeof member->box) &&
                    key_of(metadata, "sig", member->sig, sizeof member->sig);
    return true;
}

static bool make_members(struct signaling_message *m, size_t max)
{
    m->owned_members = calloc(max ? max : 1, sizeof *m->owned_members);
    m->members = m->owned_members;
    return m->owned_members != NULL;
}

/* ---- messages ---- */

static bool read_ice_servers(const json_t *tree, struct signaling_message *m)
{
    const json_t *servers = json_object_get(tree, "iceServers");
    if (json_is_array(servers))
        m->ice_servers = json_dumps(servers, JSON_COMPACT);
    return m->ice_servers != NULL;
}

static bool read_welcome(const json_t *tree, struct signaling_message *m)
{
    read_ice_servers(tree, m);
    m->ping_interval_ms = duration_of(tree, "pingInterval");
    if (!optional_text(tree, "cluster", CLUSTER_ID_MAX, &m->cluster))
        m->cluster = (struct span){0};
    return peer_id_of(tree, "peerId", &m->peer_id);
}

static bool read_peers(const json_t *tree, struct signaling_message *m)
{
    const json_t *peers = json_object_get(tree, "peers");
    if (!json_is_array(peers) || !peer_id_of(tree, "peerId", &m->peer_id) || !make_members(m, json_array_size(peers)))
        return false;
    for (size_t i = 0; i < json_array_size(peers); i++)
        if (read_member(json_array_get(peers, i), &m->owned_members[m->member_count]))
            m->member_count++;
    if (!optional_text(tree, "resumeToken", RESUME_TOKEN_MAX, &m->resume_token))
        m->resume_token = (struct span){0};
    return true;
}

static bool read_resumed(const json_t *tree, struct signaling_message *m)
{
    m->restarted = json_is_true(json_object_get(tree, "restarted"));
    m->recovered = json_is_true(json_object_get(tree, "recovered"));
    m->resume_grace_ms = duration_of(tree, "resumeGrace");
    return read_peers(tree, m);
}

static bool read_one_member(const json_t *tree, struct signaling_message *m)
{
    if (!make_members(m, 1) || !read_member(tree, m->owned_members))
        return false;
    m->member_count = 1;
    m->peer_id = m->members[0].peer_id;
    return true;
}

static bool read_peer_away(const json_t *tree, struct signaling_message *m)
{
    return peer_id_of(tree, "peerId", &m->peer_id);
}

static bool read_peer_back(const json_t *tree, struct signaling_message *m)
{
    return read_one_member(tree, m) &&
           (!json_object_get(tree, "previousPeerId") || peer_id_of(tree, "previousPeerId", &m->previous));
}

static bool read_peer_left(const json_t *tree, struct signaling_message *m)
{
    return peer_id_of(tree, "peerId", &m->peer_id) && optional_text(tree, "reason", SIGNALING_CODE_MAX, &m->reason);
}

static bool read_relayed(const json_t *tree, struct signaling_message *m)
{
    return peer_id_of(tree, "from", &m->from) && optional_text(tree, "link", LINK_MAX, &m->link);
}

static bool read_description(const json_t *tree, struct signaling_message *m)
{
    return text_of(json_object_get(tree, "sdp"), SDP_MAX, &m->sdp) && read_relayed(tree, m);
}

/* An object as RTCIceCandidate.toJSON() makes it, a bare candidate line, or null. Browsers end with "" or null. */
static bool read_candidate(const json_t *tree, struct signaling_message *m)
{
    const json_t *value = json_object_get(tree, "candidate");
    if (json_is_object(value))
        value = json_object_get(value, "candidate");
    return (json_is_null(value) || text_of(value, SIGNALING_CANDIDATE_MAX, &m->candidate));
}

static bool read_typed_candidate(const json_t *tree, struct signaling_message *m)
{
    return read_candidate(tree, m) && read_relayed(tree, m);
}

/* `signal`: {"type","sdp"}, {"candidate"} or {"claim"}; all else is between applications. */
static bool read_signal(const json_t *tree, struct signaling_message *m)
{
    const json_t *data = json_object_get(tree, "data");
    struct span type = {0};
    m->wrapped = true;
    if (!read_relayed(tree, m))
        return false;
    if (json_object_get(data, "claim")) {
        m->type = SIGNALING_CLAIM;
        return text_of(json_object_get(data, "claim"), FRAME_MAX_DEFAULT, &m->claim);
    }
    if (json_object_get(data, "candidate")) {
        m->type = SIGNALING_CANDIDATE;
        return read_candidate(data, m);
    }
    if (!optional_text(data, "type", SIGNALING_CODE_MAX, &type) || !(span_is(type, "offer") || span_is(type, "answer")))
        return true;
    m->type = span_is(type, "offer") ? SIGNALING_OFFER : SIGNALING_ANSWER;
    return text_of(json_object_get(data, "sdp"), SDP_MAX, &m->sdp);
}

static bool read_draining(const json_t *tree, struct signaling_message *m)
{
    m->retry_after_ms = duration_of(tree, "reconnectAfterMs");
    return true;
}

static bool read_error(const json_t *tree, struct signaling_message *m)
{
    m->retry_after_ms = duration_of(tree, "retryAfterMs");
    m->fatal = json_is_true(json_object_get(tree, "fatal"));
    return text_of(json_object_get(tree, "code"), SIGNALING_CODE_MAX, &m->code) &&
           optional_text(tree, "message", FRAME_MAX_DEFAULT, &m->message);
}

static const struct row ROWS[] = {
    {"welcome", SIGNALING_WELCOME, read_welcome},
    {"ice-servers", SIGNALING_ICE_SERVERS, read_ice_servers},
    {"peers", SIGNALING_PEERS, read_peers},
    {"resumed", SIGNALING_RESUMED, read_resumed},
    {"peer-joined", SIGNALING_PEER_JOINED, read_one_member},
    {"peer-away", SIGNALING_PEER_AWAY, read_peer_away},
    {"peer-back", SIGNALING_PEER_BACK, read_peer_back},
    {"peer-left", SIGNALING_PEER_LEFT, read_peer_left},
    {"offer", SIGNALING_OFFER, read_description},
    {"answer", SIGNALING_ANSWER, read_description},
    {"ice-candidate", SIGNALING_CANDIDATE, read_typed_candidate},
    {"signal", SIGNALING_IGNORED, read_signal},
    {"left-room", SIGNALING_LEFT_ROOM, NULL},
    {"room-closed", SIGNALING_ROOM_CLOSED, NULL},
    {"server-draining", SIGNALING_DRAINING, read_draining},
    {"error", SIGNALING_ERROR, read_error},
    {"pong", SIGNALING_PONG, NULL},
};

static bool read_row(const json_t *tree, struct signaling_message *m)
{
    struct span type;
    if (!text_of(json_object_get(tree, "type"), SIGNALING_CODE_MAX, &type))
        return false;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (span_is(type, ROWS[i].name)) {
            m->type = ROWS[i].type;
            return !ROWS[i].read || ROWS[i].read(tree, m);
        }
    return true;
}

bool signaling_parse(struct span frame, struct signaling_message *m)
{
    *m = (struct signaling_message){0};
    if (frame.n == 0 || frame.n > SIGNALING_FRAME_MAX)
        return false;
    m->tree = json_read(frame, 0, NULL);
    if (m->tree && read_row(m->tree, m))
        return true;
    signaling_done(m);
    return false;
}

void signaling_done(struct signaling_message *m)
{
    json_decref(m->tree);
    free(m->ice_servers);
    free(m->owned_members);
    *m = (struct signaling_message){0};
}

/* ---- writing ---- */

static void write_begin(struct buf *out, const char *type)
{
    buf_byte(out, '{');
    write_member_string(out, "type", span_of(type));
}

static void write_key(struct buf *out, const char *name, const uint8_t *bytes, size_t n)
{
    char text[BASE64_LEN(SIGNALING_SIGNATURE_BYTES) + 1];
    base64_encode(bytes, n, text);
    write_member_string(out, name, span_of(text));
}

void signaling_write_join(struct buf *out, const struct signaling_join *join)
{
    write_begin(out, "join-room");
    write_member_string(out, "roomId", join->room);
    write_member_optional(out, "displayName", join->name);
    write_member_optional(out, "password", join->password);
    write_member_optional(out, "token", join->token);
    write_name(out, "metadata");
    buf_byte(out, '{');
    write_member_u64(out, "usher", 1);
    write_key(out, "key", join->key, SIGNALING_KEY_BYTES);
    write_key(out, "box", join->box, SIGNALING_KEY_BYTES);
    write_key(out, "sig", join->sig, SIGNALING_SIGNATURE_BYTES);
    buf_text(out, "}}");
}

void signaling_write_resume(struct buf *out, struct span token)
{
    write_begin(out, "resume");
    write_member_string(out, "resumeToken", token);
    buf_byte(out, '}');
}

void signaling_write_leave(struct buf *out)
{
    write_begin(out, "leave-room");
    buf_byte(out, '}');
}

void signaling_write_ping(struct buf *out)
{
    write_begin(out, "ping");
    buf_byte(out, '}');
}

static void write_relayed(struct buf *out, const char *type, struct span to, struct span link)
{
    write_begin(out, type);
    write_member_string(out, "to", to);
    write_member_optional(out, "link", link);
}

void signaling_write_description(
    struct buf *out, struct span to, struct span link, struct span type, struct span sdp, bool wrapped)
{
    const char *name = span_is(type, "offer") ? "offer" : "answer";
    write_relayed(out, wrapped ? "signal" : name, to, link);
    if (wrapped) {
        write_name(out, "data");
        buf_byte(out, '{');
        write_member_string(out, "type", span_of(name));
    }
    write_member_string(out, "sdp", sdp);
    buf_text(out, wrapped ? "}}" : "}");
}

void signaling_write_candidate(
    struct buf *out, struct span to, struct span link, const struct signaling_candidate *candidate, bool wrapped)
{
    write_relayed(out, wrapped ? "signal" : "ice-candidate", to, link);
    if (wrapped) {
        write_name(out, "data");
        buf_byte(out, '{');
    }
    write_name(out, "candidate");
    if (candidate->candidate.n) {
        buf_byte(out, '{');
        write_member_string(out, "candidate", candidate->candidate);
        write_member_string(out, "sdpMid", candidate->mid);
        write_member_u64(out, "sdpMLineIndex", candidate->line);
        buf_byte(out, '}');
    } else {
        buf_text(out, "null");
    }
    buf_text(out, wrapped ? "}}" : "}");
}

void signaling_write_claim(struct buf *out, struct span to, struct span claim)
{
    write_relayed(out, "signal", to, SPAN(""));
    write_name(out, "data");
    buf_byte(out, '{');
    write_member_string(out, "claim", claim);
    buf_text(out, "}}");
}

void signaling_write_report(
    struct buf *out, struct span peer_id, const char *outcome, uint64_t connect_ms, uint64_t rtt_ms)
{
    write_begin(out, "report");
    write_member_string(out, "peerId", peer_id);
    write_member_string(out, "outcome", span_of(outcome));
    if (strcmp(outcome, "failed") != 0)
        write_member_u64(out, "connectMs", connect_ms);
    if (strcmp(outcome, "failed") != 0 && rtt_ms > 0)
        write_member_u64(out, "rttMs", rtt_ms);
    buf_byte(out, '}');
}
