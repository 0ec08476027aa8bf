/* SPDX-License-Identifier: MIT
 *
 * A step: pay what is owed since memory ran out, and do what the event asks for. Of what is due at once a batch of each
 * kind is done (batch.h); the rest is due still, so the deadline is now. The deadline is asked for, once a turn of the
 * loop: told as an effect it had to be found for every frame.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "server/core/address_limits.h"
#include "server/core/alive.h"
#include "server/core/cluster.h"
#include "server/core/drain.h"
#include "server/core/effects.h"
#include "server/core/tombstones.h"
#include "server/core/pending.h"
#include "server/core/ice.h"
#include "server/core/member.h"
#include "server/core/room_store.h"
#include "server/core/name_list.h"
#include "server/core/named.h"
#include "server/core/notice.h"
#include "server/core/on.h"
#include "server/core/on_bus.h"
#include "server/core/rest.h"
#include "server/core/room.h"
#include "server/core/room_list.h"
#include "server/core/seat.h"
#include "server/core/session.h"
#include "server/core/shared.h"
#include "server/core/topic.h"

struct core *core_new(const struct core_settings *settings, const struct rng *rng)
{
    struct core *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->settings = *settings;
    c->rng = rng;
    size_t n = strnlen(settings->node, NODE_MAX);
    memcpy(c->prefix, settings->node, n);
    c->prefix[n] = '.';
    c->prefix_n = (uint8_t)(n + 1);
    c->hash_key = rng_below(rng, HASH_KEYS) + 1;
    rng->fill(rng->ctx, c->boot, sizeof c->boot);
    for (enum watch w = 0; w < WATCHES; w++)
        waiting_init(&c->watch[w]);
    waiting_init(&c->paused);
    table_init(&c->members, member_hash);
    table_init(&c->room_ids, room_hash);
    table_init(&c->topics, topic_hash);
    table_init(&c->named, named_hash);
    waiting_init(&c->letters);
    table_init(&c->addresses, address_limits_hash);
    table_init(&c->tombstones, tombstone_hash);
    waiting_init(&c->away);
    waiting_init(&c->unjoined);
    waiting_init(&c->ice);
    waiting_init(&c->ice_stale);
    waiting_init(&c->idle);
    waiting_init(&c->lingering);
    waiting_init(&c->unused);
    buf_init(&c->text, REPLY_MAX);
    if (settings->cluster && !cluster_begin(c)) {
        free(c);
        return NULL;
    }
    return c;
}

void core_free(struct core *c)
{
    if (!c)
        return;
    if (c->cluster)
        c->cluster->state = CLUSTER_DOWN; /* nobody is told any more */
    for (uint32_t slot = 0; slot < c->slot_cap; slot++)
        if (c->slots[slot])
            session_free(c, c->slots[slot]);
    struct member *m;
    for (uint64_t at = 0; (m = table_next(&c->members, &at));)
        seat_drop(c, m);
    table_done(&c->members);
    struct room *room, *next;
    cluster_end(c);
    for (enum room_kind kind = 0; kind < ROOM_KINDS; kind++)
        DL_FOREACH_SAFE (c->rooms[kind], room, next) {
            free(room->made);
            shared_free(room->shared);
            free(room);
        }
    frame_unref(c->room_list);
    frame_unref(c->room_store.file);
    table_done(&c->room_ids);
    table_done(&c->topics);
    name_list_forget(c);
    named_done(c);
    pending_done(c);
    seat_done(c);
    address_limits_free(c);
    tombstones_free(c);
    buf_done(&c->text);
    free(c->slots);
    free(c);
}

void core_configure(struct core *c, const struct core_settings *settings)
{
    assert(!c->fx);
    c->settings = *settings;
    name_list_forget(c); /* of keys that are none any more, too */
    room_list_forget(c); /* which rooms are shown, and as how large, may have changed */
}

const struct core_stats *core_stats(const struct core *c)
{
    return &c->stats;
}

bool core_draining(const struct core *c)
{
    return c->draining;
}

bool core_is_member(const struct core *c, struct conn_id conn)
{
    const struct session *s = session_find(c, conn);
    return s && s->state == SESSION_JOINED;
}

static bool restore(void *ctx, const struct room_terms *t)
{
    struct core *c = ctx;
    return !room_find(c, (struct span){t->id, t->id_n}) && room_restore(c, t);
}

const char *core_restore(struct core *c, struct span text, uint64_t now)
{
    c->now = now;
    const char *problem = roomfile_read(text, restore, c);
    c->room_store.asked = c->room_store.changed;
    return problem;
}

enum error core_ready(const struct core *c)
{
    uint32_t max = c->settings.max_connections;
    if (c->draining)
        return ERROR_DRAINING;
    return max && c->stats.connections >= max ? ERROR_SERVER_FULL : ERROR_NONE;
}

enum {
    DELAYED_BATCH = 8 /* each may cost the check of a signature */
};

static void delayed(struct core *c)
{
    struct pending *e;
    for (uint32_t n = 0; n < DELAYED_BATCH && (e = pending_take_due(c)); n++) {
        if (e->kind == PENDING_FRAME)
            on_delayed(c, e);
        else
            rest_delayed(c, e);
        session_answered(c, e->conn);
        pending_free(e);
    }
}

/* Who has deadlines: what is done when one has come, and when the next one is (UINT64_MAX: never). */
static const struct {
    void (*tick)(struct core *c);
    uint64_t (*due)(const struct core *c);
} DEADLINES[] = {
    {alive_tick, alive_due},
    {seat_tick, seat_due},
    {address_limits_tick, address_limits_due},
    {ice_tick, ice_due},
    {room_tick, room_due},
    {tombstones_tick, tombstones_due},
    {drain_tick, drain_due},
    {room_store_tick, room_store_due},
    {delayed, pending_due},
    {named_tick, named_due},
    {cluster_tick, cluster_due},
    {notice_tick, notice_due},
};

enum {
    DEADLINES_N = sizeof DEADLINES / sizeof *DEADLINES
};

static void tick(struct core *c)
{
    for (size_t i = 0; i < DEADLINES_N; i++)
        DEADLINES[i].tick(c);
}

static void of_session(struct core *c, struct session *s, const struct core_event *e)
{
    assert(s == session_find(c, e->conn));
    if (e->type == CORE_ADDRESS)
        session_address(c, s, &e->address);
    else if (e->type == CORE_READY)
        session_welcome(c, s, e->dialect, e->name);
    else if (e->type == CORE_FRAME)
        on_frame(c, s, e->bytes, e->urgent);
    else if (e->type == CORE_UNREADABLE)
        on_unreadable(c, s, e->unreadable.error, e->unreadable.problem);
    else if (e->type == CORE_PONG)
        on_pong(c, s, e->pong);
    else if (e->type == CORE_CONTROL)
        on_control(c, s);
    else if (e->type == CORE_VIOLATION && s->state != SESSION_CLOSING)
        session_violates(c, s, e->violation.code, e->violation.problem);
    else if (e->type == CORE_HTTP)
        session_asks(c, s);
    else if (e->type == CORE_BELONGS)
        session_belongs(c, s);
    else if (e->type == CORE_REQUEST && s->state == SESSION_OPENED)
        rest_request(c, s, e->request);
    else if (e->type == CORE_CLOSED)
        session_closed(c, s, e->close_code);
    else if (e->type == CORE_GONE)
        session_gone(c, s, e->close_code);
    else if (e->type == CORE_SLOW && s->state != SESSION_CLOSING)
        session_slow(c, s);
}

static void hashed(struct core *c, uint64_t job, const uint8_t *hash)
{
    struct pending *e = pending_take_hashed(c, job);
    if (e && e->kind == PENDING_JOIN)
        on_join_hashed(c, e, hash);
    else if (e)
        rest_create_hashed(c, e, hash);
    if (e)
        session_answered(c, e->conn);
    pending_free(e);
}

static void of_bus(struct core *c, const struct core_event *e)
{
    if (!c->cluster)
        return;
    if (e->type == CORE_BUS_UP)
        cluster_bus_up(c);
    else if (e->type == CORE_BUS_DOWN)
        cluster_bus_down(c);
    else if (e->type == CORE_BUS_ANSWER)
        cluster_answered(c, e->answer);
    else if (e->type == CORE_BUS_MESSAGE)
        on_bus_message(c, e->bytes);
    else
        cluster_unheard(c, e->conn);
}

uint64_t core_deadline(const struct core *c)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < DEADLINES_N; i++) {
        uint64_t due = DEADLINES[i].due(c);
        at = due < at ? due : at;
    }
    return at < c->now ? c->now : at;
}

void core_step(struct core *c, const struct core_event *event, struct core_effects *fx)
{
    assert(event->now >= c->now);
    c->now = event->now;
    c->unix_ms = event->unix_ms;
    ice_clock(c);
    if (!c->started)
        c->started_at = event->now;
    c->started = true;
    c->fx = fx;
    c->fx_before = fx->n;
    if (waiting_first(&c->watch[WATCH_OWED]))
        alive_pay(c);
    if (event->type == CORE_OPEN) {
        session_open(c, event->conn, &event->address);
    } else if (event->type == CORE_TIME) {
        tick(c);
    } else if (event->type == CORE_DRAIN) {
        drain_begin(c);
    } else if (event->type == CORE_HASHED) {
        hashed(c, event->hashed.job, event->hashed.hash);
    } else if (event->type == CORE_STORED) {
        room_store_stored(c, event->stored);
    } else if (event->type == CORE_UNSTORED) {
        room_store_lost(c);
    } else if (event->type >= CORE_BUS_UP && event->type <= CORE_BUS_UNHEARD) {
        of_bus(c, event);
    } else {
        struct session *s = session_find(c, event->conn);
        if (s)
            of_session(c, s, event);
    }
    if (room_store_is_behind(c))
        room_store_settle(c);
    if (c->draining)
        drain_settle(c);
    c->fx = NULL;
}
