/* SPDX-License-Identifier: MIT
 *
 * A browser sends one of two things (RFC 6454 section 7.3): `null`, or scheme://host[:port] (section 6.2), where scheme
 * and host are in lower case, a name beyond ASCII is in its xn-- form, and the scheme's default port is left out. What
 * differs from that in a way that leaves no doubt is mended (case, the default port, a slash at the end). A path, a
 * wildcard within, a user name, no scheme: here whoever wrote it expects something that does not happen, so it is
 * refused.
 *
 * `null` is allowed as a word, since pages opened from a disk and sandboxed frames send nothing else, and somebody may
 * serve just these. But any page can make a sandboxed frame, so it keeps nobody out; the daemon warns of it.
 */
#include "server/io/origins.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "server/adapters/url_host.h"

enum {
    RECORD_EVERY_MS = 1000
};

static const struct {
    const char *scheme;
    unsigned port;
} DEFAULT_PORTS[] = {{"http", 80}, {"https", 443}};

/* An origin being read. */
struct parts {
    char scheme[ORIGIN_SCHEME_MAX + 1]; /* in lower case; "": none */
    struct span authority, rest;        /* host and port; from the first of `/?#` on */
};

/* RFC 3986 section 3.1: a letter, then letters, digits, + - and . */
static bool take_scheme(struct span text, char scheme[ORIGIN_SCHEME_MAX + 1])
{
    scheme[0] = '\0';
    if (text.n == 0 || text.n > ORIGIN_SCHEME_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool letter = c >= 'a' && c <= 'z', other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other)) {
            scheme[0] = '\0';
            return false;
        }
        scheme[i] = c;
    }
    scheme[text.n] = '\0';
    return true;
}

static struct parts split(struct span text)
{
    struct parts p = {.scheme = ""};
    const char *mark = text.n ? memmem(text.p, text.n, "://", 3) : NULL;
    if (mark && take_scheme((struct span){text.p, (size_t)(mark - text.p)}, p.scheme)) {
        text.n -= (size_t)(mark + 3 - text.p);
        text.p = mark + 3;
    }
    size_t n = 0;
    while (n < text.n && !strchr("/?#", text.p[n]))
        n++;
    p.authority = (struct span){text.p, n};
    p.rest = (struct span){text.p + n, text.n - n};
    return p;
}

/* Puts them together; NULL, or the phrase on what is wrong with host or port. */
static const char *write_origin(const char *scheme, struct span authority, char out[ORIGIN_MAX + 1])
{
    char host[URL_HOST_MAX + 1], text[16] = "";
    unsigned port;
    const char *problem = url_host_read(authority, host, &port);
    if (problem)
        return problem;
    for (size_t i = 0; i < sizeof DEFAULT_PORTS / sizeof *DEFAULT_PORTS; i++)
        if (strcmp(scheme, DEFAULT_PORTS[i].scheme) == 0 && port == DEFAULT_PORTS[i].port)
            port = 0; /* RFC 6454 section 6.2, step 5 */
    if (port)
        snprintf(text, sizeof text, ":%u", port);
    snprintf(out, ORIGIN_MAX + 1, "%s://%s%s", scheme, host, text);
    return NULL;
}

/* What is wrong, and the right form if there is one; else an example. */
static bool tell_right(const char *scheme, struct span authority, const char *problem, struct err *e)
{
    char right[ORIGIN_MAX + 1];
    if (!write_origin(scheme, authority, right))
        return err_set(e, "%s: write %s", problem, right);
    return err_set(e, "%s: expected an origin such as https://app.example", problem);
}

static bool is_local(struct span authority)
{
    return (authority.n >= 9 && strncasecmp(authority.p, "localhost", 9) == 0) ||
           (authority.n >= 4 && memcmp(authority.p, "127.", 4) == 0) ||
           (authority.n >= 5 && memcmp(authority.p, "[::1]", 5) == 0);
}

/* The usual scheme of a page there. */
static const char *likely_scheme(struct span authority)
{
    return is_local(authority) ? "http" : "https";
}

static bool refuse_scheme(const struct parts *p, struct err *e)
{
    struct span authority = p->authority;
    if (authority.n == 0 && p->rest.n > 2 && memcmp(p->rest.p, "//", 2) == 0) /* //app.example */
        authority = split((struct span){p->rest.p + 2, p->rest.n - 2}).authority;
    return tell_right(likely_scheme(authority), authority, "an origin begins with its scheme and ://", e);
}

/* RFC 6454 section 4: the origin of a URL has neither user name nor path. */
static bool refuse_user(const struct parts *p, struct err *e)
{
    size_t n = p->authority.n;
    while (p->authority.p[n - 1] != '@')
        n--;
    return tell_right(
        p->scheme, (struct span){p->authority.p + n, p->authority.n - n}, "an origin has no user name", e);
}

/* Several in one value, or a remark behind it. */
static bool refuse_more(struct span text, struct err *e)
{
    size_t n = 0;
    while (n < text.n && !strchr(", \t", text.p[n]))
        n++;
    struct parts p = split((struct span){text.p, n});
    return tell_right(*p.scheme ? p.scheme : likely_scheme(p.authority), p.authority,
        span_find(text, ',') ? "one origin a setting, which is repeated for more"
                             : "nothing may stand behind an origin",
        e);
}

static bool is_word(struct span text, char out[ORIGIN_MAX + 1])
{
    if (!span_is(text, "*") && !(text.n == 4 && strncasecmp(text.p, "null", 4) == 0))
        return false;
    snprintf(out, ORIGIN_MAX + 1, "%s", text.n == 1 ? "*" : "null");
    return true;
}

/* Whether the host ended with a dot, which is taken out. */
static bool with_last_dot(char *origin)
{
    size_t n = strlen(origin);
    char *dot = strstr(origin, ".:");
    if (!dot && origin[n - 1] == '.')
        dot = origin + n - 1;
    if (dot)
        memmove(dot, dot + 1, strlen(dot));
    return dot != NULL;
}

static bool normalise(struct span text, char out[ORIGIN_MAX + 1], struct err *e)
{
    if (is_word(text, out))
        return true;
    for (const char *c = ", \t"; *c; c++)
        if (span_find(text, *c))
            return refuse_more(text, e);
    struct parts p = split(text);
    if (!*p.scheme)
        return refuse_scheme(&p, e);
    /* Not an origin of RFC 6454, but what some browsers send for a page opened from a disk. */
    if (strcmp(p.scheme, "file") == 0 && p.authority.n == 0 && p.rest.n <= 1) {
        snprintf(out, ORIGIN_MAX + 1, "file://");
        return true;
    }
    if (strcmp(p.scheme, "ws") == 0 || strcmp(p.scheme, "wss") == 0)
        return tell_right(p.scheme[2] ? "https" : "http", p.authority,
            "an origin is the address of the page, not of its WebSocket", e);
    if (span_find(p.authority, '@'))
        return refuse_user(&p, e);
    if (span_find(p.authority, '*'))
        return err_set(e, "* stands alone, for any page: name each origin, such as https://app.example");
    if (p.rest.n > 1 || (p.rest.n == 1 && p.rest.p[0] != '/'))
        return tell_right(p.scheme, p.authority, "an origin has no path: it is all pages of that host", e);
    const char *problem = write_origin(p.scheme, p.authority, out);
    if (problem)
        return err_set(e, "%s: expected an origin such as https://app.example", problem);
    return !with_last_dot(out) ||
           err_set(e, "with a dot at its end the host is another one to a browser: write %s", out);
}

bool origins_normalise(const char *text, char out[ORIGIN_MAX + 1], struct err *e)
{
    return normalise(url_trim(span_of(text)), out, e);
}

bool origins_allow(const char *const *list, size_t n, struct span origin)
{
    char asked[ORIGIN_MAX + 1];
    bool sound = !span_find(origin, '\0') && origin.n > 0 && normalise(origin, asked, NULL);
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], "*") == 0 || (sound && strcmp(list[i], asked) == 0))
            return true;
    return false;
}

bool origins_refusal(struct log_pace *refusals, struct span origin, uint64_t now_ms, struct log_record *record)
{
    uint64_t n = log_pace(refusals, now_ms, RECORD_EVERY_MS);
    if (n == 0)
        return false;
    log_record_init(record, LOG_LEVEL_NOTICE, "origin-refused",
        "pages of this origin may not connect: add it to server.origins if they should");
    log_record_add(record, "origin", origin);
    log_record_addf(record, "count", "%" PRIu64, n);
    return true;
}

void origins_refused(struct log_pace *refusals, const struct logger *logger, struct span origin, uint64_t now_ms)
{
    struct log_record record;
    if (origins_refusal(refusals, origin, now_ms, &record))
        logger_write(logger, &record);
}
