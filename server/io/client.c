/* SPDX-License-Identifier: MIT
 *
 * Limits count addresses from accept on, but behind a proxy all sockets have the proxy's. So a socket from one of
 * server.trusted_proxies is counted nowhere at accept (CORE_OPEN without an address) and once its request names the
 * client as that client's (CORE_ADDRESS). Until then the time for the handshake and max_connections bound it.
 *
 * A forwarding header from anybody else is not believed: the socket's address counts. But whoever sends one may be a
 * proxy that nobody told us of, with the whole world behind it, so such a request is never near. Nor is one from a
 * trusted proxy that names nobody: it is anybody's. Nor is an address near because a header says 127.0.0.1: that is the
 * proxy's machine, not ours.
 *
 * Where a PROXY header comes first (proxy_protocol.c), the client that it names stands for the socket's address in all
 * of this. If it names none, the client is a stranger: never near, whatever address the proxy has, and what it forwards is
 * not believed. LOCAL headers are no exception: what a proxy says for itself needs no rights.
 *
 * Strangers through a unix socket would be counted nowhere, so they have an address of their own, all of them together,
 * as those have that come through one proxy's TCP.
 */
#include "server/io/client.h"

#include "server/io/forwarded.h"

/* In 100::/64, which leads nowhere (RFC 6666). */
static const struct address NOBODY = {.bytes = {[0] = 1}};

void client_is_nobody(struct conn *c)
{
    if (address_is_nowhere(&c->address))
        c->address = NOBODY;
}

static void read_client(struct io *io, struct conn *c, const struct request_head *h)
{
    struct address client;
    bool named = forwarded_named(h);
    c->forwarded = named || c->trusted;
    c->unproven = c->forwarded && !(c->trusted && forwarded_client_of(h, &io->settings.trusted_proxies, &client));
    if (c->forwarded && !c->unproven)
        c->address = client;
    if (c->unproven)
        client_is_nobody(c);
}

bool client_identify(struct io *io, struct conn *c, const struct request_head *h)
{
    read_client(io, c, h);
    if (c->trusted || c->unproven) {
        struct core_event e = io_event(io, CORE_ADDRESS, c);
        e.address = c->address;
        io_step(io, &e);
    }
    return !c->refused;
}

bool client_is_near(const struct conn *c, const struct cidr_list *allowed)
{
    if (c->unproven || c->nameless)
        return false;
    return cidr_list_has(allowed, &c->address) || (!c->forwarded && !c->via_proxy && address_is_local(&c->address));
}
