/* SPDX-License-Identifier: MIT
 *
 * The path and the query go into a request as they are, so they may hold only what a URI may (RFC 3986 section 3.3):
 * a space or a control character would end the line. A fragment is never sent; a user with a password belongs to a
 * scheme that is not spoken here, and would be shown wherever the setting is.
 */
#include "server/adapters/webhook_url.h"

#include <stdio.h>
#include <strings.h>

enum {
    PORT_HTTP = 80,
    PORT_HTTPS = 443
};

static const char *check_target(struct span target)
{
    for (size_t i = 0; i < target.n; i++) {
        unsigned char c = (unsigned char)target.p[i];
        if (c == '#')
            return "a fragment (#) is never sent: write the URL without it";
        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
            return "the path or query has a character that a URL may not have: write it percent-encoded, as %20";
    }
    return NULL;
}

bool webhook_url_read(const char *text, struct webhook_url *url, struct err *e)
{
    struct span all = url_trim(span_of(text));
    size_t scheme = 0;
    *url = (struct webhook_url){.tls = all.n >= 8 && strncasecmp(all.p, "https://", 8) == 0};
    if (url->tls)
        scheme = 8;
    else if (all.n >= 7 && strncasecmp(all.p, "http://", 7) == 0)
        scheme = 7;
    if (scheme == 0 || all.n > WEBHOOK_URL_MAX)
        return err_set(e, "expected a URL such as https://app.example/usher, of at most %d bytes", WEBHOOK_URL_MAX);
    struct span rest = {all.p + scheme, all.n - scheme}, authority = rest;
    for (authority.n = 0; authority.n < rest.n && !strchr("/?#", rest.p[authority.n]); authority.n++)
        ;
    struct span target = {rest.p + authority.n, rest.n - authority.n};
    if (span_find(authority, '@'))
        return err_set(e, "a user and a password cannot be named in it: whoever receives checks the signature "
                          "(webhooks.secret)");
    const char *problem = url_host_read(authority, url->host, &url->port);
    enum address_kind kind = problem ? ADDRESS_OF_A_MACHINE : url_host_kind(url->host);
    if (!problem && kind != ADDRESS_UNSPECIFIED) /* which connect(2) takes for this machine */
        problem = address_kind_problem(kind);
    if (!problem)
        problem = check_target(target);
    if (problem)
        return err_set(e, "%s", problem);
    unsigned own = url->tls ? PORT_HTTPS : PORT_HTTP;
    url->port_named = url->port != 0 && url->port != own;
    url->port = url->port ? url->port : own;
    snprintf(url->target, sizeof url->target, "%s%.*s", target.n > 0 && target.p[0] == '/' ? "" : "/", (int)target.n,
        target.p);
    return true;
}

bool webhook_url_is_open(const struct webhook_url *url)
{
    enum address_kind kind = url_host_kind(url->host);
    return !url->tls && kind != ADDRESS_LOOPBACK && kind != ADDRESS_UNSPECIFIED;
}
