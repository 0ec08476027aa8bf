/* SPDX-License-Identifier: MIT
 *
 * SIGTERM and SIGINT drain: everybody is told, whoever comes is refused with a reason, the process ends with 0 once the
 * last is gone. A second signal ends it at once, with 1. SIGHUP reads the settings again into a new object, checks it and swaps it
 * in; a file with a mistake changes nothing and is answered with one line in the log.
 */
#include "server/app.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/os_rng.h"
#include "server/announce.h"
#include "protocol/dialect.h"
#include "server/cluster.h"
#include "server/ending.h"
#include "server/adapters/ice_list.h"
#include "server/io/io.h"
#include "server/adapters/owner.h"
#include "server/adapters/seal.h"
#include "server/adapters/secret_text.h"
#include "server/adapters/state_hold.h"
#include "server/io/listen_address.h"
#include "server/io/service.h"
#include "server/io/tls.h"
#include "server/io/webhook_post.h"
#include "server/limits.h"
#include "server/settings.h"
#include "server/signals.h"

enum {
    SIGNALS = 3,
    STOP_MS = 10000,      /* what ending may take once the drain is over: rooms.json and its disk; */
    STOP_AT_ONCE_MS = 100 /* after a second signal */
};

_Static_assert((int)OPTION_WEBHOOKS_MAX == (int)WEBHOOK_URLS_MAX, "as many may be set as there are places");

struct parts {
    struct ice_list *ice;
    struct token_keys *keys;
    char webhook_secret[WEBHOOK_SECRET_MAX + 2];
    size_t webhook_secret_n;
};

struct app {
    const struct launch *launch;
    struct config *config;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    size_t signals_open;
    uv_timer_t certificate; /* looks how long it is good */
    bool certificate_open;
    struct tls_warned warned;
    struct logger logger;
    struct parts parts;      /* owned: core and io borrow them */
    struct state_hold state; /* io borrows it */
    struct cluster cluster;  /* io borrows its URL at the start */
    struct owner_key owner;
    struct seal *seal; /* owned: the core borrows its port */
    struct core *core;
    struct io *io;
    struct service service;
    bool impatient, closing; /* a second signal came; all is being undone */
    struct ending ending;    /* while closing */
    struct service_socket passed[SERVICE_SOCKETS_MAX];
    int passed_count;
    int code;
};

/* What passes by itself: somebody else's port, lock or memory, a full disk, an interface that is not up yet. */
int app_exit_code(const struct err *e)
{
    switch (e->error) {
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EAGAIN:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
        return EXIT_FAILURE;
    default:
        return EXIT_SETTINGS;
    }
}

static bool load_file(const struct launch *l, struct config *c, struct err *e)
{
    if (l->file && !*l->file) /* such as a variable of a script that was not set: it would start open to all */
        return err_set(e, "--config is empty: expected a file, or no --config");
    const char *file = l->file ? l->file : getenv("USHERD_CONFIG");
    return !file || !*file || config_load_file(c, file, e);
}

static bool load_sets(const struct launch *l, struct config *c, struct err *e)
{
    for (size_t i = 0; i < l->count; i++)
        if (!config_set(c, l->sets[i], e))
            return false;
    return true;
}

struct config *app_load(const struct launch *l, struct err *e)
{
    struct config *c = config_new();
    if (c ? load_file(l, c, e) && config_load_environment(c, environ, e) && load_sets(l, c, e) && config_check(c, e)
          : err_memory(e))
        return c;
    config_free(c);
    return NULL;
}

/* The strongest first: what a weaker place has to say of the address then does not matter, nor whether it can be read. */
struct config *app_load_to_ask(const struct launch *l, struct err *e)
{
    struct config *c = config_new_to_ask();
    bool ok = c ? load_sets(l, c, e) && config_load_environment(c, environ, e) : err_memory(e);
    bool known = ok && config_source_of(c, OPTION_SERVER_LISTEN) != CONFIG_DEFAULT;
    if (ok && (load_file(l, c, e) || known) && config_check(c, e))
        return c;
    config_free(c);
    return NULL;
}

static void set_logger(struct logger *l, const struct config *c)
{
    static const enum log_level LEVELS[] = {
        LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG};
    static const enum log_format FORMATS[] = {LOG_TEXT /* auto */, LOG_TEXT, LOG_JOURNAL, LOG_JSON};
    unsigned long long format = config_number(c, OPTION_SERVER_LOG_FORMAT);
    l->level = LEVELS[config_number(c, OPTION_SERVER_LOG_LEVEL)];
    l->format = format == 0 ? logger_detect() : FORMATS[format];
}

static bool own_stun(const void *ctx, struct conn_id conn, char url[ICE_URL_MAX + 1])
{
    const struct app *a = ctx;
    return io_stun_url(a->io, conn, url);
}

static struct ice_list *make_ice_list(const struct app *a, const struct config *c, struct err *e)
{
    struct ice_list_settings s = {
        .secret = config_text(c, OPTION_ICE_TURN_SECRET),
        .ttl_ms = config_number(c, OPTION_ICE_TURN_TTL),
        .own = own_stun,
        .own_ctx = a,
    };
    s.stun = config_list(c, OPTION_ICE_STUN, &s.stun_count);
    s.turn = config_list(c, OPTION_ICE_TURN, &s.turn_count);
    return ice_list_new(&s, e);
}

struct token_keys *app_token_keys(const struct config *c, struct err *e)
{
    struct token_settings s;
    s.files = config_list(c, OPTION_AUTH_KEYS, &s.file_count);
    s.algorithms = config_list(c, OPTION_AUTH_ALGORITHMS, &s.algorithm_count);
    s.admins = config_list(c, OPTION_AUTH_ADMIN, &s.admin_count);
    s.leeway_s = config_number(c, OPTION_AUTH_LEEWAY) / 1000;
    return token_keys_new(&s, e);
}

static bool read_webhook_secret(struct parts *p, const struct config *c, struct err *e)
{
    const char *text = config_text(c, OPTION_WEBHOOKS_SECRET);
    if (*text &&
        !secret_text_read("webhooks.secret", text, WEBHOOK_SECRET_MAX, p->webhook_secret, &p->webhook_secret_n, e))
        return false;
    return !*text || p->webhook_secret_n >= WEBHOOK_SECRET_LEAST ||
           err_set(e, "webhooks.secret: expected at least %d bytes, such as what `openssl rand -hex 32` prints",
               WEBHOOK_SECRET_LEAST);
}

/* What is made from the settings and lives as long as they do. The app is borrowed. */
static bool make_parts(struct parts *p, const struct app *a, const struct config *c, struct err *e)
{
    *p = (struct parts){.ice = make_ice_list(a, c, e)};
    p->keys = p->ice ? app_token_keys(c, e) : NULL;
    return p->keys && read_webhook_secret(p, c, e);
}

static void free_parts(struct parts *p)
{
    ice_list_free(p->ice);
    token_keys_free(p->keys);
    OPENSSL_cleanse(p->webhook_secret, sizeof p->webhook_secret);
}

static bool test_cluster(const struct config *c, struct err *e)
{
    struct cluster cluster;
    bool ok = cluster_read(c, &cluster, e);
    cluster_done(&cluster);
    return ok;
}

static bool test_listen(const struct config *c, struct err *e)
{
    size_t n;
    const char *const *addresses = config_list(c, OPTION_SERVER_LISTEN, &n);
    struct listen_address a;
    for (size_t i = 0; i < n; i++)
        if (!listen_address_parse(addresses[i], &a, e) || !listen_address_test(&a, e))
            return false;
    return true;
}

bool app_test(const struct config *c, struct err *e)
{
    struct parts p;
    bool ok = make_parts(&p, NULL, c, e) && state_dir_test(config_text(c, OPTION_SERVER_STATE_DIR), e) &&
              test_listen(c, e) && test_cluster(c, e);
    free_parts(&p);
    return ok;
}

static struct core_settings make_core_settings(struct app *a, const struct config *c, const struct parts *p)
{
    static const struct dialect *const DIALECTS[] = {
        &dialect_native, &dialect_socketio, &dialect_peerjs, &dialect_ywebrtc, NULL};
    struct core_settings s = settings_of_core(c);
    s.cluster = a->cluster.on;
    s.lease_ms = a->cluster.lease_ms;
    s.dialects = a->cluster.on ? DIALECTS : NULL;
    memcpy(s.cluster_id, a->cluster.id, sizeof s.cluster_id);
    s.crypto = seal_port(a->seal);
    s.ice_refresh_ms = ice_list_refresh_ms(p->ice);
    s.ports = (struct core_ports){
        .verify_ctx = p->keys,
        .verify = token_keys_count(p->keys) ? token_verify : NULL,
        .ice_ctx = p->ice,
        .ice_servers = ice_list_write,
        .owner_ctx = &a->owner,
        .owner_token = owner_token,
    };
    return s;
}

static void look_at_certificate(uv_timer_t *timer)
{
    struct app *a = timer->data;
    SSL_CTX *tls = io_tls(a->io);
    if (tls)
        uv_timer_start(timer, look_at_certificate,
            1000ULL * tls_warn(&a->warned, tls, time(NULL), announce_record, &a->logger), 0);
}

/* The settings are in force: what is doubtful about them, and from now on what becomes of the certificate. */
static void say_doubts(struct app *a)
{
    announce_doubts(a->config, environ, io_tls(a->io), announce_record, &a->logger);
    a->warned = (struct tls_warned){0};
    look_at_certificate(&a->certificate);
}

static bool prepare_webhooks(struct app *a, const struct config *c, const struct parts *p, struct err *e)
{
    struct webhook_settings s = {.secret = {p->webhook_secret, p->webhook_secret_n}};
    s.urls = config_list(c, OPTION_WEBHOOKS_URL, &s.urls_count);
    return io_webhooks_prepare(a->io, &s, e);
}

/* What can fail of it, and changes nothing then. */
static bool prepare(struct app *a, const struct config *next, struct parts *parts, struct err *e)
{
    if (!make_parts(parts, a, next, e) || !io_stun_bind(a->io, config_text(next, OPTION_ICE_STUN_LISTEN), e))
        return false;
    bool ready = prepare_webhooks(a, next, parts, e) &&
                 io_reload_tls(a->io, config_text(next, OPTION_TLS_CERTIFICATE), config_text(next, OPTION_TLS_KEY), e);
    io_stun_switch(a->io, ready);
    io_webhooks_switch(a->io, ready);
    return ready;
}

/* Takes the new settings, unless it fails. */
static bool take_over(struct app *a, struct config *next, struct err *e)
{
    struct parts parts;
    if (!prepare(a, next, &parts, e)) {
        free_parts(&parts);
        config_free(next);
        return false;
    }
    announce_restart(a->config, next, &a->logger);
    struct core_settings core = make_core_settings(a, next, &parts);
    snprintf(core.node, sizeof core.node, "%s", config_text(a->config, OPTION_SERVER_NODE));
    struct io_settings io = settings_of_io(next);
    core_configure(a->core, &core);
    io_configure(a->io, &io);
    set_logger(&a->logger, next);
    logger_take_lws(&a->logger, true);
    free_parts(&a->parts);
    a->parts = parts;
    config_free(a->config);
    a->config = next;
    return true;
}

static void reload(struct app *a)
{
    service_reloading(&a->service);
    struct err e;
    struct config *next = app_load(a->launch, &e);
    if (next && !config_acts(next, &e)) {
        config_free(next);
        next = NULL;
    }
    bool taken = next && take_over(a, next, &e);
    if (taken) {
        logger_say(&a->logger, LOG_LEVEL_NOTICE, "reloaded", "the settings were read again");
        say_doubts(a);
    } else {
        struct log_record r;
        log_record_init(&r, LOG_LEVEL_ERROR, "reload-failed", e.text);
        logger_write(&a->logger, &r);
    }
    service_reloaded(&a->service, taken ? NULL : e.text);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct app *a = handle->data;
    if (a->closing) {
        if (number != SIGHUP)
            ending_now(&a->ending);
    } else if (number == SIGHUP) {
        reload(a);
    } else if (core_draining(a->core)) {
        logger_say(&a->logger, LOG_LEVEL_WARNING, "stopped", "a second signal: ending before all are gone");
        a->code = EXIT_FAILURE;
        a->impatient = true;
        uv_stop(&a->loop);
    } else {
        logger_say(&a->logger, LOG_LEVEL_NOTICE, "draining", "stopping: everybody is told to come back later");
        io_drain(a->io);
        service_stopping(&a->service, config_number(a->config, OPTION_SERVER_DRAIN_TIMEOUT) + STOP_MS);
    }
}

static void on_drained(void *ctx)
{
    struct app *a = ctx;
    uv_stop(&a->loop);
}

/* Not before there is all that they act on; and handles that nobody closes would keep io_new from undoing its work. */
static bool watch_signals(struct app *a, struct err *e)
{
    static const int NUMBERS[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < SIGNALS; i++) {
        if (uv_signal_init(&a->loop, &a->signals[i]) != 0)
            return err_memory(e);
        a->signals_open = i + 1;
        a->signals[i].data = a;
        if (uv_signal_start(&a->signals[i], on_signal, NUMBERS[i]) != 0)
            return err_memory(e);
    }
    signals_release();
    return true;
}

/* A room that was made with a password must not come back without one: a damaged file is for a person to look at. */
static bool restore_rooms(struct app *a, struct err *e)
{
    struct buf text;
    if (!state_dir_read(a->state.dir, ROOMS_FILE, ROOMFILE_MAX, &text, e))
        return false;
    const char *problem = text.p ? core_restore(a->core, buf_view(&text), uv_now(&a->loop)) : NULL;
    buf_done(&text);
    return !problem ||
           err_set(e,
               "%.200s/" ROOMS_FILE " is damaged: %s. Put a good copy back, or remove it: rooms made over HTTP, "
               "their passwords and owners are forgotten then",
               a->state.dir, problem);
}

/* The keys of tokens: all daemons of a cluster have the same, any other its own. */
static bool open_keys(struct app *a, const struct rng *rng, struct err *e)
{
    uint8_t key[SEAL_KEY_BYTES];
    if (a->cluster.on) {
        memcpy(a->owner.bytes, a->cluster.owner_key, sizeof a->owner.bytes);
        memcpy(key, a->cluster.resume_key, sizeof key);
    } else if (!state_hold_key(&a->state, OWNER_KEY_FILE, rng, a->owner.bytes, e) ||
               !state_hold_key(&a->state, RESUME_KEY_FILE, rng, key, e)) {
        return false;
    }
    a->seal = seal_new(key, rng);
    OPENSSL_cleanse(key, sizeof key);
    return a->seal || err_memory(e);
}

/* Sockets that the service manager passes stand in for server.listen. */
static bool listen_all(struct app *a, struct err *e)
{
    for (int i = 0; i < a->passed_count; i++)
        if (!io_listen_passed(a->io, a->passed[i].fd, a->passed[i].proxy, e))
            return false;
    if (a->passed_count > 0 && config_changed(a->config, OPTION_SERVER_LISTEN))
        logger_say(&a->logger, LOG_LEVEL_WARNING, "listen-without-effect",
            "the service manager passed its own sockets: server.listen has no effect");
    size_t n;
    const char *const *addresses = config_list(a->config, OPTION_SERVER_LISTEN, &n);
    for (size_t i = 0; a->passed_count == 0 && i < n; i++)
        if (!io_listen(a->io, addresses[i], e))
            return false;
    return true;
}

static bool open_all(struct app *a, const struct rng *rng, struct err *e)
{
    if (!make_parts(&a->parts, a, a->config, e))
        return false;
    if (!cluster_read(a->config, &a->cluster, e) ||
        !state_hold_take(&a->state, config_text(a->config, OPTION_SERVER_STATE_DIR), e) || !open_keys(a, rng, e))
        return false;
    struct core_settings settings = make_core_settings(a, a->config, &a->parts);
    a->core = core_new(&settings, rng);
    if (!a->core || !service_open(&a->service, &a->loop, a->core))
        return err_memory(e);
    a->certificate_open = uv_timer_init(&a->loop, &a->certificate) == 0;
    a->certificate.data = a;
    if (!restore_rooms(a, e))
        return false;
    const struct io_params params = {
        .loop = &a->loop,
        .core = a->core,
        .logger = &a->logger,
        .settings = settings_of_io(a->config),
        .state = &a->state,
        .version = USHER_VERSION,
        .node = config_text(a->config, OPTION_SERVER_NODE),
        .redis = a->cluster.on ? &a->cluster.url : NULL,
        .certificate = config_text(a->config, OPTION_TLS_CERTIFICATE),
        .key = config_text(a->config, OPTION_TLS_KEY),
        .drained = on_drained,
        .ctx = a,
    };
    a->io = io_new(&params, e);
    if (!a->io || !watch_signals(a, e) || !listen_all(a, e))
        return false;
    if (!io_stun_bind(a->io, config_text(a->config, OPTION_ICE_STUN_LISTEN), e))
        return false;
    if (!prepare_webhooks(a, a->config, &a->parts, e))
        return false;
    io_stun_switch(a->io, true);
    io_webhooks_switch(a->io, true);
    io_started(a->io);
    return true;
}

/* Signals act until the last thread is back. */
static void close_all(struct app *a)
{
    a->closing = true;
    ending_begin(&a->ending, &a->loop, &a->logger, a->impatient ? STOP_AT_ONCE_MS : STOP_MS);
    for (size_t i = 0; i < a->signals_open; i++)
        uv_unref((uv_handle_t *)&a->signals[i]);
    if (a->certificate_open)
        uv_close((uv_handle_t *)&a->certificate, NULL);
    service_close(&a->service);
    io_free(a->io);
    signals_hold();
    for (size_t i = 0; i < a->signals_open; i++)
        uv_close((uv_handle_t *)&a->signals[i], NULL);
    ending_over(&a->ending);
    core_free(a->core);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    uv_loop_close(&a->loop);
    free_parts(&a->parts);
    seal_free(a->seal);
    cluster_done(&a->cluster);
    config_free(a->config);
    state_hold_done(&a->state);
}

static void say_failure(const struct app *a, const struct err *e)
{
    struct log_record r;
    log_record_init(&r, LOG_LEVEL_ERROR, "start-failed", e->text);
    logger_write(&a->logger, &r);
}

static bool open_loop(struct app *a, struct err *e)
{
    int problem = uv_loop_init(&a->loop);
    return problem == 0 || err_set_errno(e, -problem, "the event loop could not be made: %s", uv_strerror(problem));
}

/* Passed sockets come first: what is opened before would be taken for them. */
static bool open_process(struct app *a, struct err *e)
{
    size_t listeners, webhooks;
    config_list(a->config, OPTION_SERVER_LISTEN, &listeners);
    logger_take_lws(&a->logger, false);
    a->passed_count = service_sockets(a->passed, e);
    listeners += *config_text(a->config, OPTION_ICE_STUN_LISTEN) != '\0';
    config_list(a->config, OPTION_WEBHOOKS_URL, &webhooks);
    return a->passed_count >= 0 && limits_prepare(listeners, webhooks, e) && logger_open(&a->logger, e) &&
           open_loop(a, e);
}

static void close_logger(struct app *a)
{
    logger_take_lws(NULL, false);
    logger_close(&a->logger);
}

int app_run(const struct launch *l, struct config *config)
{
    struct app a = {.launch = l, .config = config};
    struct rng rng = os_rng();
    struct err e;
    state_hold_init(&a.state);
    set_logger(&a.logger, config);
    if (!open_process(&a, &e)) {
        say_failure(&a, &e);
        close_logger(&a);
        config_free(config);
        return app_exit_code(&e);
    }
    if (open_all(&a, &rng, &e)) {
        announce_start(a.config, &a.logger);
        say_doubts(&a);
        logger_take_lws(&a.logger, true);
        service_ready(&a.service);
        uv_run(&a.loop, UV_RUN_DEFAULT);
    } else {
        say_failure(&a, &e);
        a.code = app_exit_code(&e);
    }
    close_all(&a);
    close_logger(&a);
    return a.code;
}
