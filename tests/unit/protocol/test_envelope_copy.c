/* SPDX-License-Identifier: MIT
 *
 * A copy for one reader, made of the text alone, is byte for byte what would be written of the parsed message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/envelope.h"

#define ANN "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOB "bbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CID "cccccccccccccccccccccccccc"

static const struct span TO[] = {{BOB, 26}, {CID, 26}, {"keys", 4}};
/* Ids that look like members of the message. */
static const struct envelope_tick CLOCK[] = {
    {{ANN, 26}, 9}, {{"keys", 4}, 1}, {{"route", 5}, 1}, {{"sequence", 8}, 4}, {{"retryCount", 10}, 4}};
static const struct envelope_key KEYS[] = {
    {{BOB, 26}, {"Ym9i", 4}}, {{CID, 26}, {"Y2lk", 4}}, {{"keys", 4}, {"aw", 2}}};

static struct envelope sealed(void)
{
    return (struct envelope){.type = ENVELOPE_PRIVATE_MESSAGE,
        .id = SPAN("m1"),
        .from = SPAN(ANN),
        .to = TO,
        .to_count = 3,
        .timestamp = 1700000000000,
        .sequence = 9,
        .clock = CLOCK,
        .clock_count = 5,
        .since = CLOCK,
        .since_count = 5,
        .requires_ack = true,
        .ttl_ms = 60000,
        .keys = KEYS,
        .key_count = 3,
        .encrypted = SPAN("c2VhbGVk"),
        .conversation = SPAN("p:" ANN),
        .is_signed = true};
}

static struct buf room(void)
{
    struct buf b;
    buf_init(&b, PEER_MESSAGE_MAX);
    return b;
}

/* What a relay would write that had parsed the message. */
static void write_parsed(struct span text, struct span reader, uint32_t retry_count, struct span route, struct buf *out)
{
    struct envelope e;
    const struct envelope_key *keys;
    assert_true(envelope_parse(text, &e, NULL));
    size_t n = e.key_count;
    keys = e.keys;
    e.key_count = 0;
    for (size_t i = 0; i < n; i++)
        if (span_eq(keys[i].who, reader)) {
            e.keys = &keys[i];
            e.key_count = 1;
        }
    e.retry_count = retry_count;
    e.route = &route;
    e.route_count = route.n > 0;
    assert_true(envelope_write(&e, out));
    envelope_done(&e);
}

static void assert_copied(const struct envelope *e, struct span reader, uint32_t retry_count, struct span route)
{
    struct buf text = room(), copy = room(), parsed = room();
    assert_true(envelope_write(e, &text));
    write_parsed(buf_view(&text), reader, retry_count, route, &parsed);
    assert_true(envelope_copy_for(buf_view(&text), reader, retry_count, route, &copy));
    assert_string_equal(copy.p, parsed.p);
    buf_done(&text);
    buf_done(&copy);
    buf_done(&parsed);
}

static void assert_copied_each_way(const struct envelope *e)
{
    static const char *const readers[] = {BOB, CID, "keys", ANN};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        struct span reader = span_of(readers[i]);
        assert_copied(e, reader, 0, SPAN(""));
        assert_copied(e, reader, 3, SPAN(""));
        assert_copied(e, reader, 0, SPAN(ANN));
        assert_copied(e, reader, 1000000, SPAN(ANN));
    }
}

static void test_as_if_parsed(void **state)
{
    (void)state;
    static const struct span before[] = {{"x", 1}, {"y", 1}};
    struct envelope e = sealed();
    assert_copied_each_way(&e);
    e.key_count = 1;
    assert_copied_each_way(&e);
    e.key_count = 0;
    assert_copied_each_way(&e);
    e = sealed();
    e.requires_ack = false;
    e.since_count = 0;
    e.ttl_ms = 0;
    assert_copied_each_way(&e);
    /* What a copy of a copy had is another's. */
    e.retry_count = 7;
    e.route = before;
    e.route_count = 2;
    e.hops = 2;
    assert_copied_each_way(&e);
    e = sealed();
    e.type = ENVELOPE_GROUP_MESSAGE;
    e.to_count = 0;
    e.conversation = SPAN("room:keys");
    assert_copied_each_way(&e);
}

/* Quotes, braces and members within content are no members of the message. */
static void test_content_in_the_clear(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"", "\\", "\\\"", "{[", "}],", "\",\"keys\":{\"" BOB "\":\"x\"},\"sequence\":1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct envelope e = sealed();
        e.encrypted = (struct span){0};
        e.text = span_of(texts[i]);
        e.metadata = SPAN("{\"keys\":{\"a\":[{}]},\"sequence\":2,\"retryCount\":[[1]],\"x\":\"\\\"}\"}");
        assert_copied_each_way(&e);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct envelope e = sealed();
    struct buf text = room(), copy = room();
    assert_true(envelope_write(&e, &text));
    /* Cut short anywhere, or with something behind it. */
    for (size_t n = 0; n < text.len; n++) {
        char *exact = malloc(n + 1); /* the sanitizers see what is read behind it */
        memcpy(exact, text.p, n);
        buf_reset(&copy);
        assert_false(envelope_copy_for((struct span){exact, n}, SPAN(BOB), 0, SPAN(""), &copy));
        free(exact);
    }
    buf_byte(&text, ' ');
    buf_reset(&copy);
    assert_false(envelope_copy_for(buf_view(&text), SPAN(BOB), 0, SPAN(""), &copy));
    buf_reset(&copy);
    assert_false(envelope_copy_for(SPAN("{\"id\":\"1\",\"type\":\"direct_message\"}"), SPAN(BOB), 0, SPAN(""), &copy));
    buf_done(&copy);
    buf_init(&copy, 64);
    text.len--;
    assert_false(envelope_copy_for(buf_view(&text), SPAN(BOB), 0, SPAN(""), &copy));
    buf_done(&copy);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_if_parsed),
        cmocka_unit_test(test_content_in_the_clear),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
