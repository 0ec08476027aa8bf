/* SPDX-License-Identifier: MIT
 *
 * What the kinds of flood share: mode_flood.c has their table, flood_ws.c floods over WebSockets, flood_http.c over
 * connections of which each carries one request, flood_udp.c with datagrams.
 */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

#include "bench/mode.h"

struct flood;

struct flood_kind {
    const char *name;
    bool (*run)(struct flood *f); /* false when out of memory */
    /* Over WebSockets. Either may be NULL. */
    void (*more)(struct flood *f, struct ws_client *c);                     /* its queue is empty */
    void (*answer)(struct flood *f, struct ws_client *c, struct span text); /* a message came */
    /* Over requests. */
    struct span request; /* %s in it stands for --room */
    size_t padding;      /* bytes of header lines added to it */
    bool dribbled;       /* it is sent a byte at a time */
    bool dropped;        /* the connection is reset as soon as it is out */
    /* Of datagrams: the request, and so many of it a second; 0: as many as can be. */
    uint64_t a_second;
    /* Either way. */
    bool unread;     /* what comes is left in the socket */
    bool needs_room; /* --room */
};

struct flood {
    const struct load_options *options;
    const struct flood_kind *kind;
    struct rng_seeded seed;
    struct rng rng;
    uint64_t end;     /* ns */
    uint64_t done;    /* of what the kind counts */
    uint64_t refused; /* connections that ended against our will */
};

enum {
    FLOOD_BATCH = 64 * 1024, /* bytes written at once */
    FLOOD_TEXT_MAX = 1024,
};

/* An address that no client of a fleet has (fleet.h): of client 0 one, of the next another, FLOOD_SOURCES in all. */
struct in_addr flood_address(unsigned client);

bool flood_run_ws(struct flood *f);
void flood_more_frames(struct flood *f, struct ws_client *c);
void flood_more_signals(struct flood *f, struct ws_client *c);
void flood_more_pongs(struct flood *f, struct ws_client *c);
void flood_more_pings(struct flood *f, struct ws_client *c);
void flood_more_slivers(struct flood *f, struct ws_client *c);
void flood_more_fragments(struct flood *f, struct ws_client *c);
void flood_more_large(struct flood *f, struct ws_client *c);
void flood_more_garbage(struct flood *f, struct ws_client *c);
void flood_more_joins(struct flood *f, struct ws_client *c);
void flood_answer_password(struct flood *f, struct ws_client *c, struct span text);

bool flood_run_requests(struct flood *f);
bool flood_run_datagrams(struct flood *f);

#endif
