/* SPDX-License-Identifier: MIT
 *
 * The `host[:port]` of a URI as a person writes it in a setting, brought into the one form in which others write it
 * too: origins (io/origins.h) and STUN and TURN URLs (io/ice_url.h) share it. Pure.
 */
#ifndef SERVER_ADAPTERS_URL_HOST_H
#define SERVER_ADAPTERS_URL_HOST_H

#include "base/span.h"
#include "server/adapters/address_kind.h"

enum {
    URL_HOST_MAX = 254, /* RFC 1035 section 2.3.4: 253 bytes of a name as text, and a dot behind it */
    URL_PORT_MAX = 65535
};

/* Reads `host` or `host:port` (RFC 3986 section 3.2): a name in lower case, an IPv4 address as it is, an IPv6 address in
 * brackets and in its shortest form. *port is 0 where none is named. NULL, or a static phrase that says what is wrong
 * and what is right; host is "" then. */
const char *url_host_read(struct span text, char host[URL_HOST_MAX + 1], unsigned *port);

/* What the host is, in the form that url_host_read gives it. A name is ADDRESS_LOOPBACK if it is this machine's for everybody
 * (RFC 6761 section 6.3, and those that Debian puts into /etc/hosts), else ADDRESS_OF_A_MACHINE: nobody is asked. */
enum address_kind url_host_kind(const char *host);

/* Without the blanks around it. */
struct span url_trim(struct span text);

#endif
