/* SPDX-License-Identifier: MIT
 *
 * The tables on disk, on a real SQLite: what they keep, what a commit promises, and what a crash may take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "tests/unit/peer_io/stored.h"

enum {
    TEXT_MAX = 512 * 1024
};

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    size_t n;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (!in) /* there may be no WAL */
        return;
    assert_non_null(out);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    chmod(to, 0600);
}

/* What a crash would leave now, in a folder of its own. */
static void crash_copy(const struct scratch *d, char to[SCRATCH_PATH])
{
    static const char *const FILES[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-journal"};
    char from[SCRATCH_PATH], copy[SCRATCH_PATH + 32];
    scratch_path(d, "crashed", to);
    mkdir(to, 0700);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        scratch_path(d, FILES[i], from);
        snprintf(copy, sizeof copy, "%s/%s", to, FILES[i]);
        copy_file(from, copy);
    }
}

/* ---- rows ---- */

static void keeps_what_was_put(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char path[SCRATCH_PATH];
    struct stat st;
    struct store *s = opened(d->path);
    put(s, TABLE_CLOCK, "b", "2");
    put(s, TABLE_CLOCK, "a", "1");
    put(s, TABLE_CLOCK, "c", "3");
    put(s, TABLE_CLOCK, "b", "two");
    put(s, TABLE_LOG, "a", "elsewhere");
    assert_true(store_delete(s, TABLE_CLOCK, SPAN("c"), &err));
    assert_true(store_delete(s, TABLE_CLOCK, SPAN("never there"), &err));
    commit(s);
    commit(s);
    store_close(s);
    scratch_path(d, STORE_FILE, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    scratch_path(d, STORE_FILE "-wal", path);
    assert_int_not_equal(stat(path, &st), 0); /* one file when nobody uses it */
    s = opened(d->path);
    assert_string_equal(all(s, TABLE_CLOCK), "a=1 b=two");
    assert_string_equal(all(s, TABLE_LOG), "a=elsewhere");
    store_close(s);
}

static void loads_ranges(void **state)
{
    struct scratch *d = *state;
    struct store *s = opened(d->path);
    const char *keys[] = {"a/1", "a/2", "a/3", "a0", "b", "\xc3\xa9"};
    for (size_t i = 0; i < 6; i++)
        put(s, TABLE_MESSAGE, keys[i], "v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a/", "a0", 10, false), "a/1=v a/2=v a/3=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a/2", "a/3", 10, false), "a/2=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a/", "a0", 2, false), "a/1=v a/2=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a/", "a0", 2, true), "a/3=v a/2=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a1", "", 10, false), "b=v \xc3\xa9=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "", "", 1, true), "\xc3\xa9=v");
    assert_string_equal(found(s, TABLE_MESSAGE, "a/3", "a/3", 10, false), "");
    assert_string_equal(found(s, TABLE_MESSAGE, "", "", 0, false), "");
    store_close(s);
}

static void bounds_a_load(void **state)
{
    struct scratch *d = *state;
    struct store *s = opened(d->path);
    struct store_rows rows;
    struct err err;
    char key[32];
    for (int i = 0; i < ROWS_MAX + 5; i++) {
        snprintf(key, sizeof key, "%06d", i);
        put(s, TABLE_LOG, key, "");
    }
    assert_true(store_load(s, TABLE_LOG, SPAN(""), SPAN(""), UINT32_MAX, false, &rows, &err));
    assert_int_equal(rows.n, ROWS_MAX);
    store_rows_free(&rows);
    store_close(s);
}

struct restored {
    char text[512];
    size_t n;
};

static void restore_one(void *user, enum peer_table table, const struct peer_row *row)
{
    struct restored *r = user;
    r->n += (size_t)snprintf(r->text + r->n, sizeof r->text - r->n, "%d:%.*s=%.*s ", (int)table, (int)row->key.n,
        row->key.p, (int)row->value.n, row->value.p);
}

static void restores_in_order(void **state)
{
    struct scratch *d = *state;
    struct restored r = {.n = 0};
    struct err err;
    char want[128];
    struct store *s = opened(d->path);
    put(s, TABLE_CUSTODY, "x", "7");
    put(s, TABLE_CONVERSATION, "b", "2");
    put(s, TABLE_CONVERSATION, "a", "1");
    put(s, TABLE_CLOCK, "a", "");
    put(s, TABLE_MESSAGE, "not", "restored");
    put(s, TABLE_LOG, "nor", "this");
    put(s, TABLE_ID, "nor", "that");
    store_close(s);
    s = opened(d->path);
    assert_true(store_restore(s, restore_one, &r, &err));
    snprintf(want, sizeof want, "%d:a=1 %d:b=2 %d:a= %d:x=7 ", TABLE_CONVERSATION, TABLE_CONVERSATION, TABLE_CLOCK,
        TABLE_CUSTODY);
    assert_string_equal(r.text, want);
    store_close(s);
}

/* One that is nowhere has what was put into it, and leaves nothing. */
static void may_be_nowhere(void **state)
{
    struct scratch *d = *state;
    struct err err;
    struct store_rows rows;
    char path[SCRATCH_PATH];
    for (int i = 0; i < 2; i++) {
        struct store *s = store_open_nowhere(&err);
        assert_non_null(s);
        assert_true(store_load(s, TABLE_CLOCK, SPAN("a"), SPAN("z"), 8, false, &rows, &err));
        assert_int_equal(rows.n, 0);
        store_rows_free(&rows);
        put(s, TABLE_CLOCK, "b", "2");
        assert_true(store_commit(s, &err));
        assert_true(store_load(s, TABLE_CLOCK, SPAN("a"), SPAN("z"), 8, false, &rows, &err));
        assert_int_equal(rows.n, 1);
        store_rows_free(&rows);
        store_close(s);
    }
    scratch_path(d, STORE_FILE, path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void takes_any_text(void **state)
{
    struct scratch *d = *state;
    struct store_rows rows;
    struct err err;
    char key[ROW_KEY_MAX], *value = malloc(TEXT_MAX);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (char)(i % 3 ? 0x01 + i % 0x7e : '\'');
    for (size_t i = 0; i < TEXT_MAX; i++)
        value[i] = (char)(i * 7 % 128); /* NUL, quotes, line ends: all below 128 */
    struct span k = {key, sizeof key}, v = {value, TEXT_MAX};
    struct store *s = opened(d->path);
    assert_true(store_put(s, TABLE_WAIT, k, v, &err));
    assert_true(store_put(s, TABLE_WAIT, SPAN("a\0b"), SPAN("\0"), &err));
    store_close(s);
    s = opened(d->path);
    assert_true(store_load(s, TABLE_WAIT, k, SPAN("a"), 2, false, &rows, &err));
    assert_int_equal(rows.n, 1);
    assert_true(span_eq(rows.rows[0].key, k));
    assert_true(span_eq(rows.rows[0].value, v));
    store_rows_free(&rows);
    assert_true(store_load(s, TABLE_WAIT, SPAN("a\0b"), SPAN("a\0c"), 2, false, &rows, &err));
    assert_int_equal(rows.n, 1);
    assert_true(span_eq(rows.rows[0].value, SPAN("\0")));
    store_rows_free(&rows);
    store_close(s);
    free(value);
}

/* ---- crashes ---- */

static void loses_only_the_uncommitted(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char copy[SCRATCH_PATH];
    struct store *s = opened(d->path);
    put(s, TABLE_REF, "first", "1");
    commit(s);
    put(s, TABLE_REF, "second", "2");
    assert_true(store_delete(s, TABLE_REF, SPAN("first"), &err));
    assert_string_equal(all(s, TABLE_REF), "second=2"); /* a load sees it already */
    crash_copy(d, copy);
    struct store *after = opened(copy);
    assert_string_equal(all(after, TABLE_REF), "first=1");
    store_close(after);
    commit(s);
    crash_copy(d, copy);
    after = opened(copy);
    assert_string_equal(all(after, TABLE_REF), "second=2");
    store_close(after);
    store_close(s);
}

static void commits_when_closed(void **state)
{
    struct scratch *d = *state;
    struct store *s = opened(d->path);
    put(s, TABLE_REF, "a", "1");
    store_close(s);
    s = opened(d->path);
    assert_string_equal(all(s, TABLE_REF), "a=1");
    store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_was_put),
        TEST(loads_ranges),
        TEST(bounds_a_load),
        TEST(restores_in_order),
        TEST(takes_any_text),
        TEST(may_be_nowhere),
        TEST(loses_only_the_uncommitted),
        TEST(commits_when_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
