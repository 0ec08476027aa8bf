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

static void note_remark(void *ctx, const struct log_record *r)
{
    struct buf *text = ctx;
    assert_int_equal(r->level, LOG_LEVEL_WARNING);
    assert_string_equal(r->event, "setting-doubtful");
    for (unsigned i = 0; i < r->count; i++)
        buf_printf(text, "%s%s", i ? " = " : "", r->fields[i].value);
    buf_printf(text, ": %s", r->message);
}

static void check_good(const char *path)
{
    struct config *c = load(path);
    struct err e = {.text = ""};
    if (!config_check(c, &e) || !config_acts(c, &e))
        fail_msg("%s: %s", path, e.text);
    struct buf said;
    buf_init(&said, 4096);
    config_remark(c, note_remark, &said);
    if (said.p)
        fail_msg("%s: %s", path, said.p);
    config_free(c);
}

/* The sentence is path:LINE: …, cut at the error's length. */
static void check_bad(const char *path)
{
    char expected[512], full[1024];
    read_expectation(path, expected, sizeof expected);
    struct err e = {.text = ""};
    struct config *c = fresh();
    assert_false(config_load_file(c, path, &e));
    snprintf(full, sizeof full, "%s:%s", path, expected);
    full[sizeof e.text - 1] = '\0';
    if (strcmp(e.text, full) != 0)
        fail_msg("\"%s\" instead of \"%s\"", e.text, full);
    config_free(c);
}

static void check_refused(const char *path)
{
    char expected[512];
    read_expectation(path, expected, sizeof expected);
    struct err e = {.text = ""};
    struct config *c = load(path);
    assert_false(config_check(c, &e) && config_acts(c, &e));
    if (strcmp(e.text, expected) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, e.text, expected);
    config_free(c);
}

/* Nothing is refused; one thing is remarked. */
static void check_warn(const char *path)
{
    char expected[512];
    read_expectation(path, expected, sizeof expected);
    struct err e = {.text = ""};
    struct config *c = load(path);
    if (!config_check(c, &e) || !config_acts(c, &e))
        fail_msg("%s: %s", path, e.text);
    struct buf said;
    buf_init(&said, 4096);
    config_remark(c, note_remark, &said);
    if (!said.p || strcmp(said.p, expected) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, said.p ? said.p : "", expected);
    buf_done(&said);
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
    each_file("tests/conf/good", 10, check_good);
}

static void test_bad_files(void **state)
{
    (void)state;
    each_file("tests/conf/bad", 70, check_bad);
}

static void test_refused_files(void **state)
{
    (void)state;
    each_file("tests/conf/refused", 10, check_refused);
}

static void test_remarked_files(void **state)
{
    (void)state;
    each_file("tests/conf/warn", 16, check_warn);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct err e;
    struct config *c = fresh();
    assert_false(config_load_file(c, "tests/conf/none.conf", &e));
    assert_string_equal(e.text, "tests/conf/none.conf: No such file or directory: put it there, or correct the path");
    assert_false(config_load_file(c, "tests/conf", &e));
    assert_string_equal(e.text, "tests/conf: this is a folder: expected a configuration file");
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
    assert_string_equal(listen[2], "unix:/run/usherd.sock");
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

/* What counts is the form that others use. */
static void test_normalised(void **state)
{
    (void)state;
    struct config *c = load("tests/conf/good/urls.conf");
    static const char *const ORIGINS[] = {"https://app.example", "http://localhost:3000", "https://[2001:db8::1]:8443",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop"};
    size_t n;
    const char *const *list = config_list(c, OPTION_SERVER_ORIGINS, &n);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(list[i], ORIGINS[i]);
    assert_string_equal(config_list(c, OPTION_ICE_STUN, &n)[0], "stun:stun.example:19302");
    assert_string_equal(config_text(c, OPTION_ICE_STUN_LISTEN), "*:3478");
    assert_string_equal(config_text(c, OPTION_ICE_STUN_PUBLIC), "stun.example:3478");
    assert_string_equal(config_list(c, OPTION_ICE_TURN, &n)[1], "turns:turn.example:5349?transport=tcp");
    assert_string_equal(config_text(c, OPTION_ICE_TURN_SECRET), "sec#ret;with marks");
    assert_int_equal(config_number(c, OPTION_AUTH_LEEWAY), 60000);
    config_free(c);
}

static void refuses_variable(const char *variable, const char *sentence)
{
    char *const environment[] = {(char *)variable, NULL};
    struct config *c = fresh();
    struct err e = {.text = ""};
    if (config_load_environment(c, environment, &e))
        fail_msg("%s was taken", variable);
    assert_string_equal(e.text, sentence);
    config_free(c);
}

static void test_environment_errors(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"USHERD_LIMITS_MAX_ROOMS=many",
            "USHERD_LIMITS_MAX_ROOMS = \"many\": expected a whole number from 0 to 1000000000"},
        {"USHERD_LIMITS_MAX_ROMS=8",
            "USHERD_LIMITS_MAX_ROMS: there is no such option: did you mean USHERD_LIMITS_MAX_ROOMS?"},
        {"USHERD_LIMIT_MAX_ROOMS=8",
            "USHERD_LIMIT_MAX_ROOMS: there is no such option: did you mean USHERD_LIMITS_MAX_ROOMS?"},
        {"USHERD_ICE_SUTN=stun:a", "USHERD_ICE_SUTN: there is no such option: did you mean USHERD_ICE_STUN?"},
        {"USHERD_TLS_CERT=/a", "USHERD_TLS_CERT: there is no such option: did you mean USHERD_TLS_CERTIFICATE?"},
        {"USHERD_SERVER_PORT=4000", "USHERD_SERVER_PORT: there is no such option: did you mean USHERD_SERVER_LISTEN?"},
        {"USHERD_SERVER_NAME=alpha", "USHERD_SERVER_NAME: there is no such option: did you mean USHERD_SERVER_NODE?"},
        {"USHERD_SERVER_MAX_ROOMS=8",
            "USHERD_SERVER_MAX_ROOMS: there is no such option: did you mean USHERD_LIMITS_MAX_ROOMS?"},
        {"USHERD_ROOMS_COLOUR=blue", "USHERD_ROOMS_COLOUR: there is no such option: see usherd.conf(5)"},
        {"USHERD_ICE_STUN=stun:a, stun://b",
            "USHERD_ICE_STUN = \"stun://b\": no // stands behind the scheme: write stun:b"},
        {"USHERD_SERVER_NODE=a\n", "USHERD_SERVER_NODE holds a control character, such as the end of a line: expected "
                                   "printable text"},
        {"USHERD_SERVER_NODE=\"a\"",
            "USHERD_SERVER_NODE = \"\"a\"\": quotes are taken as part of the value: write it without"},
        {"USHERD_ICE_TURN_SECRET='hush'", "USHERD_ICE_TURN_SECRET: quotes are taken as part of the value: write it "
                                          "without (a secret that really has them goes into a file, named as @FILE)"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        refuses_variable(WRONG[i][0], WRONG[i][1]);
}

/* ---- variables of others ---- */

struct said {
    enum log_level level;
    unsigned count;
    char first[128], second[128];
};

static void note_variable(void *ctx, const struct log_record *r)
{
    struct said *said = ctx;
    assert_true(r->count >= 1);
    said->level = r->level;
    said->count++;
    snprintf(said->first, sizeof said->first, "%s", r->fields[0].value);
    snprintf(said->second, sizeof said->second, "%s", r->count > 1 ? r->fields[1].value : "");
}

static struct said remarked(const char *variable)
{
    char *const environment[] = {(char *)variable, NULL};
    struct said said = {.count = 0};
    config_remark_environment(environment, note_variable, &said);
    return said;
}

static void skips(const char *variable, enum log_level level, const char *meant)
{
    char *const environment[] = {(char *)variable, NULL};
    struct config *c = fresh(), *d = fresh();
    struct err e = {.text = ""};
    if (!config_load_environment(c, environment, &e))
        fail_msg("%s", e.text);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        assert_true(config_equal(c, d, (enum option_id)i));
    struct said said = remarked(variable);
    if (said.count != 1 || said.level != level)
        fail_msg("%s was remarked %u times, with level %d", variable, said.count, (int)said.level);
    assert_memory_equal(said.first, variable, strcspn(variable, "="));
    assert_string_equal(said.second, meant);
    config_free(c);
    config_free(d);
}

/* What kubelet makes of Services called usherd, usherd-server, usherd-ice and usherd-limits, and Docker of a --link. */
static void test_platform(void **state)
{
    (void)state;
    static const char *const VARIABLES[] = {"USHERD_SERVICE_HOST=10.0.0.1", "USHERD_SERVICE_PORT=4000",
        "USHERD_SERVICE_PORT_WS=4000", "USHERD_PORT=tcp://10.0.0.1:4000", "USHERD_PORT_4000_TCP=tcp://10.0.0.1:4000",
        "USHERD_PORT_4000_TCP_PROTO=tcp", "USHERD_PORT_4000_TCP_PORT=4000", "USHERD_PORT_4000_TCP_ADDR=10.0.0.1",
        "USHERD_SERVER_SERVICE_HOST=10.0.0.2", "USHERD_SERVER_SERVICE_PORT=80",
        "USHERD_SERVER_SERVICE_PORT_HTTP_ALT=80", "USHERD_SERVER_PORT=tcp://[fd00::2]:80",
        "USHERD_SERVER_PORT_80_TCP=tcp://10.0.0.2:80", "USHERD_SERVER_PORT_80_TCP_PROTO=tcp",
        "USHERD_SERVER_PORT_80_TCP_PORT=80", "USHERD_SERVER_PORT_80_TCP_ADDR=fd00::2",
        "USHERD_ICE_SERVICE_HOST=10.0.0.3", "USHERD_ICE_PORT=udp://10.0.0.3:3478",
        "USHERD_ICE_PORT_3478_UDP=udp://10.0.0.3:3478", "USHERD_ICE_PORT_3478_UDP_ADDR=10.0.0.3",
        "USHERD_ICE_PORT_3478_SCTP_ADDR=10.0.0.3", "USHERD_ICE_STUN_SERVICE_HOST=10.0.0.3",
        "USHERD_LIMITS_SERVICE_PORT_METRICS=9090", "USHERD_SERVER_NAME=/web/usherd-server",
        "USHERD_SERVER_ENV_NODE_VERSION=20", "USHERD_SERVER_PORT_80_TCP_START=tcp://172.17.0.2:80",
        "USHERD_SERVER_PORT_80_TCP_PORT_END=89", "USHERD_TLS_1_SERVICE_HOST=10.0.0.4"};
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++)
        skips(VARIABLES[i], LOG_LEVEL_DEBUG, "");
    static const char *const ALMOST[] = {"USHERD_SERVER_PORT=80", "USHERD_SERVER_PORT_X_TCP=1",
        "USHERD_SERVER_PORT_80_ICMP=1", "USHERD_SERVER_PORT_80_TCP_HOST=1", "USHERD_SERVER_PORT_123456_TCP=1",
        "USHERD_SERVER_SERVICE=1", "USHERD_SERVER_NAME=web", "USHERD_SERVER_ENV_=1", "USHERD_SERVER_SERVICE_PORT_=1"};
    for (size_t i = 0; i < sizeof ALMOST / sizeof *ALMOST; i++) {
        char *const environment[] = {(char *)ALMOST[i], NULL};
        struct config *c = fresh();
        struct err e;
        if (config_load_environment(c, environment, &e))
            fail_msg("%s was skipped", ALMOST[i]);
        config_free(c);
    }
}

static void test_foreign_variables(void **state)
{
    (void)state;
    skips("USHERD_IMAGE=ghcr.example/usherd", LOG_LEVEL_NOTICE, "");
    skips("USHERD_PORT=4000", LOG_LEVEL_WARNING, "USHERD_SERVER_LISTEN");
    skips("USHERD_PROXY_PORT=4000", LOG_LEVEL_WARNING, "USHERD_SERVER_LISTEN");
    assert_int_equal(remarked("USHERD_CONFIG=/etc/usherd/usherd.conf").count, 0);
    assert_int_equal(remarked("USHERD_SERVER_NODE=a").count, 0);
    assert_int_equal(remarked("USHERDX_SERVICE_HOST=a").count, 0);
    assert_int_equal(remarked("USHERD_SERVICE_HOST").count, 0);
    char longer[400];
    snprintf(longer, sizeof longer, "USHERD_%0*d=1", 300, 0);
    struct said said = remarked(longer);
    assert_int_equal(said.count, 1);
    assert_int_equal(said.level, LOG_LEVEL_NOTICE);
}

static void test_set_errors(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"server", "--set server: expected section.key=value"},
        {"node=a", "--set node=a: expected section.key=value"},
        {"rooms.auto_create=perhaps", "--set rooms.auto_create = \"perhaps\": expected yes or no"},
        {"rooms.autocreate=no", "--set rooms.autocreate is not an option: did you mean rooms.auto_create?"},
        {"ice.stun=stun:a,stun:b",
            "--set ice.stun = \"stun:a,stun:b\": one URL a setting, which is repeated for more: write stun:a"},
        {"server.origins=a.example", "--set server.origins = \"a.example\": an origin begins with its scheme and ://: "
                                     "write https://a.example"},
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
        cmocka_unit_test(test_remarked_files),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_normalised),
        cmocka_unit_test(test_environment_errors),
        cmocka_unit_test(test_platform),
        cmocka_unit_test(test_foreign_variables),
        cmocka_unit_test(test_set_errors),
        cmocka_unit_test(test_print_reads_back),
        cmocka_unit_test(test_print_masks_secrets),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
