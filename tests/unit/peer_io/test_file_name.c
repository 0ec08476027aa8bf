/* SPDX-License-Identifier: MIT
 *
 * Names that somebody sent, and what they are here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib.h>
#include <stdio.h>

#include "base/utf8.h"
#include "peer/io/file_name.h"
#include "protocol/file_tree.h"

static void test_safe(void **state)
{
    static const struct {
        const char *sent, *safe;
    } CASES[] = {
        {"report.pdf", "report.pdf"},
        {"a b.txt", "a b.txt"},
        {"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80.txt", "\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80.txt"},
        {"", "file"},
        {".", "file"},
        {"..", "file"},
        {"...", "file"},
        {"/", "file"},
        {" ", "file"},
        {"a/", "a"},
        {"../../etc/passwd", "passwd"},
        {"/etc/passwd", "passwd"},
        {"a/..", "file"},
        {"C:\\Users\\x\\y.txt", "y.txt"},
        {"a\\", "a"},
        {"a\nb\x1b[31m.txt", "a_b_[31m.txt"},
        {"a\x7f.txt", "a_.txt"},
        {"a\xc2\x85.txt", "a_.txt"},
        {"a\xe2\x80\xaetxt.exe", "a_txt.exe"}, /* U+202E turns the direction */
        {"a\xe2\x80\x8b.txt", "a_.txt"},       /* U+200B */
        {"a\xe2\x80\xa8.txt", "a_.txt"},       /* U+2028 */
        {"a\xc2\xa0.txt", "a .txt"},
        {"a\xff\xfe.txt", "a__.txt"},
        {"\xed\xa0\x80.txt", "___.txt"},
        {".bashrc", "_bashrc"},
        {"..x", "_.x"},
        {"-rf", "_rf"},
        {"a.txt. . ", "a.txt"},
        {"  a", "a"},
        {"CON", "_CON"},
        {"con.txt", "_con.txt"},
        {"nul .tar.gz", "_nul .tar.gz"},
        {"COM1", "_COM1"},
        {"lpt9.log", "_lpt9.log"},
        {"com\xc2\xb9", "_com\xc2\xb9"},
        {"COM10", "COM10"},
        {"xCON", "xCON"},
        {"console", "console"},
        {"a.part", "a.part_"},
        {"a.PART.map", "a.PART.map_"},
        {"a.part.d", "a.part.d_"},
        {"a.parts", "a.parts"},
    };
    char out[FILE_NAME_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        file_name_safe(span_of(CASES[i].sent), true, FILE_NAME_BASE_MAX, out);
        if (strcmp(out, CASES[i].safe) != 0)
            fail_msg("%s: %s instead of %s", CASES[i].sent, out, CASES[i].safe);
    }
    file_name_safe((struct span){"a\0b.txt", 7}, true, FILE_NAME_BASE_MAX, out);
    assert_string_equal(out, "a_b.txt");
    file_name_safe(SPAN("a\\b/c"), false, FILE_NAME_MAX, out);
    assert_string_equal(out, "a_b_c");
}

/* Whatever it was, it is one name that every rule holds for. */
static void check_rules(const char *name, size_t max)
{
    struct span s = span_of(name);
    assert_true(s.n > 0 && s.n <= max);
    assert_true(file_tree_name_valid(s));
    assert_true(*name != '.' && *name != '-' && *name != ' ');
    assert_true(name[s.n - 1] != '.' && name[s.n - 1] != ' ');
    assert_null(strchr(name, '\\'));
}

static void test_long(void **state)
{
    static char sent[20000];
    char out[FILE_NAME_MAX + 1];
    (void)state;
    memset(sent, 'n', 10000);
    strcpy(sent + 10000, ".pdf");
    file_name_safe(span_of(sent), true, FILE_NAME_BASE_MAX, out);
    assert_int_equal(strlen(out), FILE_NAME_BASE_MAX);
    assert_string_equal(out + FILE_NAME_BASE_MAX - 5, "n.pdf");
    file_name_safe(span_of(sent), false, FILE_NAME_MAX, out);
    assert_int_equal(strlen(out), FILE_NAME_MAX);
    for (size_t i = 0; i < 5000; i++)
        memcpy(sent + 3 * i, "\xe6\x97\xa5", 3);
    strcpy(sent + 15000, ".tar.gz");
    file_name_safe(span_of(sent), true, FILE_NAME_BASE_MAX, out);
    check_rules(out, FILE_NAME_BASE_MAX);
    assert_true(strlen(out) > FILE_NAME_BASE_MAX - 3);
    assert_string_equal(out + strlen(out) - 10, "\xe6\x97\xa5.tar.gz");
    memset(sent, ' ', 300);
    sent[0] = '.';
    strcpy(sent + 300, "x");
    file_name_safe(span_of(sent), true, FILE_NAME_BASE_MAX, out);
    check_rules(out, FILE_NAME_BASE_MAX);
    memset(sent, '.', 10000);
    file_name_safe((struct span){sent, 10000}, true, FILE_NAME_BASE_MAX, out);
    assert_string_equal(out, "file");
}

/* Random bytes, of which many are what rules are about. */
static void test_any(void **state)
{
    static const char *const PIECES[] = {".", " ", "-", "/", "\\", "CON", ".part", ".map", ".d", "\xff", "\xe2\x80\xae",
        "\xc3\xa4", "n", ".tar", ".gz", "\x01", "COM1", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
    char sent[2048], out[FILE_NAME_MAX + 1], again[FILE_NAME_MAX + 1];
    uint32_t x = 1;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = 0;
        unsigned pieces = (x >> 8) % 16;
        for (unsigned i = 0; i < pieces; i++) {
            x = x * 1664525u + 1013904223u;
            const char *piece = PIECES[(x >> 16) % (sizeof PIECES / sizeof *PIECES)];
            memcpy(sent + n, piece, strlen(piece));
            n += strlen(piece);
        }
        x = x * 1664525u + 1013904223u;
        size_t max = round % 2 ? FILE_NAME_BASE_MAX : FILE_NAME_MAX;
        file_name_safe((struct span){sent, n}, round % 2, max, out);
        check_rules(out, max);
        file_name_safe(span_of(out), round % 2, max, again);
        assert_string_equal(again, out);
        file_name_numbered(out, round % 99 + 1, max, again);
        check_rules(again, max);
        assert_string_not_equal(again, out);
    }
}

static void test_numbered(void **state)
{
    static const struct {
        const char *name, *numbered;
    } CASES[] = {{"a", "a (2)"}, {"a.txt", "a (2).txt"}, {"a.tar.gz", "a (2).tar.gz"}, {".tar.gz", ".tar (2).gz"},
        {"a.b.c", "a.b (2).c"}, {"a.no extension at all", "a.no extension at all (2)"}};
    char out[FILE_NAME_MAX + 1], name[FILE_NAME_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        file_name_numbered(CASES[i].name, 2, FILE_NAME_MAX, out);
        assert_string_equal(out, CASES[i].numbered);
    }
    memset(name, 'n', FILE_NAME_MAX);
    strcpy(name + FILE_NAME_MAX - 4, ".txt");
    file_name_numbered(name, 99, FILE_NAME_MAX, out);
    assert_int_equal(strlen(out), FILE_NAME_MAX);
    assert_string_equal(out + FILE_NAME_MAX - 10, "n (99).txt");
}

static void test_key(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } CASES[] = {{"a", "A", true}, {"\xc3\xa4", "a\xcc\x88", true}, {"\xc3\x84", "a\xcc\x88", true},
        {"stra\xc3\x9f"
         "e",
            "STRASSE", true},
        {"a", "b", false}, {"a", "\xc3\xa4", false}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *a = file_name_key(CASES[i].a), *b = file_name_key(CASES[i].b);
        assert_int_equal(strcmp(a, b) == 0, CASES[i].same);
        g_free(a);
        g_free(b);
    }
}

static void test_offered(void **state)
{
    char out[FILE_NAME_MAX + 1], name[FILE_NAME_MAX + 1];
    (void)state;
    file_name_offered(".a\xff\n-\xc2\x85", out);
    assert_string_equal(out, ".a__-_");
    memset(name, 0xff, FILE_NAME_MAX);
    name[FILE_NAME_MAX] = '\0';
    file_name_offered(name, out);
    assert_int_equal(strlen(out), FILE_NAME_MAX);
    assert_true(file_tree_name_valid(span_of(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_numbered),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
