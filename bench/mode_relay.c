/* SPDX-License-Identifier: MIT
 *
 * Rooms of two. Each side sends `window` signals and answers every signal it gets with one of its own, so twice the
 * window circulates in a pair for as long as the run lasts. Order within a pair is kept, hence the n-th signal that a
 * side gets answers its (n - window)-th: a ring of send times gives round trips without a time stamp in the
 * payload, and every frame can be built once, mask and all.
 *
 * Signals of a pair that go in opposite ways meet by chance, and go on together from there: fewer and larger reads, which
 * changes the figure more than what a server does. When only one side begins (`one_sided`), what circulates is the window
 * and goes together from the start, so that a read brings as many signals at every server and at any time.
 *
 * `pace` is the unhurried form: nobody answers, the sides send in turn, one each millisecond or at the rate asked for,
 * and the n-th signal that a side gets is the n-th that its partner sent: one relay, one way, and with no queueing of
 * its own making. When a signal was sent is when it was, not when it was due; when it came is when the kernel had it. Of
 * that time the server's own part is shown besides: without that for which other programs had its processor.
 *
 * What arrives is checked: the first signal of each side for its sender and its payload, byte for byte, every later
 * one for being the same as the first. A server that drops, mixes up or alters something fails the run.
 */
#include "bench/mode.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PACE_RING = 4096 /* signals of one side on their way: 80 s of them when 20 clients share 1,000 a second */
};

struct side {
    struct buf frame;    /* the one that this side sends */
    struct buf expected; /* the text that it gets; empty until the first came */
    uint64_t *sent_at;   /* ring of send times, ns */
    unsigned lead;       /* signals that it sent before it got one */
    uint64_t *waited_at; /* pace only: process_waited_ns of the server then */
    uint64_t sent;       /* pace only */
    uint64_t received;
};

struct relay {
    const struct load_options *options;
    struct fleet *fleet;
    struct side *sides;
    struct buf data;        /* the signal's `data` */
    unsigned ring;          /* send times kept for each side */
    uint64_t messages;      /* received in the measured time */
    struct histogram times; /* ns, in the measured time: round trips, or one way */
    struct histogram own;   /* pace only: of these, the server's own part */
    int waiting;            /* pace only: see process_waiting; or -1 */
    bool measuring;
    unsigned turn; /* pace only: whose it is, counted on */
};

bool signal_data(struct buf *out, unsigned payload)
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
    s->sent_at = calloc(r->ring, sizeof *s->sent_at);
    s->waited_at = calloc(r->ring, sizeof *s->waited_at);
    return built && s->sent_at && s->waited_at;
}

/* Is this really the partner's signal, whole? */
static bool genuine(struct relay *r, const struct client *c, struct span text)
{
    char from[FLEET_ID_MAX + 16];
    int n = snprintf(from, sizeof from, "\"from\":\"%s\"", partner_of(r, c)->id);
    return memmem(text.p, text.n, from, (size_t)n) && memmem(text.p, text.n, r->data.p, r->data.len);
}

static bool expected(struct relay *r, struct client *c, struct span text)
{
    struct side *s = &r->sides[c->index];
    if (s->received == 0 && genuine(r, c, text))
        buf_span(&s->expected, text);
    return span_eq(text, buf_view(&s->expected)) ||
           fleet_fail(r->fleet, "client %u got what its partner did not send: %.*s", c->index,
               (int)(text.n < 200 ? text.n : 200), text.p);
}

static void note(struct relay *r, uint64_t sent_at, uint64_t now)
{
    r->messages += r->measuring;
    if (r->measuring && sent_at)
        histogram_add(&r->times, now - sent_at);
}

static void answer(void *ctx, struct client *c, struct span text)
{
    struct relay *r = ctx;
    struct side *s = &r->sides[c->index];
    if (!expected(r, c, text))
        return;
    unsigned others = r->sides[c->index ^ 1U].lead; /* these answer nothing */
    uint64_t now = now_ns();
    note(r, s->received >= others ? s->sent_at[(s->received - others) % r->ring] : 0, now);
    s->sent_at[(s->received + s->lead) % r->ring] = now;
    s->received++;
    buf_span(&c->ws.out, buf_view(&s->frame));
}

static void arrived(void *ctx, struct client *c, struct span text)
{
    struct relay *r = ctx;
    struct side *s = &r->sides[c->index];
    const struct side *partner = &r->sides[c->index ^ 1U];
    if (!expected(r, c, text))
        return;
    uint64_t i = s->received++ % r->ring, came = c->ws.came_at ? c->ws.came_at : wall_ns();
    uint64_t took = came > partner->sent_at[i] ? came - partner->sent_at[i] : 0;
    uint64_t waited = process_waited_ns(r->waiting) - partner->waited_at[i];
    note(r, came - took, came);
    if (r->measuring)
        histogram_add(&r->own, waited < took ? took - waited : 0);
}

static bool init_sides(struct relay *r)
{
    for (unsigned i = 0; i < r->options->fleet.clients; i++)
        if (!init_side(r, i))
            return fleet_fail(r->fleet, "out of memory");
    return true;
}

/* Puts the first window of each side on its way, or of every other one. */
static bool start(struct relay *r)
{
    for (unsigned i = 0; i < r->options->fleet.clients; i++) {
        struct client *c = &r->fleet->clients[i];
        struct side *s = &r->sides[i];
        s->lead = r->options->one_sided && i % 2 == 1 ? 0 : r->options->window;
        for (unsigned w = 0; w < s->lead; w++) {
            s->sent_at[w] = now_ns();
            buf_span(&c->ws.out, buf_view(&s->frame));
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
    uint64_t reads_before = r->fleet->reads, spun_before = r->fleet->spun_ns;
    r->measuring = true;
    if (!run_for(r->fleet, o->seconds))
        return false;
    double elapsed = (double)(now_ns() - began) / 1e9;
    double server = (double)(process_cpu_ns(o->server) - server_before) / 1e9;
    double own = (double)(process_cpu_ns(0) - own_before - (r->fleet->spun_ns - spun_before)) / 1e9;
    const struct histogram *h = &r->times;
    printf("relay dialect=%s clients=%u window=%u sides=%d payload=%u seconds=%.2f messages=%" PRIu64
           " per_second=%.0f "
           "per_cpu_second=%.0f per_read=%.2f server_cpu=%.2f load_cpu=%.2f p50_us=%.0f p90_us=%.0f p99_us=%.0f "
           "max_us=%.0f\n",
        o->fleet.dialect->name, o->fleet.clients, o->window, o->one_sided ? 1 : 2, o->payload, elapsed, r->messages,
        (double)r->messages / elapsed, server > 0 ? (double)r->messages / server : 0,
        (double)r->messages / (double)(r->fleet->reads - reads_before), server / elapsed, own / elapsed,
        histogram_us(h, 0.5), histogram_us(h, 0.9), histogram_us(h, 0.99), histogram_us(h, 1));
    return true;
}

static bool send_one(struct relay *r, unsigned index)
{
    struct client *c = &r->fleet->clients[index];
    struct side *s = &r->sides[index];
    uint64_t i = s->sent++ % r->ring;
    s->waited_at[i] = process_waited_ns(r->waiting);
    s->sent_at[i] = wall_ns();
    buf_span(&c->ws.out, buf_view(&s->frame));
    return fleet_flush(r->fleet, c);
}

/* One signal after the other, at even distances. A moment that was missed is not made up for: its signal is late. */
static bool pace_for(struct relay *r, double seconds)
{
    struct fleet *f = r->fleet;
    uint64_t step = 1000000000U / r->options->rate, now = now_ns();
    uint64_t end = now + (uint64_t)(seconds * 1e9);
    for (uint64_t due = now; now < end; now = now_ns()) {
        if (now >= due) {
            if (!send_one(r, r->turn++ % f->options.clients))
                return false;
            due = due + step > now ? due + step : now;
        }
        uint64_t left = due > now ? due - now : 0;
        if (!fleet_turn(f, (int)((left + 999999U) / 1000000U)))
            return false;
        if (now > f->last_byte_at + (uint64_t)FLEET_STALL_SECONDS * 1000000000U)
            return fleet_fail(f, "the server relays nothing more");
    }
    return true;
}

static bool measure_pace(struct relay *r)
{
    const struct load_options *o = r->options;
    uint64_t server_before = process_cpu_ns(o->server);
    r->measuring = true;
    if (!pace_for(r, o->seconds))
        return false;
    double server = (double)(process_cpu_ns(o->server) - server_before) / 1e9;
    const struct histogram *h = &r->times;
    printf("pace dialect=%s clients=%u rate=%u payload=%u seconds=%.2f messages=%" PRIu64 " server_cpu=%.2f "
           "p50_us=%.0f p90_us=%.0f p99_us=%.0f max_us=%.0f own_p50_us=%.0f own_p99_us=%.0f own_max_us=%.0f\n",
        o->fleet.dialect->name, o->fleet.clients, o->rate, o->payload, o->seconds, r->messages, server / o->seconds,
        histogram_us(h, 0.5), histogram_us(h, 0.9), histogram_us(h, 0.99), histogram_us(h, 1),
        histogram_us(&r->own, 0.5), histogram_us(&r->own, 0.99), histogram_us(&r->own, 1));
    return true;
}

static bool run(
    const struct load_options *options, unsigned ring, fleet_on_signal *on_signal, bool (*show)(struct relay *r))
{
    struct relay *r = calloc(1, sizeof *r);
    assert(options->fleet.clients % 2 == 0 && options->fleet.room_size == 2);
    bool ok = false;
    if (!r)
        goto done;
    r->options = options;
    r->ring = ring;
    r->waiting = process_waiting(options->server);
    r->fleet = fleet_new(&options->fleet);
    r->sides = calloc(options->fleet.clients, sizeof *r->sides);
    if (!r->fleet || !r->sides || !signal_data(&r->data, options->payload))
        goto done;
    r->fleet->on_signal = on_signal;
    r->fleet->signal_ctx = r;
    ok = fleet_join(r->fleet) && init_sides(r) && show(r);
    if (!ok)
        fprintf(stderr, "load: %s\n", r->fleet->problem);
done:
    for (unsigned i = 0; r && r->sides && i < options->fleet.clients; i++) {
        buf_done(&r->sides[i].frame);
        buf_done(&r->sides[i].expected);
        free(r->sides[i].sent_at);
        free(r->sides[i].waited_at);
    }
    if (r) {
        close(r->waiting);
        buf_done(&r->data);
        free(r->sides);
        fleet_free(r->fleet);
    }
    free(r);
    return ok;
}

static bool show_relay(struct relay *r)
{
    return start(r) && run_for(r->fleet, r->options->warmup) && measure(r);
}

static bool show_pace(struct relay *r)
{
    return pace_for(r, r->options->warmup) && measure_pace(r);
}

bool mode_relay(const struct load_options *options)
{
    return run(options, 2 * options->window, answer, show_relay);
}

bool mode_pace(const struct load_options *options)
{
    return run(options, PACE_RING, arrived, show_pace);
}
