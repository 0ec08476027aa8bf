/* SPDX-License-Identifier: MIT
 *
 * A user, a query and a fragment are refused: browsers do not take the first with a WebSocket, and the others mean nothing
 * to a daemon.
 */
#include "server/adapters/page_server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/adapters/url_host.h"

static bool path_is_plain(struct span path)
{
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-._~", c);
        if (!plain || c == '\0')
            return false;
    }
    return true;
}

bool page_server_normalise(const char *text, char out[PAGE_SERVER_MAX + 1], struct err *e)
{
    struct span all = url_trim(span_of(text));
    char host[URL_HOST_MAX + 1];
    unsigned port = 0;
    bool tls = all.n > 6 && strncasecmp(all.p, "wss://", 6) == 0;
    size_t scheme = tls ? 6 : all.n > 5 && strncasecmp(all.p, "ws://", 5) == 0 ? 5 : 0;
    if (scheme == 0)
        return err_set(e, "expected the address of a server, such as wss://b.example");
    struct span rest = {all.p + scheme, all.n - scheme}, authority = rest;
    for (authority.n = 0; authority.n < rest.n && !strchr("/?#", rest.p[authority.n]); authority.n++)
        ;
    struct span path = {rest.p + authority.n, rest.n - authority.n};
    const char *problem = span_find(authority, '@') ? "a user cannot be named in it" : NULL;
    if (!problem)
        problem = url_host_read(authority, host, &port);
    if (!problem && !path_is_plain(path))
        problem = "its path may have A-Z a-z 0-9 / - . _ ~ only";
    if (problem)
        return err_set(e, "%s: expected the address of a server, such as wss://b.example", problem);
    if (path.n <= 1)
        path = SPAN("/ws");
    char named[16] = "";
    if (port != 0)
        snprintf(named, sizeof named, ":%u", port);
    int n = snprintf(out, PAGE_SERVER_MAX + 1, "%s://%s%s%.*s", tls ? "wss" : "ws", host, named, (int)path.n, path.p);
    return (n > 0 && n <= PAGE_SERVER_MAX) ||
           err_set(e, "an address of a server has at most %d bytes", PAGE_SERVER_MAX);
}

void page_server_sources(const char *normal, struct buf *out)
{
    const char *host = strstr(normal, "://") + 3;
    int n = (int)strcspn(host, "/");
    bool tls = strncmp(normal, "wss", 3) == 0;
    buf_printf(out, " %s://%.*s %s://%.*s", tls ? "wss" : "ws", n, host, tls ? "https" : "http", n, host);
}
