/* SPDX-License-Identifier: MIT
 *
 * Known names: remembered over restarts, whatever is in them, and bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer/io/known.h"
#include "tests/unit/peer_io/scratch.h"

struct seen {
    size_t n;
    char first[160], last[160];
    char last_id[64];
};

static void see(void *user, struct span name, struct span id)
{
    struct seen *s = user;
    char *at = s->n++ == 0 ? s->first : s->last;
    snprintf(at, sizeof s->last, "%.*s", (int)name.n, name.p);
    snprintf(s->last_id, sizeof s->last_id, "%.*s", (int)id.n, id.p);
}

static struct seen look(const struct known *k)
{
    struct seen s = {0};
    known_each(k, see, &s);
    return s;
}

static void remembers(void **state)
{
    struct scratch *d = *state;
    struct err err;
    struct known *k = known_open(d->path, &err);
    assert_int_equal(look(k).n, 0);
    assert_true(known_remember(k, "ann", "aaaa", &err));
    assert_true(known_remember(k, "two\nlines \"quoted\" \\ é", "bbbb", &err));
    known_free(k);
    k = known_open(d->path, &err);
    struct seen s = look(k);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.first, "ann");
    assert_string_equal(s.last, "two\nlines \"quoted\" \\ é");
    assert_string_equal(s.last_id, "bbbb");
    known_free(k);
}

static void lets_the_later_win(void **state)
{
    struct scratch *d = *state;
    struct err err;
    struct known *k = known_open(d->path, &err);
    assert_true(known_remember(k, "ann", "old", &err));
    assert_true(known_remember(k, "ann", "new", &err));
    known_free(k);
    k = known_open(d->path, &err);
    assert_int_equal(look(k).n, 1);
    assert_string_equal(look(k).last_id, "new");
    known_free(k);
}

static void counts_damaged_lines(void **state)
{
    struct scratch *d = *state;
    struct err err;
    scratch_write(d, "known", "nonsense\n \"x\"\nid unquoted\nid 7\nok \"ann\"\nb@d \"ben\"\nhalf \"be", 0600);
    struct known *k = known_open(d->path, &err);
    assert_int_equal(look(k).n, 1);
    assert_string_equal(look(k).first, "ann");
    assert_int_equal(known_unread(k), 6);
    /* What is appended behind half a line is a line of its own. */
    assert_true(known_remember(k, "cid", "cccc", &err));
    assert_true(known_remember(k, "dot", "dddd", &err));
    known_free(k);
    k = known_open(d->path, &err);
    assert_int_equal(look(k).n, 3);
    assert_int_equal(known_unread(k), 6);
    known_free(k);
}

static void forgets_the_oldest(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char name[32];
    struct known *k = known_open(d->path, &err);
    for (int i = 0; i < 2 * KNOWN_MAX + 10; i++) { /* far enough for the file to be written anew */
        snprintf(name, sizeof name, "name %d", i);
        assert_true(known_remember(k, name, "someone", &err));
    }
    assert_int_equal(look(k).n, KNOWN_MAX);
    known_free(k);
    k = known_open(d->path, &err);
    struct seen s = look(k);
    assert_int_equal(s.n, KNOWN_MAX);
    assert_string_equal(s.last, name);
    known_free(k);
}

static void says_what_it_cannot_write(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char gone[SCRATCH_PATH];
    scratch_path(d, "gone", gone);
    struct known *k = known_open(gone, &err);
    assert_non_null(k);
    assert_false(known_remember(k, "ann", "aaaa", &err));
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(look(k).n, 1);
    known_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(remembers, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(lets_the_later_win, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(counts_damaged_lines, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(forgets_the_oldest, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(says_what_it_cannot_write, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
