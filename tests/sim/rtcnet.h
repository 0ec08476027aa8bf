/* SPDX-License-Identifier: MIT
 *
 * WebRTC as peer/core sees it through peer/io, without its packets: descriptions that protocol/sdp.h reads and writes,
 * candidates that trickle, connections that come up when both sides know each other's credentials and candidates and a
 * path exists, fingerprints compared, reliable ordered channels whose latency follows the path. A path that is lost
 * is noticed after LOST_MS and found again when it returns; a host that moved to another address is found again only
 * by an ICE restart; what stays lost ends. Events come from the loop, never from inside a call.
 */
#ifndef SIM_RTCNET_H
#define SIM_RTCNET_H

#include "tests/sim/world.h"

struct rtc_net;
struct rtc_party; /* one process: its certificate and connections */

struct rtc_face {
    void (*description)(void *who, uint64_t rtc, struct span type, struct span sdp);
    void (*candidate)(void *who, uint64_t rtc, struct span candidate); /* n = 0: the end */
    void (*channel_open)(void *who, uint64_t rtc, uint16_t channel, struct span label);
    void (*data)(void *who, uint64_t rtc, uint16_t channel, bool binary, struct span bytes);
    void (*congested)(void *who, uint64_t rtc);
    void (*writable)(void *who, uint64_t rtc);
    void (*ice)(void *who, uint64_t rtc, bool connected);
    void (*failed)(void *who, uint64_t rtc, const char *reason); /* the last */
};

struct rtc_net *rtc_net_new(struct world *w);
void rtc_net_free(struct rtc_net *net); /* takes NULL */
/* Of 1,000 sends, how many find the channel congested though little is queued. */
void rtc_net_congestion(struct rtc_net *net, uint32_t permille);
/* No pair is ever found between these hosts. */
void rtc_net_forbid(struct rtc_net *net, unsigned a, unsigned b);
/* ... or again between all. */
void rtc_net_allow(struct rtc_net *net);
/* Somebody who holds this certificate sits on every path, ends both DTLS connections and passes on what he reads: a
 * description that names him connects too. The text is borrowed. */
void rtc_net_middleman(struct rtc_net *net, const char *fingerprint);

struct rtc_party *rtc_party_new(struct rtc_net *net, unsigned host, const struct rtc_face *face, void *who);
/* Its descriptions from now on say that it takes messages of so many bytes; PEER_MESSAGE_MAX at first. */
void rtc_party_takes(struct rtc_party *p, uint32_t bytes);
/* The process is gone without a word: no callbacks any more. */
void rtc_party_down(struct rtc_party *p);
/* Its host has another address: pairs are lost until an ICE restart. */
void rtc_party_move(struct rtc_party *p);
/* "sha-256 AB:…" */
const char *rtc_party_fingerprint(const struct rtc_party *p);

void rtc_make(struct rtc_party *p, uint64_t rtc);
void rtc_offer(struct rtc_party *p, uint64_t rtc, bool restart);
void rtc_remote(struct rtc_party *p, uint64_t rtc, struct span type, struct span sdp);
void rtc_candidate(struct rtc_party *p, uint64_t rtc, struct span candidate);
void rtc_send(struct rtc_party *p, uint64_t rtc, uint16_t channel, bool binary, struct span bytes);
/* One more channel, under the number 2 at both ends; nothing if the first is not open. */
void rtc_open_channel(struct rtc_party *p, uint64_t rtc, const char *label);
/* Whether file bytes may be added to what waits: not while more than a part of the window does. False: it has gone, too. */
bool rtc_has_room(const struct rtc_party *p, uint64_t rtc);
void rtc_free(struct rtc_party *p, uint64_t rtc);
bool rtc_is_there(const struct rtc_party *p, uint64_t rtc); /* it is, and has not failed */
/* Connections made and not freed. */
size_t rtc_count(const struct rtc_party *p);
/* No connection is left whose pair has gone. */
bool rtc_net_is_sound(const struct rtc_net *net);

#endif
