/* SPDX-License-Identifier: MIT
 *
 * The daemon in the world: the real server core, with this as its io. It accepts sockets, hands over what they bring,
 * does what the core's effects say, enforces max_frame and the queue's limit as server/io does, and lets the server oracle see
 * every event with its effects before they are done. It can crash (sockets reset, or the machine just gone) and return.
 */
#ifndef SIM_DAEMON_H
#define SIM_DAEMON_H

#include "server/core/core.h"
#include "tests/sim/wire.h"

struct daemon;
struct server_oracle;

/* A liar's chance: may return other text (owned by the liar, valid until the next call) for what goes to a client. */
struct liar {
    struct span (*lie)(void *ctx, uint32_t slot, struct span text);
    void *ctx;
};

/* Settings as the simulation likes them: the defaults of protocol/limits.h. */
struct core_settings daemon_settings(void);
struct daemon *daemon_new(struct world *w, const struct core_settings *settings);
void daemon_free(struct daemon *d); /* takes NULL */

/* Called with the answer to an HTTP request, within a step: it may not call the daemon. status 0: there was none. */
typedef void daemon_answer(void *who, uint64_t arg, unsigned status, struct span body);
/* Asks over HTTP on a connection of its own, and hangs up after `patience_ms`. `who` lives as long as the world. */
void daemon_request(struct daemon *d, const struct core_request *request, uint32_t patience_ms, daemon_answer *answer,
    void *who, uint64_t arg);
/* Of 1,000 hashes and files, how many fail. */
void daemon_failing(struct daemon *d, uint32_t permille);

/* Its clients speak this dialect, from the first on. The server oracle knows the native one only, and looks away. */
void daemon_speak(struct daemon *d, const struct dialect *dialect);

struct wire_listener *daemon_listener(struct daemon *d);
unsigned daemon_host(const struct daemon *d);
struct server_oracle *daemon_server_oracle(struct daemon *d);
void daemon_liar(struct daemon *d, struct liar liar);

/* kill -9; with `mute` the whole machine is gone: nobody is told. Everything it knew is lost. */
void daemon_crash(struct daemon *d, bool mute);
/* Starts it again, empty. */
void daemon_start(struct daemon *d);
/* SIGTERM. */
void daemon_drain(struct daemon *d);
bool daemon_is_up(const struct daemon *d);
bool daemon_is_drained(const struct daemon *d);

#endif
