/* SPDX-License-Identifier: MIT
 *
 * Negotiation (RFC 9429, data channels only) and the life of a connection.
 *
 *     IDLE ─ rtc_offer ─► OFFERED ─ answer ─► STABLE         IDLE ─ offer ─► STABLE
 *     STABLE or a restart's OFFERED ─ rtc_offer(restart) ─► OFFERED
 *                                                            STABLE or a restart's OFFERED ─ offer ─► STABLE
 *
 * The answerer of the first exchange is the DTLS client (RFC 8842 section 5.3) unless the offer insists; later exchanges
 * repeat the roles, keep certificate and association, and may only change ICE. When two restarts cross, whoever is
 * polite calls rtc_remote with the other's offer: our new credentials then stand in the answer.
 */
#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "peer/io/rtc_internal.h"

struct rtc_factory *rtc_factory_new(GMainContext *context, const struct rtc_options *options, struct err *err)
{
    struct rtc_factory *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(err, "out of memory");
        return NULL;
    }
    f->refs = 1;
    f->context = g_main_context_ref(context ? context : g_main_context_default());
    f->loopback = options->loopback;
    f->relay_only = options->relay_only;
    f->address_count = MIN(options->address_count, (size_t)RTC_ADDRESSES_MAX);
    for (size_t i = 0; i < f->address_count; i++) {
        NiceAddress address;
        if (!nice_address_set_from_string(&address, options->addresses[i])) {
            err_set(err, "%.100s is not a numeric address", options->addresses[i]);
            goto fail;
        }
        g_strlcpy(f->addresses[i], options->addresses[i], sizeof f->addresses[i]);
    }
    if (!rtc_certificate_init(&f->certificate, err) || !rtc_dtls_factory_init(f, err))
        goto fail;
    rtc_sctp_setup();
    f->pump = rtc_pump_new(f);
    return f;
fail:
    rtc_factory_free(f);
    return NULL;
}

void rtc_factory_free(struct rtc_factory *f)
{
    if (!f || --f->refs)
        return;
    if (f->pump) {
        g_source_destroy(f->pump);
        g_source_unref(f->pump);
    }
    rtc_dtls_factory_done(f);
    rtc_certificate_done(&f->certificate);
    g_main_context_unref(f->context);
    free(f);
}

const char *rtc_factory_fingerprint(const struct rtc_factory *f)
{
    return f->certificate.fingerprint;
}

void rtc_factory_near(struct rtc_factory *f, const struct sockaddr_storage *own)
{
    f->near = *own;
}

void rtc_factory_servers(struct rtc_factory *f, const struct rtc_server *servers, size_t n)
{
    f->server_count = 0;
    for (size_t i = 0; i < n && f->server_count < RTC_SERVERS_MAX; i++)
        if (servers[i].kind != RTC_TURN_TLS) /* libnice has no TLS for it */
            f->servers[f->server_count++] = servers[i];
}

struct rtc *rtc_new(struct rtc_factory *f, const struct rtc_callbacks *callbacks, void *user)
{
    struct rtc *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->refs = 1;
    r->factory = f;
    f->refs++;
    r->callbacks = *callbacks;
    r->user = user;
    buf_init(&r->sctp.partial, PEER_MESSAGE_MAX);
    if (RAND_bytes((unsigned char *)&r->sess_id, sizeof r->sess_id) != 1 || !rtc_ice_init(r))
        goto fail;
    r->sess_id >>= 1; /* 63 bits, RFC 9429 section 5.2.1 */
    return r;
fail:
    rtc_free(r);
    return NULL;
}

void rtc_ref(struct rtc *r)
{
    r->refs++;
}

void rtc_unref(struct rtc *r)
{
    if (--r->refs)
        return;
    assert(r->freed && r->factory->outbox.to != r);
    rtc_dtls_done(r);
    rtc_sctp_done(r);
    g_free(r->remote_text);
    rtc_factory_free(r->factory);
    free(r);
}

void rtc_free(struct rtc *r)
{
    if (!r)
        return;
    assert(!r->freed);
    r->freed = true;
    rtc_events_free(r);
    rtc_sctp_close(r);
    rtc_dtls_close(r);
    rtc_outbox_flush(r->factory);
    rtc_ice_close(r);
    rtc_unwake(r);
    rtc_unref(r);
}

bool rtc_is_over(const struct rtc *r)
{
    return r->freed || r->failed;
}

void rtc_fail(struct rtc *r, const char *reason, const char *detail)
{
    if (rtc_is_over(r))
        return;
    r->failed = true;
    rtc_event_failed(r, reason, detail);
}

/* The server listens as soon as it knows whom to expect, the client calls when there is a path. */
static void start_dtls(struct rtc *r)
{
    if (!r->remote_text || r->dtls.ssl || (r->dtls.client && !r->ice.up) || rtc_is_over(r))
        return;
    if (!rtc_dtls_start(r))
        rtc_fail(r, "dtls", "out of memory");
}

void rtc_on_ice_up(struct rtc *r)
{
    r->sctp.rtt_ms = UINT32_MAX; /* what is known is of the path before */
    start_dtls(r);
}

void rtc_on_dtls_up(struct rtc *r)
{
    rtc_event_connected(r);
    if (!rtc_sctp_start(r))
        rtc_fail(r, "sctp", "the association could not be started");
}

/* Queues our description: an answer keeps the remote's sections in their places. */
static void describe(struct rtc *r, const char *type, enum sdp_setup setup)
{
    char *ufrag = NULL, *pwd = NULL;
    rtc_ice_local(r, &ufrag, &pwd);
    struct sdp s = {
        .ufrag = span_of(ufrag),
        .pwd = span_of(pwd),
        .setup = setup,
        .sctp_port = SDP_SCTP_PORT,
        .max_message_size = PEER_MESSAGE_MAX,
        .media = {{.kind = SPAN("application"), .mid = SPAN("0")}},
        .media_count = 1,
        .bundle = true,
        .sess_id = r->sess_id,
        .version = r->version++,
    };
    g_strlcpy(s.fingerprint, r->factory->certificate.fingerprint, sizeof s.fingerprint);
    if (r->remote_text) {
        memcpy(s.media, r->remote.media, sizeof s.media);
        s.media_count = r->remote.media_count;
        s.data = r->remote.data;
        s.bundle = r->remote.bundle;
    }
    struct buf text;
    buf_init(&text, SDP_MAX);
    if (sdp_build(&s, &text))
        rtc_event_description(r, type, buf_view(&text));
    else
        rtc_fail(r, "sdp", "the description would be too long");
    buf_done(&text);
    g_free(ufrag);
    g_free(pwd);
}

bool rtc_offer(struct rtc *r, const char *label, bool restart)
{
    /* A restart may be repeated: the daemon may have died with the offer of the one before. */
    if (rtc_is_over(r) || (restart ? !r->remote_text : r->negotiation != RTC_IDLE))
        return false;
    if (!restart && !rtc_channel_add(r, span_of(label)))
        return false;
    r->negotiation = RTC_OFFERED;
    if (restart)
        rtc_ice_restart(r);
    else
        rtc_ice_role(r, true);
    describe(r, "offer", SDP_ACTPASS);
    rtc_ice_gather(r);
    return true;
}

static bool same_media(const struct sdp *a, const struct sdp *b)
{
    return a->data == b->data && span_eq(a->media[a->data].mid, b->media[b->data].mid);
}

/* May this description follow what was agreed before? */
static bool check_remote(const struct rtc *r, bool offer, const struct sdp *s, struct err *err)
{
    if (!offer && r->negotiation != RTC_OFFERED)
        return err_set(err, "an answer came that nobody asked for");
    if (!offer && s->setup == SDP_ACTPASS)
        return err_set(err, "an answer must choose its DTLS role");
    if (offer && r->negotiation == RTC_OFFERED && !r->remote_text)
        return err_set(err, "an offer came while our first one is open");
    if (r->remote_text && strcmp(s->fingerprint, r->remote.fingerprint) != 0)
        return err_set(err, "another certificate needs another connection");
    if (r->remote_text && !same_media(s, &r->remote))
        return err_set(err, "the data channel's section has moved");
    return true;
}

static bool ice_changed(const struct rtc *r, const struct sdp *s)
{
    return !span_eq(s->ufrag, r->remote.ufrag) || !span_eq(s->pwd, r->remote.pwd);
}

static void on_answer(struct rtc *r)
{
    r->negotiation = RTC_STABLE;
    rtc_ice_remote(r, &r->remote);
}

static void on_offer(struct rtc *r, bool first, bool restart)
{
    bool crossed = r->negotiation == RTC_OFFERED;
    r->negotiation = RTC_STABLE;
    if (first)
        rtc_ice_role(r, false);
    else if (restart && !crossed)
        rtc_ice_restart(r);
    if (first || restart)
        rtc_ice_remote(r, &r->remote);
    describe(r, "answer", r->dtls.client ? SDP_ACTIVE : SDP_PASSIVE);
    if (first || (restart && !crossed))
        rtc_ice_gather(r);
}

bool rtc_remote(struct rtc *r, const char *type, struct span text, struct err *err)
{
    bool offer = strcmp(type, "offer") == 0;
    if (!offer && strcmp(type, "answer") != 0)
        return err_set(err, "a description must be an offer or an answer");
    if (rtc_is_over(r))
        return err_set(err, "the connection is over");
    struct sdp s;
    char *copy = g_strndup(text.p, text.n);
    if (!sdp_parse((struct span){copy, text.n}, &s, err) || !check_remote(r, offer, &s, err)) {
        g_free(copy);
        return false;
    }
    bool first = !r->remote_text, restart = !first && ice_changed(r, &s);
    g_free(r->remote_text);
    r->remote_text = copy;
    r->remote = s;
    if (first)
        r->dtls.client = offer ? s.setup != SDP_ACTIVE : s.setup == SDP_PASSIVE;
    if (offer)
        on_offer(r, first, restart);
    else
        on_answer(r);
    start_dtls(r);
    return true;
}

bool rtc_candidate(struct rtc *r, struct span candidate)
{
    return !rtc_is_over(r) && rtc_ice_candidate(r, candidate);
}

bool rtc_open_channel(struct rtc *r, const char *label)
{
    return !rtc_is_over(r) && rtc_channel_add(r, span_of(label));
}

void rtc_close_channel(struct rtc *r, uint16_t channel)
{
    struct rtc_channel *c = rtc_is_over(r) ? NULL : rtc_channel_find(r, channel);
    if (c)
        rtc_channel_close(r, c);
}

enum rtc_sent rtc_send(struct rtc *r, uint16_t channel, bool binary, struct span bytes)
{
    const struct rtc_channel *c = rtc_is_over(r) ? NULL : rtc_channel_find(r, channel);
    if (!c || c->state != CHANNEL_OPEN)
        return RTC_NOT_OPEN;
    if (bytes.n > MIN(r->remote.max_message_size, (uint32_t)PEER_MESSAGE_MAX))
        return RTC_TOO_LARGE;
    if (bytes.n == 0) /* SCTP has no empty messages: one byte under a payload id that says so, RFC 8831 section 6.6 */
        return rtc_sctp_send(r, c, binary ? DCEP_BINARY_EMPTY : DCEP_STRING_EMPTY, SPAN("\0"));
    return rtc_sctp_send(r, c, binary ? DCEP_BINARY : DCEP_STRING, bytes);
}

void rtc_addresses_changed(struct rtc *r)
{
    if (!rtc_is_over(r))
        rtc_ice_addresses_changed(r);
}

void rtc_await_room(struct rtc *r, size_t below)
{
    g_assert(below > 0);
    r->sctp.awaited_room = below;
    if (r->sctp.buffered < below)
        rtc_wake(r);
}

size_t rtc_buffered(const struct rtc *r)
{
    return r->sctp.buffered;
}

size_t rtc_bulk(struct rtc *r)
{
    return rtc_sctp_bulk(r);
}

enum rtc_path rtc_path(const struct rtc *r)
{
    return r->ice.path;
}
