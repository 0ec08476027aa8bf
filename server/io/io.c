/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>
#include <utlist.h>

#include "server/io/greet.h"

/* No extensions, so no permessage-deflate; no limit on what one write may take, so a batch goes out whole. */
static const struct lws_protocols PROTOCOLS[] = {
    {
        .name = "usher.v1",
        .callback = ws_callback,
        .rx_buffer_size = RX_BUFFER,
        .tx_packet_size = FRAME_MAX_CEILING * 16,
    },
    {.name = NULL},
};

/* Zero seconds to hang up: libwebsockets keeps no liveness timers, the core does that. */
static const lws_retry_bo_t NO_LIVENESS = {.secs_since_valid_hangup = 0};

/* On a foreign loop libwebsockets takes one call to begin its end and, once the loop has closed its handles, one to
 * free itself, when it clears io->lws through pcontext. Freeing sooner would leave the loop with freed handles. */
enum {
    LWS_DESTROY_CALLS = 4
};

/* A request's head, as libwebsockets keeps it until it is answered or upgraded: the longest token and its own default
 * of 4 KiB for all else. More is hung up on. */
enum {
    HTTP_HEAD_MAX = TOKEN_MAX + 4096
};

static bool open_lws(struct io *io, const struct io_params *p, struct err *e)
{
    void *loops[] = {io->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = PROTOCOLS,
        .foreign_loops = loops,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .timeout_secs = HANDSHAKE_MS / 1000,
        .max_http_header_data = HTTP_HEAD_MAX,
        .retry_and_idle_policy = &NO_LIVENESS,
        .user = io,
        .vhost_name = "usherd",
        .pcontext = &io->lws,
    };
    if (io->tls) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = p->certificate;
        info.ssl_private_key_filepath = p->key;
        info.alpn = "http/1.1";
    }
    io->lws = lws_create_context(&info);
    if (!io->lws)
        return err_set(e, "libwebsockets did not start: is its libuv plugin installed (libwebsockets-evlib-uv)?");
    io->vhost = lws_create_vhost(io->lws, &info);
    return io->vhost || err_set(e, "libwebsockets did not start: out of memory");
}

static double unix_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct io *io_new(const struct io_params *p, struct err *e)
{
    struct io *io = calloc(1, sizeof *io);
    if (!io) {
        err_memory(e);
        return NULL;
    }
    io->loop = p->loop;
    io->core = p->core;
    io->logger = p->logger;
    io->settings = p->settings;
    io->version = p->version;
    io->state_dir = p->state_dir;
    io->drained = p->drained;
    io->ctx = p->ctx;
    io->started_at = uv_now(p->loop);
    io->started_unix = unix_seconds();
    io->timer_at = io->core_at = UINT64_MAX;
    io->spare = -1;
    trim_init(&io->trim);
    io->prepare_open = uv_prepare_init(io->loop, &io->prepare) == 0;
    io->timer_open = uv_timer_init(io->loop, &io->timer) == 0;
    io->prepare.data = io->timer.data = io;
    io->scratch = malloc(LWS_PRE + OUT_BATCH);
    if (!work_open(io) || !hash_open(io) || !io->scratch || !io->prepare_open || !io->timer_open) {
        err_memory(e);
        goto fail;
    }
    if (*p->certificate && !(io->tls = tls_new(p->certificate, p->key, e)))
        goto fail;
    if (!open_lws(io, p, e))
        goto fail;
    uv_prepare_start(&io->prepare, turn_end);
    return io;
fail:
    io_free(io);
    return NULL;
}

void io_configure(struct io *io, const struct io_settings *s)
{
    io->settings = *s;
    struct core_event e = io_event(io, CORE_TIME, NULL);
    io_step(io, &e);
}

void io_started(struct io *io)
{
    uv_update_time(io->loop);
    struct core_event e = io_event(io, CORE_TIME, NULL);
    io_step(io, &e);
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

void io_drain(struct io *io)
{
    listen_drain(io);
    struct core_event e = io_event(io, CORE_DRAIN, NULL);
    io_step(io, &e);
}

void io_free(struct io *io)
{
    if (!io)
        return;
    io->freeing = true;
    greet_end_all(io);
    listen_close(io);
    hash_stop(io);
    if (io->prepare_open)
        uv_close((uv_handle_t *)&io->prepare, NULL);
    if (io->timer_open)
        uv_close((uv_handle_t *)&io->timer, NULL);
    for (int i = 0; io->lws && i < LWS_DESTROY_CALLS; i++) {
        lws_context_destroy(io->lws);
        uv_run(io->loop, UV_RUN_DEFAULT);
    }
    uv_run(io->loop, UV_RUN_DEFAULT);
    work_close(io);
    hash_free(io);
    SSL_CTX_free(io->tls);
    conn_table_done(&io->conns);
    core_effects_done(&io->effects);
    free(io->scratch);
    free(io);
}
