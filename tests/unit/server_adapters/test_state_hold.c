/* SPDX-License-Identifier: MIT
 *
 * The state folder that is removed, made again, and taken by others while a daemon has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "server/adapters/state_hold.h"

static const char *const FILES[] = {"lock", "a.key", "b.key"};

struct daemon {
    char dir[32];
    struct rng_seeded seed;
    struct rng rng;
    struct state_hold hold;
    uint8_t a[STATE_KEY_BYTES], b[STATE_KEY_BYTES];
};

static void start(struct daemon *d, const char *dir, uint64_t seed)
{
    struct err e;
    snprintf(d->dir, sizeof d->dir, "%s", dir);
    rng_seeded_init(&d->seed, seed);
    d->rng = rng_seeded_port(&d->seed);
    state_hold_init(&d->hold);
    assert_true(state_hold_take(&d->hold, d->dir, &e));
    assert_true(state_hold_key(&d->hold, "a.key", &d->rng, d->a, &e));
    assert_true(state_hold_key(&d->hold, "b.key", &d->rng, d->b, &e));
}

static void remove_folder(const char *dir)
{
    char path[128];
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, FILES[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
}

static int set_up(void **state)
{
    char dir[] = "/tmp/usherd-hold-XXXXXX";
    struct daemon *d = calloc(1, sizeof *d);
    assert_non_null(d);
    assert_non_null(mkdtemp(dir));
    start(d, dir, 1);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct daemon *d = *state;
    state_hold_done(&d->hold);
    remove_folder(d->dir);
    free(d);
    return 0;
}

static void looks(struct daemon *d, bool again)
{
    struct err e = {.text = ""};
    bool made_again = !again;
    if (!state_hold_look(&d->hold, &made_again, &e))
        fail_msg("%s", e.text);
    assert_int_equal(made_again, again);
}

static void refused(struct daemon *d, const char *sentence)
{
    struct err e = {.text = ""};
    bool again = true;
    assert_false(state_hold_look(&d->hold, &again, &e));
    assert_false(again);
    if (!strstr(e.text, sentence))
        fail_msg("\"%s\" is not in \"%s\"", sentence, e.text);
}

static void key_is(const struct daemon *d, const char *name, const uint8_t *bytes)
{
    struct buf text;
    struct err e;
    assert_true(state_dir_read(d->dir, name, STATE_KEY_BYTES, &text, &e));
    assert_int_equal(text.len, STATE_KEY_BYTES);
    assert_memory_equal(text.p, bytes, STATE_KEY_BYTES);
    buf_done(&text);
}

static void is_locked(const struct daemon *d)
{
    struct err e;
    assert_int_equal(state_dir_lock(d->dir, &e), -1);
    assert_non_null(strstr(e.text, "in use by another usherd"));
}

static void test_the_same(void **state)
{
    struct daemon *d = *state;
    looks(d, false);
    is_locked(d);
}

static void test_made_again(void **state)
{
    struct daemon *d = *state;
    for (int i = 0; i < 2; i++) {
        remove_folder(d->dir);
        refused(d, "is gone: No such file or directory: make it again");
        assert_int_equal(mkdir(d->dir, 0700), 0);
        looks(d, true);
        key_is(d, "a.key", d->a);
        key_is(d, "b.key", d->b);
        is_locked(d);
        looks(d, false);
    }
}

/* As a backup that was put back: what is there is the same. */
static void test_the_same_keys(void **state)
{
    struct daemon *d = *state;
    struct err e;
    remove_folder(d->dir);
    assert_int_equal(mkdir(d->dir, 0700), 0);
    assert_true(os_file_replace(d->dir, "a.key", (struct span){(const char *)d->a, STATE_KEY_BYTES}, &e));
    looks(d, true);
    key_is(d, "a.key", d->a);
    key_is(d, "b.key", d->b);
}

/* Another daemon has it, and had it: its keys stay, and so does what it signed. */
static void test_another_daemon(void **state)
{
    struct daemon *d = *state, other;
    remove_folder(d->dir);
    assert_int_equal(mkdir(d->dir, 0700), 0);
    start(&other, d->dir, 2);
    refused(d, "in use by another usherd");
    looks(&other, false);
    state_hold_done(&other.hold);
    refused(d, "a.key is not this daemon's");
    key_is(d, "a.key", other.a);
    start(&other, d->dir, 3); /* the folder was left free */
    looks(&other, false);
    state_hold_done(&other.hold);
}

static void test_a_folder_of_somebody(void **state)
{
    struct daemon *d = *state;
    char path[128];
    remove_folder(d->dir);
    assert_int_equal(mkdir(d->dir, 0700), 0);
    snprintf(path, sizeof path, "%s/b.key", d->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(d, "b.key: this is a folder");
    assert_int_equal(rmdir(path), 0);
    looks(d, true);
}

/* Somebody wants a new one at the next start. */
static void test_a_key_that_was_taken_away(void **state)
{
    struct daemon *d = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/a.key", d->dir);
    assert_int_equal(unlink(path), 0);
    looks(d, false);
    assert_int_equal(access(path, F_OK), -1);
}

#define HELD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HELD(test_the_same),
        HELD(test_made_again),
        HELD(test_the_same_keys),
        HELD(test_another_daemon),
        HELD(test_a_folder_of_somebody),
        HELD(test_a_key_that_was_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
