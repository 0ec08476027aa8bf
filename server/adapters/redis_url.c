/* SPDX-License-Identifier: MIT */
#include "server/adapters/redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char EXPECTED[] = "expected redis://HOST:PORT, with USER:PASSWORD@ before the host and /DATABASE behind "
                               "the port where needed, or unix:/PATH";

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL, or what is wrong. */
static const char *decode(struct span text, size_t max, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int byte = (unsigned char)text.p[i];
        if (byte == '%') {
            int high = text.n - i > 2 ? hex(text.p[i + 1]) : -1;
            int low = high >= 0 ? hex(text.p[i + 2]) : -1;
            if (low < 0)
                return "a % in user or password begins two hexadecimal digits: a % itself is written %25";
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0)
            return "user and password cannot hold a NUL";
        if (n == max)
            return "the user has at most 128 bytes, the password at most 512";
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return NULL;
}

static const char *read_login(struct span login, struct redis_url *url)
{
    const char *colon = memchr(login.p, ':', login.n);
    if (!colon || colon + 1 == login.p + login.n)
        return "before the @ stands USER:PASSWORD, or :PASSWORD for the default user";
    struct span user = {login.p, (size_t)(colon - login.p)};
    struct span password = {colon + 1, login.n - user.n - 1};
    const char *problem = decode(user, REDIS_USER_MAX, url->user);
    return problem ? problem : decode(password, REDIS_PASSWORD_MAX, url->password);
}

static const char *read_database(struct span digits, struct redis_url *url)
{
    if (digits.n == 0)
        return NULL;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9' || i == 6)
            return "the database is a number from 0 to 999999";
        url->database = url->database * 10 + (unsigned)(digits.p[i] - '0');
    }
    return NULL;
}

/* Takes what stands before the last @ off; a password may hold an @ that nobody encoded, a host never. */
static struct span take_login(struct span *rest, size_t within)
{
    for (size_t i = within; i > 0; i--)
        if (rest->p[i - 1] == '@') {
            struct span login = {rest->p, i - 1};
            rest->p += i;
            rest->n -= i;
            return login;
        }
    return (struct span){NULL, 0};
}

static size_t until(struct span s, char c)
{
    const char *at = memchr(s.p, c, s.n);
    return at ? (size_t)(at - s.p) : s.n;
}

static const char *read_tcp(struct span rest, struct redis_url *url)
{
    /* The first slash behind the last @, which is none of a password. */
    struct span login = take_login(&rest, rest.n);
    const char *problem = login.p ? read_login(login, url) : NULL;
    struct span authority = {rest.p, until(rest, '/')};
    struct span database = {rest.p + authority.n, rest.n - authority.n};
    if (memchr(rest.p, '?', rest.n) || memchr(rest.p, '#', rest.n))
        return "nothing stands behind the database";
    if (!problem)
        problem = url_host_read(authority, url->host, &url->port);
    if (!problem && database.n > 0)
        problem = read_database((struct span){database.p + 1, database.n - 1}, url);
    if (problem)
        return problem;
    enum address_kind kind = url_host_kind(url->host);
    if (kind != ADDRESS_UNSPECIFIED && address_kind_problem(kind))
        return address_kind_problem(kind);
    if (url->port == 0)
        url->port = REDIS_PORT;
    snprintf(url->where, sizeof url->where, "%s:%u", url->host, url->port);
    size_t n = strlen(url->host);
    if (url->host[0] == '[') { /* as getaddrinfo(3) takes it */
        memmove(url->host, url->host + 1, n - 2);
        url->host[n - 2] = '\0';
    }
    return NULL;
}

static const char *read_unix(struct span rest, struct redis_url *url)
{
    if (rest.n >= 2 && memcmp(rest.p, "//", 2) == 0) {
        rest.p += 2;
        rest.n -= 2;
        struct span login = take_login(&rest, until(rest, '?'));
        const char *problem = login.p ? read_login(login, url) : NULL;
        if (problem)
            return problem;
    }
    struct span path = {rest.p, until(rest, '?')};
    struct span query = {rest.p + path.n, rest.n - path.n};
    if (path.n < 2 || path.n > REDIS_PATH_MAX || *path.p != '/')
        return "the socket's path begins with / and has at most 107 bytes";
    if (query.n > 0 && (query.n < 5 || memcmp(query.p, "?db=", 4) != 0))
        return "behind the path may stand ?db=NUMBER";
    memcpy(url->path, path.p, path.n);
    url->path[path.n] = '\0';
    snprintf(url->where, sizeof url->where, "%s", url->path);
    return query.n > 0 ? read_database((struct span){query.p + 4, query.n - 4}, url) : NULL;
}

static bool begins(struct span s, const char *scheme)
{
    size_t n = strlen(scheme);
    return s.n >= n && strncasecmp(s.p, scheme, n) == 0;
}

bool redis_url_read(const char *text, struct redis_url *url, struct err *e)
{
    struct span all = url_trim(span_of(text));
    *url = (struct redis_url){0};
    const char *problem = EXPECTED;
    if (all.n > REDIS_URL_MAX)
        problem = "the URL has more than 1024 bytes";
    else if (begins(all, "rediss://") || begins(all, "valkeys://"))
        problem =
            "TLS to Redis is not spoken here: use redis:// in a network of your own, unix:/PATH on one machine, or "
            "a tunnel such as stunnel";
    else if (begins(all, "redis-sentinel://") || begins(all, "sentinel://"))
        problem = "Sentinel is not asked here: name what follows the master, such as a DNS name or a proxy's address";
    else if (begins(all, "redis://"))
        problem = read_tcp((struct span){all.p + 8, all.n - 8}, url);
    else if (begins(all, "valkey://"))
        problem = read_tcp((struct span){all.p + 9, all.n - 9}, url);
    else if (begins(all, "unix:"))
        problem = read_unix((struct span){all.p + 5, all.n - 5}, url);
    return !problem || err_set(e, "%s", problem);
}
