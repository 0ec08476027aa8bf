/* SPDX-License-Identifier: MIT */
#include "tests/sim/nodes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/bus.h"

struct one {
    struct core *core;
    struct rng_seeded seed;
    struct rng rng;
    char name[NODE_MAX + 1];
    uint32_t link;
    bool linked;
};

struct nodes {
    struct nodes_host host;
    struct bus *bus;
    struct one v[NODES_COUNT_MAX];
    uint64_t seed;
};

void parcel_free(struct parcel *p)
{
    free(p->op);
    bus_reply_done(&p->reply);
    free(p->bytes);
    free(p);
}

static char *copy_of(struct span s)
{
    char *bytes = malloc(s.n + 1);
    if (s.n)
        memcpy(bytes, s.p, s.n);
    return bytes;
}

static struct parcel *parcel_new(const struct nodes *ns, enum parcel_type type, unsigned node)
{
    struct parcel *p = calloc(1, sizeof *p);
    p->type = type;
    p->node = node;
    p->link = ns->v[node].link;
    p->keeps_order = true;
    return p;
}

struct parcel *parcel_again(const struct parcel *p)
{
    struct parcel *again = calloc(1, sizeof *again);
    assert(p->type == PARCEL_MESSAGE);
    *again = *p;
    again->bytes = copy_of((struct span){p->bytes, p->n});
    return again;
}

static bool published(void *ctx, struct span node, struct span message)
{
    struct nodes *ns = ctx;
    for (unsigned i = 0; i < NODES_COUNT_MAX; i++) {
        if (!ns->v[i].core || !ns->v[i].linked || !span_is(node, ns->v[i].name))
            continue;
        struct parcel *p = parcel_new(ns, PARCEL_MESSAGE, i);
        p->bytes = copy_of(message);
        p->n = message.n;
        ns->host.later(ns->host.ctx, p);
        return true;
    }
    return false;
}

struct nodes *nodes_new(const struct nodes_host *host, uint64_t seed)
{
    struct nodes *ns = calloc(1, sizeof *ns);
    ns->host = *host;
    ns->seed = seed;
    ns->bus = bus_new(published, ns);
    return ns;
}

void nodes_free(struct nodes *ns)
{
    for (unsigned i = 0; i < NODES_COUNT_MAX; i++)
        nodes_kill(ns, i);
    bus_free(ns->bus);
    free(ns);
}

struct bus *nodes_bus(struct nodes *ns)
{
    return ns->bus;
}

struct core *nodes_core(const struct nodes *ns, unsigned node)
{
    return ns->v[node].core;
}

void nodes_start(struct nodes *ns, unsigned node, struct core_settings settings)
{
    struct one *o = &ns->v[node];
    assert(!o->core);
    if (!*settings.node)
        snprintf(settings.node, sizeof settings.node, "n%u", node + 1);
    snprintf(o->name, sizeof o->name, "%s", settings.node);
    rng_seeded_init(&o->seed, ns->seed * 1000003 + ++o->link * 31 + node);
    o->rng = rng_seeded_port(&o->seed);
    o->core = core_new(&settings, &o->rng);
    assert(o->core);
    nodes_step(ns, node, (struct core_event){.type = CORE_TIME});
}

void nodes_kill(struct nodes *ns, unsigned node)
{
    struct one *o = &ns->v[node];
    core_free(o->core);
    o->core = NULL;
    o->linked = false;
    o->link++;
}

bool nodes_is_linked(const struct nodes *ns, unsigned node)
{
    return ns->v[node].linked;
}

void nodes_link(struct nodes *ns, unsigned node, bool up)
{
    struct one *o = &ns->v[node];
    if (!o->core || o->linked == up)
        return;
    o->linked = up;
    o->link++;
    nodes_step(ns, node, (struct core_event){.type = up ? CORE_BUS_UP : CORE_BUS_DOWN});
}

static void send_op(struct nodes *ns, unsigned node, struct core_effect *fx)
{
    struct parcel *p = parcel_new(ns, PARCEL_OP, node);
    p->op = fx->bus;
    fx->bus = NULL;
    ns->host.later(ns->host.ctx, p);
}

/* Which is the sum of what goes in. */
static void hash(struct nodes *ns, unsigned node, const struct core_hash *h)
{
    struct parcel *p = parcel_new(ns, PARCEL_HASHED, node);
    p->bytes = calloc(1, ROOM_HASH_BYTES);
    p->n = ROOM_HASH_BYTES;
    p->job = h->job;
    for (size_t i = 0; i < h->password_n; i++)
        p->bytes[i % ROOM_HASH_BYTES] = (char)(p->bytes[i % ROOM_HASH_BYTES] + h->password[i] + (char)h->salt[0]);
    ns->host.later(ns->host.ctx, p);
}

static void execute(struct nodes *ns, unsigned node, struct core_effect *fx)
{
    const struct nodes_host *host = &ns->host;
    if (fx->type == CORE_BUS)
        send_op(ns, node, fx);
    else if (fx->type == CORE_SEND)
        host->heard(host->ctx, node, fx->conn, frame_text(fx->frame));
    else if (fx->type == CORE_CLOSE)
        host->closed(host->ctx, node, fx->conn, fx->close.code);
    else if (fx->type == CORE_HASH)
        hash(ns, node, fx->hash);
    else if (fx->type == CORE_RESPONSE)
        host->responded(host->ctx, node, fx->conn, fx->response.status,
            fx->response.body ? frame_text(fx->response.body) : (struct span){"", 0});
    else if (fx->type == CORE_WEBHOOK && host->told)
        host->told(host->ctx, node, frame_text(fx->webhook));
}

void nodes_step(struct nodes *ns, unsigned node, struct core_event event)
{
    struct core_effects fx = {0};
    bool stores = false;
    if (!ns->v[node].core)
        return;
    event.now = ns->host.now(ns->host.ctx);
    event.unix_ms = event.now + 1000000;
    core_step(ns->v[node].core, &event, &fx);
    core_check(ns->v[node].core);
    for (size_t i = 0; i < fx.n; i++) {
        stores = stores || fx.v[i].type == CORE_STORE;
        execute(ns, node, &fx.v[i]);
    }
    core_effects_done(&fx);
    if (stores)
        nodes_step(ns, node, (struct core_event){.type = CORE_STORED, .stored = true});
}

/* ---- what arrives ---- */

static void do_op(struct nodes *ns, struct parcel *p)
{
    struct parcel *back = parcel_new(ns, PARCEL_ANSWER, p->node);
    back->link = p->link;
    bus_do(ns->bus, p->op, ns->host.now(ns->host.ctx), &back->reply);
    if (p->op->op == BUS_SEND && back->reply.unheard) {
        back->type = PARCEL_UNHEARD;
        back->conn = (struct conn_id){p->op->slot, p->op->conn_generation};
    } else if (p->op->op == BUS_SEND) {
        parcel_free(back);
        return;
    }
    ns->host.later(ns->host.ctx, back);
}

static void give(struct nodes *ns, const struct parcel *p)
{
    struct core_event e = {.type = CORE_BUS_MESSAGE, .bytes = {p->bytes, p->n}};
    if (p->type == PARCEL_ANSWER)
        e = (struct core_event){.type = CORE_BUS_ANSWER, .answer = &p->reply.answer};
    else if (p->type == PARCEL_UNHEARD)
        e = (struct core_event){.type = CORE_BUS_UNHEARD, .conn = p->conn};
    else if (p->type == PARCEL_HASHED)
        e = (struct core_event){.type = CORE_HASHED, .hashed = {p->job, (const uint8_t *)p->bytes}};
    nodes_step(ns, p->node, e);
}

void nodes_arrives(struct nodes *ns, struct parcel *p)
{
    const struct one *o = &ns->v[p->node];
    bool same = o->core && o->link == p->link;
    if (p->type == PARCEL_OP)
        do_op(ns, p);
    else if (p->type == PARCEL_HASHED ? o->core != NULL : same && o->linked)
        give(ns, p);
    parcel_free(p);
}
