/* SPDX-License-Identifier: MIT
 *
 * Topics, as the clients of y-webrtc use them; and memory that runs out at every point of a story of them.
 */
#include "server/core/state.h"
#include "tests/unit/server_core/short_memory.h"

static void enter_y(struct harness *h, unsigned i)
{
    open_from(h, i, (struct address){{0}});
    step(h, (struct core_event){.type = CORE_READY, .conn = conn_of(h, i), .dialect = &dialect_ywebrtc});
    quiet(h); /* its dialect has no welcome */
}

static void begin(struct harness *h, struct core_settings settings, unsigned clients)
{
    start(h, settings);
    for (unsigned i = 0; i < clients; i++)
        enter_y(h, i);
}

static void refused(struct harness *h, unsigned i, enum error e, const char *words)
{
    char code[64];
    snprintf(code, sizeof code, "{\"type\":\"error\",\"code\":\"%s\",", error_code(e));
    assert_memory_equal(heard(h, i), code, strlen(code));
    assert_non_null(strstr(h->text, words));
    skip_log(h);
    quiet(h);
}

static void test_published_to_all(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, no_limits(), 4);
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\",\"b\"]}");
    say(&h, 1, "{\"type\":\"subscribe\",\"topics\":[\"b\"]}");
    say(&h, 2, "{\"type\":\"subscribe\",\"topics\":[\"c\"]}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->topics, 3);
    assert_int_equal(core_stats(h.core)->subscriptions, 4);
    say(&h, 0, "{\"type\":\"publish\",\"topic\":\"b\",\"data\":{\"token\":0.12345678901234567,\"s\":\"\\u0000\"} } ");
    static const char ALL[] = "{\"type\":\"publish\",\"topic\":\"b\",\"data\":{\"token\":0.12345678901234567,\"s\":"
                              "\"\\u0000\"} ,\"clients\":2}";
    hears(&h, 0, "%s", ALL);
    hears(&h, 1, "%s", ALL);
    quiet(&h);
    say(&h, 3, "{\"topic\":\"\\u0062\",\"clients\":9,\"type\":\"publish\"}"); /* who has not subscribed publishes too */
    hears(&h, 0, "{\"topic\":\"\\u0062\",\"clients\":9,\"type\":\"publish\",\"clients\":2}");
    hears(&h, 1, "{\"topic\":\"\\u0062\",\"clients\":9,\"type\":\"publish\",\"clients\":2}");
    quiet(&h);
    say(&h, 3, "{\"type\":\"publish\",\"topic\":\"nobody's\"}");
    quiet(&h);
    say(&h, 3, "{\"type\":\"ping\"}");
    hears(&h, 3, "{\"type\":\"pong\"}");
    stop(&h);
}

static void test_they_go(void **state)
{
    (void)state;
    struct harness h;
    begin(&h, no_limits(), 2);
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\",\"a\",\"b\",\"c\"]}");
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"b\"]}");
    say(&h, 1, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
    assert_int_equal(core_stats(h.core)->subscriptions, 4);
    say(&h, 0, "{\"type\":\"unsubscribe\",\"topics\":[\"b\",\"never\",\"a\"]}");
    assert_int_equal(core_stats(h.core)->subscriptions, 2);
    assert_int_equal(core_stats(h.core)->topics, 2);
    say(&h, 1, "{\"type\":\"publish\",\"topic\":\"a\"}");
    hears(&h, 1, "{\"type\":\"publish\",\"topic\":\"a\",\"clients\":1}");
    quiet(&h);
    say(&h, 0, "{\"type\":\"unsubscribe\",\"topics\":[\"c\"]}");
    say(&h, 0, "{\"type\":\"unsubscribe\",\"topics\":[\"c\"]}");
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"d\"]}");
    gone(&h, 0, 0);
    gone(&h, 1, 1000);
    assert_int_equal(core_stats(h.core)->topics, 0);
    assert_int_equal(core_stats(h.core)->subscriptions, 0);
    quiet(&h);
    stop(&h);
}

/* Who has a topic need join no room; who has none any more is closed as anybody. */
static void test_time_to_join(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.join_timeout_ms = 10000;
    begin(&h, settings, 3);
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
    say(&h, 2, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
    say(&h, 2, "{\"type\":\"unsubscribe\",\"topics\":[\"a\"]}");
    wake(&h, h.now + 10000);
    for (unsigned i = 1; i < 3; i++) {
        assert_non_null(strstr(heard(&h, i), "\"not-in-room\""));
        closes(&h, i, 1008, "not-in-room");
    }
    skip_log(&h);
    quiet(&h);
    gone(&h, 1, 0);
    gone(&h, 2, 0);
    wake(&h, h.now + 10000);
    skip_log(&h);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->subscriptions, 1);
    stop(&h);
}

static void test_limits(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.max_rooms = 2;
    settings.max_room_members = 2;
    begin(&h, settings, 3);
    enter_room(&h, 4, "a"); /* rooms are counted apart */
    for (unsigned i = 0; i < 3; i++) {
        say(&h, i, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
        if (i == 2)
            refused(&h, i, ERROR_ROOM_FULL, "as many subscribers as it may");
        quiet(&h);
    }
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"b\",\"c\",\"d\"]}");
    refused(&h, 0, ERROR_SERVER_FULL, "");
    assert_int_equal(core_stats(h.core)->topics, 2);
    enter_room(&h, 5, "b"); /* who fills the topics leaves the rooms alone */
    assert_int_equal(core_stats(h.core)->limited[LIMIT_MAX_ROOM_MEMBERS], 1);
    assert_int_equal(core_stats(h.core)->limited[LIMIT_MAX_ROOMS], 1);
    stop(&h);
}

static void test_32_topics(void **state)
{
    (void)state;
    struct harness h;
    char line[80];
    begin(&h, no_limits(), 1);
    for (unsigned i = 0; i < TOPICS_MAX; i++) {
        snprintf(line, sizeof line, "{\"type\":\"subscribe\",\"topics\":[\"t%u\"]}", i);
        say(&h, 0, line);
        quiet(&h);
    }
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"t3\"]}");
    quiet(&h);
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"more\"]}");
    refused(&h, 0, ERROR_FORBIDDEN, "32 topics");
    assert_int_equal(core_stats(h.core)->topics, TOPICS_MAX);
    stop(&h);
}

static void test_joins_are_paced(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.join_rate = 1;
    start(&h, settings);
    open_from(&h, 0, (struct address){{1}});
    step(&h, (struct core_event){.type = CORE_READY, .conn = conn_of(&h, 0), .dialect = &dialect_ywebrtc});
    for (unsigned i = 0; i < JOIN_BURST_SECONDS; i++) {
        say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
        quiet(&h);
    }
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"b\"]}");
    refused(&h, 0, ERROR_RATE_LIMITED, "too many joins");
    assert_int_equal(core_stats(h.core)->topics, 1);
    stop(&h);
}

/* One address may not take all topics from the others; and has its own again when nobody uses them. */
static void test_each_address_has_its_share(void **state)
{
    (void)state;
    struct harness h;
    char line[80];
    struct core_settings settings = no_limits();
    settings.join_rate = 2 * TOPICS_PER_ADDRESS;
    start(&h, settings);
    unsigned made = 0, full = TOPICS_PER_ADDRESS / TOPICS_MAX;
    for (unsigned i = 0; i <= full + 1; i++) {
        open_from(&h, i, (struct address){{i <= full ? 1 : 2}});
        step(&h, (struct core_event){.type = CORE_READY, .conn = conn_of(&h, i), .dialect = &dialect_ywebrtc});
    }
    for (; made < TOPICS_PER_ADDRESS; made++) {
        snprintf(line, sizeof line, "{\"type\":\"subscribe\",\"topics\":[\"t%u\"]}", made);
        say(&h, made / TOPICS_MAX, line);
        quiet(&h);
    }
    say(&h, full, "{\"type\":\"subscribe\",\"topics\":[\"t0\",\"more\"]}"); /* what is there already costs it nothing */
    refused(&h, full, ERROR_RATE_LIMITED, "as many topics as one may");
    skip_log(&h);
    assert_int_equal(core_stats(h.core)->limited[LIMIT_TOPICS_PER_ADDRESS], 1);
    say(&h, full + 1, "{\"type\":\"subscribe\",\"topics\":[\"more\"]}");
    quiet(&h);
    say(&h, 1, "{\"type\":\"unsubscribe\",\"topics\":[\"t40\"]}");
    quiet(&h);
    say(&h, full, "{\"type\":\"subscribe\",\"topics\":[\"another\"]}");
    quiet(&h);
    stop(&h);
}

static void test_closed_where_tokens_are_required(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.token_required = true;
    begin(&h, settings, 1);
    say(&h, 0, "{\"type\":\"subscribe\",\"topics\":[\"a\"]}");
    refused(&h, 0, ERROR_UNAUTHORIZED, "tokens are required");
    say(&h, 0, "{\"type\":\"publish\",\"topic\":\"a\"}");
    refused(&h, 0, ERROR_UNAUTHORIZED, "tokens are required");
    stop(&h);
}

/* ---- memory ---- */

static void tell(struct harness *h)
{
    static const char *const SAID[] = {"{\"type\":\"subscribe\",\"topics\":[\"a\",\"b\"]}",
        "{\"type\":\"subscribe\",\"topics\":[\"b\",\"c\"]}", "{\"type\":\"publish\",\"topic\":\"b\",\"data\":1}",
        "{\"type\":\"unsubscribe\",\"topics\":[\"b\"]}"};
    for (uint32_t i = 0; i < STORY_CLIENTS; i++) {
        happens(h, (struct core_event){.type = CORE_OPEN, .conn = {i, 1}});
        happens(h, (struct core_event){.type = CORE_READY, .conn = {i, 1}, .dialect = &dialect_ywebrtc});
        for (size_t k = 0; k < sizeof SAID / sizeof *SAID; k++)
            happens(h, (struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .bytes = span_of(SAID[k])});
    }
}

static void check_nothing_left(const struct core_stats *s)
{
    assert_int_equal(s->topics, 0);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    memory_runs_out(tell, check_nothing_left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_to_all),
        cmocka_unit_test(test_they_go),
        cmocka_unit_test(test_time_to_join),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_32_topics),
        cmocka_unit_test(test_joins_are_paced),
        cmocka_unit_test(test_each_address_has_its_share),
        cmocka_unit_test(test_closed_where_tokens_are_required),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
