/* SPDX-License-Identifier: MIT
 *
 * A small world for the peer core: up to NODES_MAX cores, a daemon that knows one room, and connections that are two
 * queues. Nothing passes by itself: `run` carries events until none is left, `pass` moves the clock from deadline to
 * deadline. The crypto is a toy (anybody could forge it) and deterministic.
 */
#ifndef TESTS_PEER_WORLD_H
#define TESTS_PEER_WORLD_H

#include "tests/unit/peer/daemon.h"
#include "tests/unit/peer/files.h"

/* ---- connections ---- */

static inline void part(struct world *w, int a, int b, bool parted)
{
    w->wall[a][b] = w->wall[b][a] = parted;
}

static inline bool is_cut(const struct world *w, int a, int b)
{
    return w->cut || w->wall[a][b];
}

static inline struct wrtc *rtc_at(struct node *n, uint64_t id)
{
    for (size_t i = 0; i < n->rtc_n; i++)
        if (n->rtcs[i].id == id && n->rtcs[i].live)
            return &n->rtcs[i];
    return NULL;
}

static inline void rtc_new(struct node *n, uint64_t id)
{
    size_t i = 0;
    while (i < n->rtc_n && n->rtcs[i].live)
        i++;
    assert_true(i < RTCS_MAX);
    n->rtc_n += i == n->rtc_n;
    n->rtcs[i] = (struct wrtc){.id = id, .live = true, .with = -1};
}

static inline struct wrtc *other_end(struct world *w, int node, uint64_t id)
{
    struct wrtc *r = rtc_at(&w->nodes[node], id);
    return r && r->with >= 0 ? rtc_at(&w->nodes[r->with], r->with_rtc) : NULL;
}

static inline void describe(struct world *w, int node, uint64_t rtc, const char *type)
{
    char ufrag[64];
    snprintf(ufrag, sizeof ufrag, "node%drtc%llu", node, (unsigned long long)rtc);
    struct event *e = later(w, node, PEER_DESCRIPTION, rtc, SPAN(""));
    e->sdp = make_sdp(ufrag, w->nodes[node].fingerprint, strcmp(type, "offer") == 0 ? "actpass" : "active");
    strcpy(e->type, type);
    e->ev.description.type = span_of(e->type);
    e->ev.description.sdp = span_of(e->sdp);
    later(w, node, PEER_CANDIDATE, rtc, SPAN("candidate:1 1 UDP 2122252543 127.0.0.1 5000 typ host"));
    later(w, node, PEER_CANDIDATE, rtc, SPAN(""));
}

static inline void connected(struct world *w, int node, struct wrtc *r)
{
    struct event *e = later(w, node, PEER_ICE_STATE, r->id, SPAN(""));
    e->ev.ice.connected = true;
    if (!r->connected) {
        e = later(w, node, PEER_CHANNEL_OPEN, r->id, SPAN("usher"));
        e->ev.opened.channel = 1;
    }
    r->connected = true;
}

static inline void rtc_remote(struct world *w, int node, const struct peer_effect *fx)
{
    struct wrtc *r = rtc_at(&w->nodes[node], fx->rtc);
    unsigned long long id;
    int with;
    const char *ufrag = strstr(fx->description.sdp.p, "a=ice-ufrag:node"), *type = fx->description.type;
    assert_non_null(r);
    if (!ufrag || sscanf(ufrag, "a=ice-ufrag:node%drtc%llu", &with, &id) != 2) {
        if (strcmp(type, "offer") == 0)
            describe(w, node, r->id, "answer");
        return;
    }
    r->with = with;
    r->with_rtc = id;
    if (strcmp(type, "offer") == 0) {
        describe(w, node, r->id, "answer");
        return;
    }
    struct wrtc *o = other_end(w, node, r->id);
    if (o && o->with == node && o->with_rtc == r->id && !is_cut(w, node, with)) {
        connected(w, node, r);
        connected(w, with, o);
    }
}

static inline void rtc_send(struct world *w, int node, const struct peer_effect *fx)
{
    struct node *n = &w->nodes[node];
    n->last_send_rtc = fx->rtc;
    n->sends++;
    struct wrtc *r = rtc_at(n, fx->rtc), *o = other_end(w, node, fx->rtc);
    assert_non_null(r);
    struct span bytes = peer_text_view(fx->message.bytes);
    if (w->watch && memmem(bytes.p, bytes.n, w->watch, strlen(w->watch)))
        w->watched[node]++;
    if (!o || !r->connected || is_cut(w, node, r->with))
        return;
    struct event *e = later(w, r->with, PEER_DATA, o->id, bytes);
    e->ev.data.channel = fx->message.channel;
    e->ev.data.binary = fx->message.binary;
    w->data_n++;
}

/* Both ends have it at once, under the same number. */
static inline void files_channel_open(struct world *w, int node, const struct peer_effect *fx)
{
    struct wrtc *r = rtc_at(&w->nodes[node], fx->rtc), *o = other_end(w, node, fx->rtc);
    if (!o || !r->connected || is_cut(w, node, r->with))
        return;
    later(w, node, PEER_CHANNEL_OPEN, r->id, span_of(fx->label))->ev.opened.channel = 3;
    later(w, r->with, PEER_CHANNEL_OPEN, o->id, span_of(fx->label))->ev.opened.channel = 3;
}

/* In frames, as io would; the last of them is followed by the answer. */
static inline void files_give(struct world *w, int node, const struct peer_effect *fx)
{
    struct wrtc *r = rtc_at(&w->nodes[node], fx->rtc), *o = other_end(w, node, fx->rtc);
    struct toy_file *f = files_at(&w->nodes[node], fx->give.file);
    assert_non_null(r);
    assert_non_null(f);
    bool ok = !f->problem;
    for (uint32_t done = 0; ok && !f->silent && done < fx->give.n && o && !is_cut(w, node, r->with);) {
        uint32_t n = fx->give.n - done < FILE_CHUNK_BYTES ? fx->give.n - done : FILE_CHUNK_BYTES;
        uint8_t *at = f->bytes + (uint64_t)fx->give.block * FILE_BLOCK_BYTES + fx->give.offset + done;
        struct buf frame;
        buf_init(&frame, PEER_MESSAGE_MAX);
        assert_true(file_frame_write(&frame, &(struct file_frame){FILE_FRAME_CHUNK, span_of(fx->give.id),
                                                 fx->give.block, fx->give.offset + done, 0, {(char *)at, n}}));
        frame.p[frame.len - 1] = (char)(frame.p[frame.len - 1] + f->lies);
        struct event *e = later(w, r->with, PEER_DATA, o->id, buf_view(&frame));
        e->ev.data.channel = fx->give.channel;
        e->ev.data.binary = true;
        buf_done(&frame);
        done += n;
    }
    struct event *e = later(w, node, PEER_FILE_GIVEN, fx->rtc, SPAN(""));
    e->ev.given.ticket = fx->give.ticket;
    e->ev.given.ok = ok;
}

static inline void files_effect(struct world *w, int node, const struct peer_effect *fx)
{
    if (fx->type == PEER_FX_FILE_GIVE)
        files_give(w, node, fx);
    else
        files_disk_effect(w, node, fx);
}

static inline void rtc_free(struct world *w, int node, uint64_t id)
{
    struct wrtc *r = rtc_at(&w->nodes[node], id), *o = other_end(w, node, id);
    assert_non_null(r);
    if (o && o->connected && !is_cut(w, node, r->with) && !w->drop_closes)
        later(w, r->with, PEER_RTC_FAILED, o->id, SPAN("closed"));
    r->live = false;
}

/* ---- stepping ---- */

static inline void execute(struct world *w, int node, struct peer_effect *fx)
{
    struct node *n = &w->nodes[node];
    switch (fx->type) {
    case PEER_FX_CONNECT:
        n->server = fx->server;
        n->connects++;
        daemon_connect(w, node);
        break;
    case PEER_FX_PROBE:
        daemon_probe(w, node, fx->probe.server);
        break;
    case PEER_FX_DISCONNECT:
        if (n->in_room && !n->away)
            daemon_left(w, node, "left");
        n->open = false;
        break;
    case PEER_FX_SIGNAL:
        daemon_frame(w, node, peer_text_view(fx->frame));
        break;
    case PEER_FX_RTC_NEW:
        rtc_new(n, fx->rtc);
        break;
    case PEER_FX_RTC_OFFER:
        n->restarts += fx->restart;
        describe(w, node, fx->rtc, "offer");
        break;
    case PEER_FX_RTC_REMOTE:
        rtc_remote(w, node, fx);
        break;
    case PEER_FX_RTC_SEND:
        rtc_send(w, node, fx);
        break;
    case PEER_FX_RTC_FREE:
        rtc_free(w, node, fx->rtc);
        break;
    case PEER_FX_ICE_SERVERS:
        n->ice_lists++;
        break;
    case PEER_FX_PUT:
    case PEER_FX_DELETE:
    case PEER_FX_COMMIT:
        memory_store_effect(n->store, fx);
        break;
    case PEER_FX_LOAD:
        assert_true(n->load_n < NODE_LOADS_MAX);
        n->load_tickets[n->load_n] = fx->load.ticket;
        n->loads[n->load_n++] = memory_store_load(n->store, fx);
        break;
    case PEER_FX_DEADLINE:
        n->deadline = fx->deadline;
        break;
    case PEER_FX_NOTICE:
        assert_true(n->notice_n < NOTICES_MAX);
        n->notices[n->notice_n++] = peer_effect_take(fx).notice;
        break;
    case PEER_FX_LOG:
        n->unreadable += strcmp(fx->log->event, "row-unreadable") == 0;
        break;
    case PEER_FX_RTC_CHANNEL:
        files_channel_open(w, node, fx);
        break;
    default:
        files_effect(w, node, fx);
        break;
    }
}

static inline void feed(struct world *w, int node, struct peer_event ev)
{
    struct node *n = &w->nodes[node];
    ev.now = w->now;
    ev.unix_ms = unix_of(w, node);
    peer_step(n->p, &ev, &n->fx);
    for (size_t i = 0; i < n->fx.n; i++)
        execute(w, node, &n->fx.v[i]);
    peer_effects_clear(&n->fx);
    /* What it asserts holds from PEER_START on. */
    if (ev.type != PEER_RESTORE && w->data_n < 2000 && peer_stats(n->p)->queued < 2000)
        peer_check(n->p);
}

/* The answer of somebody's disk, if one is due: loads first, in order. */
static inline bool answer_storage(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        struct node *n = &w->nodes[i];
        uint64_t ticket;
        if (n->load_n > 0) {
            struct memory_store_rows rows = n->loads[0];
            ticket = n->load_tickets[0];
            n->load_n--;
            memmove(n->loads, n->loads + 1, n->load_n * sizeof *n->loads);
            memmove(n->load_tickets, n->load_tickets + 1, n->load_n * sizeof *n->load_tickets);
            feed(w, i, (struct peer_event){.type = PEER_LOADED, .loaded = {ticket, rows.rows, rows.n}});
            memory_store_rows_free(&rows);
            return true;
        }
        if (!n->slow_disk && memory_store_waiting(n->store) > 0 && memory_store_sync(n->store, &ticket)) {
            feed(w, i, (struct peer_event){.type = PEER_COMMITTED, .committed = ticket});
            return true;
        }
    }
    return false;
}

static inline void run(struct world *w)
{
    do {
        struct event *e;
        while ((e = w->queue)) {
            DL_DELETE(w->queue, e);
            if (w->sees)
                w->sees(w, e);
            feed(w, e->node, e->ev);
            event_free(e);
        }
    } while (answer_storage(w));
}

static inline void release_signals(struct world *w)
{
    w->hold_signals = false;
    DL_CONCAT(w->queue, w->delayed);
    w->delayed = NULL;
    run(w);
}

/* Lets ms milliseconds pass; everything due happens at its time. */
static inline void pass(struct world *w, uint64_t ms)
{
    uint64_t until = w->now + ms;
    run(w);
    for (;;) {
        int first = -1;
        for (int i = 0; i < w->n; i++)
            if (!w->nodes[i].still && w->nodes[i].deadline <= until &&
                (first < 0 || w->nodes[i].deadline < w->nodes[first].deadline))
                first = i;
        if (first < 0)
            break;
        if (w->nodes[first].deadline > w->now)
            w->now = w->nodes[first].deadline;
        /* A timer fires once; one that is set to the same moment again would fire for ever. */
        w->nodes[first].deadline = UINT64_MAX;
        feed(w, first, (struct peer_event){.type = PEER_TIME});
        assert_true(w->nodes[first].deadline > w->now);
        run(w);
    }
    w->now = until;
}

struct restoring {
    struct world *w;
    int node;
};

static inline void restore_row(void *user, enum peer_table table, const struct peer_row *row)
{
    struct restoring *r = user;
    feed(r->w, r->node, (struct peer_event){.type = PEER_RESTORE, .restore = {table, *row}});
}

static inline void start(struct world *w, int node)
{
    memory_store_each(w->nodes[node].store, false, restore_row, &(struct restoring){w, node});
    feed(w, node, (struct peer_event){.type = PEER_START});
    run(w);
}

static inline struct world *world_up(int n)
{
    struct world *w = world_make(n);
    for (int i = 0; i < n; i++)
        start(w, i);
    return w;
}

/* Only neighbours can be linked. */
static inline void world_line(struct world *w, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = i + 2; j < n; j++)
            part(w, i, j, true);
}

/* Up for so long; in 10 s everybody hears who is linked with whom. */
static inline struct world *world_in_line(int n, uint64_t ms)
{
    struct world *w = world_make(n);
    world_line(w, n);
    for (int i = 0; i < n; i++)
        start(w, i);
    pass(w, ms);
    return w;
}

struct row_search {
    const char *text;
    size_t found;
};

static inline void look_into(void *user, enum peer_table table, const struct peer_row *row)
{
    struct row_search *s = user;
    (void)table;
    s->found += memmem(row->value.p, row->value.n, s->text, strlen(s->text)) != NULL;
}

/* How many rows on its disk have this text in them, synced or not. */
static inline size_t rows_with(const struct node *n, const char *text)
{
    struct row_search s = {text, 0};
    memory_store_each(n->store, true, look_into, &s);
    return s.found;
}

/* ---- what applications do and see ---- */

static inline void send_ref(
    struct world *w, int node, const struct span *to, size_t n, const char *text, const char *ref)
{
    feed(w, node,
        (struct peer_event){
            .type = PEER_SEND, .send = {.to = to, .to_count = n, .text = span_of(text), .ref = span_of(ref)}});
}

static inline void send_direct(struct world *w, int from, int to, const char *text)
{
    struct span id = span_of(peer_id(w->nodes[to].p));
    send_ref(w, from, &id, 1, text, "");
}

static inline size_t count(const struct node *n, enum peer_notice_type type)
{
    size_t k = 0;
    for (size_t i = 0; i < n->notice_n; i++)
        k += n->notices[i]->type == type;
    return k;
}

/* The k-th notice of that type, or NULL. */
static inline const struct peer_notice *notice(const struct node *n, enum peer_notice_type type, size_t k)
{
    for (size_t i = 0; i < n->notice_n; i++)
        if (n->notices[i]->type == type && k-- == 0)
            return n->notices[i];
    return NULL;
}

static inline bool told(const struct node *n, enum peer_notice_type type, const char *text)
{
    for (size_t i = 0; i < n->notice_n; i++)
        if (n->notices[i]->type == type && n->notices[i]->text && strstr(n->notices[i]->text, text))
            return true;
    return false;
}

static inline size_t live_rtcs(const struct node *n)
{
    size_t k = 0;
    for (size_t i = 0; i < n->rtc_n; i++)
        k += n->rtcs[i].live;
    return k;
}

static inline uint64_t live_rtc(const struct node *n)
{
    for (size_t i = 0; i < n->rtc_n; i++)
        if (n->rtcs[i].live)
            return n->rtcs[i].id;
    return 0;
}

/* How many relayed frames of this type there were from a seat beginning so. */
static inline size_t signals(const struct world *w, const char *from, const char *type)
{
    size_t k = 0;
    for (size_t i = 0; i < w->signal_n; i++)
        k += strncmp(w->signals[i].from, from, strlen(from)) == 0 &&
             strcmp(json_string_value(json_object_get(w->signals[i].body, "type")), type) == 0;
    return k;
}

static inline const struct signal *last_signal(const struct world *w, const char *type)
{
    for (size_t i = w->signal_n; i-- > 0;)
        if (strcmp(json_string_value(json_object_get(w->signals[i].body, "type")), type) == 0)
            return &w->signals[i];
    return NULL;
}

#endif
