/* SPDX-License-Identifier: MIT
 *
 * STUN built in: which socket is in use, and under which name clients are told of it. That name is the host that they
 * asked for, since it led them here; the daemon itself knows none. Where it led them to a proxy on another machine,
 * ice.stun_public names the right one.
 */
#include "server/io/stun.h"

#include <stdio.h>

#include "server/io/stun_socket.h"

bool io_stun_bind(struct io *io, const char *address, struct err *e)
{
    io->stun_next = io->stun;
    if (!*address)
        io->stun_next = NULL;
    else if (!io->stun || !stun_socket_is_of(io->stun, address))
        io->stun_next = stun_socket_open(io->loop, address, io->stun, e);
    bool bound = io->stun_next || !*address;
    if (!bound)
        io->stun_next = io->stun;
    return bound;
}

static void say(const struct io *io)
{
    char address[LISTEN_TEXT_MAX], message[LISTEN_TEXT_MAX + 16] = "stun off";
    if (io->stun) {
        listen_address_format(stun_socket_address(io->stun), address);
        snprintf(message, sizeof message, "stun on %s", address);
    }
    logger_say(io->logger, LOG_LEVEL_NOTICE, io->stun ? "stun" : "stun-off", message);
}

void io_stun_switch(struct io *io, bool take)
{
    struct stun_socket *other = take ? io->stun : io->stun_next;
    if (io->stun_next == io->stun)
        return;
    if (take && io->stun_next)
        stun_socket_start(io->stun_next, io->stats.stun);
    stun_socket_close(other);
    if (take) {
        io->stun = io->stun_next;
        say(io);
    }
    io->stun_next = io->stun;
}

void stun_close(struct io *io)
{
    io_stun_switch(io, false);
    stun_socket_close(io->stun);
    io->stun = io->stun_next = NULL;
}

bool io_stun_url(const struct io *io, struct conn_id id, char out[ICE_URL_MAX + 1])
{
    if (!io->stun)
        return false;
    if (*io->settings.stun_public) {
        snprintf(out, ICE_URL_MAX + 1, "stun:%s", io->settings.stun_public);
        return true;
    }
    const struct conn *c = conn_find(&io->conns, id);
    struct span host = hosts_name(&io->hosts, c ? c->host : HOST_NONE);
    if (host.n == 0)
        return false;
    snprintf(out, ICE_URL_MAX + 1, "stun:%.*s:%u", (int)host.n, host.p,
        ntohs(listen_address_port(stun_socket_address(io->stun))));
    return true;
}
