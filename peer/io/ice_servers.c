/* SPDX-License-Identifier: MIT
 *
 * A list is taken whole: its numeric servers at once, so that the first call need not wait for a name, and all of them
 * again when the last lookup has answered. A newer list makes the lookups of an older one moot. A name that cannot be
 * resolved costs its own server only.
 */
#include "peer/io/ice_servers.h"

#include <gio/gio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct ice_servers {
    GMainContext *context;
    struct rtc_factory *factory;
    GCancellable *cancel; /* of the current list's lookups */
    struct rtc_server servers[ICE_SERVERS_MAX];
    size_t n;
    size_t waiting; /* lookups without an answer */
};

struct lookup {
    struct ice_servers *owner; /* borrowed, valid unless cancelled */
    size_t index;
};

static bool is_numeric(const char *host)
{
    return g_hostname_is_ip_address(host);
}

/* scheme ":" host [ ":" port ] [ "?transport=" ( "udp" / "tcp" ) ] */
bool ice_server_url(const char *url, struct rtc_server *out)
{
    static const struct {
        const char *prefix;
        enum rtc_server_kind kind;
        uint16_t port;
    } SCHEMES[] = {{"stun:", RTC_STUN, 3478}, {"turn:", RTC_TURN_UDP, 3478}, {"turns:", RTC_TURN_TLS, 5349}};
    memset(out, 0, sizeof *out);
    const char *rest = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(SCHEMES) && !rest; i++)
        if (g_str_has_prefix(url, SCHEMES[i].prefix)) {
            rest = url + strlen(SCHEMES[i].prefix);
            out->kind = SCHEMES[i].kind;
            out->port = SCHEMES[i].port;
        }
    if (!rest)
        return false;
    const char *query = strchr(rest, '?');
    size_t n = query ? (size_t)(query - rest) : strlen(rest);
    if (n == 0 || n >= sizeof out->host || (query && !g_str_has_prefix(query, "?transport=")))
        return false;
    if (query && strcmp(query, "?transport=tcp") == 0 && out->kind == RTC_TURN_UDP)
        out->kind = RTC_TURN_TCP;
    char text[sizeof out->host];
    memcpy(text, rest, n);
    text[n] = '\0';
    GError *error = NULL;
    GSocketConnectable *address = g_network_address_parse(text, out->port, &error);
    g_clear_error(&error);
    if (!address)
        return false;
    g_strlcpy(out->host, g_network_address_get_hostname(G_NETWORK_ADDRESS(address)), sizeof out->host);
    out->port = g_network_address_get_port(G_NETWORK_ADDRESS(address));
    g_object_unref(address);
    return *out->host != '\0' && out->port != 0;
}

static void add_url(struct ice_servers *s, const json_t *url, const json_t *entry)
{
    const char *text = json_string_value(url);
    if (!text || s->n == ICE_SERVERS_MAX || !ice_server_url(text, &s->servers[s->n]))
        return;
    struct rtc_server *made = &s->servers[s->n];
    const char *username = json_string_value(json_object_get(entry, "username"));
    const char *password = json_string_value(json_object_get(entry, "credential"));
    if (made->kind != RTC_STUN && (!username || !password || strlen(username) >= sizeof made->username ||
                                      strlen(password) >= sizeof made->password))
        return;
    g_strlcpy(made->username, username ? username : "", sizeof made->username);
    g_strlcpy(made->password, password ? password : "", sizeof made->password);
    s->n++;
}

static void publish(struct ice_servers *s)
{
    struct rtc_server known[ICE_SERVERS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (is_numeric(s->servers[i].host))
            known[n++] = s->servers[i];
    rtc_factory_servers(s->factory, known, n);
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer user)
{
    struct lookup *lookup = user;
    GError *error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        struct ice_servers *s = lookup->owner;
        if (addresses) {
            gchar *text = g_inet_address_to_string(addresses->data);
            g_strlcpy(s->servers[lookup->index].host, text, sizeof s->servers[0].host);
            g_free(text);
        }
        if (--s->waiting == 0)
            publish(s);
    }
    g_list_free_full(addresses, g_object_unref);
    g_clear_error(&error);
    g_free(lookup);
}

static void resolve(struct ice_servers *s)
{
    GResolver *resolver = g_resolver_get_default();
    g_main_context_push_thread_default(s->context);
    for (size_t i = 0; i < s->n; i++)
        if (!is_numeric(s->servers[i].host)) {
            struct lookup *lookup = g_new(struct lookup, 1);
            *lookup = (struct lookup){s, i};
            s->waiting++;
            g_resolver_lookup_by_name_async(resolver, s->servers[i].host, s->cancel, on_resolved, lookup);
        }
    g_main_context_pop_thread_default(s->context);
    g_object_unref(resolver);
}

static void cancel(struct ice_servers *s)
{
    if (s->cancel)
        g_cancellable_cancel(s->cancel);
    g_clear_object(&s->cancel);
    s->waiting = s->n = 0;
}

void ice_servers_set(struct ice_servers *s, struct span json)
{
    cancel(s);
    s->cancel = g_cancellable_new();
    json_t *list = json_loadb(json.p, json.n, 0, NULL), *entry, *url;
    size_t i, k;
    json_array_foreach(list, i, entry)
    {
        const json_t *urls = json_object_get(entry, "urls");
        if (json_is_array(urls)) {
            json_array_foreach(urls, k, url) add_url(s, url, entry);
        } else {
            add_url(s, urls, entry);
        }
    }
    json_decref(list);
    publish(s);
    resolve(s);
}

struct ice_servers *ice_servers_new(GMainContext *context, struct rtc_factory *factory)
{
    struct ice_servers *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->context = g_main_context_ref(context);
    s->factory = factory;
    return s;
}

void ice_servers_free(struct ice_servers *s)
{
    if (!s)
        return;
    cancel(s);
    g_main_context_unref(s->context);
    free(s);
}
