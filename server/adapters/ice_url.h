/* SPDX-License-Identifier: MIT
 *
 * One URL of ice.stun or ice.turn. Clients hand what the daemon tells them to RTCPeerConnection, which throws at the
 * first URL that it does not understand: one wrong setting, and no call works. So they are held to RFC 7064 (STUN) and
 * RFC 7065 (TURN) before they are told. Pure.
 */
#ifndef SERVER_ADAPTERS_ICE_URL_H
#define SERVER_ADAPTERS_ICE_URL_H

#include "base/err.h"
#include "server/adapters/url_host.h"

enum {
    ICE_URL_MAX = 320 /* bytes: scheme, host, port and transport */
};

enum ice_url_kind {
    ICE_URL_STUN, /* stun: and stuns: */
    ICE_URL_TURN, /* turn: and turns: */
};

/* The URL in its one form: without blanks around it, scheme, host and transport in lower case, the port without leading
 * zeros. False with a sentence that says what is wrong and, where that is clear, what to write: for any other mistake,
 * since it cannot be known what was meant. */
bool ice_url_normalise(enum ice_url_kind kind, const char *text, char out[ICE_URL_MAX + 1], struct err *e);
/* What the host of a normalised URL is: one of those to which somebody can send. */
enum address_kind ice_url_kind_of_host(const char *url);
/* Whether the URL, a normalised one, asks for TURN over DTLS, which RFC 7065 allows and no browser speaks. */
bool ice_url_is_dtls(const char *url);

#endif
