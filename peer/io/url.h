/* SPDX-License-Identifier: MIT
 *
 * Where a daemon is: ws://host:port or wss://host:port, with a path of its own or /ws.
 */
#ifndef PEER_IO_URL_H
#define PEER_IO_URL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define URL_DEFAULT "ws://localhost:4000"

enum {
    URL_PORT_DEFAULT = 4000, /* where a daemon listens by itself */
    URL_PORT_TLS = 443,      /* where its proxy does (RFC 6455 section 3) */
    URL_HOST_MAX = 253,      /* RFC 1035 section 2.3.4, less the root's dot */
    URL_ZONE_MAX = 15,       /* IFNAMSIZ, less the NUL */
    URL_PATH_MAX = 512,
    URLS_MAX = 16 /* of one daemon, or of those that stand for each other */
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
/* Several of them, at most URLS_MAX; none: URL_DEFAULT alone. False with one sentence in err. */
bool urls_parse(const char *const *texts, size_t count, struct url urls[URLS_MAX], unsigned *n, struct err *err);
/* The path of what the daemon has beside its WebSocket, as of a relative reference (RFC 3986 section 5.2.3): "api/rooms" beside
 * /usher/ws is /usher/api/rooms. A query goes. False if it has more than room - 1 bytes. */
bool url_beside(const struct url *url, const char *name, char *out, size_t room);
/* "host:port", an IPv6 address in brackets, without its zone (RFC 6874 section 1), into room: what a person and a Host
 * header want. */
enum {
    URL_NAME_MAX = URL_HOST_MAX + 8
};
void url_name(const struct url *url, char name[URL_NAME_MAX + 1]);
/* A host of this machine only: 127.0.0.0/8, ::1, localhost. */
bool url_is_loopback(const struct url *url);

#endif
