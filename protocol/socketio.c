/* SPDX-License-Identifier: MIT
 *
 * The dialect of Socket.IO (protocol revision 5; npm socket.io-client 4): native messages as events of the main namespace,
 * `2["signal",{"to":…,"data":…}]`, under the same names and with the same members, which are read by the same table
 * (message.h). Bytes here are messages of Engine.IO without its `4`, which frames have again: so one frame serves those who
 * read a WebSocket and those who poll.
 *
 * What a client of Socket.IO must never send is final. What it may send and we do not take is an error: an `error` event,
 * or, where it asked for an acknowledgement, that. The number of the acknowledgement is the request's `ref`; so is the
 * namespace of a CONNECT to another one than the main.
 *
 * A client that lost its connection shows by its `pid` that it was here, and by its offset where it was: the last argument,
 * if that is a string, of the last event that it got. So the resume token is the last argument of `peers`, and every other
 * event ends with an object.
 */
#include "base/text.h"
#include "protocol/dialect_members.h"
#include "protocol/socketio_packet.h"
#include "protocol/socketio_reply.h"

enum {
    EVENT_NAME_MAX = 16 /* bytes of the longest name of ours or of theirs, and more */
};

static const uint32_t EVENTS = 1U << MESSAGE_JOIN_ROOM | 1U << MESSAGE_LEAVE_ROOM | 1U << MESSAGE_OFFER |
                               1U << MESSAGE_ANSWER | 1U << MESSAGE_ICE_CANDIDATE | 1U << MESSAGE_SIGNAL |
                               1U << MESSAGE_REPORT | 1U << MESSAGE_PING;

/* ---- requests ---- */

static enum error refuse(struct request *r, enum error e, const char *problem)
{
    r->type = MESSAGE_NONE;
    r->problem = problem;
    return e;
}

static enum error end_with(struct request *r, enum error e, const char *problem)
{
    r->final = true;
    r->ref = (struct span){NULL, 0};
    return refuse(r, e, problem);
}

/* The pid is echoed, so it is one of ours or none. */
static bool is_pid(struct span pid)
{
    uint8_t bytes[ID_BYTES];
    return pid.n == PID_CHARS && base32_decode(pid, bytes, sizeof bytes);
}
_Static_assert((size_t)PID_CHARS == BASE32_LEN(ID_BYTES), "it is as random as a peer id");

/* Of the rest of the client's `auth` nothing is wanted, and anything is allowed. */
static enum error read_auth(struct request *r, struct span auth)
{
    struct scan *s = &r->codec.event.message.scan;
    struct span pid, token;
    if (scan_frame(auth, s) == ERROR_BAD_JSON)
        return end_with(r, ERROR_BAD_JSON, "the payload of a CONNECT is a JSON object");
    if (scan_text(s, MEMBER_PID, r->space, PID_CHARS, &pid) && is_pid(pid) &&
        scan_text(s, MEMBER_OFFSET, r->space + PID_CHARS, RESUME_TOKEN_MAX, &token) && token.n <= RESUME_TOKEN_MAX) {
        r->connect.pid = pid;
        r->connect.token = token;
    }
    return ERROR_NONE;
}

/* Of a namespace that is none here, the refusal brings back which. */
static enum error read_connect(struct request *r, const struct socketio_packet *p)
{
    r->type = MESSAGE_CONNECT;
    r->ref = p->space;
    r->connect.pid = r->connect.token = (struct span){NULL, 0};
    r->connect.problem = p->space.n > 0 ? "Invalid namespace" : NULL;
    if (p->id.n > 0)
        return end_with(r, ERROR_BAD_MESSAGE, "a CONNECT has no id");
    return p->payload.n > 0 ? read_auth(r, p->payload) : ERROR_NONE;
}

static enum error read_disconnect(struct request *r, const struct socketio_packet *p)
{
    if (p->id.n + p->payload.n > 0)
        return end_with(r, ERROR_BAD_MESSAGE, "a DISCONNECT has neither id nor payload");
    r->type = MESSAGE_DISCONNECT;
    return ERROR_NONE;
}

/* The name of an event, or, n = 0, one that is none of ours; false if it is no name. */
static bool read_name(struct span raw, char space[EVENT_NAME_MAX], struct span *name)
{
    *name = (struct span){NULL, 0};
    if (raw.n == 0)
        return false;
    if (*raw.p != '"')
        return *raw.p == '-' || (*raw.p >= '0' && *raw.p <= '9');
    return !scan_string(raw, space, EVENT_NAME_MAX, name) || !socketio_is_reserved(*name);
}

static enum error read_arguments(struct request *r, struct span name, enum error scanned)
{
    struct message *m = &r->codec.event.message;
    const struct span *argument = &r->codec.event.argument;
    bool given = argument->n > 0 && !span_is(*argument, "null");
    if (scanned != ERROR_NONE)
        return refuse(r, scanned, m->scan.problem);
    enum message_type type = message_find(name);
    if (!(EVENTS & dialect_bit(type)))
        return refuse(r, ERROR_UNKNOWN_TYPE,
            "events are join-room, leave-room, offer, answer, ice-candidate, signal, report and ping");
    enum error e = message_read(type, m);
    if (e != ERROR_NONE)
        return refuse(r, e, given && *argument->p != '{' ? "the argument of an event is one object" : m->problem);
    r->type = type;
    members_read(m, r);
    return ERROR_NONE;
}

static enum error read_event(struct request *r, const struct socketio_packet *p)
{
    char space[EVENT_NAME_MAX];
    struct span first, name;
    enum error e = scan_list(p->payload, &r->codec.event.message.scan, &first, &r->codec.event.argument);
    if (e == ERROR_BAD_JSON)
        return end_with(r, e, r->codec.event.message.scan.problem);
    if (!read_name(first, space, &name))
        return end_with(r, ERROR_BAD_MESSAGE, "an event begins with its name, which is none of the reserved ones");
    r->ref = p->id;
    if (p->type == SOCKETIO_EVENT)
        return read_arguments(r, name, e);
    r->attachments = p->attachments;
    return refuse(r, ERROR_BAD_MESSAGE, "binary is not relayed: send it as text, or over a data channel");
}

/* None of our events asks for one. */
static enum error read_ack(struct request *r, const struct socketio_packet *p)
{
    struct span first, second;
    enum error e = scan_list(p->payload, &r->codec.event.message.scan, &first, &second);
    if (e == ERROR_BAD_JSON)
        return end_with(r, e, r->codec.event.message.scan.problem);
    if (p->id.n == 0)
        return end_with(r, ERROR_BAD_MESSAGE, "an acknowledgement has an id");
    r->attachments = p->attachments;
    return refuse(r, ERROR_BAD_MESSAGE, "no event of the server asks for an acknowledgement");
}

static enum error socketio_read(struct span bytes, struct request *r)
{
    struct socketio_packet p;
    r->bytes = bytes;
    r->ref = (struct span){NULL, 0};
    r->problem = NULL;
    r->final = false;
    r->attachments = 0;
    const char *problem = socketio_packet_read(bytes, &p);
    if (problem)
        return end_with(r, ERROR_BAD_MESSAGE, problem);
    if (p.space.n > 0 && p.type != SOCKETIO_CONNECT)
        return end_with(r, ERROR_BAD_MESSAGE, "there is no such namespace");
    switch (p.type) {
    case SOCKETIO_CONNECT:
        return read_connect(r, &p);
    case SOCKETIO_DISCONNECT:
        return read_disconnect(r, &p);
    case SOCKETIO_EVENT:
    case SOCKETIO_BINARY_EVENT:
        return read_event(r, &p);
    case SOCKETIO_ACK:
    case SOCKETIO_BINARY_ACK:
        return read_ack(r, &p);
    case SOCKETIO_CONNECT_ERROR:
    case SOCKETIO_TYPES:
        break;
    }
    return end_with(r, ERROR_BAD_MESSAGE, "a CONNECT_ERROR is the server's to send");
}

/* ---- the relay ---- */

static char *put(char *at, struct span bytes)
{
    memcpy(at, bytes.p, bytes.n);
    return at + bytes.n;
}

static struct frame *socketio_frame(struct span text)
{
    struct frame *f = frame_new(1 + text.n);
    if (f)
        put(put(frame_payload(f), SPAN("4")), text);
    return f;
}

/* The argument goes on as it came, with `from` in place of `to`; further arguments do not. */
static struct frame *socketio_relay(const struct request *r, struct span from)
{
    const struct scan *s = &r->codec.event.message.scan;
    const struct scan_member *to = &s->m[MEMBER_TO];
    const struct span argument = r->codec.event.argument, name = span_of(message_name(r->type));
    const char *key = s->frame.p + to->key_at, *behind = s->frame.p + to->value_at + to->value_n;
    const struct span parts[] = {
        SPAN("42[\""),
        name,
        SPAN("\","),
        {argument.p, (size_t)(key - argument.p)},
        SPAN("\"from\":\""),
        from,
        SPAN("\""),
        {behind, (size_t)(argument.p + argument.n - behind)},
        SPAN("]"),
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        n += parts[i].n;
    struct frame *f = frame_new(n);
    char *at = f ? frame_payload(f) : NULL;
    for (size_t i = 0; f && i < sizeof parts / sizeof *parts; i++)
        at = put(at, parts[i]);
    return f;
}

static struct relay_payload socketio_payload(const struct request *r)
{
    return members_payload(&r->codec.event.message);
}

const struct dialect dialect_socketio = {
    .name = "socket.io",
    .mark = 's',
    .requests = EVENTS | 1U << MESSAGE_CONNECT | 1U << MESSAGE_DISCONNECT,
    .replies = 1U << REPLY_WELCOME | 1U << REPLY_ICE_SERVERS | 1U << REPLY_ERROR | 1U << REPLY_PONG |
               1U << REPLY_LEFT_ROOM | 1U << REPLY_ROOM_CLOSED | 1U << REPLY_DRAINING | 1U << REPLY_PEERS |
               1U << REPLY_RESUMED | 1U << REPLY_PEER_JOINED | 1U << REPLY_PEER_LEFT | 1U << REPLY_PEER_RETURNED |
               1U << REPLY_RELAYED | 1U << REPLY_DONE | 1U << REPLY_TAKEN_OVER,
    .connects = true,
    .joins_again = true,
    .asks_always = true,
    .read = socketio_read,
    .write = socketio_write,
    .frame = socketio_frame,
    .relay = socketio_relay,
    .payload = socketio_payload,
};
