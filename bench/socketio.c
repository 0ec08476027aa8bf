/* SPDX-License-Identifier: MIT
 *
 * Socket.IO 5 on Engine.IO 4, WebSocket from the start. The first digit is Engine.IO's packet type, the second
 * Socket.IO's: `0{…}` opens, we answer `40`, `40{"sid":…}` connects us; `2` is a ping and wants `3`; `42[…]` is an event.
 */
#include "bench/dialect.h"

static enum dialect_event socketio_read(struct span text, struct span *id, struct buf *answer)
{
    if (span_starts(text, "42[\"signal\""))
        return DIALECT_SIGNAL;
    if (span_is(text, "2"))
        buf_byte(answer, '3');
    if (span_starts(text, "0"))
        buf_text(answer, "40");
    if (span_starts(text, "40{")) {
        *id = span_string_after(text, "\"sid\":\"");
        return DIALECT_WELCOME;
    }
    if (span_starts(text, "42[\"peers\""))
        return DIALECT_JOINED;
    return span_starts(text, "44") || span_starts(text, "42[\"error\"") ? DIALECT_ERROR : DIALECT_NOTHING;
}

static void socketio_write_join(struct buf *out, const char *room, const char *name)
{
    buf_printf(out, "42[\"join-room\",{\"roomId\":\"%s\",\"displayName\":\"%s\"}]", room, name);
}

static void socketio_write_signal(struct buf *out, const char *to, struct span data)
{
    buf_printf(out, "42[\"signal\",{\"to\":\"%s\",\"data\":", to);
    buf_span(out, data);
    buf_text(out, "}]");
}

const struct dialect socketio_dialect = {
    .name = "socketio",
    .path = "/socket.io/?EIO=4&transport=websocket",
    .read = socketio_read,
    .write_join = socketio_write_join,
    .write_signal = socketio_write_signal,
};
