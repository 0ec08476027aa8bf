/* SPDX-License-Identifier: MIT
 *
 * join_rate and auth_failures: what one address may try, over WebSocket and HTTP alike, how it is told, counted and
 * logged, and that time and nothing else forgives.
 */
#include "tests/unit/server_core/rest.h"

#include "server/core/state.h"

enum {
    WINDOW_MS = 60000
};

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)unix_seconds;
    if (!span_is(token, "good"))
        return "the token is not valid";
    *claims = (struct claims){.room = "*", .expires = UINT64_MAX};
    return NULL;
}

static void enter_from(struct harness *h, unsigned i, struct address address)
{
    open_from(h, i, address);
    quiet(h);
    ready(h, i);
    quiet(h);
}

static void leave(struct harness *h, unsigned i)
{
    say(h, i, "{\"type\":\"leave-room\"}");
    hears(h, i, "{\"type\":\"left-room\"}");
}

static void joins(struct harness *h, unsigned i)
{
    assert_non_null(strstr(heard(h, i), "{\"type\":\"peers\""));
}

static uint64_t number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

/* Refused for its rate; the time it is told. */
static uint64_t limited(struct harness *h, unsigned i)
{
    hears_error(h, i, ERROR_RATE_LIMITED, false);
    return number_after(h->text, "\"retryAfterMs\":");
}

static uint64_t limited_over_http(struct harness *h, unsigned i)
{
    const struct core_effect *e = took(h, CORE_RESPONSE);
    assert_non_null(e);
    assert_int_equal(e->conn.slot, i);
    assert_int_equal(e->response.status, 429);
    struct span text = frame_text(e->response.body);
    snprintf(h->text, sizeof h->text, "%.*s", (int)text.n, text.p);
    assert_non_null(strstr(h->text, "{\"error\":{\"code\":\"rate-limited\""));
    assert_int_equal(number_after(h->text, "\"retryAfterMs\":"), e->response.retry_after_ms);
    return e->response.retry_after_ms;
}

static void logs(struct harness *h, const char *event, const char *reason, const char *count)
{
    const struct log_record *r = logged(h);
    assert_non_null(r);
    assert_string_equal(r->event, event);
    assert_string_equal(r->fields[0].value, reason);
    assert_string_equal(r->fields[1].value, count);
}

/* ---- joins ---- */

static void test_join_rate(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = rest_settings();
    set.join_rate = 2;
    start(&h, set);
    enter_from(&h, 0, ipv4(1));
    enter_from(&h, 1, ipv4(2));
    enter(&h, 2);
    for (int i = 0; i < 2 * JOIN_BURST_SECONDS; i++) {
        join(&h, 0, "a");
        joins(&h, 0);
        leave(&h, 0);
    }
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\",\"ref\":\"r\"}");
    assert_int_equal(limited(&h, 0), 500);
    assert_non_null(strstr(h.text, "\"ref\":\"r\""));
    logs(&h, "joins-refused", "join_rate", "1");
    quiet(&h);
    /* another address, and one that has none */
    for (unsigned i = 1; i < 3; i++) {
        join(&h, i, "b");
        joins(&h, i);
    }
    /* rooms over HTTP are joins of the same address */
    ask_from(&h, 3, ipv4(1), (struct core_request){.type = REQUEST_CREATE, .body = SPAN("{}")});
    assert_int_equal(limited_over_http(&h, 3), 500);
    quiet(&h); /* its record comes when the second is over */
    assert_int_equal(core_stats(h.core)->limited[LIMIT_JOIN_RATE], 2);
    h.now += 499;
    join(&h, 0, "a");
    assert_int_equal(limited(&h, 0), 1);
    h.now += 1;
    join(&h, 0, "a");
    joins(&h, 0);
    wake(&h, h.now + 500);
    logs(&h, "joins-refused", "join_rate", "2");
    quiet(&h);
    stop(&h);
}

/* A bad message is no join, and neither is a return. */
static void test_what_is_no_join(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.join_rate = 1;
    start(&h, set);
    enter_from(&h, 0, ipv4(1));
    for (int i = 0; i < 12; i++) {
        say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"/\"}");
        hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
        say(&h, 0, "{\"type\":\"resume\",\"resumeToken\":\"A\"}");
        hears_error(&h, 0, ERROR_RESUME_FAILED, false);
    }
    join(&h, 0, "a");
    joins(&h, 0);
    stop(&h);
}

/* The bucket outlives the connections, and goes when it is full again. */
static void test_joins_are_remembered(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.join_rate = 1;
    start(&h, set);
    for (int i = 0; i < JOIN_BURST_SECONDS; i++) {
        enter_from(&h, 0, ipv4(1));
        join(&h, 0, "a");
        joins(&h, 0);
        gone(&h, 0, 1000);
    }
    enter_from(&h, 0, ipv4(1));
    join(&h, 0, "a");
    limited(&h, 0);
    gone(&h, 0, 1000);
    uint64_t gone_at = h.now;
    wake(&h, gone_at + 1000); /* the notices */
    assert_int_equal(h.deadline, gone_at + 1000 * JOIN_BURST_SECONDS);
    stop(&h);
}

static void test_rooms_kept_by_one_address(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = rest_settings();
    set.join_rate = 100000;
    start(&h, set);
    for (unsigned i = 0; i <= ROOMS_PER_ADDRESS; i++) {
        ask_from(&h, 0, ipv4(1), (struct core_request){.type = REQUEST_CREATE, .body = SPAN("{}")});
        if (i == ROOMS_PER_ADDRESS)
            break;
        stores(&h);
        stored(&h, true);
        answers(&h, 0, 201);
        gone(&h, 0, 0);
    }
    assert_int_equal(limited_over_http(&h, 0), 60000);
    logs(&h, "server-full", "rooms_per_address", "1");
    assert_int_equal(core_stats(h.core)->limited[LIMIT_ROOMS_PER_ADDRESS], 1);
    ask_from(&h, 1, ipv4(2), (struct core_request){.type = REQUEST_CREATE, .body = SPAN("{}")});
    stores(&h);
    stop(&h);
}

/* ---- guesses ---- */

static struct core_settings guarded(void)
{
    struct core_settings set = rest_settings();
    set.auth_failures = 6;
    set.ports.verify = verify;
    return set;
}

static void show_token(struct harness *h, unsigned i, const char *token)
{
    char text[128];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"%s\"}", token);
    say(h, i, text);
}

/* Uses up the failures of address 1 through client 0, as fast as it is let. */
static void fail_six_times(struct harness *h)
{
    static const uint64_t DELAYS[] = {0, 0, 0, 250, 500, 1000};
    for (size_t i = 0; i < sizeof DELAYS / sizeof *DELAYS; i++) {
        show_token(h, 0, "bad");
        if (DELAYS[i]) {
            quiet(h);
            assert_true(h->deadline <= h->now + DELAYS[i]);
            wake(h, h->now + DELAYS[i] - 1);
            assert_null(take(h, 0));
            wake(h, h->now + 1);
        }
        hears_error(h, 0, ERROR_UNAUTHORIZED, false);
    }
}

static void test_wrong_tokens(void **state)
{
    (void)state;
    struct harness h;
    start(&h, guarded());
    enter_from(&h, 0, ipv4(1));
    enter_from(&h, 1, ipv4(1));
    enter_from(&h, 2, ipv4(2));
    uint64_t began = h.now;
    show_token(&h, 0, "bad");
    hears_error(&h, 0, ERROR_UNAUTHORIZED, false);
    logs(&h, "auth-failed", "token", "1");
    h.now = began += WINDOW_MS; /* forgiven */
    fail_six_times(&h);
    assert_int_equal(core_stats(h.core)->auth_failed_total, 7);
    assert_int_equal(core_stats(h.core)->auth_delayed_total, 3);
    /* right or wrong, it is not looked at any more; others are */
    show_token(&h, 1, "good");
    uint64_t wait = limited(&h, 1);
    assert_int_equal(wait, began + WINDOW_MS - h.now - 5 * WINDOW_MS / 6);
    logs(&h, "auth-refused", "auth_failures", "1");
    assert_int_equal(core_stats(h.core)->limited[LIMIT_AUTH_FAILURES], 1);
    show_token(&h, 2, "good");
    joins(&h, 2);
    /* who shows nothing guesses nothing */
    join(&h, 0, "a");
    joins(&h, 0);
    /* one is forgiven: the next is looked at, later */
    wake(&h, h.now + wait - 1);
    show_token(&h, 1, "good");
    assert_int_equal(limited(&h, 1), 1);
    wake(&h, h.now + 1);
    show_token(&h, 1, "good");
    assert_null(take(&h, 1));
    wake(&h, h.now + 1000);
    joins(&h, 1);
    stop(&h);
}

static void test_wrong_tokens_over_http(void **state)
{
    (void)state;
    struct harness h;
    start(&h, guarded());
    struct core_request requests[] = {
        {.type = REQUEST_VALIDATE, .room = SPAN("a"), .token = SPAN("bad")},
        {.type = REQUEST_ICE, .token = SPAN("bad")},
        {.type = REQUEST_CREATE, .token = SPAN("bad"), .body = SPAN("{\"name\":\"x\"}")},
        {.type = REQUEST_CLOSE, .room = SPAN("hall"), .token = SPAN("bad")},
    };
    char owner[64];
    made(&h, "{\"name\":\"hall\"}", owner);
    for (unsigned i = 0; i < 6; i++) {
        struct core_request *r = &requests[i % 4];
        ask_from(&h, i, ipv4(1), *r);
        if (i >= 3) {
            assert_null(took(&h, CORE_RESPONSE));
            wake(&h, h.now + 1000);
        }
        answers(&h, i, r->type == REQUEST_CLOSE ? 403 : 401);
    }
    /* 3 s later less than one was forgiven */
    for (unsigned i = 0; i < 4; i++) {
        gone(&h, 0, 0);
        ask_from(&h, 0, ipv4(1), requests[i]);
        assert_true(limited_over_http(&h, 0) <= WINDOW_MS / 6);
    }
    gone(&h, 0, 0);
    ask_from(
        &h, 0, ipv4(1), (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("hall"), .token = span_of(owner)});
    limited_over_http(&h, 0);
    /* what shows no token is answered */
    gone(&h, 0, 0);
    ask_from(&h, 0, ipv4(1), (struct core_request){.type = REQUEST_VALIDATE, .room = SPAN("a")});
    answers(&h, 0, 200);
    /* a delayed request is whole: the body makes the room */
    wake(&h, h.now + WINDOW_MS / 3);
    gone(&h, 0, 0);
    ask_from(&h, 0, ipv4(1),
        (struct core_request){.type = REQUEST_CREATE, .token = SPAN("good"), .body = SPAN("{\"name\":\"x\"}")});
    quiet(&h);
    wake(&h, h.now + 500);
    stores(&h);
    stored(&h, true);
    answers(&h, 0, 201);
    assert_non_null(strstr(h.text, "\"id\":\"x\""));
    stop(&h);
}

static void show_password(struct harness *h, unsigned i, const char *password)
{
    char text[128];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"vault\",\"password\":\"%s\"}", password);
    say(h, i, text);
}

/* Wrong passwords fill the limit too, after which none is hashed; so do those that are being hashed. */
static void test_wrong_passwords(void **state)
{
    (void)state;
    struct harness h;
    char owner[64];
    uint8_t hash[ROOM_HASH_BYTES];
    struct core_settings set = rest_settings();
    set.auth_failures = 2;
    start(&h, set);
    made(&h, "{\"name\":\"vault\",\"password\":\"right\"}", owner);
    for (unsigned i = 0; i < 4; i++)
        enter_from(&h, i, ipv4(1));
    uint64_t job[3];
    for (unsigned i = 0; i < 3; i++) {
        show_password(&h, i, "wrong");
        if (i < 2)
            job[i] = asks_hash(&h, hash);
    }
    quiet(&h); /* the third waits its turn */
    say(&h, 2, "{\"type\":\"join-room\",\"roomId\":\"b\"}");
    hears_error(&h, 2, ERROR_BAD_MESSAGE, false);
    for (unsigned i = 0; i < 2; i++) {
        hashed(&h, job[i], hash);
        hears_error(&h, i, ERROR_ROOM_LOCKED, false);
    }
    assert_int_equal(core_stats(h.core)->auth_failed_total, 2);
    wake(&h, h.now + 250);
    limited(&h, 2);
    assert_null(took(&h, CORE_HASH));
    show_password(&h, 3, "right");
    assert_int_equal(limited(&h, 3), WINDOW_MS / 2 - 250);
    wake(&h, h.now + WINDOW_MS);
    show_password(&h, 3, "right");
    job[0] = asks_hash(&h, hash);
    hashed(&h, job[0], hash);
    joins(&h, 3);
    stop(&h);
}

/* A crowd with the right password comes in, however many it is at once. */
static void test_a_crowd_that_knows_the_password(void **state)
{
    (void)state;
    struct harness h;
    char owner[64];
    uint8_t hash[ROOM_HASH_BYTES];
    struct core_settings set = rest_settings();
    set.auth_failures = 2;
    start(&h, set);
    made(&h, "{\"name\":\"vault\",\"password\":\"right\"}", owner);
    unsigned in = 0;
    for (unsigned i = 0; i < 6; i++) {
        enter_from(&h, i, ipv4(1));
    }
    uint64_t jobs[2] = {0, 0};
    for (unsigned i = 0; i < 6; i++) {
        show_password(&h, i, "right");
        if (i < 2)
            jobs[i] = asks_hash(&h, hash);
        quiet(&h);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned k = 0; k < 2; k++) {
            hashed(&h, jobs[k], hash);
            for (unsigned i = 0; i < 6; i++)
                in += strstr(heard(&h, i), "{\"type\":\"peers\"") != NULL;
        }
        wake(&h, h.now + 250);
        for (unsigned k = 0; k < 2 && round < 2; k++)
            jobs[k] = asks_hash(&h, hash);
    }
    assert_int_equal(in, 6);
    assert_int_equal(core_stats(h.core)->auth_failed_total, 0);
    stop(&h);
}

/* Rooms that one address makes with passwords take no more places than its guesses may, be their connections gone; the
 * next waits its turn, and others' passwords do not. */
static void test_rooms_with_passwords_from_one_address(void **state)
{
    (void)state;
    struct harness h;
    uint8_t hash[ROOM_HASH_BYTES];
    const struct core_request locked = {.type = REQUEST_CREATE, .body = SPAN("{\"password\":\"secret\"}")};
    struct core_settings set = rest_settings();
    set.auth_failures = 2;
    start(&h, set);
    ask_from(&h, 0, ipv4(1), locked);
    uint64_t first = asks_hash(&h, hash);
    gone(&h, 0, 0);
    ask_from(&h, 1, ipv4(1), locked);
    uint64_t second = asks_hash(&h, hash);
    ask_from(&h, 2, ipv4(1), locked);
    quiet(&h);
    ask_from(&h, 3, ipv4(2), locked);
    asks_hash(&h, hash);
    ask(&h, 4, locked); /* nobody counts it */
    asks_hash(&h, hash);
    wake(&h, h.now + 250);
    quiet(&h); /* still one too many */
    hashed(&h, first, hash);
    quiet(&h);
    hashed(&h, second, hash);
    stores(&h);
    stored(&h, true);
    answers(&h, 1, 201);
    wake(&h, h.now + 250);
    uint64_t third = asks_hash(&h, hash);
    hashed(&h, third, hash);
    stores(&h);
    stored(&h, true);
    answers(&h, 2, 201);
    stop(&h);
}

/* A drain that begins meanwhile: a connection over HTTP is owed its answer, or the drain would wait for it. */
static void test_drained_while_it_waits(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = rest_settings();
    char token[64];
    set.auth_failures = 6;
    start(&h, set);
    made(&h, "{\"name\":\"a\"}", token);
    const struct core_request close = {.type = REQUEST_CLOSE, .room = SPAN("a"), .token = SPAN("wrong")};
    for (unsigned i = 0; i < 3; i++) {
        ask_from(&h, i, ipv4(1), close);
        answers(&h, i, 403);
        gone(&h, i, 0);
    }
    ask_from(&h, 3, ipv4(1), close);
    assert_null(took(&h, CORE_RESPONSE));
    step(&h, (struct core_event){.type = CORE_DRAIN});
    closes(&h, 3, 1012, "draining");
    assert_null(took(&h, CORE_RESPONSE));
    wake(&h, h.now + 250);
    answers(&h, 3, 503);
    assert_non_null(strstr(h.text, "\"code\":\"draining\""));
    gone(&h, 3, 0);
    assert_true(drained(&h));
    stop(&h);
}

/* One more request of the address, over a connection of its own, with a token that is wrong; false: it was answered at once. */
static bool waits(struct harness *h, uint32_t *slot, struct address from)
{
    struct core_event e = {.type = CORE_OPEN, .conn = {.slot = (*slot)++, .generation = 1}, .address = from};
    const struct core_request r = {.type = REQUEST_ICE, .token = SPAN("bad")};
    step(h, e);
    e.type = CORE_REQUEST;
    e.request = &r;
    step(h, e);
    return took(h, CORE_RESPONSE) == NULL;
}

static uint32_t wait_all(struct harness *h, uint32_t *slot, struct address from)
{
    uint32_t n = 0;
    while (waits(h, slot, from))
        n++;
    return n;
}

/* Of those that wait there are few, and they go with their connections. An address has no more than it leaves to others. */
static void test_places_to_wait(void **state)
{
    (void)state;
    struct harness h;
    uint32_t slot = CLIENTS;
    start(&h, guarded());
    for (uint8_t i = 1; i <= 4; i++)
        for (unsigned k = 0; k < 3; k++) /* for nothing */
            assert_false(waits(&h, &slot, ipv4(i)));
    const uint32_t first = slot;
    assert_int_equal(wait_all(&h, &slot, ipv4(1)), DELAYED_MAX / 2);
    assert_int_equal(wait_all(&h, &slot, ipv4(2)), DELAYED_MAX / 4);
    assert_int_equal(wait_all(&h, &slot, ipv4(3)), DELAYED_MAX / 8);
    assert_false(waits(&h, &slot, ipv4(1)));
    assert_true(waits(&h, &slot, ipv4(4)));
    for (uint32_t i = 0; i < DELAYED_MAX / 2; i++)
        step(&h, (struct core_event){.type = CORE_GONE, .conn = {.slot = first + i, .generation = 1}});
    assert_true(waits(&h, &slot, ipv4(1))); /* the places that were freed */
    assert_true(waits(&h, &slot, ipv4(2)));
    stop(&h);
}

static void test_no_limit_of_failures(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = guarded();
    set.auth_failures = 0;
    set.join_rate = 1000;
    start(&h, set);
    enter_from(&h, 0, ipv4(1));
    for (int i = 0; i < 100; i++) {
        show_token(&h, 0, "bad");
        hears_error(&h, 0, ERROR_UNAUTHORIZED, false);
    }
    assert_int_equal(core_stats(h.core)->auth_failed_total, 100);
    stop(&h);
}

/* What one second wrote no record of is told at its end, though nothing more happens. */
static void test_the_last_ones_are_logged(void **state)
{
    (void)state;
    struct harness h;
    start(&h, guarded());
    enter_from(&h, 0, ipv4(1));
    for (int i = 0; i < 3; i++) {
        show_token(&h, 0, "bad");
        hears_error(&h, 0, ERROR_UNAUTHORIZED, false);
        if (i == 0)
            logs(&h, "auth-failed", "token", "1");
        quiet(&h);
    }
    gone(&h, 0, 1000);
    assert_int_equal(h.deadline, h.now + 1000);
    wake(&h, h.now + 1000);
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->fields[1].value, "2");
    assert_string_equal(r->fields[2].value, "192.0.2.1");
    quiet(&h);
    assert_int_equal(h.deadline, h.now - 1000 + WINDOW_MS); /* the address, to be forgotten */
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_rate),
        cmocka_unit_test(test_what_is_no_join),
        cmocka_unit_test(test_joins_are_remembered),
        cmocka_unit_test(test_rooms_kept_by_one_address),
        cmocka_unit_test(test_wrong_tokens),
        cmocka_unit_test(test_wrong_tokens_over_http),
        cmocka_unit_test(test_wrong_passwords),
        cmocka_unit_test(test_a_crowd_that_knows_the_password),
        cmocka_unit_test(test_places_to_wait),
        cmocka_unit_test(test_rooms_with_passwords_from_one_address),
        cmocka_unit_test(test_drained_while_it_waits),
        cmocka_unit_test(test_no_limit_of_failures),
        cmocka_unit_test(test_the_last_ones_are_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
