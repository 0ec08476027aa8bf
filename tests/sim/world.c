/* SPDX-License-Identifier: MIT
 *
 * The clock only moves when the heap says so. Events of one millisecond run in the order they were asked for, so the
 * heap compares (time, number); that makes the run a function of the seed alone.
 */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdlib.h>

struct happening {
    uint64_t at, number;
    world_fn *fn;
    void *who;
    uint64_t arg;
};

struct host {
    struct weather weather;
    unsigned island;
    int64_t clock_ahead;
    bool stepped;
};

struct world {
    struct world_options options;
    uint64_t now, number, hash, turn, same_ms, clock_steps;
    struct rng_seeded generator;
    struct rng rng;
    struct happening *heap;
    size_t n, cap;
    struct host hosts[WORLD_HOSTS_MAX];
    unsigned host_count;
    bool noted[WORLD_NOTES];
};

static const uint64_t FNV_START = 0xcbf29ce484222325u, FNV_PRIME = 0x100000001b3u;
/* 2026-01-01: any date will do, as long as it is always the same. */
static const uint64_t EPOCH_MS = 1767225600000u;

void *world_alloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p)
        abort();
    return p;
}

void *world_grow(void *v, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 16;
    v = realloc(v, *cap * each);
    if (!v)
        abort();
    return v;
}

uint64_t world_digest(uint64_t start, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = FNV_START ^ start;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * FNV_PRIME;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

struct world *world_new(const struct world_options *options)
{
    struct world *w = world_alloc(sizeof *w);
    w->options = *options;
    w->hash = FNV_START;
    w->now = 1000;
    rng_seeded_init(&w->generator, options->seed);
    w->rng = rng_seeded_port(&w->generator);
    return w;
}

void world_free(struct world *w)
{
    if (!w)
        return;
    free(w->heap);
    free(w);
}

uint64_t world_now(const struct world *w)
{
    return w->now;
}

const struct rng *world_rng(const struct world *w)
{
    return &w->rng;
}

uint32_t world_below(struct world *w, uint32_t bound)
{
    return rng_below(&w->rng, bound);
}

bool world_chance(struct world *w, uint32_t permille)
{
    return rng_below(&w->rng, 1000) < permille;
}

bool world_afford(struct world *w, size_t n)
{
    return w->options.every || w->turn++ % (n / 24 + 1) == 0;
}

/* ---- the heap ---- */

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void world_at(struct world *w, uint64_t at, world_fn *fn, void *who, uint64_t arg)
{
    world_check(w, w->n < WORLD_EVENTS_MAX, "%zu events wait at once", w->n);
    w->heap = world_grow(w->heap, w->n, &w->cap, sizeof *w->heap);
    struct happening h = {at > w->now ? at : w->now, w->number++, fn, who, arg};
    size_t i = w->n++;
    for (; i > 0 && before(&h, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = h;
}

static struct happening take_first(struct world *w)
{
    struct happening first = w->heap[0], last = w->heap[--w->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->n; i = child) {
        if (child + 1 < w->n && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
    }
    if (w->n > 0)
        w->heap[i] = last;
    return first;
}

void world_run(struct world *w, uint64_t until)
{
    while (w->n > 0 && w->heap[0].at <= until) {
        struct happening h = take_first(w);
        w->same_ms = h.at <= w->now ? w->same_ms + 1 : 0;
        w->now = h.at > w->now ? h.at : w->now; /* after a sleep it is late */
        world_check(w, w->same_ms < WORLD_STALL_MAX, "busy loop: %llu events in one millisecond",
            (unsigned long long)w->same_ms);
        w->options.beacon->now = w->now;
        w->options.beacon->events++;
        h.fn(h.who, h.arg);
    }
    if (w->now < until)
        w->now = until;
}

void world_sleep(struct world *w, uint64_t ms)
{
    world_trace(w, "all sleep for %llu ms", (unsigned long long)ms);
    w->now += ms;
}

/* ---- hosts and paths ---- */

unsigned world_host(struct world *w)
{
    world_check(w, w->host_count < WORLD_HOSTS_MAX, "more than %d hosts", WORLD_HOSTS_MAX);
    w->hosts[w->host_count].weather = (struct weather){.latency_ms = 5, .jitter_ms = 3};
    return w->host_count++;
}

void world_weather(struct world *w, unsigned host, struct weather weather)
{
    w->hosts[host].weather = weather;
}

struct weather world_draw_weather(struct world *w, uint32_t latency_ms, uint32_t jitter_ms, uint32_t loss)
{
    struct weather drawn = {.latency_ms = 1 + world_below(w, latency_ms)};
    drawn.jitter_ms = jitter_ms > 0 ? world_below(w, jitter_ms) : 0;
    drawn.loss = world_below(w, loss);
    return drawn;
}

void world_island(struct world *w, unsigned host, unsigned island)
{
    world_trace(w, "host %u moves to island %u", host, island);
    w->hosts[host].island = island;
}

void world_heal(struct world *w)
{
    world_trace(w, "all hosts on one island");
    for (unsigned i = 0; i < w->host_count; i++)
        w->hosts[i].island = 0;
}

bool world_reachable(const struct world *w, unsigned a, unsigned b)
{
    return w->hosts[a].island == w->hosts[b].island;
}

uint32_t world_latency(struct world *w, unsigned a, unsigned b)
{
    const struct weather *p = &w->hosts[a].weather, *q = &w->hosts[b].weather;
    return p->latency_ms + q->latency_ms + world_below(w, p->jitter_ms + q->jitter_ms + 1);
}

bool world_loses(struct world *w, unsigned a, unsigned b)
{
    return !world_reachable(w, a, b) || world_chance(w, w->hosts[a].weather.loss + w->hosts[b].weather.loss);
}

uint64_t world_unix(const struct world *w, unsigned host)
{
    return EPOCH_MS + w->now + (uint64_t)w->hosts[host].clock_ahead;
}

void world_clock_step(struct world *w, unsigned host, int64_t ms)
{
    world_trace(w, "host %u: wall clock steps by %lld ms", host, (long long)ms);
    w->hosts[host].clock_ahead += ms;
    w->hosts[host].stepped = true;
    w->clock_steps += (uint64_t)(ms < 0 ? -ms : ms);
}

uint64_t world_clock_steps(const struct world *w)
{
    return w->clock_steps;
}

bool world_clock_stepped(const struct world *w, unsigned host)
{
    return w->hosts[host].stepped;
}

/* ---- the record ---- */

void world_trace(struct world *w, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    w->hash = world_digest(w->hash ^ w->now, line, len);
    if (!w->options.trace)
        return;
    for (size_t i = 0; i < len; i++)
        line[i] = line[i] < ' ' || line[i] > '~' ? '?' : line[i];
    fprintf(w->options.trace, "# %9llu.%03llu  %s\n", (unsigned long long)w->now / 1000,
        (unsigned long long)w->now % 1000, line);
}

void world_fail(const struct world *w, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(
        stdout, "# seed %llu, virtual time %llu ms: ", (unsigned long long)w->options.seed, (unsigned long long)w->now);
    va_start(args, format);
    vfprintf(stdout, format, args);
    va_end(args);
    fprintf(stdout, "\n# replay: %s\n", w->options.replay);
    fflush(stdout);
    _Exit(1);
}

uint64_t world_hash(const struct world *w)
{
    return w->hash;
}

void world_note(struct world *w, enum world_note note)
{
    w->noted[note] = true;
}

void world_count(struct world *w)
{
    w->options.beacon->seeds++;
    for (int i = 0; i < WORLD_NOTES; i++)
        w->options.beacon->noted[i] += w->noted[i];
}
