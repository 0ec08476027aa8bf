/* SPDX-License-Identifier: MIT
 *
 * The WebSocket reader: the table of ws_cases.h, each row whole, cut in two at every byte, a byte at a time and in
 * pieces of random sizes, under a mask of zeros and under random ones: the facts must be the same. Every piece is a
 * block of exactly its size, so that ASan sees a step past its end. Then what it costs, and what it does without
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protocol/ws_reader.h"
#include "tests/faults.h"
#include "tests/unit/protocol/ws_cases.h"
#include "tests/unit/protocol/ws_stream.h"

enum {
    FACTS_MAX = 16 * 1024,
    SHORT_STREAM = 400, /* one that is cut at every byte */
    X_SHOWN = 40        /* a longer run of x is shown as its length */
};

/* ---- showing what was read ---- */

static void show_bytes(struct buf *facts, struct span s)
{
    size_t x = 0, shown = 0;
    for (size_t i = 0; i < s.n; i++) {
        x += s.p[i] == 'x';
        shown += s.p[i] > ' ' && s.p[i] < 0x7f;
    }
    if (x == s.n && x > X_SHOWN) {
        buf_printf(facts, "*%zu", x);
    } else if (shown == s.n) {
        buf_printf(facts, ":%.*s", (int)s.n, s.n ? s.p : "");
    } else {
        buf_byte(facts, '=');
        for (size_t i = 0; i < s.n; i++)
            buf_printf(facts, "%02x", (unsigned)(uint8_t)s.p[i]);
    }
}

static void show_violation(struct buf *facts, const struct ws_message *m)
{
    size_t n = strlen(m->problem);
    const char *section = strstr(m->problem, "RFC 6455 section ");
    assert_in_range(n, 1, WS_PROBLEM_MAX);
    assert_non_null(section);
    section += strlen("RFC 6455 section ");
    buf_printf(facts, "V%u/%.*s", m->code, (int)strcspn(section, ")"), section);
}

static void show(struct buf *facts, enum ws_fact fact, const struct ws_message *m)
{
    if (facts->len > 0)
        buf_byte(facts, ' ');
    switch (fact) {
    case WS_TEXT:
    case WS_PING:
    case WS_PONG:
        buf_byte(facts, fact == WS_TEXT ? 'T' : fact == WS_PING ? 'I' : 'O');
        show_bytes(facts, m->bytes);
        break;
    case WS_CLOSE:
        buf_printf(facts, "C%u", m->code);
        show_bytes(facts, m->bytes);
        break;
    case WS_REFUSED:
        buf_printf(facts, "R%c", "BLF"[m->refusal]);
        break;
    case WS_VIOLATION:
        show_violation(facts, m);
        break;
    default:
        buf_text(facts, "no memory");
    }
}

/* ---- reading ---- */

struct stream {
    struct ws_partial *partial;
    struct ws_limits limits;
    struct buf facts;
    size_t came;
};

static struct stream stream_of(size_t message_max, unsigned fragments_max)
{
    struct stream s = {.limits = {message_max ? message_max : 65536, fragments_max ? fragments_max : 1024}};
    buf_init(&s.facts, FACTS_MAX);
    return s;
}

static void stream_done(struct stream *s)
{
    ws_partial_free(s->partial);
    buf_done(&s->facts);
}

/* A dead reader costs nothing, and is not at its beginning either. */
static bool is_dead(const struct stream *s)
{
    return s->partial && ws_partial_bytes(s->partial) == 0;
}

static enum ws_fact feed(struct stream *s, const void *bytes, size_t n)
{
    uint8_t *block = malloc(n ? n : 1);
    assert_non_null(block);
    if (n)
        memcpy(block, bytes, n);
    struct ws_input in = {block, n};
    struct ws_message m;
    enum ws_fact fact, last = WS_MORE;
    while ((fact = ws_next(&s->partial, &in, &s->limits, &m)) != WS_MORE) {
        show(&s->facts, fact, &m);
        /* What is not used up is as it came. */
        assert_memory_equal(in.p, (const uint8_t *)bytes + (n - in.n), in.n);
        last = fact;
    }
    assert_int_equal(in.n, 0);
    assert_ptr_equal(in.p, block + n);
    s->came += n;
    /* The struct, and the bytes of a message that may double. */
    assert_in_range(ws_partial_bytes(s->partial), 0, 512 + 2 * s->came);
    free(block);
    return last;
}

static void expect_facts(struct stream *s, const struct ws_case *c, const char *how, size_t where)
{
    if (ws_partial_bytes(s->partial) > 0)
        buf_text(&s->facts, s->facts.len ? " +" : "+");
    buf_text(&s->facts, "");
    bool dead = strchr(c->expected, 'V') || strchr(c->expected, 'C');
    const char *got = s->facts.p ? s->facts.p : "";
    if (s->facts.failed || strcmp(got, c->expected) != 0 || is_dead(s) != dead)
        fail_msg("%s (%s), %s %zu: %.2000s%s", c->name, c->sent, how, where, got, is_dead(s) ? " dead" : "");
    stream_done(s);
}

static void cut_in_two(const struct ws_case *c, struct span stream, size_t at)
{
    struct stream s = stream_of(c->message_max, c->fragments_max);
    feed(&s, stream.p, at);
    feed(&s, stream.p + at, stream.n - at);
    expect_facts(&s, c, "cut at", at);
}

static void cut_in_pieces(const struct ws_case *c, struct span stream, size_t piece, const struct rng *sizes)
{
    struct stream s = stream_of(c->message_max, c->fragments_max);
    for (size_t at = 0, n; at < stream.n; at += n) {
        n = sizes ? rng_below(sizes, (uint32_t)piece) : piece;
        if (n > stream.n - at)
            n = stream.n - at;
        feed(&s, stream.p + at, n);
    }
    expect_facts(&s, c, sizes ? "random pieces up to" : "pieces of", piece);
}

/* Of a long stream: at its beginning, at its end and here and there between. */
static bool cut_here(size_t at, size_t n)
{
    return n <= SHORT_STREAM || at < 20 || n - at < 20 || at % (n / 20) == 7;
}

static void play(const struct ws_case *c, const struct rng *masks, const struct rng *random)
{
    struct buf stream = make_stream(c->sent, masks);
    struct span all = stream.len ? buf_view(&stream) : SPAN("");
    cut_in_two(c, all, 0);
    for (size_t at = 1; at < all.n; at++)
        if (cut_here(at, all.n))
            cut_in_two(c, all, at);
    cut_in_pieces(c, all, 1, NULL);
    cut_in_pieces(c, all, 3, NULL);
    cut_in_pieces(c, all, 1460, NULL);
    for (unsigned i = 0; i < 3; i++)
        cut_in_pieces(c, all, 20u << (4 * i), random);
    buf_done(&stream);
}

static void test_table(void **state)
{
    (void)state;
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng random = rng_seeded_port(&seed);
    for (size_t i = 0; i < WS_CASES_N; i++) {
        play(&WS_CASES[i], NULL, &random);
        play(&WS_CASES[i], &random, &random);
    }
}

static void test_every_close_code(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 0xffff; code++) {
        uint8_t close[] = {0x88, 0x82, 0, 0, 0, 0, (uint8_t)(code >> 8), (uint8_t)code};
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code < 5000);
        struct ws_partial *partial = NULL;
        struct ws_input in = {close, sizeof close};
        struct ws_message m;
        enum ws_fact fact = ws_next(&partial, &in, &(struct ws_limits){100, 1}, &m);
        assert_int_equal(fact, good ? WS_CLOSE : WS_VIOLATION);
        assert_int_equal(m.code, good ? code : WS_CODE_PROTOCOL);
        ws_partial_free(partial);
    }
}

static void test_every_pair_of_first_bytes(void **state)
{
    (void)state;
    for (unsigned first = 0; first <= 0xff; first++)
        for (unsigned second = 0; second <= 0xff; second++) {
            uint8_t head[] = {(uint8_t)first, (uint8_t)second};
            struct ws_partial *partial = NULL;
            struct ws_input in = {head, sizeof head};
            struct ws_message m;
            bool data = first == 0x81 || first == 0x82 || first == 0x01 || first == 0x02;
            bool control = first == 0x88 || first == 0x89 || first == 0x8a;
            bool good = second >= 0x80 && (data || (control && second <= 0xfd));
            assert_int_equal(ws_next(&partial, &in, &(struct ws_limits){100, 1}, &m), good ? WS_MORE : WS_VIOLATION);
            ws_partial_free(partial);
        }
}

static void test_a_limit_of_nothing(void **state)
{
    (void)state;
    struct stream s = stream_of(0, 0);
    s.limits.message_max = 0;
    struct buf stream = make_stream("81: 81:xx 01: 80: 01: 80:x 81:", NULL);
    feed(&s, stream.p, stream.len);
    expect_facts(&s, &(struct ws_case){"a limit of nothing", "", "T: RL RL RL T: RL RL T:", 0, 0}, "whole", 0);
    buf_done(&stream);
}

/* ---- what it costs ---- */

static void test_a_whole_message_costs_nothing(void **state)
{
    (void)state;
    struct buf stream = make_stream("81*1200 89:ping 81*70000 8a: 81: 88=03e8:bye", NULL);
    struct ws_partial *partial = NULL;
    struct ws_input in = {(uint8_t *)stream.p, stream.len};
    struct ws_message m;
    const enum ws_fact facts[] = {WS_TEXT, WS_PING, WS_TEXT, WS_PONG, WS_TEXT, WS_CLOSE, WS_MORE};
    long made = faults.made;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        assert_int_equal(ws_next(&partial, &in, &(struct ws_limits){100000, 1}, &m), facts[i]);
        if (facts[i] != WS_MORE) /* it lies in the input, just before what comes next */
            assert_ptr_equal(m.bytes.p + m.bytes.n, facts[i] == WS_CLOSE ? stream.p + stream.len : (char *)in.p);
        assert_int_equal(ws_partial_bytes(partial), 0);
    }
    assert_int_equal(faults.made, made);
    ws_partial_free(partial);
    buf_done(&stream);
}

static void test_memory_follows_what_came(void **state)
{
    (void)state;
    struct stream s = stream_of(4194304, 0);
    struct buf stream = make_stream("81*1048576", NULL);
    long made = faults.made;
    size_t grown = 0, had = 0;
    feed(&s, stream.p, 14);
    assert_in_range(ws_partial_bytes(s.partial), 1, 512);
    struct ws_limits limits = s.limits;
    struct ws_message m;
    for (size_t i = 14; i < stream.len; i++) {
        struct ws_input in = {(uint8_t *)stream.p + i, 1};
        enum ws_fact fact = ws_next(&s.partial, &in, &limits, &m);
        assert_int_equal(fact, i + 1 < stream.len ? WS_MORE : WS_TEXT);
        grown += ws_partial_bytes(s.partial) != had;
        had = ws_partial_bytes(s.partial);
        assert_in_range(had, i - 14, 2 * i + 512);
    }
    assert_in_range(grown, 1, 20);
    assert_in_range(faults.made - made, 1, 25);
    assert_in_range(had, 1048576, 1048576 + 512); /* its last frame says how much is needed */
    assert_int_equal(m.bytes.n, 1048576);
    assert_int_equal(feed(&s, NULL, 0), WS_MORE);
    assert_null(s.partial);
    stream_done(&s);
    buf_done(&stream);
}

static void test_many_fragments_grow_by_doubling(void **state)
{
    (void)state;
    struct stream s = stream_of(1048576, 0);
    struct buf stream = make_stream("01*1000 00*1000^1000", NULL);
    long made = faults.made;
    feed(&s, stream.p, stream.len);
    assert_in_range(faults.made - made, 1, 20);
    assert_in_range(ws_partial_bytes(s.partial), 1001000, 1048576 + 512);
    stream_done(&s);
    buf_done(&stream);
}

/* A message that is refused leaves nothing but the struct, and when it is over not even that. */
static void test_a_refused_message_is_not_kept(void **state)
{
    (void)state;
    struct stream s = stream_of(1000, 0);
    struct buf stream = make_stream("01*900 00*900 00*900", NULL), end = make_stream("80:x", NULL);
    feed(&s, stream.p, stream.len);
    assert_in_range(ws_partial_bytes(s.partial), 1, 512);
    feed(&s, end.p, end.len);
    assert_null(s.partial);
    stream_done(&s);
    buf_done(&stream);
    buf_done(&end);
}

/* A reload brings other limits: a frame that was let in is finished, the next is judged by them. */
static void test_limits_change_between_calls(void **state)
{
    (void)state;
    struct stream s = stream_of(1000, 0);
    struct buf begin = make_stream("01*600", NULL), more = make_stream("00*10 80*10", NULL);
    feed(&s, begin.p, begin.len - 100);
    s.limits.message_max = 10;
    feed(&s, begin.p + begin.len - 100, 100);
    feed(&s, more.p, more.len);
    expect_facts(&s, &(struct ws_case){"smaller", "", "RL RL", 0, 0}, "after", 600);
    s = stream_of(1000, 0);
    feed(&s, begin.p, begin.len - 100);
    s.limits.message_max = 100000;
    feed(&s, begin.p + begin.len - 100, 100);
    feed(&s, more.p, more.len);
    expect_facts(&s, &(struct ws_case){"larger", "", "T*620", 0, 0}, "after", 600);
    buf_done(&begin);
    buf_done(&more);
}

/* ---- without memory ---- */

/* Sends a byte at a time; true if it got through. */
static bool trickle(const struct buf *stream, struct stream *s)
{
    for (size_t i = 0; i < stream->len; i++) {
        struct ws_input in = {(uint8_t *)stream->p + i, 1};
        struct ws_message m;
        enum ws_fact fact;
        while ((fact = ws_next(&s->partial, &in, &s->limits, &m)) != WS_MORE && fact != WS_NO_MEMORY)
            ;
        if (fact == WS_NO_MEMORY) {
            assert_true(is_dead(s));
            return false;
        }
    }
    return true;
}

static void test_allocations_fail(void **state)
{
    (void)state;
    /* Zeros for masks: the stream is read again and again, and must not change. */
    struct buf stream =
        make_stream("81:abc 89:ping 01*100 89*125 00*1000 80*3000 82*10 81*70000 81*5000 88=03e8", NULL);
    long failed = 0;
    bool through = false;
    while (!through && failed < 100) {
        struct stream s = stream_of(0, 0);
        faults.countdown = failed++;
        through = trickle(&stream, &s);
        faults.countdown = -1;
        if (!through) { /* nothing is read any more */
            struct buf behind = make_stream("81:a 89:b", NULL);
            assert_int_equal(feed(&s, behind.p, behind.len), WS_MORE);
            buf_done(&behind);
        }
        stream_done(&s);
    }
    assert_true(through);
    assert_in_range(failed, 15, 50);
    buf_done(&stream);
}

/* What needs no memory works without: whole frames, and to say that a rule is broken. */
static void test_without_memory(void **state)
{
    (void)state;
    struct buf good = make_stream("81*300 89:a", NULL), bad = make_stream("81:a ff:x", NULL);
    struct ws_limits limits = {1000, 1};
    struct ws_message m;
    struct ws_partial *partial = NULL;
    struct ws_input in = {(uint8_t *)good.p, good.len};
    faults.countdown = 0;
    enum ws_fact text = ws_next(&partial, &in, &limits, &m), ping = ws_next(&partial, &in, &limits, &m);
    enum ws_fact more = ws_next(&partial, &in, &limits, &m);
    in = (struct ws_input){(uint8_t *)bad.p, bad.len};
    ws_next(&partial, &in, &limits, &m);
    enum ws_fact violation = ws_next(&partial, &in, &limits, &m);
    bool asked = faults.countdown != 0;
    faults.countdown = -1;
    assert_false(asked);
    assert_int_equal(text, WS_TEXT);
    assert_int_equal(ping, WS_PING);
    assert_int_equal(more, WS_MORE);
    assert_int_equal(violation, WS_VIOLATION);
    ws_partial_free(partial);
    buf_done(&good);
    buf_done(&bad);
}

static void test_free_takes_null(void **state)
{
    (void)state;
    ws_partial_free(NULL);
    assert_int_equal(ws_partial_bytes(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_close_code),
        cmocka_unit_test(test_every_pair_of_first_bytes),
        cmocka_unit_test(test_a_limit_of_nothing),
        cmocka_unit_test(test_a_whole_message_costs_nothing),
        cmocka_unit_test(test_memory_follows_what_came),
        cmocka_unit_test(test_many_fragments_grow_by_doubling),
        cmocka_unit_test(test_a_refused_message_is_not_kept),
        cmocka_unit_test(test_limits_change_between_calls),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_free_takes_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
