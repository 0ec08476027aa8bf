/* SPDX-License-Identifier: MIT
 *
 * Each step is judged in three passes: what the event asks for, what each effect does, and at the end whether what was
 * asked for was done exactly once and everybody was told.
 */
#include "tests/sim/server_oracle.h"

#include <stdlib.h>

#include <utlist.h>

#include "tests/sim/server_oracle_inner.h"

enum {
    IDLE_SLACK_MS = 2000,
    AWAY_SLACK_MS = 1000,
    DRAIN_SLACK_MS = 6000,
    SWEEP_MS = 1000,
    KEPT_SEAT_MAX = 64 * 1024, /* */
    KEPT_ALL_MAX = 16 * 1024 * 1024,
    KEPT_COST = 128, /* what a held frame may cost beside its text */
};

struct server_oracle *server_oracle_new(struct world *w, const struct core_settings *settings)
{
    struct server_oracle *j = world_alloc(sizeof *j);
    j->w = w;
    j->settings = *settings;
    return j;
}

void server_oracle_reset(struct server_oracle *j)
{
    seats_reset(&j->seats);
    server_oracle_webhooks_reset(j);
    pending_reset(&j->pending);
    j->hashing = 0;
    j->draining = j->drained = j->listening = false;
    j->return_after = 0;
    j->unkept = 0;
    j->life++;
}

void server_oracle_free(struct server_oracle *j)
{
    if (!j)
        return;
    seats_done(&j->seats);
    server_oracle_webhooks_reset(j);
    pending_done(&j->pending);
    tokens_free(&j->tokens);
    struct used_id *u, *tmp;
    HASH_ITER (hh, j->used, u, tmp) {
        HASH_DEL(j->used, u);
        free(u);
    }
    free(j);
}

/* ---- pass one: what happened ---- */

static bool is_of_connection(const struct core_event *e)
{
    return e->type != CORE_TIME && e->type != CORE_DRAIN && e->type != CORE_HASHED && e->type != CORE_STORED;
}

static void trace_event(struct server_oracle *j)
{
    static const char *const NAMES[] = {[CORE_OPEN] = "open",
        [CORE_ADDRESS] = "address",
        [CORE_READY] = "ready",
        [CORE_UNREADABLE] = "unreadable",
        [CORE_PONG] = "pong",
        [CORE_CONTROL] = "control",
        [CORE_VIOLATION] = "violation",
        [CORE_CLOSED] = "closed",
        [CORE_SLOW] = "slow",
        [CORE_GONE] = "gone",
        [CORE_HTTP] = "http",
        [CORE_REQUEST] = "request",
        [CORE_HASHED] = "hashed",
        [CORE_STORED] = "stored",
        [CORE_DRAIN] = "drain"};
    const struct core_event *e = j->event;
    if (e->type == CORE_FRAME)
        world_trace(j->w, "conn %u: %.*s", e->conn.slot, (int)(e->bytes.n < 160 ? e->bytes.n : 160), e->bytes.p);
    else if (e->type != CORE_TIME)
        world_trace(j->w, "conn %u: %s", e->conn.slot, NAMES[e->type]);
}

static void note_frame(struct server_oracle *j)
{
    j->claim = claim_read(j->event->bytes);
    bool heard = j->self && j->self->ready && !j->self->closing;
    if (heard && j->claim.type == CLAIM_JOIN)
        server_oracle_may_join(j, false, false);
    else if (heard && j->claim.type == CLAIM_RESUME)
        server_oracle_may_resume(j);
}

/* Only the answer to the last ping proves what was sent before it, and only that is free. */
static void note_pong(struct server_oracle *j, struct caller *c, uint32_t number)
{
    j->free = c->ping != 0 && number == c->ping;
    if (!j->free)
        return;
    c->proved = c->pinged;
    c->ping = 0;
}

/* [S-13]: what a connection sends costs it a token; without one it is to be paused. */
static void note_cost(struct server_oracle *j, struct caller *c)
{
    enum core_event_type t = j->event->type;
    uint64_t now = world_now(j->w), rate = j->settings.message_rate;
    bool costs = t == CORE_FRAME || t == CORE_UNREADABLE || t == CORE_CONTROL || (t == CORE_PONG && !j->free);
    if (!costs || !rate || !j->settings.message_burst || !c->ready || c->closing)
        return;
    int64_t full = (int64_t)j->settings.message_burst * 1000, gained = (int64_t)((now - c->tokens_at) * rate);
    c->tokens = c->tokens_at == 0 || c->tokens + gained > full ? full : c->tokens + gained;
    c->tokens_at = now;
    j->over_rate = c->tokens < 1000;
    c->tokens -= 1000;
}

static void server_oracle_pace(const struct server_oracle *j, bool was_paused)
{
    const struct caller *c = j->self;
    if (!c || c->closing || !is_of_connection(j->event))
        return;
    world_check(j->w, !j->over_rate || c->paused, "conn %u sends too fast and is read on", c->slot);
    world_check(j->w, j->over_rate || was_paused == c->paused, "conn %u is %s for nothing", c->slot,
        c->paused ? "paused" : "read on");
}

static void note_gone(struct server_oracle *j, struct caller *c)
{
    server_oracle_depart(j, c, j->event->close_code);
}

/* A join or a POST that waited for its password goes on, unless its connection is gone. */
static void note_hashed(struct server_oracle *j)
{
    uint64_t job = j->event->hashed.job;
    j->hashing--;
    for (size_t i = 0; i < j->seats.n; i++) {
        struct caller *c = j->seats.v[i];
        if (!c->live || c->hash_job != job)
            continue;
        c->hash_job = 0;
        j->self = c;
        j->claim = c->waiting;
        c->waiting = (struct claim){0};
        const struct room *r = seats_room(&j->seats, j->claim.room);
        const char *password = json_string_value(json_object_get(j->claim.body, "password"));
        server_oracle_may_join(j, true,
            r && r->incarnation == c->waiting_room && j->event->hashed.hash && strcmp(password, r->password) == 0);
    }
    struct asked *a;
    DL_FOREACH (j->pending.asked, a)
        if (a->job == job)
            break;
    if (a && seats_at(&j->seats, a->conn))
        server_oracle_create_hashed(j, a);
    else if (a)
        pending_remove(&j->pending, a); /* nobody would know whose the room is */
}

static void note_event(struct server_oracle *j)
{
    const struct core_event *e = j->event;
    server_oracle_clock(j);
    if (!j->listening)
        j->began = world_now(j->w);
    j->listening = true;
    if (e->type == CORE_OPEN)
        seats_open(&j->seats, e->conn, world_now(j->w));
    j->self = is_of_connection(e) ? seats_at(&j->seats, e->conn) : NULL;
    trace_event(j);
    if (e->type == CORE_FRAME) {
        note_frame(j);
    } else if (e->type == CORE_UNREADABLE) {
        j->claim.errors = 1u << e->unreadable.error;
    } else if (e->type == CORE_DRAIN) {
        j->draining = true;
        j->drain_since = world_now(j->w);
        server_oracle_expire_seats(j);
    } else if (e->type == CORE_TIME) {
        server_oracle_expire(j);
        server_oracle_answer_stored(j);
    } else if (e->type == CORE_REQUEST) {
        server_oracle_request(j);
    } else if (e->type == CORE_HASHED) {
        note_hashed(j);
    } else if (e->type == CORE_STORED) {
        server_oracle_stored(j);
    } else if (e->type == CORE_GONE && j->self) {
        note_gone(j, j->self);
    } else if (e->type == CORE_PONG && j->self) {
        note_pong(j, j->self, e->pong);
    }
    bool life = e->type == CORE_FRAME || e->type == CORE_UNREADABLE || e->type == CORE_PONG ||
                e->type == CORE_CONTROL || e->type == CORE_READY;
    if (j->self && life)
        j->self->last_life = world_now(j->w);
    if (j->self)
        note_cost(j, j->self);
}

/* ---- pass two: what was done ---- */

static void note_ping(struct server_oracle *j, struct caller *c, uint32_t number)
{
    world_check(j->w, number != 0 && number != c->ping, "conn %u is pinged with the number %u", c->slot, number);
    c->pinged = c->relayed;
    c->ping = number;
}

static void note_hash(struct server_oracle *j, const struct core_hash *hash)
{
    struct asked *a = j->pending.hashes;
    const char *password = a ? a->terms.password : json_string_value(json_object_get(j->claim.body, "password"));
    world_check(j->w, a || (j->asks_hash && !j->hashes), "a password is hashed that nobody gave");
    world_check(j->w, strlen(password) == hash->password_n && memcmp(password, hash->password, hash->password_n) == 0,
        "another password is hashed than was given");
    j->hashing++;
    j->pending.hashes = NULL;
    if (a) {
        a->job = hash->job;
        return;
    }
    j->hashes = true;
    j->self->hash_job = hash->job;
    j->self->waiting = j->claim;
    json_incref(j->claim.body);
    j->self->waiting_room = seats_room(&j->seats, j->claim.room)->incarnation;
}

static void server_oracle_other_effect(struct server_oracle *j, const struct core_effect *e)
{
    if (e->type == CORE_DRAINED) {
        world_check(j->w, j->draining && !j->drained, "drained out of turn");
        j->drained = true;
    } else if (e->type == CORE_HASH) {
        note_hash(j, e->hash);
    } else if (e->type == CORE_STORE) {
        server_oracle_store(j, e);
    } else if (e->type == CORE_WEBHOOK) {
        server_oracle_webhook(j, e);
    } else if (e->type == CORE_RESPONSE) {
        server_oracle_response(j, e);
    }
}

static void server_oracle_effect(struct server_oracle *j, const struct core_effect *e)
{
    struct caller *c = seats_at(&j->seats, e->conn);
    if (e->type > CORE_RESUME) {
        server_oracle_other_effect(j, e);
        return;
    }
    world_check(j->w, c, "an effect for connection %u.%u, which is gone", e->conn.slot, e->conn.generation);
    world_check(j->w, !c->closing || e->type == CORE_RESUME || e->type == CORE_PAUSE,
        "effect %d for conn %u after its close", e->type, c->slot);
    if (e->type == CORE_SEND)
        server_oracle_said(j, c, e->frame);
    else if (e->type == CORE_CLOSE)
        server_oracle_close(j, c, e);
    else if (e->type == CORE_PING)
        note_ping(j, c, e->ping);
    else
        c->paused = e->type == CORE_PAUSE;
}

/* ---- pass three: was it all, and not more ---- */

/* A frame for somebody who is away is kept, unless that would be too much ([R-1]); which of the two is said by the
 * daemon's count. */
static void server_oracle_kept(struct server_oracle *j, const struct core *core, struct seat *to)
{
    size_t n = j->event->bytes.n, cost = (to->kept_n + 1) * KEPT_COST;
    size_t in_all = j->seats.kept_bytes + (j->seats.away * KEPT_SEAT_MAX / 64 + 1) * KEPT_COST;
    bool dropped = core_stats(core)->unheld_total != j->unkept;
    world_check(j->w, j->relays == 0, "a frame for %s, who is away, went to somebody", to->id);
    to->frames++;
    j->relayed++;
    if (dropped) {
        world_check(j->w, to->kept_bytes + n + cost > KEPT_SEAT_MAX || in_all + n > KEPT_ALL_MAX,
            "%s: a frame of %zu bytes is dropped and %zu are held", to->id, n, to->kept_bytes);
        to->lost = true;
        return;
    }
    seats_keep(&j->seats, to, server_oracle_relayed(j), n);
    world_check(j->w, to->kept_bytes <= KEPT_SEAT_MAX && j->seats.kept_bytes <= KEPT_ALL_MAX, "%s: %zu bytes are held",
        to->id, to->kept_bytes);
}

static void server_oracle_relay(struct server_oracle *j, const struct core *core)
{
    struct seat *to = seats_by_id(&j->seats, j->claim.to), *self = j->self->seat;
    world_check(j->w, self && to && to != self && to->room == self->room, "conn %u may not relay", j->self->slot);
    if (to->caller)
        world_check(j->w, j->relays == 1, "a relay of conn %u went to %u", j->self->slot, j->relays);
    else
        server_oracle_kept(j, core, to);
}

static void server_oracle_answer(struct server_oracle *j, const struct core *core)
{
    const struct caller *self = j->self;
    if (!self || (self->closing && j->answers == 0))
        return;
    if (j->event->type == CORE_UNREADABLE || j->claim.type == CLAIM_BAD)
        world_check(j->w, j->error != ERROR_NONE && (j->claim.errors & 1u << j->error),
            "a bad frame of conn %u is answered with %s", self->slot, error_code(j->error));
    else if (j->error != ERROR_NONE)
        world_check(j->w, server_oracle_may_fail(j, j->error), "conn %u got %s", self->slot, error_code(j->error));
    else if (j->claim.type == CLAIM_RELAY)
        server_oracle_relay(j, core);
    else if (j->claim.type != CLAIM_REPORT)
        world_check(j->w, j->answers == !j->asks_hash, "conn %u has %u answers to one request", self->slot, j->answers);
    world_check(j->w, !j->asks_hash || j->hashes, "conn %u: its password is not looked at", self->slot);
    world_check(j->w, j->answers <= 1 && j->relays <= 1, "conn %u: too many answers", self->slot);
}

/* Everybody was told of every move, and a seat that was taken from a connection is another's now. */
static void server_oracle_debts(struct server_oracle *j)
{
    for (size_t i = 0; j->seats.owed > 0 && i < j->seats.n; i++) {
        const struct caller *c = j->seats.v[i];
        world_check(
            j->w, c->owed_n == 0, "conn %u is not told %s of %s", c->slot, MOVE_TYPES[c->owed[0].move], c->owed[0].id);
        world_check(j->w, !c->expelled[0], "conn %u is not told that %s was closed", c->slot, c->expelled);
    }
    world_check(j->w, !j->taken || j->taken->caller, "%s was taken from its connection for nobody", j->taken->id);
    const struct seat *s = j->self ? j->self->seat : NULL;
    world_check(j->w, !s || !s->kept, "%s resumed and %zu frames are still held", s->id, s->kept_n);
    if (j->event->type == CORE_GONE && j->self)
        seats_gone(&j->seats, j->self);
}

/* ---- the core's numbers and ours, and who has waited for too long ---- */

static void compare(struct server_oracle *j, const struct core *core)
{
    const struct core_stats *n = core_stats(core);
    const struct core_settings *set = &j->settings;
    world_check(j->w, n->connections == j->seats.live, "%llu connections, should be %zu",
        (unsigned long long)n->connections, j->seats.live);
    world_check(j->w, n->rooms == HASH_COUNT(j->seats.rooms), "%llu rooms, should be %u", (unsigned long long)n->rooms,
        HASH_COUNT(j->seats.rooms));
    world_check(j->w, n->members == j->seats.members, "%llu members, should be %zu", (unsigned long long)n->members,
        j->seats.members);
    world_check(
        j->w, n->away == j->seats.away, "%llu are away, should be %zu", (unsigned long long)n->away, j->seats.away);
    world_check(j->w, n->relayed_total <= j->relayed, "more relayed than was");
    world_check(j->w, !set->max_connections || n->connections <= set->max_connections, "%llu connections",
        (unsigned long long)n->connections);
    j->unkept = n->unheld_total;
    server_oracle_webhooks_agree(j);
}

static void sweep_caller(struct server_oracle *j, const struct caller *c)
{
    uint64_t now = world_now(j->w), join = j->settings.join_timeout_ms;
    uint64_t limit = j->settings.ping_interval_ms + j->settings.ping_timeout_ms + IDLE_SLACK_MS;
    if (!c->live || c->closing)
        return;
    world_check(j->w, core_deadline(j->core) != UINT64_MAX, "conn %u is open and no deadline is set", c->slot);
    world_check(
        j->w, c->seat || !join || now - c->outside_since <= join + IDLE_SLACK_MS, "conn %u joins nothing", c->slot);
    world_check(j->w, !c->ready || c->paused || now - c->last_life < limit, "conn %u is idle for %llu ms", c->slot,
        (unsigned long long)(now - c->last_life));
}

static void sweep(struct server_oracle *j)
{
    uint64_t now = world_now(j->w);
    world_check(j->w,
        !j->draining || j->drained || now - j->drain_since < j->settings.drain_timeout_ms + DRAIN_SLACK_MS,
        "the drain does not end");
    if (now - j->last_sweep < SWEEP_MS)
        return;
    j->last_sweep = now;
    for (size_t i = 0; i < j->seats.n; i++)
        server_oracle_lapse(j, j->seats.v[i]);
    for (size_t i = 0; j->settings.ping_interval_ms && i < j->seats.n; i++)
        sweep_caller(j, j->seats.v[i]);
    const struct seat *s, *next;
    HASH_ITER (hh, j->seats.by_id, s, next)
        world_check(j->w, s->caller || now - s->away_since <= j->settings.resume_grace_ms + AWAY_SLACK_MS,
            "%s is away for %llu ms", s->id, (unsigned long long)(now - s->away_since));
}

void server_oracle_step(
    struct server_oracle *j, const struct core *core, const struct core_event *event, const struct core_effects *fx)
{
    j->core = core;
    j->event = event;
    j->fx = fx;
    j->answers = j->relays = j->welcomes = j->may = 0;
    j->error = ERROR_NONE;
    j->parsed = NULL;
    j->taken = NULL;
    j->free = j->over_rate = false;
    j->wait_ms = 0;
    j->either = j->asks_hash = j->hashes = j->limited = false;
    j->pending.hashes = NULL;
    j->claim = (struct claim){.type = CLAIM_BAD};
    struct caller *before = is_of_connection(event) ? seats_at(&j->seats, event->conn) : NULL;
    bool was_closing = before && before->closing, was_paused = before && before->paused;
    note_event(j);
    for (size_t i = 0; i < fx->n; i++)
        server_oracle_effect(j, &fx->v[i]);
    if (event->type == CORE_READY && j->self)
        world_check(j->w, j->welcomes == 1 || j->self->closing, "conn %u is not welcomed", event->conn.slot);
    if ((event->type == CORE_FRAME || event->type == CORE_UNREADABLE) && !was_closing)
        server_oracle_answer(j, core);
    else if (event->type == CORE_HASHED && j->self && !j->self->closing)
        server_oracle_answer(j, core);
    if (event->type == CORE_CLOSED && j->self && j->self->ready)
        world_check(
            j->w, j->self->closing || j->self->hash_job, "the Close of conn %u is not answered", event->conn.slot);
    if (event->type == CORE_VIOLATION && j->self)
        world_check(j->w, j->self->closing, "conn %u broke RFC 6455 and is not closed", event->conn.slot);
    server_oracle_pace(j, was_paused);
    server_oracle_debts(j);
    server_oracle_pending(j);
    bool whole =
        j->pending.filing || event->type == CORE_TIME || event->type == CORE_STORED || event->type == CORE_DRAIN;
    world_check(j->w, !whole || !server_oracle_is_behind(j) || core_deadline(core) <= world_now(j->w),
        "there is more to do, and the core does not ask for its turn");
    compare(j, core);
    sweep(j);
    claim_done(&j->claim);
    json_decref(j->said);
    j->said = NULL;
}

/* ---- for the clients ---- */

size_t server_oracle_room_size(const struct server_oracle *j, const char *peer_id)
{
    const struct seat *s = seats_by_id(&j->seats, peer_id);
    return s ? s->room->n : 0;
}

bool server_oracle_share_room(const struct server_oracle *j, const char *a, const char *b)
{
    const struct seat *s = seats_by_id(&j->seats, a), *t = seats_by_id(&j->seats, b);
    return s && t && s->room == t->room;
}

size_t server_oracle_members(const struct server_oracle *j)
{
    return j->seats.members;
}

size_t server_oracle_away(const struct server_oracle *j)
{
    return j->seats.away;
}

uint64_t server_oracle_relayed_to(const struct server_oracle *j, const char *peer_id)
{
    const struct seat *s = seats_by_id(&j->seats, peer_id);
    return s ? s->frames : 0;
}
