/* SPDX-License-Identifier: MIT
 *
 * The client that a chain of proxies speaks for, from the head of its request. Pure.
 */
#ifndef SERVER_IO_FORWARDED_H
#define SERVER_IO_FORWARDED_H

#include "server/io/cidr.h"
#include "server/io/request_head.h"

/* The client of a request that came from a trusted proxy: reads all X-Forwarded-For lines, as one list in their order
 * (RFC 9110 section 5.3), from the right over hops that are trusted to the first that is not; the left-most if all are.
 * False if there is none, or if what stands where it looks is no address. */
bool forwarded_client_of(const struct request_head *h, const struct cidr_list *trusted, struct address *client);
/* Whether the head says at all that it comes from a proxy: any X-Forwarded-…, X-Real-IP, Forwarded (RFC 7239) or Via
 * (RFC 9110 section 7.6.3), with whatever value. */
bool forwarded_named(const struct request_head *h);

#endif
