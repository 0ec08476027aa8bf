/* SPDX-License-Identifier: MIT
 *
 * Rooms of any size in which all talk to one: the first member of each room, the hub. Every other one sends `window`
 * signals to it and answers each that it gets; the hub answers each signal to its sender. So in a turn of the server's
 * loop many connections bring signals for one, and one brings signals for many.
 *
 * The first signal that a member gets, or a hub gets from a member, is checked for its sender and its payload, byte for
 * byte; every later one for being the same.
 */
#include "bench/mode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct spoke {
    struct buf to_hub, to_member;     /* frames */
    struct buf from_member, from_hub; /* what arrives; empty until the first came */
};

struct star {
    const struct load_options *options;
    struct fleet *fleet;
    struct spoke *spokes; /* of each client, the hubs' unused */
    struct buf data;
    uint64_t messages;
    bool measuring;
};

static unsigned hub_of(const struct star *s, unsigned index)
{
    return index - index % s->options->fleet.room_size;
}

static bool build_frame(struct star *s, const struct client *sender, const struct client *reader, struct buf *frame)
{
    struct buf text;
    buf_init(&text, s->data.len + 256);
    buf_init(frame, s->data.len + 256 + WS_HEADER_MAX);
    s->options->fleet.dialect->write_signal(&text, reader->id, buf_view(&s->data));
    bool built = !text.failed && ws_frame(&sender->ws, frame, buf_view(&text));
    buf_done(&text);
    return built;
}

static bool init_spokes(struct star *s)
{
    for (unsigned i = 0; i < s->options->fleet.clients; i++) {
        struct client *member = &s->fleet->clients[i], *hub = &s->fleet->clients[hub_of(s, i)];
        struct spoke *spoke = &s->spokes[i];
        buf_init(&spoke->from_member, 2 * s->data.len + 512);
        buf_init(&spoke->from_hub, 2 * s->data.len + 512);
        if (member != hub &&
            (!build_frame(s, member, hub, &spoke->to_hub) || !build_frame(s, hub, member, &spoke->to_member)))
            return fleet_fail(s->fleet, "out of memory");
    }
    return true;
}

static bool expected(struct star *s, struct buf *known, const struct client *sender, struct span text)
{
    struct span from = span_string_after(text, "\"from\":\"");
    if (known->len == 0 && span_is(from, sender->id) && memmem(text.p, text.n, s->data.p, s->data.len))
        buf_span(known, text);
    return span_eq(text, buf_view(known));
}

/* The member of the hub's room that sent it; the hub itself if none did. */
static unsigned sender_of(const struct star *s, unsigned hub, struct span text)
{
    struct span from = span_string_after(text, "\"from\":\"");
    for (unsigned i = hub + 1; i < hub + s->options->fleet.room_size; i++)
        if (span_is(from, s->fleet->clients[i].id))
            return i;
    return hub;
}

static void answer(void *ctx, struct client *c, struct span text)
{
    struct star *s = ctx;
    unsigned hub = hub_of(s, c->index);
    bool at_hub = c->index == hub;
    unsigned member = at_hub ? sender_of(s, hub, text) : c->index;
    struct spoke *spoke = &s->spokes[member];
    struct buf *known = at_hub ? &spoke->from_member : &spoke->from_hub;
    if (member == hub || !expected(s, known, &s->fleet->clients[at_hub ? member : hub], text)) {
        fleet_fail(
            s->fleet, "client %u got what nobody sent: %.*s", c->index, (int)(text.n < 200 ? text.n : 200), text.p);
        return;
    }
    s->messages += s->measuring;
    buf_span(&c->ws.out, buf_view(at_hub ? &spoke->to_member : &spoke->to_hub));
}

static bool start(struct star *s)
{
    for (unsigned i = 0; i < s->options->fleet.clients; i++) {
        for (unsigned w = 0; w < s->options->window && i != hub_of(s, i); w++)
            buf_span(&s->fleet->clients[i].ws.out, buf_view(&s->spokes[i].to_hub));
        if (!fleet_flush(s->fleet, &s->fleet->clients[i]))
            return false;
    }
    return true;
}

static bool run_for(struct fleet *f, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end)
        if (!fleet_turn(f, 100))
            return false;
    return true;
}

static bool measure(struct star *s)
{
    const struct load_options *o = s->options;
    uint64_t server_before = process_cpu_ns(o->server), reads_before = s->fleet->reads, began = now_ns();
    s->measuring = true;
    if (!run_for(s->fleet, o->seconds))
        return false;
    double elapsed = (double)(now_ns() - began) / 1e9;
    double server = (double)(process_cpu_ns(o->server) - server_before) / 1e9;
    printf("star dialect=%s clients=%u room_size=%u window=%u payload=%u seconds=%.2f messages=%" PRIu64
           " per_second=%.0f per_cpu_second=%.0f per_read=%.2f server_cpu=%.2f\n",
        o->fleet.dialect->name, o->fleet.clients, o->fleet.room_size, o->window, o->payload, elapsed, s->messages,
        (double)s->messages / elapsed, server > 0 ? (double)s->messages / server : 0,
        (double)s->messages / (double)(s->fleet->reads - reads_before), server / elapsed);
    return true;
}

bool mode_star(const struct load_options *options)
{
    struct star s = {.options = options};
    bool ok = false;
    if (options->fleet.room_size < 2 || options->fleet.clients % options->fleet.room_size) {
        fputs("load: --clients must be a multiple of --room-size, which is 2 or more\n", stderr);
        return false;
    }
    s.fleet = fleet_new(&options->fleet);
    s.spokes = calloc(options->fleet.clients, sizeof *s.spokes);
    if (!s.fleet || !s.spokes || !signal_data(&s.data, options->payload))
        goto done;
    s.fleet->on_signal = answer;
    s.fleet->signal_ctx = &s;
    ok = fleet_join(s.fleet) && init_spokes(&s) && start(&s) && run_for(s.fleet, options->warmup) && measure(&s);
    if (!ok)
        fprintf(stderr, "load: %s\n", s.fleet->problem);
done:
    for (unsigned i = 0; s.spokes && i < options->fleet.clients; i++) {
        buf_done(&s.spokes[i].to_hub);
        buf_done(&s.spokes[i].to_member);
        buf_done(&s.spokes[i].from_member);
        buf_done(&s.spokes[i].from_hub);
    }
    free(s.spokes);
    buf_done(&s.data);
    fleet_free(s.fleet);
    return ok;
}
