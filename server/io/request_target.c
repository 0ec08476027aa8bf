/* SPDX-License-Identifier: MIT
 *
 * The target of a request (RFC 9112 section 3.2), in the forms that are for a server which is no proxy:
 *
 *   /path?query             origin form.
 *   http://host/path?query  absolute form, which every server MUST accept. Its host replaces that of the Host header.
 *                           Schemes are http, https, ws and wss. There must be a host (RFC 9110 section 4.2.1), and no
 *                           userinfo: its presence is an error (4.2.4).
 *   *                       of OPTIONS only.
 *
 * CONNECT, whose target is a host and a port, is for proxies.
 *
 * A target may have the characters of a URI (RFC 3986), and those few others that browsers do not encode in a query
 * (WHATWG URL, query state): [ ] { } | \ ^ and the backquote. The space, controls, `"`, `#`, `<`, `>` and all beyond
 * ASCII must be percent-encoded. Whether escapes are whole is seen by those who decode.
 */
#include "server/io/request_inner.h"

#include <arpa/inet.h>

/* Behind an IPv6 address in brackets; NULL if there is none. Neither with a zone, which means nothing on another
 * machine (RFC 6874 section 4), nor IPvFuture, which does not exist yet. */
static const char *skip_ipv6(const char *p, const char *end)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *bracket = memchr(p, ']', (size_t)(end - p));
    if (!bracket || (size_t)(bracket - p) > sizeof text)
        return NULL;
    size_t n = (size_t)(bracket - p) - 1;
    memcpy(text, p + 1, n);
    text[n] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1 ? bracket + 1 : NULL;
}

static bool is_hex(char c)
{
    return head_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *skip_name(const char *p, const char *end)
{
    while (p < end) {
        if (head_class_has(HOST, *p))
            p++;
        else if (*p == '%' && end - p > 2 && is_hex(p[1]) && is_hex(p[2]))
            p += 3;
        else
            break;
    }
    return p;
}

bool head_host_is_valid(struct span host)
{
    enum {
        PORT_DIGITS = 5,
        PORT_MAX = 65535
    };
    if (host.n == 0)
        return true;
    const char *end = host.p + host.n, *p = host.p[0] == '[' ? skip_ipv6(host.p, end) : skip_name(host.p, end);
    if (!p || p == end)
        return p != NULL;
    if (*p != ':' || end - p - 1 > PORT_DIGITS)
        return false;
    unsigned port = 0;
    for (p++; p < end && head_is_digit(*p); p++)
        port = port * 10 + (unsigned)(*p - '0');
    return p == end && port <= PORT_MAX;
}

static void cut_query(struct request_head *h, struct span rest)
{
    const char *mark = span_find(rest, '?');
    h->path = rest;
    if (!mark)
        return;
    h->path.n = (size_t)(mark - rest.p);
    h->query = (struct span){mark + 1, rest.n - h->path.n - 1};
}

static enum head_progress read_url(struct request_head *h, struct span scheme, struct span rest)
{
    if (!head_fold_eq(scheme, "http") && !head_fold_eq(scheme, "https") && !head_fold_eq(scheme, "ws") &&
        !head_fold_eq(scheme, "wss"))
        return head_bad(h, PROBLEM_SCHEME);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    h->host = (struct span){rest.p, n};
    if (span_find(h->host, '@'))
        return head_bad(h, PROBLEM_USERINFO);
    if (n == 0 || rest.p[0] == ':' || !head_host_is_valid(h->host))
        return head_bad(h, PROBLEM_AUTHORITY);
    cut_query(h, (struct span){rest.p + n, rest.n - n});
    if (h->path.n == 0) /* RFC 9110 section 4.2.3 */
        h->path = SPAN("/");
    return HEAD_WHOLE;
}

enum head_progress head_read_target(struct request_head *h, struct span target)
{
    static const char MARK[] = "://";
    if (span_is(h->method, "CONNECT"))
        return head_bad(h, PROBLEM_CONNECT);
    if (target.p[0] == '/') {
        cut_query(h, target);
        return HEAD_WHOLE;
    }
    if (span_is(target, "*")) {
        h->path = target;
        return span_is(h->method, "OPTIONS") ? HEAD_WHOLE : head_bad(h, PROBLEM_ASTERISK);
    }
    const char *mark = memmem(target.p, target.n, MARK, sizeof MARK - 1);
    if (!mark)
        return head_bad(h, PROBLEM_TARGET_FORM);
    struct span scheme = {target.p, (size_t)(mark - target.p)};
    return read_url(h, scheme, (struct span){mark + sizeof MARK - 1, target.n - scheme.n - (sizeof MARK - 1)});
}
