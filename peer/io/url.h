/* SPDX-License-Identifier: MIT
 *
 * Where a daemon is: ws://host:port or wss://host:port, with a path of its own or /ws.
 */
#ifndef PEER_IO_URL_H
#define PEER_IO_URL_H

#include <stdint.h>

#include "base/err.h"

#define URL_DEFAULT "ws://localhost:4000"

enum {
    URL_PORT_DEFAULT = 4000, /* where a daemon listens by itself */
    URL_PORT_TLS = 443,      /* where its proxy does (RFC 6455 section 3) */
    URL_HOST_MAX = 253,      /* RFC 1035 section 2.3.4, less the root's dot */
    URL_ZONE_MAX = 15,       /* IFNAMSIZ, less the NUL */
    URL_PATH_MAX = 512
};

struct url {
    bool tls;
    uint16_t port;
    char host[URL_HOST_MAX + 1]; /* a name, or a numeric address without brackets */
    char zone[URL_ZONE_MAX + 1]; /* the interface by which a link-local address is reached (RFC 6874), else empty */
    char path[URL_PATH_MAX + 1]; /* with its query */
    uint16_t through;            /* not 0: connect to this port of 127.0.0.1 instead */
};

/* False with one sentence in err. */
bool url_parse(const char *text, struct url *url, struct err *err);
/* "host:port", an IPv6 address in brackets, without its zone (RFC 6874 section 1), into room: what a person and a Host
 * header want. */
enum {
    URL_NAME_MAX = URL_HOST_MAX + 8
};
void url_name(const struct url *url, char name[URL_NAME_MAX + 1]);
/* A host of this machine only: 127.0.0.0/8, ::1, localhost. */
bool url_is_loopback(const struct url *url);

#endif
