/* SPDX-License-Identifier: MIT
 *
 * Settings: every file of tests/conf does what it says, the three sources overlay each other as promised, and what
 * is printed reads back as the same. Runs from the project's root, as `make check` does.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/config.h"

static struct config *fresh(void)
{
    struct config *c = config_new();
    assert_non_null(c);
    return c;
}

static struct config *load(const char *path)
{
    struct config *c = fresh();
    struct err e = {.text = ""};
    if (!config_load_file(c, path, &e))
        fail_msg("%s", e.text);
    return c;
}

static void set(struct config *c, const char *assignment)
{
    struct err e = {.text = ""};
    if (!config_set(c, assignment, &e))
        fail_msg("%s", e.text);
}

/* What stands behind "# expect: " in the file's first line. */
static void read_expectation(const char *path, char *out, int size)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    static const char MARK[] = "# expect: ";
    assert_non_null(fgets(out, size, f));
    fclose(f);
    assert_memory_equal(out, MARK, sizeof MARK - 1);
    memmove(out, out + sizeof MARK - 1, strlen(out) - sizeof MARK + 2);
    out[strcspn(out, "\n")] = '\0';
}

static void check_good(const char *path)
{
    struct config *c = load(path);
    struct err e = {.text = ""};
    if (!config_check(c, &e) || !config_acts(c, &e))
        fail_msg("%s: %s", path, e.text);
    config_free(c);
}

/* The sentence is path:LINE: …, cut at the error's length. */
static void check_bad(const char *path)
{
    char expected[512], full[1024];
    read_expectation(path, expected, sizeof expected);
    snprintf(full, sizeof full, "%s:%s", path, expected);
    struct err e = {.text = ""};
    struct config *c = fresh();
    assert_false(config_load_file(c, path, &e));
    full[sizeof e.text - 1] = '\0';
    assert_memory_equal(e.text, full, strlen(full) < strlen(e.text) ? strlen(full) : strlen(e.text));
    assert_true(strlen(e.text) >= strlen(full) || strlen(e.text) == sizeof e.text - 1);
    config_free(c);
}

static void check_refused(const char *path)
{
    char expected[512];
    read_expectation(path, expected, sizeof expected);
    struct err e = {.text = ""};
    struct config *c = load(path);
    assert_false(config_check(c, &e) && config_acts(c, &e));
    assert_string_equal(e.text, expected);
    config_free(c);
}

static void each_file(const char *folder, int least, void (*check)(const char *path))
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] == '.')
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check(path);
        n++;
    }
    closedir(d);
    assert_true(n >= least);
}

static void test_good_files(void **state)
{
    (void)state;
    each_file("tests/conf/good", 6, check_good);
}

static void test_bad_files(void **state)
{
    (void)state;
    each_file("tests/conf/bad", 20, check_bad);
}

static void test_refused_files(void **state)
{
    (void)state;
    each_file("tests/conf/refused", 6, check_refused);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct err e;
    struct config *c = fresh();
    assert_false(config_load_file(c, "tests/conf/none.conf", &e));
    assert_string_equal(e.text, "tests/conf/none.conf: No such file or directory");
    assert_false(config_load_file(c, "tests/conf", &e));
    assert_string_equal(e.text, "tests/conf: Is a directory");
    config_free(c);
}

static void test_units(void **state)
{
    (void)state;
    struct config *c = load("tests/conf/good/units.conf");
    assert_int_equal(config_number(c, OPTION_SERVER_PING_INTERVAL), 1500);
    assert_int_equal(config_number(c, OPTION_SERVER_PING_TIMEOUT), 2000);
    assert_int_equal(config_number(c, OPTION_SERVER_DRAIN_TIMEOUT), 60000);
    assert_int_equal(config_number(c, OPTION_LIMITS_MAX_FRAME), 32 * 1024);
    assert_int_equal(config_number(c, OPTION_LIMITS_MAX_QUEUE), 1024 * 1024);
    assert_int_equal(config_number(c, OPTION_LIMITS_JOIN_TIMEOUT), 0);
    assert_int_equal(config_number(c, OPTION_ROOMS_AUTO_CREATE), 0);
    config_free(c);
}

static void test_lists(void **state)
{
    (void)state;
    struct config *c = load("tests/conf/good/lists.conf");
    size_t n;
    const char *const *listen = config_list(c, OPTION_SERVER_LISTEN, &n);
    assert_int_equal(n, 3);
    assert_string_equal(listen[0], "127.0.0.1:0");
    assert_string_equal(listen[2], "unix:/run/usherd/usherd.sock");
    config_list(c, OPTION_SERVER_ORIGINS, &n);
    assert_int_equal(n, 2);
    assert_int_equal(config_number(c, OPTION_LIMITS_MAX_ROOMS), 7);
    config_free(c);
}

/* Flags are given first here: the order of calls must not matter. */
static void test_precedence(void **state)
{
    (void)state;
    char *const environment[] = {"USHERD_SERVER_NODE=env", "USHERD_LIMITS_MAX_ROOMS=8",
        "USHERD_SERVER_ORIGINS=https://x.example, https://y.example", "USHERD_SERVICE_HOST=10.0.0.1",
        "USHERD=build/usherd", NULL};
    struct config *c = fresh();
    struct err e = {.text = ""};
    set(c, "server.node=flag");
    set(c, "server.listen=127.0.0.1:1");
    set(c, "server.listen=127.0.0.1:2");
    assert_true(config_load_environment(c, environment, &e));
    assert_true(config_load_file(c, "tests/conf/good/lists.conf", &e));
    assert_string_equal(config_text(c, OPTION_SERVER_NODE), "flag");
    assert_int_equal(config_number(c, OPTION_LIMITS_MAX_ROOMS), 8);
    size_t n;
    const char *const *list = config_list(c, OPTION_SERVER_LISTEN, &n);
    assert_int_equal(n, 2);
    assert_string_equal(list[1], "127.0.0.1:2");
    list = config_list(c, OPTION_SERVER_ORIGINS, &n);
    assert_int_equal(n, 2);
    assert_string_equal(list[1], "https://y.example");
    config_free(c);
}

static void test_environment_errors(void **state)
{
    (void)state;
    char *const misspelt[] = {"USHERD_LIMITS_MAX_ROMS=8", NULL};
    char *const wrong[] = {"USHERD_LIMITS_MAX_ROOMS=many", NULL};
    struct config *c = fresh();
    struct err e;
    assert_false(config_load_environment(c, misspelt, &e));
    assert_string_equal(e.text, "USHERD_LIMITS_MAX_ROMS: there is no such option: see usherd.conf(5)");
    assert_false(config_load_environment(c, wrong, &e));
    assert_string_equal(e.text, "USHERD_LIMITS_MAX_ROOMS = \"many\": expected a whole number from 0 to 1000000000");
    config_free(c);
}

static void test_set_errors(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"server", "--set server: expected section.key=value"},
        {"node=a", "--set node=a: expected section.key=value"},
        {"rooms.auto_create=perhaps", "--set rooms.auto_create = \"perhaps\": expected yes or no"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct config *c = fresh();
        struct err e;
        assert_false(config_set(c, WRONG[i][0], &e));
        assert_string_equal(e.text, WRONG[i][1]);
        config_free(c);
    }
}

static char *printed(const struct config *c)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    config_print(c, &text);
    char *p = buf_take(&text, NULL);
    assert_non_null(p);
    return p;
}

/* Printed, written, read, printed: the same. */
static void test_print_reads_back(void **state)
{
    (void)state;
    struct config *c = load("tests/conf/good/units.conf");
    set(c, "server.origins=https://a.example");
    set(c, "server.origins=https://b.example");
    char *first = printed(c);
    config_free(c);
    char path[] = "/tmp/usherd-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, first, strlen(first)), (ssize_t)strlen(first));
    close(fd);
    c = load(path);
    unlink(path);
    char *second = printed(c);
    assert_string_equal(first, second);
    free(first);
    free(second);
    config_free(c);
}

static void test_print_masks_secrets(void **state)
{
    (void)state;
    struct config *c = fresh();
    set(c, "ice.turn_secret=hush");
    set(c, "cluster.redis=redis://:hush@localhost");
    char *text = printed(c);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "turn_secret = ********\n"));
    free(text);
    config_free(c);
}

/* Only where a file or a secret is named, and there the printed settings tell where it is. */
static void test_credentials(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct err e;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(config_set(c, "tls.key=%d/tls.key", &e));
    assert_non_null(
        strstr(e.text, "--set tls.key names a credential (%d/NAME), but there is no CREDENTIALS_DIRECTORY"));
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
    set(c, "tls.key=%d/tls.key");
    set(c, "tls.certificate=/etc/%d/c");
    set(c, "auth.keys=%d/one");
    set(c, "auth.keys=@%d/two");
    set(c, "ice.turn_secret=@%d/turn");
    set(c, "server.web_root=%d/web");
    size_t n;
    const char *const *keys = config_list(c, OPTION_AUTH_KEYS, &n);
    assert_string_equal(config_text(c, OPTION_TLS_KEY), "/run/credentials/x/tls.key");
    assert_string_equal(config_text(c, OPTION_TLS_CERTIFICATE), "/etc/%d/c");
    assert_string_equal(keys[0], "/run/credentials/x/one");
    assert_string_equal(keys[1], "@%d/two");
    assert_string_equal(config_text(c, OPTION_ICE_TURN_SECRET), "@/run/credentials/x/turn");
    assert_string_equal(config_text(c, OPTION_SERVER_WEB_ROOT), "%d/web");
    unsetenv("CREDENTIALS_DIRECTORY");
    config_free(c);
}

static void test_changed(void **state)
{
    (void)state;
    struct config *c = fresh(), *d = fresh();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        assert_false(config_changed(c, (enum option_id)i));
        assert_true(config_equal(c, d, (enum option_id)i));
    }
    set(c, "limits.max_queue=262144");
    assert_false(config_changed(c, OPTION_LIMITS_MAX_QUEUE));
    set(d, "limits.max_queue=1");
    set(d, "server.listen=127.0.0.1:1");
    assert_true(config_changed(d, OPTION_LIMITS_MAX_QUEUE));
    assert_true(config_changed(d, OPTION_SERVER_LISTEN));
    assert_false(config_equal(c, d, OPTION_SERVER_LISTEN));
    config_free(c);
    config_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_environment_errors),
        cmocka_unit_test(test_set_errors),
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_print_masks_secrets),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
