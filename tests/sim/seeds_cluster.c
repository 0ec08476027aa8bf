/* SPDX-License-Identifier: MIT
 *
 * Two to eight daemons on one bus, and clients that come, go, lose their connections and come back on any of them. Answers and
 * messages are delayed; messages come twice or never; nodes are cut off from the bus, die, drain and start again under their name;
 * the bus starts again with nothing. At any time: no room on the bus has more members than it takes, and what one says to another
 * on the same node arrives at once, whatever the bus does. Then all heals, and after a lease, a grace and the time in which a node
 * finds out what it missed: every client sees just those who are there, the bus has their seats and no others, each can reach
 * each, and no node shows anybody else.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "protocol/bus.h"
#include "tests/sim/nodes.h"
#include "tests/sim/run.h"

enum {
    CLIENTS_MOST = 16,
    VIEW_MAX = CLIENTS_MOST * 4,
    SLOTS_EACH = 8, /* so that an old connection may stay beside new ones */
    ROOMS = 3,
    LEASE_MS = 3000,
    GRACE_MS = 5000,
    TROUBLE_MS = 1500,
    ACT_MS = 600,
    PLAY_MS = 30000,
    HEAL_MS = 4 * LEASE_MS + 2 * GRACE_MS + 8000,
};

struct view {
    char id[VIEW_MAX][PEER_ID_MAX + 1];
    unsigned n;
};

struct visitor {
    struct scene *scene;
    unsigned number, node, use;
    struct conn_id conn;
    bool connected, joined, asking, resuming;
    char id[PEER_ID_MAX + 1], token[RESUME_TOKEN_MAX + 1], room[8];
    struct view view;
    unsigned heard; /* signals since the last count */
};

struct scene {
    struct world *w;
    struct nodes *nodes;
    struct core_settings settings;
    unsigned count, clients, cap;
    bool restless;
    uint64_t last[3][NODES_COUNT_MAX], wake_at[NODES_COUNT_MAX];
    bool cut[NODES_COUNT_MAX], draining[NODES_COUNT_MAX];
    uint32_t generation[NODES_COUNT_MAX][CLIENTS_MOST * SLOTS_EACH];
    struct visitor visitors[CLIENTS_MOST];
};

/* ---- time and the way between ---- */

static uint64_t scene_now(void *ctx)
{
    return world_now(((struct scene *)ctx)->w);
}

static void wake(void *who, uint64_t node);

static void schedule(struct scene *s, unsigned node)
{
    const struct core *core = nodes_core(s->nodes, node);
    uint64_t due = core ? core_deadline(core) : UINT64_MAX;
    if (due == UINT64_MAX || (s->wake_at[node] > world_now(s->w) && s->wake_at[node] <= due))
        return;
    s->wake_at[node] = due > world_now(s->w) ? due : world_now(s->w) + 1;
    world_at(s->w, s->wake_at[node], wake, s, node);
}

static void step(struct scene *s, unsigned node, struct core_event e)
{
    nodes_step(s->nodes, node, e);
    schedule(s, node);
}

static void wake(void *who, uint64_t node)
{
    struct scene *s = who;
    const struct core *core = nodes_core(s->nodes, (unsigned)node);
    s->wake_at[node] = 0;
    if (core && core_deadline(core) <= world_now(s->w))
        step(s, (unsigned)node, (struct core_event){.type = CORE_TIME});
    schedule(s, (unsigned)node);
}

struct flight {
    struct scene *scene;
    struct parcel *parcel;
};

static bool not_too_many(void *ctx, struct span room, struct span peer)
{
    struct scene *s = ctx;
    (void)peer;
    world_check(s->w, bus_members(nodes_bus(s->nodes), room) <= s->cap, "a room has more members than it takes");
    return true;
}

static void arrive(void *who, uint64_t arg)
{
    struct flight *f = who;
    struct scene *s = f->scene;
    struct parcel *p = f->parcel;
    unsigned node = p->node;
    bool lost = s->cut[node] && p->type != PARCEL_HASHED;
    (void)arg;
    free(f);
    if (lost) {
        parcel_free(p);
        return;
    }
    bool op = p->type == PARCEL_OP;
    if (op)
        world_trace(s->w, "n%u asks %d %.*s %.*s", node + 1, (int)p->op->op, (int)p->op->room.n, p->op->room.p,
            (int)p->op->peer.n, p->op->peer.p);
    else
        world_trace(s->w, "n%u gets %d, outcome %d", node + 1, (int)p->type, (int)p->reply.answer.outcome);
    nodes_arrives(s->nodes, p);
    if (op)
        bus_each_seat(nodes_bus(s->nodes), not_too_many, s);
    schedule(s, node);
}

static void fly(struct scene *s, struct parcel *p)
{
    unsigned way = p->type == PARCEL_OP ? 0 : p->type == PARCEL_MESSAGE ? 1 : 2;
    uint64_t at = world_now(s->w) + (world_chance(s->w, 900) ? world_below(s->w, 4) : world_below(s->w, 800));
    if (at < s->last[way][p->node])
        at = s->last[way][p->node];
    s->last[way][p->node] = at;
    struct flight *f = world_alloc(sizeof *f);
    *f = (struct flight){s, p};
    world_at(s->w, at, arrive, f, 0);
}

static void later(void *ctx, struct parcel *p)
{
    struct scene *s = ctx;
    if (p->type == PARCEL_MESSAGE && s->restless) {
        if (world_chance(s->w, 10)) {
            parcel_free(p);
            return;
        }
        if (world_chance(s->w, 10))
            fly(s, parcel_again(p));
    }
    fly(s, p);
}

/* ---- what clients see ---- */

static int view_find(const struct view *v, const char *id)
{
    for (unsigned i = 0; i < v->n; i++)
        if (strcmp(v->id[i], id) == 0)
            return (int)i;
    return -1;
}

static void view_add(struct visitor *v, const char *id)
{
    if (view_find(&v->view, id) >= 0)
        return;
    world_check(v->scene->w, v->view.n < VIEW_MAX, "too many peers are seen");
    snprintf(v->view.id[v->view.n++], PEER_ID_MAX + 1, "%s", id);
}

static void view_drop(struct visitor *v, const char *id)
{
    int at = view_find(&v->view, id);
    if (at >= 0)
        memmove(v->view.id[at], v->view.id[--v->view.n], PEER_ID_MAX + 1);
}

static const char *member(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static void entered(struct visitor *v, const json_t *o)
{
    size_t i;
    json_t *peer;
    v->view.n = 0;
    json_array_foreach(json_object_get(o, "peers"), i, peer) view_add(v, member(peer, "peerId"));
    snprintf(v->id, sizeof v->id, "%s", member(o, "peerId"));
    snprintf(v->token, sizeof v->token, "%s", member(o, "resumeToken"));
    v->joined = true;
    v->asking = v->resuming = false;
}

static void say(struct visitor *v, const char *text)
{
    step(v->scene, v->node, (struct core_event){.type = CORE_FRAME, .conn = v->conn, .bytes = span_of(text)});
}

static void ask_to_join(struct visitor *v)
{
    char text[128];
    snprintf(
        text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"displayName\":\"v%u\"}", v->room, v->number);
    v->asking = true;
    say(v, text);
}

static void join_again(void *who, uint64_t use)
{
    struct visitor *v = who;
    if (v->connected && v->use == use && !v->joined && !v->asking)
        ask_to_join(v);
}

static void on_error(struct visitor *v, const json_t *o)
{
    const char *code = member(o, "code");
    if (strcmp(code, "no-such-peer") == 0)
        return;
    bool asked = v->asking || v->resuming;
    if (v->resuming)
        v->token[0] = '\0';
    v->asking = v->resuming = false;
    if (asked)
        world_at(v->scene->w, world_now(v->scene->w) + 200, join_again, v, v->use);
}

static void hear(struct visitor *v, const json_t *o)
{
    const char *type = member(o, "type"), *id = member(o, "peerId"), *previous = member(o, "previousPeerId");
    if (strcmp(type, "welcome") == 0) {
        snprintf(v->id, sizeof v->id, "%s", id);
    } else if (strcmp(type, "peers") == 0 || strcmp(type, "resumed") == 0) {
        entered(v, o);
    } else if (strcmp(type, "peer-joined") == 0) {
        view_add(v, id);
    } else if (strcmp(type, "peer-back") == 0) {
        view_drop(v, previous);
        view_add(v, id);
    } else if (strcmp(type, "peer-left") == 0) {
        view_drop(v, id);
    } else if (strcmp(type, "room-closed") == 0 || strcmp(type, "left-room") == 0) {
        v->joined = false;
        v->token[0] = '\0';
        world_at(v->scene->w, world_now(v->scene->w) + 200, join_again, v, v->use);
    } else if (strcmp(type, "error") == 0) {
        on_error(v, o);
    } else if (strcmp(type, "signal") == 0) {
        v->heard++;
    }
}

static struct visitor *visitor_of(struct scene *s, unsigned node, struct conn_id conn)
{
    struct visitor *v = &s->visitors[conn.slot / SLOTS_EACH];
    bool his = v->connected && v->node == node && v->conn.slot == conn.slot && v->conn.generation == conn.generation;
    return his ? v : NULL;
}

static void heard(void *ctx, unsigned node, struct conn_id conn, struct span text)
{
    struct scene *s = ctx;
    struct visitor *v = visitor_of(s, node, conn);
    if (!v)
        return;
    world_trace(s->w, "v%u at n%u hears %.*s", v->number, node + 1, text.n > 3000 ? 3000 : (int)text.n, text.p);
    json_t *o = json_loadb(text.p, text.n, 0, NULL);
    world_check(s->w, o, "what is not JSON was said");
    hear(v, o);
    json_decref(o);
}

struct ending {
    struct scene *scene;
    unsigned node;
    struct conn_id conn;
    uint16_t code;
};

static void end_connection(void *who, uint64_t arg)
{
    struct ending *e = who;
    (void)arg;
    step(e->scene, e->node, (struct core_event){.type = CORE_GONE, .conn = e->conn, .close_code = e->code});
    free(e);
}

static void gone_at(struct scene *s, unsigned node, struct conn_id conn, uint16_t code, uint64_t ms)
{
    struct ending *e = world_alloc(sizeof *e);
    *e = (struct ending){s, node, conn, code};
    world_at(s->w, world_now(s->w) + ms, end_connection, e, 0);
}

static void come_back(void *who, uint64_t use);

static void lose_connection(struct visitor *v)
{
    v->connected = v->joined = v->asking = v->resuming = false;
    v->use++;
    world_at(v->scene->w, world_now(v->scene->w) + 50 + world_below(v->scene->w, 1500), come_back, v, v->use);
}

static void closed(void *ctx, unsigned node, struct conn_id conn, uint16_t code)
{
    struct scene *s = ctx;
    struct visitor *v = visitor_of(s, node, conn);
    gone_at(s, node, conn, code, 1);
    if (!v)
        return;
    world_trace(s->w, "v%u is closed with %u", v->number, code);
    if (code == 4001)
        v->token[0] = '\0';
    lose_connection(v);
}

static void responded(void *ctx, unsigned node, struct conn_id conn, uint16_t status, struct span body)
{
    (void)ctx;
    (void)node;
    (void)conn;
    (void)status;
    (void)body;
}

/* ---- what clients do ---- */

static void connect_to(struct visitor *v, unsigned node)
{
    struct scene *s = v->scene;
    static const struct address NOWHERE;
    uint32_t slot = v->number * SLOTS_EACH + v->use % SLOTS_EACH;
    v->node = node;
    v->conn = (struct conn_id){slot, ++s->generation[node][slot]};
    v->connected = true;
    v->joined = v->asking = v->resuming = false;
    v->view.n = 0;
    step(s, node, (struct core_event){.type = CORE_OPEN, .conn = v->conn, .address = NOWHERE});
    if (v->connected)
        step(s, node, (struct core_event){.type = CORE_READY, .conn = v->conn, .dialect = &dialect_native});
    if (!v->connected)
        return;
    if (*v->token) {
        char text[RESUME_TOKEN_MAX + 64];
        v->resuming = true;
        snprintf(text, sizeof text, "{\"type\":\"resume\",\"resumeToken\":\"%.*s\"}", RESUME_TOKEN_MAX, v->token);
        say(v, text);
        return;
    }
    ask_to_join(v);
}

static bool slot_is_free(const struct visitor *v, unsigned node)
{
    (void)v;
    return nodes_core(v->scene->nodes, node) && !v->scene->draining[node];
}

static void come_back(void *who, uint64_t use)
{
    struct visitor *v = who;
    struct scene *s = v->scene;
    if (v->connected || v->use != use)
        return;
    unsigned node = world_below(s->w, s->count);
    if (slot_is_free(v, node))
        connect_to(v, node);
    else
        world_at(s->w, world_now(s->w) + 300, come_back, v, use);
}

/* To one on the same node it goes at once. */
static void signal_one(struct visitor *v)
{
    struct scene *s = v->scene;
    if (v->view.n == 0)
        return;
    char text[160], id[PEER_ID_MAX + 1];
    snprintf(id, sizeof id, "%s", v->view.id[world_below(s->w, v->view.n)]);
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", id);
    struct visitor *to = NULL;
    for (unsigned i = 0; i < s->clients; i++) {
        struct visitor *o = &s->visitors[i];
        if (o != v && o->joined && o->node == v->node && strcmp(o->id, id) == 0)
            to = o;
    }
    unsigned before = to ? to->heard : 0;
    bool seen = to && view_find(&to->view, v->id) >= 0;
    say(v, text);
    if (seen)
        world_check(s->w, to->heard == before + 1, "v%u did not hear v%u on its own node", to->number, v->number);
}

static void drop(struct visitor *v)
{
    struct scene *s = v->scene;
    world_trace(s->w, "v%u loses its connection", v->number);
    gone_at(s, v->node, v->conn, 0, world_chance(s->w, 500) ? 0 : world_below(s->w, 3000));
    lose_connection(v);
}

static void act(void *who, uint64_t arg)
{
    struct visitor *v = who;
    struct scene *s = v->scene;
    (void)arg;
    if (!s->restless)
        return;
    uint32_t lot = world_below(s->w, 10);
    if (v->joined && lot < 5) {
        signal_one(v);
    } else if (v->joined && lot == 5) {
        snprintf(v->room, sizeof v->room, "r%u", world_below(s->w, ROOMS));
        say(v, "{\"type\":\"leave-room\"}");
    } else if (v->connected && lot <= 7) {
        drop(v);
    } else if (v->joined && lot == 8) {
        v->token[0] = '\0';
        gone_at(s, v->node, v->conn, 1000, 0);
        lose_connection(v);
    }
    world_at(s->w, world_now(s->w) + 1 + world_below(s->w, 2 * ACT_MS), act, v, 0);
}

/* ---- misfortunes ---- */

static void lose_all_of(struct scene *s, unsigned node)
{
    for (unsigned i = 0; i < s->clients; i++)
        if (s->visitors[i].connected && s->visitors[i].node == node)
            lose_connection(&s->visitors[i]);
}

static void kill(struct scene *s, unsigned node)
{
    world_trace(s->w, "n%u dies", node + 1);
    nodes_kill(s->nodes, node);
    s->draining[node] = s->cut[node] = false;
    lose_all_of(s, node);
}

static void revive(struct scene *s, unsigned node)
{
    world_trace(s->w, "n%u starts", node + 1);
    nodes_start(s->nodes, node, s->settings);
    schedule(s, node);
}

static void link_up(struct scene *s, unsigned node, bool up)
{
    world_trace(s->w, "n%u and the bus: %s", node + 1, up ? "up" : "down");
    nodes_link(s->nodes, node, up);
    schedule(s, node);
}

static void end_drain(void *who, uint64_t node)
{
    struct scene *s = who;
    if (s->draining[node])
        kill(s, (unsigned)node);
}

static void drain(struct scene *s, unsigned node)
{
    world_trace(s->w, "n%u drains", node + 1);
    s->draining[node] = true;
    step(s, node, (struct core_event){.type = CORE_DRAIN});
    world_at(s->w, world_now(s->w) + 1000, end_drain, s, node);
}

static void forget_bus(struct scene *s)
{
    world_trace(s->w, "the bus starts again with nothing");
    for (unsigned i = 0; i < s->count; i++)
        if (nodes_core(s->nodes, i))
            link_up(s, i, false);
    bus_forget_all(nodes_bus(s->nodes));
}

/* On a connection that lives on, nothing was lost: so what was is a connection that broke. */
static void uncut(struct scene *s, unsigned node)
{
    s->cut[node] = false;
    if (nodes_is_linked(s->nodes, node))
        link_up(s, node, false);
}

static void trouble(void *who, uint64_t arg)
{
    struct scene *s = who;
    (void)arg;
    if (!s->restless)
        return;
    unsigned node = world_below(s->w, s->count);
    uint32_t lot = world_below(s->w, 20);
    if (!nodes_core(s->nodes, node))
        revive(s, node);
    else if (s->draining[node])
        ;
    else if (s->cut[node] && lot < 10)
        uncut(s, node);
    else if (!nodes_is_linked(s->nodes, node))
        link_up(s, node, true);
    else if (lot < 3)
        s->cut[node] = true; /* nobody knows, until something is late */
    else if (lot < 9)
        link_up(s, node, false);
    else if (lot == 9)
        kill(s, node);
    else if (lot == 10)
        drain(s, node);
    else if (lot == 11)
        forget_bus(s);
    world_at(s->w, world_now(s->w) + 1 + world_below(s->w, 2 * TROUBLE_MS), trouble, s, 0);
}

/* An adapter notices after 5 s that nothing comes any more. */
static void notice_cuts(void *who, uint64_t arg)
{
    struct scene *s = who;
    (void)arg;
    if (!s->restless)
        return;
    for (unsigned i = 0; i < s->count; i++)
        if (s->cut[i] && nodes_is_linked(s->nodes, i))
            link_up(s, i, false);
    world_at(s->w, world_now(s->w) + 5000, notice_cuts, s, 0);
}

/* ---- the end ---- */

static void heal(struct scene *s)
{
    s->restless = false;
    for (unsigned i = 0; i < s->count; i++) {
        bool was_cut = s->cut[i];
        s->cut[i] = false;
        if (s->draining[i])
            kill(s, i);
        if (!nodes_core(s->nodes, i))
            revive(s, i);
        if (nodes_is_linked(s->nodes, i) && was_cut)
            link_up(s, i, false); /* what was lost meanwhile was never answered */
        link_up(s, i, true);
    }
    for (unsigned i = 0; i < s->clients; i++) {
        struct visitor *v = &s->visitors[i];
        if (!v->connected)
            come_back(v, v->use);
    }
}

static bool is_expected(void *ctx, struct span room, struct span peer)
{
    struct scene *s = ctx;
    for (unsigned i = 0; i < s->clients; i++) {
        const struct visitor *v = &s->visitors[i];
        if (v->joined && span_is(room, v->room) && span_is(peer, v->id))
            return true;
    }
    world_fail(s->w, "a ghost is in %.*s: %.*s", (int)room.n, room.p, (int)peer.n, peer.p);
}

static bool is_there(const struct scene *s, const char *room, const char *id)
{
    for (unsigned i = 0; i < s->clients; i++)
        if (s->visitors[i].joined && strcmp(s->visitors[i].room, room) == 0 && strcmp(s->visitors[i].id, id) == 0)
            return true;
    return false;
}

static void check_view(struct scene *s, const struct visitor *v)
{
    unsigned others = 0;
    for (unsigned i = 0; i < s->clients; i++) {
        const struct visitor *o = &s->visitors[i];
        if (o == v || !o->joined || strcmp(o->room, v->room) != 0)
            continue;
        others++;
        world_check(s->w, view_find(&v->view, o->id) >= 0, "v%u does not see v%u (%s)", v->number, o->number, o->id);
    }
    for (unsigned i = 0; i < v->view.n; i++)
        world_check(s->w, is_there(s, v->room, v->view.id[i]), "v%u sees a ghost: %s", v->number, v->view.id[i]);
    world_check(s->w, v->view.n == others, "v%u sees %u where %u are", v->number, v->view.n, others);
    world_check(s->w, bus_has_member(nodes_bus(s->nodes), span_of(v->room), span_of(v->id)),
        "v%u has no seat on the bus", v->number);
}

static void check_all(struct scene *s)
{
    unsigned joined = 0;
    for (unsigned i = 0; i < s->count; i++)
        world_check(s->w, core_clustered(nodes_core(s->nodes, i)), "n%u is not in the cluster", i + 1);
    for (unsigned i = 0; i < s->clients; i++) {
        joined += s->visitors[i].joined;
        if (s->visitors[i].joined)
            check_view(s, &s->visitors[i]);
    }
    world_check(s->w, joined > 0, "nobody is in a room");
    bus_each_seat(nodes_bus(s->nodes), is_expected, s);
}

/* Each says something to each. */
static void check_signals(struct scene *s)
{
    unsigned expected[CLIENTS_MOST];
    for (unsigned i = 0; i < s->clients; i++) {
        s->visitors[i].heard = 0;
        expected[i] = s->visitors[i].joined ? s->visitors[i].view.n : 0;
    }
    for (unsigned i = 0; i < s->clients; i++)
        for (unsigned k = 0; s->visitors[i].joined && k < s->visitors[i].view.n; k++) {
            char text[160];
            snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", s->visitors[i].view.id[k]);
            say(&s->visitors[i], text);
        }
    world_run(s->w, world_now(s->w) + 2000);
    for (unsigned i = 0; i < s->clients; i++)
        world_check(
            s->w, s->visitors[i].heard == expected[i], "v%u heard %u of %u", i, s->visitors[i].heard, expected[i]);
}

/* ---- the beginning ---- */

static uint8_t seal_key = 0x5a;

static bool seal(void *ctx, const void *plain, size_t n, void *sealed)
{
    memcpy(sealed, plain, n);
    memset((char *)sealed + n, *(uint8_t *)ctx, SEAL_EXTRA);
    return true;
}

static bool unseal(void *ctx, const void *sealed, size_t n, void *plain)
{
    memcpy(plain, sealed, n - SEAL_EXTRA);
    return ((const uint8_t *)sealed)[n - 1] == *(uint8_t *)ctx;
}

static const struct core_crypto SEALS = {seal, unseal, &seal_key};
static const struct dialect *const SPOKEN[] = {&dialect_native, NULL};

static struct core_settings draw_settings(struct scene *s)
{
    struct core_settings set = {
        .server_name = "usherd/sim", .auto_create = true, .cluster = true, .lease_ms = LEASE_MS};
    set.dialects = SPOKEN;
    set.crypto = &SEALS;
    set.resume_grace_ms = GRACE_MS;
    set.drain_timeout_ms = 800;
    set.max_room_members = s->cap;
    set.room_linger_ms = world_chance(s->w, 300) ? 1 + world_below(s->w, 5000) : 0;
    set.batch = world_chance(s->w, 500) ? 1 + world_below(s->w, 4) : 0;
    set.webhooks = world_chance(s->w, 300);
    set.list_joined = world_chance(s->w, 300);
    return set;
}

void seed_cluster(struct run *r, const struct world_options *options)
{
    run_init(r, options);
    struct scene *s = world_alloc(sizeof *s);
    memset(s, 0, sizeof *s);
    s->w = r->w;
    s->count = 2 + world_below(s->w, world_chance(s->w, 200) ? 7 : 3);
    s->clients = 2 + world_below(s->w, CLIENTS_MOST - 1);
    s->cap = world_chance(s->w, 300) ? 2 + world_below(s->w, 4) : CLIENTS_MOST;
    s->settings = draw_settings(s);
    s->restless = true;
    s->nodes = nodes_new(&(struct nodes_host){s, later, heard, closed, responded, NULL, scene_now}, options->seed);
    for (unsigned i = 0; i < s->count; i++) {
        revive(s, i);
        link_up(s, i, true);
    }
    for (unsigned i = 0; i < s->clients; i++) {
        struct visitor *v = &s->visitors[i];
        *v = (struct visitor){.scene = s, .number = i};
        snprintf(v->room, sizeof v->room, "r%u", world_below(s->w, ROOMS));
        world_at(s->w, world_below(s->w, 3000), come_back, v, 0);
        world_at(s->w, world_below(s->w, 5000), act, v, 0);
    }
    world_at(s->w, 3000, trouble, s, 0);
    world_at(s->w, 2500, notice_cuts, s, 0);
    world_run(s->w, PLAY_MS);
    heal(s);
    world_run(s->w, PLAY_MS + HEAL_MS);
    check_all(s);
    check_signals(s);
    world_count(s->w);
    for (unsigned i = 0; i < s->count; i++)
        nodes_kill(s->nodes, i);
    world_run(s->w, world_now(s->w) + 5000); /* what is on its way comes to nobody */
    nodes_free(s->nodes);
    free(s);
}
