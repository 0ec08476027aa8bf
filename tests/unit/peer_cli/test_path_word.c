/* SPDX-License-Identifier: MIT
 *
 * Names of files as they are typed behind /send, and what Tab makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/cli/path_word.h"

static void is_read(const char *text, const char *word, const char *behind)
{
    const char *rest;
    char *got = path_word(text, &rest);
    assert_string_equal(got, word);
    assert_string_equal(rest, behind);
    g_free(got);
}

static void test_read(void **state)
{
    (void)state;
    is_read("", "", "");
    is_read("  ", "", "");
    is_read("a.txt", "a.txt", "");
    is_read("  a.txt   Ann Lee", "a.txt", "Ann Lee");
    is_read("my\\ file ben", "my file", "ben");
    is_read("\"my file\" ben", "my file", "ben");
    is_read("'a \\ b' ben", "a \\ b", "ben");
    is_read("\"a \\\" b\"", "a \" b", "");
    is_read("\"not closed ben", "not closed ben", "");
    is_read("a\\", "a\\", "");
    is_read("pre\"my file\"'.txt' x", "premy file.txt", "x");
    gchar *home = g_strconcat(g_get_home_dir(), "/x", NULL);
    is_read("~/x", home, "");
    g_free(home);
    is_read("\\~/x", "~/x", "");
    is_read("~x", "~x", "");
}

static void make(const char *dir, const char *name, bool folder)
{
    gchar *path = g_build_filename(dir, name, NULL);
    assert_true(folder ? mkdir(path, 0700) == 0 : g_file_set_contents(path, "", 0, NULL));
    g_free(path);
}

static gint compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What Tab finds, with a comma between. */
static void completes(const char *text, size_t from, const char *expected)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
    assert_int_equal(path_word_complete(text, found), from);
    g_ptr_array_sort(found, compare);
    g_ptr_array_add(found, NULL);
    gchar *list = g_strjoinv(",", (gchar **)found->pdata);
    assert_string_equal(list, expected);
    g_free(list);
    g_ptr_array_unref(found);
}

static void test_complete(void **state)
{
    (void)state;
    char dir[] = "/tmp/usher-test-XXXXXX", before[1024];
    assert_non_null(mkdtemp(dir));
    assert_true(getcwd(before, sizeof before));
    for (const char *const *name =
             (const char *const[]){"my file", "my'way", "mine\x1b[2J", "bad\xff", ".hidden", "~odd", NULL};
         *name; name++)
        make(dir, *name, false);
    make(dir, "my folder", true);
    make(dir, "my folder/in it", false);
    assert_int_equal(chdir(dir), 0);
    completes("my", 0, "my\\ file,my\\ folder/,my\\'way");
    completes("  my\\ f", 2, "my\\ file,my\\ folder/");
    completes("my\\ folder/", 0, "my\\ folder/in\\ it");
    completes("x my\\ folder/i", 2, "my\\ folder/in\\ it");
    completes("\"my fo\"", 0, "my\\ folder/");
    completes("\"my fo", 0, ""); /* Tab does not know whether more is to come */
    completes("b", 0, "");
    completes(".h", 0, ".hidden");
    completes("\\~", 0, "\\~odd");
    completes("nowhere/", 0, "");
    assert_int_equal(chdir(before), 0);
    gchar *command = g_strdup_printf("rm -r %s", dir);
    assert_int_equal(system(command), 0);
    g_free(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
