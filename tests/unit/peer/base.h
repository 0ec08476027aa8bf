/* SPDX-License-Identifier: MIT
 *
 * What the small world of world.h is made of: its cores, its toy crypto and the queue of events.
 */
#ifndef TESTS_PEER_BASE_H
#define TESTS_PEER_BASE_H

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
#include "tests/sim/memory_store.h"

enum {
    NODES_MAX = 12,
    RTCS_MAX = 64,
    NOTICES_MAX = 40000,
    SIGNALS_MAX = 4096,
    STRANGERS_MAX = 4,
    NODE_LOADS_MAX = 64,
    UNIX_START = 1700000000
};

struct wrtc {
    uint64_t id;
    bool live, connected;
    int with; /* node; -1: none */
    uint64_t with_rtc;
};

/* A file, or what came of one. */
struct toy_file {
    struct toy_file *next;
    uint64_t number; /* that the core gave it; 0: it is closed */
    bool part, finished;
    char name[256];
    uint64_t size;
    uint8_t root[HASH_BYTES];
    uint8_t *bytes, *hashes, *map; /* owned; hashes, map: of a part, NULL until they are known */
    const char *problem; /* static: with this code it fails when it is given or written next; NULL: it does not */
    bool lies;           /* what is given of it is wrong */
    bool silent;         /* nothing is given of it, and that is told as done */
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
    struct memory_store *store; /* its disk: what was committed outlives a boot */
    struct memory_store_rows loads[NODE_LOADS_MAX];
    uint64_t load_tickets[NODE_LOADS_MAX];
    size_t load_n;
    struct wrtc rtcs[RTCS_MAX];
    size_t rtc_n;
    struct peer_notice *notices[NOTICES_MAX];
    size_t notice_n;
    uint64_t last_send_rtc, sends;
    unsigned restarts, ice_lists;
    int64_t clock;          /* how far its wall clock is ahead of the right time */
    bool still;             /* nothing wakes it */
    bool slow_disk;         /* no commit is answered */
    unsigned unreadable;    /* rows that were passed over */
    struct toy_file *files; /* its disk of files (files.h): outlives a boot */
    /* what the daemon knows of it */
    bool away;           /* its socket broke, its seat is kept */
    unsigned generation; /* of its newest token that was used */
    unsigned seated;     /* the URL where its seat is */
    unsigned blocked;    /* URLs that it cannot reach, as bits */
    unsigned joins, resumes, reports;
    char outcome[16], reported[PEER_ID_MAX + 1]; /* of the newest report */
    uint64_t connect_ms, rtt_ms;
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
    bool daemon_up, cut;             /* cut: nothing passes between connections */
    bool hold_signals;               /* relayed frames wait in `delayed` */
    bool wall[NODES_MAX][NODES_MAX]; /* nothing passes between these two; set both ways by `part` */
    const char *watch;               /* frames with this text in them are counted ... */
    size_t watched[NODES_MAX];       /* ... by who sent them */
    bool drop_closes;                /* the other end of a freed connection is not told */
    bool grace;                      /* seats are kept, and over a restart, too */
    bool apart;                      /* each URL is a daemon of its own, to which the other's tokens mean nothing */
    bool full;                       /* joining is refused */
    /* What is at each URL. */
    bool down[SERVERS_MAX];           /* nobody, while daemon_up */
    bool hangs[SERVERS_MAX];          /* who takes connections, and then says nothing */
    bool refuses[SERVERS_MAX];        /* whose rooms have another password */
    uint64_t ms[SERVERS_MAX];         /* how long its /health takes; 0: 1 */
    const char *cluster[SERVERS_MAX]; /* that its welcome names; NULL: none */
    unsigned probes[SERVERS_MAX];     /* by all */
    bool keep_probes;                 /* no probe is answered */
    bool split;                       /* besides `apart`: each has a room of its own */
    bool lossy;                       /* who comes back may have missed something */
    unsigned seats, boot;
    struct stranger strangers[STRANGERS_MAX];
    size_t stranger_n;
    struct event *queue;
    struct event *delayed;
    struct event *mail; /* relayed to members that are away */
    struct signal signals[SIGNALS_MAX];
    size_t signal_n;
    uint64_t data_n;
    uint64_t counted;                                     /* by what the test lets see */
    void (*sees)(struct world *w, const struct event *e); /* each event before it happens; NULL: nobody */
};

static inline uint64_t unix_of(const struct world *w, int node)
{
    return UNIX_START * 1000ull + w->now + (uint64_t)w->nodes[node].clock;
}

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

/* What a description says of the size of messages; may be nothing. */
static const char *sdp_size = "a=max-message-size:262144\r\n";

static inline char *make_sdp(const char *ufrag, const char *fingerprint, const char *setup)
{
    char *out = malloc(2048);
    snprintf(out, 2048,
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE data\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\n"
        "a=ice-ufrag:%s\r\na=ice-pwd:0123456789abcdef0123456789\r\na=fingerprint:%s\r\na=setup:%s\r\n"
        "a=sctp-port:5000\r\n%s",
        ufrag, fingerprint, setup, sdp_size);
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
        memory_store_rows_free(&n->loads[--n->load_n]);
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
    for (struct toy_file *f = n->files; f; f = f->next)
        f->number = 0;
    if (!n->store)
        n->store = memory_store_new();
    memory_store_crash(n->store, 0);
    loads_free(n);
    rng_seeded_init(&n->seed, 100 * (uint64_t)i + ++n->boots);
    struct rng rng = rng_seeded_port(&n->seed);
    n->p = peer_new(&n->settings, &n->crypto, &rng);
    assert_non_null(n->p);
}

static inline struct world *world_make(int n)
{
    static const char *const names[NODES_MAX] = {
        "ann", "bob", "cid", "dot", "eve", "fay", "gus", "hal", "ida", "joe", "kim", "leo"};
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
    DL_FOREACH_SAFE (w->delayed, e, next)
        event_free(e);
    DL_FOREACH_SAFE (w->mail, e, next)
        event_free(e);
    for (int i = 0; i < w->n; i++) {
        forget_notices(&w->nodes[i]);
        peer_effects_done(&w->nodes[i].fx);
        peer_free(w->nodes[i].p);
        loads_free(&w->nodes[i]);
        memory_store_free(w->nodes[i].store);
        while (w->nodes[i].files) {
            struct toy_file *file = w->nodes[i].files;
            w->nodes[i].files = file->next;
            free(file->bytes);
            free(file->hashes);
            free(file->map);
            free(file);
        }
    }
    for (size_t i = 0; i < w->signal_n; i++)
        json_decref(w->signals[i].body);
    for (size_t i = 0; i < w->stranger_n; i++)
        free(w->strangers[i].card);
    free(w);
}

/* ---- events ---- */

/* Where an event of that type has its bytes; NULL: it has none. */
static inline struct span *bytes_of(struct peer_event *ev)
{
    switch (ev->type) {
    case PEER_SIGNALING_FRAME:
        return &ev->frame;
    case PEER_SIGNALING_CLOSED:
        return &ev->closed.why;
    case PEER_CANDIDATE:
        return &ev->candidate;
    case PEER_CHANNEL_OPEN:
        return &ev->opened.label;
    case PEER_DATA:
        return &ev->data.bytes;
    case PEER_RTC_FAILED:
        return &ev->reason;
    default:
        return NULL;
    }
}

static inline struct event *later(struct world *w, int node, enum peer_event_type type, uint64_t rtc, struct span bytes)
{
    struct event *e = calloc(1, sizeof *e);
    e->node = node;
    e->ev.type = type;
    e->ev.rtc = rtc;
    e->bytes = malloc(bytes.n + 1);
    memcpy(e->bytes, bytes.n ? bytes.p : "", bytes.n);
    e->bytes[bytes.n] = '\0';
    if (bytes_of(&e->ev))
        *bytes_of(&e->ev) = (struct span){e->bytes, bytes.n};
    DL_APPEND(w->queue, e);
    return e;
}

static inline void frame_to(struct world *w, int node, const char *text)
{
    later(w, node, PEER_SIGNALING_FRAME, 0, span_of(text));
}

#endif
