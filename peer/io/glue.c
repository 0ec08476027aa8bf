/* SPDX-License-Identifier: MIT
 *
 * One event, one step, its effects in order. What effects give rise to at once (links.h), and what the tables answer
 * (keeper.h), waits until the step's effects are done and is stepped then, so the core is never entered twice. Notices
 * wait for a source of their own (notices.h).
 */
#include "peer/io/glue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/os_rng.h"
#include "peer/io/addresses.h"
#include "peer/io/clock.h"
#include "peer/io/ice_servers.h"
#include "peer/io/keeper.h"
#include "peer/io/links.h"
#include "peer/io/notices.h"
#include "peer/io/probes.h"
#include "peer/io/signaling.h"
#include "peer/io/transfers.h"

struct glue {
    struct peer *peer;
    struct rtc_factory *factory;
    struct ice_servers *ice_servers;
    struct signaling *signaling;
    struct probes *probes; /* NULL: there is one server only */
    struct addresses *addresses;
    struct url *urls;
    struct glue_options options; /* its pointers to what was copied are not used again */
    struct links *links;
    struct transfers *transfers;
    struct peer_effects effects;
    struct keeper *keeper;
    struct notices *notices;
    struct clock_alarm *deadline;
    bool stepping, run_out; /* run_out: its last step was void */
};

/* ---- signaling ---- */

static void on_signaling_open(void *user)
{
    struct glue *g = user;
    struct sockaddr_storage own;
    if (signaling_own_address(g->signaling, &own))
        rtc_factory_near(g->factory, &own);
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_OPEN});
}

static void on_signaling_frame(void *user, struct span text)
{
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_FRAME, .frame = text});
}

static void on_signaling_closed(void *user, uint16_t code, const char *why)
{
    glue_event(user, &(struct peer_event){.type = PEER_SIGNALING_CLOSED, .closed = {code, span_of(why)}});
}

static void on_probed(void *user, unsigned server, uint64_t ms, struct span cluster)
{
    glue_event(user, &(struct peer_event){.type = PEER_PROBED, .probed = {server, ms, cluster}});
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
    links_addresses_changed(g->links);
    glue_event(g, &(struct peer_event){.type = PEER_NETWORK, .cut = signaling_is_cut(g->signaling)});
}

/* ---- stepping ---- */

static void on_deadline(void *user)
{
    glue_event(user, &(struct peer_event){.type = PEER_TIME});
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
    case PEER_FX_PROBE:
        probes_ask(g->probes, effect->probe.server, effect->probe.samples);
        return;
    case PEER_FX_SIGNAL:
        signaling_send(g->signaling, peer_text_view(effect->frame));
        return;
    case PEER_FX_ICE_SERVERS:
        ice_servers_set(g->ice_servers, peer_text_view(effect->ice_servers));
        return;
    case PEER_FX_DEADLINE:
        clock_alarm_set(g->deadline, effect->deadline);
        return;
    case PEER_FX_REMEMBER:
        g->options.on_remember(g->options.user, effect->remember.name, effect->remember.id);
        return;
    case PEER_FX_PUT:
    case PEER_FX_DELETE:
    case PEER_FX_COMMIT:
    case PEER_FX_LOAD:
        keeper_effect(g->keeper, effect);
        return;
    case PEER_FX_FILE_OPEN:
    case PEER_FX_FILE_GIVE:
    case PEER_FX_FILE_READ:
    case PEER_FX_FILE_CLOSE:
    case PEER_FX_PART_OPEN:
    case PEER_FX_PART_HASHES:
    case PEER_FX_PART_WRITE:
    case PEER_FX_PART_VERIFIED:
    case PEER_FX_PART_FINISH:
        transfers_effect(g->transfers, effect);
        return;
    case PEER_FX_NOTICE:
        notices_add(g->notices, peer_effect_take(effect).notice);
        return;
    case PEER_FX_LOG:
        g->options.on_log(g->options.user, effect->log);
        return;
    default:
        links_effect(g->links, effect);
        return;
    }
}

/* What was begun goes no further; io ends with the application, which is told to. */
static void run_out(struct glue *g)
{
    g->run_out = true;
    if (g->stepping) /* not while rows are restored: nothing has begun */
        signaling_disconnect(g->signaling);
    clock_alarm_set(g->deadline, UINT64_MAX);
    notices_add(g->notices, g->effects.out_of_memory);
    g->effects.out_of_memory = NULL;
}

static void step(struct glue *g, struct peer_event *event)
{
    event->now = clock_now();
    event->unix_ms = (uint64_t)g_get_real_time() / 1000;
    peer_step(g->peer, event, &g->effects);
    if (g->effects.out_of_memory)
        run_out(g);
    for (size_t i = 0; i < g->effects.n; i++)
        execute(g, &g->effects.v[i]);
    peer_effects_clear(&g->effects);
}

/* What the last steps gave rise to, and what that does. */
static void settle(struct glue *g)
{
    struct peer_event event;
    while (links_next(g->links, &event) || transfers_next(g->transfers, &event) || keeper_next(g->keeper, &event))
        step(g, &event);
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

static void on_link_event(void *user, struct peer_event *event)
{
    glue_event(user, event);
}

static void on_file_notice(void *user, const char *sentence)
{
    struct glue *g = user;
    struct log_record record;
    log_record_init(&record, LOG_LEVEL_WARNING, "file", "a file is not sent or kept just as it is");
    log_record_add(&record, "reason", span_of(sentence));
    g->options.on_log(g->options.user, &record);
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
    return store_restore(g->options.store, restore_row, g, err) && (!g->run_out || err_set(err, "out of memory"));
}

bool glue_is_behind(const struct glue *g)
{
    return notices_waiting(g->notices) >= GLUE_NOTICES_MAX || keeper_is_behind(g->keeper);
}

const struct peer *glue_peer(const struct glue *g)
{
    return g->peer;
}

/* ---- life ---- */

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
    if (options->settings->servers > 1) {
        g->probes = probes_new(options->context, g->urls, options->settings->servers, on_probed, g);
        if (!g->probes)
            goto memory;
    }
    g->links = links_new(g->factory, options->tamper, on_link_event, g);
    static const struct transfers_callbacks TRANSFERS = {.on_event = on_link_event, .on_notice = on_file_notice};
    g->transfers = g->links ? transfers_new(options->context, g->links, &TRANSFERS, g, err) : NULL;
    if (g->links && !g->transfers)
        goto fail;
    g->keeper = keeper_new(options->context, options->store, on_store_due, g, err);
    if (!g->keeper)
        goto fail;
    g->notices = notices_new(options->context, options->on_notice, options->user);
    g->addresses = addresses_new(options->context, on_addresses_changed, g);
    if (!g->links || !g->notices || !g->addresses)
        goto memory;
    g->deadline = clock_alarm_new(options->context, on_deadline, g);
    if (g->deadline)
        return g;
    err_set(err, "no timer: %s", g_strerror(errno));
    goto fail;
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
    clock_alarm_free(g->deadline);
    addresses_free(g->addresses);
    keeper_free(g->keeper);
    transfers_free(g->transfers);
    links_free(g->links);
    notices_free(g->notices);
    signaling_free(g->signaling);
    probes_free(g->probes);
    ice_servers_free(g->ice_servers);
    rtc_factory_free(g->factory);
    peer_free(g->peer);
    peer_effects_done(&g->effects);
    g_main_context_unref(g->options.context);
    g_free(g->urls);
    free(g);
}
