/* SPDX-License-Identifier: MIT
 *
 * Names that clients chose, and topics, on the model of the bus.
 */
#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "tests/sim/bus_inner.h"

static struct span view(const struct text *t)
{
    return (struct span){t->p, t->n};
}

/* ---- names ---- */

static struct bus_name *name_of(struct bus *b, struct span key, struct span id)
{
    struct bus_name *n;
    DL_FOREACH (b->names, n)
        if (span_eq(view(&n->key), key) && span_eq(view(&n->id), id))
            return n;
    return NULL;
}

static void name_free(struct bus *b, struct bus_name *n)
{
    DL_DELETE(b->names, n);
    free(n->key.p);
    free(n->id.p);
    free(n->node.p);
    free(n->secret.p);
    free(n);
}

static bool is_of(const struct bus_name *n, struct span node, uint64_t epoch)
{
    return span_eq(view(&n->node), node) && n->epoch == epoch;
}

static enum core_bus_outcome take(struct bus *b, const struct core_bus *op)
{
    struct bus_name *n = name_of(b, op->name, op->peer);
    bool alive = n && bus_is_alive(b, view(&n->node), n->epoch);
    if (alive && !span_eq(view(&n->secret), op->text))
        return BUS_TAKEN;
    if (alive && !span_eq(view(&n->node), op->node))
        b->publish(b->ctx, view(&n->node), op->bytes);
    if (n)
        name_free(b, n);
    n = calloc(1, sizeof *n);
    *n = (struct bus_name){.key = text_of(op->name),
        .id = text_of(op->peer),
        .node = text_of(op->node),
        .secret = text_of(op->text),
        .epoch = op->epoch};
    DL_APPEND(b->names, n);
    bus_item_add(b, op, 'n', op->name, op->peer);
    return BUS_OK;
}

static enum core_bus_outcome free_name(struct bus *b, const struct core_bus *op)
{
    struct bus_name *n = name_of(b, op->name, op->peer);
    bus_item_remove(b, op, 'n', op->name, op->peer);
    if (n && is_of(n, op->node, op->epoch))
        name_free(b, n);
    return BUS_OK;
}

static enum core_bus_outcome send(struct bus *b, const struct core_bus *op)
{
    const struct bus_name *n = name_of(b, op->name, op->peer);
    bool alive = n && bus_is_alive(b, view(&n->node), n->epoch);
    return alive && b->publish(b->ctx, view(&n->node), op->bytes) ? BUS_OK : BUS_NO_NAME;
}

static enum core_bus_outcome list(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    const struct bus_name *n;
    size_t count = 0;
    out->seats = calloc(op->count + 1, sizeof *out->seats);
    DL_FOREACH (b->names, n)
        if (count < op->count && span_eq(view(&n->key), op->name))
            out->seats[count++] = (struct core_bus_seat){.peer = view(&n->id)};
    out->answer.seats = out->seats;
    out->answer.seats_n = count;
    return BUS_OK;
}

/* ---- topics ---- */

static struct bus_topic *topic_of(struct bus *b, struct span topic, struct span node)
{
    struct bus_topic *t;
    DL_FOREACH (b->topics, t)
        if (span_eq(view(&t->topic), topic) && span_eq(view(&t->node), node))
            return t;
    return NULL;
}

static void topic_free(struct bus *b, struct bus_topic *t)
{
    DL_DELETE(b->topics, t);
    free(t->topic.p);
    free(t->node.p);
    free(t);
}

static enum core_bus_outcome topic_join(struct bus *b, const struct core_bus *op)
{
    struct bus_topic *t = topic_of(b, op->name, op->node);
    if (!t) {
        t = calloc(1, sizeof *t);
        t->topic = text_of(op->name);
        t->node = text_of(op->node);
        DL_APPEND(b->topics, t);
    }
    t->epoch = op->epoch;
    bus_item_add(b, op, 't', op->name, (struct span){NULL, 0});
    return BUS_OK;
}

static enum core_bus_outcome topic_leave(struct bus *b, const struct core_bus *op)
{
    struct bus_topic *t = topic_of(b, op->name, op->node);
    bus_item_remove(b, op, 't', op->name, (struct span){NULL, 0});
    if (t)
        topic_free(b, t);
    return BUS_OK;
}

static enum core_bus_outcome topic_send(struct bus *b, const struct core_bus *op)
{
    const struct bus_topic *t;
    DL_FOREACH (b->topics, t)
        if (span_eq(view(&t->topic), op->name) && !span_eq(view(&t->node), op->node))
            b->publish(b->ctx, view(&t->node), op->bytes);
    return BUS_OK;
}

/* ---- both ---- */

enum core_bus_outcome bus_names_do(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    switch (op->op) {
    case BUS_NAME_TAKE:
        return take(b, op);
    case BUS_NAME_FREE:
        return free_name(b, op);
    case BUS_NAME_SEND:
        return send(b, op);
    case BUS_NAME_LIST:
        return list(b, op, out);
    case BUS_TOPIC_JOIN:
        return topic_join(b, op);
    case BUS_TOPIC_LEAVE:
        return topic_leave(b, op);
    case BUS_TOPIC_SEND:
        return topic_send(b, op);
    default:
        assert(false);
        return BUS_FAILED;
    }
}

void bus_names_clear(struct bus *b, const struct core_bus *op, char kind, struct span item)
{
    if (kind == 't') {
        struct bus_topic *t = topic_of(b, item, op->other);
        if (t && t->epoch == op->former)
            topic_free(b, t);
        return;
    }
    const char *space = span_find(item, ' ');
    struct span key = {item.p, (size_t)(space - item.p)};
    struct bus_name *n = name_of(b, key, (struct span){space + 1, item.n - key.n - 1});
    if (n && is_of(n, op->other, op->former))
        name_free(b, n);
}

void bus_names_forget(struct bus *b)
{
    while (b->names)
        name_free(b, b->names);
    while (b->topics)
        topic_free(b, b->topics);
}
