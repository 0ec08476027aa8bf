/* SPDX-License-Identifier: MIT
 *
 * Each direction is a queue whose items carry the time they are due; one pump per direction delivers them in order.
 * Where the path is cut the pump looks again every RETRY_MS, as TCP's retransmission timer would.
 */
#include "tests/sim/wire.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

enum {
    RETRY_MS = 250,
    GIVE_UP_MS = 60000,
    CLOSE_MS = 5000
};

enum kind {
    SYN,
    ACCEPTED,
    REQUEST,
    UPGRADED,
    TEXT,
    BINARY,
    GARBAGE,
    PING,
    PONG,
    CLOSE,
    CLOSE_ANSWER,
    RESET
};
enum state {
    WAITING,
    OPEN,
    CLOSING,
    GONE
};

struct item {
    enum kind kind;
    uint32_t code; /* of a close; the number of a ping or pong */
    uint64_t due;
    struct frame *frame;
    struct item *prev, *next;
};

struct end {
    const struct wire_face *face;
    void *who;
    unsigned host;
    enum state state;
    bool mute, reads;
    struct item *inbox; /* in flight to this end */
    size_t inbox_bytes;
    uint64_t last_due, stuck_since;
    bool pumping;
};

struct wire {
    struct wire_net *net;
    struct wire_listener *listener;
    struct end ends[2];
    bool half;
    uint32_t number;
    struct wire *next;
};

struct wire_net {
    struct world *w;
    struct wire *wires;
};

struct wire_net *wire_net_new(struct world *w)
{
    struct wire_net *net = world_alloc(sizeof *net);
    net->w = w;
    return net;
}

static void item_free(struct item *i)
{
    frame_unref(i->frame);
    free(i);
}

static void inbox_clear(struct end *e)
{
    struct item *i, *tmp;
    DL_FOREACH_SAFE (e->inbox, i, tmp) {
        item_free(i);
    }
    e->inbox = NULL;
    e->inbox_bytes = 0;
}

void wire_net_free(struct wire_net *net)
{
    if (!net)
        return;
    struct wire *wire, *tmp;
    LL_FOREACH_SAFE(net->wires, wire, tmp)
    {
        inbox_clear(&wire->ends[0]);
        inbox_clear(&wire->ends[1]);
        free(wire);
    }
    free(net);
}

static enum wire_end other(enum wire_end e)
{
    return e == WIRE_CLIENT ? WIRE_SERVER : WIRE_CLIENT;
}

static size_t limited_bytes(const struct item *i)
{
    return i->frame && !i->frame->unlimited ? i->frame->len : 0;
}

/* ---- delivery ---- */

static void pump_client(void *who, uint64_t arg);
static void pump_server(void *who, uint64_t arg);

static void pump_at(struct wire *wire, enum wire_end to, uint64_t at)
{
    struct end *e = &wire->ends[to];
    if (e->pumping)
        return;
    e->pumping = true;
    world_at(wire->net->w, at, to == WIRE_CLIENT ? pump_client : pump_server, wire, 0);
}

static void push(struct wire *wire, enum wire_end from, enum kind kind, struct frame *frame, uint32_t code)
{
    struct world *w = wire->net->w;
    enum wire_end to = other(from);
    struct end *e = &wire->ends[to];
    struct item *i = world_alloc(sizeof *i);
    uint64_t due = world_now(w) + world_latency(w, wire->ends[from].host, e->host);
    /* A lost segment holds back all that follows it, until it was sent again. */
    if (world_reachable(w, wire->ends[from].host, e->host) && world_loses(w, wire->ends[from].host, e->host))
        due += RETRY_MS;
    e->last_due = due > e->last_due ? due : e->last_due;
    *i = (struct item){.kind = kind, .code = code, .due = e->last_due, .frame = frame};
    DL_APPEND(e->inbox, i);
    e->inbox_bytes += limited_bytes(i);
    pump_at(wire, to, i->due);
}

static void end_gone(struct wire *wire, enum wire_end end, uint16_t code)
{
    struct end *e = &wire->ends[end];
    if (e->state == GONE)
        return;
    e->state = GONE;
    inbox_clear(e);
    if (e->face)
        e->face->closed(e->who, wire, code);
}

static void arrive_at_open(struct wire *wire, enum wire_end to, const struct item *i)
{
    struct end *e = &wire->ends[to];
    switch (i->kind) {
    case TEXT:
        e->face->frame(e->who, wire, frame_text(i->frame));
        break;
    case BINARY:
        e->face->binary(e->who, wire);
        break;
    case GARBAGE:
        e->face->garbage(e->who, wire);
        break;
    case PING:
        e->face->ping(e->who, wire, i->code);
        break;
    case PONG:
        e->face->pong(e->who, wire, i->code);
        break;
    case CLOSE:
        push(wire, to, CLOSE_ANSWER, NULL, i->code);
        end_gone(wire, to, (uint16_t)i->code);
        break;
    case CLOSE_ANSWER:
        end_gone(wire, to, e->state == CLOSING ? (uint16_t)i->code : 0);
        break;
    default:
        assert(i->kind == RESET);
        end_gone(wire, to, 0);
    }
}

static void arrive_in_handshake(struct wire *wire, enum wire_end to, const struct item *i)
{
    struct end *e = &wire->ends[to];
    switch (i->kind) {
    case SYN:
        if (!wire->listener->up) {
            e->state = GONE;
            push(wire, to, RESET, NULL, 0);
            break;
        }
        e->face = wire->listener->face;
        e->who = wire->listener->who;
        push(wire, to, ACCEPTED, NULL, 0);
        wire->listener->accept(e->who, wire);
        break;
    case ACCEPTED:
        if (!wire->half)
            push(wire, to, REQUEST, NULL, 0);
        break;
    case REQUEST:
        e->state = OPEN;
        push(wire, to, UPGRADED, NULL, 0);
        e->face->open(e->who, wire);
        break;
    case UPGRADED:
        e->state = OPEN;
        e->face->open(e->who, wire);
        break;
    default: /* refused, closed or reset before it was open */
        if (i->kind == CLOSE)
            push(wire, to, CLOSE_ANSWER, NULL, 0);
        end_gone(wire, to, 0);
    }
}

static void arrive(struct wire *wire, enum wire_end to, const struct item *i)
{
    struct end *e = &wire->ends[to];
    if (e->state == GONE) {
        if (!e->mute && i->kind != RESET && i->kind != CLOSE_ANSWER)
            push(wire, to, RESET, NULL, 0);
    } else if (e->state == WAITING) {
        arrive_in_handshake(wire, to, i);
    } else if (i->kind > UPGRADED) { /* a request that a refusal crossed is nobody's any more */
        arrive_at_open(wire, to, i);
    }
}

/* The path is cut, or a mute end swallows what it gets: the sender finds out when it has tried for long enough. */
static void wait_or_give_up(struct wire *wire, enum wire_end to)
{
    struct world *w = wire->net->w;
    struct end *e = &wire->ends[to];
    if (e->stuck_since == 0)
        e->stuck_since = world_now(w);
    if (world_now(w) - e->stuck_since < GIVE_UP_MS) {
        pump_at(wire, to, world_now(w) + RETRY_MS);
        return;
    }
    world_trace(w, "socket %u: gave up sending", wire->number);
    inbox_clear(e);
    end_gone(wire, other(to), 0);
}

static void pump(struct wire *wire, enum wire_end to)
{
    struct world *w = wire->net->w;
    struct end *e = &wire->ends[to];
    e->pumping = false;
    while (e->inbox) {
        struct item *i = e->inbox;
        bool mute = e->state == GONE && e->mute;
        if (e->state != GONE && !e->reads && i->kind != RESET)
            return;
        if (i->due > world_now(w)) {
            pump_at(wire, to, i->due);
            return;
        }
        if (mute || !world_reachable(w, wire->ends[0].host, wire->ends[1].host)) {
            wait_or_give_up(wire, to);
            return;
        }
        e->stuck_since = 0;
        DL_DELETE(e->inbox, i);
        e->inbox_bytes -= limited_bytes(i);
        arrive(wire, to, i);
        item_free(i);
    }
}

static void pump_client(void *who, uint64_t arg)
{
    (void)arg;
    pump(who, WIRE_CLIENT);
}

static void pump_server(void *who, uint64_t arg)
{
    (void)arg;
    pump(who, WIRE_SERVER);
}

/* ---- what the ends ask for ---- */

struct wire *wire_open(struct wire_net *net, unsigned host, struct wire_listener *listener,
    const struct wire_face *face, void *who, bool half)
{
    struct wire *wire = world_alloc(sizeof *wire);
    wire->net = net;
    wire->listener = listener;
    wire->half = half;
    wire->ends[WIRE_CLIENT] = (struct end){.face = face, .who = who, .host = host, .reads = true};
    wire->ends[WIRE_SERVER] = (struct end){.host = listener->host, .reads = true};
    LL_PREPEND(net->wires, wire);
    push(wire, WIRE_CLIENT, SYN, NULL, 0);
    return wire;
}

void wire_number(struct wire *wire, uint32_t number)
{
    wire->number = number;
}

uint32_t wire_numbered(const struct wire *wire)
{
    return wire->number;
}

void wire_send(struct wire *wire, enum wire_end from, struct frame *frame)
{
    if (wire->ends[from].state == OPEN)
        push(wire, from, TEXT, frame, 0);
    else
        frame_unref(frame);
}

void wire_send_binary(struct wire *wire, enum wire_end from)
{
    if (wire->ends[from].state == OPEN)
        push(wire, from, BINARY, NULL, 0);
}

void wire_send_garbage(struct wire *wire, enum wire_end from)
{
    if (wire->ends[from].state == OPEN)
        push(wire, from, GARBAGE, NULL, 0);
}

void wire_ping(struct wire *wire, enum wire_end from, uint32_t number)
{
    if (wire->ends[from].state == OPEN)
        push(wire, from, PING, NULL, number);
}

void wire_pong(struct wire *wire, enum wire_end from, uint32_t number)
{
    if (wire->ends[from].state == OPEN)
        push(wire, from, PONG, NULL, number);
}

static void close_timeout(void *who, uint64_t arg)
{
    struct wire *wire = who;
    end_gone(wire, (enum wire_end)arg, 0);
}

void wire_close(struct wire *wire, enum wire_end from, uint16_t code)
{
    struct end *e = &wire->ends[from];
    if (e->state == GONE || e->state == CLOSING)
        return;
    push(wire, from, CLOSE, NULL, code);
    e->state = CLOSING;
    world_at(wire->net->w, world_now(wire->net->w) + CLOSE_MS, close_timeout, wire, (uint64_t)from);
}

void wire_break(struct wire *wire)
{
    for (unsigned end = 0; end < 2; end++) {
        enum wire_end from = other((enum wire_end)end);
        inbox_clear(&wire->ends[end]);
        push(wire, from, RESET, NULL, 0);
    }
}

void wire_vanish(struct wire *wire, enum wire_end end, bool mute)
{
    struct end *e = &wire->ends[end];
    e->state = GONE;
    e->mute = mute;
    e->face = NULL;
    inbox_clear(e);
}

void wire_reading(struct wire *wire, enum wire_end end, bool reads)
{
    struct end *e = &wire->ends[end];
    e->reads = reads;
    if (reads && e->inbox)
        pump_at(wire, end, world_now(wire->net->w));
}

size_t wire_backlog(const struct wire *wire, enum wire_end from)
{
    return wire->ends[other(from)].inbox_bytes;
}

bool wire_is_open(const struct wire *wire, enum wire_end end)
{
    return wire->ends[end].state == OPEN;
}
