/* SPDX-License-Identifier: MIT
 *
 * The front door on real sockets.
 */
#include "tests/unit/server_io/engine.h"

#define POST(length, body) \
    "POST /api/rooms HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nContent-Length: " length "\r\n\r\n" body

static bool waits(const struct conn *c)
{
    return c->state == CONN_ANSWER && !c->http->answered && c->interest == 0;
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
    const struct conn *c = newest(e);
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
        WITH_ENGINE(test_waiting_request_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
