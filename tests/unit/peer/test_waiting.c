/* SPDX-License-Identifier: MIT
 *
 * What waits keeps what is needed of its message, and nothing of the memory that the message came in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/core/message/waiting.h"

static struct envelope message(char *bytes, struct span *to)
{
    memcpy(bytes, "m1annhellobobcid", 16);
    to[0] = (struct span){bytes + 10, 3};
    to[1] = (struct span){bytes + 13, 3};
    return (struct envelope){.type = ENVELOPE_PRIVATE_MESSAGE,
        .id = {bytes, 2},
        .from = {bytes + 2, 3},
        .text = {bytes + 5, 5},
        .to = to,
        .to_count = 2,
        .sequence = 7,
        .timestamp = 8,
        .ttl_ms = 9,
        .requires_ack = true};
}

static void test_what_is_kept(void **state)
{
    (void)state;
    char bytes[16];
    struct span to[2];
    struct envelope e = message(bytes, to), said;
    struct waiting *w = waiting_new(&e, true, false);
    assert_non_null(w);
    memset(bytes, 'x', sizeof bytes);
    memset(to, 0, sizeof to);
    said = waiting_said(w);
    assert_int_equal(said.type, ENVELOPE_PRIVATE_MESSAGE);
    assert_true(span_is(said.id, "m1") && span_is(said.from, "ann") && span_is(said.text, "hello"));
    assert_int_equal(said.to_count, 2);
    assert_true(span_is(said.to[0], "bob") && span_is(said.to[1], "cid"));
    assert_int_equal(said.sequence, 7);
    assert_int_equal(said.timestamp, 8);
    assert_int_equal(said.ttl_ms, 9);
    assert_true(said.requires_ack && w->ours && !w->kept);
    assert_true(w->size >= sizeof *w + sizeof to + sizeof bytes);
    waiting_free(w);
}

/* An absent text is no empty one. */
static void test_what_is_absent(void **state)
{
    (void)state;
    char bytes[16];
    struct span to[2];
    struct envelope e = message(bytes, to);
    e.text = (struct span){0};
    e.to_count = 0;
    struct waiting *w = waiting_new(&e, false, true);
    assert_non_null(w);
    assert_null(w->text.p);
    assert_true(w->kept && !w->ours);
    waiting_free(w);
    e.text = (struct span){bytes, 0};
    w = waiting_new(&e, true, false);
    assert_non_null(w);
    assert_non_null(w->text.p);
    assert_int_equal(w->text.n, 0);
    waiting_free(w);
    waiting_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_what_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
