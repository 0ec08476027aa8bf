/* SPDX-License-Identifier: MIT
 *
 * What the simulated WebRTC is made of: rtcnet.c connects ends, rtcchannel.c carries what they send.
 */
#ifndef SIM_RTCEND_H
#define SIM_RTCEND_H

#include "protocol/sdp.h"
#include "tests/sim/rtcnet.h"

enum {
    RTC_TEXT = 80
};

enum ice {
    ICE_NEW,
    ICE_CHECKING,
    ICE_UP,
    ICE_LOST,
    ICE_OVER
};

enum negotiation {
    IDLE,
    OFFERED,
    STABLE
};

enum loop_kind {
    LOOP_DESCRIPTION,
    LOOP_CANDIDATE,
    LOOP_CHANNEL,
    LOOP_OTHER_CHANNEL, /* text: its label */
    LOOP_CONGESTED,
    LOOP_WRITABLE,
    LOOP_ICE,
    LOOP_FAILED
};

struct loop_event { /* what the loop will tell the core */
    enum loop_kind kind;
    bool flag;
    const char *reason; /* static; the type of a description */
    struct buf text;
    struct end *end;
    struct loop_event *prev, *next;
};

struct packet {
    struct span bytes; /* owned */
    uint16_t channel;
    bool binary;
    uint64_t due;
    struct packet *prev, *next;
};

struct end {
    struct rtc_party *party;
    uint64_t number;
    bool live, ticking, open, congested, pumping;
    enum negotiation negotiation; /* as peer/io/rtc.c has it */
    enum ice ice;
    char ufrag[RTC_TEXT], remote_ufrag[RTC_TEXT], remote_fingerprint[SDP_FINGERPRINT_MAX + 1];
    unsigned remote_candidates, restarts, address; /* address: that of the pair */
    uint64_t since;                                /* of the present ice state, or since the path was last seen */
    struct end *pair;
    struct packet *out;
    size_t out_bytes;
    uint64_t last_due, stuck_since;
    struct end *next;
};

struct rtc_party {
    struct rtc_net *net;
    unsigned host, address;
    uint32_t message_max; /* in its descriptions */
    const struct rtc_face *face;
    void *who;
    bool up;
    char fingerprint[SDP_FINGERPRINT_MAX + 1];
    struct end *ends;
    struct rtc_party *next;
};

struct rtc_net {
    struct world *w;
    struct rtc_party *parties;
    struct loop_event *waiting;
    uint32_t congestion;
    bool forbidden[WORLD_HOSTS_MAX][WORLD_HOSTS_MAX]; /* the larger first */
    const char *middleman;                            /* a fingerprint, NULL: there is none */
};

/* A live end; NULL if there is none. */
struct end *end_find(const struct rtc_party *p, uint64_t number);
/* Whether what it sends now could reach its pair. */
bool end_path_exists(const struct end *e);
/* Lets the party's loop tell the core; text, if any, is to be written to what it returns. */
struct buf *end_post(struct end *e, enum loop_kind kind, uint32_t delay, bool flag, const char *reason);
void end_drop_packets(struct end *e);

#endif
