/* SPDX-License-Identifier: MIT
 *
 * Each way of masking against one byte after the other, at every alignment, length and offset, with the bytes around
 * left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/mask.h"

enum {
    ALIGNMENTS = 32,
    LENGTHS = 150,
    ROOM = ALIGNMENTS + LENGTHS + 16
};

static const uint8_t KEY[MASK_KEY_BYTES] = {0x37, 0xfa, 0x21, 0x80};

static void fill(uint8_t *room)
{
    for (size_t i = 0; i < ROOM; i++)
        room[i] = (uint8_t)(i * 37 + 11);
}

static void compare(void (*way)(uint8_t *p, size_t n, uint32_t k), size_t from, size_t n, size_t at)
{
    _Alignas(32) uint8_t room[ROOM], expected[ROOM];
    fill(room);
    fill(expected);
    for (size_t i = 0; i < n; i++)
        expected[from + i] ^= KEY[(at + i) % 4];
    way(room + from, n, mask_turned(KEY, at));
    assert_memory_equal(room, expected, ROOM);
}

static void test_ways_agree(void **state)
{
    (void)state;
    for (size_t from = 0; from < ALIGNMENTS; from++)
        for (size_t n = 0; n < LENGTHS; n++)
            for (size_t at = 0; at < 4; at++) {
                compare(mask_words, from, n, at);
#ifdef __SSE2__
                compare(mask_vectors, from, n, at);
#endif
            }
}

static void test_in_pieces(void **state)
{
    (void)state;
    uint8_t whole[ROOM], pieces[ROOM];
    fill(whole);
    mask_apply(whole, ROOM, KEY, 0);
    for (size_t step = 1; step < ROOM; step++) {
        fill(pieces);
        for (size_t at = 0; at < ROOM; at += step)
            mask_apply(pieces + at, step < ROOM - at ? step : ROOM - at, KEY, at);
        assert_memory_equal(pieces, whole, ROOM);
    }
    mask_apply(whole, ROOM, KEY, 0);
    fill(pieces);
    assert_memory_equal(whole, pieces, ROOM);
}

/* RFC 6455 section 5.7. */
static void test_example_of_the_rfc(void **state)
{
    (void)state;
    uint8_t hello[] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};
    mask_apply(hello, sizeof hello, (const uint8_t[]){0x37, 0xfa, 0x21, 0x3d}, 0);
    assert_memory_equal(hello, "Hello", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_agree),
        cmocka_unit_test(test_in_pieces),
        cmocka_unit_test(test_example_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
