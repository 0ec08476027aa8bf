/* SPDX-License-Identifier: MIT
 *
 * A proxy appends the address that it saw to X-Forwarded-For, or adds a line of its own below (haproxy): either way it
 * stands last. What stands before the first hop that is not trusted is a client's claim and is not looked at, so
 * neither nonsense nor length there does any harm.
 *
 * Where an address is expected, anything else (an empty element too) means that the client is not known: no proxy that
 * we trust writes that.
 */
#include "server/io/forwarded.h"

static const char LIST[] = "X-Forwarded-For";

bool forwarded_client_of(const struct request_head *h, const struct cidr_list *trusted, struct address *client)
{
    bool found = false;
    for (size_t i = h->headers_count; i-- > 0;) {
        if (!header_is(&h->headers[i], LIST))
            continue;
        if (!forwarded_client(h->headers[i].value, trusted, client))
            return false;
        found = true;
        if (!cidr_list_has(trusted, client))
            break;
    }
    return found;
}

bool forwarded_named(const struct request_head *h)
{
    for (size_t i = 0; i < h->headers_count; i++) {
        const struct header *line = &h->headers[i];
        if (header_is(line, LIST) || header_is(line, "X-Real-IP") || header_is(line, "Forwarded"))
            return true;
    }
    return false;
}
