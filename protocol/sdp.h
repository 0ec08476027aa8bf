/* SPDX-License-Identifier: MIT
 *
 * The session descriptions of a data-channel connection: RFC 8866 (SDP), 8839 (ICE), 8841 (SCTP over DTLS), 8842 and
 * 8122 (fingerprint, setup), 9429 (what a browser writes). One struct is read from an offer or answer and written to
 * one; what a parser finds that it does not know is skipped, as RFC 8866 section 5 asks.
 *
 * Other media (a browser's audio and video) are remembered only so that an answer can refuse them in their places.
 */
#ifndef PROTOCOL_SDP_H
#define PROTOCOL_SDP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "protocol/limits.h"

enum {
    SDP_MEDIA_MAX = 16,       /* m= sections: browsers make one a track */
    SDP_CREDENTIAL_MAX = 256, /* ice-ufrag and ice-pwd, RFC 8839 section 5.4 */
    SDP_MID_MAX = 64,
    SDP_FINGERPRINT_MAX = 199, /* "sha-512 " and 64 pairs of digits with colons */
    SDP_SCTP_PORT = 5000,
    SDP_MESSAGE_DEFAULT = 65536, /* max-message-size where none is given, RFC 8841 section 6.1 */
};

enum sdp_setup {
    SDP_ACTPASS,
    SDP_ACTIVE,
    SDP_PASSIVE
};

struct sdp_media {
    struct span kind;  /* "audio", "application" … */
    struct span proto; /* "UDP/TLS/RTP/SAVPF" … */
    struct span mid;   /* may be empty */
};

/* Spans are borrowed from the parsed text, or from whoever builds. */
struct sdp {
    struct span ufrag, pwd;
    char fingerprint[SDP_FINGERPRINT_MAX + 1]; /* "sha-256 AB:CD:…": hash in lower case, digits in upper case */
    enum sdp_setup setup;
    uint16_t sctp_port;
    uint32_t max_message_size; /* UINT32_MAX: no limit ("0" on the wire) */
    bool end_of_candidates;
    struct span candidates[PEER_CANDIDATES_MAX]; /* "candidate:…"; what is over the bound is dropped */
    size_t candidate_count;
    struct sdp_media media[SDP_MEDIA_MAX]; /* in order */
    size_t media_count;
    size_t data;      /* which of them is the data channel's */
    bool no_data;     /* of one that was refused: audio and video is all that it has */
    bool bundle;      /* the data channel's mid is in a BUNDLE group */
    uint64_t sess_id; /* o=: written, not read; below 2^63 */
    unsigned version; /* o=: written, not read */
};

/* False with the reason in err when there is no usable data-channel section. The size is bounded by SDP_MAX. */
bool sdp_parse(struct span text, struct sdp *out, struct err *err);
/* Appends the description; other media are written as refused (port 0). False if out is too small. */
bool sdp_build(const struct sdp *s, struct buf *out);
/* A fingerprint in the form that struct sdp has, from "sha-256 ab:cd:…". False for a hash that is not SHA-256, 384 or
 * 512, or digits that do not fit it. */
bool sdp_fingerprint(struct span text, char out[SDP_FINGERPRINT_MAX + 1]);

#endif
