/* SPDX-License-Identifier: MIT
 *
 * What receivers of webhooks answer, in pieces of every size; and what it means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/webhook_answer.h"

static struct webhook_answer answer;

/* Reads the text in pieces of so many bytes. */
static enum webhook_reading read_in(const char *text, size_t piece)
{
    enum webhook_reading reading = WEBHOOK_MORE;
    struct span rest = span_of(text);
    answer.n = answer.status = 0;
    answer.retry_after_ms = 0;
    while (reading == WEBHOOK_MORE && rest.n > 0) {
        size_t room, n = piece < rest.n ? piece : rest.n;
        char *space = webhook_answer_space(&answer, &room);
        assert_true(room > 0);
        n = n < room ? n : room;
        memcpy(space, rest.p, n);
        reading = webhook_answer_read(&answer, n);
        rest.p += n;
        rest.n -= n;
    }
    return reading;
}

static void expect(const char *text, enum webhook_reading reading, unsigned status, uint64_t retry_after_ms)
{
    for (size_t piece = 1; piece < 80; piece++) {
        assert_int_equal(read_in(text, piece), reading);
        assert_int_equal(answer.status, status);
        if (reading == WEBHOOK_WHOLE)
            assert_int_equal(answer.retry_after_ms, retry_after_ms);
    }
}

static void test_whole(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", WEBHOOK_WHOLE, 200, 0);
    expect("HTTP/1.0 204\r\n\r\n", WEBHOOK_WHOLE, 204, 0);
    expect("HTTP/1.1 599 \n\n", WEBHOOK_WHOLE, 599, 0);
    expect("HTTP/1.1 503 x\r\nretry-AFTER: \t17\r\nX: y\r\n\r\n", WEBHOOK_WHOLE, 503, 17000);
    expect("HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", WEBHOOK_WHOLE, 503, 0);
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nRetry-After: 5\r\n\r\nHTTP/1.1 201 Made\r\n\r\n",
        WEBHOOK_WHOLE, 201, 0);
}

static void test_more(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\r\nA: b\r\n", WEBHOOK_MORE, 0, 0);
    expect("HTTP/1.1 100 Continue\r\n\r\n", WEBHOOK_MORE, 0, 0);
    expect("HTTP/1.1 2", WEBHOOK_MORE, 0, 0);
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const BAD[] = {"\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n",
        "HTTP/1.1 20 x\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1 700 x\r\n\r\n", "HTTP/1.x 200 x\r\n\r\n",
        "HTTP/1.1\t200 x\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        expect(BAD[i], WEBHOOK_BAD, 0, 0);
}

/* A head that never ends, and interim answers that do not. */
static void test_endless(void **state)
{
    (void)state;
    static char text[4 * WEBHOOK_HEAD_MAX];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "HTTP/1.1 200 OK\r\n", 17);
    assert_int_equal(read_in(text, 1000), WEBHOOK_BAD);
    for (size_t at = 0; at + 25 < sizeof text; at += 25)
        memcpy(text + at, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    assert_int_equal(read_in(text, 1000), WEBHOOK_BAD);
}

static void test_meaning(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        enum webhook_outcome outcome;
    } ALL[] = {{200, WEBHOOK_DELIVERED}, {204, WEBHOOK_DELIVERED}, {299, WEBHOOK_DELIVERED}, {301, WEBHOOK_FAILED},
        {307, WEBHOOK_FAILED}, {400, WEBHOOK_REFUSED}, {401, WEBHOOK_REFUSED}, {404, WEBHOOK_REFUSED},
        {408, WEBHOOK_FAILED}, {410, WEBHOOK_REFUSED}, {413, WEBHOOK_TOO_LARGE}, {425, WEBHOOK_FAILED},
        {429, WEBHOOK_FAILED}, {499, WEBHOOK_REFUSED}, {500, WEBHOOK_FAILED}, {503, WEBHOOK_FAILED}};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        assert_int_equal(webhook_answer_outcome(ALL[i].status), ALL[i].outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
