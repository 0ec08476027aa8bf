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

/* Those that tell something else than the address (X-Forwarded-Proto) come from proxies as well. */
bool forwarded_named(const struct request_head *h)
{
    static const char FAMILY[] = "X-Forwarded-";
    for (size_t i = 0; i < h->headers_count; i++) {
        const struct header *line = &h->headers[i];
        bool of_family = line->name.n >= sizeof FAMILY - 1 && strncasecmp(line->name.p, FAMILY, sizeof FAMILY - 1) == 0;
        if (of_family || header_is(line, "X-Real-IP") || header_is(line, "Forwarded") || header_is(line, "Via"))
            return true;
    }
    return false;
}
