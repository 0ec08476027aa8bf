/* SPDX-License-Identifier: MIT
 *
 * A folder, a loop with its threads, and clients that note what they are told of their downloads.
 */
#ifndef TESTS_SERVER_IO_WEB_CLIENT_H
#define TESTS_SERVER_IO_WEB_CLIENT_H

#include <stdio.h>
#include <stdlib.h>

#include "server/io/web_file.h"
#include "tests/unit/peer_io/scratch.h"
#include "tests/unit/server_io/descriptors.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum {
    PATIENCE_MS = 20000,
    BIG = 3 * WEB_PIECE_MAX + 100,
    PIECES_MAX = 100 /* no test reads more */
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

static inline void end(struct client *c)
{
    c->asking = true;
    web_end(c->d);
    c->asking = false;
    c->d = NULL;
}

static inline void next(struct client *c)
{
    c->asking = true;
    web_next(c->d);
    c->asking = false;
}

static inline unsigned events(const struct client *c)
{
    return c->heads + c->pieces + c->failures;
}

static inline void note_event(struct client *c)
{
    assert_false(c->asking);
    assert_non_null(c->d);
    if (events(c) == c->end_at)
        end(c);
}

static inline void on_head(void *ctx, unsigned status, const char *headers, uint64_t length)
{
    struct client *c = ctx;
    assert_int_equal(events(c), 0);
    c->heads++;
    c->status = status;
    c->length = length;
    snprintf(c->headers, sizeof c->headers, "%s", headers);
    note_event(c);
}

static inline void on_piece(void *ctx, struct frame *bytes, bool last)
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

static inline void on_failed(void *ctx)
{
    struct client *c = ctx;
    assert_int_equal(c->heads, 1);
    assert_int_equal(c->lasts + c->failures, 0);
    c->failures++;
    note_event(c);
}

static const struct web_events EVENTS = {on_head, on_piece, on_failed};

/* ---- the world ---- */

static inline int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    void *scratch;
    if (!w || scratch_setup(&scratch) != 0 || uv_loop_init(&w->loop) != 0)
        return -1;
    w->scratch = scratch;
    w->logger = (struct logger){.level = LOG_LEVEL_ERROR, .format = LOG_TEXT};
    snprintf(w->path, sizeof w->path, "%s", w->scratch->path);
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    const struct rng rng = rng_seeded_port(&seed);
    w->root = web_root_new(&w->loop, &w->logger, &rng);
    web_root_set(w->root, w->path);
    w->descriptors = count_descriptors();
    *state = w;
    return 0;
}

static inline int tear_down(void **state)
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

static inline void path_of(const struct world *w, const char *name, char out[SCRATCH_PATH])
{
    scratch_path(w->scratch, name, out);
}

static inline void put(struct world *w, const char *name, const char *bytes, size_t n)
{
    char path[SCRATCH_PATH];
    path_of(w, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Bytes that differ from place to place, and from seed to seed. Returned owned. */
static inline char *make_bytes(size_t n, unsigned seed)
{
    char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((i * 31 + i / 251 + seed) & 0xff);
    return bytes;
}

static inline char *put_big(struct world *w, const char *name, unsigned seed)
{
    char *bytes = make_bytes(BIG, seed);
    put(w, name, bytes, BIG);
    return bytes;
}

static inline struct client *ask(struct world *w, struct web_asked asked)
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

static inline struct client *get(struct world *w, const char *path)
{
    return ask(w, (struct web_asked){.path = path});
}

static inline void done(struct client *c)
{
    if (c->d)
        end(c);
    buf_done(&c->body);
    free(c);
}

static inline void late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("it did not come in time");
}

/* Runs the loop until the client has seen so many events. */
static inline void until(struct client *c, unsigned count)
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
static inline void settle(struct world *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static inline void fetch_rest(struct client *c)
{
    settle(c->w);
    while (c->pieces && !c->lasts && !c->failures) {
        assert_true(c->pieces < PIECES_MAX);
        next(c);
        settle(c->w);
    }
}

static inline void body_is(const struct client *c, const char *bytes, size_t n)
{
    assert_int_equal(c->length, n);
    assert_int_equal(c->body.len, n);
    assert_memory_equal(c->body.p, bytes, n);
    assert_int_equal(c->lasts, 1);
    assert_int_equal(c->failures, 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
