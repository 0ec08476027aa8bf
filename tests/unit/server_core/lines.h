/* SPDX-License-Identifier: MIT
 *
 * A second dialect, which is as unlike the first as it can be: a JSON object a line, whose one member says what it is
 * about. For the tests: it shows that server/core and server/io know no dialect.
 *
 *     {"join":"lobby"}  {"leave":true}  {"say":VALUE,"to":ID}  {"back":TOKEN}  {"here":NUMBER}
 */
#ifndef TESTS_UNIT_SERVER_CORE_LINES_H
#define TESTS_UNIT_SERVER_CORE_LINES_H

#include <jansson.h>

#include "protocol/dialect.h"
#include "protocol/write.h"

/* A copy in the request's own space, from *at on. */
static inline struct span lines_keep(struct request *r, size_t *at, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    char *copy = r->space + *at;
    if (!text || n > sizeof r->space - *at)
        return (struct span){NULL, 0};
    memcpy(copy, text, n);
    *at += n;
    return (struct span){copy, n};
}

static inline enum error lines_join(struct request *r, const char *room)
{
    size_t at = 0;
    r->type = MESSAGE_JOIN_ROOM;
    memset(&r->join, 0, sizeof r->join);
    r->join.room_id = lines_keep(r, &at, room);
    return room_id_valid(r->join.room_id) ? ERROR_NONE : ERROR_BAD_MESSAGE;
}

static inline enum error lines_say(struct request *r, const json_t *value, const char *to)
{
    size_t at = 0;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    r->type = MESSAGE_SIGNAL;
    lines_keep(r, &at, text);
    r->codec.payload = (struct relay_payload){{r->space, at}, {NULL, 0}};
    r->relay.to = lines_keep(r, &at, to);
    free(text);
    return at > 0 && r->relay.to.p ? ERROR_NONE : ERROR_BAD_MESSAGE;
}

static inline enum error lines_understand(struct request *r, const json_t *o)
{
    size_t at = 0;
    const json_t *said = json_object_get(o, "say"), *here = json_object_get(o, "here");
    const char *room = json_string_value(json_object_get(o, "join")),
               *back = json_string_value(json_object_get(o, "back"));
    if (room)
        return lines_join(r, room);
    if (said)
        return lines_say(r, said, json_string_value(json_object_get(o, "to")));
    if (back) {
        r->type = MESSAGE_RESUME;
        r->resume.token = lines_keep(r, &at, back);
    } else if (here) {
        r->type = MESSAGE_ALIVE;
        r->alive = (uint32_t)json_integer_value(here);
    } else if (json_object_get(o, "leave")) {
        r->type = MESSAGE_LEAVE_ROOM;
    } else {
        r->problem = "nobody says that";
        return ERROR_UNKNOWN_TYPE;
    }
    return ERROR_NONE;
}

static inline enum error lines_read(struct span bytes, struct request *r)
{
    json_t *o = json_loadb(bytes.p, bytes.n, 0, NULL);
    r->type = MESSAGE_NONE;
    r->bytes = bytes;
    r->ref = (struct span){NULL, 0};
    r->problem = NULL;
    r->final = false;
    r->attachments = 0;
    enum error e = json_is_object(o) ? lines_understand(r, o) : ERROR_BAD_JSON;
    json_decref(o);
    return e;
}

static inline struct relay_payload lines_payload(const struct request *r)
{
    return r->codec.payload;
}

static inline void lines_write_peers(struct buf *out, const struct reply *r)
{
    struct reply_peer peer;
    write_member_string(out, "in", r->peers.stay.room_id);
    write_member_optional(out, "token", r->peers.stay.resume_token);
    if (r->type == REPLY_RESUMED)
        write_member_bool(out, "whole", r->peers.recovered);
    write_name(out, "with");
    buf_byte(out, '[');
    while (r->peers.next(r->peers.others, &peer)) {
        if (out->p[out->len - 1] != '[')
            buf_byte(out, ',');
        write_string(out, peer.peer_id);
    }
    buf_byte(out, ']');
}

static inline void lines_write(struct buf *out, const struct reply *r)
{
    static const char *const PRESENCE[REPLIES] = {
        [REPLY_PEER_JOINED] = "came",
        [REPLY_PEER_LEFT] = "left",
        [REPLY_PEER_AWAY] = "away",
        [REPLY_PEER_BACK] = "back",
        [REPLY_PEER_RETURNED] = "back",
    };
    buf_byte(out, '{');
    if (r->type == REPLY_WELCOME)
        write_member_string(out, "you", r->welcome.peer_id);
    else if (r->type == REPLY_ERROR)
        write_member_string(out, "no", span_of(r->error.problem ? r->error.problem : error_code(r->error.error)));
    else if (r->type == REPLY_PEERS || r->type == REPLY_RESUMED)
        lines_write_peers(out, r);
    else if (r->type == REPLY_ROOM_CLOSED)
        write_member_string(out, "closed", r->room_id);
    else if (PRESENCE[r->type])
        write_member_string(out, PRESENCE[r->type], r->peer.peer_id);
    else if (r->type == REPLY_RELAYED) {
        write_member_string(out, "from", r->relayed.from);
        write_member_raw(out, "said", r->relayed.payload.value);
    }
    buf_byte(out, '}');
}

static inline struct frame *lines_frame(struct span text)
{
    struct frame *f = frame_raw(text.n + 1);
    if (f) {
        memcpy(f->bytes, text.p, text.n);
        f->bytes[text.n] = '\n';
    }
    return f;
}

static inline struct frame *lines_relay(const struct request *r, struct span from)
{
    struct buf out;
    buf_init(&out, FRAME_MAX_CEILING);
    lines_write(&out, &(struct reply){.type = REPLY_RELAYED, .relayed = {r->type, from, lines_payload(r)}});
    struct frame *f = out.failed ? NULL : lines_frame(buf_view(&out));
    buf_done(&out);
    return f;
}

static inline void lines_ask_alive(struct buf *out, uint32_t number)
{
    buf_byte(out, '{');
    write_member_u64(out, "there", number);
    buf_byte(out, '}');
}

static const struct dialect LINES = {
    .name = "lines",
    .mark = 'l',
    .requests = 1U << MESSAGE_JOIN_ROOM | 1U << MESSAGE_LEAVE_ROOM | 1U << MESSAGE_SIGNAL | 1U << MESSAGE_RESUME |
                1U << MESSAGE_ALIVE,
    .replies = ~(1U << REPLY_ICE_SERVERS | 1U << REPLY_PONG | 1U << REPLY_LEFT_ROOM | 1U << REPLY_DRAINING |
                 1U << REPLY_DONE | 1U << REPLY_TAKEN_OVER),
    .read = lines_read,
    .write = lines_write,
    .frame = lines_frame,
    .relay = lines_relay,
    .payload = lines_payload,
    .ask_alive = lines_ask_alive,
};

#endif
