/* SPDX-License-Identifier: MIT
 *
 * The normal path is signaling.c's: GResolver finds the host's addresses, they are tried in turn, each a fresh connection;
 * the first that takes the request is the one. Its answer ends with its length, its last chunk (RFC 9112 section 6), or the
 * connection; a 204 has none.
 *
 * Failures: whatever goes wrong becomes one sentence, always from an idle source. What tells them apart is whether the request
 * may have got to a daemon: then it is not sent again, neither here nor to the next address, since it may have been done.
 *
 * libwebsockets counts the bytes of a chunk in an int and hands on what is left of it as a size, so a chunk of 2^31 bytes and
 * more comes as an impossible piece: what is above HTTP_ANSWER_MAX is not looked at.
 */
#include "peer/io/http_client.h"

#include <gio/gio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "peer/io/lws_loop.h"
#include "peer/io/signaling_tls.h"

enum {
    WHY_MAX = 512,
    PIECE_MAX = 16 * 1024,  /* bytes of one read, and of a request's head */
    ANSWER_HEAD_MAX = 8192, /* a proxy's headers, too */
    LWS_SECONDS = 3600,     /* its own patience, 5 seconds by itself: the asker's counts */
    STATUS_NO_CONTENT = 204
};
#define NAME "http"

enum phase {
    IDLE,       /* nothing is asked */
    RESOLVING,  /* GResolver works */
    CONNECTING, /* wsi is connecting; nothing was sent */
    SENT,       /* the request, or a part of it */
    READING,    /* the answer's head was read */
    OVER        /* `later` will report */
};

struct http_client {
    void (*on_answer)(void *user, const struct http_answer *answer);
    void *user;
    GMainContext *context;
    struct lws_loop loop;
    enum phase phase;
    struct url url;
    struct http_question question;
    struct signaling_tls tls;    /* of wsi */
    char name[URL_NAME_MAX + 1]; /* of url, for sentences */
    GCancellable *cancel;        /* of the lookup in progress */
    GList *addresses, *next;     /* of GInetAddress */
    struct lws *wsi;             /* the current connection */
    bool body_sent;              /* the question's */
    struct buf body;             /* of the answer */
    GSource *timer, *later;      /* bounds the attempt; will try the next address, or report */
    gint64 deadline;             /* of all of it */
    enum http_end end;
    unsigned status;
    char why[WHY_MAX];
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n);

static const struct lws_protocols PROTOCOLS[] = {
    {.name = NAME, .callback = callback, .rx_buffer_size = PIECE_MAX},
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

static void source_set(struct http_client *c, GSource **at, GSource *source, GSourceFunc run)
{
    source_drop(at);
    *at = source;
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run, c, NULL);
    g_source_attach(source, c->context);
}

/* ---- ending ---- */

static void wsi_forget(struct http_client *c)
{
    if (!c->wsi)
        return;
    lws_set_opaque_user_data(c->wsi, NULL);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(c->loop.lws); /* its GLib plugin looks at its timers only after an event of its own */
    c->wsi = NULL;
}

/* Back to IDLE, whatever was begun. What was read stays for whoever reports it. */
static void drop(struct http_client *c)
{
    source_drop(&c->timer);
    source_drop(&c->later);
    if (c->cancel)
        g_cancellable_cancel(c->cancel);
    g_clear_object(&c->cancel);
    g_list_free_full(c->addresses, g_object_unref);
    c->addresses = c->next = NULL;
    wsi_forget(c);
    c->phase = IDLE;
}

static gboolean report(gpointer user)
{
    struct http_client *c = user;
    bool answered = c->end == HTTP_ANSWERED;
    drop(c);
    c->on_answer(c->user,
        &(struct http_answer){c->end, c->status, answered ? buf_view(&c->body) : SPAN(""), answered ? NULL : c->why});
    return G_SOURCE_REMOVE;
}

static void answered(struct http_client *c)
{
    if (c->later)
        return;
    c->end = HTTP_ANSWERED;
    c->phase = OVER;
    source_set(c, &c->later, g_idle_source_new(), report);
}

static void try_next(struct http_client *c);

static gboolean try_later(gpointer user)
{
    struct http_client *c = user;
    source_drop(&c->later);
    try_next(c);
    return G_SOURCE_REMOVE;
}

/* The first reason counts. Before anything was sent the next address is tried, if there is one. */
static void fail_as(struct http_client *c, enum http_end end, const char *format, va_list args) G_GNUC_PRINTF(3, 0);
static void fail_as(struct http_client *c, enum http_end end, const char *format, va_list args)
{
    if (c->later)
        return;
    g_vsnprintf(c->why, sizeof c->why, format, args);
    bool again = end == HTTP_NOT_SENT && c->next && g_get_monotonic_time() < c->deadline;
    c->end = end;
    c->phase = OVER;
    wsi_forget(c);
    source_set(c, &c->later, g_idle_source_new(), again ? try_later : report);
}

static void failed(struct http_client *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void failed(struct http_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_as(c, c->phase == SENT || c->phase == READING ? HTTP_NOT_ANSWERED : HTTP_NOT_SENT, format, args);
    va_end(args);
}

static void is_nonsense(struct http_client *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void is_nonsense(struct http_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_as(c, HTTP_NONSENSE, format, args);
    va_end(args);
}

/* The connection is gone, and the answer was not whole before. */
static void broken_off(struct http_client *c)
{
    if (c->phase == READING)
        failed(c, "%s hung up in the middle of its answer", c->name);
    else if (c->phase == SENT)
        failed(c, "%s hung up without an answer", c->name);
    else
        failed(c, "%s does not answer", c->name);
}

static gboolean on_timeout(gpointer user)
{
    struct http_client *c = user;
    source_drop(&c->timer);
    if (c->phase == READING)
        failed(c, "%s takes too long for its answer", c->name);
    else if (c->phase == RESOLVING)
        failed(c, "nobody says where %s is", c->url.host);
    else
        failed(c, "%s does not answer", c->name);
    return G_SOURCE_REMOVE;
}

/* What is left of all the time; for one address of several no more than a third of it until the request is sent. */
static void timer_set(struct http_client *c, bool one_of_several)
{
    gint64 left = MAX(c->deadline - g_get_monotonic_time(), 0) / 1000;
    if (one_of_several)
        left = MIN(left, c->question.timeout_ms / 3);
    source_set(c, &c->timer, g_timeout_source_new((guint)left), on_timeout);
}

/* ---- connecting ---- */

static void try_next(struct http_client *c)
{
    gchar *bare = g_inet_address_to_string(c->next->data);
    gchar *address = c->url.zone[0] && !c->url.through ? g_strconcat(bare, "%", c->url.zone, NULL) : g_strdup(bare);
    c->next = c->next->next;
    c->phase = CONNECTING;
    signaling_tls_begin(&c->tls, c->url.host);
    timer_set(c, c->next != NULL);
    struct lws *wsi = NULL;
    struct lws_client_connect_info info = {
        .context = c->loop.lws,
        .address = address,
        .port = c->url.through ? c->url.through : c->url.port,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (c->url.tls ? LCCSCF_USE_SSL : 0),
        .path = c->question.path,
        .host = c->name,
        .method = c->question.method,
        .alpn = "http/1.1",
        .protocol = NAME,
        .local_protocol_name = NAME,
        .opaque_user_data = c,
        .pwsi = &wsi,
    };
    if (lws_client_connect_via_info(&info))
        c->wsi = wsi;
    else
        failed(c, "nothing listens at %s", c->name);
    g_free(address);
    g_free(bare);
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer user)
{
    GError *error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) { /* c may be gone */
        g_error_free(error);
        return;
    }
    struct http_client *c = user;
    g_clear_object(&c->cancel);
    if (addresses) {
        c->addresses = c->next = addresses;
        try_next(c);
    } else {
        failed(c, "the server's name %s is not known: %s", c->url.host, error->message);
    }
    g_clear_error(&error);
}

void http_client_ask(struct http_client *c, const struct url *url, const struct http_question *question)
{
    drop(c);
    buf_reset(&c->body);
    c->url = *url;
    c->question = *question;
    c->status = 0;
    c->body_sent = false;
    url_name(url, c->name);
    c->phase = RESOLVING;
    c->deadline = g_get_monotonic_time() + (gint64)question->timeout_ms * 1000;
    timer_set(c, false);
    c->cancel = g_cancellable_new();
    GResolver *resolver = g_resolver_get_default();
    g_main_context_push_thread_default(c->context);
    const char *host = url->through ? "127.0.0.1" : url->host;
    g_resolver_lookup_by_name_async(resolver, host, c->cancel, on_resolved, c);
    g_main_context_pop_thread_default(c->context);
    g_object_unref(resolver);
}

/* ---- what lws tells ---- */

/* The rest of the request's head, into the room that lws has for it. Non-zero tells lws to close the connection. */
static int add_headers(struct http_client *c, struct lws *wsi, char **at, size_t room)
{
    struct buf text;
    buf_init(&text, room);
    buf_text(&text, "Accept: application/json\r\n");
    if (c->question.token)
        buf_printf(&text, "Authorization: Bearer %s\r\n", c->question.token);
    if (c->question.body.n)
        buf_printf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", c->question.body.n);
    bool ok = !text.failed;
    if (ok) {
        memcpy(*at, text.p, text.len);
        *at += text.len;
        timer_set(c, false);
        c->phase = SENT;
    } else {
        failed(c, "the request to %s is too long", c->name);
    }
    buf_done(&text);
    if (ok && c->question.body.n) {
        lws_client_http_body_pending(wsi, 1);
        lws_callback_on_writable(wsi);
    }
    return ok ? 0 : -1;
}

static int write_body(struct http_client *c, struct lws *wsi)
{
    struct span body = c->question.body;
    unsigned char *bytes = malloc(LWS_PRE + body.n);
    c->body_sent = true;
    lws_client_http_body_pending(wsi, 0);
    if (!bytes) {
        failed(c, "out of memory");
        return -1;
    }
    memcpy(bytes + LWS_PRE, body.p, body.n);
    int put = lws_write(wsi, bytes + LWS_PRE, body.n, LWS_WRITE_HTTP_FINAL);
    free(bytes);
    return put < 0 ? -1 : 0;
}

static int begin_answer(struct http_client *c, struct lws *wsi)
{
    c->status = lws_http_client_http_response(wsi);
    c->phase = READING;
    if (c->status != STATUS_NO_CONTENT)
        return 0;
    answered(c);
    return -1;
}

/* A piece, which comes back as HTTP_READ or COMPLETED. */
static int read_piece(struct lws *wsi)
{
    char room[LWS_PRE + PIECE_MAX], *at = room + LWS_PRE;
    int n = PIECE_MAX;
    return lws_http_client_read(wsi, &at, &n) < 0 ? -1 : 0;
}

static int take_piece(struct http_client *c, const void *in, size_t n)
{
    signaling_tls_heard(&c->tls);
    if (n <= HTTP_ANSWER_MAX && buf_add(&c->body, in, n))
        return 0;
    is_nonsense(c, "%s sent an answer of more than %d bytes", c->name, HTTP_ANSWER_MAX);
    return -1;
}

static bool begins(const char *text, size_t n, const char *with)
{
    return text && n >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static void connection_error(struct http_client *c, struct lws *wsi, const char *in, size_t n)
{
    const char *certificate = lws_loop_certificate_error(wsi);
    int shown = (int)MIN(n, WHY_MAX);
    c->wsi = NULL; /* lws frees it when this callback returns */
    if (certificate)
        failed(c, "the certificate of %s: %s", c->name, certificate);
    else if (c->phase == SENT && (begins(in, n, "problems parsing header") || begins(in, n, "HS: ")))
        is_nonsense(c, "%s does not answer in HTTP, so it is no usher daemon", c->name);
    else if (c->phase == SENT || c->phase == READING)
        broken_off(c);
    else if (!in || begins(in, n, "Unable to connect"))
        failed(c, "nothing listens at %s", c->name);
    else if (c->url.tls)
        failed(c, "no TLS with %s, whose address may be one of ws://: %.*s", c->name, shown, in);
    else
        failed(c, "no connection to %s: %.*s", c->name, shown, in);
}

/* TLS tells of it from within a read. */
static void flooded(void *user)
{
    struct http_client *c = user;
    failed(c, "%s changes its keys without end", c->name);
}

/* Of the current connection. */
static int hear(struct http_client *c, struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t n)
{
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        c->wsi = wsi;
        return add_headers(c, wsi, in, n);
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
        return c->phase == SENT && c->question.body.n && !c->body_sent ? write_body(c, wsi) : 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        return begin_answer(c, wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return read_piece(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return c->phase == READING ? take_piece(c, in, n) : -1;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        if (c->phase == READING)
            answered(c);
        return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        lws_set_opaque_user_data(wsi, NULL);
        connection_error(c, wsi, in, n);
        return 0;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        c->wsi = NULL;
        broken_off(c);
        return 0;
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct http_client *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) {
        struct http_client *owner = lws_context_user(lws_get_context(wsi));
        signaling_tls_attach(user, &owner->tls);
    }
    return c ? hear(c, wsi, reason, in, n) : 0;
}

/* ---- life ---- */

struct http_client *http_client_new(GMainContext *context, bool tls,
    void (*on_answer)(void *user, const struct http_answer *answer), void *user, struct err *err)
{
    struct http_client *c = calloc(1, sizeof *c);
    if (!c) {
        err_memory(err);
        return NULL;
    }
    c->on_answer = on_answer;
    c->user = user;
    c->tls.flooded = flooded;
    c->tls.ctx = c;
    c->context = g_main_context_ref(context);
    buf_init(&c->body, HTTP_ANSWER_MAX);
    struct lws_context_creation_info info = {
        .protocols = PROTOCOLS,
        .user = c,
        .pt_serv_buf_size = PIECE_MAX,
        .timeout_secs = LWS_SECONDS,
        .max_http_header_data = ANSWER_HEAD_MAX,
    };
    if (lws_loop_open(&c->loop, context, &info, tls, err))
        return c;
    http_client_free(c);
    return NULL;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    drop(c);
    lws_loop_close(&c->loop);
    g_main_context_unref(c->context);
    buf_done(&c->body);
    free(c);
}
