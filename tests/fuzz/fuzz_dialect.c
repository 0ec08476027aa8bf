/* SPDX-License-Identifier: MIT
 *
 * Any bytes as what a client says in each dialect: what is read is of the dialect's table and within the bounds that the
 * core relies on; what is refused says why; what the reader makes of it can be written again, as JSON.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>

#include "protocol/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct span part, struct span whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_topics(const struct request *r)
{
    assert(r->topics.n <= TOPICS_MAX);
    for (size_t i = 0; i < r->topics.n; i++) {
        assert(r->topics.v[i].n >= 1 && r->topics.v[i].n <= TOPIC_MAX);
        assert(is_within(r->topics.v[i], (struct span){r->space, sizeof r->space}));
    }
}

static void publish(const struct dialect *d, const struct request *r)
{
    struct buf out;
    assert(r->topic.n >= 1 && r->topic.n <= TOPIC_MAX);
    buf_init(&out, FRAME_MAX_CEILING * 2);
    d->write(&out, &(struct reply){.type = REPLY_PUBLISHED, .published = {r->bytes, 7}});
    assert(!out.failed);
    struct request again;
    assert(d->read(buf_view(&out), &again) == ERROR_NONE && again.type == MESSAGE_PUBLISH);
    assert(span_eq(again.topic, r->topic));
    json_t *tree = json_loadb(out.p, out.len, JSON_ALLOW_NUL, NULL); /* fails where numbers are beyond a double */
    assert(!tree || json_integer_value(json_object_get(tree, "clients")) == 7);
    json_decref(tree);
    buf_done(&out);
}

static void forward(const struct dialect *d, const struct request *r)
{
    struct request again;
    assert(r->forward.to.n <= CHOSEN_ID_MAX);
    struct frame *f = d->relay(r, (struct span){"a", 1});
    assert(f && d->read(frame_text(f), &again) == ERROR_NONE && again.type == MESSAGE_FORWARD);
    assert(span_eq(again.forward.to, r->forward.to) && again.forward.kept == r->forward.kept);
    frame_unref(f);
}

static void try_dialect(const struct dialect *d, struct span bytes)
{
    struct request r;
    enum error e = d->read(bytes, &r);
    if (e != ERROR_NONE) {
        assert(r.problem && r.type == MESSAGE_NONE);
        return;
    }
    assert(d->requests & dialect_bit(r.type));
    if (r.type == MESSAGE_SUBSCRIBE || r.type == MESSAGE_UNSUBSCRIBE)
        check_topics(&r);
    else if (r.type == MESSAGE_PUBLISH)
        publish(d, &r);
    else if (r.type == MESSAGE_FORWARD && r.forward.to.n > 0)
        forward(d, &r);
    else if (r.type == MESSAGE_JOIN_ROOM)
        assert(room_id_valid(r.join.room_id));
    else if (message_is_relayed(r.type))
        assert(r.relay.to.n >= 1 && r.relay.to.n <= PEER_ID_MAX && is_within(d->payload(&r).value, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dialect *const DIALECTS[] = {
        &dialect_native, &dialect_ywebrtc, &dialect_peerjs, &dialect_socketio};
    const struct span bytes = {(const char *)data, size};
    for (size_t i = 0; i < sizeof DIALECTS / sizeof *DIALECTS; i++)
        try_dialect(DIALECTS[i], bytes);
    return 0;
}
