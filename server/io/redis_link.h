/* SPDX-License-Identifier: MIT
 *
 * One connection to Redis (or Valkey) on uv's loop: names are resolved anew for each connection (a failover may have moved
 * them), AUTH and SELECT come first, commands are pipelined and answered in order, in the protocol RESP2.
 *
 * hiredis reads the answers (its reader), nothing else of it is used: its asynchronous half has no time limits and no
 * bound on what waits to be sent, resolves names while everybody waits, never says that a connection was refused where uv
 * polls for it, and aborts the process on an answer of the wrong type to a subscription (docs/decisions/0025).
 *
 *     redis_link_open ─► resolving ─► connecting ─► greeting ─► open() ─► commands ─► reply() … ─► down()
 */
#ifndef SERVER_IO_REDIS_LINK_H
#define SERVER_IO_REDIS_LINK_H

#include <uv.h>

#include "base/buf.h"
#include "server/adapters/redis_url.h"

struct redisReply; /* hiredis.h */

enum {
    REDIS_LINK_TICK_MS = 500,
    REDIS_LINK_TICKS = 10,                   /* without an answer while one is owed: Redis is lost */
    REDIS_LINK_OUT_MAX = 32 * 1024 * 1024,   /* bytes that wait for Redis */
    REDIS_LINK_REPLY_MAX = 64 * 1024 * 1024, /* bytes of one answer */
    REDIS_LINK_ARRAY_MAX = 1 << 20,          /* elements of one */
    REDIS_LINK_PROBLEM_MAX = 192,
};

/* What comes of it. None of these is called within a call of redis_link_*, but for redis_link_tick. */
struct redis_link_face {
    void *ctx;
    void (*open)(void *ctx);
    /* The answer to the oldest command that has none, or NULL: it will never have one. `tag` is that command's; of a
     * subscription, whose messages answer nothing, it is NULL. The answer is borrowed. */
    void (*reply)(void *ctx, void *tag, const struct redisReply *reply);
    /* It is over, and idle again: `problem` is a sentence without a secret, borrowed. After all those NULLs. */
    void (*down)(void *ctx, const char *problem);
};

struct redis_link;

/* All is borrowed, and outlives it. With `subscribes` whatever comes once it is open is a message, not an answer. NULL
 * when out of memory. */
struct redis_link *redis_link_new(
    uv_loop_t *loop, const struct redis_url *url, bool subscribes, const struct redis_link_face *face);
/* Begins; ends in open() or down(), later. Only while idle. */
void redis_link_open(struct redis_link *l);
/* Puts a command behind those that wait: `n` words, and the tag of its answer. False if it does not fit, or there is no
 * memory: it will not be sent. Only between open() and down(). */
bool redis_link_send(struct redis_link *l, void *tag, const struct span *words, size_t n);
/* Commands that have no answer yet. */
size_t redis_link_owed(const struct redis_link *l);
/* Bytes that wait to be sent. */
size_t redis_link_waiting(const struct redis_link *l);
/* Sends what was put there. Once in a turn. */
void redis_link_flush(struct redis_link *l);
/* To be called every REDIS_LINK_TICK_MS: ends what takes too long. Turns are counted and not the clock, so that a process
 * that was stopped reads first what came meanwhile. */
void redis_link_tick(struct redis_link *l);
/* Ends it: down() follows, with this problem, before this returns. Nothing if it is idle. */
void redis_link_end(struct redis_link *l, const char *problem);
/* Frees it, and nobody is told; the loop has to run once more. Takes NULL. */
void redis_link_free(struct redis_link *l);

#endif
