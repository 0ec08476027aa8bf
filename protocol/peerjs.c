/* SPDX-License-Identifier: MIT
 *
 * The dialect of PeerJS (npm peerjs 1.5, lib/socket.ts and lib/peer.ts; peerjs-server, src/messageHandler). A client names
 * itself in its address, and is told OPEN, ID-TAKEN or ERROR. It says OFFER, ANSWER, CANDIDATE, LEAVE and EXPIRE with `dst`
 * and `payload`, which go on as {type, src, dst, payload}, the payload as it came; and HEARTBEAT, which has no answer.
 *
 * An ERROR makes the client give itself up, so what is wrong with a single message is told to nobody.
 */
#include <assert.h>

#include "protocol/dialect_json.h"
#include "protocol/write.h"

enum {
    FORWARD_EXTRA = 6 * CHOSEN_ID_MAX + 64 /* what a message may grow by */
};

static const struct {
    const char *name;
    bool kept; /* for who may be about to come back */
} FORWARDED[] = {{"OFFER", true}, {"ANSWER", true}, {"CANDIDATE", true}, {"LEAVE", false}, {"EXPIRE", false}};

static enum error read_forward(struct request *r, struct span type, bool kept)
{
    r->type = MESSAGE_FORWARD;
    r->forward.kept = kept;
    r->forward.to = (struct span){NULL, 0};
    bool farewell = !scan_has(&r->codec.scan, MEMBER_DST) && span_is(type, "LEAVE");
    if (farewell || dialect_text(r, MEMBER_DST, CHOSEN_ID_MAX, &r->forward.to))
        return ERROR_NONE;
    return dialect_refuse(r, ERROR_BAD_MESSAGE, "`dst` must be a string of 1 to 128 bytes");
}

static enum error peerjs_read(struct span bytes, struct request *r)
{
    char space[DIALECT_TYPE_MAX];
    enum error e = dialect_scan(bytes, r);
    if (e != ERROR_NONE)
        return e;
    struct span type = dialect_type(&r->codec.scan, space);
    for (size_t i = 0; i < sizeof FORWARDED / sizeof *FORWARDED; i++)
        if (span_is(type, FORWARDED[i].name))
            return read_forward(r, type, FORWARDED[i].kept);
    if (!span_is(type, "HEARTBEAT"))
        return dialect_refuse(
            r, ERROR_UNKNOWN_TYPE, "`type` must be OFFER, ANSWER, CANDIDATE, LEAVE, EXPIRE or HEARTBEAT");
    r->type = MESSAGE_PING;
    return ERROR_NONE;
}

static struct frame *peerjs_relay(const struct request *r, struct span from)
{
    const struct scan *s = &r->codec.scan;
    struct buf out;
    buf_init(&out, r->bytes.n + FORWARD_EXTRA);
    buf_byte(&out, '{');
    write_member_raw(&out, "type", scan_raw(s, MEMBER_TYPE));
    write_member_string(&out, "src", from);
    write_member_raw(&out, "dst", scan_raw(s, MEMBER_DST));
    if (scan_has(s, MEMBER_PAYLOAD))
        write_member_raw(&out, "payload", scan_raw(s, MEMBER_PAYLOAD));
    buf_byte(&out, '}');
    struct frame *f = out.failed ? NULL : frame_of(buf_view(&out));
    buf_done(&out);
    return f;
}

static void write_message(struct buf *out, const char *problem)
{
    write_name(out, "payload");
    buf_byte(out, '{');
    write_member_string(out, "msg", span_of(problem));
    buf_byte(out, '}');
}

static void peerjs_write(struct buf *out, const struct reply *r)
{
    static const char *const TYPES[REPLIES] = {
        [REPLY_NAMED] = "OPEN",
        [REPLY_NAME_TAKEN] = "ID-TAKEN",
        [REPLY_UNNAMED] = "ERROR",
        [REPLY_EXPIRED] = "EXPIRE",
    };
    assert(TYPES[r->type]);
    buf_byte(out, '{');
    write_member_string(out, "type", span_of(TYPES[r->type]));
    if (r->type == REPLY_NAME_TAKEN) {
        write_message(out, "ID is taken");
    } else if (r->type == REPLY_UNNAMED) {
        write_message(out, r->problem);
    } else if (r->type == REPLY_EXPIRED) {
        write_member_string(out, "src", r->expired.to);
        write_member_string(out, "dst", r->expired.from);
    }
    buf_byte(out, '}');
}

const struct dialect dialect_peerjs = {
    .name = "peerjs",
    .mark = 'p',
    .requests = 1U << MESSAGE_FORWARD | 1U << MESSAGE_PING,
    .replies = 1U << REPLY_NAMED | 1U << REPLY_NAME_TAKEN | 1U << REPLY_UNNAMED | 1U << REPLY_EXPIRED,
    .read = peerjs_read,
    .write = peerjs_write,
    .frame = frame_of,
    .relay = peerjs_relay,
};
