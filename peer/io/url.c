/* SPDX-License-Identifier: MIT
 *
 * GLib reads the URL (RFC 3986); what is left to do here is what a WebSocket URL may not have (RFC 6455 section 3: no
 * fragment) or what we do not offer (a user and password). A path of "/" counts as none: people copy it from a browser.
 */
#include "peer/io/url.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

static bool is_link_local(const char *host)
{
    GInetAddress *address = g_inet_address_new_from_string(host);
    bool is = address && g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6 &&
              g_inet_address_get_is_link_local(address);
    g_clear_object(&address);
    return is;
}

static bool fill_host(struct url *url, const char *text, const char *host, struct err *err)
{
    const char *zone = host ? strchr(host, '%') : NULL; /* GLib has read the %25 of RFC 6874 section 2 */
    size_t n = zone ? (size_t)(zone - host) : host ? strlen(host) : 0;
    zone = zone ? zone + 1 : "";
    if (n == 0 || n > URL_HOST_MAX)
        return err_set(err, "the server's address \"%s\" names no host", text);
    snprintf(url->host, sizeof url->host, "%.*s", (int)n, host);
    snprintf(url->zone, sizeof url->zone, "%s", zone);
    if (is_link_local(url->host) != (*zone != '\0') || strlen(zone) > URL_ZONE_MAX || strchr(zone, '%'))
        return err_set(err,
            "a link-local address goes with its interface, as in ws://[fe80::1%%25eth0]:4000, and no other does: "
            "\"%s\"",
            text);
    return true;
}

static bool fill(struct url *url, const char *text, GUri *uri, struct err *err)
{
    const char *scheme = g_uri_get_scheme(uri), *host = g_uri_get_host(uri);
    const char *path = g_uri_get_path(uri), *query = g_uri_get_query(uri);
    url->tls = strcmp(scheme, "wss") == 0;
    if (!url->tls && strcmp(scheme, "ws") != 0)
        return err_set(err, "a server's address begins with ws:// or wss://, not \"%s\"", text);
    if (!fill_host(url, text, host, err))
        return false;
    if (g_uri_get_userinfo(uri) || g_uri_get_fragment(uri))
        return err_set(err, "a server's address has neither user nor fragment: \"%s\"", text);
    if (*path == '\0' || strcmp(path, "/") == 0)
        path = "/ws";
    if (strlen(path) + (query ? strlen(query) + 1 : 0) > URL_PATH_MAX)
        return err_set(err, "the path of the server's address is longer than %d bytes", URL_PATH_MAX);
    int port = g_uri_get_port(uri);
    if (port == 0)
        return err_set(err, "the server's address \"%s\" has port 0", text);
    uint16_t usual = url->tls ? URL_PORT_TLS : URL_PORT_DEFAULT;
    url->port = port < 0 ? usual : (uint16_t)port;
    snprintf(url->path, sizeof url->path, "%s%s%s", path, query ? "?" : "", query ? query : "");
    return true;
}

/* GLib mends spaces and control characters; in an HTTP request they would be somebody else's header. */
static bool is_printable(const char *text)
{
    while (g_ascii_isgraph(*text))
        text++;
    return *text == '\0';
}

bool url_parse(const char *text, struct url *url, struct err *err)
{
    memset(url, 0, sizeof *url);
    GUri *uri = is_printable(text) ? g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL) : NULL;
    if (!uri)
        return err_set(err, "a server's address looks like %s, not \"%s\"%s", URL_DEFAULT, text,
            strchr(text, '%') ? "; an interface is written behind %25" : "");
    bool ok = fill(url, text, uri, err);
    g_uri_unref(uri);
    return ok;
}

bool urls_parse(const char *const *texts, size_t count, struct url urls[URLS_MAX], unsigned *n, struct err *err)
{
    static const char *const DEFAULT[] = {URL_DEFAULT};
    if (count > URLS_MAX)
        return err_set(err, "at most %d servers can be named", URLS_MAX);
    *n = 0;
    for (size_t i = 0; i < (count ? count : 1); i++)
        if (!url_parse(count ? texts[i] : DEFAULT[i], &urls[(*n)++], err))
            return false;
    return true;
}

bool url_beside(const struct url *url, const char *name, char *out, size_t room)
{
    size_t n = strcspn(url->path, "?");
    while (n > 0 && url->path[n - 1] != '/')
        n--;
    int need = snprintf(out, room, "%.*s%s", (int)n, url->path, name);
    return need > 0 && (size_t)need < room;
}

void url_name(const struct url *url, char name[URL_NAME_MAX + 1])
{
    bool bare6 = strchr(url->host, ':') != NULL;
    snprintf(name, URL_NAME_MAX + 1, "%s%s%s:%u", bare6 ? "[" : "", url->host, bare6 ? "]" : "", url->port);
}

bool url_is_loopback(const struct url *url)
{
    if (g_ascii_strcasecmp(url->host, "localhost") == 0)
        return true;
    GInetAddress *address = g_inet_address_new_from_string(url->host);
    bool loopback = address && g_inet_address_get_is_loopback(address);
    g_clear_object(&address);
    return loopback;
}
