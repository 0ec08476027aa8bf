/* SPDX-License-Identifier: MIT
 *
 * Limits count addresses from accept on, but behind a proxy all sockets have the proxy's. So a socket from one of
 * server.trusted_proxies is counted nowhere at accept (CORE_OPEN without an address) and once its header names the
 * client as that client's (CORE_ADDRESS). Until then the time for the handshake and max_connections bound it.
 *
 * A forwarding header from anybody else is not believed: the socket's address counts. But whoever sends one may be a
 * proxy that nobody told us of, with the whole world behind it, so such a request is never near. Nor is an address
 * near because a header says 127.0.0.1: that is the proxy's machine, not ours.
 *
 * Where a PROXY header comes first (greet.c), the client that it names stands for the socket's address in all of this.
 */
#include "server/io/client.h"

#include "server/io/http.h"

enum {
    FORWARDED_MAX = 1024 /* bytes of X-Forwarded-For: some twenty hops */
};

static bool has_header(struct lws *wsi, enum lws_token_indexes token)
{
    return lws_hdr_total_length(wsi, token) > 0;
}

static bool is_forwarded(struct lws *wsi)
{
    static const char FORWARDED[] = "forwarded:"; /* RFC 7239 */
    return has_header(wsi, WSI_TOKEN_X_FORWARDED_FOR) || has_header(wsi, WSI_TOKEN_HTTP_X_REAL_IP) ||
           lws_hdr_custom_length(wsi, FORWARDED, sizeof FORWARDED - 1) >= 0;
}

static void read_header(struct io *io, struct lws *wsi, struct conn *c)
{
    char value[FORWARDED_MAX];
    struct address client;
    c->forwarded = is_forwarded(wsi);
    if (!c->forwarded)
        return;
    c->unproven = !c->proxied || !http_header(wsi, WSI_TOKEN_X_FORWARDED_FOR, value, sizeof value) ||
                  !forwarded_client(span_of(value), &io->settings.trusted_proxies, &client);
    if (!c->unproven)
        c->address = client;
}

bool client_identify(struct io *io, struct lws *wsi, struct conn *c)
{
    if (c->identified)
        return !c->refused;
    c->identified = true;
    read_header(io, wsi, c);
    if (c->proxied) {
        struct core_event e = io_event(io, CORE_ADDRESS, c);
        e.address = c->address;
        io_step(io, &e);
    }
    return !c->refused;
}

bool client_is_near(const struct conn *c, const struct cidr_list *allowed)
{
    if (c->unproven)
        return false;
    return cidr_list_has(allowed, &c->address) || (!c->forwarded && !c->fronted && address_is_local(&c->address));
}
