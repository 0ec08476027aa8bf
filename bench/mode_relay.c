/* SPDX-License-Identifier: MIT
 *
 * Rooms of two. Each side sends `window` signals and answers every signal it gets with one of its own, so twice the
 * window circulates in a pair for as long as the run lasts. Order within a pair is kept, hence the n-th signal that a
 * side gets answers its (n - window)-th: a ring of send times gives round trips without a time stamp in the
 * payload, and every frame can be built once, mask and all.
 *
 * What arrives is checked: the first signal of each side for its sender and its payload, byte for byte, every later
 * one for being the same as the first. A server that drops, mixes up or alters something fails the run.
 */
#include "bench/mode.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct side {
    struct buf frame;    /* the one that this side sends */
    struct buf expected; /* the text that it gets; empty until the first came */
    uint64_t *sent_at;   /* ring of 2 * window send times, ns */
    uint64_t received;
};

struct relay {
    const struct load_options *options;
    struct fleet *fleet;
    struct side *sides;
    struct buf data;              /* the signal's `data` */
    uint64_t messages;            /* received in the measured time */
    struct histogram round_trips; /* ns, in the measured time */
    bool measuring;
};

/* The lines of a session description as JSON carries them, cut to the size asked for (never inside an escape). */
static bool build_data(struct buf *out, unsigned payload)
{
    static const char line[] = "a=candidate:1 1 UDP 2122252543 192.168.17.23 50000 typ host\\r\\n";
    enum {
        LINE = sizeof line - 1
    };
    buf_init(out, payload + 64);
    buf_text(out, "{\"type\":\"offer\",\"sdp\":\"");
    for (unsigned n = payload; n >= LINE; n -= LINE)
        buf_add(out, line, LINE);
    for (unsigned n = payload % LINE; n > 0; n--)
        buf_byte(out, 'x');
    return buf_text(out, "\"}");
}

static struct client *partner_of(struct relay *r, const struct client *c)
{
    return &r->fleet->clients[c->index ^ 1U];
}

static bool init_side(struct relay *r, unsigned index)
{
    struct client *c = &r->fleet->clients[index];
    struct side *s = &r->sides[index];
    size_t max = r->data.len + 256;
    struct buf text;
    buf_init(&text, max);
    buf_init(&s->frame, max + WS_HEADER_MAX);
    buf_init(&s->expected, 2 * max);
    r->options->fleet.dialect->write_signal(&text, partner_of(r, c)->id, buf_view(&r->data));
    bool built = !text.failed && ws_frame(&c->ws, &s->frame, buf_view(&text));
    buf_done(&text);
    s->sent_at = calloc((size_t)2 * r->options->window, sizeof *s->sent_at);
    return built && s->sent_at;
}

/* Is this really the partner's signal, whole? */
static bool genuine(struct relay *r, const struct client *c, struct span text)
{
    char from[FLEET_ID_MAX + 16];
    int n = snprintf(from, sizeof from, "\"from\":\"%s\"", partner_of(r, c)->id);
    return memmem(text.p, text.n, from, (size_t)n) && memmem(text.p, text.n, r->data.p, r->data.len);
}

static void on_signal(void *ctx, struct client *c, struct span text)
{
    struct relay *r = ctx;
    struct side *s = &r->sides[c->index];
    if (s->received == 0 && genuine(r, c, text))
        buf_span(&s->expected, text);
    if (!span_eq(text, buf_view(&s->expected))) {
        fleet_fail(r->fleet, "client %u got what its partner did not send: %.*s", c->index,
            (int)(text.n < 200 ? text.n : 200), text.p);
        return;
    }
    unsigned window = r->options->window;
    uint64_t now = now_ns();
    if (r->measuring) {
        r->messages++;
        if (s->received >= window)
            histogram_add(&r->round_trips, now - s->sent_at[(s->received - window) % (2 * window)]);
    }
    s->sent_at[(s->received + window) % (2 * window)] = now;
    s->received++;
    buf_span(&c->ws.out, buf_view(&s->frame));
}

/* Puts the first window of each side on its way. */
static bool start(struct relay *r)
{
    for (unsigned i = 0; i < r->options->fleet.clients; i++)
        if (!init_side(r, i))
            return fleet_fail(r->fleet, "out of memory");
    for (unsigned i = 0; i < r->options->fleet.clients; i++) {
        struct client *c = &r->fleet->clients[i];
        for (unsigned w = 0; w < r->options->window; w++) {
            r->sides[i].sent_at[w] = now_ns();
            buf_span(&c->ws.out, buf_view(&r->sides[i].frame));
        }
        if (!fleet_flush(r->fleet, c))
            return false;
    }
    return true;
}

static bool run_for(struct fleet *f, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        if (!fleet_turn(f, 100))
            return false;
        if (now_ns() > f->last_byte_at + (uint64_t)FLEET_STALL_SECONDS * 1000000000U)
            return fleet_fail(f, "the server relays nothing more");
    }
    return true;
}

static bool measure(struct relay *r)
{
    const struct load_options *o = r->options;
    uint64_t server_before = process_cpu_ns(o->server);
    uint64_t own_before = process_cpu_ns(0);
    uint64_t began = now_ns();
    r->measuring = true;
    if (!run_for(r->fleet, o->seconds))
        return false;
    double elapsed = (double)(now_ns() - began) / 1e9;
    double server = (double)(process_cpu_ns(o->server) - server_before) / 1e9;
    double own = (double)(process_cpu_ns(0) - own_before) / 1e9;
    const struct histogram *h = &r->round_trips;
    printf("relay dialect=%s clients=%u window=%u payload=%u seconds=%.2f messages=%" PRIu64 " per_second=%.0f "
           "per_cpu_second=%.0f server_cpu=%.2f load_cpu=%.2f p50_us=%.0f p90_us=%.0f p99_us=%.0f max_us=%.0f\n",
        o->fleet.dialect->name, o->fleet.clients, o->window, o->payload, elapsed, r->messages,
        (double)r->messages / elapsed, server > 0 ? (double)r->messages / server : 0, server / elapsed, own / elapsed,
        histogram_us(h, 0.5), histogram_us(h, 0.9), histogram_us(h, 0.99), histogram_us(h, 1));
    return true;
}

bool mode_relay(const struct load_options *options)
{
    struct relay *r = calloc(1, sizeof *r);
    assert(options->fleet.clients % 2 == 0 && options->fleet.room_size == 2);
    bool ok = false;
    if (!r)
        goto done;
    r->options = options;
    r->fleet = fleet_new(&options->fleet);
    r->sides = calloc(options->fleet.clients, sizeof *r->sides);
    if (!r->fleet || !r->sides || !build_data(&r->data, options->payload))
        goto done;
    r->fleet->on_signal = on_signal;
    r->fleet->signal_ctx = r;
    ok = fleet_join(r->fleet) && start(r) && run_for(r->fleet, options->warmup) && measure(r);
    if (!ok)
        fprintf(stderr, "load: %s\n", r->fleet->problem);
done:
    for (unsigned i = 0; r && r->sides && i < options->fleet.clients; i++) {
        buf_done(&r->sides[i].frame);
        buf_done(&r->sides[i].expected);
        free(r->sides[i].sent_at);
    }
    if (r) {
        buf_done(&r->data);
        free(r->sides);
        fleet_free(r->fleet);
    }
    free(r);
    return ok;
}
