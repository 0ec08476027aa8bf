/* SPDX-License-Identifier: MIT
 *
 * conf/usherd.conf and usherd.conf(5) say of every option what the table says: its name under its section, its
 * meaning and its default; and nothing else. usherd(8) has every route and every code of an HTTP error,
 * protocol/README.md every code, reason and close of a connection; and no other. Runs from the project's root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ctype.h>
#include <glob.h>
#include <unistd.h>
#include <cmocka.h>

#include "server/config.h"
#include "server/io/http.h"
#include "server/io/request_inner.h"

/* The whole file with every run of space, `#` at a line's start and roff's backslashes made one space or nothing. */
static char *read_words(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct buf text;
    buf_init(&text, 256 * 1024);
    bool space = true, start = true;
    for (int c; (c = getc(f)) != EOF;) {
        bool skip = isspace(c) || (start && c == '#');
        start = c == '\n';
        if (c == '\\')
            continue;
        if (skip && !space)
            buf_byte(&text, ' ');
        else if (!skip)
            buf_byte(&text, (char)c);
        space = skip;
    }
    fclose(f);
    char *words = buf_take(&text, NULL);
    assert_non_null(words);
    return words;
}

/* Finds the words behind `from` or fails; returns what follows. */
static const char *expect_after(const char *from, const char *words)
{
    const char *at = strstr(from, words);
    if (!at)
        fail_msg("\"%s\" is not documented, or not in its place", words);
    return at + strlen(words);
}

static void capitalised(const char *meaning, char *out, size_t size)
{
    snprintf(out, size, "%c%s.", toupper((unsigned char)meaning[0]), meaning + 1);
}

static void test_conf_file(void **state)
{
    (void)state;
    char *words = read_words("conf/usherd.conf");
    const char *at = words, *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        char text[1024];
        if (strcmp(section, o->section) != 0) {
            snprintf(text, sizeof text, "[%s]", o->section);
            at = expect_after(at, text);
            section = o->section;
        }
        capitalised(o->meaning, text, sizeof text);
        at = expect_after(at, text);
        struct buf allowed;
        buf_init(&allowed, sizeof text);
        option_allowed(o, &allowed);
        at = expect_after(at, allowed.p);
        buf_done(&allowed);
        snprintf(text, sizeof text, ") %s =%s%s ", o->key, *o->def ? " " : "", o->def);
        at = expect_after(at, text);
    }
    free(words);
}

/* With every # before an option removed it is a good file, and all defaults. */
static void test_conf_file_loads(void **state)
{
    (void)state;
    FILE *in = fopen("conf/usherd.conf", "r");
    assert_non_null(in);
    char path[] = "/tmp/usherd-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    size_t taken = 0;
    for (char line[512]; fgets(line, sizeof line, in);) {
        bool option = line[0] == '#' && islower((unsigned char)line[1]);
        taken += option;
        fputs(option ? line + 1 : line, out);
    }
    fclose(in);
    fclose(out);
    struct config *c = config_new();
    struct err e = {.text = ""};
    bool loaded = config_load_file(c, path, &e);
    unlink(path);
    if (!loaded)
        fail_msg("%s", e.text);
    assert_int_equal(taken, OPTION_COUNT);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        assert_false(config_changed(c, (enum option_id)i));
    config_free(c);
}

static void test_man_page(void **state)
{
    (void)state;
    char *words = read_words("docs/man/usherd.conf.5");
    const char *at = words, *section = "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        char text[1024], meaning[512];
        if (strcmp(section, o->section) != 0) {
            snprintf(text, sizeof text, ".SH [%s]", o->section);
            at = expect_after(at, text);
            section = o->section;
        }
        capitalised(o->meaning, meaning, sizeof meaning);
        snprintf(text, sizeof text, ".TP .B %s %s .br Default: %s. ", o->key, meaning, *o->def ? o->def : "empty");
        at = expect_after(at, text);
    }
    free(words);
}

/* A default printed is the default as the table writes it. */
static void test_defaults_are_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        if (o->type == OPTION_TEXT || o->type == OPTION_LIST)
            continue;
        unsigned long long number = 0;
        assert_true(option_parse(o, o->def, &number));
        if (o->type != OPTION_ENUM) {
            assert_true(number >= o->least);
            assert_true(number <= o->most);
        }
        struct buf text;
        buf_init(&text, 256);
        option_format(o, number, &text);
        assert_string_equal(text.p, o->def);
        buf_done(&text);
    }
}

/* ---- routes ---- */

/* "GET /api/rooms/ID" of a row: a parameter is written in capitals. */
static void write_route(const char *method, const char *pattern, char *out, size_t size)
{
    int n = snprintf(out, size, ".B %s ", method);
    size_t at = (size_t)n;
    bool parameter = false;
    for (const char *p = pattern; *p && at + 1 < size; p++) {
        parameter = *p == ':' || (parameter && *p != '/');
        if (*p != ':')
            out[at++] = parameter ? (char)toupper((unsigned char)*p) : *p;
    }
    out[at] = '\0';
}

/* Whether the words, or the words and a query behind them, stand in the text. */
static bool says(const char *text, const char *words)
{
    size_t n = strlen(words);
    for (const char *at = text; (at = strstr(at, words)); at += n)
        if (at[n] == ' ' || at[n] == '?')
            return true;
    return false;
}

static const struct {
    enum http_method method;
    const char *name;
} METHODS[] = {{HTTP_GET, "GET"}, {HTTP_POST, "POST"}, {HTTP_DELETE, "DELETE"}};

static void test_routes(void **state)
{
    (void)state;
    char *man = read_words("docs/man/usherd.8");
    size_t rows = 9; /* `/` and `/room/ID`, which are web_root's; the WebSockets; Engine.IO's; and what peerjs asks */
    for (size_t i = 0; i < routes_count; i++)
        for (size_t k = 0; k < sizeof METHODS / sizeof *METHODS; k++) {
            char words[128];
            if (!(routes[i].methods & METHODS[k].method))
                continue;
            rows++;
            write_route(METHODS[k].name, routes[i].pattern, words, sizeof words);
            if (!says(man, words))
                fail_msg("usherd(8) does not have \"%s\"", words);
        }
    assert_true(says(man, ".B GET /") && says(man, ".B GET /room/ID"));
    assert_true(says(man, ".B GET /ws") && says(man, ".B GET /y-webrtc") && says(man, ".B GET /peerjs"));
    assert_true(says(man, ".B GET /socket.io/") && says(man, ".B POST /socket.io/"));
    assert_true(says(man, ".B GET /KEY/id") && says(man, ".B GET /KEY/peers"));
    size_t documented = 0;
    for (size_t k = 0; k < sizeof METHODS / sizeof *METHODS; k++) {
        char words[32];
        snprintf(words, sizeof words, ".B %s /", METHODS[k].name);
        for (const char *at = man; (at = strstr(at, words)); at++)
            documented++;
    }
    assert_int_equal(documented, rows);
    free(man);
}

/* ---- codes of HTTP errors, and reasons of closes ---- */

enum {
    LITERALS_MAX = 64,
    LITERAL_MAX = 64
};

struct literals {
    char v[LITERALS_MAX][LITERAL_MAX];
    size_t n;
};

static void note_literal(struct literals *found, const char *from, size_t n)
{
    assert_true(n < LITERAL_MAX);
    for (size_t i = 0; i < found->n; i++)
        if (strlen(found->v[i]) == n && memcmp(found->v[i], from, n) == 0)
            return;
    assert_true(found->n < LITERALS_MAX);
    memcpy(found->v[found->n], from, n);
    found->v[found->n++][n] = '\0';
}

/* In each call of the function, the first string that is made of these characters only. */
static void note_calls(const char *source, const char *call, const char *alphabet, struct literals *found)
{
    for (const char *at = source; (at = strstr(at, call)); at++) {
        const char *end = strchr(at, ';');
        for (const char *p = strchr(at, '"'); end && p && p < end;) {
            size_t n = strcspn(p + 1, "\"");
            if (n > 0 && strspn(p + 1, alphabet) >= n) {
                note_literal(found, p + 1, n);
                break;
            }
            p = strchr(p + n + 2, '"');
        }
    }
}

static void note_files(const char *pattern, const char *const *calls, const char *alphabet, struct literals *found)
{
    glob_t files;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *source = read_words(files.gl_pathv[i]);
        for (const char *const *call = calls; *call; call++)
            note_calls(source, *call, alphabet, found);
        free(source);
    }
    globfree(&files);
}

static void test_http_errors(void **state)
{
    (void)state;
    static const char *const CALLS[] = {"http_error(", "refuse_as(", NULL};
    static const char *const HEADS[] = {
#define X(name, status, code, text) code,
        PROBLEM_TABLE(X)
#undef X
    };
    struct literals codes = {.n = 0};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++)
        note_literal(&codes, HEADS[i], strlen(HEADS[i]));
    note_files("server/io/*.c", CALLS, "abcdefghijklmnopqrstuvwxyz-", &codes);
    note_files("server/core/*.c", CALLS, "abcdefghijklmnopqrstuvwxyz-", &codes);
    assert_true(codes.n > 8);
    char *man = read_words("docs/man/usherd.8");
    char *end, *section = strstr(man, ".SH HTTP ERRORS");
    assert_non_null(section);
    end = strstr(section + 1, ".SH ");
    assert_non_null(end);
    *end = '\0';
    size_t own = 0, documented = 0;
    for (size_t i = 0; i < codes.n; i++) {
        char words[LITERAL_MAX + 16];
        bool shared = false;
        for (enum error e = ERROR_NONE + 1; e < ERRORS; e++)
            shared = shared || strcmp(codes.v[i], error_code(e)) == 0;
        snprintf(words, sizeof words, ".TP .B %s ", codes.v[i]);
        if (!shared && !strstr(section, words))
            fail_msg("usherd(8) does not have the code \"%s\"", codes.v[i]);
        own += !shared;
    }
    for (const char *at = section; (at = strstr(at, ".TP .B ")); at++)
        documented++;
    assert_int_equal(documented, own);
    free(man);
}

/* [E-1] row by row, in the table's order, and [S-43]'s reasons. */
static void test_protocol_errors(void **state)
{
    (void)state;
    char *text = read_words("protocol/README.md");
    const char *at = expect_after(text, "**[E-1]**"), *end = strstr(at, "**[E-2]**");
    assert_non_null(end);
    size_t rows = 0;
    for (const char *p = at; (p = strstr(p, " | `")) && p < end; p++)
        rows++;
    assert_int_equal(rows, ERRORS - 1);
    for (enum error e = ERROR_NONE + 1; e < ERRORS; e++) {
        char words[64];
        snprintf(words, sizeof words, " | `%s` | ", error_code(e));
        at = expect_after(at, words);
        snprintf(words, sizeof words, " | %u |", error_close_code(e));
        assert_ptr_equal(strchr(at, '|') - 1, strstr(at, words));
    }
    struct buf reasons;
    buf_init(&reasons, 1024);
    buf_text(&reasons, "`peerId` and `reason`:");
#define X(name, reason) buf_printf(&reasons, "%s `%s`", DEPARTURE_##name ? "," : "", reason);
    DEPARTURE_TABLE(X)
#undef X
    buf_text(&reasons, "; a reason that");
    expect_after(text, reasons.p);
    buf_done(&reasons);
    free(text);
}

static void test_closes(void **state)
{
    (void)state;
    static const char *const CALLS[] = {"session_end(", "say_close(", "REASON[] = ", NULL};
    struct literals reasons = {.n = 0};
    note_files("server/core/*.c", CALLS, "abcdefghijklmnopqrstuvwxyz ", &reasons);
    char *text = read_words("protocol/README.md");
    char *clause = strstr(text, "**[E-3]**"), *end;
    assert_non_null(clause);
    end = strstr(clause, " # ");
    assert_non_null(end);
    *end = '\0';
    size_t documented = 0;
    for (size_t i = 0; i < reasons.n; i++) {
        char words[LITERAL_MAX + 2];
        snprintf(words, sizeof words, "`%s`", reasons.v[i]);
        expect_after(clause, words);
    }
    for (const char *at = clause; (at = strchr(at, '`')); at++)
        documented++;
    assert_int_equal(documented, 2 * reasons.n);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_file),
        cmocka_unit_test(test_conf_file_loads),
        cmocka_unit_test(test_man_page),
        cmocka_unit_test(test_defaults_are_canonical),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_http_errors),
        cmocka_unit_test(test_protocol_errors),
        cmocka_unit_test(test_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
