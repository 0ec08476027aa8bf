/* SPDX-License-Identifier: MIT
 *
 * conf/usherd.conf and usherd.conf(5) say of every option what the table says: its name under its section, its
 * meaning and its default; and nothing else. Runs from the project's root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ctype.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/config.h"

/* The whole file with every run of space, `#` at a line's start and roff's backslashes made one space or nothing. */
static char *read_words(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct buf text;
    buf_init(&text, 256 * 1024);
    bool space = true, start = true;
    for (int c; (c = getc(f)) != EOF;) {
        bool skip = isspace(c) || (start && c == '#');
        start = c == '\n';
        if (c == '\\')
            continue;
        if (skip && !space)
            buf_byte(&text, ' ');
        else if (!skip)
            buf_byte(&text, (char)c);
        space = skip;
    }
    fclose(f);
    char *words = buf_take(&text, NULL);
    assert_non_null(words);
    return words;
}

/* Finds the words behind `from` or fails; returns what follows. */
static const char *expect_after(const char *from, const char *words)
{
    const char *at = strstr(from, words);
    if (!at)
        fail_msg("\"%s\" is not documented, or not in its place", words);
    return at + strlen(words);
}

static void capitalised(const char *meaning, char *out, size_t size)
{
    snprintf(out, size, "%c%s.", toupper((unsigned char)meaning[0]), meaning + 1);
}

static void test_conf_file(void **state)
{
    (void)state;
    char *words = read_words("conf/usherd.conf");
    const char *at = words, *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        char text[1024];
        if (strcmp(section, o->section) != 0) {
            snprintf(text, sizeof text, "[%s]", o->section);
            at = expect_after(at, text);
            section = o->section;
        }
        capitalised(o->meaning, text, sizeof text);
        at = expect_after(at, text);
        struct buf allowed;
        buf_init(&allowed, sizeof text);
        option_allowed(o, &allowed);
        at = expect_after(at, allowed.p);
        buf_done(&allowed);
        snprintf(text, sizeof text, ") %s =%s%s ", o->key, *o->def ? " " : "", o->def);
        at = expect_after(at, text);
    }
    free(words);
}

/* With every # before an option removed it is a good file, and all defaults. */
static void test_conf_file_loads(void **state)
{
    (void)state;
    FILE *in = fopen("conf/usherd.conf", "r");
    assert_non_null(in);
    char path[] = "/tmp/usherd-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    size_t taken = 0;
    for (char line[512]; fgets(line, sizeof line, in);) {
        bool option = line[0] == '#' && islower((unsigned char)line[1]);
        taken += option;
        fputs(option ? line + 1 : line, out);
    }
    fclose(in);
    fclose(out);
    struct config *c = config_new();
    struct err e = {""};
    bool loaded = config_load_file(c, path, &e);
    unlink(path);
    if (!loaded)
        fail_msg("%s", e.text);
    assert_int_equal(taken, OPTION_COUNT);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        assert_false(config_changed(c, (enum option_id)i));
    config_free(c);
}

static void test_man_page(void **state)
{
    (void)state;
    char *words = read_words("docs/man/usherd.conf.5");
    const char *at = words, *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        char text[1024], meaning[512];
        if (strcmp(section, o->section) != 0) {
            snprintf(text, sizeof text, ".SH [%s]", o->section);
            at = expect_after(at, text);
            section = o->section;
        }
        capitalised(o->meaning, meaning, sizeof meaning);
        snprintf(text, sizeof text, ".TP .B %s %s .br Default: %s. ", o->key, meaning, *o->def ? o->def : "empty");
        at = expect_after(at, text);
    }
    free(words);
}

/* A default printed is the default as the table writes it. */
static void test_defaults_are_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        if (o->type == OPTION_TEXT || o->type == OPTION_LIST)
            continue;
        unsigned long long number = 0;
        assert_true(option_parse(o, o->def, &number));
        if (o->type != OPTION_ENUM) {
            assert_true(number >= o->least);
            assert_true(number <= o->most);
        }
        struct buf text;
        buf_init(&text, 256);
        option_format(o, number, &text);
        assert_string_equal(text.p, o->def);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_file),
        cmocka_unit_test(test_conf_file_loads),
        cmocka_unit_test(test_man_page),
        cmocka_unit_test(test_defaults_are_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
