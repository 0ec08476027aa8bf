/* SPDX-License-Identifier: MIT
 *
 * The whole of server/io with the real core, on a listening socket of loopback, its loop turned by the test, and clients
 * that are plain sockets of the same thread. uv's thread pool can be held, so that what is written or read on it comes as
 * late as a test wants it.
 */
#ifndef TESTS_SERVER_IO_ENGINE_H
#define TESTS_SERVER_IO_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "server/io/http.h"
#include "server/adapters/owner.h"
#include "tests/unit/peer_io/scratch.h"
#include "tests/unit/server_io/descriptors.h"

enum {
    PATIENCE_MS = 20000,
    POOL = 4, /* threads of uv's pool, unless the environment says otherwise */
    SMALL = 4096,
    BIG = 4 * 1024 * 1024,
    ANSWER_TEXT_MAX = 8192,
};

struct engine {
    struct state_hold state;
    struct scratch *scratch;
    uv_loop_t loop;
    struct logger logger;
    struct core_settings settings;
    struct rng_seeded seed;
    struct rng rng;
    struct owner_key owner;
    struct core *core;
    struct io *io;
    uint16_t port;
    size_t descriptors; /* before there was anything */
    uv_sem_t pool;      /* what held threads wait for */
    uv_work_t held[POOL];
    char answer[ANSWER_TEXT_MAX]; /* the last one */
};

static const char *const ORIGINS[] = {"https://a.example"};

static inline void drained(void *ctx)
{
    (void)ctx;
}

/* ---- turning the loop ---- */

/* So that the loop turns while the test waits for something that is no event of it. */
static inline void tick(uv_timer_t *timer)
{
    if (uv_now(timer->loop) > *(uint64_t *)timer->data)
        fail_msg("it did not come in time");
}

static inline void turn(struct engine *e)
{
    uv_run(&e->loop, UV_RUN_ONCE);
    core_check(e->core);
}

/* Turns the loop until that holds. */
#define UNTIL(e, holds)                                     \
    do {                                                    \
        uv_timer_t timer;                                   \
        uv_update_time(&(e)->loop);                         \
        uint64_t end_at = uv_now(&(e)->loop) + PATIENCE_MS; \
        uv_timer_init(&(e)->loop, &timer);                  \
        timer.data = &end_at;                               \
        uv_timer_start(&timer, tick, 1, 1);                 \
        while (!(holds))                                    \
            turn(e);                                        \
        uv_close((uv_handle_t *)&timer, NULL);              \
        uv_run(&(e)->loop, UV_RUN_NOWAIT);                  \
    } while (0)

/* ---- the engine ---- */

static inline int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    const int small = SMALL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, SOMAXCONN), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static inline int engine_up(void **state)
{
    struct engine *e = calloc(1, sizeof *e);
    struct err err;
    void *scratch;
    assert_non_null(e);
    assert_int_equal(scratch_setup(&scratch), 0);
    e->scratch = scratch;
    assert_int_equal(uv_loop_init(&e->loop), 0);
    assert_int_equal(uv_sem_init(&e->pool, 0), 0);
    state_hold_init(&e->state);
    assert_true(state_hold_take(&e->state, e->scratch->path, &err));
    e->descriptors = count_descriptors();
    e->logger = (struct logger){.level = LOG_LEVEL_ERROR, .format = LOG_TEXT};
    e->settings = (struct core_settings){.node = "n1", .server_name = "usherd/test", .auto_create = true};
    e->settings.ports = (struct core_ports){.owner_ctx = &e->owner, .owner_token = owner_token};
    rng_seeded_init(&e->seed, 7);
    e->rng = rng_seeded_port(&e->seed);
    e->core = core_new(&e->settings, &e->rng);
    assert_non_null(e->core);
    const struct io_params p = {
        .loop = &e->loop,
        .core = e->core,
        .logger = &e->logger,
        .settings = {.max_frame = 65536, .origins = ORIGINS, .origins_count = 1, .web_root = e->scratch->path},
        .state = &e->state,
        .version = "test",
        .certificate = "",
        .key = "",
        .drained = drained,
    };
    e->io = io_new(&p, &err);
    assert_non_null(e->io);
    assert_true(io_listen_passed(e->io, listen_on_loopback(&e->port), false, &err));
    *state = e;
    return 0;
}

/* No connection is left, and none is in a list. */
static inline void engine_is_empty(struct engine *e)
{
    struct io *io = e->io;
    assert_int_equal(io->conns.open, 0);
    assert_int_equal(core_stats(e->core)->connections, 0);
    for (enum conn_limit l = LIMIT_NONE; l < CONN_LIMITS; l++)
        assert_true(io->conns.limits[l].first == CONN_NONE && io->conns.limits[l].last == CONN_NONE);
    assert_true(io->dirty == CONN_NONE && io->doomed == CONN_NONE && io->slow == CONN_NONE);
    assert_true(io->ready_first == CONN_NONE && io->ready_last == CONN_NONE);
    assert_int_equal(io->dirty_count, 0);
    assert_int_equal(io->refused_count, 0);
    assert_null(io->hosts.named);
    for (uint32_t slot = 0; slot < io->conns.made; slot++) {
        struct conn *c = conn_at(&io->conns, slot);
        assert_int_equal(c->state, CONN_FREE);
        assert_false(c->dirty || c->doomed || c->slow || c->ready || c->polled);
        assert_null(c->queue);
    }
}

static inline int engine_down(void **state)
{
    struct engine *e = *state;
    void *scratch = e->scratch;
    io_free(e->io);
    core_free(e->core);
    assert_int_equal(count_descriptors(), e->descriptors);
    state_hold_done(&e->state);
    uv_sem_destroy(&e->pool);
    assert_int_equal(uv_loop_close(&e->loop), 0);
    free(e);
    return scratch_teardown(&scratch);
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, engine_up, engine_down)

/* ---- uv's threads ---- */

static inline void wait_in_pool(uv_work_t *work)
{
    struct engine *e = work->data;
    uv_sem_wait(&e->pool);
}

static inline void left_pool(uv_work_t *work, int status)
{
    (void)status;
    work->data = NULL;
}

/* No thread of the pool does anything until pool_release. */
static inline void pool_hold(struct engine *e)
{
    for (unsigned i = 0; i < POOL; i++) {
        e->held[i].data = e;
        assert_int_equal(uv_queue_work(&e->loop, &e->held[i], wait_in_pool, left_pool), 0);
    }
}

static inline void pool_release(struct engine *e)
{
    for (unsigned i = 0; i < POOL; i++)
        uv_sem_post(&e->pool);
    for (unsigned i = 0; i < POOL; i++)
        UNTIL(e, !e->held[i].data);
}

/* ---- clients ---- */

static inline int dial(struct engine *e)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(e->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int small = SMALL;
    uint32_t open = e->io->conns.open;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    UNTIL(e, e->io->conns.open == open + 1);
    return fd;
}

static inline void say(int fd, const char *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* The one connection that is open. */
static inline struct conn *only(const struct engine *e)
{
    assert_int_equal(e->io->conns.open, 1);
    uint32_t slot = 0;
    while (conn_at(&e->io->conns, slot)->state == CONN_FREE)
        slot++;
    return conn_at(&e->io->conns, slot);
}

/* Reads on until the daemon ends; false while it has not. */
static inline bool hears_end(struct engine *e, int fd, size_t *n)
{
    ssize_t got;
    while ((got = recv(fd, e->answer + *n, sizeof e->answer - 1 - *n, MSG_DONTWAIT)) > 0)
        *n += (size_t)got;
    e->answer[*n] = '\0';
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* The whole answer, in e->answer; our end goes then. */
static inline const char *answer_of(struct engine *e, int fd)
{
    size_t n = 0;
    UNTIL(e, hears_end(e, fd, &n));
    close(fd);
    return e->answer;
}

static inline void begins_with(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("\"%.200s\" does not begin with \"%s\"", text, start);
}

/* How a client goes: with a FIN if it has read all, or with a RST. */
static inline void hang_up(int fd, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static inline void gone(struct engine *e)
{
    UNTIL(e, e->io->conns.open == 0 && e->io->doomed == CONN_NONE);
    engine_is_empty(e);
}

#endif
