/* SPDX-License-Identifier: MIT */
#include "server/io/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char UNIX_PREFIX[] = "unix:";

static bool parse_unix(const char *path, struct listen_address *a, struct err *e)
{
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof a->at.un.sun_path)
        return err_set(e, "unix:%.60s: expected a path of 1 to %zu bytes", path, sizeof a->at.un.sun_path - 1);
    a->at.un.sun_family = AF_UNIX;
    memcpy(a->at.un.sun_path, path, n + 1);
    a->len = sizeof a->at.un;
    return true;
}

static bool parse_port(const char *text, in_port_t *port)
{
    size_t n = strspn(text, "0123456789");
    unsigned long number = strtoul(text, NULL, 10);
    if (n == 0 || n > 5 || text[n] || number > 65535)
        return false;
    *port = htons((in_port_t)number);
    return true;
}

static bool parse_host(char *host, in_port_t port, struct listen_address *a)
{
    size_t n = strlen(host);
    if (strcmp(host, "*") == 0) {
        host = "::";
    } else if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        host++;
    } else {
        a->at.in.sin_family = AF_INET;
        a->at.in.sin_port = port;
        a->len = sizeof a->at.in;
        return inet_pton(AF_INET, host, &a->at.in.sin_addr) == 1;
    }
    a->at.in6.sin6_family = AF_INET6;
    a->at.in6.sin6_port = port;
    a->len = sizeof a->at.in6;
    return inet_pton(AF_INET6, host, &a->at.in6.sin6_addr) == 1;
}

bool listen_address_parse(const char *text, struct listen_address *a, struct err *e)
{
    *a = (struct listen_address){.len = 0};
    if (strncmp(text, UNIX_PREFIX, sizeof UNIX_PREFIX - 1) == 0)
        return parse_unix(text + sizeof UNIX_PREFIX - 1, a, e);
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    in_port_t port;
    if (n > 0 && n < sizeof host && parse_port(colon + 1, &port)) {
        memcpy(host, text, n);
        host[n] = '\0';
        if (parse_host(host, port, a))
            return true;
    }
    return err_set(e,
        "\"%.80s\": expected an address to listen on such as 127.0.0.1:4000, [::]:4000, *:4000 or "
        "unix:/run/usherd/usherd.sock",
        text);
}

void listen_address_format(const struct listen_address *a, char *out)
{
    char host[INET6_ADDRSTRLEN];
    switch (a->at.any.sa_family) {
    case AF_INET6:
        inet_ntop(AF_INET6, &a->at.in6.sin6_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u", host, (unsigned)ntohs(a->at.in6.sin6_port));
        break;
    case AF_INET:
        inet_ntop(AF_INET, &a->at.in.sin_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "%s:%u", host, (unsigned)ntohs(a->at.in.sin_port));
        break;
    default:
        snprintf(out, LISTEN_TEXT_MAX, "%s%s", UNIX_PREFIX, a->at.un.sun_path);
        break;
    }
}

bool listen_address_without_ipv6(struct listen_address *a)
{
    if (a->at.any.sa_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&a->at.in6.sin6_addr)) {
        errno = EAFNOSUPPORT;
        return false;
    }
    in_port_t port = a->at.in6.sin6_port;
    *a = (struct listen_address){.len = sizeof a->at.in};
    a->at.in.sin_family = AF_INET;
    a->at.in.sin_port = port;
    return true;
}

struct address listen_address_of_client(const struct sockaddr_storage *from)
{
    struct address a = {{0}};
    if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        memcpy(a.bytes, &in6.sin6_addr, sizeof a.bytes);
    } else if (from->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        a.bytes[10] = a.bytes[11] = 0xff;
        memcpy(a.bytes + 12, &in.sin_addr, 4);
    }
    return a;
}
