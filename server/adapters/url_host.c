/* SPDX-License-Identifier: MIT
 *
 * Names are those that resolvers and browsers take: letters, digits, hyphens, underscores, at most 63 bytes between two
 * dots. What RFC 3986 also allows in a host (percent-encoding, sub-delims) names no machine, so it is a mistake here.
 * A name beyond ASCII is refused with a hint, not converted: the conversion that browsers do (UTS #46) needs tables that
 * change each year.
 */
#include "server/adapters/url_host.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
    LABEL_MAX = 63,
    PIECES = 8,
    PORT_DIGITS_MAX = 8
};

static const char MISSING[] = "the host is missing";

struct span url_trim(struct span text)
{
    while (text.n > 0 && strchr(" \t\r\n", text.p[0])) {
        text.p++;
        text.n--;
    }
    while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]))
        text.n--;
    return text;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* The first of the longest runs of zero pieces, if it has two or more: what `::` stands for (RFC 5952 section 4.2). */
static size_t longest_zeros(const unsigned pieces[PIECES], size_t *length)
{
    size_t best = 0;
    *length = 1;
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = 0;
        while (i + n < PIECES && pieces[i + n] == 0)
            n++;
        if (n > *length) {
            best = i;
            *length = n;
        }
    }
    return best;
}

/* As browsers write it (WHATWG URL, "IPv6 serializer"): unlike inet_ntop, never with an IPv4 address in it. */
static void write_ipv6(const struct in6_addr *address, char host[URL_HOST_MAX + 1])
{
    unsigned pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++)
        pieces[i] = (unsigned)address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1];
    size_t zeros, at = longest_zeros(pieces, &zeros);
    bool cut = zeros > 1;
    char *out = host;
    *out++ = '[';
    for (size_t i = 0; i < PIECES; i++) {
        if (cut && i == at) {
            *out++ = ':';
            *out++ = ':';
            i += zeros - 1;
        } else {
            bool joined = i == 0 || (cut && i == at + zeros);
            out += sprintf(out, "%s%x", joined ? "" : ":", pieces[i]);
        }
    }
    *out++ = ']';
    *out = '\0';
}

static const char *read_ipv6(struct span text, char host[URL_HOST_MAX + 1])
{
    char plain[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.n >= sizeof plain)
        return "this is no IPv6 address";
    memcpy(plain, text.p, text.n);
    plain[text.n] = '\0';
    if (strchr(plain, '%'))
        return "a zone (%) means nothing on another machine: write the IPv6 address without it";
    if (inet_pton(AF_INET6, plain, &address) != 1)
        return "this is no IPv6 address";
    write_ipv6(&address, host);
    return NULL;
}

/* Whether the last label is a number, which makes the whole an IPv4 address to a browser (WHATWG URL, "ends in a
 * number"), however it is written. */
static bool ends_in_number(const char *host, size_t n)
{
    size_t end = n > 0 && host[n - 1] == '.' ? n - 1 : n, start = end;
    while (start > 0 && host[start - 1] != '.')
        start--;
    if (start == end)
        return false;
    bool hex = end - start >= 2 && host[start] == '0' && host[start + 1] == 'x';
    for (size_t i = hex ? start + 2 : start; i < end; i++)
        if (!is_digit(host[i]) && !(hex && host[i] >= 'a' && host[i] <= 'f'))
            return false;
    return true;
}

static const char *check_character(char c)
{
    if ((unsigned char)c >= 0x80)
        return "a name beyond ASCII is written in its xn-- form, which new URL(\"https://NAME\").host shows in a "
               "browser's console";
    if (is_alnum(c) || c == '-' || c == '_' || c == '.')
        return NULL;
    return "a host has letters, digits, - and . only";
}

static const char *read_name(struct span text, char host[URL_HOST_MAX + 1])
{
    size_t label = 0;
    if (text.n > URL_HOST_MAX || (text.n == URL_HOST_MAX && text.p[text.n - 1] != '.'))
        return "a host has at most 253 bytes";
    for (size_t i = 0; i < text.n; i++) {
        const char *problem = check_character(text.p[i]);
        if (problem)
            return problem;
        if (text.p[i] == '.' && label == 0)
            return "a host has a name between two dots";
        label = text.p[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return "a host has at most 63 bytes between two dots";
        host[i] = lower(text.p[i]);
    }
    host[text.n] = '\0';
    struct in_addr v4;
    if (ends_in_number(host, text.n) && inet_pton(AF_INET, host, &v4) != 1)
        return "an IPv4 address is four numbers up to 255 with dots between them, without leading zeros";
    return NULL;
}

/* RFC 3986 section 3.2.3, and no port 0, to which nobody can connect. */
static bool read_port(struct span text, unsigned *port)
{
    *port = 0;
    if (text.n == 0 || text.n > PORT_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.p[i]))
            return false;
        *port = *port * 10 + (unsigned)(text.p[i] - '0');
    }
    return *port >= 1 && *port <= URL_PORT_MAX;
}

/* Where the host ends; a colon within brackets belongs to it (RFC 3986 section 3.2.2). NULL if a bracket is open. */
static const char *host_end(struct span text)
{
    const char *end = text.p + text.n;
    if (text.n > 0 && text.p[0] == '[') {
        const char *bracket = span_find(text, ']');
        return bracket ? bracket + 1 : NULL;
    }
    const char *colon = span_find(text, ':');
    return colon ? colon : end;
}

static const char *read_host(struct span text, char host[URL_HOST_MAX + 1])
{
    if (text.n == 0)
        return MISSING;
    if (text.p[0] == '[')
        return read_ipv6((struct span){text.p + 1, text.n - 2}, host);
    return read_name(text, host);
}

const char *url_host_read(struct span text, char host[URL_HOST_MAX + 1], unsigned *port)
{
    static const char BRACKETS[] = "an IPv6 address stands in brackets, as [2001:db8::1]";
    *port = 0;
    host[0] = '\0';
    if (text.n == 0)
        return MISSING;
    const char *end = host_end(text);
    if (!end)
        return BRACKETS;
    struct span name = {text.p, (size_t)(end - text.p)}, rest = {end, text.n - name.n};
    if (rest.n > 0 && span_find((struct span){rest.p + 1, rest.n - 1}, ':'))
        return BRACKETS;
    const char *problem = read_host(name, host);
    if (!problem && rest.n > 0 && (rest.p[0] != ':' || !read_port((struct span){rest.p + 1, rest.n - 1}, port)))
        problem = "a port is a number from 1 to 65535";
    if (problem)
        host[0] = '\0';
    return problem;
}

static bool is_own_name(const char *host)
{
    static const char LOCALHOST[] = "localhost", *const NAMES[] = {"ip6-localhost", "ip6-loopback"};
    size_t n = strlen(host), own = sizeof LOCALHOST - 1;
    n -= n > 0 && host[n - 1] == '.';
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (n == strlen(NAMES[i]) && strncmp(host, NAMES[i], n) == 0)
            return true;
    return n >= own && strncmp(host + n - own, LOCALHOST, own) == 0 && (n == own || host[n - own - 1] == '.');
}

enum address_kind url_host_kind(const char *host)
{
    struct address a = {.bytes = {[10] = 0xff, [11] = 0xff}};
    size_t n = strlen(host);
    char plain[INET6_ADDRSTRLEN];
    if (host[0] == '[' && n - 2 < sizeof plain) {
        snprintf(plain, sizeof plain, "%.*s", (int)n - 2, host + 1);
        return inet_pton(AF_INET6, plain, a.bytes) == 1 ? address_kind(&a) : ADDRESS_OF_A_MACHINE;
    }
    if (inet_pton(AF_INET, host, a.bytes + 12) == 1)
        return address_kind(&a);
    return is_own_name(host) ? ADDRESS_LOOPBACK : ADDRESS_OF_A_MACHINE;
}
