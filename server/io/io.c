/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>

#include "base/os_rng.h"
#include "server/io/bus.h"
#include "server/adapters/page_server.h"
#include "server/io/stun.h"
#include "server/io/transport.h"
#include "server/io/web_file.h"

static double unix_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* They cannot fail, but for the poller. */
static bool open_handles(struct io *io)
{
    uv_prepare_init(io->loop, &io->prepare);
    uv_check_init(io->loop, &io->check);
    uv_idle_init(io->loop, &io->idle);
    uv_timer_init(io->loop, &io->timer);
    io->prepare.data = io->check.data = io->idle.data = io->timer.data = io;
    uv_prepare_start(&io->prepare, turn_end);
    uv_check_start(&io->check, turn_check);
    return poller_open(&io->poller, io->loop, plain_event, io);
}

static void close_handles(struct io *io)
{
    uv_handle_t *const handles[] = {
        (uv_handle_t *)&io->prepare, (uv_handle_t *)&io->check, (uv_handle_t *)&io->idle, (uv_handle_t *)&io->timer};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        uv_close(handles[i], NULL);
    poller_close(&io->poller);
}

/* Ends what is still open; nobody is told. */
static void close_connections(struct io *io)
{
    for (uint32_t slot = 0; slot < io->conns.made; slot++) {
        struct conn *c = conn_at(&io->conns, slot);
        if (c->state != CONN_FREE)
            transport_of(c)->close(io, c);
    }
}

static bool set_web_root(struct io *io)
{
    const struct io_settings *s = &io->settings;
    struct buf sources;
    buf_init(&sources, WEB_CONNECT_MAX);
    for (size_t i = 0; i < s->web_servers_count; i++)
        page_server_sources(s->web_servers[i], &sources);
    char *connect = buf_take(&sources, NULL);
    buf_done(&sources);
    web_root_set(io->web, s->web_root, s->sim_root);
    web_root_connect(io->web, connect);
    return connect != NULL;
}

struct io *io_new(const struct io_params *p, struct err *e)
{
    struct io *io = calloc(1, sizeof *io);
    struct rng rng = os_rng();
    if (!io) {
        err_memory(e);
        return NULL;
    }
    io->loop = p->loop;
    io->core = p->core;
    io->logger = p->logger;
    io->settings = p->settings;
    io->version = p->version;
    io->state = p->state;
    io->drained = p->drained;
    io->ctx = p->ctx;
    io->started_at = uv_now(p->loop);
    io->started_unix = unix_seconds();
    io->timer_at = io->core_at = UINT64_MAX;
    io->spare = io->poller.fd = -1;
    io->dirty = io->doomed = io->slow = io->ready_first = io->ready_last = CONN_NONE;
    conn_table_init(&io->conns);
    hosts_init(&io->hosts, &rng);
    malloc_trim_init(&io->trim);
    io->scratch = malloc(OUT_BATCH);
    io->in = malloc(READ_SIZE);
    io->web = web_root_new(io->loop, io->logger, &rng);
    io->webhooks = webhooks_new(io->loop, io->logger, p->node);
    bool bus = !p->redis || bus_new(io, p->redis, p->node);
    if (!open_handles(io) || !io->web || !io->webhooks || !bus || !work_open(io) || !hash_open(io) || !io->scratch ||
        !io->in) {
        err_memory(e);
        goto fail;
    }
    if (*p->certificate && !(io->tls = tls_new(p->certificate, p->key, e)))
        goto fail;
    if (io->tls && !secure_open(io, p->certificate, p->key, e))
        goto fail;
    if (!set_web_root(io)) {
        err_memory(e);
        goto fail;
    }
    return io;
fail:
    io_free(io);
    return NULL;
}

void io_configure(struct io *io, const struct io_settings *s)
{
    io->settings = *s;
    set_web_root(io); /* short of memory: pages stay with this server */
    struct core_event e = io_event(io, CORE_TIME, NULL);
    io_step(io, &e);
}

void io_started(struct io *io)
{
    uv_update_time(io->loop);
    struct core_event e = io_event(io, CORE_TIME, NULL);
    io_step(io, &e);
    bus_start(io);
}

bool io_reload_tls(struct io *io, const char *certificate, const char *key, struct err *e)
{
    if ((io->tls != NULL) != (*certificate != '\0'))
        return err_set(e, "tls.certificate: TLS is switched on or off when the daemon is restarted");
    if (!io->tls)
        return true;
    SSL_CTX *next = tls_new(certificate, key, e);
    if (!next)
        return false;
    SSL_CTX_free(io->tls);
    io->tls = next;
    return true;
}

SSL_CTX *io_tls(const struct io *io)
{
    return io->tls;
}

bool io_webhooks_prepare(struct io *io, const struct webhook_settings *settings, struct err *e)
{
    return webhooks_prepare(io->webhooks, settings, e);
}

void io_webhooks_switch(struct io *io, bool take)
{
    webhooks_switch(io->webhooks, take);
}

void io_drain(struct io *io)
{
    uint64_t ms = io->settings.drain_timeout_ms;
    io->webhooks_until = uv_now(io->loop) + (ms ? ms : WEBHOOKS_DRAIN_MS);
    listen_drain(io);
    struct core_event e = io_event(io, CORE_DRAIN, NULL);
    io_step(io, &e);
}

void io_free(struct io *io)
{
    if (!io)
        return;
    io->freeing = true;
    listen_close(io);
    bus_stop(io);
    stun_close(io);
    webhooks_stop(io->webhooks);
    hash_stop(io);
    work_stop(io);
    close_connections(io);
    close_handles(io);
    secure_close(io);
    uv_run(io->loop, UV_RUN_DEFAULT);
    conn_table_done(&io->conns);
    hosts_done(&io->hosts);
    uv_run(io->loop, UV_RUN_DEFAULT);
    web_root_free(io->web);
    webhooks_free(io->webhooks);
    bus_free(io);
    work_close(io);
    hash_free(io);
    SSL_CTX_free(io->tls);
    core_effects_done(&io->effects);
    free(io->scratch);
    free(io->in);
    free(io);
}
