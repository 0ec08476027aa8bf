/* SPDX-License-Identifier: MIT
 *
 * A list is taken whole: its numeric servers at once, so that the first call need not wait for a name, and all of them
 * again when the last lookup has answered. A newer list makes the lookups of an older one moot. A name that cannot be
 * resolved costs its own server only.
 */
#include "peer/io/ice_servers.h"

#include <gio/gio.h>
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
    s->n = ice_list_parse(json, s->servers);
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
