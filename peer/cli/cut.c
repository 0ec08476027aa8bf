/* SPDX-License-Identifier: MIT
 *
 * GIO moves the bytes. A connection is a pair of streams, kept in a list; whichever of its two directions ends first
 * closes both, which ends the other.
 */
#include "peer/cli/cut.h"

#include <gio/gio.h>
#include <string.h>

enum {
    PORT_DEFAULT = 4000, /* as usher(1) has it */
    PORT_TLS = 443
};

/* To one server. */
struct forward {
    struct cut *cut;
    GSocketListener *listener;
    gchar *host;
    guint16 port;
    gboolean refused; /* at the last attempt */
};

struct cut {
    struct forward *forwards;
    guint16 *ports; /* ours, of each */
    size_t n;
    GSocketClient *client;
    GCancellable *closing, *cutting; /* ends the listening; the connections */
    gboolean refuse, reached;
    gchar *trouble;
    GList *pairs;
};

struct pair {
    struct cut *cut; /* NULL: it is gone */
    struct forward *forward;
    GIOStream *near, *far;
    int directions; /* open */
};

static void pair_close(struct pair *p)
{
    g_io_stream_close(p->near, NULL, NULL);
    if (p->far)
        g_io_stream_close(p->far, NULL, NULL);
}

static void pair_free(struct pair *p)
{
    if (p->cut)
        p->cut->pairs = g_list_remove(p->cut->pairs, p);
    pair_close(p);
    g_object_unref(p->near);
    g_clear_object(&p->far);
    g_free(p);
}

static void on_spliced(GObject *source, GAsyncResult *result, gpointer user)
{
    struct pair *p = user;
    g_output_stream_splice_finish(G_OUTPUT_STREAM(source), result, NULL);
    if (p->cut)
        g_socket_shutdown(g_socket_connection_get_socket(G_SOCKET_CONNECTION(p->near)), TRUE, TRUE, NULL);
    if (p->cut && p->far)
        g_socket_shutdown(g_socket_connection_get_socket(G_SOCKET_CONNECTION(p->far)), TRUE, TRUE, NULL);
    if (--p->directions == 0)
        pair_free(p);
}

static void splice(struct pair *p, GIOStream *from, GIOStream *to)
{
    p->directions++;
    g_output_stream_splice_async(g_io_stream_get_output_stream(to), g_io_stream_get_input_stream(from),
        G_OUTPUT_STREAM_SPLICE_NONE, G_PRIORITY_DEFAULT, p->cut->cutting, on_spliced, p);
}

/* What became of a connection to the server; error NULL: it is there. */
static void note_attempt(struct cut *c, struct forward *forward, const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_pointer(&c->trouble, g_free);
    forward->refused = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
    if (error)
        c->trouble = g_strdup_printf("%s:%u: %s", forward->host, forward->port, error->message);
    else
        c->reached = TRUE;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer user)
{
    struct pair *p = user;
    GError *error = NULL;
    GSocketConnection *far = g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(source), result, &error);
    p->far = far ? G_IO_STREAM(far) : NULL;
    if (p->cut)
        note_attempt(p->cut, p->forward, error);
    g_clear_error(&error);
    if (!far || !p->cut || p->cut->refuse) {
        pair_free(p);
        return;
    }
    splice(p, p->near, p->far);
    splice(p, p->far, p->near);
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer user)
{
    GError *error = NULL;
    GSocketConnection *near = g_socket_listener_accept_finish(G_SOCKET_LISTENER(source), result, NULL, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) { /* the cut may be gone */
        g_error_free(error);
        return;
    }
    struct forward *forward = user;
    struct cut *c = forward->cut;
    g_clear_error(&error);
    if (near && !c->refuse) {
        struct pair *p = g_new0(struct pair, 1);
        *p = (struct pair){.cut = c, .forward = forward, .near = G_IO_STREAM(g_object_ref(near))};
        c->pairs = g_list_prepend(c->pairs, p);
        g_socket_client_connect_to_host_async(c->client, forward->host, forward->port, c->cutting, on_connected, p);
    }
    g_clear_object(&near);
    g_socket_listener_accept_async(forward->listener, c->closing, on_accepted, forward);
}

static gboolean listen_on_loopback(struct forward *forward, guint16 *port, GError **error)
{
    GInetAddress *loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    GSocketAddress *wanted = g_inet_socket_address_new(loopback, 0), *got = NULL;
    gboolean ok = g_socket_listener_add_address(
        forward->listener, wanted, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &got, error);
    if (ok)
        *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
    g_clear_object(&got);
    g_object_unref(wanted);
    g_object_unref(loopback);
    return ok;
}

static gboolean forward_open(struct cut *c, size_t i, const char *url, GError **error)
{
    struct forward *forward = &c->forwards[i];
    GUri *uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, error);
    if (!uri)
        return FALSE;
    int usual = strcmp(g_uri_get_scheme(uri), "wss") == 0 ? PORT_TLS : PORT_DEFAULT;
    forward->host = g_strdup(g_uri_get_host(uri));
    forward->port = (guint16)(g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : usual);
    g_uri_unref(uri);
    forward->cut = c;
    forward->listener = g_socket_listener_new();
    if (!forward->host || !listen_on_loopback(forward, &c->ports[i], error))
        return FALSE;
    g_socket_listener_accept_async(forward->listener, c->closing, on_accepted, forward);
    return TRUE;
}

struct cut *cut_new(const char *const *urls, size_t n, char *err, size_t err_n)
{
    GError *error = NULL;
    struct cut *c = g_new0(struct cut, 1);
    c->forwards = g_new0(struct forward, n);
    c->ports = g_new0(guint16, n);
    c->n = n;
    c->client = g_socket_client_new();
    c->closing = g_cancellable_new();
    c->cutting = g_cancellable_new();
    for (size_t i = 0; i < n; i++)
        if (!forward_open(c, i, urls[i], &error)) {
            g_snprintf(err, err_n, "connections to %s cannot be forwarded: %s", urls[i],
                error ? error->message : "it names no host");
            g_clear_error(&error);
            cut_free(c);
            return NULL;
        }
    return c;
}

void cut_free(struct cut *c)
{
    if (!c)
        return;
    g_cancellable_cancel(c->closing);
    g_cancellable_cancel(c->cutting);
    for (GList *at = c->pairs; at; at = at->next)
        ((struct pair *)at->data)->cut = NULL; /* freed as their directions end, in the loop */
    g_list_free(c->pairs);
    for (size_t i = 0; i < c->n; i++) {
        if (c->forwards[i].listener)
            g_socket_listener_close(c->forwards[i].listener);
        g_clear_object(&c->forwards[i].listener);
        g_free(c->forwards[i].host);
    }
    g_object_unref(c->client);
    g_object_unref(c->closing);
    g_object_unref(c->cutting);
    g_free(c->trouble);
    g_free(c->forwards);
    g_free(c->ports);
    g_free(c);
}

const uint16_t *cut_ports(const struct cut *c)
{
    return c->ports;
}

bool cut_reached(const struct cut *c)
{
    return c->reached;
}

const char *cut_trouble(const struct cut *c)
{
    return c->trouble;
}

bool cut_hopeless(const struct cut *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->reached || !c->forwards[i].refused)
            return false;
    return true;
}

void cut_connections(struct cut *c)
{
    g_cancellable_cancel(c->cutting);
    g_object_unref(c->cutting);
    c->cutting = g_cancellable_new();
}

void cut_refuse(struct cut *c, bool refuse)
{
    c->refuse = refuse;
}
