/* SPDX-License-Identifier: MIT
 *
 * A change comes in pieces: the cable, the address, the routes. So each piece of news only moves the moment when the
 * change counts as done, SETTLE_MS after the last.
 */
#include "peer/io/addresses.h"

#include <glib-unix.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SETTLE_MS = 100
};

struct addresses {
    int fd;
    GSource *news, *settled;
    void (*on_changed)(void *user);
    void *user;
};

/* Of the routes only the default ones: some machines change the others all the time. */
static bool matters(const struct nlmsghdr *h)
{
    bool route = h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE;
    return !route || ((const struct rtmsg *)NLMSG_DATA(h))->rtm_dst_len == 0;
}

static gboolean on_news(gint fd, GIOCondition condition, gpointer user)
{
    (void)condition;
    struct addresses *a = user;
    _Alignas(struct nlmsghdr) char bytes[16 * 1024];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    bool any = n < 0; /* ENOBUFS: they were too many to be kept */
    for (struct nlmsghdr *h = (struct nlmsghdr *)bytes; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
        any = any || matters(h);
    if (any)
        g_source_set_ready_time(a->settled, g_get_monotonic_time() + SETTLE_MS * 1000);
    return G_SOURCE_CONTINUE;
}

static gboolean on_settled(gpointer user)
{
    struct addresses *a = user;
    a->on_changed(a->user);
    return G_SOURCE_CONTINUE;
}

static gboolean settled_dispatch(GSource *source, GSourceFunc run, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return run(user);
}

static GSource *attach(GMainContext *context, GSource *source, GSourceFunc run, void *user)
{
    g_source_set_callback(source, run, user, NULL);
    g_source_attach(source, context);
    return source;
}

struct addresses *addresses_new(GMainContext *context, void (*on_changed)(void *user), void *user)
{
    static const GSourceFuncs SETTLED = {.dispatch = settled_dispatch};
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    struct addresses *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->on_changed = on_changed;
    a->user = user;
    a->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (a->fd < 0 || bind(a->fd, (const struct sockaddr *)&groups, sizeof groups) != 0)
        return a;
    a->settled = attach(context, g_source_new((GSourceFuncs *)&SETTLED, sizeof(GSource)), on_settled, a);
    a->news = attach(context, g_unix_fd_source_new(a->fd, G_IO_IN), (GSourceFunc)(void (*)(void))on_news, a);
    return a;
}

static void source_drop(GSource *source)
{
    if (!source)
        return;
    g_source_destroy(source);
    g_source_unref(source);
}

void addresses_free(struct addresses *a)
{
    if (!a)
        return;
    source_drop(a->news);
    source_drop(a->settled);
    if (a->fd >= 0)
        close(a->fd);
    free(a);
}

static bool same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!a || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                           &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool addresses_has(const struct sockaddr *address)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return true; /* who cannot tell does not end what may work */
    bool has = false;
    for (struct ifaddrs *at = all; at && !has; at = at->ifa_next)
        has = (at->ifa_flags & IFF_UP) && (at->ifa_flags & IFF_RUNNING) && same(at->ifa_addr, address);
    freeifaddrs(all);
    return has;
}
