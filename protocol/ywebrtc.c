/* SPDX-License-Identifier: MIT
 *
 * The dialect of y-webrtc's signaling (npm y-webrtc 10, bin/server.js and src/y-webrtc.js): `subscribe` and `unsubscribe`
 * with `topics`, `publish` with a `topic` and whatever else, `ping`. What is published goes as it came, with a count of
 * clients, to all who have subscribed, its sender as well. Its clients know no errors and skip what they do not know:
 * ours are for people who look.
 */
#include <assert.h>

#include "protocol/dialect_json.h"
#include "protocol/json_read.h"
#include "protocol/write.h"

static const char *const PROBLEM_TYPE = "`type` must be subscribe, unsubscribe, publish or ping",
                         *const PROBLEM_TOPIC = "`topic` must be a string of 1 to 256 bytes",
                         *const PROBLEM_TOPICS = "`topics` must be an array of at most 32 strings of 1 to 256 bytes";
_Static_assert(TOPIC_MAX == 256 && TOPICS_MAX == 32, "the sentences name these bounds");
_Static_assert(TOPIC_MAX *TOPICS_MAX <= TOKEN_MAX + PASSWORD_MAX, "all topics fit into the request's space");

static enum message_type type_of(const struct scan *s)
{
    static const enum message_type TYPES[] = {MESSAGE_SUBSCRIBE, MESSAGE_UNSUBSCRIBE, MESSAGE_PUBLISH, MESSAGE_PING};
    char space[DIALECT_TYPE_MAX];
    struct span name = dialect_type(s, space);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (span_is(name, message_name(TYPES[i])))
            return TYPES[i];
    return MESSAGE_NONE;
}

static bool is_topic(const json_t *topic)
{
    size_t n = json_string_length(topic);
    return json_is_string(topic) && n >= 1 && n <= TOPIC_MAX;
}

/* Copies them into the request's own space. */
static bool copy_topics(const json_t *list, struct request *r)
{
    char *at = r->space;
    size_t i;
    const json_t *topic;
    r->topics.n = 0;
    if (!json_is_array(list) || json_array_size(list) > TOPICS_MAX)
        return false;
    json_array_foreach(list, i, topic)
    {
        if (!is_topic(topic))
            return false;
        struct span copy = {at, json_string_length(topic)};
        memcpy(at, json_string_value(topic), copy.n);
        r->topics.v[r->topics.n++] = copy;
        at += copy.n;
    }
    return true;
}

static bool read_topics(const struct scan *s, struct request *r)
{
    if (!scan_has(s, MEMBER_TOPICS))
        return false;
    json_t *list = json_read(scan_raw(s, MEMBER_TOPICS), JSON_ALLOW_NUL, NULL);
    bool ok = copy_topics(list, r);
    json_decref(list);
    return ok;
}

static enum error ywebrtc_read(struct span bytes, struct request *r)
{
    enum error e = dialect_scan(bytes, r);
    if (e != ERROR_NONE)
        return e;
    r->type = type_of(&r->codec.scan);
    if (r->type == MESSAGE_NONE)
        return dialect_refuse(r, ERROR_UNKNOWN_TYPE, PROBLEM_TYPE);
    if (r->type == MESSAGE_PUBLISH && !dialect_text(r, MEMBER_TOPIC, TOPIC_MAX, &r->topic))
        return dialect_refuse(r, ERROR_BAD_MESSAGE, PROBLEM_TOPIC);
    if ((r->type == MESSAGE_SUBSCRIBE || r->type == MESSAGE_UNSUBSCRIBE) && !read_topics(&r->codec.scan, r))
        return dialect_refuse(r, ERROR_BAD_MESSAGE, PROBLEM_TOPICS);
    return ERROR_NONE;
}

/* Of a member that stands twice the last counts for every reader, so ours is the count. */
static void write_published(struct buf *out, struct span object, uint32_t clients)
{
    size_t n = object.n;
    while (object.p[n - 1] != '}')
        n--;
    buf_add(out, object.p, n - 1);
    write_member_u64(out, "clients", clients);
    buf_byte(out, '}');
}

static void ywebrtc_write(struct buf *out, const struct reply *r)
{
    if (r->type == REPLY_PUBLISHED) {
        write_published(out, r->published.bytes, r->published.clients);
        return;
    }
    assert(r->type == REPLY_PONG || r->type == REPLY_ERROR);
    buf_byte(out, '{');
    write_member_string(out, "type", span_of(r->type == REPLY_PONG ? "pong" : "error"));
    if (r->type == REPLY_ERROR) {
        write_member_string(out, "code", span_of(error_code(r->error.error)));
        write_member_string(out, "message", span_of(r->error.problem ? r->error.problem : error_text(r->error.error)));
    }
    buf_byte(out, '}');
}

const struct dialect dialect_ywebrtc = {
    .name = "y-webrtc",
    .mark = 'y',
    .requests = 1U << MESSAGE_SUBSCRIBE | 1U << MESSAGE_UNSUBSCRIBE | 1U << MESSAGE_PUBLISH | 1U << MESSAGE_PING,
    .replies = 1U << REPLY_PONG | 1U << REPLY_ERROR | 1U << REPLY_PUBLISHED,
    .read = ywebrtc_read,
    .write = ywebrtc_write,
    .frame = frame_of,
};
