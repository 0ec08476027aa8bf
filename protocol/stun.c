/* SPDX-License-Identifier: MIT
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1     RFC 8489 section 5
 *    |0 0|        type               |       length of what follows  |
 *    |                  magic cookie 0x2112A442                      |
 *    |                  transaction id (96 bits)                     |
 *    |     attribute's type          |     its length                |     section 14
 *    |     its value, filled up to 4 bytes                         ...
 *
 * What is no whole binding request is not answered (section 6.3: silently discarded): a datagram that is shorter or
 * longer than its header says, another method or class, no magic cookie (clients of RFC 3489), an attribute that ends
 * behind the datagram, a FINGERPRINT that is wrong or not the last. Nobody can be led into a loop: answers are of
 * another class.
 *
 * Attributes that have to be understood and are not are named in an error 420 (section 6.3.1), without a reason phrase.
 * Six fit into STUN_ANSWER_MAX. A request with more of them is not answered: a list that leaves some out would say that
 * those are understood, and a longer answer would be worth more to whoever writes somebody else's address than he
 * pays. Those of authentication are known, and of no use here, where nobody is asked who he is: they are passed over
 * (section 6.3: "known-but-unexpected attributes SHOULD be ignored").
 */
#include "protocol/stun.h"

#include <stdbool.h>
#include <string.h>

enum {
    BINDING_REQUEST = 0x0001,
    BINDING_SUCCESS = 0x0101,
    BINDING_ERROR = 0x0111,
    ATTRIBUTE_HEADER = 4,
    FIRST_OPTIONAL = 0x8000, /* types from here on may be passed over (section 14) */
    MAPPED_ADDRESS = 0x0001,
    USERNAME = 0x0006,
    MESSAGE_INTEGRITY = 0x0008,
    ERROR_CODE = 0x0009,
    UNKNOWN_ATTRIBUTES = 0x000a,
    REALM = 0x0014,
    NONCE = 0x0015,
    MESSAGE_INTEGRITY_SHA256 = 0x001c,
    PASSWORD_ALGORITHM = 0x001d,
    USERHASH = 0x001e,
    XOR_MAPPED_ADDRESS = 0x0020,
    FINGERPRINT = 0x8028,
    FINGERPRINT_BYTES = 8, /* with its header */
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
    UNKNOWN_ATTRIBUTE = 420
};

static const uint32_t COOKIE = 0x2112a442, FINGERPRINT_XOR = 0x5354554e;

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
    return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
    return put16(put16(p, value >> 16), value & 0xffff);
}

/* ---- reading ---- */

/* Of ITU V.42, four bits at a time. */
static uint32_t crc32(const uint8_t *p, size_t n)
{
    static const uint32_t TABLE[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278,
        0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ TABLE[crc & 15];
        crc = crc >> 4 ^ TABLE[crc & 15];
    }
    return ~crc;
}

/* Section 14.7: over all that stands before it, and behind it stands nothing. */
static bool is_right_fingerprint(const uint8_t *bytes, size_t n, size_t at)
{
    return n - at == FINGERPRINT_BYTES && get16(bytes + at + 2) == 4 &&
           get32(bytes + at + ATTRIBUTE_HEADER) == (crc32(bytes, at) ^ FINGERPRINT_XOR);
}

static bool is_known(unsigned type)
{
    static const uint16_t KNOWN[] = {MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES, REALM,
        NONCE, MESSAGE_INTEGRITY_SHA256, PASSWORD_ALGORITHM, USERHASH, XOR_MAPPED_ADDRESS};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (KNOWN[i] == type)
            return true;
    return false;
}

/* False if there are too many. */
static bool note_unknown(struct stun_request *r, uint16_t type)
{
    for (size_t i = 0; i < r->unknown_n; i++)
        if (r->unknown[i] == type)
            return true;
    if (r->unknown_n == STUN_UNKNOWN_MAX)
        return false;
    r->unknown[r->unknown_n++] = type;
    return true;
}

/* False if one of them ends behind the datagram, or cannot be answered. What follows MESSAGE-INTEGRITY and is not
 * FINGERPRINT is not looked at (sections 14.5 and 14.6). */
static bool read_attributes(const uint8_t *bytes, size_t n, struct stun_request *r)
{
    bool sealed = false;
    for (size_t at = STUN_HEADER; at < n;) {
        uint16_t type = get16(bytes + at);
        size_t filled = (get16(bytes + at + 2) + 3u) & ~(size_t)3;
        if (filled > n - at - ATTRIBUTE_HEADER)
            return false;
        if (type == FINGERPRINT && !is_right_fingerprint(bytes, n, at))
            return false;
        if (type == MESSAGE_INTEGRITY || type == MESSAGE_INTEGRITY_SHA256)
            sealed = true;
        if (!sealed && type < FIRST_OPTIONAL && !is_known(type) && !note_unknown(r, type))
            return false;
        at += ATTRIBUTE_HEADER + filled;
    }
    return true;
}

enum stun_verdict stun_read(const uint8_t *bytes, size_t n, struct stun_request *r)
{
    r->unknown_n = 0;
    if (n < STUN_HEADER || n > STUN_REQUEST_MAX || n % 4 != 0)
        return STUN_MALFORMED;
    if (get16(bytes) != BINDING_REQUEST || get16(bytes + 2) != n - STUN_HEADER || get32(bytes + 4) != COOKIE)
        return STUN_MALFORMED;
    memcpy(r->transaction, bytes + 8, STUN_TRANSACTION);
    if (!read_attributes(bytes, n, r))
        return STUN_MALFORMED;
    return r->unknown_n ? STUN_REFUSAL : STUN_ANSWER;
}

/* ---- writing ---- */

static uint8_t *put_header(uint8_t *out, unsigned type, size_t length, const struct stun_request *r)
{
    out = put16(put16(out, type), (unsigned)length);
    out = put32(out, COOKIE);
    memcpy(out, r->transaction, STUN_TRANSACTION);
    return out + STUN_TRANSACTION;
}

/* Section 14.2: the port under the cookie's first half, the address under the cookie and, of IPv6, the transaction. */
size_t stun_write_answer(const struct stun_request *r, const struct stun_source *from, uint8_t out[STUN_ANSWER_MAX])
{
    static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};
    bool ipv4 = memcmp(from->address, MAPPED, sizeof MAPPED) == 0;
    const uint8_t *address = ipv4 ? from->address + sizeof MAPPED : from->address;
    size_t address_n = ipv4 ? 4 : 16, value = 4 + address_n;
    uint8_t *at = put_header(out, BINDING_SUCCESS, ATTRIBUTE_HEADER + value, r);
    at = put16(put16(at, XOR_MAPPED_ADDRESS), (unsigned)value);
    at = put16(put16(at, ipv4 ? FAMILY_IPV4 : FAMILY_IPV6), from->port ^ COOKIE >> 16);
    const uint8_t *pad = out + 4; /* the header's cookie and transaction */
    for (size_t i = 0; i < address_n; i++)
        *at++ = address[i] ^ pad[i];
    return (size_t)(at - out);
}

/* Sections 14.8 and 14.13. */
size_t stun_write_refusal(const struct stun_request *r, uint8_t out[STUN_ANSWER_MAX])
{
    size_t types = 2 * r->unknown_n, filled = (types + 3) & ~(size_t)3;
    uint8_t *at = put_header(out, BINDING_ERROR, 2 * ATTRIBUTE_HEADER + 4 + filled, r);
    at = put16(put16(at, ERROR_CODE), 4);
    at = put16(put16(at, 0), UNKNOWN_ATTRIBUTE / 100 << 8 | UNKNOWN_ATTRIBUTE % 100);
    at = put16(put16(at, UNKNOWN_ATTRIBUTES), (unsigned)types);
    for (size_t i = 0; i < r->unknown_n; i++)
        at = put16(at, r->unknown[i]);
    if (filled > types)
        at = put16(at, 0);
    return (size_t)(at - out);
}
