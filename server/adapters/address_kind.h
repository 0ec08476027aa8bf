/* SPDX-License-Identifier: MIT
 *
 * What an address is for, whatever its spelling: listeners, STUN and TURN URLs, webhooks and networks of clients all ask
 * here. Pure.
 */
#ifndef SERVER_ADAPTERS_ADDRESS_KIND_H
#define SERVER_ADAPTERS_ADDRESS_KIND_H

#include "server/core/core.h"

enum address_kind {
    ADDRESS_OF_A_MACHINE, /* none of the others */
    ADDRESS_UNSPECIFIED,  /* 0.0.0.0 and ::, RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.2 */
    ADDRESS_THIS_NETWORK, /* 0.0.0.0/8 but for 0.0.0.0, RFC 1122 section 3.2.1.3 */
    ADDRESS_LOOPBACK,     /* 127.0.0.0/8 and ::1, RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3 */
    ADDRESS_MULTICAST,    /* 224.0.0.0/4 and ff00::/8, RFC 5771 section 3 and RFC 4291 section 2.7 */
    ADDRESS_BROADCAST,    /* 255.255.255.255, RFC 919 section 7 */
    ADDRESS_LINK_LOCAL,   /* fe80::/10, RFC 4291 section 2.5.6; 169.254.0.0/16 works without naming an interface */
};

/* Of an IPv6 address that maps an IPv4 one (::ffff:0:0/96), what the IPv4 address is. */
enum address_kind address_kind(const struct address *a);
/* Why nobody can send to an address of this kind, as a static phrase; NULL: somebody can. */
const char *address_kind_problem(enum address_kind kind);

#endif
