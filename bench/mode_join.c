/* SPDX-License-Identifier: MIT
 *
 * `join` measures how fast clients come in, and whether the last ones come in as fast as the first: whatever costs
 * more with every connection that is already there shows in the last thousand. `idle` joins as many, then measures
 * what a connection costs that says nothing: memory of the server's process (the kernel's socket buffers belong to no
 * process and are not in it) and processor time for keeping it alive.
 */
#include "bench/mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GROUP = 1000,
    QUIET_MS = 1000
};

static int earlier(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

struct join_times {
    uint64_t began;        /* ns */
    uint64_t *joined;      /* owned; sorted, ns */
    struct histogram took; /* ns from connect(2) to the room's list */
    struct histogram room; /* ns from asking for the room to its list */
};

static bool collect(struct join_times *t, const struct fleet *f)
{
    t->joined = calloc(f->joined, sizeof *t->joined);
    if (!t->joined)
        return false;
    for (unsigned i = 0; i < f->joined; i++) {
        t->joined[i] = f->clients[i].joined_at;
        histogram_add(&t->took, f->clients[i].joined_at - f->clients[i].opened_at);
        histogram_add(&t->room, f->clients[i].joined_at - f->clients[i].asked_at);
    }
    qsort(t->joined, f->joined, sizeof *t->joined, earlier);
    return true;
}

static double rate(unsigned n, uint64_t from, uint64_t to)
{
    return to > from ? (double)n / ((double)(to - from) / 1e9) : 0;
}

static void print_join(const struct load_options *o, const struct join_times *t, double server_cpu)
{
    unsigned n = o->fleet.clients;
    unsigned group = n / 2 < GROUP ? n / 2 : GROUP;
    uint64_t end = t->joined[n - 1];
    printf("join dialect=%s clients=%u room_size=%u handshakes=%u seconds=%.2f per_second=%.0f first=%u "
           "first_per_second=%.0f last_per_second=%.0f per_cpu_second=%.0f p50_us=%.0f p99_us=%.0f max_us=%.0f "
           "room_p50_us=%.0f room_p99_us=%.0f\n",
        o->fleet.dialect->name, n, o->fleet.room_size, o->fleet.handshakes, (double)(end - t->began) / 1e9,
        rate(n, t->began, end), group, rate(group, t->began, t->joined[group - 1]),
        rate(group, t->joined[n - 1 - group], end), server_cpu > 0 ? n / server_cpu : 0, histogram_us(&t->took, 0.5),
        histogram_us(&t->took, 0.99), histogram_us(&t->took, 1), histogram_us(&t->room, 0.5),
        histogram_us(&t->room, 0.99));
}

bool mode_join(const struct load_options *options)
{
    struct join_times *t = calloc(1, sizeof *t);
    struct fleet *f = fleet_new(&options->fleet);
    bool ok = false;
    if (!t || !f)
        goto done;
    uint64_t cpu_before = process_cpu_ns(options->server);
    t->began = now_ns();
    if (!fleet_join(f)) {
        fprintf(stderr, "load: %s\n", f->problem);
        goto done;
    }
    double server_cpu = (double)(process_cpu_ns(options->server) - cpu_before) / 1e9;
    ok = collect(t, f);
    if (ok)
        print_join(options, t, server_cpu);
done:
    if (t)
        free(t->joined);
    free(t);
    fleet_free(f);
    return ok;
}

static bool stay_idle(struct fleet *f, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end)
        if (!fleet_turn(f, 100))
            return false;
    return true;
}

bool mode_idle(const struct load_options *options)
{
    struct memory before;
    struct memory after;
    if (!process_memory(options->server, &before)) {
        fprintf(stderr, "load: cannot read the memory of process %ld\n", (long)options->server);
        return false;
    }
    struct fleet *f = fleet_new(&options->fleet);
    if (!f)
        return false;
    bool ok = fleet_join(f) && fleet_quiet(f, QUIET_MS);
    uint64_t cpu_before = process_cpu_ns(options->server);
    ok = ok && stay_idle(f, options->seconds);
    double cpu = (double)(process_cpu_ns(options->server) - cpu_before) / 1e9;
    if (!ok)
        fprintf(stderr, "load: %s\n", f->problem);
    ok = ok && process_memory(options->server, &after);
    fleet_free(f);
    if (!ok)
        return false;
    double n = options->fleet.clients;
    printf("idle dialect=%s clients=%u room_size=%u start_rss=%" PRIu64 " start_anon=%" PRIu64 " rss=%" PRIu64
           " anon=%" PRIu64 " rss_each=%.0f anon_each=%.0f seconds=%.0f server_cpu=%.4f\n",
        options->fleet.dialect->name, options->fleet.clients, options->fleet.room_size, before.resident,
        before.anonymous, after.resident, after.anonymous, ((double)after.resident - (double)before.resident) / n,
        ((double)after.anonymous - (double)before.anonymous) / n, options->seconds,
        options->seconds > 0 ? cpu / options->seconds : 0);
    return true;
}
