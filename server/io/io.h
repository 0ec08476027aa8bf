/* SPDX-License-Identifier: MIT
 *
 * Sockets around the core: its one face towards server/app.c. Listeners accept, the front door reads and writes on
 * uv's loop, every event goes through the core, and what the core decides is done here.
 */
#ifndef SERVER_IO_IO_H
#define SERVER_IO_IO_H

#include <uv.h>

#include "base/err.h"
#include "server/core/core.h"
#include "server/io/cidr.h"
#include "server/adapters/ice_url.h"
#include "server/adapters/logger.h"
#include "server/adapters/redis_url.h"
#include "server/adapters/state_hold.h"
#include "server/io/webhooks.h"

struct io;

/* In the state folder: the rooms made over HTTP. */
#define ROOMS_FILE "rooms.json"

struct io_settings {
    size_t max_frame;           /* bytes of one message; never 0 */
    size_t max_queue;           /* bytes waiting for one connection; 0: no limit */
    uint64_t drain_timeout_ms;  /* what webhooks may take when the daemon stops; 0: WEBHOOKS_DRAIN_MS */
    const char *const *origins; /* see io/origins.h; borrowed until the next io_configure or io_free */
    size_t origins_count;
    const char *stun_public; /* HOST:PORT, borrowed alike; "": the host of a client's request, and the bound port */
    const char *web_root;    /* borrowed alike; "" or NULL: no files are served */
    const char *sim_root;    /* the same of what is served below /sim/ */
    const char *const *web_servers; /* that the page may go to (adapters/page_server.h); borrowed as `origins` */
    size_t web_servers_count;
    struct cidr_list trusted_proxies;           /* whose X-Forwarded-For is believed */
    struct cidr_list metrics_allow;             /* who may read /metrics, besides this machine */
    uint64_t ping_interval_ms, ping_timeout_ms; /* as the core has them: told to clients of Engine.IO */
    bool ywebrtc, peerjs, socketio;             /* whether they are served */
    bool peerjs_discovery;                      /* whether anybody may see who is there */
    const char *const *peerjs_keys;             /* borrowed as `origins`; each of 1 to CHOSEN_KEY_MAX bytes */
    size_t peerjs_keys_count;
};

enum {
    WEBHOOKS_DRAIN_MS = 10000
};

struct io_params {
    uv_loop_t *loop;             /* borrowed */
    struct core *core;           /* borrowed */
    const struct logger *logger; /* borrowed */
    struct io_settings settings;
    struct state_hold *state;      /* borrowed */
    const char *version;           /* static */
    const char *node;              /* borrowed for io_new: told to webhooks */
    const struct redis_url *redis; /* borrowed for io_new: of the cluster; NULL: there is none */
    const char *certificate, *key; /* borrowed for io_new; "": no TLS */
    void (*drained)(void *ctx);    /* after io_drain, when the last connection is gone and webhooks were told */
    void *ctx;
};

/* NULL with the sentence in e. */
struct io *io_new(const struct io_params *p, struct err *e);
/* Binds the address and logs `listening on …`; accepting starts when the loop runs. */
bool io_listen(struct io *io, const char *address, struct err *e);
/* The same for a socket that listens already. Takes fd; its file, if it has one, is never removed. */
bool io_listen_passed(struct io *io, int fd, bool proxy, struct err *e);
/* Everything listens: the time for seats of an earlier life begins. */
void io_started(struct io *io);
/* A reload's second half, after core_configure: the core is stepped, so that new time limits count at once. */
void io_configure(struct io *io, const struct io_settings *s);
/* Serves new connections with these files from now on; "" if TLS is off. False, and nothing changed, with the sentence
 * in e if they are bad or TLS would be switched on or off. */
bool io_reload_tls(struct io *io, const char *certificate, const char *key, struct err *e);
/* What TLS is served with now, borrowed until the next io_reload_tls; NULL: there is no TLS. */
struct ssl_ctx_st *io_tls(const struct io *io);
/* Binds ice.stun_listen ("": none), beside what is bound now; nothing else changes before io_stun_switch. False with the
 * sentence in e, and no switch is needed. */
bool io_stun_bind(struct io *io, const char *address, struct err *e);
/* Answers STUN there from now on, and nowhere else; logs `stun on …`. Or forgets it, unless `take`. */
void io_stun_switch(struct io *io, bool take);
/* Writes under which URL this client reaches the STUN server built in; false if there is none, or nobody knows. */
bool io_stun_url(const struct io *io, struct conn_id id, char out[ICE_URL_MAX + 1]);
/* Webhooks, in two steps as with STUN: see server/io/webhooks.h. */
bool io_webhooks_prepare(struct io *io, const struct webhook_settings *settings, struct err *e);
void io_webhooks_switch(struct io *io, bool take);
/* Has the core see everybody off. Accepting goes on until `drained`, so that /health and /ready are answered; the core
 * refuses whoever wants more. But from sockets that were passed nobody is taken any more. */
void io_drain(struct io *io);
/* Closes what is open and runs the loop until nothing of ours is left on it. Takes NULL. */
void io_free(struct io *io);

#endif
