/* SPDX-License-Identifier: MIT */
#include "server/io/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char UNIX_PREFIX[] = "unix:", PROXY_SUFFIX[] = " proxy";

static bool parse_unix(const char *path, size_t n, struct listen_address *a, struct err *e)
{
    if (n == 0 || n >= sizeof a->at.un.sun_path)
        return err_set(e, "expected a path of 1 to %zu bytes behind unix:", sizeof a->at.un.sun_path - 1);
    a->at.un.sun_family = AF_UNIX;
    memcpy(a->at.un.sun_path, path, n);
    a->len = sizeof a->at.un;
    return true;
}

static bool parse_port(const char *text, const char *end, in_port_t *port)
{
    size_t n = strspn(text, "0123456789");
    unsigned long number = strtoul(text, NULL, 10);
    if (n == 0 || n > 5 || text + n != end || number > 65535)
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

/* Where the address ends, and whether the mark stands behind it. */
static const char *cut_mark(const char *text, bool *proxy)
{
    size_t n = strlen(text), mark = sizeof PROXY_SUFFIX - 1;
    *proxy = n > mark && strcmp(text + n - mark, PROXY_SUFFIX) == 0;
    for (n -= *proxy ? mark : 0; *proxy && n > 0 && text[n - 1] == ' ';)
        n--;
    return text + n;
}

bool listen_address_parse(const char *text, struct listen_address *a, struct err *e)
{
    *a = (struct listen_address){.len = 0};
    const char *end = cut_mark(text, &a->proxy);
    if (strncmp(text, UNIX_PREFIX, sizeof UNIX_PREFIX - 1) == 0) {
        const char *path = text + sizeof UNIX_PREFIX - 1;
        return parse_unix(path, (size_t)(end - path), a, e);
    }
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    in_port_t port;
    if (n > 0 && n < sizeof host && parse_port(colon + 1, end, &port)) {
        memcpy(host, text, n);
        host[n] = '\0';
        if (parse_host(host, port, a))
            return true;
    }
    return err_set(e, "expected an address to listen on such as 127.0.0.1:4000, [::]:4000, *:4000 or "
                      "unix:/run/usherd/usherd.sock, or one with the word proxy behind it");
}

void listen_address_format(const struct listen_address *a, char *out)
{
    const char *mark = a->proxy ? PROXY_SUFFIX : "";
    char host[INET6_ADDRSTRLEN];
    switch (a->at.any.sa_family) {
    case AF_INET6:
        inet_ntop(AF_INET6, &a->at.in6.sin6_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u%s", host, (unsigned)ntohs(a->at.in6.sin6_port), mark);
        break;
    case AF_INET:
        inet_ntop(AF_INET, &a->at.in.sin_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT_MAX, "%s:%u%s", host, (unsigned)ntohs(a->at.in.sin_port), mark);
        break;
    default:
        snprintf(out, LISTEN_TEXT_MAX, "%s%s%s", UNIX_PREFIX, a->at.un.sun_path, mark);
        break;
    }
}

in_port_t listen_address_port(const struct listen_address *a)
{
    if (a->at.any.sa_family == AF_INET6)
        return a->at.in6.sin6_port;
    return a->at.any.sa_family == AF_INET ? a->at.in.sin_port : 0;
}

static struct address address_of(const struct listen_address *a)
{
    struct sockaddr_storage at = {0};
    memcpy(&at, &a->at, a->len);
    return listen_address_of_client(&at);
}

bool listen_address_check(const struct listen_address *a, struct err *e)
{
    if (a->at.any.sa_family == AF_UNIX)
        return true;
    const struct address address = address_of(a);
    enum address_kind kind = address_kind(&address);
    const char *problem = kind == ADDRESS_UNSPECIFIED ? NULL : address_kind_problem(kind);
    return !problem || err_set(e,
                           "%s: expected an address of this machine, or one that stands for all of them, such as "
                           "[::]",
                           problem);
}

/* [::ffff:0.0.0.0] is all of IPv4, and nothing of IPv6. */
static bool takes_all_of(const struct address *a, const struct address *b)
{
    return address_kind(a) == ADDRESS_UNSPECIFIED && (!address_is_ipv4(a) || address_is_ipv4(b));
}

/* The name, and the folder that it is in; false if that is not there. */
static bool find_folder(const char *path, const char **name, struct stat *folder)
{
    char text[sizeof((struct sockaddr_un *)0)->sun_path + 2];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    snprintf(text, sizeof text, "%.*s.", (int)(*name - path), path);
    return stat(text, folder) == 0;
}

const char *listen_address_advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return ": stop the program that has it, or choose another with --listen";
    case EEXIST:
        return ": what is there is no socket and is left alone; remove it yourself, or choose another path";
    case EACCES:
        return ": choose a port above 1023 or a folder that you may write to";
    case ENOENT:
    case ENOTDIR:
        return ": the folder of that path is not there; make it, or choose another path";
    case EROFS:
        return ": that file system is read-only; choose another path";
    case EAFNOSUPPORT:
        return ": this system has no IPv6; listen on an IPv4 address such as 0.0.0.0:4000";
    case EADDRNOTAVAIL:
        return ": no interface has that address";
    default:
        return "";
    }
}

bool listen_address_has_folder(const struct listen_address *a)
{
    const char *name;
    struct stat folder;
    return a->at.any.sa_family != AF_UNIX || find_folder(a->at.un.sun_path, &name, &folder);
}

bool listen_address_test(const struct listen_address *a, struct err *e)
{
    struct stat is;
    if (a->at.any.sa_family != AF_UNIX || lstat(a->at.un.sun_path, &is) != 0 || S_ISSOCK(is.st_mode))
        return true;
    return err_set_errno(e, EEXIST, "cannot listen on %s%s: %s%s", UNIX_PREFIX, a->at.un.sun_path, strerror(EEXIST),
        listen_address_advice(EEXIST));
}

/* However they are spelled; sockets need not be there yet. */
static bool is_one_file(const char *a, const char *b)
{
    const char *a_name, *b_name;
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return find_folder(a, &a_name, &x) && find_folder(b, &b_name, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
           strcmp(a_name, b_name) == 0;
}

bool listen_address_excludes(const struct listen_address *a, const struct listen_address *b)
{
    bool a_is_path = a->at.any.sa_family == AF_UNIX, b_is_path = b->at.any.sa_family == AF_UNIX;
    if (a_is_path || b_is_path)
        return a_is_path && b_is_path && is_one_file(a->at.un.sun_path, b->at.un.sun_path);
    if (listen_address_port(a) == 0 || listen_address_port(a) != listen_address_port(b))
        return false;
    const struct address x = address_of(a), y = address_of(b);
    return takes_all_of(&x, &y) || takes_all_of(&y, &x) || memcmp(&x, &y, sizeof x) == 0;
}

bool listen_address_without_ipv6(struct listen_address *a)
{
    if (a->at.any.sa_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&a->at.in6.sin6_addr)) {
        errno = EAFNOSUPPORT;
        return false;
    }
    in_port_t port = a->at.in6.sin6_port;
    *a = (struct listen_address){.len = sizeof a->at.in, .proxy = a->proxy};
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
