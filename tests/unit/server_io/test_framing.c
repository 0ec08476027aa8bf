/* SPDX-License-Identifier: MIT
 *
 * The whole io with a second framing, lines on a listener of their own, and its dialect: clients of a WebSocket and of
 * lines meet in a room.
 */
#include "server/io/framing.h"
#include "server/io/transport.h"
#include "tests/unit/server_core/lines.h"
#include "tests/unit/server_io/engine.h"

enum {
    LINE_MAX_BYTES = 4096,
    SLOTS = 8
};

/* What came of a line that is not whole, by slot. */
static struct {
    char text[LINE_MAX_BYTES];
    size_t n;
} half[SLOTS];

static size_t take_lines(struct io *io, struct conn *c, unsigned char *bytes, size_t n)
{
    assert_true(c->id.slot < SLOTS);
    char *line = half[c->id.slot].text;
    unsigned taken = 0;
    for (size_t i = 0; i < n && !c->doomed && c->state == CONN_OPEN; i++) {
        size_t *at = &half[c->id.slot].n;
        if (taken == FRAMES_AT_ONCE || !framing_is_heard(c))
            return i;
        assert_true(*at < LINE_MAX_BYTES);
        if (bytes[i] != '\n') {
            line[(*at)++] = (char)bytes[i];
            continue;
        }
        size_t whole = *at;
        *at = 0;
        taken++;
        io->put_off = false;
        framing_text(io, c, (struct span){line, whole});
        if (io->put_off) {
            front_put_off(
                io, c, (const struct span[]){{line, whole}, {"\n", 1}, {(const char *)bytes + i + 1, n - i - 1}}, 3);
            return n;
        }
    }
    return n;
}

static void close_lines(struct io *io, struct conn *c, uint16_t code, const char *reason)
{
    (void)code;
    (void)reason;
    c->state = CONN_CLOSING;
    turn_limit(io, c, LIMIT_CLOSE);
    framing_end(io, c);
}

static const struct framing FRAMING = {.dialect = &LINES, .bytes = take_lines, .close = close_lines};

static int dial_lines(struct engine *e, uint16_t port)
{
    uint16_t usual = e->port;
    e->port = port;
    int fd = dial(e);
    e->port = usual;
    return fd;
}

/* What has come so far, in e->answer; true once it holds `text`. */
static bool has_heard(struct engine *e, int fd, size_t *n, const char *text)
{
    hears_end(e, fd, n);
    return memmem(e->answer, *n, text, strlen(text)) != NULL;
}

static void hears(struct engine *e, int fd, const char *text)
{
    size_t n = 0;
    UNTIL(e, has_heard(e, fd, &n, text));
}

static void say_frame(int fd, const char *text)
{
    char bytes[512] = {(char)0x81, (char)(0x80 | strlen(text))}; /* a mask of zeros */
    assert_true(strlen(text) < 126);
    memcpy(bytes + 6, text, strlen(text));
    say(fd, bytes, 6 + strlen(text));
}

/* In one piece, of which so many are looked at in turn. */
static void say_many(int fd, const char *to, unsigned count)
{
    char text[8192], last[128];
    size_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "{\"say\":%u,\"to\":\"%s\"}\n", i, to);
    n += (size_t)snprintf(last, sizeof last, "{\"say\":\"the last\",\"to\":\"%s\"}\n", to);
    assert_true(n < sizeof text);
    say_text(fd, strcat(text, last));
}

static void test_lines_and_frames(void **state)
{
    struct engine *e = *state;
    struct err err;
    uint16_t port;
    char id[64], line[256];
    assert_true(framing_listen(e->io, listen_on_loopback(&port), &FRAMING, &err));
    int ws = dial(e);
    say_text(ws, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    hears(e, ws, "\"type\":\"welcome\"");
    const char *at = (const char *)memmem(e->answer, sizeof e->answer, "\"peerId\":\"", 10) + 10;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(at, "\""), at);
    say_frame(ws, "{\"type\":\"join-room\",\"roomId\":\"a\"}");
    hears(e, ws, "\"type\":\"peers\"");
    int lines = dial_lines(e, port);
    hears(e, lines, "{\"you\":\"");
    say_text(lines, "{\"join\":");
    say_text(lines, "\"a\"}\n{\"say\":1,\"to\":\"nobody\"}\n");
    hears(e, lines, "{\"no\":\"");
    hears(e, ws, "\"type\":\"peer-joined\"");
    snprintf(line, sizeof line, "{\"say\":[1,\"two\"],\"to\":\"%s\"}\n", id);
    say_text(lines, line);
    hears(e, ws, "\"data\":[1,\"two\"]");
    say_many(lines, id, 3 * FRAMES_AT_ONCE);
    hears(e, ws, "\"data\":\"the last\"");
    hang_up(lines, false);
    hears(e, ws, "\"type\":\"peer-left\"");
    lines = dial_lines(e, port);
    hears(e, lines, "{\"you\":\"");
    for (int i = 0; i < BAD_FRAMES_MAX; i++)
        say_text(lines, "bad\n");
    begins_with(answer_of(e, lines), "{\"no\":\"bad-json\"}\n");
    assert_non_null(strstr(e->answer, "{\"no\":\"too many bad frames\"}\n"));
    hang_up(ws, true);
    gone(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_ENGINE(test_lines_and_frames)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
