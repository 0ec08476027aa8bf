/* SPDX-License-Identifier: MIT
 *
 * One RTCPeerConnection for data channels, in C: ICE (libnice), DTLS (OpenSSL), SCTP (usrsctp) and DCEP behind the
 * smallest face that peer/core's effects need. Everything runs on one GLib main context, on one thread. Callbacks are
 * never made from inside one of these calls: they come from the loop. An rtc may be freed from inside a callback; a
 * callback must not run the loop. All factories of a process share usrsctp, hence one thread.
 *
 *     offerer:   rtc_new → rtc_offer ─► on_description(offer) ─► … ─► rtc_remote(answer) ─► on_channel_open
 *     answerer:  rtc_new → rtc_remote(offer) ─► on_description(answer) ─► … ─► on_channel_open
 *
 * The DTLS fingerprint of the remote description is compared with the certificate that the handshake brought before
 * the first SCTP packet is read or written (RFC 8827 section 6.5); a mismatch is on_failed("fingerprint").
 */
#ifndef PEER_IO_RTC_H
#define PEER_IO_RTC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct rtc;
struct rtc_factory; /* what connections of a process share: certificate, usrsctp, addresses */

enum rtc_server_kind {
    RTC_STUN,
    RTC_TURN_UDP,
    RTC_TURN_TCP,
    RTC_TURN_TLS
};

struct rtc_server { /* an ICE server, RFC 7064 and 7065 */
    enum rtc_server_kind kind;
    char host[256]; /* a numeric address */
    uint16_t port;
    char username[512], password[512];
};

struct rtc_options {
    const char *const *addresses; /* host candidates are limited to these (numeric); none: as hosts.h finds them */
    size_t address_count;
    bool loopback;   /* with no addresses given: loopback too */
    bool relay_only; /* use TURN only */
};

enum rtc_path {
    RTC_PATH_DIRECT,
    RTC_PATH_STUN, /* an end is known by what a STUN server saw of it */
    RTC_PATH_TURN
};

struct rtc_callbacks {
    /* The local description is ready to be sent: type is "offer" or "answer". Candidates follow (trickle). */
    void (*on_description)(void *user, struct rtc *r, const char *type, const char *sdp);
    /* A local candidate as in RFC 8839 section 5.1 ("candidate:…"); NULL at the end. */
    void (*on_candidate)(void *user, struct rtc *r, const char *candidate);
    /* ICE and DTLS are up and the remote's fingerprint is proved. */
    void (*on_connected)(void *user, struct rtc *r);
    /* A channel is open in both directions: ours, or one that the remote opened. */
    void (*on_channel_open)(void *user, struct rtc *r, uint16_t channel, struct span label);
    void (*on_channel_closed)(void *user, struct rtc *r, uint16_t channel);
    /* One whole message, borrowed for the call. */
    void (*on_message)(void *user, struct rtc *r, uint16_t channel, bool binary, struct span bytes);
    /* The send buffer fell below the low-water mark after rtc_send refused. */
    void (*on_writable)(void *user, struct rtc *r);
    /* Fewer bytes wait in the send buffer than rtc_await_room said. */
    void (*on_room)(void *user, struct rtc *r);
    /* ICE lost its pair after it was connected, or has found another: rtc_path may be a better one, too. */
    void (*on_ice_state)(void *user, struct rtc *r, bool connected);
    /* Final: nothing follows but rtc_free. reason is one of "ice", "fingerprint", "dtls", "sctp", "closed", "sdp". */
    void (*on_failed)(void *user, struct rtc *r, const char *reason, const char *detail);
};

/* One certificate (ECDSA P-256, RFC 8827 section 6.5) a factory. NULL with the reason in err. context is referenced. */
struct rtc_factory *rtc_factory_new(GMainContext *context, const struct rtc_options *options, struct err *err);
/* Every rtc must be freed before. Takes NULL. */
void rtc_factory_free(struct rtc_factory *f);
/* The local certificate's fingerprint as in `a=fingerprint`: "sha-256 AB:CD:…". Borrowed. */
const char *rtc_factory_fingerprint(const struct rtc_factory *f);
/* The own address of a connection that works (copied): of the addresses for connections made from now on it is the first. */
void rtc_factory_near(struct rtc_factory *f, const struct sockaddr_storage *own);
/* The ICE servers for connections made from now on (copied). */
void rtc_factory_servers(struct rtc_factory *f, const struct rtc_server *servers, size_t n);

/* A connection that does nothing yet; callbacks are copied, user is borrowed. NULL when out of memory. */
struct rtc *rtc_new(struct rtc_factory *f, const struct rtc_callbacks *callbacks, void *user);
/* Frees at once; TURN allocations are released in the background, as the loop turns. Takes NULL. */
void rtc_free(struct rtc *r);

/* Starts as the offerer, with one channel of this label (ordered, reliable); with restart on a running connection: an
 * ICE restart (RFC 8445 section 9), which keeps DTLS and SCTP and looks for addresses and servers anew. */
bool rtc_offer(struct rtc *r, const char *label, bool restart);
/* The remote's description: type "offer" or "answer". An offer on a running connection is an ICE restart if its ufrag
 * changed, else it is answered again. False with the reason when it cannot be used; the connection is unchanged. */
bool rtc_remote(struct rtc *r, const char *type, struct span sdp, struct err *err);
/* A remote candidate ("candidate:…" or "a=candidate:…"); n = 0: end of candidates. Kept until the remote description
 * is there. False if it was not usable (mDNS names, bad syntax, more than PEER_CANDIDATES_MAX): never fatal. */
bool rtc_candidate(struct rtc *r, struct span candidate);
/* Opens a further channel; its number comes with on_channel_open. */
bool rtc_open_channel(struct rtc *r, const char *label);
void rtc_close_channel(struct rtc *r, uint16_t channel);

enum rtc_sent {
    RTC_SENT,
    RTC_FULL,
    RTC_TOO_LARGE,
    RTC_NOT_OPEN
};
/* RTC_FULL: nothing was taken; on_writable says when to try again. Empty messages are RFC 8831's empty PPIDs. */
enum rtc_sent rtc_send(struct rtc *r, uint16_t channel, bool binary, struct span bytes);
/* The machine's addresses changed: if one is gone that this connection has, its pair is lost, on_ice_state(false). */
void rtc_addresses_changed(struct rtc *r);
/* Bytes waiting in SCTP's send buffer. */
size_t rtc_buffered(const struct rtc *r);
/* How many may wait there of what is in no hurry: enough to keep the path busy, few enough that others need not wait for
 * them long. It changes with the path; at most three quarters of the buffer. */
size_t rtc_bulk(struct rtc *r);
/* on_room follows once, when fewer than `below` (> 0) bytes wait there. */
void rtc_await_room(struct rtc *r, size_t below);
enum rtc_path rtc_path(const struct rtc *r);

#endif
