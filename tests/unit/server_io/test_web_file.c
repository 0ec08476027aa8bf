/* SPDX-License-Identifier: MIT
 *
 * Downloads, with real files, a real loop and its real threads: what is told, in which order, whatever happens to the file
 * and whenever the client goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "server/io/web_file.h"
#include "tests/unit/peer_io/scratch.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum {
    PATIENCE_MS = 20000,
    BIG = 3 * WEB_PIECE_MAX + 100
};

struct world {
    struct scratch *scratch;
    uv_loop_t loop;
    struct logger logger;
    struct web_root *root;
    char path[SCRATCH_PATH];
    size_t descriptors; /* before there were downloads */
};

/* What one request has seen. */
struct client {
    struct world *w;
    struct web_download *d;
    unsigned heads, pieces, lasts, failures;
    unsigned status;
    char headers[WEB_HEADERS_MAX];
    uint64_t length;
    struct buf body;
    bool asking;       /* within web_open, web_next or web_end */
    bool eager;        /* asks for the next piece from within the event of the last */
    unsigned end_at;   /* ends itself within this event, counted from 1; 0: never */
    unsigned *counter; /* of all pieces, for who comes when */
    unsigned turn;     /* the counter at the last of its pieces */
};

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void end(struct client *c)
{
    c->asking = true;
    web_end(c->d);
    c->asking = false;
    c->d = NULL;
}

static void next(struct client *c)
{
    c->asking = true;
    web_next(c->d);
    c->asking = false;
}

static unsigned events(const struct client *c)
{
    return c->heads + c->pieces + c->failures;
}

static void note_event(struct client *c)
{
    assert_false(c->asking);
    assert_non_null(c->d);
    if (events(c) == c->end_at)
        end(c);
}

static void on_head(void *ctx, unsigned status, const char *headers, uint64_t length)
{
    struct client *c = ctx;
    assert_int_equal(events(c), 0);
    c->heads++;
    c->status = status;
    c->length = length;
    snprintf(c->headers, sizeof c->headers, "%s", headers);
    note_event(c);
}

static void on_piece(void *ctx, struct frame *bytes, bool last)
{
    struct client *c = ctx;
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->lasts + c->failures, 0);
    assert_int_equal(bytes->head, 0);
    assert_true(bytes->len > 0 && bytes->len <= WEB_PIECE_MAX);
    c->pieces++;
    c->lasts += last;
    if (c->counter)
        c->turn = ++*c->counter;
    buf_span(&c->body, frame_text(bytes));
    frame_unref(bytes);
    bool more = c->eager && !last;
    if (more)
        next(c);
    note_event(c);
}

static void on_failed(void *ctx)
{
    struct client *c = ctx;
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->lasts + c->failures, 0);
    c->failures++;
    note_event(c);
}

static const struct web_events EVENTS = {on_head, on_piece, on_failed};

/* ---- the world ---- */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    void *scratch;
    if (!w || scratch_setup(&scratch) != 0 || uv_loop_init(&w->loop) != 0)
        return -1;
    w->scratch = scratch;
    w->logger = (struct logger){LOG_LEVEL_ERROR, LOG_TEXT};
    snprintf(w->path, sizeof w->path, "%s", w->scratch->path);
    w->root = web_root_new(&w->loop, &w->logger);
    web_root_set(w->root, w->path);
    w->descriptors = count_descriptors();
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    void *scratch = w->scratch;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(count_descriptors(), w->descriptors); /* every file was closed */
    web_root_free(w->root);                                /* and every download is gone */
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return scratch_teardown(&scratch);
}

static void path_of(const struct world *w, const char *name, char out[SCRATCH_PATH])
{
    scratch_path(w->scratch, name, out);
}

static void put(struct world *w, const char *name, const char *bytes, size_t n)
{
    char path[SCRATCH_PATH];
    path_of(w, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Bytes that differ from place to place, and from seed to seed. Returned owned. */
static char *make_bytes(size_t n, unsigned seed)
{
    char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((i * 31 + i / 251 + seed) & 0xff);
    return bytes;
}

static char *put_big(struct world *w, const char *name, unsigned seed)
{
    char *bytes = make_bytes(BIG, seed);
    put(w, name, bytes, BIG);
    return bytes;
}

static struct client *ask(struct world *w, struct web_asked asked)
{
    struct client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->w = w;
    buf_init(&c->body, 16 * BIG);
    c->asking = true;
    assert_true(web_root_may_have(w->root, asked.path));
    c->d = web_open(w->root, &asked, &EVENTS, c);
    c->asking = false;
    assert_non_null(c->d);
    return c;
}

static struct client *get(struct world *w, const char *path)
{
    return ask(w, (struct web_asked){.path = path});
}

static void done(struct client *c)
{
    if (c->d)
        end(c);
    buf_done(&c->body);
    free(c);
}

static void late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("it did not come in time");
}

/* Runs the loop until the client has seen so many events. */
static void until(struct client *c, unsigned count)
{
    uv_timer_t timer;
    uv_timer_init(&c->w->loop, &timer);
    uv_timer_start(&timer, late, PATIENCE_MS, 0);
    while (events(c) < count)
        uv_run(&c->w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&c->w->loop, UV_RUN_NOWAIT);
}

/* Runs the loop until nothing is under way: what has not come by then does not come by itself. */
static void settle(struct world *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void fetch_rest(struct client *c)
{
    settle(c->w);
    while (c->pieces && !c->lasts && !c->failures) {
        next(c);
        settle(c->w);
    }
}

static void body_is(const struct client *c, const char *bytes, size_t n)
{
    assert_int_equal(c->length, n);
    assert_int_equal(c->body.len, n);
    assert_memory_equal(c->body.p, bytes, n);
    assert_int_equal(c->lasts, 1);
    assert_int_equal(c->failures, 0);
}

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
    web_root_set(w->root, "/sys/class/net/lo");
    struct client *c = get(w, "/speed"); /* EINVAL */
    answer_is(c, 503, 0, "");
    done(c);
    c = get(w, "/mtu"); /* shorter than it says */
    answer_is(c, 503, 0, "");
    assert_string_equal(c->headers, "");
    done(c);
    web_root_set(w->root, "/nonexistent/folder");
    c = get(w, "/");
    answer_is(c, 503, 0, "");
    done(c);
    web_root_set(w->root, "");
    assert_false(web_root_may_have(w->root, "/"));
    web_root_set(w->root, NULL);
    assert_false(web_root_may_have(w->root, "/"));
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

/* ---- the client goes ---- */

static void unseen(struct client *c, unsigned before)
{
    settle(c->w);
    assert_int_equal(events(c), before);
    assert_int_equal(count_descriptors(), c->w->descriptors);
    done(c);
}

static void end_unseen(struct client *c)
{
    unsigned before = events(c);
    end(c);
    unseen(c, before);
}

static void test_ended_at_any_time(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    struct client *busy[WEB_READS_MAX];
    struct client *c = get(w, "/big"); /* on the pool */
    end_unseen(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = get(w, "/big");
    c = get(w, "/big"); /* in the line, without a file yet */
    end(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        end(busy[i]);
    unseen(c, 0);
    for (size_t i = 0; i < COUNT(busy); i++)
        done(busy[i]);
    c = get(w, "/big"); /* it has a piece */
    until(c, 2);
    end_unseen(c);
    c = get(w, "/big"); /* the next is read */
    until(c, 2);
    next(c);
    end_unseen(c);
    c = get(w, "/big"); /* in the line, with a file */
    until(c, 2);
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = get(w, "/big");
    next(c);
    end(c);
    for (size_t i = 0; i < COUNT(busy); i++)
        end(busy[i]);
    unseen(c, 2);
    for (size_t i = 0; i < COUNT(busy); i++)
        done(busy[i]);
    c = get(w, "/big"); /* all is told */
    fetch_rest(c);
    end_unseen(c);
    c = get(w, "/nothing");
    settle(w);
    end_unseen(c);
    web_end(NULL);
}

static void test_ended_within_an_event(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    for (unsigned at = 1; at <= 5; at++)
        for (int eager = 0; eager < 2; eager++) {
            struct client *c = get(w, "/big");
            c->end_at = at;
            c->eager = eager;
            settle(w);
            for (; c->d && !eager; settle(w))
                next(c);
            assert_null(c->d);
            unseen(c, at);
        }
    struct client *c = get(w, "/nothing");
    c->end_at = 1;
    settle(w);
    unseen(c, 1);
}

static void test_ended_after_any_turn(void **state)
{
    struct world *w = *state;
    free(put_big(w, "big", 1));
    for (unsigned turns = 0; turns < 200; turns++) {
        struct client *c = get(w, "/big");
        c->eager = true;
        for (unsigned i = 0; i < turns % 20 && c->lasts == 0; i++)
            uv_run(&w->loop, turns % 2 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        end_unseen(c);
    }
}

/* ---- limits ---- */

static void test_as_many_as_may_be(void **state)
{
    struct world *w = *state;
    put(w, "a.txt", "0123456789", 10);
    struct client **all = calloc(WEB_DOWNLOADS_MAX, sizeof(struct client *));
    assert_non_null(all);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++)
        all[i] = get(w, "/a.txt");
    const struct web_asked asked = {.path = "/a.txt"};
    assert_null(web_open(w->root, &asked, &EVENTS, NULL));
    done(all[WEB_DOWNLOADS_MAX - 1]); /* one that waits is gone at once */
    all[WEB_DOWNLOADS_MAX - 1] = get(w, "/a.txt");
    settle(w);
    for (size_t i = 0; i < WEB_DOWNLOADS_MAX; i++) {
        assert_int_equal(all[i]->lasts, 1);
        done(all[i]);
    }
    free(all);
}

/* While there are many, pieces are small. */
static void test_small_pieces(void **state)
{
    struct world *w = *state;
    char *bytes = put_big(w, "big", 1);
    enum {
        MANY = WEB_PIECES_BYTES / WEB_PIECE_MAX * 2
    };
    struct client **all = calloc(MANY, sizeof(struct client *)), *last = NULL;
    assert_non_null(all);
    for (size_t i = 0; i < MANY; i++)
        all[i] = last = ask(w, (struct web_asked){.path = "/big", .head = i + 1 < MANY});
    settle(w);
    assert_int_equal(last->body.len, WEB_PIECE_MAX / 2);
    for (size_t i = 0; i + 1 < MANY; i++)
        done(all[i]);
    fetch_rest(last);
    body_is(last, bytes, BIG);
    assert_int_equal(last->pieces, 4); /* the others were whole again */
    done(last);
    free(all);
    free(bytes);
}

struct probe {
    uv_work_t work;
    uv_sem_t ran;
};

static void probe_run(uv_work_t *work)
{
    struct probe *p = work->data;
    uv_sem_post(&p->ran);
}

static void probe_done(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

/* Others' work has its turn, however many files are asked for. */
static void test_room_on_the_pool(void **state)
{
    struct world *w = *state;
    struct client *clients[20];
    struct probe probe;
    free(put_big(w, "big", 1));
    for (size_t i = 0; i < COUNT(clients); i++)
        clients[i] = get(w, "/big");
    probe.work.data = &probe;
    assert_int_equal(uv_sem_init(&probe.ran, 0), 0);
    assert_int_equal(uv_queue_work(&w->loop, &probe.work, probe_run, probe_done), 0);
    uv_sem_wait(&probe.ran);
    /* The loop has not turned: what was begun before the probe is all that was begun. */
    assert_true(count_descriptors() <= w->descriptors + (size_t)2 * WEB_READS_MAX);
    settle(w);
    for (size_t i = 0; i < COUNT(clients); i++) {
        assert_int_equal(clients[i]->pieces, 1);
        done(clients[i]);
    }
    uv_sem_destroy(&probe.ran);
}

static void test_logged_at_a_bounded_rate(void **state)
{
    struct world *w = *state;
    int ends[2], keep = dup(STDERR_FILENO);
    char text[4096] = "";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    w->logger.level = LOG_LEVEL_WARNING;
    web_root_set(w->root, "/sys/class/net/lo");
    for (int i = 0; i < 5; i++) {
        struct client *c = get(w, "/speed");
        settle(w);
        done(c);
    }
    dup2(keep, STDERR_FILENO);
    close(keep);
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    assert_non_null(strstr(text, "cannot be read"));
    assert_non_null(strstr(text, "speed"));
    assert_non_null(strstr(text, strerror(EINVAL)));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_heads),
        IN_WORLD(test_twins),
        IN_WORLD(test_refusals),
        IN_WORLD(test_pieces),
        IN_WORLD(test_in_turn),
        IN_WORLD(test_shrinks),
        IN_WORLD(test_grows),
        IN_WORLD(test_replaced),
        IN_WORLD(test_ended_at_any_time),
        IN_WORLD(test_ended_within_an_event),
        IN_WORLD(test_ended_after_any_turn),
        IN_WORLD(test_as_many_as_may_be),
        IN_WORLD(test_small_pieces),
        IN_WORLD(test_room_on_the_pool),
        IN_WORLD(test_logged_at_a_bounded_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
