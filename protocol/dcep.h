/* SPDX-License-Identifier: MIT
 *
 * The Data Channel Establishment Protocol, RFC 8832: how one side tells the other that an SCTP stream is a channel.
 */
#ifndef PROTOCOL_DCEP_H
#define PROTOCOL_DCEP_H

#include <stdint.h>

#include "base/buf.h"

/* SCTP payload protocol identifiers, RFC 8831 section 8. */
enum dcep_ppid {
    DCEP_PPID = 50,
    DCEP_STRING = 51,
    DCEP_BINARY = 53,
    DCEP_STRING_EMPTY = 56,
    DCEP_BINARY_EMPTY = 57
};

enum dcep_reliability {
    DCEP_RELIABLE,
    DCEP_RETRANSMITS,
    DCEP_LIFETIME
};

/* DATA_CHANNEL_OPEN, RFC 8832 section 5.1. */
struct dcep_open {
    enum dcep_reliability reliability;
    bool unordered;
    uint16_t priority;
    uint32_t parameter;   /* retransmissions, or milliseconds; 0 when reliable */
    struct span label;    /* UTF-8, at most CHANNEL_LABEL_MAX bytes; borrowed */
    struct span protocol; /* likewise */
};

enum dcep_type {
    DCEP_BAD,
    DCEP_ACK,
    DCEP_OPEN
};

/* What the message is; *open is set for DCEP_OPEN only. */
enum dcep_type dcep_parse(struct span message, struct dcep_open *open);
bool dcep_build_open(const struct dcep_open *open, struct buf *out);
bool dcep_build_ack(struct buf *out);

#endif
