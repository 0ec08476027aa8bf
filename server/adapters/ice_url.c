/* SPDX-License-Identifier: MIT
 *
 *     stunURI = scheme ":" host [ ":" port ]                              RFC 7064 section 3.1
 *     turnURI = scheme ":" host [ ":" port ] [ "?transport=" transport ]  RFC 7065 section 3.1
 *
 * Neither has `//`, a path or a user name. A mistake whose right form is clear is answered with that form; it is not
 * mended in silence, because the same URL is often copied to a place that does not mend it.
 */
#include "server/adapters/ice_url.h"

#include <stdio.h>
#include <strings.h>

static const struct scheme {
    const char *name;
    enum ice_url_kind kind;
    bool tls;
} SCHEMES[] = {
    {"stun", ICE_URL_STUN, false},
    {"stuns", ICE_URL_STUN, true},
    {"turn", ICE_URL_TURN, false},
    {"turns", ICE_URL_TURN, true},
};
enum {
    SCHEMES_COUNT = sizeof SCHEMES / sizeof *SCHEMES
};

static const char *const OPTION_NAMES[] = {[ICE_URL_STUN] = "ice.stun", [ICE_URL_TURN] = "ice.turn"};
static const char *const EXAMPLES[] = {
    [ICE_URL_STUN] = "stun:stun.example:3478", [ICE_URL_TURN] = "turn:turn.example:3478?transport=udp"};

/* A URL being read. */
struct parts {
    const struct scheme *scheme; /* NULL: none that is ours */
    struct span authority;       /* host and port */
    struct span rest;            /* from the first of `/?#` on */
    bool slashes;                /* `//` behind the scheme */
};

static struct span skip(struct span text, size_t n)
{
    return (struct span){text.p + n, text.n - n};
}

/* Schemes compare without case (RFC 3986 section 3.1). Leaves what is behind the colon in *text. */
static const struct scheme *take_scheme(struct span *text)
{
    for (size_t i = 0; i < SCHEMES_COUNT; i++) {
        size_t n = strlen(SCHEMES[i].name);
        if (text->n > n && text->p[n] == ':' && strncasecmp(text->p, SCHEMES[i].name, n) == 0) {
            *text = skip(*text, n + 1);
            return &SCHEMES[i];
        }
    }
    return NULL;
}

static struct parts split(struct span text)
{
    struct parts p = {.scheme = take_scheme(&text)};
    bool slashes = text.n >= 2 && memcmp(text.p, "//", 2) == 0;
    p.slashes = slashes;
    if (slashes)
        text = skip(text, 2);
    size_t n = 0;
    while (n < text.n && !strchr("/?#", text.p[n]))
        n++;
    p.authority = (struct span){text.p, n};
    p.rest = skip(text, n);
    return p;
}

/* Puts scheme, host and port together; false with the phrase if the host or the port is none, or no client can send there. */
static bool write_url(
    const char *scheme, struct span authority, const char *query, char out[ICE_URL_MAX + 1], const char **problem)
{
    char host[URL_HOST_MAX + 1], port[16] = "";
    unsigned number;
    *problem = url_host_read(authority, host, &number);
    if (!*problem)
        *problem = address_kind_problem(url_host_kind(host));
    if (*problem)
        return false;
    if (number)
        snprintf(port, sizeof port, ":%u", number);
    snprintf(out, ICE_URL_MAX + 1, "%s:%s%s%s", scheme, host, port, query);
    return true;
}

/* What is wrong, and the right form if there is one; else an example. */
static bool tell_right(enum ice_url_kind kind, const char *scheme, struct span authority, const char *query,
    const char *problem, struct err *e)
{
    char right[ICE_URL_MAX + 1];
    const char *ignored;
    if (write_url(scheme, authority, query, right, &ignored))
        return err_set(e, "%s: write %s", problem, right);
    return err_set(e, "%s: expected a URL such as %s", problem, EXAMPLES[kind]);
}

/* RFC 7065 section 3.1 leaves room for other transports (`transport-ext`); clients know these two. */
static const char *read_transport(struct span rest)
{
    static const char *const QUERIES[] = {"?transport=udp", "?transport=tcp"};
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++)
        if (rest.n == strlen(QUERIES[i]) && strncasecmp(rest.p, QUERIES[i], rest.n) == 0)
            return QUERIES[i];
    return rest.n == 0 ? "" : NULL;
}

/* RFC 7065 section 3.1 has no user name; the daemon makes one for each client. */
static bool refuse_user(enum ice_url_kind kind, const struct parts *p, struct err *e)
{
    size_t n = p->authority.n;
    while (p->authority.p[n - 1] != '@')
        n--;
    return tell_right(kind, p->scheme->name, skip(p->authority, n), "",
        kind == ICE_URL_TURN ? "user and password are made from ice.turn_secret for each client"
                             : "a STUN server is asked without a user name",
        e);
}

/* The scheme of the URL, or what it lacks. */
static const char *scheme_of(enum ice_url_kind kind, const struct parts *p)
{
    if (p->scheme)
        return p->scheme->name;
    return kind == ICE_URL_STUN ? "stun" : "turn";
}

/* What is right of the query already. */
static const char *query_of(enum ice_url_kind kind, const struct parts *p)
{
    const char *query = kind == ICE_URL_TURN ? read_transport(p->rest) : NULL;
    return query ? query : "";
}

static bool refuse_scheme(enum ice_url_kind kind, const struct parts *p, struct err *e)
{
    /* RFC 7064 and 7065 section 3.1: the scheme is not optional. */
    if (!p->scheme)
        return tell_right(kind, scheme_of(kind, p), p->authority, query_of(kind, p),
            kind == ICE_URL_STUN ? "the scheme stun: or stuns: is missing" : "the scheme turn: or turns: is missing",
            e);
    return err_set(
        e, "%s: is not for %s: give it as %s", p->scheme->name, OPTION_NAMES[kind], OPTION_NAMES[p->scheme->kind]);
}

static bool refuse_rest(enum ice_url_kind kind, const struct parts *p, struct err *e)
{
    if (p->rest.p[0] != '?')
        return tell_right(kind, p->scheme->name, p->authority, "", "such a URL has no path", e);
    if (kind == ICE_URL_STUN) /* RFC 7064 section 3.1: stunURI has no query */
        return tell_right(kind, p->scheme->name, p->authority, "", "a STUN URL has no ?transport=", e);
    return tell_right(kind, p->scheme->name, p->authority, p->scheme->tls ? "?transport=tcp" : "?transport=udp",
        "a TURN URL ends in ?transport=udp or ?transport=tcp (for TLS it begins with turns:)", e);
}

/* Several in one value, or a remark behind it. */
static bool refuse_more(enum ice_url_kind kind, struct span text, struct err *e)
{
    size_t n = 0;
    while (n < text.n && !strchr(", \t;#", text.p[n]))
        n++;
    struct parts p = split((struct span){text.p, n});
    return tell_right(kind, scheme_of(kind, &p), p.authority, query_of(kind, &p),
        span_find(text, ',') ? "one URL a setting, which is repeated for more" : "nothing may stand behind the URL", e);
}

bool ice_url_normalise(enum ice_url_kind kind, const char *text, char out[ICE_URL_MAX + 1], struct err *e)
{
    struct span trimmed = url_trim(span_of(text));
    for (const char *c = ", \t"; *c; c++)
        if (span_find(trimmed, *c))
            return refuse_more(kind, trimmed, e);
    struct parts p = split(trimmed);
    if (!p.scheme || p.scheme->kind != kind)
        return refuse_scheme(kind, &p, e);
    if (span_find(p.authority, '@'))
        return refuse_user(kind, &p, e);
    const char *query = read_transport(p.rest);
    if (!query || (*query && kind == ICE_URL_STUN))
        return refuse_rest(kind, &p, e);
    /* RFC 7064 and 7065 section 3.1: no hierarchy, so no `//`. */
    if (p.slashes)
        return tell_right(kind, p.scheme->name, p.authority, query, "no // stands behind the scheme", e);
    const char *problem;
    if (write_url(p.scheme->name, p.authority, query, out, &problem))
        return true;
    return err_set(e, "%s: expected a URL such as %s", problem, EXAMPLES[kind]);
}

enum address_kind ice_url_kind_of_host(const char *url)
{
    char host[URL_HOST_MAX + 1];
    unsigned port;
    struct parts p = split(span_of(url));
    return url_host_read(p.authority, host, &port) ? ADDRESS_OF_A_MACHINE : url_host_kind(host);
}

bool ice_url_is_dtls(const char *url)
{
    return strncmp(url, "turns:", 6) == 0 && strstr(url, "?transport=udp");
}
