/* SPDX-License-Identifier: MIT
 *
 * Keys out of bytes, however these are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <glib.h>
#include <string.h>

#include "peer/cli/keys.h"

/* Keys of a whole input, as letters: T for text, - for nothing, else the number as it is. */
static GString *take(const char *bytes, size_t n, size_t *used)
{
    GString *keys = g_string_new(NULL);
    enum key key;
    size_t one;
    *used = 0;
    while ((one = keys_next(bytes + *used, n - *used, &key)) > 0) {
        if (key != KEY_NOTHING)
            g_string_append_printf(keys, "%d ", key);
        *used += one;
        assert_true(*used <= n);
    }
    return keys;
}

static enum key only(const char *bytes)
{
    enum key key;
    assert_int_equal(keys_next(bytes, strlen(bytes), &key), strlen(bytes));
    return key;
}

static void test_keys(void **state)
{
    (void)state;
    assert_int_equal(only("a"), KEY_TEXT);
    assert_int_equal(only("é"), KEY_TEXT);
    assert_int_equal(only("田"), KEY_TEXT);
    assert_int_equal(only("🦊"), KEY_TEXT);
    assert_int_equal(only("\r"), KEY_ENTER);
    assert_int_equal(only("\n"), KEY_ENTER);
    assert_int_equal(only("\t"), KEY_TAB);
    assert_int_equal(only("\177"), KEY_BACKSPACE);
    assert_int_equal(only("\b"), KEY_BACKSPACE);
    assert_int_equal(only("\x01"), KEY_HOME);
    assert_int_equal(only("\x04"), KEY_DELETE_OR_LEAVE);
    assert_int_equal(only("\x12"), KEY_SEARCH);
    assert_int_equal(only("\033[A"), KEY_UP);
    assert_int_equal(only("\033OA"), KEY_UP);
    assert_int_equal(only("\033[3~"), KEY_DELETE);
    assert_int_equal(only("\033[1;5C"), KEY_WORD_RIGHT);
    assert_int_equal(only("\033b"), KEY_WORD_LEFT);
    assert_int_equal(only("\033\177"), KEY_WORD_BACKSPACE);
    assert_int_equal(only("\033[200~"), KEY_PASTE_BEGIN);
    assert_int_equal(only("\033[201~"), KEY_PASTE_END);
}

/* Function keys, the mouse, answers of terminals, controls without a meaning: nothing of them stays. */
static void test_keys_that_mean_nothing(void **state)
{
    (void)state;
    assert_int_equal(only("\033[15~"), KEY_NOTHING);
    assert_int_equal(only("\033OP"), KEY_NOTHING);
    assert_int_equal(only("\033[<35;10;20M"), KEY_NOTHING);
    assert_int_equal(only("\033[?1;2c"), KEY_NOTHING);
    assert_int_equal(only("\033x"), KEY_NOTHING);
    assert_int_equal(only("\x16"), KEY_NOTHING);
    assert_int_equal(only("\x18"), KEY_NOTHING);
    assert_int_equal(only("\xc2\x9b"), KEY_NOTHING); /* U+009B, a control of C1 */
}

static void test_what_is_no_utf8(void **state)
{
    enum key key;
    (void)state;
    assert_int_equal(keys_next("\xff", 1, &key), 1);
    assert_int_equal(key, KEY_NOTHING);
    assert_int_equal(keys_next("\x80"
                               "abc",
                         4, &key),
        1);
    assert_int_equal(key, KEY_NOTHING);
    assert_int_equal(keys_next("\xc3"
                               "abc",
                         4, &key),
        1);
    assert_int_equal(key, KEY_NOTHING);
    assert_int_equal(keys_next("\xc3", 1, &key), 0);
    assert_int_equal(keys_next("\0", 1, &key), 1);
    assert_int_equal(keys_next("\xe4\0z", 3, &key), 1); /* it does not wait for ever */
}

/* An ESC waits for what follows, and is taken with it; a second one begins again. */
static void test_escape(void **state)
{
    enum key key;
    (void)state;
    assert_int_equal(keys_next("\033", 1, &key), 0);
    assert_int_equal(keys_next("\033[", 2, &key), 0);
    assert_int_equal(keys_next("\033[1;", 4, &key), 0);
    assert_int_equal(keys_next("\033\033[A", 4, &key), 1);
    assert_int_equal(key, KEY_NOTHING);
    assert_int_equal(keys_next("\033[1\033[A", 6, &key), 3); /* it was broken off */
    assert_int_equal(key, KEY_NOTHING);
}

static void test_a_sequence_without_an_end(void **state)
{
    char bytes[100] = "\033[";
    enum key key;
    (void)state;
    memset(bytes + 2, '1', sizeof bytes - 2);
    assert_int_equal(keys_next(bytes, KEYS_BYTES_MAX - 1, &key), 0);
    assert_int_equal(keys_next(bytes, sizeof bytes, &key), KEYS_BYTES_MAX);
    assert_int_equal(key, KEY_NOTHING);
}

static void test_wherever_it_is_cut(void **state)
{
    static const char ALL[] = "ab\033[Aé\033[1;5C\033[200~田\n🦊\033[201~\r\033b\033[15~z\x12";
    size_t used, n = sizeof ALL - 1;
    GString *whole = take(ALL, n, &used);
    (void)state;
    assert_int_equal(used, n);
    for (size_t cut = 1; cut < n; cut++) {
        size_t before, behind;
        GString *keys = take(ALL, cut, &before);
        assert_true(cut - before < KEYS_BYTES_MAX);
        GString *more = take(ALL + before, n - before, &behind);
        g_string_append(keys, more->str);
        assert_string_equal(keys->str, whole->str);
        g_string_free(keys, TRUE);
        g_string_free(more, TRUE);
    }
    g_string_free(whole, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_that_mean_nothing),
        cmocka_unit_test(test_what_is_no_utf8),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_a_sequence_without_an_end),
        cmocka_unit_test(test_wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
