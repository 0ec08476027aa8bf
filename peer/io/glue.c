/* SPDX-License-Identifier: MIT
 *
 * One event, one step, its effects in order. Effects may fail at once (a full send buffer, an SDP that cannot be used):
 * what the core must hear of that waits until the step's effects are done and is stepped then, so the core is never
 * entered twice. So it is with what the tables answer (keeper.h). Notices wait for a source of their own (notices.h).
 *
 * A message that a connection does not take (RTC_FULL) stays here, in order, with whatever the same step sends after
 * it; the core hears PEER_CONGESTED, and PEER_WRITABLE once all of it went out.
 */
#include "peer/io/glue.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/os_rng.h"
#include "peer/io/addresses.h"
#include "peer/io/ice_servers.h"
#include "peer/io/keeper.h"
#include "peer/io/notices.h"
#include "peer/io/signaling.h"

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#define CHANNEL_LABEL "usher"
enum {
    HELD_MAX = 16 * 1024 * 1024 /* bytes that one step may leave behind on a connection: 64 of the largest messages */
};

struct held {
    struct held *next;
    uint16_t channel;
    bool binary;
    size_t n;
    char *bytes; /* owned */
};

struct link {
    UT_hash_handle hh;
    uint64_t number;
    struct glue *glue;
    struct rtc *rtc;
    struct held *held; /* in order */
    size_t held_bytes;
};

struct after { /* an event that effects gave rise to */
    struct after *next, *prev;
    enum peer_event_type type;
    uint64_t rtc;
    const char *reason; /* static */
};

struct glue {
    struct peer *peer;
    struct rtc_factory *factory;
    struct ice_servers *ice_servers;
    struct signaling *signaling;
    struct addresses *addresses;
    struct url *urls;
    struct glue_options options; /* its pointers to what was copied are not used again */
    struct link *links;          /* by number */
    struct peer_effects effects;
    struct after *afters;
    struct keeper *keeper;
    struct notices *notices;
    GSource *deadline;
    bool stepping;
};

/* ---- connections ---- */

static void after(struct glue *g, enum peer_event_type type, uint64_t rtc, const char *reason)
{
    struct after *a = calloc(1, sizeof *a);
    if (!a)
        return;
    *a = (struct after){.type = type, .rtc = rtc, .reason = reason};
    DL_APPEND(g->afters, a);
}

static struct link *link_find(struct glue *g, uint64_t number)
{
    struct link *l;
    HASH_FIND(hh, g->links, &number, sizeof number, l);
    return l;
}

static void link_free(struct glue *g, struct link *l)
{
    HASH_DEL(g->links, l);
    rtc_free(l->rtc);
    struct held *h, *next;
    LL_FOREACH_SAFE(l->held, h, next)
    {
        free(h->bytes);
        free(h);
    }
    free(l);
}

static void link_event(struct link *l, struct peer_event event);

static void on_description(void *user, struct rtc *r, const char *type, const char *sdp)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_DESCRIPTION, .description = {span_of(type), span_of(sdp)}});
}

static void on_candidate(void *user, struct rtc *r, const char *candidate)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CANDIDATE, .bytes = span_of(candidate)});
}

static void on_ice_state(void *user, struct rtc *r, bool connected)
{
    static const enum peer_path PATHS[] = {
        [RTC_PATH_DIRECT] = PEER_PATH_DIRECT, [RTC_PATH_STUN] = PEER_PATH_STUN, [RTC_PATH_TURN] = PEER_PATH_TURN};
    link_event(user, (struct peer_event){.type = PEER_ICE_STATE, .ice = {connected, PATHS[rtc_path(r)]}});
}

static void on_connected(void *user, struct rtc *r)
{
    on_ice_state(user, r, true);
}

static void on_channel_open(void *user, struct rtc *r, uint16_t channel, struct span label)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CHANNEL_OPEN, .channel = channel, .bytes = label});
}

static void on_channel_closed(void *user, struct rtc *r, uint16_t channel)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_CHANNEL_CLOSED, .channel = channel});
}

static void on_message(void *user, struct rtc *r, uint16_t channel, bool binary, struct span bytes)
{
    (void)r;
    link_event(user, (struct peer_event){.type = PEER_DATA, .channel = channel, .binary = binary, .bytes = bytes});
}

static void on_failed(void *user, struct rtc *r, const char *reason, const char *detail)
{
    (void)r;
    (void)detail;
    link_event(user, (struct peer_event){.type = PEER_RTC_FAILED, .bytes = span_of(reason)});
}

/* What is not open any more is heard of through on_channel_closed or on_failed; what is too large never fits. */
static void on_writable(void *user, struct rtc *r)
{
    struct link *l = user;
    while (l->held) {
        struct held *h = l->held;
        if (rtc_send(r, h->channel, h->binary, (struct span){h->bytes, h->n}) == RTC_FULL)
            return;
        LL_DELETE(l->held, h);
        l->held_bytes -= h->n;
        free(h->bytes);
        free(h);
    }
    link_event(l, (struct peer_event){.type = PEER_WRITABLE});
}

static const struct rtc_callbacks RTC_CALLBACKS = {
    .on_description = on_description,
    .on_candidate = on_candidate,
    .on_connected = on_connected,
    .on_channel_open = on_channel_open,
    .on_channel_closed = on_channel_closed,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_ice_state = on_ice_state,
    .on_failed = on_failed,
};

static void link_new(struct glue *g, uint64_t number)
{
    struct link *l = calloc(1, sizeof *l);
    struct rtc *rtc = l ? rtc_new(g->factory, &RTC_CALLBACKS, l) : NULL;
    if (!rtc) {
        free(l);
        after(g, PEER_RTC_FAILED, number, "closed");
        return;
    }
    *l = (struct link){.number = number, .glue = g, .rtc = rtc};
    HASH_ADD(hh, g->links, number, sizeof l->number, l);
}

static void link_hold(struct glue *g, struct link *l, struct peer_effect *effect)
{
    struct held *h = effect->text_n <= HELD_MAX - l->held_bytes ? calloc(1, sizeof *h) : NULL;
    if (!h) {
        after(g, PEER_RTC_FAILED, l->number, "closed");
        return;
    }
    if (!l->held)
        after(g, PEER_CONGESTED, l->number, NULL);
    *h = (struct held){.channel = effect->channel, .binary = effect->flag, .n = effect->text_n, .bytes = effect->text};
    effect->text = NULL;
    l->held_bytes += h->n;
    LL_APPEND(l->held, h);
}

/* What somebody on the way, or the sender itself, could do to a sealed message. */
static void tamper(struct peer_effect *effect)
{
    static const char SEALED[] = "\"encrypted\":\"";
    char *sealed = strstr(effect->text, SEALED);
    if (sealed)
        sealed[sizeof SEALED] = sealed[sizeof SEALED] == 'A' ? 'B' : 'A';
}

static void link_send(struct glue *g, struct link *l, struct peer_effect *effect)
{
    if (g->options.tamper)
        tamper(effect);
    struct span bytes = {effect->text, effect->text_n};
    if (l->held || rtc_send(l->rtc, effect->channel, effect->flag, bytes) == RTC_FULL)
        link_hold(g, l, effect);
}

static void link_effect(struct glue *g, struct link *l, struct peer_effect *effect)
{
    struct err err;
    struct span text = {effect->text, effect->text_n};
    switch (effect->type) {
    case PEER_FX_RTC_OFFER:
        if (!rtc_offer(l->rtc, CHANNEL_LABEL, effect->flag))
            after(g, PEER_RTC_FAILED, l->number, "ice");
        break;
    case PEER_FX_RTC_REMOTE:
        if (!rtc_remote(l->rtc, effect->kind, text, &err))
            after(g, PEER_RTC_FAILED, l->number, "sdp");
        break;
    case PEER_FX_RTC_CANDIDATE:
        rtc_candidate(l->rtc, text);
        break;
    case PEER_FX_RTC_SEND:
        link_send(g, l, effect);
        break;
    default:
        link_free(g, l);
        break;
    }
}

/* ---- signaling ---- */

static void on_signaling_open(void *user)
{
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_OPEN});
}

static void on_signaling_frame(void *user, struct span text)
{
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_FRAME, .bytes = text});
}

static void on_signaling_closed(void *user, const char *why)
{
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_CLOSED, .bytes = span_of(why)});
}

static void on_signaling_flushed(void *user)
{
    struct glue *g = user;
    notices_hold_left(g->notices, false);
    notices_deliver(g->notices);
}

static void on_addresses_changed(void *user)
{
    struct glue *g = user;
    struct link *l, *next;
    HASH_ITER (hh, g->links, l, next)
        rtc_addresses_changed(l->rtc);
    glue_event(g, &(struct peer_event){.type = PEER_NETWORK, .cut = signaling_is_cut(g->signaling)});
}

/* ---- stepping ---- */

static gboolean on_deadline(gpointer user)
{
    glue_event(user, &(struct peer_event){.type = PEER_TIME});
    return G_SOURCE_CONTINUE; /* its ready time is the core's next deadline */
}

static void set_deadline(struct glue *g, uint64_t at)
{
    bool never = at > (uint64_t)INT64_MAX / 1000;
    g_source_set_ready_time(g->deadline, never ? -1 : (gint64)at * 1000);
}

static void execute(struct glue *g, struct peer_effect *effect)
{
    switch (effect->type) {
    case PEER_FX_CONNECT:
        notices_hold_left(g->notices, false);
        signaling_connect(g->signaling, &g->urls[effect->server]);
        return;
    case PEER_FX_DISCONNECT:
        notices_hold_left(g->notices, true);
        signaling_disconnect(g->signaling);
        return;
    case PEER_FX_SIGNAL:
        signaling_send(g->signaling, (struct span){effect->text, effect->text_n});
        return;
    case PEER_FX_ICE_SERVERS:
        ice_servers_set(g->ice_servers, (struct span){effect->text, effect->text_n});
        return;
    case PEER_FX_DEADLINE:
        set_deadline(g, effect->at);
        return;
    case PEER_FX_REMEMBER:
        g->options.on_remember(g->options.user, effect->kind, effect->text);
        return;
    case PEER_FX_PUT:
    case PEER_FX_DELETE:
    case PEER_FX_COMMIT:
    case PEER_FX_LOAD:
        keeper_effect(g->keeper, effect);
        return;
    case PEER_FX_NOTICE:
        notices_add(g->notices, effect->notice);
        effect->notice = NULL;
        return;
    case PEER_FX_LOG:
        g->options.on_log(g->options.user, effect->log);
        return;
    case PEER_FX_RTC_NEW:
        link_new(g, effect->rtc);
        return;
    default:
        break;
    }
    struct link *l = link_find(g, effect->rtc);
    if (l)
        link_effect(g, l, effect);
}

static void step(struct glue *g, struct peer_event *event)
{
    event->now = (uint64_t)g_get_monotonic_time() / 1000;
    event->unix_ms = (uint64_t)g_get_real_time() / 1000;
    peer_step(g->peer, event, &g->effects);
    for (size_t i = 0; i < g->effects.n; i++)
        execute(g, &g->effects.v[i]);
    peer_effects_clear(&g->effects);
}

/* What the last steps gave rise to, and what that does. */
static void settle(struct glue *g)
{
    struct peer_event event;
    for (;;) {
        struct after *a = g->afters;
        if (a) {
            DL_DELETE(g->afters, a);
            step(g, &(struct peer_event){.type = a->type, .rtc = a->rtc, .bytes = span_of(a->reason)});
            free(a);
        } else if (keeper_next(g->keeper, &event)) {
            step(g, &event);
        } else {
            return;
        }
    }
}

void glue_event(struct glue *g, struct peer_event *event)
{
    g_assert(!g->stepping);
    g->stepping = true;
    if (event)
        step(g, event);
    settle(g);
    g->stepping = false;
    notices_arm(g->notices);
}

static void on_store_due(void *user)
{
    glue_event(user, NULL);
}

static void restore_row(void *user, enum peer_table table, const struct peer_row *row)
{
    step(user, &(struct peer_event){.type = PEER_RESTORE, .restore = {table, *row}});
}

/* What these steps give rise to is settled with PEER_START. */
bool glue_restore(struct glue *g, struct err *err)
{
    return store_restore(g->options.store, restore_row, g, err);
}

static void link_event(struct link *l, struct peer_event event)
{
    event.rtc = l->number;
    glue_event(l->glue, &event);
}

bool glue_is_behind(const struct glue *g)
{
    return notices_waiting(g->notices) >= GLUE_NOTICES_MAX;
}

const struct peer *glue_peer(const struct glue *g)
{
    return g->peer;
}

/* ---- life ---- */

/* A ready time that has passed would fire again at once. */
static gboolean deadline_dispatch(GSource *source, GSourceFunc run, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return run(user);
}

static void deadline_new(struct glue *g)
{
    static const GSourceFuncs FUNCS = {.dispatch = deadline_dispatch};
    g->deadline = g_source_new((GSourceFuncs *)&FUNCS, sizeof(GSource));
    g_source_set_ready_time(g->deadline, -1);
    g_source_set_callback(g->deadline, on_deadline, g, NULL);
    g_source_attach(g->deadline, g->options.context);
}

struct glue *glue_new(const struct glue_options *options, struct err *err)
{
    static const struct signaling_callbacks CALLBACKS = {
        .on_open = on_signaling_open,
        .on_frame = on_signaling_frame,
        .on_closed = on_signaling_closed,
        .on_flushed = on_signaling_flushed,
    };
    struct glue *g = calloc(1, sizeof *g);
    if (!g)
        goto memory;
    g->options = *options;
    g_main_context_ref(options->context);
    g->urls = g_memdup2(options->urls, options->settings->servers * sizeof *options->urls);
    bool tls = false;
    for (unsigned i = 0; i < options->settings->servers; i++)
        tls = tls || g->urls[i].tls;
    struct rng rng = os_rng();
    g->peer = peer_new(options->settings, options->crypto, &rng);
    if (!g->peer)
        goto memory;
    g->factory = rtc_factory_new(options->context, options->rtc, err);
    if (!g->factory)
        goto fail;
    g->ice_servers = ice_servers_new(options->context, g->factory);
    if (!g->ice_servers)
        goto memory;
    g->signaling = signaling_new(options->context, tls, &CALLBACKS, g, err);
    if (!g->signaling)
        goto fail;
    g->keeper = keeper_new(options->context, options->store, on_store_due, g);
    g->notices = notices_new(options->context, options->on_notice, options->user);
    g->addresses = addresses_new(options->context, on_addresses_changed, g);
    if (!g->keeper || !g->notices || !g->addresses)
        goto memory;
    deadline_new(g);
    return g;
memory:
    err_set(err, "out of memory");
fail:
    glue_free(g);
    return NULL;
}

void glue_free(struct glue *g)
{
    if (!g)
        return;
    if (g->deadline) {
        g_source_destroy(g->deadline);
        g_source_unref(g->deadline);
    }
    addresses_free(g->addresses);
    keeper_free(g->keeper);
    struct link *l, *next_link;
    HASH_ITER (hh, g->links, l, next_link)
        link_free(g, l);
    struct after *a, *next_after;
    DL_FOREACH_SAFE (g->afters, a, next_after)
        free(a);
    notices_free(g->notices);
    signaling_free(g->signaling);
    ice_servers_free(g->ice_servers);
    rtc_factory_free(g->factory);
    peer_free(g->peer);
    peer_effects_done(&g->effects);
    g_main_context_unref(g->options.context);
    g_free(g->urls);
    free(g);
}
