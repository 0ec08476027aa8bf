/* SPDX-License-Identifier: MIT
 *
 * The front door on real sockets: requests in pieces, clients that go at each stage of theirs, and what comes when they
 * have gone.
 */
#include "tests/unit/server_io/engine.h"

#define GET_HEALTH "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(length, body) \
    "POST /api/rooms HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nContent-Length: " length "\r\n\r\n" body
#define POST_PASSWORD POST("21", "{\"password\":\"secret\"}")

static bool has_read(const struct conn *c, size_t n)
{
    return c->http && c->http->asked && c->http->asked->in.len == n;
}

static bool waits(const struct conn *c)
{
    return c->state == CONN_ANSWER && !c->http->answered && c->interest == 0;
}

/* ---- in two pieces ---- */

static void in_every_split(struct engine *e, const char *request, size_t size, const char *status)
{
    for (size_t n = 1; n < size; n++) {
        int fd = dial(e);
        const struct conn *c = only(e);
        say(fd, request, n);
        UNTIL(e, has_read(c, n));
        say(fd, request + n, size - n);
        begins_with(answer_of(e, fd), status);
        gone(e);
    }
}

static void test_every_split(void **state)
{
    static const char GET[] = GET_HEALTH, MADE[] = POST("2", "{}");
    in_every_split(*state, GET, sizeof GET - 1, "HTTP/1.1 200 OK\r\n");
    in_every_split(*state, MADE, sizeof MADE - 1, "HTTP/1.1 201 Created\r\n");
}

/* A first frame behind the handshake, in the same piece or not: a Close, which is answered behind the 101. */
static void test_every_split_of_a_handshake(void **state)
{
    static const char START[] = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                                "\x88\x82\0\0\0\0\x03\xe8";
    static const char CLOSED[] = {(char)0x88, 2, 0x03, (char)0xe8};
    struct engine *e = *state;
    for (size_t n = 1; n < sizeof START - 1; n++) {
        int fd = dial(e);
        const struct conn *c = only(e);
        size_t heard = 0;
        say(fd, START, n);
        UNTIL(e, has_read(c, n) || c->state == CONN_OPEN);
        say(fd, START + n, sizeof START - 1 - n);
        UNTIL(e, hears_end(e, fd, &heard));
        close(fd);
        begins_with(e->answer, "HTTP/1.1 101 ");
        assert_memory_equal(e->answer + heard - sizeof CLOSED, CLOSED, sizeof CLOSED);
        gone(e);
    }
}

/* ---- clients that go ---- */

struct stage {
    const char *request;
    bool (*reached)(const struct conn *c);
};

static bool head_half(const struct conn *c)
{
    return c->state == CONN_HEAD && has_read(c, strlen("GET / HT"));
}

static bool body_half(const struct conn *c)
{
    return c->state == CONN_BODY && c->interest & POLLER_READ;
}

static bool half_written(const struct conn *c)
{
    return c->state == CONN_ANSWER && c->http->answered && c->queue && c->untaken > 0;
}

static bool is_out(const struct conn *c)
{
    return c->state == CONN_LINGER;
}

static const struct stage STAGES[] = {
    {"GET / HT", head_half},
    {POST("20", "{\"na"), body_half},
    {POST_PASSWORD, waits},
    {"GET /big HTTP/1.1\r\nHost: a\r\n\r\n", half_written},
    {GET_HEALTH, is_out},
};

static void put_big(const struct engine *e)
{
    char path[SCRATCH_PATH];
    scratch_path(e->scratch, "big", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), BIG), 0);
    fclose(f);
}

static void test_clients_that_go(void **state)
{
    struct engine *e = *state;
    put_big(e);
    for (size_t i = 0; i < sizeof STAGES / sizeof *STAGES; i++)
        for (int reset = 0; reset < 2; reset++) {
            int fd = dial(e);
            const struct conn *c = only(e);
            say_text(fd, STAGES[i].request);
            UNTIL(e, STAGES[i].reached(c));
            hang_up(fd, reset);
            gone(e);
        }
}

/* ---- what comes late ---- */

/* One asks for what a thread does, and goes; the next one gets its slot, and nothing else that was meant for it. */
static void next_one_hears_nothing(struct engine *e, const char *request)
{
    static const char HALF[] = "GET /health HT";
    pool_hold(e);
    int fd = dial(e);
    const struct conn *c = only(e);
    const struct conn_id id = c->id;
    say_text(fd, request);
    UNTIL(e, waits(c));
    hang_up(fd, true);
    gone(e);
    fd = dial(e);
    assert_ptr_equal(only(e), c);
    assert_int_equal(c->id.generation, id.generation + 1);
    assert_null(conn_find(&e->io->conns, id));
    say_text(fd, HALF);
    UNTIL(e, has_read(c, sizeof HALF - 1));
    pool_release(e);
    int other = dial(e); /* what it is told was asked of the threads later */
    say_text(other, POST("2", "{}"));
    begins_with(answer_of(e, other), "HTTP/1.1 201 ");
    assert_true(c->state == CONN_HEAD && has_read(c, sizeof HALF - 1) && !c->queue);
    say_text(fd, "TP/1.1\r\nHost: a\r\n\r\n");
    begins_with(answer_of(e, fd), "HTTP/1.1 200 OK\r\n");
    assert_null(strstr(e->answer + 1, "HTTP/1.1"));
    gone(e);
}

static void test_late_answers(void **state)
{
    put_big(*state);
    next_one_hears_nothing(*state, POST("2", "{}"));
    next_one_hears_nothing(*state, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* ---- memory ---- */

/* While its answer is worked on, nothing of a request is kept but where that goes and which page may read it. */
static void test_waiting_request_is_small(void **state)
{
    struct engine *e = *state;
    char body[HTTP_BODY_MAX + 1];
    memset(body, ' ', HTTP_BODY_MAX);
    body[HTTP_BODY_MAX] = '\0';
    memcpy(body, "{}", 2);
    pool_hold(e);
    int fd = dial(e);
    const struct conn *c = only(e);
    say_text(fd, POST("16384", ""));
    say_text(fd, body);
    UNTIL(e, waits(c));
    assert_null(c->http->asked);
    assert_true(sizeof *c->http <= 128);
    pool_release(e);
    begins_with(answer_of(e, fd), "HTTP/1.1 201 ");
    assert_non_null(strstr(e->answer, "Access-Control-Allow-Origin: https://a.example\r\n"));
    assert_non_null(strstr(e->answer, "Vary: Origin\r\n"));
    gone(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(test_every_split),
        WITH_ENGINE(test_every_split_of_a_handshake),
        WITH_ENGINE(test_clients_that_go),
        WITH_ENGINE(test_late_answers),
        WITH_ENGINE(test_waiting_request_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
