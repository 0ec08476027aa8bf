/* SPDX-License-Identifier: MIT
 *
 * A small world for the peer core: up to NODES_MAX cores, a daemon that knows one room, and connections that are two
 * queues. Nothing passes by itself: `run` carries events until none is left, `pass` moves the clock from deadline to
 * deadline. The crypto is a toy (anybody could forge it) and deterministic. Strangers are seats that the test plays.
 */
#ifndef TESTS_PEER_WORLD_H
#define TESTS_PEER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <utlist.h>

#include "peer/core/peer.h"
#include "protocol/envelope.h"
#include "tests/sim/shelf.h"

enum {
    NODES_MAX = 4,
    RTCS_MAX = 64,
    NOTICES_MAX = 40000,
    SIGNALS_MAX = 4096,
    STRANGERS_MAX = 4,
    LOADS_MAX = 64,
    UNIX_START = 1700000000
};

struct wrtc {
    uint64_t id;
    bool live, connected;
    int with; /* node; -1: none */
    uint64_t with_rtc;
};

struct node {
    struct peer *p;
    struct peer_effects fx;
    struct peer_settings settings;
    struct peer_crypto crypto;
    struct rng_seeded seed;
    char fingerprint[200];
    char seat[PEER_ID_MAX + 1];
    bool open, in_room;
    uint64_t deadline;
    unsigned server, connects, boots;
    struct shelf *shelf; /* its disk: what was committed outlives a boot */
    struct shelf_rows loads[LOADS_MAX];
    uint64_t load_tickets[LOADS_MAX];
    size_t load_n;
    struct wrtc rtcs[RTCS_MAX];
    size_t rtc_n;
    struct peer_notice *notices[NOTICES_MAX];
    size_t notice_n;
    uint64_t last_send_rtc, sends;
    unsigned restarts, ice_lists;
};

struct event {
    int node;
    struct peer_event ev;
    char *bytes, *sdp; /* owned */
    char type[8];
    struct event *prev, *next;
};

/* A frame that a stranger's seat got, or anything that the daemon was asked to relay. */
struct signal {
    char from[PEER_ID_MAX + 1], to[PEER_ID_MAX + 1];
    json_t *body;
};

struct stranger {
    char seat[PEER_ID_MAX + 1];
    char *card; /* members of the roster entry, without braces */
};

struct world {
    uint64_t now;
    struct node nodes[NODES_MAX];
    int n;
    bool daemon_up, cut; /* cut: nothing passes between connections */
    bool hold_signals;   /* relayed frames wait in `held` */
    bool drop_closes;    /* the other end of a freed connection is not told */
    unsigned seats;
    struct stranger strangers[STRANGERS_MAX];
    size_t stranger_n;
    struct event *queue;
    struct event *held;
    struct signal signals[SIGNALS_MAX];
    size_t signal_n;
    uint64_t data_n;
};

/* ---- toy crypto ---- */

static inline uint64_t toy_hash(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    h ^= 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static inline void toy_sha256(void *ctx, struct span bytes, uint8_t hash[HASH_BYTES])
{
    (void)ctx;
    for (uint64_t i = 0; i < HASH_BYTES / 8; i++) {
        uint64_t h = toy_hash(i * 77, bytes.p, bytes.n);
        memcpy(hash + 8 * i, &h, 8);
    }
}

static inline void toy_sign_as(const uint8_t *key, struct span m, uint8_t signature[SIGNATURE_BYTES])
{
    uint64_t k = toy_hash(1, key, KEY_BYTES);
    for (uint64_t i = 0; i < SIGNATURE_BYTES / 8; i++) {
        uint64_t h = toy_hash(k + i, m.p, m.n);
        memcpy(signature + 8 * i, &h, 8);
    }
}

static inline void toy_sign(void *ctx, struct span m, uint8_t signature[SIGNATURE_BYTES])
{
    toy_sign_as(ctx, m, signature);
}

static inline bool toy_verify(
    void *ctx, const uint8_t key[KEY_BYTES], struct span m, const uint8_t signature[SIGNATURE_BYTES])
{
    uint8_t right[SIGNATURE_BYTES];
    (void)ctx;
    toy_sign_as(key, m, right);
    return memcmp(right, signature, sizeof right) == 0;
}

static inline bool toy_agree(void *ctx, const uint8_t box[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    const uint8_t *ours = (const uint8_t *)ctx + KEY_BYTES; /* beside the key that ctx is */
    for (size_t i = 0; i < KEY_BYTES; i++)
        secret[i] = ours[i] ^ box[i];
    return true;
}

static inline void toy_tag(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span bytes, uint8_t *tag)
{
    uint64_t h = toy_hash(toy_hash(toy_hash(5, key, KEY_BYTES), nonce, NONCE_BYTES), aad.p, aad.n);
    h = toy_hash(h, bytes.p, bytes.n);
    memcpy(tag, &h, 8);
    memcpy(tag + 8, &h, 8);
}

static inline void toy_seal(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span plain, uint8_t *sealed)
{
    (void)ctx;
    for (size_t i = 0; i < plain.n; i++)
        sealed[i] = (uint8_t)((uint8_t)plain.p[i] ^ key[i % KEY_BYTES] ^ 0xA5);
    toy_tag(key, nonce, aad, (struct span){(char *)sealed, plain.n}, sealed + plain.n);
}

static inline bool toy_open(void *ctx, const uint8_t key[KEY_BYTES], const uint8_t nonce[NONCE_BYTES], struct span aad,
    struct span sealed, uint8_t *plain)
{
    uint8_t tag[TAG_BYTES];
    (void)ctx;
    if (sealed.n < TAG_BYTES)
        return false;
    size_t n = sealed.n - TAG_BYTES;
    toy_tag(key, nonce, aad, (struct span){sealed.p, n}, tag);
    for (size_t i = 0; i < n; i++)
        plain[i] = (uint8_t)((uint8_t)sealed.p[i] ^ key[i % KEY_BYTES] ^ 0xA5);
    return memcmp(tag, sealed.p + n, TAG_BYTES) == 0;
}

/* ---- building ---- */

static inline void make_fingerprint(char out[200], unsigned which)
{
    size_t n = (size_t)snprintf(out, 200, "sha-256 ");
    for (unsigned i = 0; i < 32; i++)
        n += (size_t)snprintf(out + n, 200 - n, i ? ":%02X" : "%02X", (which * 31 + i) & 255);
}

static inline char *make_sdp(const char *ufrag, const char *fingerprint, const char *setup)
{
    char *out = malloc(2048);
    snprintf(out, 2048,
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE data\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\n"
        "a=ice-ufrag:%s\r\na=ice-pwd:0123456789abcdef0123456789\r\na=fingerprint:%s\r\na=setup:%s\r\n"
        "a=sctp-port:5000\r\n",
        ufrag, fingerprint, setup);
    return out;
}

static inline struct node *node_init(struct world *w, int i, const char *name)
{
    struct node *n = &w->nodes[i];
    memset(n->settings.key, 'A' + i, KEY_BYTES);
    memset(n->settings.box, 'a' + i, KEY_BYTES);
    toy_sign_as(n->settings.key, (struct span){(char *)n->settings.box, KEY_BYTES}, n->settings.box_signature);
    strcpy(n->settings.room, "demo");
    strcpy(n->settings.name, name);
    n->settings.servers = 2;
    n->crypto = (struct peer_crypto){n->settings.key, toy_sign, toy_verify, toy_sha256, toy_agree, toy_seal, toy_open};
    make_fingerprint(n->fingerprint, (unsigned)i + 1);
    return n;
}

static inline void loads_free(struct node *n)
{
    while (n->load_n > 0)
        shelf_rows_free(&n->loads[--n->load_n]);
}

/* (Re)creates the core: a new process of the same identity. */
static inline void node_boot(struct world *w, int i)
{
    struct node *n = &w->nodes[i];
    peer_free(n->p);
    for (size_t r = 0; r < n->rtc_n; r++)
        n->rtcs[r].live = false;
    n->rtc_n = 0;
    n->deadline = UINT64_MAX;
    n->open = n->in_room = false;
    n->seat[0] = '\0';
    if (!n->shelf)
        n->shelf = shelf_new();
    shelf_crash(n->shelf, 0);
    loads_free(n);
    rng_seeded_init(&n->seed, 100 * (uint64_t)i + ++n->boots);
    struct rng rng = rng_seeded_port(&n->seed);
    n->p = peer_new(&n->settings, &n->crypto, &rng);
    assert_non_null(n->p);
}

static inline struct world *world_make(int n)
{
    static const char *const names[NODES_MAX] = {"ann", "bob", "cid", "dot"};
    struct world *w = calloc(1, sizeof *w);
    w->now = 1000;
    w->n = n;
    w->daemon_up = true;
    for (int i = 0; i < n; i++) {
        node_init(w, i, names[i]);
        node_boot(w, i);
    }
    return w;
}

static inline void event_free(struct event *e)
{
    free(e->bytes);
    free(e->sdp);
    free(e);
}

static inline void forget_notices(struct node *n)
{
    for (size_t i = 0; i < n->notice_n; i++)
        peer_notice_free(n->notices[i]);
    n->notice_n = 0;
}

static inline void world_end(struct world *w)
{
    struct event *e, *next;
    DL_FOREACH_SAFE (w->queue, e, next)
        event_free(e);
    DL_FOREACH_SAFE (w->held, e, next)
        event_free(e);
    for (int i = 0; i < w->n; i++) {
        forget_notices(&w->nodes[i]);
        peer_effects_done(&w->nodes[i].fx);
        peer_free(w->nodes[i].p);
        loads_free(&w->nodes[i]);
        shelf_free(w->nodes[i].shelf);
    }
    for (size_t i = 0; i < w->signal_n; i++)
        json_decref(w->signals[i].body);
    for (size_t i = 0; i < w->stranger_n; i++)
        free(w->strangers[i].card);
    free(w);
}

/* ---- events ---- */

static inline struct event *later(struct world *w, int node, enum peer_event_type type, uint64_t rtc, struct span bytes)
{
    struct event *e = calloc(1, sizeof *e);
    e->node = node;
    e->ev.type = type;
    e->ev.rtc = rtc;
    e->bytes = malloc(bytes.n + 1);
    memcpy(e->bytes, bytes.n ? bytes.p : "", bytes.n);
    e->bytes[bytes.n] = '\0';
    e->ev.bytes = (struct span){e->bytes, bytes.n};
    DL_APPEND(w->queue, e);
    return e;
}

static inline void frame_to(struct world *w, int node, const char *text)
{
    later(w, node, PEER_SIGNALING_FRAME, 0, span_of(text));
}

/* ---- the daemon ---- */

static inline int node_at(struct world *w, const char *seat)
{
    for (int i = 0; i < w->n; i++)
        if (w->nodes[i].in_room && strcmp(w->nodes[i].seat, seat) == 0)
            return i;
    return -1;
}

static inline void write_card(const struct node *n, char *out, size_t room)
{
    char key[64], box[64], sig[128];
    base64_encode(n->settings.key, KEY_BYTES, key);
    base64_encode(n->settings.box, KEY_BYTES, box);
    base64_encode(n->settings.box_signature, SIGNATURE_BYTES, sig);
    snprintf(out, room,
        "\"peerId\":\"%s\",\"displayName\":\"%s\",\"metadata\":{\"usher\":1,\"key\":\"%s\",\"box\":\"%s\",\"sig\":\"%"
        "s\"}",
        n->seat, n->settings.name, key, box, sig);
}

static inline void tell_room(struct world *w, int but, const char *text)
{
    for (int i = 0; i < w->n; i++)
        if (i != but && w->nodes[i].in_room)
            frame_to(w, i, text);
}

static inline void daemon_join(struct world *w, int node)
{
    struct node *n = &w->nodes[node];
    char *text = malloc(65536);
    char card[1024];
    size_t at;
    if (n->seat[0] == '\0')
        snprintf(n->seat, sizeof n->seat, "n.%c%03u", 'a' + node, ++w->seats);
    at = (size_t)sprintf(text, "{\"type\":\"peers\",\"roomId\":\"demo\",\"peerId\":\"%s\",\"peers\":[", n->seat);
    bool first = true;
    for (int i = 0; i < w->n; i++)
        if (w->nodes[i].in_room && i != node) {
            write_card(&w->nodes[i], card, sizeof card);
            at += (size_t)sprintf(text + at, "%s{%s}", first ? "" : ",", card);
            first = false;
        }
    for (size_t i = 0; i < w->stranger_n; i++) {
        at += (size_t)sprintf(text + at, "%s{%s}", first ? "" : ",", w->strangers[i].card);
        first = false;
    }
    strcpy(text + at, "]}");
    n->in_room = true;
    frame_to(w, node, text);
    write_card(n, card, sizeof card);
    sprintf(text, "{\"type\":\"peer-joined\",%s}", card);
    tell_room(w, node, text);
    free(text);
}

static inline void daemon_left(struct world *w, int node, const char *reason)
{
    struct node *n = &w->nodes[node];
    char text[256];
    if (!n->in_room)
        return;
    n->in_room = false;
    snprintf(text, sizeof text, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"%s\"}", n->seat, reason);
    n->seat[0] = '\0';
    tell_room(w, node, text);
}

static inline void daemon_relay(struct world *w, const char *from, json_t *frame)
{
    const char *to = json_string_value(json_object_get(frame, "to"));
    char target[PEER_ID_MAX + 1];
    assert_non_null(to);
    snprintf(target, sizeof target, "%s", to);
    assert_true(w->signal_n < SIGNALS_MAX);
    struct signal *s = &w->signals[w->signal_n++];
    memcpy(s->from, from, strlen(from) + 1);
    memcpy(s->to, target, sizeof target);
    s->body = json_deep_copy(frame);
    json_object_del(frame, "to");
    json_object_set_new(frame, "from", json_string(from));
    int node = node_at(w, target);
    if (node < 0)
        return;
    char *text = json_dumps(frame, JSON_COMPACT);
    frame_to(w, node, text);
    free(text);
    if (w->hold_signals) {
        struct event *e = w->queue->prev;
        DL_DELETE(w->queue, e);
        DL_APPEND(w->held, e);
    }
}

static inline void daemon_frame(struct world *w, int node, struct span text)
{
    struct node *n = &w->nodes[node];
    json_t *frame = json_loadb(text.p, text.n, 0, NULL);
    assert_non_null(frame);
    const char *type = json_string_value(json_object_get(frame, "type"));
    if (!n->open)
        type = "";
    if (strcmp(type, "join-room") == 0)
        daemon_join(w, node);
    else if (strcmp(type, "leave-room") == 0)
        daemon_left(w, node, "left");
    else if (strcmp(type, "ping") == 0)
        frame_to(w, node, "{\"type\":\"pong\"}");
    else if (type[0])
        daemon_relay(w, n->seat, frame);
    json_decref(frame);
}

static inline void daemon_connect(struct world *w, int node)
{
    w->nodes[node].open = w->daemon_up;
    if (!w->daemon_up) {
        later(w, node, PEER_SIGNALING_CLOSED, 0, SPAN("connection refused"));
        return;
    }
    later(w, node, PEER_SIGNALING_OPEN, 0, SPAN(""));
    frame_to(w, node,
        "{\"type\":\"welcome\",\"peerId\":\"n.x\",\"iceServers\":[{\"urls\":\"stun:s\"}],\"pingInterval\":25000,"
        "\"limits\":{},\"server\":\"usherd\"}");
}

/* The socket of one breaks; the others hear it. */
static inline void break_socket(struct world *w, int node)
{
    daemon_left(w, node, "disconnected");
    w->nodes[node].open = false;
    later(w, node, PEER_SIGNALING_CLOSED, 0, SPAN("broken"));
}

static inline void daemon_dies(struct world *w)
{
    w->daemon_up = false;
    for (int i = 0; i < w->n; i++) {
        w->nodes[i].in_room = w->nodes[i].open = false;
        w->nodes[i].seat[0] = '\0';
        later(w, i, PEER_SIGNALING_CLOSED, 0, SPAN("gone"));
    }
}

/* ---- connections ---- */

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
        e->ev.channel = 1;
    }
    r->connected = true;
}

static inline void rtc_remote(struct world *w, int node, const struct peer_effect *fx)
{
    struct wrtc *r = rtc_at(&w->nodes[node], fx->rtc);
    unsigned long long id;
    int with;
    const char *ufrag = strstr(fx->text, "a=ice-ufrag:node");
    assert_non_null(r);
    if (!ufrag || sscanf(ufrag, "a=ice-ufrag:node%drtc%llu", &with, &id) != 2) {
        if (strcmp(fx->kind, "offer") == 0)
            describe(w, node, r->id, "answer");
        return;
    }
    r->with = with;
    r->with_rtc = id;
    if (strcmp(fx->kind, "offer") == 0) {
        describe(w, node, r->id, "answer");
        return;
    }
    struct wrtc *o = other_end(w, node, r->id);
    if (o && o->with == node && o->with_rtc == r->id && !w->cut) {
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
    if (!o || !r->connected || w->cut)
        return;
    struct event *e = later(w, r->with, PEER_DATA, o->id, (struct span){fx->text, fx->text_n});
    e->ev.channel = 1;
    w->data_n++;
}

static inline void rtc_free(struct world *w, int node, uint64_t id)
{
    struct wrtc *r = rtc_at(&w->nodes[node], id), *o = other_end(w, node, id);
    assert_non_null(r);
    if (o && o->connected && !w->cut && !w->drop_closes)
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
    case PEER_FX_DISCONNECT:
        if (n->in_room)
            daemon_left(w, node, "left");
        n->open = false;
        break;
    case PEER_FX_SIGNAL:
        daemon_frame(w, node, (struct span){fx->text, fx->text_n});
        break;
    case PEER_FX_RTC_NEW:
        rtc_new(n, fx->rtc);
        break;
    case PEER_FX_RTC_OFFER:
        n->restarts += fx->flag;
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
        shelf_effect(n->shelf, fx);
        break;
    case PEER_FX_LOAD:
        assert_true(n->load_n < LOADS_MAX);
        n->load_tickets[n->load_n] = fx->ticket;
        n->loads[n->load_n++] = shelf_load(n->shelf, fx);
        break;
    case PEER_FX_DEADLINE:
        n->deadline = fx->at;
        break;
    case PEER_FX_NOTICE:
        assert_true(n->notice_n < NOTICES_MAX);
        n->notices[n->notice_n++] = fx->notice;
        fx->notice = NULL;
        break;
    default:
        break;
    }
}

static inline void feed(struct world *w, int node, struct peer_event ev)
{
    struct node *n = &w->nodes[node];
    ev.now = w->now;
    ev.unix_ms = UNIX_START * 1000ull + w->now;
    peer_step(n->p, &ev, &n->fx);
    for (size_t i = 0; i < n->fx.n; i++)
        execute(w, node, &n->fx.v[i]);
    peer_effects_clear(&n->fx);
    if (w->data_n < 2000)
        peer_check(n->p);
}

/* The answer of somebody's disk, if one is due: loads first, in order. */
static inline bool answer_storage(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        struct node *n = &w->nodes[i];
        uint64_t ticket;
        if (n->load_n > 0) {
            struct shelf_rows rows = n->loads[0];
            ticket = n->load_tickets[0];
            n->load_n--;
            memmove(n->loads, n->loads + 1, n->load_n * sizeof *n->loads);
            memmove(n->load_tickets, n->load_tickets + 1, n->load_n * sizeof *n->load_tickets);
            feed(w, i, (struct peer_event){.type = PEER_LOADED, .ticket = ticket, .loaded = {rows.rows, rows.n}});
            shelf_rows_free(&rows);
            return true;
        }
        if (shelf_waiting(n->shelf) > 0 && shelf_sync(n->shelf, &ticket)) {
            feed(w, i, (struct peer_event){.type = PEER_COMMITTED, .ticket = ticket});
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
            feed(w, e->node, e->ev);
            event_free(e);
        }
    } while (answer_storage(w));
}

static inline void release_signals(struct world *w)
{
    w->hold_signals = false;
    DL_CONCAT(w->queue, w->held);
    w->held = NULL;
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
            if (w->nodes[i].deadline <= until && (first < 0 || w->nodes[i].deadline < w->nodes[first].deadline))
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
    shelf_each(w->nodes[node].shelf, false, restore_row, &(struct restoring){w, node});
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

/* ---- what applications do and see ---- */

static inline void send_ref(
    struct world *w, int node, const struct span *to, size_t n, const char *text, const char *ref)
{
    feed(w, node, (struct peer_event){.type = PEER_SEND, .send = {to, n, span_of(text), span_of(ref)}});
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

/* ---- strangers: seats that the test plays ---- */

/* Joins; extra: further members of the roster entry, beginning with a comma, or "". */
static inline void stranger_joins(struct world *w, const char *seat, const char *name, const char *extra)
{
    struct stranger *s = &w->strangers[w->stranger_n++];
    char text[2048];
    snprintf(s->seat, sizeof s->seat, "%s", seat);
    snprintf(text, sizeof text, "\"peerId\":\"%s\",\"displayName\":\"%s\"%s", seat, name, extra);
    s->card = strdup(text);
    snprintf(text, sizeof text, "{\"type\":\"peer-joined\",%s}", s->card);
    tell_room(w, -1, text);
    run(w);
}

static inline void stranger_offers(
    struct world *w, int node, const char *seat, const char *link, const char *fingerprint)
{
    char *sdp = make_sdp("stranger", fingerprint, "actpass");
    json_t *frame = json_pack("{ssssss}", "type", "offer", "from", seat, "sdp", sdp);
    if (link)
        json_object_set_new(frame, "link", json_string(link));
    char *text = json_dumps(frame, 0);
    frame_to(w, node, text);
    run(w);
    free(text);
    json_decref(frame);
    free(sdp);
}

static inline void channel_opens(struct world *w, int node, uint64_t rtc, uint16_t channel, const char *label)
{
    feed(w, node,
        (struct peer_event){.type = PEER_CHANNEL_OPEN, .rtc = rtc, .channel = channel, .bytes = span_of(label)});
    run(w);
}

static inline void data_comes(struct world *w, int node, uint64_t rtc, const char *text)
{
    feed(w, node, (struct peer_event){.type = PEER_DATA, .rtc = rtc, .channel = 1, .bytes = span_of(text)});
    run(w);
}

/* An envelope signed as node `who`. The caller fills the rest; the text is owned by the caller. */
static inline char *forge(struct world *w, int who, struct envelope *e)
{
    struct buf bytes, text;
    buf_init(&bytes, PEER_MESSAGE_MAX);
    buf_init(&text, PEER_MESSAGE_MAX);
    if (!e->id.p)
        e->id = SPAN("abcdefghijklmnopqrstuvwxyz");
    e->from = span_of(peer_id(w->nodes[who].p));
    e->timestamp = 1;
    assert_true(envelope_signed_bytes(e, &bytes));
    toy_sign_as(w->nodes[who].settings.key, buf_view(&bytes), e->signature);
    e->is_signed = true;
    assert_true(envelope_write(e, &text));
    buf_done(&bytes);
    return buf_take(&text, &(size_t){0});
}

#endif
