/* SPDX-License-Identifier: MIT
 *
 * An end is one RTCPeerConnection. Ends find each other by ufrag. A tick every TICK_MS per end moves it on: look for
 * the pair, compare fingerprints, notice loss, give up. Ends stay allocated until the net goes, so that a late event
 * finds them dead instead of gone; a loop event for a dead end is dropped, as peer/io does.
 */
#include "tests/sim/rtcend.h"

#include <stdlib.h>

#include <utlist.h>

enum {
    TICK_MS = 100,
    UP_TICK_MS = 500,
    LOST_MS = 5000, /* RFC 7675 section 5.1 allows 30 s; libnice's checks see it sooner */
    CONNECT_MS = 30000,
    END_MS = 45000, /* lost for so long: it is over */
    CANDIDATES = 2,
    OTHER_CHANNEL = 2
};

/* ---- the loop of a party ---- */

static void loop_event_free(struct loop_event *l)
{
    buf_done(&l->text);
    free(l);
}

static void tell(void *who, uint64_t arg)
{
    struct loop_event *l = who;
    struct end *e = l->end;
    struct rtc_party *p = e->party;
    struct span text = buf_view(&l->text);
    (void)arg;
    DL_DELETE(p->net->waiting, l);
    if (e->live && p->up)
        switch (l->kind) {
        case LOOP_DESCRIPTION:
            p->face->description(p->who, e->number, span_of(l->reason), text);
            break;
        case LOOP_CANDIDATE:
            p->face->candidate(p->who, e->number, text);
            break;
        case LOOP_CHANNEL:
            e->open = true;
            p->face->channel_open(p->who, e->number, 0, SPAN("usher"));
            break;
        case LOOP_OTHER_CHANNEL:
            p->face->channel_open(p->who, e->number, OTHER_CHANNEL, text);
            break;
        case LOOP_CONGESTED:
            e->congested = true;
            p->face->congested(p->who, e->number);
            break;
        case LOOP_WRITABLE:
            e->congested = false;
            p->face->writable(p->who, e->number);
            break;
        case LOOP_ICE:
            p->face->ice(p->who, e->number, l->flag);
            break;
        case LOOP_FAILED:
            e->live = false;
            p->face->failed(p->who, e->number, l->reason);
        }
    loop_event_free(l);
}

struct buf *end_post(struct end *e, enum loop_kind kind, uint32_t delay, bool flag, const char *reason)
{
    struct loop_event *l = world_alloc(sizeof *l);
    *l = (struct loop_event){.kind = kind, .flag = flag, .reason = reason, .end = e};
    buf_init(&l->text, SDP_MAX);
    DL_APPEND(e->party->net->waiting, l);
    world_at(e->party->net->w, world_now(e->party->net->w) + delay, tell, l, 0);
    return &l->text;
}

static void fail(struct end *e, const char *reason)
{
    if (e->ice == ICE_OVER)
        return;
    e->ice = ICE_OVER;
    end_post(e, LOOP_FAILED, 0, false, reason);
}

/* ---- parties and ends ---- */

struct rtc_net *rtc_net_new(struct world *w)
{
    struct rtc_net *net = world_alloc(sizeof *net);
    net->w = w;
    return net;
}

void rtc_net_free(struct rtc_net *net)
{
    struct rtc_party *p, *ptmp;
    struct end *e, *etmp;
    struct loop_event *l, *ltmp;
    if (!net)
        return;
    DL_FOREACH_SAFE (net->waiting, l, ltmp) {
        loop_event_free(l);
    }
    LL_FOREACH_SAFE(net->parties, p, ptmp)
    {
        LL_FOREACH_SAFE(p->ends, e, etmp)
        {
            end_drop_packets(e);
            free(e);
        }
        free(p);
    }
    free(net);
}

void rtc_net_congestion(struct rtc_net *net, uint32_t permille)
{
    net->congestion = permille;
}

void rtc_net_forbid(struct rtc_net *net, unsigned a, unsigned b)
{
    net->forbidden[a > b ? a : b][a > b ? b : a] = true;
}

void rtc_net_allow(struct rtc_net *net)
{
    memset(net->forbidden, 0, sizeof net->forbidden);
}

static bool is_forbidden(const struct rtc_net *net, unsigned a, unsigned b)
{
    return net->forbidden[a > b ? a : b][a > b ? b : a];
}

void rtc_net_middleman(struct rtc_net *net, const char *fingerprint)
{
    net->middleman = fingerprint;
}

struct rtc_party *rtc_party_new(struct rtc_net *net, unsigned host, const struct rtc_face *face, void *who)
{
    struct rtc_party *p = world_alloc(sizeof *p);
    *p = (struct rtc_party){
        .net = net, .host = host, .message_max = PEER_MESSAGE_MAX, .face = face, .who = who, .up = true};
    size_t n = (size_t)snprintf(p->fingerprint, sizeof p->fingerprint, "sha-256 ");
    for (int i = 0; i < 32; i++)
        n += (size_t)snprintf(
            p->fingerprint + n, sizeof p->fingerprint - n, "%s%02X", i ? ":" : "", world_below(net->w, 256));
    LL_PREPEND(net->parties, p);
    return p;
}

void rtc_party_takes(struct rtc_party *p, uint32_t bytes)
{
    p->message_max = bytes;
}

void rtc_party_down(struct rtc_party *p)
{
    p->up = false;
}

void rtc_party_move(struct rtc_party *p)
{
    p->address++;
}

const char *rtc_party_fingerprint(const struct rtc_party *p)
{
    return p->fingerprint;
}

struct end *end_find(const struct rtc_party *p, uint64_t number)
{
    struct end *e;
    LL_FOREACH (p->ends, e) {
        if (e->number == number)
            return e->live ? e : NULL;
    }
    return NULL;
}

static struct end *find_ufrag(const struct rtc_net *net, const char *ufrag)
{
    const struct rtc_party *p;
    struct end *e;
    LL_FOREACH (net->parties, p) {
        LL_FOREACH (p->ends, e) {
            if (p->up && e->live && e->ice != ICE_OVER && strcmp(e->ufrag, ufrag) == 0)
                return e;
        }
    }
    return NULL;
}

void rtc_make(struct rtc_party *p, uint64_t rtc)
{
    struct end *e;
    LL_FOREACH (p->ends, e) {
        world_check(p->net->w, e->number != rtc, "rtc %llu is made twice", (unsigned long long)rtc);
    }
    e = world_alloc(sizeof *e);
    *e = (struct end){.party = p, .number = rtc, .live = true};
    LL_PREPEND(p->ends, e);
}

size_t rtc_count(const struct rtc_party *p)
{
    size_t n = 0;
    const struct end *e;
    LL_FOREACH (p->ends, e) {
        n += e->live;
    }
    return n;
}

/* ---- connecting ---- */

bool end_path_exists(const struct end *e)
{
    const struct end *o = e->pair;
    return o->live && o->party->up && e->address == e->party->address && o->address == o->party->address &&
           world_reachable(e->party->net->w, e->party->host, o->party->host);
}

bool rtc_net_is_sound(const struct rtc_net *net)
{
    const struct rtc_party *p;
    const struct end *e;
    LL_FOREACH (net->parties, p) {
        LL_FOREACH (p->ends, e) {
            if (p->up && e->live && e->pair && (e->ice != ICE_UP || e->pair->pair != e || !end_path_exists(e)))
                return false;
        }
    }
    return true;
}

static void set_ice(struct end *e, enum ice ice)
{
    e->ice = ice;
    e->since = world_now(e->party->net->w);
}

static bool certificate_is_proved(const struct end *e, const struct rtc_party *there)
{
    const char *middleman = e->party->net->middleman;
    return strcmp(e->remote_fingerprint, there->fingerprint) == 0 ||
           (middleman && strcmp(e->remote_fingerprint, middleman) == 0);
}

/* Both have met: DTLS compares fingerprints, then the opener's channel opens. A restart keeps all that. */
static void meet(struct end *e, struct end *o)
{
    struct world *w = e->party->net->w;
    uint32_t rtt = 2 * world_latency(w, e->party->host, o->party->host);
    bool again = e->pair == o;
    struct end *both[] = {e, o};
    e->pair = o;
    o->pair = e;
    for (int i = 0; i < 2; i++) {
        set_ice(both[i], ICE_UP);
        both[i]->address = both[i]->party->address;
        if (!certificate_is_proved(both[i], both[1 - i]->party)) {
            fail(both[i], "fingerprint");
            fail(both[1 - i], "dtls");
        }
    }
    if (e->ice == ICE_OVER)
        return;
    for (int i = 0; i < 2; i++) {
        end_post(both[i], LOOP_ICE, again ? 0 : rtt, true, NULL);
        if (!again)
            end_post(both[i], LOOP_CHANNEL, rtt + rtt / (i ? 1 : 2), false, NULL);
    }
}

static void lose(struct end *e)
{
    set_ice(e, ICE_LOST);
    end_post(e, LOOP_ICE, 0, false, NULL);
}

static void look_for_pair(struct end *e)
{
    struct world *w = e->party->net->w;
    struct end *o = e->remote_ufrag[0] ? find_ufrag(e->party->net, e->remote_ufrag) : NULL;
    bool known = o && o != e && !is_forbidden(e->party->net, e->party->host, o->party->host) &&
                 strcmp(o->remote_ufrag, e->ufrag) == 0 && e->remote_candidates > 0 && o->remote_candidates > 0;
    if (known && !world_loses(w, e->party->host, o->party->host))
        meet(e, o);
    else if (e->pair && world_now(w) - e->since > CONNECT_MS)
        lose(e); /* a first attempt just goes on: libnice says nothing, and whoever waits has a limit of his own */
}

static void tick(void *who, uint64_t arg)
{
    struct end *e = who;
    struct world *w = e->party->net->w;
    (void)arg;
    if (!e->live || !e->party->up || e->ice == ICE_OVER)
        return;
    if (e->ice == ICE_CHECKING) {
        look_for_pair(e);
    } else if (end_path_exists(e)) {
        if (e->ice == ICE_LOST) {
            set_ice(e, ICE_UP);
            end_post(e, LOOP_ICE, 0, true, NULL);
        }
        e->since = world_now(w);
    } else if (e->ice == ICE_UP && world_now(w) - e->since > LOST_MS) {
        lose(e);
    } else if (e->ice == ICE_LOST && world_now(w) - e->since > END_MS) {
        fail(e, "sctp");
    }
    world_at(w, world_now(w) + (e->ice == ICE_UP ? UP_TICK_MS : TICK_MS), tick, e, 0);
}

static void check_begins(struct end *e)
{
    if (e->ice == ICE_OVER)
        return;
    set_ice(e, ICE_CHECKING);
    if (!e->ticking)
        world_at(e->party->net->w, world_now(e->party->net->w) + world_below(e->party->net->w, TICK_MS), tick, e, 0);
    e->ticking = true;
}

/* ---- descriptions ---- */

static void describe(struct end *e, const char *type)
{
    struct rtc_party *p = e->party;
    struct world *w = p->net->w;
    struct sdp s = {.ufrag = span_of(e->ufrag),
        .pwd = SPAN("simulatedpasswordof24chr"),
        .sctp_port = SDP_SCTP_PORT,
        .setup = type[0] == 'o' ? SDP_ACTPASS : SDP_ACTIVE,
        .max_message_size = p->message_max,
        .media_count = 1,
        .bundle = true};
    memcpy(s.fingerprint, p->fingerprint, sizeof s.fingerprint);
    s.media[0] = (struct sdp_media){SPAN("application"), SPAN("UDP/DTLS/SCTP"), SPAN("0")};
    uint32_t wait = 1 + world_below(w, 4);
    world_check(w, sdp_build(&s, end_post(e, LOOP_DESCRIPTION, wait, false, type)), "a description is too long");
    for (unsigned i = 0; i < CANDIDATES; i++) {
        wait += world_below(w, 20);
        buf_printf(end_post(e, LOOP_CANDIDATE, wait, false, NULL),
            "candidate:%u 1 UDP 2130706431 10.0.%u.%u 4%04u typ host", i + 1, p->host / 250, p->host % 250 + 1,
            p->address + i);
    }
    end_post(e, LOOP_CANDIDATE, wait + 1, false, NULL);
}

static void new_credentials(struct end *e)
{
    snprintf(e->ufrag, sizeof e->ufrag, "u%uh%ur%llun%u", world_below(e->party->net->w, 1000000), e->party->host,
        (unsigned long long)e->number, e->restarts++);
}

void rtc_offer(struct rtc_party *p, uint64_t rtc, bool restart)
{
    struct end *e = end_find(p, rtc);
    if (!e)
        return;
    world_check(p->net->w, restart ? e->remote_ufrag[0] != '\0' : e->negotiation == IDLE,
        "rtc %llu: an offer %s restart in state %d", (unsigned long long)rtc, restart ? "with" : "without",
        e->negotiation);
    e->negotiation = OFFERED;
    new_credentials(e);
    describe(e, "offer");
}

/* May this description follow what was agreed before? An offer may cross our own only when it is a restart's. */
static bool usable(const struct end *e, bool offer, const struct sdp *s)
{
    bool known = e->remote_ufrag[0] != '\0';
    if (s->ufrag.n >= RTC_TEXT || (known && strcmp(s->fingerprint, e->remote_fingerprint) != 0))
        return false;
    return offer ? e->negotiation != OFFERED || known : e->negotiation == OFFERED;
}

static void take_remote(struct end *e, const struct sdp *s)
{
    snprintf(e->remote_ufrag, sizeof e->remote_ufrag, "%.*s", (int)s->ufrag.n, s->ufrag.p);
    memcpy(e->remote_fingerprint, s->fingerprint, sizeof e->remote_fingerprint);
    e->remote_candidates = (unsigned)s->candidate_count;
}

void rtc_remote(struct rtc_party *p, uint64_t rtc, struct span type, struct span sdp)
{
    struct end *e = end_find(p, rtc);
    struct sdp s;
    struct err err;
    bool offer = span_is(type, "offer");
    if (!e || e->ice == ICE_OVER)
        return;
    if (!sdp_parse(sdp, &s, &err) || !usable(e, offer, &s)) {
        world_trace(p->net->w, "host %u rtc %llu: cannot use this %s", p->host, (unsigned long long)rtc,
            offer ? "offer" : "answer");
        fail(e, "sdp");
        return;
    }
    bool crossed = e->negotiation == OFFERED, changed = !span_is(s.ufrag, e->remote_ufrag);
    e->negotiation = STABLE;
    if (changed)
        take_remote(e, &s);
    if (offer) {
        if (changed && !crossed)
            new_credentials(e);
        describe(e, "answer");
    }
    if (changed)
        check_begins(e);
}

void rtc_candidate(struct rtc_party *p, uint64_t rtc, struct span candidate)
{
    struct end *e = end_find(p, rtc);
    if (e && candidate.n > 0)
        e->remote_candidates++;
}

void rtc_free(struct rtc_party *p, uint64_t rtc)
{
    struct end *e = end_find(p, rtc);
    if (!e)
        return;
    e->live = false;
    end_drop_packets(e);
    struct end *o = e->pair;
    if (o && o->live && o->ice != ICE_OVER && o->pair == e && world_reachable(p->net->w, p->host, o->party->host)) {
        o->ice = ICE_OVER;
        end_post(o, LOOP_FAILED, world_latency(p->net->w, p->host, o->party->host), false, "closed");
    }
}
