/* SPDX-License-Identifier: MIT
 *
 * The normal path: GResolver finds the host's addresses off the loop; they are tried in turn (so localhost works
 * whichever family the daemon listens on), each a fresh lws connection; the first that upgrades is the one. lws answers
 * the daemon's pings by itself; that a daemon vanished without a word is for the core to notice, which asks it.
 *
 * Failures: whatever goes wrong becomes one sentence and on_closed, always from an idle source, because lws reports
 * some of it from inside its own connect call. A connection that we gave up is known from the current one by its
 * opaque pointer, which is cleared: lws may close it later, in its own time.
 *
 * Rejected: handing lws the name. It resolves in the caller's thread, and walks the results on one handle, which its
 * GLib loop does not survive in 4.1.
 */
#include "peer/io/signaling.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "peer/io/addresses.h"
#include "peer/io/lws_loop.h"
#include "peer/io/signaling_tls.h"

enum {
    ATTEMPT_SECONDS = 10,              /* an address that does not answer: TCP, TLS and the upgrade together */
    LWS_SECONDS = 2 * ATTEMPT_SECONDS, /* its own patience, with each of these: five seconds, unless it is told */
    CLOSE_SECONDS = 1,                 /* a good-bye that nobody reads */
    WHY_MAX = 512
};
#define SUBPROTOCOL "usher.v1"

struct outgoing {
    size_t n;
    char bytes[]; /* LWS_PRE bytes of room, then the text */
};

enum phase {
    IDLE,       /* nothing is wanted */
    RESOLVING,  /* GResolver works */
    CONNECTING, /* wsi is connecting */
    OPEN,       /* frames go in both directions */
    CLOSING     /* what is queued goes out, then close 1000 */
};

struct signaling {
    struct signaling_callbacks callbacks;
    void *user;
    GMainContext *context;
    struct lws_loop loop;
    enum phase phase;
    struct url url;
    struct signaling_tls tls;    /* of wsi */
    char name[URL_NAME_MAX + 1]; /* of url, for sentences */
    GCancellable *cancel;        /* of the lookup in progress */
    GList *addresses, *next;     /* of GInetAddress */
    struct lws *wsi;             /* the current connection */
    GQueue queue;                /* of struct outgoing */
    size_t queued;               /* bytes in queue */
    struct buf incoming;         /* fragments of the message that is coming in */
    GSource *timer;              /* bounds an attempt or a good-bye */
    GSource *later;              /* will report why */
    char why[WHY_MAX];
    uint16_t close_code; /* the server's */
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n);

static const struct lws_protocols PROTOCOLS[] = {
    {.name = SUBPROTOCOL, .callback = callback, .rx_buffer_size = 16 * 1024},
    {.name = NULL},
};

/* ---- sources ---- */

static void source_drop(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

/* An idle source as well gets its turn beside a socket that always has something to be read. */
static void source_set(struct signaling *s, GSource **at, GSource *source, GSourceFunc run)
{
    source_drop(at);
    *at = source;
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run, s, NULL);
    g_source_attach(source, s->context);
}

/* ---- ending ---- */

static void wsi_forget(struct signaling *s)
{
    if (!s->wsi)
        return;
    lws_set_opaque_user_data(s->wsi, NULL);
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(s->loop.lws); /* its GLib plugin looks at its timers only after an event of its own */
    s->wsi = NULL;
}

/* Back to IDLE, whatever was begun. */
static void drop(struct signaling *s)
{
    source_drop(&s->timer);
    source_drop(&s->later);
    if (s->cancel)
        g_cancellable_cancel(s->cancel);
    g_clear_object(&s->cancel);
    g_list_free_full(s->addresses, g_object_unref);
    s->addresses = s->next = NULL;
    wsi_forget(s);
    g_queue_clear_full(&s->queue, free);
    s->queued = 0;
    buf_reset(&s->incoming);
    s->close_code = 0;
    s->phase = IDLE;
}

static gboolean report(gpointer user)
{
    struct signaling *s = user;
    char why[WHY_MAX];
    uint16_t code = s->close_code;
    bool closing = s->phase == CLOSING;
    g_strlcpy(why, s->why, sizeof why);
    drop(s);
    if (closing)
        s->callbacks.on_flushed(s->user);
    else
        s->callbacks.on_closed(s->user, code, why);
    return G_SOURCE_REMOVE;
}

/* Takes the reason down; false if there is one already: that which came first is told. */
static bool note_why(struct signaling *s, const char *format, va_list args) G_GNUC_PRINTF(2, 0);
static bool note_why(struct signaling *s, const char *format, va_list args)
{
    if (s->later)
        return false;
    g_vsnprintf(s->why, sizeof s->why, format, args);
    return true;
}

/* The connection is over. */
static void end(struct signaling *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void end(struct signaling *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool first = note_why(s, format, args);
    va_end(args);
    if (first)
        source_set(s, &s->later, g_idle_source_new(), report);
}

/* ---- connecting ---- */

static void try_next(struct signaling *s);

static gboolean try_later(gpointer user)
{
    struct signaling *s = user;
    source_drop(&s->later);
    try_next(s);
    return G_SOURCE_REMOVE;
}

/* This address failed: the next one, or the end. */
static void attempt_failed(struct signaling *s, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void attempt_failed(struct signaling *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool first = note_why(s, format, args);
    va_end(args);
    if (!first)
        return;
    wsi_forget(s);
    source_set(s, &s->later, g_idle_source_new(), s->next ? try_later : report);
}

static gboolean attempt_timeout(gpointer user)
{
    struct signaling *s = user;
    source_drop(&s->timer);
    attempt_failed(s, "%s does not answer", s->name);
    return G_SOURCE_REMOVE;
}

static void try_next(struct signaling *s)
{
    gchar *bare = g_inet_address_to_string(s->next->data);
    gchar *address = s->url.zone[0] && !s->url.through ? g_strconcat(bare, "%", s->url.zone, NULL) : g_strdup(bare);
    s->next = s->next->next;
    s->phase = CONNECTING;
    signaling_tls_begin(&s->tls, s->url.host);
    source_set(s, &s->timer, g_timeout_source_new_seconds(ATTEMPT_SECONDS), attempt_timeout);
    struct lws *wsi = NULL;
    struct lws_client_connect_info info = {
        .context = s->loop.lws,
        .address = address,
        .port = s->url.through ? s->url.through : s->url.port,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (s->url.tls ? LCCSCF_USE_SSL : 0),
        .path = s->url.path,
        .host = s->name,
        .protocol = SUBPROTOCOL,
        .local_protocol_name = SUBPROTOCOL,
        .opaque_user_data = s,
        .pwsi = &wsi,
    };
    if (lws_client_connect_via_info(&info))
        s->wsi = wsi;
    else
        attempt_failed(s, "nothing listens at %s", s->name);
    g_free(address);
    g_free(bare);
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer user)
{
    GError *error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) { /* s may be gone */
        g_error_free(error);
        return;
    }
    struct signaling *s = user;
    g_clear_object(&s->cancel);
    if (addresses) {
        s->addresses = s->next = addresses;
        try_next(s);
    } else {
        end(s, "the server's name %s is not known: %s", s->url.host, error->message);
    }
    g_clear_error(&error);
}

void signaling_connect(struct signaling *s, const struct url *url)
{
    drop(s);
    s->url = *url;
    url_name(url, s->name);
    s->phase = RESOLVING;
    s->cancel = g_cancellable_new();
    GResolver *resolver = g_resolver_get_default();
    g_main_context_push_thread_default(s->context);
    const char *host = url->through ? "127.0.0.1" : url->host;
    g_resolver_lookup_by_name_async(resolver, host, s->cancel, on_resolved, s);
    g_main_context_pop_thread_default(s->context);
    g_object_unref(resolver);
}

bool signaling_own_address(const struct signaling *s, struct sockaddr_storage *own)
{
    socklen_t n = sizeof *own;
    *own = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    return s->phase == OPEN && getsockname(lws_get_socket_fd(s->wsi), (struct sockaddr *)own, &n) == 0;
}

bool signaling_is_cut(const struct signaling *s)
{
    struct sockaddr_storage own;
    if (s->phase != OPEN)
        return s->phase == RESOLVING || s->phase == CONNECTING;
    return signaling_own_address(s, &own) && !addresses_has((struct sockaddr *)&own);
}

/* ---- sending ---- */

void signaling_send(struct signaling *s, struct span text)
{
    if (s->phase != OPEN || s->later)
        return;
    struct outgoing *o = text.n <= SIGNALING_QUEUE_MAX - s->queued ? malloc(sizeof *o + LWS_PRE + text.n) : NULL;
    if (!o) {
        end(s, "%s does not read what it is sent", s->name);
        return;
    }
    o->n = text.n;
    memcpy(o->bytes + LWS_PRE, text.p, text.n);
    g_queue_push_tail(&s->queue, o);
    s->queued += text.n;
    lws_callback_on_writable(s->wsi);
}

static gboolean close_timeout(gpointer user)
{
    struct signaling *s = user;
    source_drop(&s->timer);
    end(s, "closed");
    return G_SOURCE_REMOVE;
}

void signaling_disconnect(struct signaling *s)
{
    if (s->phase == OPEN && !s->later) {
        s->phase = CLOSING;
        source_set(s, &s->timer, g_timeout_source_new_seconds(CLOSE_SECONDS), close_timeout);
        lws_callback_on_writable(s->wsi);
    } else if (s->phase != CLOSING) {
        drop(s);
        s->phase = CLOSING;
        end(s, "closed");
    }
}

/* Non-zero tells lws to close the connection. */
static int write_queue(struct signaling *s, struct lws *wsi)
{
    while (!g_queue_is_empty(&s->queue)) {
        if (lws_send_pipe_choked(wsi)) {
            lws_callback_on_writable(wsi);
            return 0;
        }
        struct outgoing *o = g_queue_pop_head(&s->queue);
        s->queued -= o->n;
        int put = lws_write(wsi, (unsigned char *)o->bytes + LWS_PRE, o->n, LWS_WRITE_TEXT);
        bool ok = put >= 0;
        free(o);
        if (!ok)
            return -1;
    }
    if (s->phase != CLOSING)
        return 0;
    lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

/* ---- what lws tells ---- */

static int receive(struct signaling *s, struct lws *wsi, const void *in, size_t n)
{
    if (lws_frame_is_binary(wsi)) {
        end(s, "%s sent a binary frame, which no usher daemon does", s->name);
        return -1;
    }
    bool whole = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    if (whole && s->incoming.len == 0) {
        s->callbacks.on_frame(s->user, (struct span){in, n});
        return 0;
    }
    if (!buf_add(&s->incoming, in, n)) {
        end(s, "%s sent a message of more than %d bytes", s->name, SIGNALING_MESSAGE_MAX);
        return -1;
    }
    if (whole) {
        size_t len;
        char *text = buf_take(&s->incoming, &len);
        s->callbacks.on_frame(s->user, (struct span){text, len});
        free(text);
    }
    return 0;
}

static void connection_error(struct signaling *s, struct lws *wsi, const char *in, size_t n)
{
    unsigned status = lws_http_client_http_response(wsi);
    const char *certificate = lws_loop_certificate_error(wsi);
    s->wsi = NULL; /* lws frees it when this callback returns */
    if (certificate)
        attempt_failed(s, "the certificate of %s: %s", s->name, certificate);
    else if (status == 502 || status == 504)
        attempt_failed(s, "the proxy at %s does not reach its daemon", s->name);
    else if (status == 503)
        attempt_failed(s, "%s is full or shutting down, or a proxy that is without its daemon", s->name);
    else if (status == 403)
        attempt_failed(s, "%s refuses us with HTTP status 403: a proxy's rule, most likely; ask who runs it", s->name);
    else if (status >= 300 && status < 400)
        attempt_failed(
            s, "%s redirects (HTTP status %u), which is not followed: name the daemon itself", s->name, status);
    else if (status != 0 && status != 101)
        attempt_failed(s, "%s answers %s with HTTP status %u, so it is no usher daemon", s->name, s->url.path, status);
    else if (!in || strncmp(in, "Unable to connect", n) == 0)
        attempt_failed(s, "nothing listens at %s", s->name);
    else
        attempt_failed(s, "no connection to %s: %.*s", s->name, (int)MIN(n, WHY_MAX), in);
}

/* However lws comes to free the current connection. It tells of most ends with a callback of their own, but not when its
 * timer finds an answer that is only half there. */
static void destroyed(struct signaling *s)
{
    s->wsi = NULL;
    if (s->phase == CONNECTING)
        attempt_failed(s, "%s does not answer", s->name);
    else
        end(s, "%s hung up", s->name);
}

/* TLS tells of it from within a read. */
static void flooded(void *user)
{
    struct signaling *s = user;
    static const char WHY[] = "%s changes its keys without end";
    if (s->phase == CONNECTING)
        attempt_failed(s, WHY, s->name);
    else
        end(s, WHY, s->name);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct signaling *s = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) {
        struct signaling *owner = lws_context_user(lws_get_context(wsi));
        signaling_tls_attach(user, &owner->tls);
    }
    if (!s)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        source_drop(&s->timer);
        s->wsi = wsi;
        s->phase = OPEN;
        s->callbacks.on_open(s->user);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        signaling_tls_heard(&s->tls);
        return s->phase == OPEN && !s->later ? receive(s, wsi, in, n) : 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return s->phase == OPEN || s->phase == CLOSING ? write_queue(s, wsi) : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        lws_set_opaque_user_data(wsi, NULL);
        connection_error(s, wsi, in, n);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        s->close_code = n < 2 ? 0 : (uint16_t)((unsigned)((unsigned char *)in)[0] << 8 | ((unsigned char *)in)[1]);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        lws_set_opaque_user_data(wsi, NULL);
        s->wsi = NULL;
        end(s, "%s hung up", s->name);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        if (wsi == s->wsi)
            destroyed(s);
        return 0;
    default:
        return 0;
    }
}

/* ---- life ---- */

struct signaling *signaling_new(
    GMainContext *context, bool tls, const struct signaling_callbacks *callbacks, void *user, struct err *err)
{
    struct signaling *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, "out of memory");
        return NULL;
    }
    s->callbacks = *callbacks;
    s->user = user;
    s->tls.flooded = flooded;
    s->tls.ctx = s;
    s->context = g_main_context_ref(context);
    g_queue_init(&s->queue);
    buf_init(&s->incoming, SIGNALING_MESSAGE_MAX);
    struct lws_context_creation_info info = {.protocols = PROTOCOLS, .user = s, .timeout_secs = LWS_SECONDS};
    if (!lws_loop_open(&s->loop, context, &info, tls, err))
        goto fail;
    return s;
fail:
    signaling_free(s);
    return NULL;
}

void signaling_free(struct signaling *s)
{
    if (!s)
        return;
    drop(s);
    lws_loop_close(&s->loop);
    g_main_context_unref(s->context);
    buf_done(&s->incoming);
    free(s);
}
