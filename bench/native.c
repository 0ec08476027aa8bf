/* SPDX-License-Identifier: MIT
 *
 * The native dialect: `welcome` brings the id, `join-room` is answered by `peers`. The daemon writes `type` first, and
 * a relayed frame keeps the order of its members, so a prefix tells the messages apart.
 */
#include "bench/dialect.h"

static enum dialect_event native_read(struct span text, struct span *id, struct buf *answer)
{
    (void)answer;
    if (span_starts(text, "{\"type\":\"signal\""))
        return DIALECT_SIGNAL;
    if (span_starts(text, "{\"type\":\"welcome\"")) {
        *id = span_string_after(text, "\"peerId\":\"");
        return DIALECT_WELCOME;
    }
    if (span_starts(text, "{\"type\":\"peers\""))
        return DIALECT_JOINED;
    return span_starts(text, "{\"type\":\"error\"") ? DIALECT_ERROR : DIALECT_NOTHING;
}

static void native_write_join(struct buf *out, const char *room, const char *name)
{
    buf_printf(out, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"displayName\":\"%s\"}", room, name);
}

static void native_write_signal(struct buf *out, const char *to, struct span data)
{
    buf_printf(out, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":", to);
    buf_span(out, data);
    buf_byte(out, '}');
}

const struct dialect native_dialect = {
    .name = "native",
    .path = "/ws",
    .subprotocol = "usher.v1",
    .read = native_read,
    .write_join = native_write_join,
    .write_signal = native_write_signal,
};
