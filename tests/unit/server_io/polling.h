/* SPDX-License-Identifier: MIT
 *
 * Clients of sessions that poll: what they ask and say, as bytes of plain sockets.
 */
#ifndef TESTS_SERVER_IO_POLLING_H
#define TESTS_SERVER_IO_POLLING_H

#include "server/io/framing.h"
#include "server/io/polling.h"
#include "tests/unit/server_io/engine.h"

#define WEBSOCKET                                                                \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

enum {
    SID_CHARS = 39,
    REQUEST_MAX = 512
};

static inline int polling_up(void **state)
{
    int up = engine_up(state);
    struct engine *e = *state;
    e->io->settings.socketio = true;
    return up;
}

#define WITH_POLLING(test) cmocka_unit_test_setup_teardown(test, polling_up, engine_down)

/* ---- a session ---- */

/* The one that there is; NULL: there is none. */
static inline struct conn *session_of(const struct engine *e)
{
    for (uint32_t slot = 0; slot < e->io->conns.made; slot++) {
        struct conn *c = conn_at(&e->io->conns, slot);
        if (c->state != CONN_FREE && !c->doomed && c->framing == FRAMING_POLLING)
            return c;
    }
    return NULL;
}

static inline void request(char out[REQUEST_MAX], const char *method, const char *sid, const char *headers)
{
    snprintf(out, REQUEST_MAX, "%s /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\nHost: a\r\n%s\r\n", method,
        sid ? "&sid=" : "", sid ? sid : "", headers);
}

static inline const char *asks(struct engine *e, const char *text)
{
    int fd = dial(e);
    say_text(fd, text);
    return answer_of(e, fd);
}

/* Its queue is empty. */
static inline struct conn *begin(struct engine *e, char sid[SID_CHARS + 1])
{
    char text[REQUEST_MAX];
    request(text, "GET", NULL, "");
    const char *answer = asks(e, text), *at = strstr(answer, "\"sid\":\"");
    begins_with(answer, "HTTP/1.1 200 OK\r\n");
    assert_non_null(at);
    snprintf(sid, SID_CHARS + 1, "%.*s", SID_CHARS, at + 7);
    UNTIL(e, e->io->conns.open == 1);
    struct conn *s = session_of(e);
    assert_ptr_equal(s, only(e));
    queue_free(&s->queue);
    return s;
}

static inline void told(struct engine *e, struct conn *s, const char *packet)
{
    turn_queue(e->io, s, frame_of(span_of(packet)));
}

/* ---- the WebSocket ---- */

static inline size_t put_frame(char *out, const char *text)
{
    const char head[] = {(char)0x81, (char)(0x80 | strlen(text)), 0, 0, 0, 0};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, text, strlen(text));
    return sizeof head + strlen(text);
}

static inline size_t write_upgrade(char *out, const char *sid)
{
    size_t n = (size_t)sprintf(
        out, "GET /socket.io/?transport=websocket&sid=%s HTTP/1.1\r\nHost: a\r\n" WEBSOCKET "\r\n", sid);
    n += put_frame(out + n, "2probe");
    n += put_frame(out + n, "5");
    n += put_frame(out + n, "6");
    return n + put_frame(out + n, "6");
}

#endif
