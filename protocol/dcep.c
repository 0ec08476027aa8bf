/* SPDX-License-Identifier: MIT
 *
 * Two messages: OPEN (a fixed header of 12 bytes, then label and protocol) and ACK (one byte). Bytes behind the
 * protocol are ignored: RFC 8832 does not forbid them, and a later version may use them.
 */
#include "protocol/dcep.h"

#include <assert.h>

#include "base/utf8.h"
#include "protocol/limits.h"

enum {
    TYPE_ACK = 0x02,
    TYPE_OPEN = 0x03,
    HEADER = 12,
    UNORDERED = 0x80
};

static unsigned get16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put16(struct buf *out, unsigned v)
{
    buf_byte(out, (char)(v >> 8));
    buf_byte(out, (char)v);
}

static bool is_name(struct span s)
{
    return s.n <= CHANNEL_LABEL_MAX && utf8_valid(s.p, s.n);
}

enum dcep_type dcep_parse(struct span message, struct dcep_open *open)
{
    const unsigned char *p = (const unsigned char *)message.p;
    if (message.n >= 1 && p[0] == TYPE_ACK)
        return DCEP_ACK;
    if (message.n < HEADER || p[0] != TYPE_OPEN)
        return DCEP_BAD;
    unsigned kind = p[1] & ~(unsigned)UNORDERED;
    size_t label = get16(p + 8), protocol = get16(p + 10);
    if (kind > DCEP_LIFETIME || HEADER + label + protocol > message.n)
        return DCEP_BAD;
    *open = (struct dcep_open){
        .reliability = (enum dcep_reliability)kind,
        .unordered = p[1] & UNORDERED,
        .priority = (uint16_t)get16(p + 2),
        .parameter = kind == DCEP_RELIABLE ? 0 : (uint32_t)get16(p + 4) << 16 | get16(p + 6),
        .label = {message.p + HEADER, label},
        .protocol = {message.p + HEADER + label, protocol},
    };
    return is_name(open->label) && is_name(open->protocol) ? DCEP_OPEN : DCEP_BAD;
}

bool dcep_build_open(const struct dcep_open *open, struct buf *out)
{
    assert(is_name(open->label) && is_name(open->protocol));
    buf_byte(out, TYPE_OPEN);
    buf_byte(out, (char)((unsigned)open->reliability | (open->unordered ? UNORDERED : 0u)));
    put16(out, open->priority);
    put16(out, open->parameter >> 16);
    put16(out, open->parameter & 0xffff);
    put16(out, (unsigned)open->label.n);
    put16(out, (unsigned)open->protocol.n);
    buf_span(out, open->label);
    return buf_span(out, open->protocol);
}

bool dcep_build_ack(struct buf *out)
{
    return buf_byte(out, TYPE_ACK);
}
