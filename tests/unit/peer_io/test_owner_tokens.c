/* SPDX-License-Identifier: MIT
 *
 * Owner tokens on the disk: kept, replaced and forgotten by server and room, under others' hands and after damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "peer/io/owner_tokens.h"
#include "tests/unit/peer_io/scratch.h"

#define HERE "http://localhost:4000/"
#define THERE "https://talk.example.org:443/usher/"

static void expect(const struct scratch *d, const char *server, const char *room, const char *token)
{
    char found[OWNER_TOKEN_MAX + 1];
    struct err err;
    assert_true(owner_tokens_find(d->path, server, room, found, &err));
    assert_string_equal(found, token);
}

static void keep(const struct scratch *d, const char *server, const char *room, const char *token)
{
    struct err err;
    if (!owner_tokens_keep(d->path, server, room, token, &err))
        fail_msg("%s", err.text);
}

static void expect_file(const struct scratch *d, const char *text)
{
    char path[SCRATCH_PATH], read[1024];
    scratch_path(d, "rooms", path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    read[fread(read, 1, sizeof read - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(read, text);
}

static void keeps_one_a_server_and_room(void **state)
{
    struct scratch *d = *state;
    struct err err;
    struct stat st;
    char path[SCRATCH_PATH];
    expect(d, HERE, "a", "");
    keep(d, HERE, "a", "one");
    keep(d, THERE, "a", "two");
    keep(d, HERE, "b", "three");
    keep(d, HERE, "a", "four");
    expect(d, HERE, "a", "four");
    expect(d, THERE, "a", "two");
    expect(d, HERE, "b", "three");
    expect(d, HERE, "aa", "");
    expect(d, THERE, "b", "");
    expect_file(d, THERE " a two\n" HERE " b three\n" HERE " a four\n");
    assert_true(owner_tokens_forget(d->path, HERE, "b", &err));
    assert_true(owner_tokens_forget(d->path, HERE, "nobody's", &err));
    expect(d, HERE, "b", "");
    expect(d, HERE, "a", "four");
    scratch_path(d, "rooms", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void makes_its_directory_when_there_is_something_to_keep(void **state)
{
    struct scratch *d = *state, under = {.path = ""};
    struct err err;
    char found[OWNER_TOKEN_MAX + 1];
    snprintf(under.path, sizeof under.path, "%.40s/deep/er", d->path);
    assert_true(owner_tokens_find(under.path, HERE, "a", found, &err));
    assert_int_equal(access(under.path, F_OK), -1);
    keep(&under, HERE, "a", "one");
    expect(&under, HERE, "a", "one");
}

static void leaves_damaged_lines_alone(void **state)
{
    struct scratch *d = *state;
    struct err err;
    scratch_write(d, "rooms", "# mine\n" HERE " a\n\n" HERE " a one\n" HERE " a", 0600);
    expect(d, HERE, "a", "one");
    keep(d, HERE, "b", "two");
    expect_file(d, "# mine\n" HERE " a\n\n" HERE " a one\n" HERE " a\n" HERE " b two\n");
    assert_true(owner_tokens_forget(d->path, HERE, "a", &err));
    expect_file(d, "# mine\n" HERE " a\n\n" HERE " a\n" HERE " b two\n");
}

static void refuses_a_file_that_others_may_read(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char found[OWNER_TOKEN_MAX + 1];
    scratch_write(d, "rooms", HERE " a one\n", 0644);
    assert_false(owner_tokens_find(d->path, HERE, "a", found, &err));
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_string_equal(found, "");
    assert_false(owner_tokens_keep(d->path, HERE, "b", "two", &err));
    expect_file(d, HERE " a one\n");
}

static void lets_the_oldest_go(void **state)
{
    struct scratch *d = *state;
    static char text[OWNER_TOKENS_MAX * 64];
    size_t n = 0;
    for (int i = 0; i < OWNER_TOKENS_MAX; i++)
        n += (size_t)sprintf(text + n, HERE " r%d t%d\n", i, i);
    scratch_write(d, "rooms", text, 0600);
    keep(d, HERE, "r5", "again"); /* as many as before */
    expect(d, HERE, "r0", "t0");
    keep(d, HERE, "new", "t");
    expect(d, HERE, "r0", "");
    expect(d, HERE, "r1", "t1");
    expect(d, HERE, "r5", "again");
    expect(d, HERE, "new", "t");
}

static void refuses_what_is_too_long(void **state)
{
    struct scratch *d = *state;
    struct err err;
    char token[OWNER_TOKEN_MAX + 2];
    memset(token, 't', sizeof token);
    token[OWNER_TOKEN_MAX + 1] = '\0';
    assert_false(owner_tokens_keep(d->path, HERE, "a", token, &err));
    expect(d, HERE, "a", "");
    token[OWNER_TOKEN_MAX] = '\0';
    keep(d, HERE, "a", token);
    expect(d, HERE, "a", token);
}

/* A script that makes rooms in parallel. */
static void loses_none_of_several_processes(void **state)
{
    enum {
        PROCESSES = 8,
        EACH = 6
    };
    struct scratch *d = *state;
    for (int p = 0; p < PROCESSES; p++)
        if (fork() == 0) {
            struct err err;
            char room[32];
            bool ok = true;
            for (int i = 0; i < EACH; i++) {
                snprintf(room, sizeof room, "r%d-%d", p, i);
                ok = owner_tokens_keep(d->path, HERE, room, room, &err) && ok;
            }
            _exit(!ok);
        }
    for (int p = 0; p < PROCESSES; p++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < PROCESSES * EACH; i++) {
        char room[32];
        snprintf(room, sizeof room, "r%d-%d", i / EACH, i % EACH);
        expect(d, HERE, room, room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_one_a_server_and_room, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(
            makes_its_directory_when_there_is_something_to_keep, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(leaves_damaged_lines_alone, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(refuses_a_file_that_others_may_read, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(lets_the_oldest_go, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_long, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(loses_none_of_several_processes, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
