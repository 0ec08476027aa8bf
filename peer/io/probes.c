/* SPDX-License-Identifier: MIT
 *
 * A few lanes probe a server each; the others wait in line. A lane has an HTTP client and a signaling client of its own,
 * made when they are first needed and kept: whoever names several servers needs them again.
 *
 * The normal path of a lane: GET /health, as often as there are samples; then the WebSocket, the welcome, good-bye. All of
 * it has LANE_MS, whatever the server does: what is not through by then failed. /health alone would not do, since a proxy
 * may answer it and know nothing of WebSockets; the connection alone would not, since a daemon answers /health at once,
 * and what else it does takes as long as it takes.
 */
#include "peer/io/probes.h"

#include <jansson.h>
#include <stdlib.h>

#include "peer/io/http_client.h"
#include "peer/io/signaling.h"
#include "protocol/signaling.h"

enum {
    LANES = 4,
    LANE_MS = 3500,   /* for one server: with 16 of them 4 rounds, less than 15 s */
    HEALTH_MAX = 4096 /* bytes of its answer: a few numbers */
};

struct lane {
    struct probes *owner;
    struct http_client *http;
    struct signaling *signaling;
    bool busy;
    unsigned server, samples; /* still to be taken */
    gint64 began;             /* this sample, in microseconds */
    uint64_t ms;              /* the shortest; 0: none yet */
    bool welcomed;
    char cluster[CLUSTER_ID_MAX + 1];
    char path[URL_PATH_MAX + 8];
    struct http_question question;
    GSource *timer; /* bounds it; or reports what failed at once */
};

struct probes {
    GMainContext *context;
    const struct url *urls;
    unsigned count;
    bool tls;
    probes_callback *on_probed;
    void *user;
    struct lane lanes[LANES];
    unsigned waiting[URLS_MAX]; /* samples that are asked for of each; 0: none */
};

static void begin_waiting(struct probes *p);

static void timer_set(struct lane *l, guint ms, GSourceFunc run)
{
    if (l->timer) {
        g_source_destroy(l->timer);
        g_source_unref(l->timer);
    }
    l->timer = run ? g_timeout_source_new(ms) : NULL;
    if (!run)
        return;
    g_source_set_callback(l->timer, run, l, NULL);
    g_source_attach(l->timer, l->owner->context);
}

/* From the loop. The clients may still be at something, which the next probe of this lane drops. */
static void lane_end(struct lane *l, bool well)
{
    struct probes *p = l->owner;
    timer_set(l, 0, NULL);
    l->busy = false;
    uint64_t ms = well ? l->ms : 0;
    p->on_probed(p->user, l->server, ms, well ? span_of(l->cluster) : SPAN(""));
    begin_waiting(p);
}

static gboolean lane_timeout(gpointer user)
{
    struct lane *l = user;
    lane_end(l, l->welcomed);
    return G_SOURCE_REMOVE;
}

/* ---- the WebSocket ---- */

static void on_frame(void *user, struct span text)
{
    struct lane *l = user;
    struct signaling_message m;
    bool first = l->busy && !l->welcomed;
    if (first && signaling_parse(text, &m) && m.type == SIGNALING_WELCOME) {
        l->welcomed = true;
        memcpy(l->cluster, m.cluster.n ? m.cluster.p : "", m.cluster.n);
        l->cluster[m.cluster.n] = '\0';
    }
    if (first) {
        signaling_done(&m);
        signaling_disconnect(l->signaling); /* on_flushed follows */
    }
}

static void on_over(void *user)
{
    struct lane *l = user;
    if (l->busy)
        lane_end(l, l->welcomed);
}

static void on_closed(void *user, uint16_t code, const char *why)
{
    (void)code;
    (void)why;
    on_over(user);
}

static void on_open(void *user)
{
    (void)user;
}

/* ---- /health ---- */

static bool is_healthy(const struct http_answer *a)
{
    if (a->end != HTTP_ANSWERED || a->status != 200 || a->body.n > HEALTH_MAX)
        return false;
    json_t *body = json_loadb(a->body.p, a->body.n, 0, NULL);
    const char *status = json_string_value(json_object_get(body, "status"));
    bool healthy = status && strcmp(status, "ok") == 0;
    json_decref(body);
    return healthy;
}

static void sample(struct lane *l)
{
    l->began = g_get_monotonic_time();
    l->samples--;
    http_client_ask(l->http, &l->owner->urls[l->server], &l->question);
}

static void on_answer(void *user, const struct http_answer *answer)
{
    struct lane *l = user;
    if (!l->busy)
        return;
    if (!is_healthy(answer)) {
        lane_end(l, false);
        return;
    }
    uint64_t ms = (uint64_t)(g_get_monotonic_time() - l->began) / 1000 + 1;
    l->ms = l->ms == 0 || ms < l->ms ? ms : l->ms;
    if (l->samples > 0)
        sample(l);
    else
        signaling_connect(l->signaling, &l->owner->urls[l->server]);
}

/* ---- lanes ---- */

static bool lane_make(struct lane *l)
{
    static const struct signaling_callbacks CALLBACKS = {
        .on_open = on_open, .on_frame = on_frame, .on_closed = on_closed, .on_flushed = on_over};
    struct probes *p = l->owner;
    struct err err;
    if (!l->http)
        l->http = http_client_new(p->context, p->tls, on_answer, l, &err);
    if (l->http && !l->signaling)
        l->signaling = signaling_new(p->context, p->tls, &CALLBACKS, l, &err);
    return l->http && l->signaling;
}

static void lane_begin(struct lane *l, unsigned server, unsigned samples)
{
    const struct url *url = &l->owner->urls[server];
    l->busy = true;
    l->server = server;
    l->samples = samples;
    l->ms = 0;
    l->welcomed = false;
    l->cluster[0] = '\0';
    if (!lane_make(l) || !url_beside(url, "health", l->path, sizeof l->path)) {
        timer_set(l, 0, lane_timeout);
        return;
    }
    timer_set(l, LANE_MS, lane_timeout);
    l->question = (struct http_question){.method = "GET", .path = l->path, .timeout_ms = LANE_MS};
    sample(l);
}

static void begin_waiting(struct probes *p)
{
    unsigned lane = 0;
    for (unsigned i = 0; i < p->count; i++) {
        while (lane < LANES && p->lanes[lane].busy)
            lane++;
        if (lane == LANES)
            return;
        if (p->waiting[i] > 0)
            lane_begin(&p->lanes[lane], i, p->waiting[i]);
        p->waiting[i] = 0;
    }
}

void probes_ask(struct probes *p, unsigned server, unsigned samples)
{
    g_assert(server < p->count && samples > 0);
    for (unsigned i = 0; i < LANES; i++)
        if (p->lanes[i].busy && p->lanes[i].server == server)
            return;
    p->waiting[server] = samples;
    begin_waiting(p);
}

struct probes *probes_new(
    GMainContext *context, const struct url *urls, unsigned count, probes_callback *on_probed, void *user)
{
    g_assert(count <= URLS_MAX);
    struct probes *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->context = g_main_context_ref(context);
    p->urls = urls;
    p->count = count;
    p->on_probed = on_probed;
    p->user = user;
    for (unsigned i = 0; i < count; i++)
        p->tls = p->tls || urls[i].tls;
    for (unsigned i = 0; i < LANES; i++)
        p->lanes[i].owner = p;
    return p;
}

void probes_free(struct probes *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < LANES; i++) {
        p->lanes[i].busy = false;
        timer_set(&p->lanes[i], 0, NULL);
        http_client_free(p->lanes[i].http);
        signaling_free(p->lanes[i].signaling);
    }
    g_main_context_unref(p->context);
    free(p);
}
