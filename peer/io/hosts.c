/* SPDX-License-Identifier: MIT
 *
 * The order: the address by which the server is reached, those by which the default route goes (the kernel says, asked
 * for a route to an address of documentation, RFC 5737 and 3849; nothing is sent), all others as the kernel lists them.
 * Link-local addresses of IPv6 mean something on one interface only, which a candidate does not name: they are offered
 * if there is nothing else.
 */
#include "peer/io/hosts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

enum rank {
    RANK_NONE, /* not offered */
    RANK_LINK_LOCAL,
    RANK_OTHER,
    RANK_DEFAULT_ROUTE,
    RANK_NEAR
};

struct routes {
    struct sockaddr_storage near, v4, v6;
};

static bool same(const struct sockaddr *a, const struct sockaddr_storage *b)
{
    if (a->sa_family != b->ss_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
               sizeof(struct in6_addr)) == 0;
}

/* The own address of the route to somewhere; AF_UNSPEC: there is none. */
static void ask_route(int family, const char *to, struct sockaddr_storage *own)
{
    struct sockaddr_storage there = {.ss_family = (sa_family_t)family};
    socklen_t n = sizeof *own, there_n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    void *address = family == AF_INET ? (void *)&((struct sockaddr_in *)&there)->sin_addr
                                      : (void *)&((struct sockaddr_in6 *)&there)->sin6_addr;
    if (family == AF_INET)
        ((struct sockaddr_in *)&there)->sin_port = htons(9);
    else
        ((struct sockaddr_in6 *)&there)->sin6_port = htons(9);
    own->ss_family = AF_UNSPEC;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (inet_pton(family, to, address) != 1 || connect(fd, (const struct sockaddr *)&there, there_n) != 0 ||
        getsockname(fd, (struct sockaddr *)own, &n) != 0)
        own->ss_family = AF_UNSPEC;
    close(fd);
}

static enum rank rank_of(const struct ifaddrs *at, bool loopback, const struct routes *r)
{
    if (!at->ifa_addr || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
        return RANK_NONE;
    if (!(at->ifa_flags & IFF_UP) || !(at->ifa_flags & IFF_RUNNING)) /* RUNNING: there is a carrier, netdevice(7) */
        return RANK_NONE;
    if ((at->ifa_flags & IFF_LOOPBACK) && !loopback)
        return RANK_NONE;
    if (same(at->ifa_addr, &r->near))
        return RANK_NEAR;
    if (at->ifa_addr->sa_family == AF_INET6 &&
        IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)at->ifa_addr)->sin6_addr))
        return RANK_LINK_LOCAL;
    return same(at->ifa_addr, &r->v4) || same(at->ifa_addr, &r->v6) ? RANK_DEFAULT_ROUTE : RANK_OTHER;
}

static void add(struct hosts *h, const struct sockaddr *address)
{
    const void *bytes = address->sa_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    if (h->n < HOSTS_MAX && inet_ntop(address->sa_family, bytes, h->text[h->n], sizeof h->text[0]))
        h->n++;
}

void hosts_find(struct hosts *h, bool loopback, const struct sockaddr_storage *near)
{
    struct ifaddrs *all;
    struct routes routes = {.near = *near};
    *h = (struct hosts){.n = 0};
    if (getifaddrs(&all) != 0)
        return;
    ask_route(AF_INET, "192.0.2.1", &routes.v4);
    ask_route(AF_INET6, "2001:db8::1", &routes.v6);
    for (enum rank rank = RANK_NEAR; rank > RANK_NONE; rank--)
        for (const struct ifaddrs *at = rank == RANK_LINK_LOCAL && h->n > 0 ? NULL : all; at; at = at->ifa_next)
            if (rank_of(at, loopback, &routes) == rank)
                add(h, at->ifa_addr);
    freeifaddrs(all);
}
