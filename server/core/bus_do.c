/* SPDX-License-Identifier: MIT
 *
 * An operation is one piece of memory: itself, its seats, and behind them all bytes that it speaks of. So an effect owns it
 * with one free, and whoever made it forgets his own at once.
 */
#include "server/core/cluster.h"

#include <stdlib.h>

#include "server/core/effects.h"

enum {
    SPANS = 10
};

/* All texts of an operation, in one order. */
static void spans_of(struct core_bus *op, struct span *spans[SPANS])
{
    struct span *all[SPANS] = {&op->node, &op->other, &op->room, &op->peer, &op->previous, &op->entry, &op->terms,
        &op->name, &op->text, &op->bytes};
    memcpy(spans, all, sizeof all);
}

static size_t seats_bytes(const struct core_bus *op)
{
    size_t n = 0;
    for (size_t i = 0; i < op->seats_n; i++)
        n += op->seats[i].peer.n + op->seats[i].entry.n;
    return n;
}

static char *move_span(struct span *s, char *at)
{
    if (s->n)
        memcpy(at, s->p, s->n);
    s->p = at;
    return at + s->n;
}

static struct core_bus *copy_of(const struct core_bus *op)
{
    struct core_bus whole = *op;
    struct span *spans[SPANS];
    spans_of(&whole, spans);
    size_t seats = op->seats_n * sizeof *op->seats, n = sizeof *op + seats + seats_bytes(op);
    for (unsigned i = 0; i < SPANS; i++)
        n += spans[i]->n;
    struct core_bus *copy = malloc(n);
    if (!copy)
        return NULL;
    *copy = whole;
    copy->seats = (struct core_bus_seat *)(copy + 1);
    char *at = (char *)(copy + 1) + seats;
    spans_of(copy, spans);
    for (unsigned i = 0; i < SPANS; i++)
        at = move_span(spans[i], at);
    for (size_t i = 0; i < op->seats_n; i++) {
        copy->seats[i] = op->seats[i];
        at = move_span(&copy->seats[i].peer, at);
        at = move_span(&copy->seats[i].entry, at);
    }
    return copy;
}

bool cluster_do(struct core *c, const struct core_bus *op)
{
    struct core_bus whole = *op;
    whole.node = cluster_self(c);
    whole.epoch = c->cluster->epoch;
    struct core_bus *copy = copy_of(&whole);
    return copy && effects_add(c->fx, &(struct core_effect){.type = CORE_BUS, .bus = copy});
}

bool cluster_send(struct core *c, struct conn_id conn, struct node *to, struct span record)
{
    return cluster_do(c, &(struct core_bus){.op = BUS_SEND,
                             .slot = conn.slot,
                             .conn_generation = conn.generation,
                             .other = {to->name, to->name_n},
                             .bytes = record});
}
