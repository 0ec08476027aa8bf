/* SPDX-License-Identifier: MIT
 *
 * Two dialects in one room: each client hears its own, whoever speaks.
 */
#include "tests/unit/server_core/lines.h"
#include "tests/unit/server_core/seat.h"

static void enter_in(struct harness *h, unsigned i, const struct dialect *dialect)
{
    open_from(h, i, (struct address){{0}});
    step(h, (struct core_event){.type = CORE_READY, .conn = conn_of(h, i), .dialect = dialect});
    assert_memory_equal(heard(h, i), "{\"you\":\"", 8);
    snprintf(h->id[i], sizeof h->id[i], "%.*s", (int)strcspn(h->text + 8, "\""), h->text + 8);
    quiet(h);
}

static void enter_lines(struct harness *h, unsigned i)
{
    enter_in(h, i, &LINES);
}

/* A native client, 0, and one of lines, 1. */
static void meet(struct harness *h)
{
    struct core_settings settings = no_limits();
    settings.resume_grace_ms = GRACE_MS;
    settings.crypto = &OURS;
    settings.ping_interval_ms = 1000;
    settings.ping_timeout_ms = 500;
    start(h, settings);
    enter_room(h, 0, "a");
    enter_lines(h, 1);
    say(h, 1, "{\"join\":\"a\"}");
}

static struct token lines_token(struct harness *h)
{
    static const char BEFORE[] = "\"token\":\"";
    struct token t;
    const char *at = strstr(h->text, BEFORE);
    assert_non_null(at);
    at += sizeof BEFORE - 1;
    snprintf(t.text, sizeof t.text, "%.*s", (int)strcspn(at, "\""), at);
    return t;
}

static void test_each_hears_its_own(void **state)
{
    (void)state;
    struct harness h;
    meet(&h);
    char line[256];
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"dialect\":\"lines\"}", h.id[1]);
    assert_memory_equal(heard(&h, 1), "{\"in\":\"a\",\"token\":\"", 19);
    assert_non_null(strstr(h.text, h.id[0]));
    quiet(&h);
    say(&h, 1, "{\"what\":1}");
    hears(&h, 1, "{\"no\":\"nobody says that\"}\n");
    say(&h, 1, "what");
    hears(&h, 1, "{\"no\":\"bad-json\"}\n");
    say(&h, 1, "{\"type\":\"leave-room\"}");
    hears(&h, 1, "{\"no\":\"nobody says that\"}\n");
    say(&h, 0, "{\"leave\":true}");
    hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
    quiet(&h);
    enter(&h, 2);
    join(&h, 2, "a");
    assert_non_null(strstr(heard(&h, 2), h.id[1])); /* each with its dialect, if it is another */
    assert_non_null(strstr(h.text, "\",\"dialect\":\"lines\"}]"));
    assert_null(strstr(h.text, "native"));
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\"}", h.id[2]);
    hears(&h, 1, "{\"came\":\"%s\"}\n", h.id[2]);
    snprintf(line, sizeof line, "{\"type\":\"leave-room\",\"ref\":\"r\"}");
    say(&h, 2, line);
    hears(&h, 2, "{\"type\":\"left-room\",\"ref\":\"r\"}");
    hears(&h, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[2]);
    hears(&h, 1, "{\"left\":\"%s\"}\n", h.id[2]);
    quiet(&h);
    stop(&h);
}

static void test_what_one_says_the_other_hears(void **state)
{
    (void)state;
    struct harness h;
    meet(&h);
    char line[512];
    snprintf(line, sizeof line, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":{\"a\":[1,2]},\"link\":\"l\"}", h.id[1]);
    say(&h, 0, line);
    hears(&h, 1, "{\"from\":\"%s\",\"said\":{\"a\":[1,2]}}\n", h.id[0]);
    snprintf(line, sizeof line, "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\",\"to\":\"%s\"}", h.id[1]);
    say(&h, 0, line);
    hears(&h, 1, "{\"from\":\"%s\",\"said\":\"v=0\\r\\n\"}\n", h.id[0]);
    snprintf(line, sizeof line, "{\"say\":{\"b\":null},\"to\":\"%s\"}", h.id[0]);
    say(&h, 1, line);
    hears(&h, 0, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":{\"b\":null}}", h.id[1]);
    enter_lines(&h, 2);
    say(&h, 2, "{\"join\":\"a\"}");
    snprintf(line, sizeof line, "{\"say\":7,\"to\":\"%s\"}", h.id[2]);
    say(&h, 1, line);
    hears(&h, 2, "{\"from\":\"%s\",\"said\":7}\n", h.id[1]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->relayed_total, 4);
    stop(&h);
}

/* Its number, as the answer to it. */
static void answer_question(struct harness *h, unsigned i)
{
    char line[128];
    assert_memory_equal(heard(h, i), "{\"there\":", 9);
    snprintf(line, sizeof line, "{\"here\":%.*s", (int)strcspn(h->text + 9, "\n"), h->text + 9);
    say(h, i, line);
}

/* The dialect asks in its own words, and its answer counts as a pong does. */
static void test_it_asks_for_itself(void **state)
{
    (void)state;
    struct harness h;
    meet(&h);
    wake(&h, h.now + 1000);
    pings(&h, 0);
    answer_question(&h, 1);
    quiet(&h);
    pong(&h, 0, h.ping);
    quiet(&h);
    wake(&h, h.now + 500); /* nobody is late */
    quiet(&h);
    wake(&h, h.now + 500);
    pings(&h, 0);
    assert_memory_equal(heard(&h, 1), "{\"there\":", 9);
    pong(&h, 0, h.ping);
    wake(&h, h.now + 500);
    closes(&h, 1, 1001, "no answer to ping");
    hears(&h, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[1]);
    quiet(&h);
    stop(&h);
}

static void test_back_in_the_same_dialect_only(void **state)
{
    (void)state;
    struct harness h;
    meet(&h);
    heard(&h, 1);
    struct token token = lines_token(&h);
    char line[RESUME_TOKEN_MAX + 32];
    signal_to(&h, 0, h.id[1]);
    heard(&h, 1);
    wake(&h, h.now + 1000);
    pings(&h, 0);
    answer_question(&h, 1); /* so that signal has arrived */
    pong(&h, 0, h.ping);
    gone(&h, 1, 0);
    hears(&h, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[1]);
    snprintf(line, sizeof line, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", h.id[1]);
    say(&h, 0, line); /* held in the dialect of who is away */
    enter(&h, 2);
    resume(&h, 2, &token);
    hears_error(&h, 2, ERROR_RESUME_FAILED, false);
    assert_non_null(strstr(h.text, "another dialect"));
    enter_lines(&h, 3);
    snprintf(line, sizeof line, "{\"back\":\"%s\"}", token.text);
    say(&h, 3, line);
    assert_memory_equal(heard(&h, 3), "{\"in\":\"a\",\"token\":\"", 19);
    assert_non_null(strstr(h.text, "\"whole\":true"));
    hears(&h, 3, "{\"from\":\"%s\",\"said\":1}\n", h.id[0]);
    hears(&h, 0, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"dialect\":\"lines\"}", h.id[1]);
    quiet(&h);
    stop(&h);
}

static unsigned written;

static void count_write(struct buf *out, const struct reply *r)
{
    written++;
    lines_write(out, r);
}

/* What a room hears is not written for those who are in another. */
static void test_written_where_it_is_spoken(void **state)
{
    (void)state;
    struct harness h;
    struct dialect counted = LINES;
    counted.mark = 'c';
    counted.write = count_write;
    meet(&h);
    enter_in(&h, 2, &counted);
    say(&h, 2, "{\"join\":\"b\"}");
    assert_memory_equal(heard(&h, 2), "{\"in\":\"b\"", 9);
    written = 0;
    enter_room(&h, 3, "a");
    gone(&h, 3, 1000);
    assert_int_equal(written, 0);
    enter_room(&h, 4, "b");
    hears(&h, 2, "{\"came\":\"%s\"}\n", h.id[4]);
    assert_int_equal(written, 1);
    stop(&h);
}

/* Nobody fails for what somebody's dialect cannot say. */
static void test_a_dialect_of_few_words(void **state)
{
    (void)state;
    struct harness h;
    struct dialect terse = LINES;
    terse.mark = 't';
    terse.replies = 1U << REPLY_WELCOME | 1U << REPLY_PEERS | 1U << REPLY_ERROR; /* nothing of others */
    meet(&h);
    enter_in(&h, 2, &terse);
    say(&h, 2, "{\"join\":\"a\"}");
    assert_memory_equal(heard(&h, 2), "{\"in\":\"a\"", 9);
    enter_room(&h, 3, "a");
    hears(&h, 1, "{\"came\":\"%s\"}\n", h.id[3]);
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\"}", h.id[3]);
    quiet(&h);
    uint64_t sent = core_stats(h.core)->frames_out;
    signal_to(&h, 0, h.id[2]);
    hears_error(&h, 0, ERROR_NO_SUCH_PEER, false);
    assert_non_null(strstr(h.text, "no words"));
    quiet(&h);
    assert_int_equal(core_stats(h.core)->frames_out, sent + 1);
    assert_int_equal(core_stats(h.core)->relayed_total, 0);
    gone(&h, 2, 0);
    signal_to(&h, 0, h.id[2]);
    hears_error(&h, 0, ERROR_NO_SUCH_PEER, false);
    assert_int_equal(core_stats(h.core)->held_bytes, 0);
    say(&h, 1, "{\"leave\":true}");
    hears(&h, 0, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[1]);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_hears_its_own),
        cmocka_unit_test(test_what_one_says_the_other_hears),
        cmocka_unit_test(test_it_asks_for_itself),
        cmocka_unit_test(test_back_in_the_same_dialect_only),
        cmocka_unit_test(test_written_where_it_is_spoken),
        cmocka_unit_test(test_a_dialect_of_few_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
