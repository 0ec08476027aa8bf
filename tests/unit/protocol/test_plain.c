/* SPDX-License-Identifier: MIT
 *
 * Each way of passing plain text against one byte after the other: every byte value at every place, at every alignment
 * and length. The text ends where its block ends, so that ASan sees a look behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/plain.h"

enum {
    ALIGNMENTS = 16,
    LENGTHS = 52
};

static const unsigned char *slow(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p >= ' ' && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

static void agree(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *expected = slow(p, end);
    assert_ptr_equal(plain_skip_words(p, end), expected);
#ifdef __SSE2__
    assert_ptr_equal(plain_skip_vectors(p, end), expected);
#endif
    assert_ptr_equal(plain_skip(p, end), expected);
}

static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned n = 0; n < LENGTHS; n++) {
        unsigned char *block = malloc(n + 1); /* a block of no bytes may be NULL */
        assert_non_null(block);
        unsigned char *text = block + 1;
        memset(text, 'x', n);
        agree(text, text + n);
        for (unsigned at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                text[at] = (unsigned char)byte;
                agree(text, text + n);
            }
            text[at] = 'x';
        }
        free(block);
    }
}

/* A byte that stops the scan must not hide one before it. */
static void test_two_that_are_not_plain(void **state)
{
    (void)state;
    static const unsigned char STOPS[] = {'"', '\\', 0, 0x1f, 0x7f, 0x80, 0xff, ' ', '!', '#', '[', ']'};
    unsigned char room[ALIGNMENTS + LENGTHS];
    for (unsigned from = 0; from < ALIGNMENTS; from++)
        for (unsigned first = 0; first < LENGTHS; first++)
            for (unsigned second = first; second < LENGTHS; second++)
                for (unsigned i = 0; i < sizeof STOPS; i++) {
                    memset(room, 'a', sizeof room);
                    room[from + first] = STOPS[i];
                    room[from + second] = STOPS[(i + second) % sizeof STOPS];
                    agree(room + from, room + from + LENGTHS);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_two_that_are_not_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
