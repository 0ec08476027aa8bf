/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a packet of Socket.IO. What is read is within the bounds that the core relies on; what is refused says why,
 * and ends the client or leaves its grammar alone; what is relayed and what is told of it are packets that a client can
 * read: a type, perhaps a namespace or an id, and JSON.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>

#include "protocol/dialect.h"
#include "protocol/socketio_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its payload; NULL where jansson takes less than we do (numbers beyond a double). */
static json_t *client_reads(struct frame *f, enum socketio_type type)
{
    struct socketio_packet p;
    struct span text = frame_text(f);
    assert(text.n > 1 && text.p[0] == '4');
    assert(!socketio_packet_read((struct span){text.p + 1, text.n - 1}, &p) && p.type == type && p.payload.n > 0);
    return json_loadb(p.payload.p, p.payload.n, JSON_ALLOW_NUL, NULL);
}

static void relay(const struct request *r)
{
    const struct dialect *d = &dialect_socketio;
    struct frame *f = d->relay(r, (struct span){"n1.me", 5});
    assert(f);
    json_t *tree = client_reads(f, SOCKETIO_EVENT);
    assert(!tree || json_array_size(tree) == 2);
    json_t *argument = json_array_get(tree, 1);
    const char *from = json_string_value(json_object_get(argument, "from"));
    assert(!tree || (from && strcmp(from, "n1.me") == 0 && !json_object_get(argument, "to")));
    json_decref(tree);
    frame_unref(f);
    struct relay_payload value = d->payload(r);
    assert(r->relay.to.n >= 1 && r->relay.to.n <= PEER_ID_MAX && value.value.n > 0);
}

static void answer(const struct request *r, enum reply_type type, enum error e)
{
    const struct dialect *d = &dialect_socketio;
    struct buf out;
    struct reply reply = {.type = type, .ref = r->ref};
    if (type == REPLY_ERROR)
        reply.error = (struct reply_error){.error = e, .problem = r->problem, .ref = r->ref};
    buf_init(&out, FRAME_MAX_CEILING);
    d->write(&out, &reply);
    struct frame *f = d->frame(buf_view(&out));
    assert(!out.failed && f);
    bool elsewhere = r->ref.n > 0 && *r->ref.p == '/';
    json_t *tree = client_reads(f, type == REPLY_DONE || (r->ref.n > 0 && !elsewhere) ? SOCKETIO_ACK
                                   : elsewhere                                        ? SOCKETIO_CONNECT_ERROR
                                                                                      : SOCKETIO_EVENT);
    assert(tree);
    json_decref(tree);
    frame_unref(f);
    buf_done(&out);
}

static void check_connect(struct request *r)
{
    assert(r->connect.token.n <= RESUME_TOKEN_MAX && (r->connect.token.n == 0 || r->connect.pid.n == PID_CHARS));
    assert((r->connect.problem != NULL) == (r->ref.n > 0));
    r->problem = r->connect.problem;
    if (r->problem)
        answer(r, REPLY_ERROR, ERROR_UNKNOWN_TYPE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request r;
    enum error e = dialect_socketio.read((struct span){(const char *)data, size}, &r);
    if (e != ERROR_NONE) {
        assert(r.type == MESSAGE_NONE && r.problem && r.attachments <= ATTACHMENTS_MAX);
        assert(!r.final || (r.ref.n == 0 && r.attachments == 0));
        answer(&r, REPLY_ERROR, e);
        return 0;
    }
    assert(dialect_socketio.requests & dialect_bit(r.type));
    if (r.type == MESSAGE_CONNECT)
        check_connect(&r);
    else if (message_is_relayed(r.type))
        relay(&r);
    else if (r.type == MESSAGE_JOIN_ROOM)
        assert(room_id_valid(r.join.room_id));
    if (r.ref.n > 0 && r.type != MESSAGE_CONNECT)
        answer(&r, REPLY_DONE, ERROR_NONE);
    return 0;
}
