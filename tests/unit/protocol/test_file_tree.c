/* SPDX-License-Identifier: MIT
 *
 * The list of a folder: what is written is read, byte for byte the same, and nothing else is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "protocol/file_tree.h"

#define HEAD "usher-tree 1 "

/* With the length that it has. */
static struct span listed(const char *lines, char *out, size_t room)
{
    size_t n = strlen(lines) + FILE_TREE_HEAD;
    assert_true(n < room);
    snprintf(out, room, HEAD "%08zu 755\n%s", n, lines);
    return (struct span){out, n};
}

/* NULL, or what is wrong. *bytes: of the whole run. */
static const char *problem_of(struct span list, uint32_t *entries, uint64_t *bytes)
{
    struct file_tree_reader r;
    struct file_tree_entry e;
    size_t n;
    unsigned mode;
    const char *problem;
    if (!file_tree_head(list, &n, &mode) || n != list.n)
        return "head";
    file_tree_reader_init(&r, list);
    while (file_tree_read(&r, &e, &problem))
        continue;
    *entries = r.entries;
    *bytes = r.bytes;
    return problem;
}

static void test_round_trip(void **state)
{
    const struct file_tree_entry ENTRIES[] = {
        {SPAN("a"), true, 0700, 0},
        {SPAN("a/b"), true, 0, 0},
        {SPAN("a/b/c.txt"), false, 0644, 12},
        {SPAN("a/empty"), true, 0755, 0},
        {SPAN("a-"), false, 0755, 0},
        {SPAN("a.txt"), false, 0600, 274877906000},
        {SPAN("\xc3\xa4"), false, 0777, 1},
    };
    enum {
        N = sizeof ENTRIES / sizeof *ENTRIES
    };
    struct buf b;
    (void)state;
    buf_init(&b, FILE_TREE_MAX);
    file_tree_begin(&b, 0751);
    for (size_t i = 0; i < N; i++)
        file_tree_add(&b, &ENTRIES[i]);
    file_tree_end(&b);
    assert_false(b.failed);
    size_t n;
    unsigned mode;
    assert_true(file_tree_head(buf_view(&b), &n, &mode));
    assert_int_equal(n, b.len);
    assert_int_equal(mode, 0751);
    struct file_tree_reader r;
    struct file_tree_entry e;
    const char *problem;
    file_tree_reader_init(&r, buf_view(&b));
    for (size_t i = 0; i < N; i++) {
        assert_true(file_tree_read(&r, &e, &problem));
        assert_true(span_eq(e.path, ENTRIES[i].path));
        assert_int_equal(e.folder, ENTRIES[i].folder);
        assert_int_equal(e.mode, ENTRIES[i].mode);
        assert_int_equal(e.size, ENTRIES[i].size);
    }
    assert_false(file_tree_read(&r, &e, &problem));
    assert_null(problem);
    assert_int_equal(r.bytes, b.len + 12 + 274877906000 + 1);
    buf_done(&b);
}

static void test_heads(void **state)
{
    static const char *const BAD[] = {
        "",
        "usher-tree 1 00000026 755",   /* no end */
        "usher-tree 2 00000026 755\n", /* of another version */
        "usher-tree 1 00000025 755\n", /* shorter than itself */
        "usher-tree 1 16777217 755\n", /* too long */
        "usher-tree 1 0000002x 755\n",
        "usher-tree 1 00000026 785\n",
        "usher-tree 1 00000026_755\n",
        "Usher-tree 1 00000026 755\n",
    };
    size_t n;
    unsigned mode;
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (file_tree_head(span_of(BAD[i]), &n, &mode))
            fail_msg("%s is taken", BAD[i]);
    assert_true(file_tree_head(SPAN("usher-tree 1 00000026 755\n"), &n, &mode));
    assert_true(file_tree_head(SPAN("usher-tree 1 16777216 000\nf"), &n, &mode));
    assert_int_equal(n, FILE_TREE_MAX);
}

static void test_lines(void **state)
{
    static const struct {
        const char *lines, *problem; /* a part of it; NULL: none */
    } CASES[] = {
        {"", NULL},
        {"d 755 a\n", NULL},
        {"f 644 0 a\n", NULL},
        {"f 644 5 a b  c\n", NULL},
        {"f 644 5 a\nf 644 5 b\n", NULL},
        {"d 755 a\nf 644 5 a/b\n", NULL},
        {"d 755 a\nd 755 a/b\nf 644 1 a/b/c\nf 644 5 a/c\nf 644 1 d\n", NULL},
        {"d 755 a\nf 644 5 a/b\nf 644 5 a!\n", NULL}, /* `!` is below `/`, and yet behind what is in a */
        {"f 644 5 a", "cannot be read"},
        {"f 644 a\n", "cannot be read"},
        {"f 644 05 a\n", "cannot be read"},
        {"f 644 -5 a\n", "cannot be read"},
        {"f 644 5\n", "cannot be read"},
        {"f 64 5 a\n", "cannot be read"},
        {"f 0644 5 a\n", "cannot be read"},
        {"f 684 5 a\n", "cannot be read"},
        {"l 777 5 a\n", "cannot be read"},
        {"d755 a\n", "cannot be read"},
        {"f 644 9223372036854775808 a\n", "cannot be read"},
        {"f 644 99999999999999999999999 a\n", "cannot be read"},
        {"\n", "cannot be read"},
        {"f 644 274877906944 a\n", "256 GiB"}, /* and the list */
        {"f 644 274877906900 a\nf 644 274877906900 b\n", "256 GiB"},
        {"f 644 5 \n", "leads elsewhere"},
        {"f 644 5 /a\n", "leads elsewhere"},
        {"f 644 5 a/\n", "leads elsewhere"},
        {"f 644 5 ..\n", "leads elsewhere"},
        {"f 644 5 .\n", "leads elsewhere"},
        {"d 755 a\nf 644 5 a/../../b\n", "leads elsewhere"},
        {"d 755 a\nf 644 5 a//b\n", "leads elsewhere"},
        {"d 755 a\nf 644 5 a/./b\n", "leads elsewhere"},
        {"f 644 5 a\x01\n", "leads elsewhere"},
        {"f 644 5 a\x7f\n", "leads elsewhere"},
        {"f 644 5 a\xc2\x85\n", "leads elsewhere"},
        {"f 644 5 a\r\n", "leads elsewhere"},
        {"f 644 5 \xff\n", "leads elsewhere"},
        {"f 644 5 \xc0\xaf\n", "leads elsewhere"},
        {"f 644 5 b\nf 644 5 a\n", "not sorted"},
        {"f 644 5 a\nf 644 5 a\n", "not sorted"},
        {"d 755 a\nd 755 a\n", "not sorted"},
        {"d 755 a\nf 644 5 a/b\nd 755 a\n", "not sorted"},
        {"f 644 5 a!\nd 755 a\n", "not sorted"},
        {"f 644 5 \xc3\xa4\nf 644 5 b\n", "not sorted"},
        {"f 644 5 a/b\n", "does not name"},
        {"f 644 5 a\nf 644 5 a/b\n", "does not name"},
        {"d 755 a\nf 644 5 a/b/c\n", "does not name"},
        {"d 755 a\nf 644 5 b/c\n", "does not name"},
        {"d 755 a\nf 644 1 ab\nf 644 5 ab/c\n", "does not name"},
        {"d 755 a\nd 755 a/b\nf 644 1 a/c\nf 644 5 a/d/c\n", "does not name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[512];
        uint32_t entries = 0;
        uint64_t bytes = 0;
        const char *problem = problem_of(listed(CASES[i].lines, text, sizeof text), &entries, &bytes);
        if (!CASES[i].problem && problem)
            fail_msg("%s: %s", CASES[i].lines, problem);
        if (CASES[i].problem && (!problem || !strstr(problem, CASES[i].problem)))
            fail_msg("%s: %s instead of %s", CASES[i].lines, problem ? problem : "taken", CASES[i].problem);
    }
    char nul[64];
    uint32_t entries;
    uint64_t bytes;
    struct span list = listed("f 644 5 a_b\n", nul, sizeof nul);
    assert_null(problem_of(list, &entries, &bytes));
    *strchr(nul, '_') = '\0';
    assert_non_null(problem_of(list, &entries, &bytes));
}

/* Each bound, reached and passed. */
static void test_bounds(void **state)
{
    char name[300];
    uint32_t entries = 0;
    uint64_t bytes = 0;
    (void)state;
    memset(name, 'n', sizeof name);
    assert_true(file_tree_name_valid((struct span){name, 255}));
    assert_false(file_tree_name_valid((struct span){name, 256}));
    struct buf b;
    buf_init(&b, FILE_TREE_MAX);
    for (unsigned depth = FILE_TREE_DEPTH_MAX; depth <= FILE_TREE_DEPTH_MAX + 1; depth++) {
        char path[256] = "";
        file_tree_begin(&b, 0755);
        for (unsigned i = 0; i < depth; i++) {
            strcat(path, i ? "/d" : "d");
            file_tree_add(&b, &(struct file_tree_entry){span_of(path), true, 0755, 0});
        }
        file_tree_end(&b);
        assert_int_equal(problem_of(buf_view(&b), &entries, &bytes) == NULL, depth == FILE_TREE_DEPTH_MAX);
        buf_reset(&b);
    }
    for (unsigned n = FILE_TREE_ENTRIES_MAX; n <= FILE_TREE_ENTRIES_MAX + 1; n++) {
        file_tree_begin(&b, 0755);
        for (unsigned i = 0; i < n; i++) {
            char path[16];
            snprintf(path, sizeof path, "%06u", i);
            file_tree_add(&b, &(struct file_tree_entry){span_of(path), false, 0644, 1});
        }
        file_tree_end(&b);
        assert_int_equal(problem_of(buf_view(&b), &entries, &bytes) == NULL, n == FILE_TREE_ENTRIES_MAX);
        buf_reset(&b);
    }
    char path[FILE_TREE_PATH_MAX + 2] = "";
    file_tree_begin(&b, 0755);
    while (strlen(path) + 206 < FILE_TREE_PATH_MAX) { /* 20 folders of 204 */
        snprintf(path + strlen(path), 206, "%s%.204s", *path ? "/" : "", name);
        file_tree_add(&b, &(struct file_tree_entry){span_of(path), true, 0755, 0});
    }
    size_t begun = b.len, n = strlen(path), left = FILE_TREE_PATH_MAX - n - 1;
    for (size_t more = 0; more <= 1; more++) {
        b.len = begun;
        snprintf(path + n, sizeof path - n, "/%.*s", (int)(left + more > 255 ? 255 : left + more), name);
        file_tree_add(&b, &(struct file_tree_entry){span_of(path), false, 0644, 0});
        file_tree_end(&b);
        assert_int_equal(strlen(path), FILE_TREE_PATH_MAX + more);
        assert_int_equal(problem_of(buf_view(&b), &entries, &bytes) == NULL, more == 0);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
