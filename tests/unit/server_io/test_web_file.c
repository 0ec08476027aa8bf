/* SPDX-License-Identifier: MIT
 *
 * Downloads, with real files, a real loop and its real threads: what a client is told, and what it gets of files that
 * change meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <time.h>

#include "tests/unit/server_io/web_client.h"

/* ---- heads ---- */

/* The headers without what differs between files, which is looked at. */
static void headers_are(struct client *c, const char *etag, const char *rest)
{
    char expected[WEB_HEADERS_MAX];
    snprintf(expected, sizeof expected, "ETag: %s\r\nCache-Control: no-cache\r\n%s", etag, rest);
    assert_string_equal(c->headers, expected);
}

static void etag_of(const struct client *c, char out[128])
{
    assert_int_equal(sscanf(c->headers, "ETag: %127[^\r]", out), 1);
}

#define FILE_LINES \
    "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nAccept-Ranges: bytes\r\n"
#define DATED "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void set_age(struct world *w, const char *name, time_t s)
{
    char path[SCRATCH_PATH];
    path_of(w, name, path);
    const struct timespec times[2] = {{.tv_sec = s}, {.tv_sec = s}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void answer_is(struct client *c, unsigned status, uint64_t length, const char *body)
{
    fetch_rest(c);
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->status, status);
    assert_int_equal(c->length, length);
    assert_int_equal(c->body.len, strlen(body));
    assert_memory_equal(c->body.p ? c->body.p : "", body, strlen(body));
    assert_int_equal(c->pieces, *body ? 1 : 0); /* what fits is one piece */
    assert_int_equal(c->lasts, c->pieces);
}

static void test_heads(void **state)
{
    struct world *w = *state;
    char etag[128], other[128];
    put(w, "a.txt", "0123456789", 10);
    set_age(w, "a.txt", 784111777);
    struct client *c = get(w, "/a.txt");
    answer_is(c, 200, 10, "0123456789");
    etag_of(c, etag);
    headers_are(c, etag, FILE_LINES DATED);
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .head = true, .conditions.range = SPAN("bytes=0-3")});
    answer_is(c, 200, 10, "");
    headers_are(c, etag, FILE_LINES DATED);
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.range = SPAN("bytes=2-4")});
    answer_is(c, 206, 3, "234");
    headers_are(c, etag, FILE_LINES DATED "Content-Range: bytes 2-4/10\r\n");
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.range = SPAN("bytes=10-")});
    answer_is(c, 416, 0, "");
    assert_string_equal(c->headers, "Content-Range: bytes */10\r\n");
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.if_none_match = span_of(etag)});
    answer_is(c, 304, 0, "");
    headers_are(c, etag, "");
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.if_match = SPAN("\"other\"")});
    answer_is(c, 412, 0, "");
    assert_string_equal(c->headers, "");
    done(c);

    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.if_match = SPAN("")}); /* there, and empty */
    answer_is(c, 412, 0, "");
    done(c);

    /* What was written just now says no date, since it may be written again in the same second. */
    put(w, "a.txt", "now", 3);
    set_age(w, "a.txt", time(NULL) + 1000);
    c = get(w, "/a.txt");
    answer_is(c, 200, 3, "now");
    etag_of(c, other);
    assert_string_not_equal(etag, other);
    headers_are(c, other, FILE_LINES);
    done(c);

    put(w, "empty.txt", "", 0);
    c = get(w, "/empty.txt");
    answer_is(c, 200, 0, "");
    done(c);
}

static void test_twins(void **state)
{
    struct world *w = *state;
    char etag[128], plain[128];
    put(w, "a.txt", "0123456789", 10);
    put(w, "a.txt.gz", "gzip", 4);
    set_age(w, "a.txt", 784111777);
    set_age(w, "a.txt.gz", 784111777);
    struct client *c = ask(w, (struct web_asked){.path = "/a.txt", .accept_encoding = SPAN("br, gzip")});
    answer_is(c, 200, 4, "gzip");
    etag_of(c, etag);
    headers_are(c, etag, "Vary: Accept-Encoding\r\n" FILE_LINES "Content-Encoding: gzip\r\n" DATED);
    done(c);
    c = get(w, "/a.txt");
    answer_is(c, 200, 10, "0123456789");
    etag_of(c, plain);
    assert_string_not_equal(etag, plain);
    headers_are(c, plain, "Vary: Accept-Encoding\r\n" FILE_LINES DATED);
    done(c);
    /* Of the twin: its range, its tag. */
    c = ask(w, (struct web_asked){.path = "/a.txt",
                   .accept_encoding = SPAN("gzip"),
                   .conditions = {.range = SPAN("bytes=-2"), .if_range = span_of(etag)}});
    answer_is(c, 206, 2, "ip");
    done(c);
    c = ask(w, (struct web_asked){
                   .path = "/a.txt", .accept_encoding = SPAN("gzip"), .conditions.if_none_match = span_of(etag)});
    answer_is(c, 304, 0, "");
    headers_are(c, etag, "Vary: Accept-Encoding\r\n");
    done(c);
    c = ask(w, (struct web_asked){.path = "/a.txt", .conditions.if_none_match = span_of(etag)});
    answer_is(c, 200, 10, "0123456789");
    done(c);
}

/* /proc and /sys have regular files whose sizes are not true, and that refuse to be read. */
static void test_refusals(void **state)
{
    struct world *w = *state;
    char path[SCRATCH_PATH];
    static const char *const PATHS[] = {"/nothing.txt", "/fifo", "/sub", "/a.txt/b", "/out"};
    put(w, "a.txt", "0123456789", 10);
    path_of(w, "fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    path_of(w, "sub", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_of(w, "out", path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        struct client *c = get(w, PATHS[i]);
        answer_is(c, 404, 0, "");
        assert_string_equal(c->headers, "");
        done(c);
    }
    assert_false(web_root_may_have(w->root, "/../a.txt"));
    assert_false(web_root_may_have(w->root, "/.hidden"));
    w->logger.level = 0; /* these are logged */
    web_root_set(w->root, "/sys/class/net/lo", NULL);
    struct client *c = get(w, "/speed"); /* EINVAL */
    answer_is(c, 503, 0, "");
    done(c);
    c = get(w, "/mtu"); /* shorter than it says */
    answer_is(c, 503, 0, "");
    assert_string_equal(c->headers, "");
    done(c);
    web_root_set(w->root, "/nonexistent/folder", NULL);
    c = get(w, "/");
    answer_is(c, 503, 0, "");
    done(c);
    web_root_set(w->root, "", NULL);
    assert_false(web_root_may_have(w->root, "/"));
    web_root_set(w->root, NULL, NULL);
    assert_false(web_root_may_have(w->root, "/"));
}

/* ---- the page ---- */

static bool says(const struct client *c, const char *line)
{
    return strstr(c->headers, line) != NULL;
}

static void policy_is(struct client *c, const char *body, bool script, bool page)
{
    answer_is(c, 200, strlen(body), body);
    assert_int_equal(says(c, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self' "), script);
    assert_int_equal(says(c, "\r\nReferrer-Policy: no-referrer\r\n"), script);
    assert_int_equal(says(c, "\r\nPermissions-Policy: camera=(self), microphone=(self), "), page);
    done(c);
}

static void test_policy(void **state)
{
    struct world *w = *state;
    put(w, "index.html", "page", 4);
    put(w, "a.js", "script", 6);
    put(w, "a.svg", "picture", 7);
    put(w, "a.css", "style", 5);
    policy_is(get(w, "/"), "page", true, true);
    policy_is(get(w, "/a.js"), "script", true, false);
    policy_is(get(w, "/a.svg"), "picture", true, false);
    policy_is(get(w, "/a.css"), "style", false, false);
}

/* What a browser keeps with the file is another then, so the file counts as another; but only where it says so. */
static void test_policy_names_other_servers(void **state)
{
    static const char OTHERS[] = " wss://b.example https://b.example";
    struct world *w = *state;
    char alone[2][128], more[2][128], other[128];
    put(w, "index.html", "page", 4);
    put(w, "a.css", "style", 5);
    for (int with = 0; with < 2; with++) {
        if (with)
            web_root_connect(w->root, strdup(OTHERS));
        struct client *c = get(w, "/");
        answer_is(c, 200, 4, "page");
        assert_true(says(c, with ? "; connect-src 'self' wss://b.example https://b.example; img-src"
                                 : "; connect-src 'self'; img-src"));
        etag_of(c, with ? more[0] : alone[0]);
        done(c);
        c = get(w, "/a.css");
        answer_is(c, 200, 5, "style");
        etag_of(c, with ? more[1] : alone[1]);
        done(c);
    }
    assert_string_not_equal(alone[0], more[0]);
    assert_string_equal(alone[1], more[1]);
    struct client *c = ask(w, (struct web_asked){.path = "/", .conditions.if_none_match = span_of(alone[0])});
    answer_is(c, 200, 4, "page");
    done(c);
    c = ask(w, (struct web_asked){.path = "/", .conditions.if_none_match = span_of(more[0])});
    answer_is(c, 304, 0, "");
    done(c);
    web_root_connect(w->root, strdup(" wss://c.example https://c.example"));
    c = get(w, "/");
    answer_is(c, 200, 4, "page");
    etag_of(c, other);
    assert_string_not_equal(other, more[0]);
    done(c);
}

static void test_kept_for_a_year(void **state)
{
    static const char YEAR[] = "\r\nCache-Control: public, max-age=31536000, immutable\r\n",
                      NAMED[] = "a.0123456789abcdef.css";
    struct world *w = *state;
    char etag[128];
    put(w, NAMED, "style", 5);
    put(w, "a.css", "style", 5);
    struct client *c = get(w, "/a.0123456789abcdef.css");
    answer_is(c, 200, 5, "style");
    assert_true(says(c, YEAR));
    etag_of(c, etag);
    done(c);
    c = ask(w, (struct web_asked){.path = "/a.0123456789abcdef.css", .conditions.if_none_match = span_of(etag)});
    answer_is(c, 304, 0, "");
    assert_true(says(c, YEAR));
    done(c);
    c = get(w, "/a.css");
    answer_is(c, 200, 5, "style");
    assert_true(says(c, "\r\nCache-Control: no-cache\r\n"));
    done(c);
}

/* Where there is no page of rooms, the other one is theirs too. */
static void test_page_of_rooms(void **state)
{
    struct world *w = *state;
    struct client *c = get(w, "/room/tea");
    answer_is(c, 404, 0, "");
    done(c);
    put(w, "index.html", "front", 5);
    c = get(w, "/room/tea");
    answer_is(c, 200, 5, "front");
    done(c);
    put(w, "room.html", "room", 4);
    c = get(w, "/room/tea");
    answer_is(c, 200, 4, "room");
    done(c);
    c = get(w, "/");
    answer_is(c, 200, 5, "front");
    done(c);
}

/* ---- pieces ---- */

static void test_pieces(void **state)
{
    struct world *w = *state;
    char *bytes = put_big(w, "big", 1);
    struct client *c = get(w, "/big");
    settle(w);
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->pieces, 1); /* the next waits to be asked for */
    fetch_rest(c);
    body_is(c, bytes, BIG);
    assert_int_equal(c->pieces, 4);
    done(c);
    c = get(w, "/big");
    c->eager = true;
    settle(w);
    body_is(c, bytes, BIG);
    done(c);
    c = ask(w, (struct web_asked){.path = "/big", .conditions.range = SPAN("bytes=1000-140000")});
    c->eager = true;
    settle(w);
    body_is(c, bytes + 1000, 139001);
    done(c);
    /* Where the last piece is a whole one. */
    c = ask(w, (struct web_asked){.path = "/big", .conditions.range = SPAN("bytes=0-131071")});
    c->eager = true;
    settle(w);
    body_is(c, bytes, 131072);
    assert_int_equal(c->pieces, 2);
    done(c);
    free(bytes);
}

static void test_in_turn(void **state)
{
    struct world *w = *state;
    char *bytes = put_big(w, "big", 1);
    struct client *clients[8];
    unsigned counter = 0;
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = get(w, "/big");
        clients[i]->eager = true;
        clients[i]->counter = &counter;
    }
    settle(w);
    for (size_t i = 0; i < COUNT(clients); i++) {
        body_is(clients[i], bytes, BIG);
        assert_true(
            clients[i]->turn > 3 * COUNT(clients) - WEB_READS_MAX); /* nobody was through before the others' third */
        done(clients[i]);
    }
    free(bytes);
}

/* ---- files that change meanwhile ---- */

static void test_shrinks(void **state)
{
    struct world *w = *state;
    char path[SCRATCH_PATH];
    char *bytes = put_big(w, "big", 1);
    path_of(w, "big", path);
    w->logger.level = 0;
    struct client *c = get(w, "/big");
    until(c, 2);
    assert_int_equal(truncate(path, WEB_PIECE_MAX + 5), 0);
    fetch_rest(c);
    assert_int_equal(c->status, 200);
    assert_int_equal(c->failures, 1);
    assert_int_equal(c->pieces, 1);
    assert_memory_equal(c->body.p, bytes, WEB_PIECE_MAX);
    done(c);
    free(bytes);
}

static void test_grows(void **state)
{
    struct world *w = *state;
    char path[SCRATCH_PATH];
    char *bytes = put_big(w, "big", 1);
    path_of(w, "big", path);
    struct client *c = get(w, "/big");
    until(c, 2);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("more of it, which nobody was promised", f);
    fclose(f);
    fetch_rest(c);
    body_is(c, bytes, BIG);
    done(c);
    free(bytes);
}

static void test_replaced(void **state)
{
    struct world *w = *state;
    char from[SCRATCH_PATH], to[SCRATCH_PATH];
    char *old = put_big(w, "big", 1), *new = put_big(w, "big.new", 2);
    path_of(w, "big.new", from);
    path_of(w, "big", to);
    struct client *c = get(w, "/big");
    until(c, 2);
    assert_int_equal(rename(from, to), 0);
    struct client *later = get(w, "/big");
    fetch_rest(later);
    body_is(later, new, BIG);
    fetch_rest(c);
    body_is(c, old, BIG);
    assert_string_not_equal(c->headers, later->headers);
    done(later);
    done(c);
    free(old);
    free(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_heads),
        IN_WORLD(test_twins),
        IN_WORLD(test_refusals),
        IN_WORLD(test_policy),
        IN_WORLD(test_policy_names_other_servers),
        IN_WORLD(test_kept_for_a_year),
        IN_WORLD(test_page_of_rooms),
        IN_WORLD(test_pieces),
        IN_WORLD(test_in_turn),
        IN_WORLD(test_shrinks),
        IN_WORLD(test_grows),
        IN_WORLD(test_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
