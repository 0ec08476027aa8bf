/* SPDX-License-Identifier: MIT */
#include "server/core/bus_rest.h"

#include <assert.h>

#include "protocol/bus.h"
#include "server/core/cluster.h"
#include "server/core/effects.h"
#include "server/core/pending.h"
#include "server/core/rest.h"
#include "server/core/room.h"
#include "server/core/room_store.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/shared.h"
#include "server/core/webhook.h"

enum {
    LIST_MS = 1000 /* a list is shown for so long */
};

static const char CUT_OFF[] = "this server is cut off from its cluster: try again";

static struct span room_of(const struct pending *e)
{
    return (struct span){e->room, e->room_n};
}

static struct pending why_of(enum bus_rest_step step, struct conn_id conn, struct span room)
{
    struct pending why = {.kind = PENDING_BUS_REST, .step = (uint8_t)step, .conn = conn};
    assert(room.n <= ROOM_ID_MAX);
    if (room.n)
        memcpy(why.room, room.p, room.n);
    why.room_n = (uint8_t)room.n;
    return why;
}

/* Asks, or says why not. */
static void ask(struct core *c, const struct pending *why, struct core_bus *op)
{
    uint64_t job = 0;
    enum error e = cluster_is_up(c) ? pending_bus(c, why, &job) : ERROR_SERVER_FULL;
    if (e == ERROR_NONE) {
        op->job = job;
        if (cluster_do(c, op))
            return;
        pending_free(pending_take_asked(c, job));
        e = ERROR_SERVER_FULL;
    }
    rest_refuse(c, why->conn, e, cluster_is_up(c) ? NULL : CUT_OFF);
}

/* ---- making ---- */

static void write_made(const struct core *c, const struct room_terms *t, struct buf *out)
{
    bus_terms_write(out, &(struct bus_terms){*t, true, cluster_self(c)});
}

void bus_rest_create(struct core *c, struct session *s, const struct room_terms *t)
{
    struct pending why = why_of(BUS_REST_CREATE, s->conn, (struct span){t->id, t->id_n});
    struct buf terms;
    why.terms = *t;
    why.seen_life = rng_u64(c->rng);
    buf_init(&terms, BUS_TERMS_MAX);
    write_made(c, t, &terms);
    if (terms.failed)
        rest_refuse(c, s->conn, ERROR_SERVER_FULL, NULL);
    else
        ask(c, &why,
            &(struct core_bus){.op = BUS_CREATE,
                .room = room_of(&why),
                .terms = buf_view(&terms),
                .life = why.seen_life,
                .ttl_ms = c->settings.room_ttl_ms});
    buf_done(&terms);
}

static void close_on_bus(struct core *c, const struct pending *e)
{
    if (cluster_is_up(c))
        cluster_do(c, &(struct core_bus){.op = BUS_CLOSE, .room = room_of(e), .incarnation = e->terms.incarnation});
}

/* It is there for all; now here, where it is kept. Somebody may have come into it already. */
static void created(struct core *c, struct session *s, struct pending *e)
{
    if (!s || s->state != SESSION_OPENED || room_find(c, room_of(e))) {
        close_on_bus(c, e); /* nobody would hold the owner token */
        if (s)
            rest_refuse_taken(c, e->conn);
        return;
    }
    if (!rest_make(c, s, &e->terms)) {
        close_on_bus(c, e);
        return;
    }
    struct shared *sh = room_find(c, room_of(e))->shared;
    sh->life = e->seen_life;
    sh->version = 0;
    sh->known = true;
    if (e->seen > 0)
        shared_stale(c, sh);
}

/* A room of ours is not to be there any more: it was closed, or another one has its name. */
static void ends(struct core *c, const struct pending *e)
{
    struct room *room = room_find(c, room_of(e));
    if (!room || !room->made)
        return;
    room->silent = true;
    room_close(c, room);
}

/* ---- one room ---- */

void bus_rest_ask(struct core *c, struct session *s, const struct core_request *r, enum bus_rest_step step)
{
    if (!room_id_valid(r->room)) {
        rest_refuse_unknown(c, s->conn);
        return;
    }
    struct pending why = why_of(step, s->conn, r->room);
    why.bytes = (char *)r->token.p;
    why.bytes_n = r->token.n;
    ask(c, &why, &(struct core_bus){.op = BUS_SHOW, .room = r->room});
}

static uint32_t capacity_of(const struct core *c, const struct bus_terms *t)
{
    uint32_t most = c->settings.max_room_members, own = t->room.max_peers;
    return own && (!most || own < most) ? own : most;
}

static void write_view(const struct core *c, struct buf *out, struct span id, const struct bus_terms *t, uint64_t count)
{
    struct buf names;
    buf_init(&names, ROOM_NAMES_MAX);
    room_names_write(&names, id, (struct span){t->room.name, t->room.name_n});
    room_view_write(out, &(struct room_view){.names = buf_view(&names),
                             .peers = count,
                             .max_peers = capacity_of(c, t),
                             .created_ms = t->room.created_ms,
                             .locked = t->room.locked});
    out->failed = out->failed || names.failed;
    buf_done(&names);
}

static void shown(struct core *c, const struct pending *e, const struct bus_terms *t, uint64_t count)
{
    struct buf *text = say_text(c);
    write_view(c, text, room_of(e), t, count);
    buf_byte(text, '\n');
    rest_respond(c, e->conn, 200, say_body(c));
}

static void validated(struct core *c, const struct pending *e, const struct bus_terms *t, uint64_t count)
{
    const char *problem = NULL;
    enum error error = ERROR_NONE;
    if (t)
        error = capacity_of(c, t) && count >= capacity_of(c, t) ? ERROR_ROOM_FULL : ERROR_NONE;
    else
        error = room_admits(c, NULL, &problem);
    rest_validated(c, e->conn, t, t && t->room.locked, error, problem);
}

static void owned(struct core *c, struct session *s, const struct pending *e, const struct bus_terms *t)
{
    struct pending why = why_of(BUS_REST_CLOSE, e->conn, room_of(e));
    if (!rest_may_close(c, s, (struct span){e->bytes, e->bytes_n}, room_of(e), t->room.incarnation, t->made))
        return;
    why.terms.incarnation = t->room.incarnation;
    ask(c, &why, &(struct core_bus){.op = BUS_CLOSE, .room = room_of(e), .incarnation = t->room.incarnation});
}

/* The others hear of it by themselves; so would we, if one of ours were in it. */
static void closed(struct core *c, const struct pending *e)
{
    struct room *room = room_find(c, room_of(e));
    bool kept = (room && room->made) || c->room_store.storing || room_store_is_behind(c);
    if (room && room->incarnation == e->terms.incarnation) {
        room->silent = true;
        room_close(c, room);
    }
    webhook_room_closed(c, room_of(e));
    if (kept)
        pending_store(c, &(struct pending){.kind = PENDING_STORE, .conn = e->conn, .status = 204});
    else
        rest_respond(c, e->conn, 204, NULL);
}

/* ---- all rooms ---- */

static void write_list(struct core *c, const struct core_bus_answer *a)
{
    struct buf *text = say_text(c);
    size_t n = 0;
    buf_text(text, "{\"rooms\":[");
    for (size_t i = 0; i < a->seats_n; i++) {
        struct bus_terms t;
        uint64_t life;
        if (!bus_room_read(a->seats[i].entry, &life, &t))
            continue;
        buf_text(text, n++ ? "," : "");
        write_view(c, text, a->seats[i].room, &t, a->seats[i].number);
    }
    buf_text(text, "]}\n");
    frame_unref(c->cluster->list.frame);
    c->cluster->list.frame = say_body(c);
    c->cluster->list.until = c->now + LIST_MS;
}

static void say_list(struct core *c, struct conn_id conn)
{
    if (c->cluster->list.frame)
        rest_respond(c, conn, 200, frame_ref(c->cluster->list.frame));
    else
        rest_refuse(c, conn, ERROR_SERVER_FULL, NULL);
}

static bool is_for_list(const struct pending *e)
{
    return e->kind == PENDING_BUS_REST && e->step == BUS_REST_LIST;
}

static struct pending *first_for_list(const struct core *c)
{
    struct pending *e = c->asked;
    while (e && !is_for_list(e))
        e = e->next;
    return e;
}

void bus_rest_list(struct core *c, struct session *s)
{
    const struct pending why = why_of(BUS_REST_LIST, s->conn, (struct span){NULL, 0});
    struct core_bus op = {.op = BUS_LIST, .count = ROOMS_LISTED_MAX};
    uint64_t job;
    if (c->cluster->list.frame && c->now < c->cluster->list.until)
        say_list(c, s->conn);
    else if (!first_for_list(c))
        ask(c, &why, &op);
    else if (pending_bus(c, &why, &job) != ERROR_NONE) /* one answer is for all who wait */
        rest_refuse(c, s->conn, ERROR_SERVER_FULL, NULL);
}

static void listed(struct core *c, const struct pending *e, const struct core_bus_answer *a)
{
    struct pending *other;
    write_list(c, a);
    say_list(c, e->conn);
    while ((other = first_for_list(c))) {
        other = pending_take_asked(c, other->job);
        say_list(c, other->conn);
        session_answered(c, other->conn);
        pending_free(other);
    }
}

/* ---- answers ---- */

static void found(struct core *c, struct session *s, struct pending *e, const struct core_bus_answer *a)
{
    struct bus_terms t;
    uint64_t life;
    bool there = a->outcome == BUS_OK && bus_room_read(a->terms, &life, &t);
    if (e->step == BUS_REST_VALIDATE)
        validated(c, e, there ? &t : NULL, a->number);
    else if (!there)
        rest_refuse_unknown(c, e->conn);
    else if (e->step == BUS_REST_SHOW)
        shown(c, e, &t, a->number);
    else
        owned(c, s, e, &t);
}

static void made(struct core *c, struct session *s, struct pending *e, const struct core_bus_answer *a)
{
    if (a->outcome == BUS_OK)
        created(c, s, e);
    else if (s)
        rest_refuse_taken(c, e->conn);
}

void bus_rest_answered(struct core *c, struct pending *e, const struct core_bus_answer *a)
{
    struct session *s = session_find(c, e->conn);
    if (e->step == BUS_REST_AGAIN) {
        if (a->outcome == BUS_EXISTS || a->outcome == BUS_GONE)
            ends(c, e);
    } else if (a->outcome == BUS_EPOCH || a->outcome == BUS_FAILED || a->outcome == BUS_OUTCOMES) {
        if (e->step == BUS_REST_CREATE)
            close_on_bus(c, e);
        if (s)
            rest_refuse(c, e->conn, ERROR_SERVER_FULL, CUT_OFF);
    } else if (e->step == BUS_REST_CREATE) {
        made(c, s, e, a);
    } else if (e->step == BUS_REST_LIST) {
        listed(c, e, a);
    } else if (s && e->step == BUS_REST_CLOSE) {
        if (a->outcome == BUS_OK)
            closed(c, e);
        else
            rest_refuse_unknown(c, e->conn);
    } else if (s) {
        found(c, s, e, a);
    }
}
