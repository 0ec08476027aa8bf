/* SPDX-License-Identifier: MIT
 *
 * URLs of Redis: taken apart, or refused with a sentence that holds no password.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/adapters/redis_url.h"

static struct redis_url read_good(const char *text)
{
    struct redis_url url;
    struct err e;
    if (!redis_url_read(text, &url, &e))
        fail_msg("%s: %s", text, e.text);
    return url;
}

static void expect(const char *text, const char *host, unsigned port, const char *user, const char *password,
    unsigned database, const char *where)
{
    struct redis_url url = read_good(text);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.path, "");
    assert_string_equal(url.user, user);
    assert_string_equal(url.password, password);
    assert_int_equal(url.database, database);
    assert_string_equal(url.where, where);
}

static void test_tcp(void **state)
{
    (void)state;
    expect("redis://localhost", "localhost", 6379, "", "", 0, "localhost:6379");
    expect(" REDIS://Redis.Example:7000/3 ", "redis.example", 7000, "", "", 3, "redis.example:7000");
    expect("valkey://10.0.0.1/", "10.0.0.1", 6379, "", "", 0, "10.0.0.1:6379");
    expect("redis://:hush@[2001:DB8::1]:1/15", "2001:db8::1", 1, "", "hush", 15, "[2001:db8::1]:1");
    expect("redis://ann:p%40s%2Fs:%25@h", "h", 6379, "ann", "p@s/s:%", 0, "h:6379");
    expect("redis://ann:a@b/c@h/1", "h", 6379, "ann", "a@b/c", 1, "h:6379");
}

static void test_unix(void **state)
{
    (void)state;
    struct redis_url url = read_good("unix:/run/redis/redis.sock");
    assert_string_equal(url.host, "");
    assert_string_equal(url.path, "/run/redis/redis.sock");
    assert_string_equal(url.where, "/run/redis/redis.sock");
    assert_int_equal(url.database, 0);
    url = read_good("unix://ann:hush@/run/r.sock?db=12");
    assert_string_equal(url.path, "/run/r.sock");
    assert_string_equal(url.user, "ann");
    assert_string_equal(url.password, "hush");
    assert_int_equal(url.database, 12);
    assert_string_equal(read_good("unix:///r").path, "/r");
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } BAD[] = {
        {"localhost:6379", "expected redis://HOST:PORT"},
        {"http://localhost", "expected redis://HOST:PORT"},
        {"rediss://:hush@localhost", "TLS to Redis is not spoken here"},
        {"redis-sentinel://localhost", "Sentinel is not asked here"},
        {"redis://", "the host is missing"},
        {"redis://:hush@", "the host is missing"},
        {"redis://hush@localhost", "before the @ stands USER:PASSWORD"},
        {"redis://ann:@localhost", "before the @ stands USER:PASSWORD"},
        {"redis://ann:hu%sh@localhost", "a % in user or password begins two hexadecimal digits"},
        {"redis://ann:hush%2@localhost", "a % in user or password begins two hexadecimal digits"},
        {"redis://ann:hush%@localhost", "a % in user or password begins two hexadecimal digits"},
        {"redis://ann:%00hush@localhost", "cannot hold a NUL"},
        {"redis://localhost:0", "a port is a number from 1 to 65535"},
        {"redis://localhost/one", "the database is a number from 0 to 999999"},
        {"redis://localhost/1000000", "the database is a number from 0 to 999999"},
        {"redis://localhost/1?x=hush", "nothing stands behind the database"},
        {"redis://224.0.0.1", "a multicast address belongs to no machine"},
        {"unix:", "the socket's path begins with /"},
        {"unix:run/redis.sock", "the socket's path begins with /"},
        {"unix:/r?database=1", "behind the path may stand ?db=NUMBER"},
        {"unix:/r?db=", "behind the path may stand ?db=NUMBER"},
        {"unix:/r?db=-1", "the database is a number from 0 to 999999"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct redis_url url;
        struct err e;
        assert_false(redis_url_read(BAD[i].text, &url, &e));
        if (!strstr(e.text, BAD[i].problem) || strstr(e.text, "hush"))
            fail_msg("%s: %s", BAD[i].text, e.text);
    }
}

/* One byte below each bound, and one above. */
static void test_bounds(void **state)
{
    (void)state;
    char text[REDIS_URL_MAX + 2], letters[REDIS_URL_MAX + 2];
    struct redis_url url;
    memset(letters, 'a', sizeof letters);
    for (int more = 0; more <= 1; more++) {
        snprintf(text, sizeof text, "redis://%.*s:%.*s@h", REDIS_USER_MAX + more, letters, 8, letters);
        assert_int_equal(redis_url_read(text, &url, NULL), !more);
        snprintf(text, sizeof text, "redis://:%.*s@h", REDIS_PASSWORD_MAX + more, letters);
        assert_int_equal(redis_url_read(text, &url, NULL), !more);
        snprintf(text, sizeof text, "unix:/%.*s", REDIS_PATH_MAX - 1 + more, letters);
        assert_int_equal(redis_url_read(text, &url, NULL), !more);
    }
    memcpy(letters, "unix://:", 8);
    letters[REDIS_URL_MAX + 1] = '\0';
    assert_false(redis_url_read(letters, &url, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
