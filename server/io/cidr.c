/* SPDX-License-Identifier: MIT
 *
 * Each proxy appends the address that it saw to X-Forwarded-For, and lines that come twice are one list, joined with
 * a comma, in their order. What stands left of the first hop that we do not trust is what a client claims, and is not
 * looked at.
 */
#include "server/io/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "server/adapters/address_kind.h"

enum {
    MAPPED_BITS = 96
};

static void map_ipv4(const struct in_addr *from, struct address *a)
{
    *a = (struct address){.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(a->bytes + 12, from, 4);
}

/* Sets *bits to how many bits the family has. */
static bool parse_plain(const char *text, struct address *a, unsigned *bits)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        map_ipv4(&v4, a);
        *bits = ADDRESS_BITS - MAPPED_BITS;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(a->bytes, &v6, sizeof a->bytes);
    *bits = ADDRESS_BITS;
    return true;
}

static bool parse_bits(const char *text, unsigned most, unsigned *bits)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 3 || text[n])
        return false;
    *bits = (unsigned)strtoul(text, NULL, 10);
    return *bits <= most;
}

static bool same_network(const struct address *a, const struct address *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

static bool parse_cidr(const char *text, struct cidr *c)
{
    char address[INET6_ADDRSTRLEN];
    size_t n = strcspn(text, "/");
    unsigned most;
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!parse_plain(address, &c->network, &most))
        return false;
    unsigned bits = most;
    if (text[n] == '/' && !parse_bits(text + n + 1, most, &bits))
        return false;
    c->bits = ADDRESS_BITS - most + bits;
    return true;
}

bool cidr_list_parse(const char *const *entries, size_t n, struct cidr_list *list, struct err *e)
{
    *list = (struct cidr_list){.n = 0};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i], "unix") == 0)
            list->unix_too = true;
        else if (list->n == CIDR_LIST_MAX || !parse_cidr(entries[i], &list->v[list->n++]))
            return err_set(
                e, "expected an address or a network such as 127.0.0.1, 10.0.0.0/8 or 2001:db8::/32, or unix");
    }
    return true;
}

bool address_is_nowhere(const struct address *a)
{
    static const struct address NOWHERE;
    return memcmp(a, &NOWHERE, sizeof *a) == 0;
}

bool cidr_list_has(const struct cidr_list *list, const struct address *a)
{
    if (address_is_nowhere(a))
        return list->unix_too;
    for (size_t i = 0; i < list->n; i++)
        if (same_network(&list->v[i].network, a, list->v[i].bits))
            return true;
    return false;
}

bool address_is_local(const struct address *a)
{
    return address_is_nowhere(a) || address_kind(a) == ADDRESS_LOOPBACK;
}

/* Cuts `host:port` or `[host]:port` into its host; an IPv6 address without brackets has no port. False if it is
 * neither. */
static bool cut_port(char *text, char **host)
{
    *host = text;
    char *port = strchr(text, ':');
    if (text[0] == '[') {
        *host = text + 1;
        char *bracket = strchr(text, ']');
        if (!bracket)
            return false;
        *bracket = '\0';
        port = bracket + 1;
        if (*port == '\0')
            return true;
    } else if (!port || strchr(port + 1, ':')) {
        return true;
    }
    if (*port != ':')
        return false;
    *port++ = '\0';
    size_t digits = strspn(port, "0123456789");
    return digits > 0 && digits <= 5 && port[digits] == '\0';
}

bool address_parse(struct span text, struct address *a)
{
    char plain[INET6_ADDRSTRLEN + 8], *host;
    unsigned bits;
    if (text.n == 0 || text.n >= sizeof plain)
        return false;
    memcpy(plain, text.p, text.n);
    plain[text.n] = '\0';
    return cut_port(plain, &host) && parse_plain(host, a, &bits) && !address_is_nowhere(a);
}

static struct span trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

bool forwarded_client(struct span header, const struct cidr_list *trusted, struct address *client)
{
    for (size_t end = header.n;;) {
        size_t start = end;
        while (start > 0 && header.p[start - 1] != ',')
            start--;
        if (!address_parse(trim((struct span){header.p + start, end - start}), client))
            return false;
        if (start == 0 || !cidr_list_has(trusted, client))
            return true;
        end = start - 1;
    }
}
