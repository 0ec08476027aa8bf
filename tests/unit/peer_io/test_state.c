/* SPDX-License-Identifier: MIT
 *
 * The state directory: who may use it, and what a file in it survives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os_file.h"
#include "peer/io/state.h"
#include "tests/unit/peer_io/scratch.h"

static void makes_it_closed_to_others(void **state)
{
    struct scratch *d = *state;
    char dir[SCRATCH_PATH];
    struct state s;
    struct err err;
    struct stat st;
    scratch_path(d, "a/b/c", dir);
    assert_true(state_open(&s, dir, &err));
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    state_close(&s);
}

static void is_used_by_one_at_a_time(void **state)
{
    struct scratch *d = *state;
    struct state first, second;
    struct err err;
    assert_true(state_open(&first, d->path, &err));
    assert_false(state_open(&second, d->path, &err));
    assert_non_null(strstr(err.text, "another process uses"));
    state_close(&second);
    state_close(&first);
    assert_true(state_open(&second, d->path, &err));
    state_close(&second);
}

static void finds_a_free_one(void **state)
{
    struct scratch *d = *state;
    struct state first, second, third;
    struct err err;
    char want[SCRATCH_PATH];
    setenv("XDG_STATE_HOME", d->path, 1);
    assert_true(state_open(&first, NULL, &err));
    assert_true(state_open(&second, NULL, &err));
    assert_true(state_open(&third, NULL, &err));
    scratch_path(d, "usher", want);
    assert_string_equal(first.path, want);
    assert_false(first.fallback);
    scratch_path(d, "usher-2", want);
    assert_string_equal(second.path, want);
    assert_true(second.fallback);
    scratch_path(d, "usher-3", want);
    assert_string_equal(third.path, want);
    state_close(&second);
    assert_true(state_open(&second, NULL, &err));
    scratch_path(d, "usher-2", want);
    assert_string_equal(second.path, want);
    state_close(&first);
    state_close(&second);
    state_close(&third);
}

static void follows_the_environment(void **state)
{
    (void)state;
    char path[STATE_PATH_MAX + 1];
    struct err err;
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", "/home/ann", 1);
    assert_true(state_default(path, &err));
    assert_string_equal(path, "/home/ann/.local/state/usher");
    setenv("XDG_STATE_HOME", "/var/x", 1);
    assert_true(state_default(path, &err));
    assert_string_equal(path, "/var/x/usher");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_false(state_default(path, &err));
    assert_non_null(strstr(err.text, "--state"));
}

static void refuses_what_others_may_write(void **state)
{
    struct scratch *d = *state;
    struct state s;
    struct err err;
    assert_int_equal(chmod(d->path, 0777), 0);
    assert_false(state_open(&s, d->path, &err));
    assert_non_null(strstr(err.text, "chmod 700"));
    assert_int_equal(chmod(d->path, 0700), 0);
}

static void refuses_what_is_no_directory(void **state)
{
    struct scratch *d = *state;
    struct state s;
    struct err err;
    char file[SCRATCH_PATH];
    scratch_write(d, "file", "x", 0600);
    scratch_path(d, "file", file);
    assert_false(state_open(&s, file, &err));
    assert_non_null(strstr(err.text, "not a directory"));
    assert_false(state_open(&s, "", &err));
}

static void replaces_a_file_whole(void **state)
{
    struct scratch *d = *state;
    struct err err;
    struct stat st;
    char room[64], path[SCRATCH_PATH];
    size_t n;
    assert_int_equal(state_read(d->path, "f", true, room, sizeof room, &n, &err), STATE_ABSENT);
    assert_true(os_file_replace(d->path, "f", SPAN("one"), &err));
    assert_true(os_file_replace(d->path, "f", SPAN("three"), &err));
    assert_int_equal(state_read(d->path, "f", true, room, sizeof room, &n, &err), STATE_READ);
    assert_int_equal(n, 5);
    assert_memory_equal(room, "three", 5);
    scratch_path(d, "f", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    scratch_path(d, "f.new", path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_false(os_file_replace("/nonexistent", "f", SPAN("x"), &err));
    assert_non_null(strstr(err.text, "cannot write"));
}

static void reads_secrets_only_if_they_are(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char room[64];
    size_t n;
    scratch_write(d, "f", "text", 0644);
    assert_int_equal(state_read(d->path, "f", true, room, sizeof room, &n, &err), STATE_FAILED);
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_int_equal(state_read(d->path, "f", false, room, sizeof room, &n, &err), STATE_READ);
    assert_int_equal(state_read(d->path, "f", false, room, 4, &n, &err), STATE_FAILED);
    assert_non_null(strstr(err.text, "larger"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_it_closed_to_others, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(is_used_by_one_at_a_time, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(finds_a_free_one, scratch_setup, scratch_teardown),
        cmocka_unit_test(follows_the_environment),
        cmocka_unit_test_setup_teardown(refuses_what_others_may_write, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_directory, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(replaces_a_file_whole, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(reads_secrets_only_if_they_are, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
