/* SPDX-License-Identifier: MIT
 *
 * STUN (RFC 8489) as a server needs it that tells clients the address from which their datagram came, and nothing else:
 * binding requests over UDP, no authentication. Pure.
 *
 * An answer is never longer than STUN_ANSWER_MAX bytes: whoever writes somebody else's address into his datagrams has
 * that one hit by about as much as he sends.
 */
#ifndef PROTOCOL_STUN_H
#define PROTOCOL_STUN_H

#include <stddef.h>
#include <stdint.h>

enum {
    STUN_HEADER = 20,
    STUN_TRANSACTION = 12,
    STUN_REQUEST_MAX = 1232, /* bytes: 1,280 of a packet without those of IPv6 and UDP (RFC 8489 section 6.1) */
    STUN_ANSWER_MAX = 44,    /* bytes: a header and the XOR-MAPPED-ADDRESS of IPv6 */
    STUN_UNKNOWN_MAX = 6,    /* attributes that a refusal of so many bytes can name */
};

/* What is to be done about a datagram. */
enum stun_verdict {
    STUN_ANSWER,    /* it asks for its address */
    STUN_REFUSAL,   /* so it does, with attributes that have to be understood and are not */
    STUN_MALFORMED, /* it is no binding request, or none that can be answered */
};

struct stun_request {
    uint8_t transaction[STUN_TRANSACTION];
    uint16_t unknown[STUN_UNKNOWN_MAX]; /* of STUN_REFUSAL: types of attributes, each once, in their order */
    size_t unknown_n;
};

/* Where a datagram came from: the address as 16 bytes (IPv4 mapped into ::ffff:0:0/96), the port in host order. */
struct stun_source {
    uint8_t address[16];
    uint16_t port;
};

/* Reads one whole datagram. */
enum stun_verdict stun_read(const uint8_t *bytes, size_t n, struct stun_request *r);
/* Writes what STUN_ANSWER and STUN_REFUSAL are answered with; returns its bytes. */
size_t stun_write_answer(const struct stun_request *r, const struct stun_source *from, uint8_t out[STUN_ANSWER_MAX]);
size_t stun_write_refusal(const struct stun_request *r, uint8_t out[STUN_ANSWER_MAX]);

#endif
