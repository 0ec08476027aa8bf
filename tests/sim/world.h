/* SPDX-License-Identifier: MIT
 *
 * The simulated world: one virtual clock, one seeded generator, one heap of things to come, and hosts with the paths
 * between them. Nothing in it waits or reads the machine it runs on, so a seed is a whole history: the same seed gives
 * the same trace, and the hash of that trace is how a test knows. Everything that happens is traced before it is done;
 * a violated invariant ends the process with the seed, the virtual time and the command that replays it.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdio.h>

#include "base/rng.h"
#include "base/span.h"

enum {
    WORLD_HOSTS_MAX = 512,
    WORLD_EVENTS_MAX = 1 << 20, /* things waiting at once: more is a storm, and a failure */
    WORLD_STALL_MAX = 20000,    /* events in one millisecond: more is a busy loop */
};

struct world;
typedef void world_fn(void *who, uint64_t arg);

/* What a packet meets between the net and a host; a path adds those of both its ends. */
struct weather {
    uint32_t latency_ms, jitter_ms;
    uint32_t loss; /* of 1,000 */
};

/* What a run met, for the table at the end: the shares that seeds_peers.c promises can be read off it. */
#define WORLD_NOTES_LIST(X)                 \
    X(LOSS, "lossy")                        \
    X(STORM, "with paths losing a quarter") \
    X(CUT, "cut in two")                    \
    X(CRASH, "with crashes")                \
    X(UNSYNCED, "that took writes")         \
    X(DAEMON, "daemons dying")              \
    X(CLOCK, "clocks jumping")              \
    X(MOVE, "addresses changing")           \
    X(LATE, "people coming late")           \
    X(LEAVE, "people leaving")              \
    X(AGAIN, "messages sent again")         \
    X(FIVE, "rooms over 4")                 \
    X(NINE, "rooms over 8")                 \
    X(MANY, "rooms over 24")                \
    X(ABSENT, "people away for an hour")    \
    X(LOST, "states lost")                  \
    X(OLDER, "older states put back")       \
    X(REAL, "real crypto")

enum world_note {
#define X(name, text) WORLD_##name,
    WORLD_NOTES_LIST(X)
#undef X
    WORLD_NOTES
};

/* A page shared with the process that watches: it outlives a crash and tells where it happened. */
struct world_beacon {
    uint64_t seed, now, events;
    uint64_t seeds, noted[WORLD_NOTES]; /* runs that ended, and how many of them met what */
};

struct world_options {
    uint64_t seed;
    const char *replay; /* the command that repeats this run; borrowed */
    FILE *trace;        /* NULL: only hashed */
    struct world_beacon *beacon;
    bool every; /* check everything after every event, whatever it costs */
};

struct world *world_new(const struct world_options *options);
void world_free(struct world *w); /* takes NULL */

uint64_t world_now(const struct world *w);
const struct rng *world_rng(const struct world *w);
uint32_t world_below(struct world *w, uint32_t bound);
bool world_chance(struct world *w, uint32_t permille);
/* True if a check that costs n steps is worth doing now: always in small worlds, at regular turns in large ones. */
bool world_afford(struct world *w, size_t n);

/* Calls fn(who, arg) at `at` (or now, if that has passed). `who` must live as long as the world. */
void world_at(struct world *w, uint64_t at, world_fn *fn, void *who, uint64_t arg);
/* Runs what is due up to and including `until`, then sets the clock there. */
void world_run(struct world *w, uint64_t until);
/* All machines sleep for so long: clocks go on, and nothing happens; what was due in between is late. */
void world_sleep(struct world *w, uint64_t ms);

/* ---- hosts and paths ---- */
unsigned world_host(struct world *w);
void world_weather(struct world *w, unsigned host, struct weather weather);
/* One below these bounds; of a jitter of 0 nothing is drawn. One after the other: in C the arguments of a call, and what an
 * initializer has, may be worked out in any order, and so a seed would be another history with another compiler. */
struct weather world_draw_weather(struct world *w, uint32_t latency_ms, uint32_t jitter_ms, uint32_t loss);
/* Hosts reach each other on the same island only; all begin on island 0. */
void world_island(struct world *w, unsigned host, unsigned island);
void world_heal(struct world *w);
bool world_reachable(const struct world *w, unsigned a, unsigned b);
uint32_t world_latency(struct world *w, unsigned a, unsigned b);
bool world_loses(struct world *w, unsigned a, unsigned b);
/* The wall clock of a host, a step of it, and whether it ever made one. */
uint64_t world_unix(const struct world *w, unsigned host);
void world_clock_step(struct world *w, unsigned host, int64_t ms);
bool world_clock_stepped(const struct world *w, unsigned host);
uint64_t world_clock_steps(const struct world *w); /* how far all of them went together, forth and back */

/* ---- the record ---- */
void world_trace(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void world_fail(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define world_check(w, ok, ...)           \
    do {                                  \
        if (!(ok))                        \
            world_fail((w), __VA_ARGS__); \
    } while (0)
uint64_t world_hash(const struct world *w);
void world_note(struct world *w, enum world_note note);
/* The run has ended well, and counts. */
void world_count(struct world *w);

/* malloc(3) that ends the process instead of failing: the simulated machines have memory. */
void *world_alloc(size_t n);
/* An array that has room for one element more than n. */
void *world_grow(void *v, size_t n, size_t *cap, size_t each);
/* 64 bits that depend on every byte; FNV-1a with a final mix. */
uint64_t world_digest(uint64_t start, const void *bytes, size_t n);

#endif
