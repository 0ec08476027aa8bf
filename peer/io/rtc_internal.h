/* SPDX-License-Identifier: MIT
 *
 * How the files behind rtc.h divide a connection. A datagram climbs from rtc_ice.c (libnice) to rtc_dtls.c (OpenSSL) to
 * rtc_sctp.c (usrsctp) to rtc_channel.c (DCEP); rtc.c negotiates and holds the states together; rtc_pump.c is the one
 * GSource of a factory: it sends what was batched, calls the application and drives SCTP's clock.
 *
 * Two rules keep callbacks and frees harmless. What happens inside a call of the application is only noted, as an event
 * in r->events or a packet in r->sctp.inbox; the application is called from rtc_run alone, which only the loop calls.
 * And whatever the loop calls holds a reference to its rtc, so that rtc_free inside a callback leaves the memory until
 * the callers are gone; each looks at rtc_is_over() after having called out.
 */
#ifndef PEER_IO_RTC_INTERNAL_H
#define PEER_IO_RTC_INTERNAL_H

#include <nice/agent.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "peer/io/hosts.h"
#include "peer/io/rtc.h"
#include "protocol/dcep.h"
#include "protocol/limits.h"
#include "protocol/sdp.h"

enum {
    RTC_ADDRESSES_MAX = 16, /* host addresses that options may name */
    RTC_SERVERS_MAX = 8,    /* ICE servers: each costs a gathering transaction on every interface */
    RTC_CANDIDATE_MAX = 512,
    RTC_DATAGRAM_MAX = 1280, /* the largest that we send: SCTP's MTU and DTLS's header, or a handshake flight's piece */
    RTC_BATCH_MAX = 48,      /* datagrams that leave together */
    RTC_READ_BUDGET = 128,   /* datagrams a connection may bring in one turn of the loop: half a millisecond */
    RTC_CHANNEL_SLOTS = 2 * PEER_CHANNELS_MAX, /* the remote's and our own */
    RTC_SCTP_MTU = 1160,     /* 1197 bytes of UDP payload with AES-GCM's record: below any path's limit */
    RTC_SCTP_STREAMS = 1024, /* as browsers; 65535 cost 3 MB a connection */
    RTC_SCTP_BUFFER = 4 * 1024 * 1024,
    RTC_LOW_WATER = RTC_SCTP_BUFFER / 2,
};

struct rtc_certificate {
    EVP_PKEY *key;
    X509 *x509;
    char fingerprint[SDP_FINGERPRINT_MAX + 1];
};

/* Datagrams of one connection that wait for the next turn of the loop, to leave in one system call. */
struct rtc_outbox {
    struct rtc *to; /* borrowed: a closing connection flushes */
    unsigned count;
    size_t sizes[RTC_BATCH_MAX];
    unsigned char bytes[RTC_BATCH_MAX][RTC_DATAGRAM_MAX];
};

struct rtc_factory {
    unsigned refs; /* the owner's and one a connection */
    GMainContext *context;
    char addresses[RTC_ADDRESSES_MAX][64];
    size_t address_count;
    bool loopback, relay_only;
    struct sockaddr_storage near; /* rtc_factory_near */
    struct rtc_server servers[RTC_SERVERS_MAX];
    size_t server_count;
    struct rtc_certificate certificate;
    SSL_CTX *tls;
    BIO_METHOD *bio;
    GSource *pump;
    GSourceFuncs pump_funcs;
    struct rtc *woken; /* connections that want rtc_run: list by woken_prev, woken_next; each holds a reference */
    struct rtc_outbox outbox;
};

struct rtc_ice {
    NiceAgent *agent;
    NiceAgent *before; /* what a restart replaces: carries on until the new one has a pair */
    guint stream;      /* of both */
    bool controlling, up, was_up, restarting;
    enum rtc_path path;
    bool allocates;                     /* may hold allocations on a TURN server */
    bool remote_known;                  /* credentials are set: candidates need not wait */
    bool remote_ended;                  /* end of candidates came before them */
    char *waiting[PEER_CANDIDATES_MAX]; /* owned */
    size_t waiting_count, taken;
    gint64 turn; /* the loop's turn, by its time, that `read` counts in */
    unsigned read;
    bool paused; /* the budget is spent: rtc_run reads on */
};

struct rtc_dtls {
    SSL *ssl;
    bool client, up, mismatch;
    GSource *timer;
    const unsigned char *in; /* what came and OpenSSL has not read yet: a datagram, or several that came as one */
    size_t in_n;
};

struct rtc_packet { /* what usrsctp received: a message, a part of one, or a notification */
    struct rtc_packet *prev, *next;
    void *bytes; /* malloc'ed by usrsctp */
    size_t n;
    uint16_t stream;
    uint32_t ppid;
    bool notification, end;
};

enum rtc_channel_state {
    CHANNEL_FREE,
    CHANNEL_WAITING, /* for SCTP, or for room in its buffer: OPEN was not sent, there is no id */
    CHANNEL_OPENING, /* OPEN was sent */
    CHANNEL_OPEN,
    CHANNEL_CLOSING, /* our outgoing stream is being reset, RFC 8831 section 6.7 */
};

struct rtc_channel {
    enum rtc_channel_state state;
    uint16_t id;
    bool ours, ack_due, out_reset, in_reset;
    bool unordered;
    enum dcep_reliability reliability;
    uint32_t parameter;
    char label[CHANNEL_LABEL_MAX];
    size_t label_n;
};

struct rtc_sctp {
    uintptr_t id; /* what usrsctp knows us by: in its cookie, so never a pointer */
    struct socket *socket;
    bool up, want_writable;
    uint16_t streams; /* that both sides have */
    size_t buffered;
    size_t awaited_room; /* on_room is called below it; 0: it is not */
    uint32_t rtt_ms;     /* the least of this path; UINT32_MAX: not known yet */
    gint64 timed_at;     /* when something was last sent that is sent again without an answer; monotonic microseconds */
    struct rtc_packet *inbox;
    struct buf partial; /* of a message that came in parts */
};

enum rtc_event_kind {
    RTC_EVENT_DESCRIPTION,
    RTC_EVENT_CANDIDATE,
    RTC_EVENT_CONNECTED,
    RTC_EVENT_CHANNEL_OPEN,
    RTC_EVENT_CHANNEL_CLOSED,
    RTC_EVENT_WRITABLE,
    RTC_EVENT_ROOM,
    RTC_EVENT_ICE_STATE,
    RTC_EVENT_FAILED,
};

struct rtc_event {
    struct rtc_event *prev, *next;
    enum rtc_event_kind kind;
    union {
        struct {
            const char *type; /* static: "offer" or "answer" */
            char *sdp;        /* owned */
        } description;
        char *candidate; /* owned; NULL: there are no more */
        struct {
            uint16_t channel;
            char *label; /* owned */
            size_t label_n;
        } channel_open;
        uint16_t channel_closed;
        bool ice_up;
        struct {
            const char *reason; /* static */
            char *detail;       /* owned */
        } failed;
    };
};

enum rtc_negotiation {
    RTC_IDLE,
    RTC_OFFERED,
    RTC_STABLE
};

struct rtc {
    unsigned refs; /* the owner's, the woken list's, and one a caller from the loop */
    struct rtc_factory *factory;
    struct rtc_callbacks callbacks;
    void *user;
    bool freed, failed, running;
    bool woken;
    struct rtc *woken_prev, *woken_next;
    struct rtc_event *events;
    enum rtc_negotiation negotiation;
    uint64_t sess_id;
    unsigned version;
    char *remote_text; /* the remote description; what `remote` points into. Owned; NULL until there is one */
    struct sdp remote;
    struct rtc_ice ice;
    struct rtc_dtls dtls;
    struct rtc_sctp sctp;
    struct rtc_channel channels[RTC_CHANNEL_SLOTS];
};

/* rtc.c */
void rtc_ref(struct rtc *r);
void rtc_unref(struct rtc *r);
bool rtc_is_over(const struct rtc *r); /* freed or failed: nothing may be received or announced any more */
/* The end: queues on_failed. reason is static, detail is copied. */
void rtc_fail(struct rtc *r, const char *reason, const char *detail);
void rtc_on_ice_up(struct rtc *r);
void rtc_on_dtls_up(struct rtc *r);

/* rtc_pump.c */
GSource *rtc_pump_new(struct rtc_factory *f);
/* Each queues an event of its kind, unless the connection is over. What is static stays the caller's, the rest is
 * copied. */
void rtc_event_description(struct rtc *r, const char *type, struct span sdp);
void rtc_event_candidate(struct rtc *r, const char *candidate); /* NULL: there are no more */
void rtc_event_connected(struct rtc *r);
void rtc_event_channel_open(struct rtc *r, uint16_t channel, struct span label);
void rtc_event_channel_closed(struct rtc *r, uint16_t channel);
void rtc_event_writable(struct rtc *r);
void rtc_event_room(struct rtc *r);
void rtc_event_ice_state(struct rtc *r, bool up);
void rtc_event_failed(
    struct rtc *r, const char *reason, const char *detail); /* the one that a failed one still queues */
/* Has rtc_run called in the loop's next turn. */
void rtc_wake(struct rtc *r);
void rtc_unwake(struct rtc *r);
/* Delivers what waits. Only from the loop. */
void rtc_run(struct rtc *r);
void rtc_deliver_events(struct rtc *r);
void rtc_events_free(struct rtc *r);
void rtc_outbox_add(struct rtc *r, const void *datagram, size_t n);
void rtc_outbox_flush(struct rtc_factory *f);
/* SCTP's clock is to tick at this time at the latest, in monotonic microseconds. */
void rtc_pump_tick_by(struct rtc_factory *f, gint64 at);

/* rtc_cert.c */
bool rtc_certificate_init(struct rtc_certificate *c, struct err *err);
void rtc_certificate_done(struct rtc_certificate *c);
/* Does the certificate have this fingerprint, in the form of sdp_fingerprint()? */
bool rtc_certificate_is(const X509 *x509, const char *fingerprint);

/* rtc_ice.c */
bool rtc_ice_init(struct rtc *r);
/* No more of its signals; the agent itself goes when the loop turns. */
void rtc_ice_close(struct rtc *r);
void rtc_ice_role(struct rtc *r, bool controlling);
void rtc_ice_local(struct rtc *r, char **ufrag, char **pwd); /* g_free both */
void rtc_ice_gather(struct rtc *r);
/* New credentials, RFC 8445 section 9; rtc_ice_gather follows. */
void rtc_ice_restart(struct rtc *r);
void rtc_ice_addresses_changed(struct rtc *r);
void rtc_ice_remote(struct rtc *r, const struct sdp *remote);
bool rtc_ice_candidate(struct rtc *r, struct span candidate);
void rtc_ice_send(struct rtc *r, const struct rtc_outbox *batch);
void rtc_ice_resume(struct rtc *r); /* reads again after the budget was spent */

/* rtc_dtls.c */
bool rtc_dtls_factory_init(struct rtc_factory *f, struct err *err);
void rtc_dtls_factory_done(struct rtc_factory *f);
bool rtc_dtls_start(struct rtc *r); /* r->dtls.client is set */
void rtc_dtls_input(struct rtc *r, const void *datagram, size_t n);
void rtc_dtls_write(struct rtc *r, const void *packet, size_t n);
void rtc_dtls_close(struct rtc *r); /* says so to the remote */
void rtc_dtls_done(struct rtc *r);

/* rtc_sctp.c */
void rtc_sctp_setup(void); /* the process's usrsctp, once */
/* Lets the time pass that did: timers that are due run, and those set from now on count from now. */
void rtc_sctp_tick(void);
/* When the next tick is due of which a connection of this factory may have need; -1: it has none. */
gint64 rtc_sctp_next_tick(const struct rtc_factory *f);
bool rtc_sctp_start(struct rtc *r);
void rtc_sctp_input(struct rtc *r, const void *packet, size_t n);
enum rtc_sent rtc_sctp_send(struct rtc *r, const struct rtc_channel *c, enum dcep_ppid ppid, struct span bytes);
bool rtc_sctp_reset(struct rtc *r, uint16_t stream);
size_t rtc_sctp_bulk(struct rtc *r); /* rtc_bulk() */
/* Handles the oldest received packet; false if there is none. Calls on_message itself. */
bool rtc_sctp_next(struct rtc *r);
void rtc_sctp_close(struct rtc *r); /* says so to the remote */
void rtc_sctp_done(struct rtc *r);

/* rtc_channel.c */
bool rtc_channel_add(struct rtc *r, struct span label);
struct rtc_channel *rtc_channel_find(struct rtc *r, uint16_t id);
/* Sends what OPENs and ACKs there was no room for, or no association. */
void rtc_channels_push(struct rtc *r);
void rtc_channel_close(struct rtc *r, struct rtc_channel *c);
void rtc_channel_message(struct rtc *r, uint16_t stream, uint32_t ppid, struct span bytes);
void rtc_channel_reset(struct rtc *r, uint16_t stream, bool incoming);

/* rtc_udp.c */
/* Sends them from the socket to the address; returns how many left or are lost, as datagrams may be: the rest is to go
 * another way. */
unsigned rtc_udp_send(GSocket *socket, const NiceAddress *address, const struct rtc_outbox *box);

/* rtc_crc32c.c */
/* CRC-32C (RFC 9260 appendix A) in the byte order of SCTP's header field. */
uint32_t rtc_crc32c(void *bytes, size_t n);

#endif
