/* SPDX-License-Identifier: MIT */
#include "server/adapters/address_kind.h"

static enum address_kind kind_of_ipv4(const uint8_t b[4])
{
    static const uint8_t NONE[4] = {0}, ALL[4] = {255, 255, 255, 255};
    if (memcmp(b, NONE, sizeof NONE) == 0)
        return ADDRESS_UNSPECIFIED;
    if (memcmp(b, ALL, sizeof ALL) == 0)
        return ADDRESS_BROADCAST;
    if (b[0] == 0)
        return ADDRESS_THIS_NETWORK;
    if (b[0] == 127)
        return ADDRESS_LOOPBACK;
    return b[0] >> 4 == 14 ? ADDRESS_MULTICAST : ADDRESS_OF_A_MACHINE;
}

enum address_kind address_kind(const struct address *a)
{
    static const struct address NONE, LOOPBACK = {.bytes = {[15] = 1}};
    const uint8_t *b = a->bytes;
    if (address_is_ipv4(a))
        return kind_of_ipv4(b + ADDRESS_IPV4_AT);
    if (memcmp(a, &NONE, sizeof NONE) == 0)
        return ADDRESS_UNSPECIFIED;
    if (memcmp(a, &LOOPBACK, sizeof LOOPBACK) == 0)
        return ADDRESS_LOOPBACK;
    if (b[0] == 0xff)
        return ADDRESS_MULTICAST;
    return b[0] == 0xfe && b[1] >> 6 == 2 ? ADDRESS_LINK_LOCAL : ADDRESS_OF_A_MACHINE;
}

const char *address_kind_problem(enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_UNSPECIFIED:
        return "this address stands for all addresses of a machine, and nobody can send to it";
    case ADDRESS_THIS_NETWORK:
        return "an address that begins with 0 belongs to no machine";
    case ADDRESS_MULTICAST:
        return "a multicast address belongs to no machine";
    case ADDRESS_BROADCAST:
        return "the broadcast address belongs to no machine";
    case ADDRESS_LINK_LOCAL:
        return "a link-local address means nothing without its interface, which cannot be named here";
    case ADDRESS_LOOPBACK:
    case ADDRESS_OF_A_MACHINE:
        break;
    }
    return NULL;
}
