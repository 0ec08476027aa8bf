/* SPDX-License-Identifier: MIT
 *
 * The state folder: made, written whole, private, one daemon's at a time, and never silently replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "server/adapters/state_dir.h"

static char *enter(void **state)
{
    static const char TEMPLATE[] = "/tmp/usherd-state-XXXXXX";
    char *dir = malloc(sizeof TEMPLATE);
    memcpy(dir, TEMPLATE, sizeof TEMPLATE);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return dir;
}

static void leave(char *dir, const char *const *names)
{
    char path[STATE_PATH_MAX];
    for (; *names; names++) {
        snprintf(path, sizeof path, "%s/%s", dir, *names);
        remove(path);
    }
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

static void tests(const char *setting, const char *sentence)
{
    struct err e = {.text = ""};
    bool good = state_dir_test(setting, &e);
    if (good != (sentence == NULL) || (sentence && !strstr(e.text, sentence)))
        fail_msg("%s: \"%s\"", setting, e.text);
}

/* What would be made is not made. */
static void test_test(void **state)
{
    char *dir = enter(state), path[STATE_PATH_MAX];
    struct stat is;
    tests(dir, NULL);
    snprintf(path, sizeof path, "%s/a/b", dir);
    tests(path, NULL);
    snprintf(path, sizeof path, "%s/a", dir);
    assert_int_equal(stat(path, &is), -1);
    snprintf(path, sizeof path, "%s/file", dir);
    fclose(fopen(path, "we"));
    tests(path, "cannot be used: Not a directory: set server.state_dir");
    snprintf(path, sizeof path, "%s/file/a", dir);
    tests(path, "cannot be used: Not a directory: set server.state_dir");
    assert_int_equal(chdir(dir), 0);
    tests("a/b", NULL);
    tests("a", NULL);
    static const char *const NAMES[] = {"file", NULL};
    assert_int_equal(chdir("/"), 0);
    tests("/proc", "the state folder /proc cannot be used: "); /* its mode lets root write, and nobody can */
    leave(dir, NAMES);
}

static void test_write_and_read(void **state)
{
    char *dir = enter(state);
    struct err e;
    struct buf text;
    assert_true(state_dir_read(dir, "f", 100, &text, &e));
    assert_null(text.p);
    assert_true(os_file_replace(dir, "f", SPAN("first"), &e));
    assert_true(os_file_replace(dir, "f", SPAN("second"), &e));
    assert_true(state_dir_read(dir, "f", 6, &text, &e));
    assert_true(span_is(buf_view(&text), "second"));
    buf_done(&text);
    assert_false(state_dir_read(dir, "f", 5, &text, &e));
    assert_non_null(strstr(e.text, "too long"));
    char path[STATE_PATH_MAX];
    struct stat is;
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0600);
    assert_false(os_file_replace("/nowhere/at/all", "f", SPAN("x"), &e));
    assert_non_null(strstr(e.text, "cannot write /nowhere/at/all/f"));
    leave(dir, (const char *const[]){"f", NULL});
}

enum {
    PATIENCE_S = 5 /* then who waits for a FIFO is ended by SIGALRM, and the test with it */
};

/* A FIFO in a file's place: whoever opened it as files are opened would wait for its other end. */
static void test_no_file(void **state)
{
    char *dir = enter(state), path[STATE_PATH_MAX];
    struct err e;
    struct buf text;
    alarm(PATIENCE_S);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(state_dir_read(dir, "f", 100, &text, &e));
    assert_non_null(strstr(e.text, "/f: this is a FIFO: expected a file, or none"));
    snprintf(path, sizeof path, "%s/g.new", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(os_file_replace(dir, "g", SPAN("x"), &e));
    assert_non_null(strstr(e.text, "/g.new: this is a FIFO: expected a file, or none"));
    assert_int_equal(os_file_open(dir, O_RDWR, "a key", &e), -1);
    assert_string_equal(e.text, "this is a folder: expected a key");
    assert_int_equal(e.error, 0);
    assert_int_equal(os_file_open("/dev/zero", O_RDONLY, "a key", &e), -1);
    assert_string_equal(e.text, "this is a device: expected a key");
    assert_int_equal(os_file_open("/proc/version", O_RDONLY, "a key", &e), -1); /* as /proc/kmsg, which waits */
    assert_string_equal(e.text, "this is a window of the kernel's, not a file: expected a key");
    int fd = os_file_open("/dev/null", O_RDONLY, "a key", &e); /* the empty file */
    assert_true(fd >= 0);
    close(fd);
    alarm(0);
    leave(dir, (const char *const[]){"f", "g.new", NULL});
}

/* The disk that it leads to may not be mounted yet. As a file that is not there, rooms would open without their passwords,
 * and a key would be made anew. */
static void test_link_that_leads_nowhere(void **state)
{
    char *dir = enter(state), path[STATE_PATH_MAX];
    struct err e;
    struct buf text;
    struct rng_seeded seed;
    uint8_t key[STATE_KEY_BYTES];
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    snprintf(path, sizeof path, "%s/f", dir);
    assert_int_equal(symlink("not/mounted", path), 0);
    assert_false(state_dir_read(dir, "f", 100, &text, &e));
    assert_non_null(strstr(e.text, "/f: this is a link that leads nowhere: expected a file, or none"));
    assert_false(state_dir_key(dir, "f", &rng, key, &e));
    leave(dir, (const char *const[]){"f", NULL});
}

static void test_key(void **state)
{
    char *dir = enter(state);
    struct err e;
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    uint8_t key[STATE_KEY_BYTES], again[STATE_KEY_BYTES];
    assert_true(state_dir_key(dir, "k", &rng, key, &e));
    assert_true(state_dir_key(dir, "k", &rng, again, &e));
    assert_memory_equal(key, again, sizeof key);
    assert_true(os_file_replace(dir, "k", SPAN("short"), &e));
    assert_false(state_dir_key(dir, "k", &rng, again, &e));
    assert_non_null(strstr(e.text, "damaged"));
    assert_true(os_file_replace(dir, "k", (struct span){"", 0}, &e));
    assert_false(state_dir_key(dir, "k", &rng, again, &e)); /* empty is damaged as well */
    leave(dir, (const char *const[]){"k", NULL});
}

static void test_open(void **state)
{
    char *dir = enter(state);
    struct err e;
    char deep[STATE_PATH_MAX], path[STATE_PATH_MAX];
    snprintf(deep, sizeof deep, "%s/a/b", dir);
    assert_true(state_dir_open(deep, path, &e));
    assert_string_equal(path, deep);
    assert_true(state_dir_open(deep, path, &e));
    assert_true(os_file_replace(deep, "f", SPAN("x"), &e));
    snprintf(deep, sizeof deep, "%s/a/b/f", dir);
    assert_false(state_dir_open(deep, path, &e));
    assert_non_null(strstr(e.text, "server.state_dir"));
    leave(dir, (const char *const[]){"a/b/f", "a/b", "a", NULL});
}

static void test_lock(void **state)
{
    char *dir = enter(state);
    struct err e;
    int first = state_dir_lock(dir, &e);
    assert_true(first >= 0);
    assert_int_equal(state_dir_lock(dir, &e), -1);
    assert_non_null(strstr(e.text, "in use by another usherd"));
    assert_non_null(strstr(e.text, dir));
    close(first);
    first = state_dir_lock(dir, &e); /* the file that is there is no lock */
    assert_true(first >= 0);
    close(first);
    assert_int_equal(state_dir_lock("/nowhere/at/all", &e), -1);
    assert_non_null(strstr(e.text, "the state folder /nowhere/at/all cannot be used: No such file"));
    leave(dir, (const char *const[]){"lock", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_test),
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_link_that_leads_nowhere),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
