/* SPDX-License-Identifier: MIT
 *
 * From a sender's members to text and back, what a relay may change, bounds at the writer, and memory that runs out at
 * every allocation in turn. What text is refused is in the vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "protocol/envelope.h"

#define ANN "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOB "bbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct span TO[] = {{BOB, 26}};
static const struct envelope_tick CLOCK[] = {{{BOB, 26}, 4}, {{ANN, 26}, 9}};
static const struct envelope_attachment FILES[] = {{{"f1", 2}, {"a.txt", 5}, {NULL, 0}, 0, {NULL, 0}}};

static struct envelope direct(void)
{
    return (struct envelope){.type = ENVELOPE_DIRECT_MESSAGE,
        .id = SPAN("m1"),
        .from = SPAN(ANN),
        .to = TO,
        .to_count = 1,
        .text = SPAN("hi \"é\""),
        .attachments = FILES,
        .attachment_count = 1,
        .metadata = SPAN("{\"b\": 1, \"a\": [2]}"),
        .timestamp = 1700000000000,
        .sequence = 9,
        .clock = CLOCK,
        .clock_count = 2,
        .requires_ack = true,
        .ttl_ms = 60000,
        .conversation = SPAN("p:" ANN),
        .is_signed = true};
}

static struct buf room(void)
{
    struct buf b;
    buf_init(&b, 2 * PEER_MESSAGE_MAX);
    return b;
}

static bool writes(const struct envelope *e)
{
    struct buf b = room();
    bool ok = envelope_write(e, &b);
    buf_done(&b);
    return ok;
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct envelope sent = direct(), got;
    sent.signature[63] = 7;
    struct buf text = room();
    const char *problem = "";
    assert_true(envelope_write(&sent, &text));
    assert_true(envelope_parse(buf_view(&text), &got, &problem));
    assert_null(problem);
    assert_int_equal(got.type, ENVELOPE_DIRECT_MESSAGE);
    assert_true(span_is(got.type_name, "direct_message"));
    assert_true(span_is(got.id, "m1"));
    assert_int_equal(got.version, ENVELOPE_VERSION);
    assert_true(span_is(got.from, ANN));
    assert_int_equal(got.to_count, 1);
    assert_true(span_is(got.to[0], BOB));
    assert_int_equal(got.route_count, 0);
    assert_true(span_is(got.text, "hi \"é\""));
    assert_int_equal(got.attachment_count, 1);
    assert_true(span_is(got.attachments[0].file_id, "f1"));
    assert_true(span_is(got.attachments[0].name, "a.txt"));
    assert_int_equal(got.attachments[0].size, 0);
    assert_null(got.attachments[0].media_type.p);
    assert_true(span_is(got.metadata, "{\"a\":[2],\"b\":1}"));
    assert_true(got.timestamp == 1700000000000);
    assert_int_equal(got.sequence, 9);
    assert_int_equal(got.clock_count, 2);
    assert_true(span_is(got.clock[0].who, ANN));
    assert_int_equal(got.clock[0].count, 9);
    assert_true(got.requires_ack);
    assert_int_equal(got.ttl_ms, 60000);
    assert_true(span_is(got.conversation, "p:" ANN));
    assert_true(got.is_signed);
    assert_memory_equal(got.signature, sent.signature, sizeof sent.signature);
    envelope_done(&got);
    assert_null(got.owned);
    envelope_done(&got);
    buf_done(&text);
}

static void test_both_ends_sign_the_same(void **state)
{
    (void)state;
    struct envelope sent = direct(), got;
    struct buf text = room(), here = room(), there = room();
    assert_true(envelope_signed_bytes(&sent, &here));
    assert_true(envelope_write(&sent, &text));
    assert_true(envelope_parse(buf_view(&text), &got, NULL));
    assert_true(envelope_signed_bytes(&got, &there));
    assert_true(span_eq(buf_view(&here), buf_view(&there)));
    assert_null(strstr(here.p, "signature"));
    envelope_done(&got);
    buf_done(&text);
    buf_done(&here);
    buf_done(&there);
}

static void sign_with_length(void *ctx, struct span message, uint8_t signature[ENVELOPE_SIGNATURE_BYTES])
{
    *(struct span *)ctx = (struct span){strndup(message.p, message.n), message.n};
    memset(signature, (int)(message.n % 256), ENVELOPE_SIGNATURE_BYTES);
}

static void test_signed_and_written_at_once(void **state)
{
    (void)state;
    struct envelope sent = direct();
    struct buf bytes = room(), one = room(), other = room();
    struct span message;
    assert_true(envelope_signed_bytes(&sent, &bytes));
    sent.is_signed = false;
    assert_true(envelope_write_signed(&sent, sign_with_length, &message, &one));
    assert_true(span_eq(message, buf_view(&bytes)));
    free((char *)message.p);
    assert_true(sent.is_signed);
    assert_int_equal(sent.signature[63], bytes.len % 256);
    assert_true(envelope_write(&sent, &other));
    assert_true(span_eq(buf_view(&one), buf_view(&other)));
    sent.timestamp = ENVELOPE_NUMBER_MAX + 1;
    assert_false(envelope_write_signed(&sent, sign_with_length, &message, &one));
    assert_false(sent.is_signed);
    buf_done(&bytes);
    buf_done(&one);
    buf_done(&other);
}

static void test_the_least(void **state)
{
    (void)state;
    struct envelope e = {.type = ENVELOPE_DIRECT_MESSAGE, .id = SPAN("1"), .text = SPAN("")};
    struct buf text = room();
    assert_true(envelope_write(&e, &text));
    assert_string_equal(text.p, "{\"content\":{\"text\":\"\"},\"id\":\"1\",\"type\":\"direct_message\",\"version\":1}");
    struct envelope got;
    assert_true(envelope_parse(buf_view(&text), &got, NULL));
    assert_non_null(got.text.p);
    assert_false(got.is_signed);
    assert_null(got.from.p);
    envelope_done(&got);
    buf_done(&text);
}

static void test_a_relay_keeps_what_it_does_not_know(void **state)
{
    (void)state;
    struct envelope e, again;
    struct buf before = room(), text = room(), after = room();
    assert_true(envelope_parse(SPAN("{\"id\":\"1\",\"type\":\"wave\",\"later\":{\"x\":[null]},\"route\":[\"a\"],"
                                    "\"retryCount\":1,\"keys\":{\"b\":\"QUJD\"}}"),
        &e, NULL));
    assert_int_equal(e.type, ENVELOPE_UNKNOWN);
    assert_true(envelope_signed_bytes(&e, &before));
    assert_string_equal(before.p, "{\"id\":\"1\",\"later\":{\"x\":[null]},\"type\":\"wave\"}");
    const struct span route[] = {SPAN("a"), SPAN("r")};
    e.route = route;
    e.route_count = 2;
    e.retry_count++;
    assert_true(envelope_write(&e, &text));
    assert_string_equal(text.p, "{\"id\":\"1\",\"keys\":{\"b\":\"QUJD\"},\"later\":{\"x\":[null]},\"retryCount\":2,"
                                "\"route\":[\"a\",\"r\"],\"type\":\"wave\"}");
    assert_true(envelope_parse(buf_view(&text), &again, NULL));
    assert_true(envelope_signed_bytes(&again, &after));
    assert_true(span_eq(buf_view(&before), buf_view(&after)));
    envelope_done(&e);
    envelope_done(&again);
    buf_done(&before);
    buf_done(&text);
    buf_done(&after);
}

static void test_writer_holds_the_bounds(void **state)
{
    (void)state;
    char text[PEER_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    struct envelope e = direct();
    e.text = (struct span){text, PEER_TEXT_MAX};
    assert_true(writes(&e));
    e.text.n++;
    assert_false(writes(&e));
    e = direct();
    e.text = SPAN("\xff");
    assert_false(writes(&e));
    e = direct();
    e.sequence = 8; /* not what the clock says */
    assert_false(writes(&e));
    e = direct();
    e.timestamp = ENVELOPE_NUMBER_MAX;
    assert_true(writes(&e));
    e.timestamp++;
    assert_false(writes(&e));
    e = direct();
    e.metadata = SPAN("{\"a\":1.5}");
    assert_false(writes(&e));
    e = direct();
    e.metadata = SPAN("[]");
    assert_false(writes(&e));
    e = direct();
    e.ttl_ms = ENVELOPE_TTL_MAX_MS + 1;
    assert_false(writes(&e));
    e = direct();
    e.id = SPAN("");
    assert_false(writes(&e));
    e = direct();
    e.conversation = (struct span){NULL, 0};
    assert_false(writes(&e));
    const struct envelope_tick stranger[] = {{{"a b", 3}, 9}};
    e = direct();
    e.clock = stranger;
    e.clock_count = 1;
    assert_false(writes(&e));
}

/* Escaped, this text is six times as long: within its own bound, not within the message's. */
static void test_writer_holds_the_size(void **state)
{
    (void)state;
    char text[PEER_TEXT_MAX];
    memset(text, 1, sizeof text);
    struct envelope e = direct();
    e.text = (struct span){text, sizeof text};
    assert_false(writes(&e));
    e.text.n = 40000;
    assert_true(writes(&e));
}

static void test_too_little_room(void **state)
{
    (void)state;
    struct envelope e = direct();
    struct buf whole = room();
    assert_true(envelope_write(&e, &whole));
    struct buf b;
    buf_init(&b, whole.len - 1);
    assert_false(envelope_write(&e, &b));
    buf_done(&b);
    buf_init(&b, whole.len);
    assert_true(envelope_write(&e, &b));
    buf_done(&b);
    buf_done(&whole);
}

static void test_metadata(void **state)
{
    (void)state;
    struct envelope e;
    struct span text, ids[2];
    uint64_t n;
    assert_true(envelope_parse(SPAN("{\"id\":\"1\",\"type\":\"message_read\",\"content\":{\"metadata\":"
                                    "{\"of\":[\"x\",\"y\",\"z\"],\"s\":\"t\",\"n\":5,\"m\":-1,\"mixed\":[\"a\",1]}}}"),
        &e, NULL));
    assert_int_equal(envelope_strings(&e, "of", ids, 2), 3);
    assert_true(span_is(ids[1], "y"));
    assert_int_equal(envelope_strings(&e, "mixed", ids, 2), 0);
    assert_int_equal(envelope_strings(&e, "none", ids, 2), 0);
    assert_int_equal(envelope_strings(&e, "s", ids, 2), 0);
    assert_true(envelope_string(&e, "s", &text));
    assert_true(span_is(text, "t"));
    assert_false(envelope_string(&e, "n", &text));
    assert_false(envelope_string(&e, "none", &text));
    assert_true(envelope_number(&e, "n", &n));
    assert_int_equal(n, 5);
    assert_false(envelope_number(&e, "m", &n));
    assert_false(envelope_number(&e, "s", &n));
    envelope_done(&e);
    e = direct();
    assert_false(envelope_string(&e, "b", &text));
}

static void test_types(void **state)
{
    (void)state;
    for (enum envelope_type t = ENVELOPE_UNKNOWN; t < ENVELOPE_TYPES; t++) {
        assert_in_range(strlen(envelope_type_name(t)), t == ENVELOPE_UNKNOWN ? 0 : 1, ENVELOPE_TYPE_MAX);
        assert_int_equal(envelope_is_talk(t), t >= ENVELOPE_DIRECT_MESSAGE && t <= ENVELOPE_PRIVATE_MESSAGE);
    }
}

static void keep_text(void *ctx, struct span bytes, uint8_t hash[ENVELOPE_HASH_BYTES])
{
    buf_span(ctx, bytes);
    memset(hash, 0, ENVELOPE_HASH_BYTES);
}

static void test_conversations(void **state)
{
    (void)state;
    char out[ENVELOPE_CONVERSATION_MAX + 1], longest[ROOM_ID_MAX];
    envelope_room_conversation(SPAN("demo"), out);
    assert_string_equal(out, "room:demo");
    memset(longest, 'r', sizeof longest);
    envelope_room_conversation((struct span){longest, sizeof longest}, out);
    assert_int_equal(strlen(out), ENVELOPE_CONVERSATION_MAX);

    struct buf hashed = room();
    const struct span ids[] = {SPAN("b"), SPAN("ab"), SPAN("a"), SPAN("b")};
    envelope_people_conversation(ids, 4, keep_text, &hashed, out);
    assert_string_equal(hashed.p, "a\nab\nb");
    assert_string_equal(out, "p:aaaaaaaaaaaaaaaaaaaaaaaaaa");
    buf_reset(&hashed);

    struct span many[ENVELOPE_TO_MAX + 1];
    char names[ENVELOPE_TO_MAX + 1][ENVELOPE_PERSON_MAX + 1];
    for (int i = 0; i <= ENVELOPE_TO_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%0*d", ENVELOPE_PERSON_MAX, i);
        many[i] = span_of(names[i]);
    }
    envelope_people_conversation(many, ENVELOPE_TO_MAX + 1, keep_text, &hashed, out);
    assert_int_equal(hashed.len, (ENVELOPE_TO_MAX + 1) * (ENVELOPE_PERSON_MAX + 1) - 1);
    buf_done(&hashed);
}

static void test_ids(void **state)
{
    (void)state;
    char id[ENVELOPE_ID_MAX + 1];
    memset(id, 'a', sizeof id);
    assert_true(person_id_valid((struct span){id, ENVELOPE_PERSON_MAX}));
    assert_false(person_id_valid((struct span){id, ENVELOPE_PERSON_MAX + 1}));
    assert_true(envelope_id_valid((struct span){id, ENVELOPE_ID_MAX}));
    assert_false(envelope_id_valid((struct span){id, ENVELOPE_ID_MAX + 1}));
    assert_false(person_id_valid(SPAN("")));
    assert_false(person_id_valid(SPAN("a:b")));
    assert_true(envelope_id_valid(SPAN("a:b")));
    assert_false(envelope_id_valid(SPAN("a\0b")));
    assert_false(person_id_valid(SPAN("é")));
}

/* Jansson's allocator is global to the process; the countdown too, therefore. */
static long allocations_left;

static void *scarce_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

/* However little there is, no relay sends or checks less than what came. */
static void test_memory_runs_out_at_a_relay(void **state)
{
    (void)state;
    struct envelope sent = direct(), got;
    struct buf text = room(), bytes = room();
    assert_true(envelope_write(&sent, &text));
    assert_true(envelope_signed_bytes(&sent, &bytes));
    assert_true(envelope_parse(buf_view(&text), &got, NULL));
    json_set_alloc_funcs(scarce_malloc, free);
    bool ok = false;
    for (long n = 0; !ok; n++) {
        assert_in_range(n, 0, 10000);
        struct buf out = room();
        allocations_left = n;
        ok = envelope_write(&got, &out);
        assert_true(!ok || span_eq(buf_view(&out), buf_view(&text)));
        buf_reset(&out);
        allocations_left = n;
        assert_true(!envelope_signed_bytes(&got, &out) || span_eq(buf_view(&out), buf_view(&bytes)));
        buf_done(&out);
    }
    json_set_alloc_funcs(malloc, free);
    envelope_done(&got);
    buf_done(&text);
    buf_done(&bytes);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct envelope sent = direct();
    struct buf text = room();
    assert_true(envelope_write(&sent, &text));
    json_set_alloc_funcs(scarce_malloc, free);
    bool parsed = false, written = false;
    for (long n = 0; !parsed || !written; n++) {
        assert_in_range(n, 0, 10000);
        struct envelope got;
        const char *problem = NULL;
        allocations_left = n;
        parsed = envelope_parse(buf_view(&text), &got, &problem);
        assert_int_equal(parsed, problem == NULL);
        allocations_left = n;
        struct buf out = room();
        written = envelope_write(&sent, &out);
        assert_true(!written || span_eq(buf_view(&out), buf_view(&text)));
        buf_done(&out);
        envelope_done(&got);
    }
    json_set_alloc_funcs(malloc, free);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_both_ends_sign_the_same),
        cmocka_unit_test(test_signed_and_written_at_once),
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_a_relay_keeps_what_it_does_not_know),
        cmocka_unit_test(test_writer_holds_the_bounds),
        cmocka_unit_test(test_writer_holds_the_size),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_memory_runs_out_at_a_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
