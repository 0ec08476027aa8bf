/* SPDX-License-Identifier: MIT
 *
 * SCTP over DTLS (RFC 8261, 8831) by usrsctp, single-threaded: packets go in by rtc_sctp_input, out by on_output, time
 * passes by rtc_sctp_tick. usrsctp calls back in the middle of its work, so its functions only queue; rtc_sctp_next
 * handles what they queued when usrsctp has returned.
 *
 * usrsctp has timers and no call to ask when the next one is due. To tick every 10 ms whatever happens would wake an idle
 * machine a hundred times a second. But each of its timers follows from what was sent, received or is waiting: an
 * acknowledgement is delayed by SACK_DELAY_MS after data came, nothing is sent again before RTO_MIN_MS, and what is
 * neither has 30 s. So each packet says by when the clock must tick. Before whatever sets a timer, the time that passed
 * since is counted, or the timer would be early by that.
 *
 * usrsctp is one for the process, and gives a packet to send only an address with it. That address stands in cookies
 * on the wire, so it must not be a pointer (CVE-2020-6514); it may be used after usrsctp_close, so it must be looked
 * up. Hence the one table of the process below, from number to connection: usrsctp's own state, in effect, and like it
 * bound to one thread.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <usrsctp.h>
#include <utlist.h>

#include "peer/io/rtc_internal.h"

static struct {
    bool ready;
    uintptr_t last_id; /* never used twice */
    gint64 ticked_ms;
    GHashTable *connections; /* struct rtc by sctp.id */
} stack;

enum {
    RTO_MIN_MS = 200,
    RTO_INITIAL_MS = 1000,
    RTO_MAX_MS = 2000,        /* how long the next try may keep waiting after the path is back */
    RETRANSMISSIONS_MAX = 30, /* hence a minute without an answer */
    INIT_ATTEMPTS = 8,
    CHUNKS_MAX = 16 * 1024,
    INITIAL_WINDOW = 10, /* packets, as TCP has (RFC 6928); RFC 9260 has 4 */
    BULK_MIN = 256 * 1024,
    BULK_NEAR = 768 * 1024,   /* 4 ms at the rate of a machine with itself */
    BULK_PER_MS = 128 * 1024, /* and more for a way of so many milliseconds: what fills it at 1 Gbit/s */
    SACK_DELAY_MS = 20,       /* RFC 9260 section 6.2 allows 500; the less, the sooner a link is idle again */
    SACK_TICK_MS = 25,
    TICK_BUSY_MS = 10,    /* while an association begins, or much is in flight */
    TICK_WAITING_MS = 50, /* while something is */
    TICK_IDLE_MS = 5000,  /* heartbeats, which are 30 s apart */
    MUCH = 16 * 1024
};

/* Chunks, RFC 9260 section 3.2. */
enum {
    CHUNK_DATA = 0,
    CHUNK_SACK = 3,
    CHUNK_HEARTBEAT_ACK = 5,
    CHUNK_HEADER = 4
};

static struct rtc *find(const void *address)
{
    return g_hash_table_lookup(stack.connections, address);
}

struct chunks {
    bool data, timed; /* some of it is data; something that is sent again when no answer comes */
};

static struct chunks chunks_of(const unsigned char *packet, size_t n)
{
    struct chunks c = {false, false};
    for (size_t at = sizeof(struct sctp_common_header); at + CHUNK_HEADER <= n;) {
        unsigned type = packet[at];
        size_t length = (size_t)packet[at + 2] << 8 | packet[at + 3];
        c.data = c.data || type == CHUNK_DATA;
        c.timed = c.timed || (type != CHUNK_SACK && type != CHUNK_HEARTBEAT_ACK);
        at += MAX(length + 3, (size_t)CHUNK_HEADER) & ~(size_t)3;
    }
    return c;
}

static gint64 in_ms(int ms)
{
    return g_get_monotonic_time() + ms * 1000;
}

/* usrsctp leaves the checksum to us (rtc_crc32c.c); browsers drop packets without one. */
static int on_output(void *address, void *packet, size_t n, uint8_t tos, uint8_t set_df)
{
    (void)tos;
    (void)set_df;
    struct rtc *r = find(address);
    if (!r)
        return EINVAL;
    struct sctp_common_header *header = packet;
    header->crc32c = 0;
    header->crc32c = rtc_crc32c(packet, n);
    if (chunks_of(packet, n).timed) {
        r->sctp.timed_at = g_get_monotonic_time();
        rtc_pump_tick_by(r->factory, in_ms(r->sctp.up ? RTO_MIN_MS : TICK_BUSY_MS));
    }
    rtc_dtls_write(r, packet, n);
    return 0;
}

void rtc_sctp_setup(void)
{
    if (stack.ready)
        return;
    stack.ready = true;
    stack.connections = g_hash_table_new(NULL, NULL);
    /* "nothreads" starts one thread all the same, for iterators: the application's signals are none of its business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    usrsctp_init_nothreads(0, on_output, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_sendspace(RTC_SCTP_BUFFER);
    usrsctp_sysctl_set_sctp_recvspace(RTC_SCTP_BUFFER);
    /* 512 by default: a window of short messages would stand still at a twentieth of the buffer */
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_MAX);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(SACK_DELAY_MS);
    usrsctp_sysctl_set_sctp_initial_cwnd(INITIAL_WINDOW);
    /* With a limit usrsctp takes what the window has above it away for good, and has to win it anew, a packet a round trip. */
    usrsctp_sysctl_set_sctp_max_burst_default(0);
    stack.ticked_ms = g_get_monotonic_time() / 1000;
}

void rtc_sctp_tick(void)
{
    gint64 now = g_get_monotonic_time() / 1000;
    gint64 elapsed = now - stack.ticked_ms;
    stack.ticked_ms = now;
    if (elapsed > 0)
        usrsctp_handle_timers((uint32_t)elapsed);
}

static bool is_closing(const struct rtc *r)
{
    for (size_t i = 0; i < RTC_CHANNEL_SLOTS; i++)
        if (r->channels[i].state == CHANNEL_CLOSING)
            return true;
    return false;
}

static gint64 next_tick_of(const struct rtc *r)
{
    if (!r->sctp.up || r->sctp.buffered > MUCH)
        return in_ms(TICK_BUSY_MS);
    if (r->sctp.buffered == 0 && !is_closing(r))
        return in_ms(TICK_IDLE_MS);
    return MAX(in_ms(TICK_WAITING_MS), r->sctp.timed_at + RTO_MIN_MS * 1000);
}

gint64 rtc_sctp_next_tick(const struct rtc_factory *f)
{
    GHashTableIter all;
    gpointer item;
    gint64 first = -1;
    g_hash_table_iter_init(&all, stack.connections);
    while (g_hash_table_iter_next(&all, NULL, &item)) {
        const struct rtc *r = item;
        gint64 at = r->factory == f ? next_tick_of(r) : -1;
        if (at >= 0 && (first < 0 || at < first))
            first = at;
    }
    return first;
}

/* Before usrsctp is called, so that what it starts counts from now; as exact as its clock always was. */
static void let_time_pass(void)
{
    if (g_get_monotonic_time() / 1000 - stack.ticked_ms >= TICK_BUSY_MS)
        rtc_sctp_tick();
}

static int on_input(struct socket *socket, union sctp_sockstore from, void *bytes, size_t n, struct sctp_rcvinfo info,
    int flags, void *id)
{
    (void)socket;
    (void)from;
    struct rtc *r = find(id);
    if (!r || !bytes) {
        free(bytes);
        return 1;
    }
    struct rtc_packet *p = g_new(struct rtc_packet, 1);
    *p = (struct rtc_packet){
        .bytes = bytes,
        .n = n,
        .stream = info.rcv_sid,
        .ppid = g_ntohl(info.rcv_ppid),
        .notification = flags & MSG_NOTIFICATION,
        .end = flags & MSG_EOR,
    };
    DL_APPEND(r->sctp.inbox, p);
    rtc_wake(r);
    return 1;
}

static int on_space(struct socket *socket, uint32_t space, void *id)
{
    (void)socket;
    struct rtc *r = find(id);
    if (!r)
        return 1;
    r->sctp.buffered = space < RTC_SCTP_BUFFER ? RTC_SCTP_BUFFER - space : 0;
    if ((r->sctp.buffered < RTC_LOW_WATER && r->sctp.want_writable) || r->sctp.buffered < r->sctp.awaited_room)
        rtc_wake(r);
    return 1;
}

static bool set(struct socket *s, int level, int option, const void *value, size_t n)
{
    return usrsctp_setsockopt(s, level, option, value, (socklen_t)n) == 0;
}

static bool set_options(struct socket *s)
{
    static const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT};
    const struct linger linger = {.l_onoff = 1}; /* close aborts: usrsctp forgets the association at once */
    const int on = 1, off = 0, buffer = RTC_SCTP_BUFFER;
    const struct sctp_initmsg init = {
        .sinit_num_ostreams = RTC_SCTP_STREAMS,
        .sinit_max_instreams = RTC_SCTP_STREAMS,
        .sinit_max_attempts = INIT_ATTEMPTS,
    };
    const struct sctp_rtoinfo rto = {.srto_initial = RTO_INITIAL_MS, .srto_min = RTO_MIN_MS, .srto_max = RTO_MAX_MS};
    const struct sctp_assocparams tries = {.sasoc_asocmaxrxt = RETRANSMISSIONS_MAX};
    const struct sctp_assoc_value reset = {SCTP_ALL_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ};
    bool ok = usrsctp_set_non_blocking(s, 1) == 0 && set(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) &&
              set(s, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) &&
              set(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) &&
              set(s, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
              set(s, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &off, sizeof off) &&
              set(s, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) &&
              set(s, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto) &&
              set(s, IPPROTO_SCTP, SCTP_ASSOCINFO, &tries, sizeof tries) &&
              set(s, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset);
    for (size_t i = 0; ok && i < G_N_ELEMENTS(events); i++) {
        const struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = events[i], .se_on = 1};
        ok = set(s, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
    }
    return ok;
}

static struct sockaddr_conn address_of(const struct rtc *r, uint16_t port)
{
    return (struct sockaddr_conn){
        .sconn_family = AF_CONN, .sconn_port = g_htons(port), .sconn_addr = (void *)r->sctp.id};
}

/* Both sides bind and connect: RFC 8841 has no client, and SCTP resolves the collision (RFC 9260 section 5.2). */
static bool open_association(struct rtc *r)
{
    struct sockaddr_conn local = address_of(r, SDP_SCTP_PORT), remote = address_of(r, r->remote.sctp_port);
    struct socket *s = r->sctp.socket;
    if (!set_options(s) || usrsctp_bind(s, (struct sockaddr *)&local, sizeof local) != 0)
        return false;
    if (usrsctp_connect(s, (struct sockaddr *)&remote, sizeof remote) != 0 && errno != EINPROGRESS)
        return false;
    /* There is one path: given up before the association is, it would be tried every 30 s only, though it is back. */
    struct sctp_paddrparams path = {
        .spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = RTC_SCTP_MTU, .spp_pathmaxrxt = RETRANSMISSIONS_MAX + 1};
    memcpy(&path.spp_address, &remote, sizeof remote);
    return set(s, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

bool rtc_sctp_start(struct rtc *r)
{
    rtc_sctp_tick(); /* timers count from now, not from when the last connection went */
    r->sctp.id = ++stack.last_id;
    g_hash_table_insert(stack.connections, (void *)r->sctp.id, r);
    usrsctp_register_address((void *)r->sctp.id);
    rtc_pump_tick_by(r->factory, in_ms(TICK_BUSY_MS));
    r->sctp.socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_input, on_space, 0, (void *)r->sctp.id);
    return r->sctp.socket && open_association(r);
}

void rtc_sctp_input(struct rtc *r, const void *packet, size_t n)
{
    if (!r->sctp.socket)
        return;
    let_time_pass();
    if (!r->sctp.socket)
        return;
    if (chunks_of(packet, n).data)
        rtc_pump_tick_by(r->factory, in_ms(SACK_TICK_MS));
    usrsctp_conninput((void *)r->sctp.id, packet, n, 0);
    rtc_run(r);
}

enum rtc_sent rtc_sctp_send(struct rtc *r, const struct rtc_channel *c, enum dcep_ppid ppid, struct span bytes)
{
    static const uint16_t policies[] = {SCTP_PR_SCTP_NONE, SCTP_PR_SCTP_RTX, SCTP_PR_SCTP_TTL};
    struct sctp_sendv_spa how = {
        .sendv_flags = SCTP_SEND_SNDINFO_VALID,
        .sendv_sndinfo = {.snd_sid = c->id, .snd_ppid = g_htonl(ppid), .snd_flags = SCTP_EOR},
    };
    if (ppid != DCEP_PPID) {
        how.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        how.sendv_sndinfo.snd_flags |= c->unordered ? SCTP_UNORDERED : 0;
        how.sendv_prinfo = (struct sctp_prinfo){policies[c->reliability], c->parameter};
    }
    if (!r->sctp.up)
        return RTC_NOT_OPEN;
    let_time_pass();
    ssize_t n = usrsctp_sendv(r->sctp.socket, bytes.p, bytes.n, NULL, 0, &how, sizeof how, SCTP_SENDV_SPA, 0);
    if (n >= 0) {
        r->sctp.buffered += bytes.n;
        return RTC_SENT;
    }
    if (errno != EWOULDBLOCK)
        return errno == EMSGSIZE ? RTC_TOO_LARGE : RTC_NOT_OPEN;
    r->sctp.want_writable = true;
    return RTC_FULL;
}

/* Resets our outgoing stream, RFC 6525; false if the remote cannot. */
bool rtc_sctp_reset(struct rtc *r, uint16_t stream)
{
    union {
        struct sctp_reset_streams reset;
        char room[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    } u = {.reset = {.srs_assoc_id = SCTP_ALL_ASSOC, .srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1}};
    u.reset.srs_stream_list[0] = stream;
    return set(r->sctp.socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, &u, sizeof u);
}

/* Of what is in flight already a message has to wait for all: so no more than the way takes, and no less than keeps it full. What is
 * behind that, a message passes (SCTP_SS_ROUND_ROBIN). */
size_t rtc_sctp_bulk(struct rtc *r)
{
    struct sctp_status status = {0};
    socklen_t n = sizeof status;
    if (!r->sctp.up || usrsctp_getsockopt(r->sctp.socket, IPPROTO_SCTP, SCTP_STATUS, &status, &n) != 0)
        return BULK_MIN;
    r->sctp.rtt_ms = MIN(r->sctp.rtt_ms, status.sstat_primary.spinfo_srtt);
    uint64_t window = 2 * (uint64_t)status.sstat_primary.spinfo_cwnd;
    uint64_t most = BULK_NEAR + (uint64_t)r->sctp.rtt_ms * BULK_PER_MS;
    return MAX(BULK_MIN, MIN(window, MIN(most, RTC_SCTP_BUFFER * 3 / 4)));
}

static void on_association(struct rtc *r, const struct sctp_assoc_change *change)
{
    char detail[64];
    g_snprintf(
        detail, sizeof detail, "the association ended in state %u, error %u", change->sac_state, change->sac_error);
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        r->sctp.up = true;
        r->sctp.streams = MIN(change->sac_outbound_streams, change->sac_inbound_streams);
        rtc_channels_push(r);
        break;
    case SCTP_CANT_STR_ASSOC:
        rtc_fail(r, "sctp", detail);
        break;
    case SCTP_COMM_LOST:
    case SCTP_SHUTDOWN_COMP:
        rtc_fail(r, "closed", detail);
        break;
    default: /* SCTP_RESTART: RFC 8831 has no restarts, but nothing is lost by going on */
        break;
    }
}

static void on_reset(struct rtc *r, const struct sctp_stream_reset_event *event)
{
    size_t n = (event->strreset_length - sizeof *event) / sizeof(uint16_t);
    bool incoming = event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN;
    if (n == 0)
        for (size_t i = 0; i < RTC_CHANNEL_SLOTS; i++)
            rtc_channel_reset(r, r->channels[i].id, incoming);
    for (size_t i = 0; i < n; i++)
        rtc_channel_reset(r, event->strreset_stream_list[i], incoming);
}

static void on_notification(struct rtc *r, const struct rtc_packet *p)
{
    const union sctp_notification *u = p->bytes;
    if (p->n < sizeof u->sn_header || u->sn_header.sn_length > p->n)
        return;
    if (u->sn_header.sn_type == SCTP_ASSOC_CHANGE && p->n >= sizeof u->sn_assoc_change)
        on_association(r, &u->sn_assoc_change);
    else if (u->sn_header.sn_type == SCTP_STREAM_RESET_EVENT && p->n >= sizeof u->sn_strreset_event)
        on_reset(r, &u->sn_strreset_event);
}

/* Messages come whole, but for those over half the buffer, which no conforming remote sends (a=max-message-size). */
static void on_data(struct rtc *r, const struct rtc_packet *p)
{
    struct buf *partial = &r->sctp.partial;
    struct span whole = {p->bytes, p->n};
    if (!p->end || partial->len) {
        buf_span(partial, whole);
        whole = buf_view(partial);
    }
    if (partial->failed || whole.n > PEER_MESSAGE_MAX) {
        rtc_fail(r, "sctp", "the remote sent a message larger than we said we take");
    } else if (p->end) {
        rtc_channel_message(r, p->stream, p->ppid, whole);
        buf_reset(partial);
    }
}

static void check_writable(struct rtc *r)
{
    if (r->sctp.buffered < r->sctp.awaited_room) {
        r->sctp.awaited_room = 0;
        rtc_event_room(r);
    }
    if (!r->sctp.want_writable || r->sctp.buffered >= RTC_LOW_WATER)
        return;
    r->sctp.want_writable = false;
    rtc_channels_push(r);
    rtc_event_writable(r);
}

bool rtc_sctp_next(struct rtc *r)
{
    struct rtc_packet *p = r->sctp.inbox;
    check_writable(r);
    if (!p)
        return false;
    DL_DELETE(r->sctp.inbox, p);
    if (rtc_is_over(r))
        ;
    else if (p->notification)
        on_notification(r, p);
    else
        on_data(r, p);
    free(p->bytes);
    g_free(p);
    return true;
}

void rtc_sctp_close(struct rtc *r)
{
    if (!r->sctp.id)
        return;
    if (r->sctp.socket)
        usrsctp_close(r->sctp.socket);
    r->sctp.socket = NULL;
    r->sctp.up = false;
    usrsctp_deregister_address((void *)r->sctp.id);
    g_hash_table_remove(stack.connections, (void *)r->sctp.id);
    struct rtc_packet *p, *next;
    DL_FOREACH_SAFE (r->sctp.inbox, p, next) {
        free(p->bytes);
        g_free(p);
    }
    r->sctp.inbox = NULL;
    r->sctp.id = 0;
}

void rtc_sctp_done(struct rtc *r)
{
    buf_done(&r->sctp.partial); /* not in close: a callback that frees its rtc still holds the message */
}
