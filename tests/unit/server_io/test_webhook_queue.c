/* SPDX-License-Identifier: MIT
 *
 * The queue of one receiver of webhooks, on a clock that the test moves: what is a batch, what is tried again and when,
 * what goes where room is short. And a long random history against a plain model of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/io/webhook_queue.h"
#include "tests/faults.h"

enum {
    PLACE = 24 + sizeof(struct frame) /* what keeping an event takes at least, besides its text */
};

struct bench {
    struct rng_seeded seed;
    struct rng rng;
    struct webhook_queue *q;
    uint64_t now;
    char id[ID_CHARS + 1], last_id[ID_CHARS + 1];
    struct buf body;
};

static void begin(struct bench *b)
{
    *b = (struct bench){.now = 1000};
    rng_seeded_init(&b->seed, 3);
    b->rng = rng_seeded_port(&b->seed);
    b->q = webhook_queue_new(&b->rng);
    assert_non_null(b->q);
    buf_init(&b->body, WEBHOOK_BODY_MAX);
}

static void end(struct bench *b)
{
    webhook_queue_free(b->q);
    buf_done(&b->body);
}

/* An event of n bytes, all of them `c`. */
static void put_long(struct bench *b, char c, size_t n)
{
    struct frame *f = frame_raw(n);
    memset(frame_payload(f), c, n);
    webhook_queue_put(b->q, f, b->now);
}

static void put(struct bench *b, const char *text)
{
    for (; *text; text++)
        put_long(b, *text, 1);
}

static void is_due(const struct bench *b, uint64_t in_ms)
{
    assert_int_equal(webhook_queue_due(b->q), b->now + in_ms);
}

static void never_due(const struct bench *b)
{
    assert_true(webhook_queue_due(b->q) == UINT64_MAX);
}

static void try_now(struct bench *b)
{
    assert_true(webhook_queue_due(b->q) <= b->now);
    buf_reset(&b->body);
    memcpy(b->last_id, b->id, sizeof b->id);
    webhook_queue_begin(b->q, b->now, &b->body, b->id);
    assert_int_equal(strlen(b->id), ID_CHARS);
    never_due(b);
}

static void tries(struct bench *b, const char *body)
{
    try_now(b);
    assert_string_equal(b->body.p, body);
}

static void ends(struct bench *b, enum webhook_outcome outcome)
{
    webhook_queue_end(b->q, outcome, 0, b->now);
}

static bool same_id(const struct bench *b)
{
    return strcmp(b->id, b->last_id) == 0;
}

/* Goes to the time of the next try, which is between `least` and `most` away. */
static void waits(struct bench *b, uint64_t least, uint64_t most)
{
    uint64_t due = webhook_queue_due(b->q);
    assert_in_range(due, b->now + least, b->now + most);
    b->now = due;
}

static void test_a_batch_is_gathered(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    never_due(&b);
    put(&b, "a");
    is_due(&b, WEBHOOK_GATHER_MS);
    b.now += 60;
    put(&b, "bc");
    is_due(&b, WEBHOOK_GATHER_MS - 60);
    b.now += WEBHOOK_GATHER_MS - 60;
    tries(&b, "a,b,c");
    put(&b, "d");
    never_due(&b);
    ends(&b, WEBHOOK_DELIVERED);
    is_due(&b, WEBHOOK_GATHER_MS);
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "d");
    assert_false(same_id(&b));
    ends(&b, WEBHOOK_DELIVERED);
    never_due(&b);
    struct webhook_counts n = webhook_queue_counts(b.q);
    assert_int_equal(n.delivered, 4);
    assert_int_equal(n.failed + n.dropped + n.events + n.bytes, 0);
    end(&b);
}

/* A full one does not wait for more. */
static void test_a_batch_is_bounded(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    for (int i = 0; i < 3; i++)
        put_long(&b, (char)('a' + i), WEBHOOK_BATCH_BYTES / 2 - 1);
    assert_true(webhook_queue_due(b.q) <= b.now);
    try_now(&b);
    assert_int_equal(b.body.len, WEBHOOK_BATCH_BYTES - 1); /* two, and a comma */
    ends(&b, WEBHOOK_DELIVERED);
    b.now += WEBHOOK_GATHER_MS;
    try_now(&b);
    assert_int_equal(b.body.p[0], 'c');
    ends(&b, WEBHOOK_DELIVERED);
    put_long(&b, 'd', WEBHOOK_BATCH_BYTES + 1); /* one alone may be longer */
    put(&b, "e");
    try_now(&b);
    assert_int_equal(b.body.len, WEBHOOK_BATCH_BYTES + 1);
    end(&b);
}

static void test_a_batch_is_tried_again(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "ab");
    b.now += WEBHOOK_GATHER_MS;
    uint64_t first = b.now;
    tries(&b, "a,b");
    put(&b, "c");
    for (uint64_t ms = WEBHOOK_RETRY_LEAST_MS; b.now - first < WEBHOOK_KEPT_MS; ms *= 2) {
        ends(&b, WEBHOOK_FAILED);
        ms = ms < WEBHOOK_RETRY_MOST_MS ? ms : WEBHOOK_RETRY_MOST_MS;
        waits(&b, ms / 2, ms);
        tries(&b, "a,b");
        assert_true(same_id(&b));
    }
    ends(&b, WEBHOOK_FAILED); /* too old */
    assert_int_equal(webhook_queue_counts(b.q).dropped, 2);
    waits(&b, WEBHOOK_RETRY_MOST_MS / 2, WEBHOOK_RETRY_MOST_MS);
    tries(&b, "c");
    assert_false(same_id(&b));
    ends(&b, WEBHOOK_FAILED); /* its own first failure */
    waits(&b, WEBHOOK_RETRY_LEAST_MS / 2, WEBHOOK_RETRY_LEAST_MS);
    tries(&b, "c");
    ends(&b, WEBHOOK_DELIVERED);
    put(&b, "d");
    is_due(&b, WEBHOOK_GATHER_MS);
    end(&b);
}

static void test_the_receiver_says_when(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "a");
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "a");
    webhook_queue_end(b.q, WEBHOOK_FAILED, 7000, b.now);
    is_due(&b, 7000);
    b.now += 7000;
    tries(&b, "a");
    webhook_queue_end(b.q, WEBHOOK_FAILED, 10, b.now);
    waits(&b, WEBHOOK_RETRY_LEAST_MS, 2 * WEBHOOK_RETRY_LEAST_MS);
    tries(&b, "a");
    webhook_queue_end(b.q, WEBHOOK_FAILED, 86400000, b.now);
    is_due(&b, WEBHOOK_RETRY_MOST_MS);
    end(&b);
}

static void test_what_is_refused_goes(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "ab");
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "a,b");
    put(&b, "c");
    ends(&b, WEBHOOK_REFUSED);
    assert_int_equal(webhook_queue_counts(b.q).dropped, 2);
    assert_int_equal(webhook_queue_counts(b.q).failed, 1);
    waits(&b, WEBHOOK_RETRY_LEAST_MS / 2, WEBHOOK_RETRY_LEAST_MS); /* not as fast as it refuses */
    tries(&b, "c");
    ends(&b, WEBHOOK_TOO_LARGE); /* one alone cannot be less */
    assert_int_equal(webhook_queue_counts(b.q).dropped, 3);
    never_due(&b);
    end(&b);
}

static void test_what_is_too_large_is_halved(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "abcd");
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "a,b,c,d");
    ends(&b, WEBHOOK_TOO_LARGE);
    waits(&b, WEBHOOK_RETRY_LEAST_MS / 2, WEBHOOK_RETRY_LEAST_MS);
    tries(&b, "a,b");
    assert_false(same_id(&b)); /* it took none of the other */
    ends(&b, WEBHOOK_DELIVERED);
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "c,d"); /* from now on */
    assert_int_equal(webhook_queue_counts(b.q).dropped, 0);
    end(&b);
}

static void test_the_oldest_batch_goes(void **state)
{
    (void)state;
    enum {
        EACH = WEBHOOK_BATCH_BYTES / 2 - 100
    }; /* two are a batch */
    struct bench b;
    begin(&b);
    unsigned fits = WEBHOOK_QUEUE_BYTES / (EACH + PLACE);
    for (unsigned i = 0; i < fits; i++)
        put_long(&b, (char)('0' + i), EACH);
    assert_int_equal(webhook_queue_counts(b.q).events, fits);
    try_now(&b); /* 0 and 1 are under way: they stay */
    put_long(&b, 'x', EACH);
    assert_int_equal(webhook_queue_counts(b.q).dropped, 2);
    ends(&b, WEBHOOK_FAILED);
    waits(&b, 0, WEBHOOK_RETRY_LEAST_MS);
    try_now(&b);
    assert_true(same_id(&b));
    assert_int_equal(b.body.p[EACH + 1], '1');
    ends(&b, WEBHOOK_FAILED); /* they wait: they are the oldest */
    put_long(&b, 'y', EACH);
    put_long(&b, 'z', EACH);
    assert_int_equal(webhook_queue_counts(b.q).dropped, 4);
    assert_int_equal(webhook_queue_counts(b.q).events, fits - 1);
    b.now = webhook_queue_due(b.q);
    try_now(&b);
    assert_false(same_id(&b));
    assert_int_equal(b.body.p[0], '4'); /* 2 and 3 went first */
    assert_true(webhook_queue_counts(b.q).bytes <= WEBHOOK_QUEUE_BYTES);
    end(&b);
}

static void test_the_number_is_bounded(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    for (unsigned i = 0; i < WEBHOOK_QUEUE_EVENTS; i++)
        put(&b, "a");
    assert_int_equal(webhook_queue_counts(b.q).dropped, 0);
    put(&b, "b");
    uint64_t dropped = webhook_queue_counts(b.q).dropped;
    assert_true(dropped > 0); /* all of them: so short ones are one batch */
    assert_int_equal(webhook_queue_counts(b.q).events, WEBHOOK_QUEUE_EVENTS + 1 - dropped);
    end(&b);
}

static void test_a_hurry(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    put(&b, "a");
    b.now += WEBHOOK_GATHER_MS;
    for (int i = 0; i < 8; i++) {
        tries(&b, "a");
        ends(&b, WEBHOOK_FAILED);
        waits(&b, 0, WEBHOOK_RETRY_MOST_MS);
    }
    tries(&b, "a");
    webhook_queue_hurry(b.q);
    webhook_queue_end(b.q, WEBHOOK_FAILED, 50000, b.now);
    waits(&b, WEBHOOK_RETRY_LEAST_MS / 2, WEBHOOK_RETRY_LEAST_MS);
    tries(&b, "a");
    ends(&b, WEBHOOK_DELIVERED);
    put(&b, "b");
    is_due(&b, 0 - b.now); /* at once */
    end(&b);
    begin(&b);
    put(&b, "a");
    b.now += WEBHOOK_GATHER_MS;
    tries(&b, "a");
    ends(&b, WEBHOOK_FAILED);
    webhook_queue_hurry(b.q);
    tries(&b, "a");
    end(&b);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct frame *f = frame_raw(1);
    *frame_payload(f) = 'a';
    faults.countdown = 0;
    webhook_queue_put(b.q, f, b.now);
    assert_int_equal(webhook_queue_counts(b.q).dropped, 1);
    never_due(&b);
    faults.countdown = 0;
    assert_null(webhook_queue_new(&b.rng));
    end(&b);
}

/* Numbered events against a receiver that does as it likes: each is delivered, dropped or waits; what is delivered is in
 * order, and a try with the id of an earlier one has the same events. */
static void test_a_long_history(void **state)
{
    (void)state;
    enum {
        STEPS = 200000
    };
    struct bench b;
    uint64_t put_n = 0, next_least = 0, tried_first = 0;
    size_t tried_bytes = 0;
    bool under_way = false;
    begin(&b);
    for (int i = 0; i < STEPS; i++) {
        uint32_t lot = rng_below(&b.rng, 100);
        if (lot < 60) {
            char text[64];
            struct frame *f = frame_raw(8 + rng_below(&b.rng, lot < 2 ? 90000 : 400));
            memset(frame_payload(f), ' ', f->len);
            memcpy(frame_payload(f), text, (size_t)snprintf(text, sizeof text, "%08llu", (unsigned long long)put_n++));
            webhook_queue_put(b.q, f, b.now);
        } else if (under_way) {
            static const enum webhook_outcome OUTCOMES[] = {WEBHOOK_DELIVERED, WEBHOOK_DELIVERED, WEBHOOK_FAILED,
                WEBHOOK_FAILED, WEBHOOK_REFUSED, WEBHOOK_TOO_LARGE};
            enum webhook_outcome o = OUTCOMES[rng_below(&b.rng, lot == 99 ? 6 : 5)];
            ends(&b, o);
            under_way = false;
            next_least = tried_first + (o == WEBHOOK_DELIVERED);
        } else if (webhook_queue_due(b.q) != UINT64_MAX) {
            b.now = webhook_queue_due(b.q) > b.now ? webhook_queue_due(b.q) : b.now;
            try_now(&b);
            uint64_t first = strtoull(b.body.p, NULL, 10);
            assert_true(first >= next_least);
            if (same_id(&b)) {
                assert_int_equal(first, tried_first);
                assert_int_equal(b.body.len, tried_bytes);
            }
            tried_first = first;
            tried_bytes = b.body.len;
            under_way = true;
        }
        b.now += rng_below(&b.rng, 30);
        struct webhook_counts n = webhook_queue_counts(b.q);
        assert_int_equal(n.delivered + n.dropped + n.events, put_n);
        assert_true(n.events <= WEBHOOK_QUEUE_EVENTS && n.bytes <= WEBHOOK_QUEUE_BYTES);
    }
    struct webhook_counts n = webhook_queue_counts(b.q);
    assert_true(n.delivered > 1000 && n.dropped > 1000 && n.failed > 1000);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_is_gathered),
        cmocka_unit_test(test_a_batch_is_bounded),
        cmocka_unit_test(test_a_batch_is_tried_again),
        cmocka_unit_test(test_the_receiver_says_when),
        cmocka_unit_test(test_what_is_refused_goes),
        cmocka_unit_test(test_what_is_too_large_is_halved),
        cmocka_unit_test(test_the_oldest_batch_goes),
        cmocka_unit_test(test_the_number_is_bounded),
        cmocka_unit_test(test_a_hurry),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_a_long_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
