/* SPDX-License-Identifier: MIT
 *
 * Many clients on one epoll: opens them with a bounded number of handshakes under way, brings each into its room, and
 * hands their signals to whoever runs the show. The first failure of any client is the failure of the fleet: a
 * figure taken from half of the connections would be a wrong figure.
 */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include "bench/dialect.h"
#include "bench/stats.h"
#include "bench/ws_client.h"

enum {
    FLEET_MAX = 19900, /* clients: a process here may have 20,000 descriptors */
    FLEET_ID_MAX = 64,
    FLEET_CLIENTS_PER_SOURCE = 8000, /* one of 127.0.0.1, .2, …: an address has 28,000 ports by default */
    FLEET_ALSO_MAX = 7,
    FLEET_RESTLESS_SECONDS = 60,
    FLEET_STALL_SECONDS = 20, /* without a single byte while something is awaited */
};

struct fleet;
struct client {
    struct ws_client ws;
    struct fleet *fleet; /* borrowed */
    unsigned index;
    unsigned interest; /* what epoll watches for */
    char id[FLEET_ID_MAX + 1];
    uint64_t opened_at; /* ns */
    uint64_t asked_at;  /* for its room, ns */
    uint64_t joined_at; /* ns; 0 until then */
};

struct fleet_options {
    const struct dialect *dialect;
    struct sockaddr_in server;
    struct sockaddr_in also[FLEET_ALSO_MAX]; /* further ones of a cluster: clients go to all of them in turn */
    unsigned also_n;
    unsigned join_rate; /* clients a second that begin to come in; 0: as fast as `handshakes` lets them */
    unsigned clients;
    unsigned room_size;
    unsigned handshakes; /* at once */
    bool tls;
    bool spin;        /* never sleeps: waking a sleeper is work of the server's, and much of it on a virtual machine */
    bool proxied;     /* each names a client of its own in X-Forwarded-For, as a proxy does */
    bool stamped;     /* ws_client.came_at is set */
    unsigned sources; /* addresses that they come from; 0: the system's choice */
};

/* A signal came for the client. What it sends in return goes into client->ws.out; the fleet flushes it. */
typedef void fleet_on_signal(void *ctx, struct client *client, struct span text);

struct fleet {
    struct fleet_options options;
    struct client *clients;     /* owned */
    struct ws_scratch *scratch; /* owned */
    SSL_CTX *tls;               /* owned; NULL: plain */
    int epoll;
    struct rng_seeded seed;
    struct rng rng;
    unsigned opened, joined;
    uint64_t last_byte_at; /* ns */
    uint64_t reads;        /* recv(2) calls, so many */
    uint64_t spun_ns;      /* processor time that looked for something to do and found nothing */
    fleet_on_signal *on_signal;
    void *signal_ctx;
    char problem[512]; /* the first failure; empty while all is well */
};

/* NULL, with a sentence on stderr, if there are not enough descriptors or memory. */
struct fleet *fleet_new(const struct fleet_options *options);
void fleet_free(struct fleet *f);
/* 127.0.0.1 and the following `sources` - 1 in turns. */
struct in_addr fleet_address(unsigned index, unsigned sources);
/* Opens and joins all of them. */
bool fleet_join(struct fleet *f);
/* Waits up to timeout_ms for sockets and serves them. */
bool fleet_turn(struct fleet *f, int timeout_ms);
/* Turns until nothing was received for quiet_ms, which must come within FLEET_RESTLESS_SECONDS. */
bool fleet_quiet(struct fleet *f, int quiet_ms);
/* Writes out what a caller queued outside of fleet_on_signal. */
bool fleet_flush(struct fleet *f, struct client *c);
/* Notes the first failure; returns false. */
bool fleet_fail(struct fleet *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
