/* SPDX-License-Identifier: MIT
 *
 * Sessions of Engine.IO that poll, on real sockets: their names, their requests in pieces, clients that go at each stage, and
 * the WebSocket that takes their place. What is said to them is put into their queue, whatever their dialect says.
 */
#include "tests/unit/server_io/polling.h"

static const char *body_of(const struct engine *e)
{
    const char *end = strstr(e->answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* A poll that waits. */
static int poll_of(struct engine *e, struct conn *s, const char *sid)
{
    char text[REQUEST_MAX];
    request(text, "GET", sid, "");
    int fd = dial(e);
    say_text(fd, text);
    UNTIL(e, polling_poll(e->io, s));
    return fd;
}

static void ends(struct engine *e, struct conn *s)
{
    turn_kill(e->io, s);
    gone(e);
}

/* ---- names ---- */

static void test_names_are_secrets(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    struct conn *s = begin(e, sid);
    for (unsigned i = 0; i < SID_CHARS; i++) {
        char right = sid[i];
        sid[i] = right == 'a' ? 'b' : 'a';
        request(text, "GET", sid, "");
        begins_with(asks(e, text), "HTTP/1.1 400 ");
        assert_string_equal(body_of(e), "{\"code\":1,\"message\":\"Session ID unknown\"}");
        sid[i] = right;
    }
    assert_null(polling_poll(e->io, s));
    close(poll_of(e, s, sid));
    gone(e);
    request(text, "GET", sid, "");
    begins_with(asks(e, text), "HTTP/1.1 400 "); /* its name is nobody's any more, though its slot is used again */
    char other[SID_CHARS + 1];
    struct conn *again = begin(e, other);
    assert_ptr_equal(again, s);
    assert_string_not_equal(other, sid);
    begins_with(asks(e, text), "HTTP/1.1 400 ");
    ends(e, again);
}

/* ---- requests ---- */

static void test_a_poll_waits_for_the_queue(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1];
    struct conn *s = begin(e, sid);
    int fd = poll_of(e, s, sid);
    const struct conn *poll = polling_poll(e->io, s);
    assert_true(poll->held && poll->interest == 0 && poll->limit == LIMIT_NONE);
    assert_null(poll->http->asked); /* an idle one is small */
    told(e, s, "4one");
    told(e, s, "4two");
    begins_with(answer_of(e, fd), "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(e->answer, "\r\nContent-Type: text/plain; charset=UTF-8\r\n"));
    assert_string_equal(body_of(e), "4one\x1e"
                                    "4two");
    assert_null(s->queue);
    UNTIL(e, e->io->conns.open == 1);
    told(e, s, "4three"); /* and the queue for a poll */
    fd = poll_of(e, s, sid);
    answer_of(e, fd);
    assert_string_equal(body_of(e), "4three");
    UNTIL(e, e->io->conns.open == 1);
    ends(e, s);
}

/* Also where nothing is pinged. */
static void test_who_does_not_poll(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1];
    struct conn *s = begin(e, sid);
    assert_int_equal(s->limit, LIMIT_POLL);
    int fd = poll_of(e, s, sid);
    assert_int_equal(s->limit, LIMIT_NONE);
    told(e, s, "4x");
    answer_of(e, fd);
    assert_int_equal(s->limit, LIMIT_POLL);
    assert_in_range(s->deadline, uv_now(&e->loop) + POLL_MS - PATIENCE_MS, uv_now(&e->loop) + POLL_MS);
    s->deadline = 0;
    gone(e);
}

static void test_a_post_in_every_split(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    struct conn *s = begin(e, sid);
    request(text, "POST", sid, "Content-Length: 5\r\n");
    strcat(text, "6\x1e"
                 "6\x1e"
                 "6");
    for (size_t n = 1; n < strlen(text); n++) {
        int fd = dial(e);
        say(fd, text, n);
        UNTIL(e, e->io->ready_first == CONN_NONE);
        say_text(fd, text + n);
        begins_with(answer_of(e, fd), "HTTP/1.1 200 OK\r\n");
        assert_string_equal(body_of(e), "ok");
        assert_null(polling_post(e->io, s));
        UNTIL(e, e->io->conns.open == 1);
    }
    ends(e, s);
}

/* ---- who goes in the midst ---- */

static void test_clients_that_go(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    for (int reset = 0; reset < 2; reset++) {
        struct conn *s = begin(e, sid);
        hang_up(poll_of(e, s, sid), reset);
        gone(e);
        s = begin(e, sid); /* a POST, after half of its body */
        request(text, "POST", sid, "Content-Length: 5\r\n");
        int fd = dial(e);
        say_text(fd, text);
        UNTIL(e, polling_post(e->io, s));
        hang_up(fd, reset);
        gone(e);
        s = begin(e, sid); /* a poll, after half of its answer */
        fd = poll_of(e, s, sid);
        struct frame *big = frame_new(BIG);
        memset(frame_payload(big), '4', BIG);
        turn_queue(e->io, s, big);
        UNTIL(e, !s->queue && !polling_poll(e->io, s));
        assert_ptr_equal(session_of(e), s);
        hang_up(fd, reset);
        gone(e);
    }
}

/* What is answered is nothing to the session any more. */
static void test_an_answered_request_may_go(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    struct conn *s = begin(e, sid);
    request(text, "POST", sid, "Content-Length: 70000\r\n");
    begins_with(asks(e, text), "HTTP/1.1 413 ");
    int fd = poll_of(e, s, sid);
    told(e, s, "4x");
    answer_of(e, fd);
    UNTIL(e, e->io->conns.open == 1);
    assert_ptr_equal(session_of(e), s);
    ends(e, s);
}

static void test_its_end_answers_what_waits(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    struct conn *s = begin(e, sid);
    int poll = poll_of(e, s, sid), post = dial(e);
    request(text, "POST", sid, "Content-Length: 1\r\n");
    say_text(post, text);
    UNTIL(e, polling_post(e->io, s));
    turn_kill(e->io, s);
    answer_of(e, poll);
    assert_string_equal(body_of(e), "1");
    begins_with(answer_of(e, post), "HTTP/1.1 400 ");
    gone(e);
}

/* ---- the WebSocket ---- */

static bool hears(struct engine *e, int fd, size_t *n, const char *text)
{
    hears_end(e, fd, n);
    return memmem(e->answer, *n, text, strlen(text)) != NULL;
}

/* The frames behind the `5` are the session's, wherever the bytes are cut; and so is what waited for it. */
static void test_an_upgrade_in_every_split(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    size_t size = write_upgrade(text, "");
    for (size_t n = size - 60; n < size; n++) {
        struct conn *s = begin(e, sid);
        write_upgrade(text, sid);
        told(e, s, "4waited");
        int fd = dial(e);
        size_t heard = 0;
        say(fd, text, n + SID_CHARS);
        UNTIL(e, e->io->ready_first == CONN_NONE);
        say(fd, text + n + SID_CHARS, size - n);
        UNTIL(e, hears(e, fd, &heard,
                     "\x81\x07"
                     "4waited"));
        assert_non_null(memmem(e->answer, heard,
            "\x81\x06"
            "3probe\x81\x07"
            "4waited",
            17));
        UNTIL(e, e->io->conns.open == 1);
        assert_ptr_equal(only(e), s);
        assert_true(s->framing == FRAMING_ENGINEIO && s->limit == LIMIT_NONE && s->fd >= 0 && s->state == CONN_OPEN &&
                    s->polled);
        told(e, s, "4more");
        UNTIL(e, hears(e, fd, &heard,
                     "\x81\x05"
                     "4more"));
        hang_up(fd, false);
        gone(e);
    }
}

/* A poll and a half POST of that time are answered; a session that ends takes its probe with it. */
static void test_requests_during_an_upgrade(void **state)
{
    struct engine *e = *state;
    char sid[SID_CHARS + 1], text[REQUEST_MAX];
    for (int upgrades = 0; upgrades < 2; upgrades++) {
        struct conn *s = begin(e, sid);
        int poll = poll_of(e, s, sid), post = dial(e);
        request(text, "POST", sid, "Content-Length: 1\r\n");
        say_text(post, text);
        UNTIL(e, polling_post(e->io, s));
        size_t size = write_upgrade(text, sid), heard = 0;
        int ws = dial(e);
        say(ws, text, size - 3 * (6 + 1)); /* without the last three frames */
        UNTIL(e, hears(e, ws, &heard, "3probe"));
        assert_true(probe_is_there(e->io, s));
        answer_of(e, poll);
        assert_string_equal(body_of(e), "6");
        if (upgrades)
            say(ws, text + size - 3 * (6 + 1), 3 * (6 + 1));
        else
            turn_kill(e->io, s);
        begins_with(answer_of(e, post), "HTTP/1.1 400 ");
        if (upgrades)
            UNTIL(e, s->framing == FRAMING_ENGINEIO && e->io->conns.open == 1);
        else
            begins_with(answer_of(e, ws), "\x88");
        if (upgrades)
            hang_up(ws, true);
        gone(e);
    }
}

static void test_memory(void **state)
{
    (void)state;
    assert_true(sizeof(struct polling) <= 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POLLING(test_names_are_secrets),
        WITH_POLLING(test_a_poll_waits_for_the_queue),
        WITH_POLLING(test_who_does_not_poll),
        WITH_POLLING(test_a_post_in_every_split),
        WITH_POLLING(test_clients_that_go),
        WITH_POLLING(test_an_answered_request_may_go),
        WITH_POLLING(test_its_end_answers_what_waits),
        WITH_POLLING(test_an_upgrade_in_every_split),
        WITH_POLLING(test_requests_during_an_upgrade),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
