/* SPDX-License-Identifier: MIT
 *
 * Connections of io's, by number.
 *   owns     struct connection
 *   before   connection_send: the channel is open
 *   after    a number is never used twice; after connection_free io forgets it, and nothing more comes for it
 */
#ifndef PEER_LINK_CONNECTION_H
#define PEER_LINK_CONNECTION_H

#include "peer/core/peer.h"
#include "peer/core/order/hash.h"
#include "protocol/sdp.h"

struct person;
struct roster_entry;

/* One connection of io's, from call to end. */
struct connection {
    uint64_t rtc;
    struct person *person;
    char link[LINK_MAX + 1];       /* chosen by the offerer; may be empty if that is a stranger */
    char peer_id[PEER_ID_MAX + 1]; /* the other's, when it began; empty: it has none */
    bool through_peers;            /* signaled over data channels, not through the daemon */
    bool offerer;
    bool awaiting; /* our offer is made or in the making, and not answered */
    bool open;     /* the channel `usher` is */
    bool congested;
    bool lost;   /* ICE lost its pair here: the other may not have noticed */
    bool unsure; /* something of ours may not have reached the other: said outside the room, or to a lost socket */
    enum peer_path path;
    bool introduced; /* theirs was verified and ours is sent; of a plain peer: the channel is open */
    uint16_t channel;
    uint16_t files_channel;       /* of `usher-files`, if files_open */
    bool files_open, files_asked; /* files_asked: we have opened one, and it may not be up */
    uint32_t message_max;         /* a=max-message-size of its description: bytes that one message may have */
    unsigned candidates;          /* remote ones taken since the last offer or answer */
    uint64_t began, took_ms;      /* took_ms: to introduced */
    bool reported;
    char local[SDP_FINGERPRINT_MAX + 1], remote[SDP_FINGERPRINT_MAX + 1];
    char mid[SDP_MID_MAX + 1];
    unsigned line; /* which m= section is the data channel's */
    UT_hash_handle hh;
};

struct connection *connection_find(const struct peer *p, uint64_t rtc);
/* entry: where the person is called; NULL: through others. link: its name, may be empty. NULL: memory is short, or a
 * test forbids it. */
struct connection *connection_new(
    struct peer *p, struct person *who, const struct roster_entry *entry, struct span link);
void connection_free(struct peer *p, struct connection *a); /* takes NULL; also at io */
/* Where the other sits now: where the connection began, be it away, or anywhere else if that entry is gone; or NULL. */
struct roster_entry *connection_entry(const struct peer *p, const struct connection *a);
/* Tells the daemon how the call ended, for its statistics; once. */
void connection_report(struct peer *p, struct connection *a, bool failed);
/* Whether the other end takes a message of so many bytes (RFC 8841 section 6.1). */
bool connection_fits(const struct connection *a, size_t n);
/* Sends one message on the open channel; nothing while that is congested, or if it does not fit. */
void connection_send(struct peer *p, struct connection *a, struct span text);

#endif
