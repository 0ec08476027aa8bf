/* SPDX-License-Identifier: MIT
 *
 * Addresses and networks as operators write them, and the client that a chain of proxies speaks for. IPv4 is mapped
 * into ::ffff:0:0/96 throughout, so that 127.0.0.1 is the same client however its socket spells it. Pure.
 */
#ifndef SERVER_IO_CIDR_H
#define SERVER_IO_CIDR_H

#include "base/err.h"
#include "base/span.h"
#include "server/core/core.h"

enum {
    CIDR_LIST_MAX = 64,
    ADDRESS_BITS = 128
};

struct cidr {
    struct address network;
    unsigned bits; /* 0 to ADDRESS_BITS */
};

struct cidr_list {
    struct cidr v[CIDR_LIST_MAX];
    size_t n;
    bool unix_too; /* the word `unix`: whoever comes through a unix socket */
};

/* Each entry ADDR, ADDR/BITS or `unix`; false with what is allowed in e. At most CIDR_LIST_MAX entries. */
bool cidr_list_parse(const char *const *entries, size_t n, struct cidr_list *list, struct err *e);
bool cidr_list_has(const struct cidr_list *list, const struct address *a);

/* ADDR, ADDR:PORT, [ADDR] or [ADDR]:PORT, as X-Forwarded-For has them. */
bool address_parse(struct span text, struct address *a);
/* All zero: that of a unix socket. */
bool address_is_nowhere(const struct address *a);
/* 127.0.0.0/8, ::1, or a unix socket. */
bool address_is_local(const struct address *a);

/* The client of a request that came from a trusted proxy: reads X-Forwarded-For from the right, over hops that are
 * trusted, to the first that is not; the left-most if all are. False if what stands there is no address. */
bool forwarded_client(struct span header, const struct cidr_list *trusted, struct address *client);

#endif
