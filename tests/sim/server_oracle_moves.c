/* SPDX-License-Identifier: MIT
 *
 * Who comes and goes. A move is done in the model when its cause is seen, and from then on everybody else in the room
 * is owed the news of it, once, until the end of the step.
 */
#include <string.h>

#include "tests/sim/server_oracle_inner.h"

enum {
    BATCH = 64,
    MANY_EFFECTS = 1000
};

/* A room that join-room made goes with its last member or lingers; and design, section 4. */
static void empty(struct server_oracle *j, struct room *r)
{
    if (r->n == 0 && !r->made && (j->settings.room_linger_ms == 0 || j->draining))
        seats_room_free(&j->seats, r);
}

void server_oracle_left(struct server_oracle *j, const struct seat *s)
{
    struct used_id *u;
    HASH_FIND_STR(j->used, s->id, u);
    if (s->returned)
        u->left = j->life;
}

void server_oracle_leave(struct server_oracle *j, struct seat *s, const char *reason)
{
    struct room *r = s->room;
    if (!j->draining)
        seats_owe(&j->seats, s, MOVE_LEFT, reason);
    server_oracle_left(j, s);
    seats_leave(&j->seats, s, world_now(j->w));
    empty(j, r);
}

void server_oracle_lose(struct server_oracle *j, struct caller *c, const char *why)
{
    struct seat *s = c->seat;
    if (!s)
        return;
    if (!server_oracle_keeps(j)) {
        server_oracle_leave(j, s, why);
        return;
    }
    seats_owe(&j->seats, s, MOVE_AWAY, NULL);
    seats_away(&j->seats, s);
    s->away_since = world_now(j->w);
    s->why = why;
}

static bool is_over(const struct server_oracle *j, uint64_t since, uint64_t interval)
{
    return interval && since + interval <= world_now(j->w);
}

static void forget_room(struct server_oracle *j, struct room *r)
{
    j->pending.changed += r->made;
    seats_room_free(&j->seats, r);
}

/* Where webhooks are told, seats and rooms that linger end with the daemon. */
static bool all_end(const struct server_oracle *j)
{
    return j->draining && j->settings.webhooks;
}

/* The seat that is away for longest, if its time is over; NULL if there is none. */
static struct seat *overdue_seat(const struct server_oracle *j)
{
    struct seat *s, *next, *first = NULL;
    HASH_ITER (hh, j->seats.by_id, s, next)
        if (!s->caller && (!first || s->away_number < first->away_number))
            first = s;
    return first && (all_end(j) || is_over(j, first->away_since, j->settings.resume_grace_ms)) ? first : NULL;
}

static struct room *overdue_room(const struct server_oracle *j, bool made)
{
    struct room *r, *next, *first = NULL;
    HASH_ITER (hh, j->seats.rooms, r, next)
        if (r->n == 0 && r->made == made && (!first || r->empty_number < first->empty_number))
            first = r;
    uint64_t time = made ? j->settings.room_ttl_ms : all_end(j) ? 1 : j->settings.room_linger_ms;
    return first && is_over(j, first->empty_since, time) ? first : NULL;
}

size_t server_oracle_batch(const struct server_oracle *j)
{
    return j->settings.batch ? j->settings.batch : BATCH;
}

/* How many seats were given up in this step: nobody comes in it, and who is closed leaves only where no seat is kept. */
static size_t given_up(const struct server_oracle *j)
{
    size_t n = (size_t)(j->seats.members - core_stats(j->core)->members);
    for (size_t i = 0; i < j->fx->n && !server_oracle_keeps(j); i++) {
        const struct caller *c = j->fx->v[i].type == CORE_CLOSE ? seats_at(&j->seats, j->fx->v[i].conn) : NULL;
        n -= c && c->seat;
    }
    return n;
}

/* A batch in one step, fewer when many hear of each. Those that end with the daemon are another, when all are seen off. */
void server_oracle_expire_seats(struct server_oracle *j)
{
    size_t seats = given_up(j), batch = server_oracle_batch(j) * (all_end(j) ? 2 : 1);
    for (size_t i = 0; i < seats; i++) {
        struct seat *s = overdue_seat(j);
        world_check(j->w, s, "%zu seats are given up and %zu are over", seats, i);
        server_oracle_leave(j, s, s->why);
    }
    world_check(j->w, seats <= batch, "%zu seats are given up in one step", seats);
    bool enough = seats == batch || j->fx->n >= MANY_EFFECTS || !overdue_seat(j) || all_end(j);
    world_check(j->w, enough, "%zu seats are given up, and more are over", seats);
}

/* What is over goes in its order, a batch of each kind in one step. */
void server_oracle_expire(struct server_oracle *j)
{
    size_t batch = server_oracle_batch(j);
    server_oracle_expire_seats(j);
    for (int made = 0; made < 2; made++) {
        struct room *r;
        for (size_t i = 0; i < batch && (r = overdue_room(j, made)); i++)
            forget_room(j, r);
    }
}

bool server_oracle_is_behind(const struct server_oracle *j)
{
    bool owed = false;
    for (size_t i = 0; j->draining && i < j->seats.n; i++)
        owed |= j->seats.v[i]->live && !j->seats.v[i]->closing;
    return owed || j->pending.answering || j->pending.filing || overdue_seat(j) || overdue_room(j, false) ||
           overdue_room(j, true);
}

static const char *reason_of(const struct server_oracle *j, const struct core_effect *e)
{
    if (j->event->type == CORE_SLOW)
        return "slow";
    if (j->event->type == CORE_VIOLATION)
        return "violation";
    if (e->close.code == 1009)
        return "too-large";
    if (j->event->type == CORE_TIME)
        return "timeout";
    return j->event->type == CORE_DRAIN ? "disconnected" : "flood";
}

/* the one close that tells nobody. */
static bool hands_over(struct server_oracle *j, struct caller *c, const struct core_effect *e)
{
    if (strcmp(e->close.reason, "resumed on another connection") != 0)
        return false;
    const struct token *t = tokens_find(j->tokens, json_string_value(json_object_get(j->claim.body, "resumeToken")));
    world_check(j->w, j->claim.type == CLAIM_RESUME && c != j->self && e->close.code == 4001,
        "conn %u is closed for a resume that is none", c->slot);
    world_check(j->w, c->seat && t && strcmp(t->id, c->seat->id) == 0 && !j->taken,
        "conn %u is closed for the resume of another seat", c->slot);
    j->taken = c->seat;
    c->seat->taken[1] = c->seat->taken[0];
    c->seat->taken[0] = world_now(j->w);
    seats_away(&j->seats, c->seat);
    return true;
}

void server_oracle_depart(struct server_oracle *j, struct caller *c, uint16_t code)
{
    if (c->seat && (code == 1000 || code == 1001))
        server_oracle_leave(j, c->seat, "left");
    else
        server_oracle_lose(j, c, "disconnected");
}

void server_oracle_close(struct server_oracle *j, struct caller *c, const struct core_effect *e)
{
    world_trace(j->w, "  -> conn %u: close %u %s", c->slot, e->close.code, e->close.reason);
    if (j->event->type == CORE_VIOLATION)
        world_check(j->w,
            c == j->self && e->close.code == j->event->violation.code &&
                strcmp(e->close.reason, j->event->violation.problem) == 0,
            "conn %u is closed with %u %s", c->slot, e->close.code, e->close.reason);
    c->closing = true;
    if (j->event->type == CORE_OPEN) {
        c->refused = true;
        j->seats.live--;
    }
    /* What is over is noticed in any order: one that is closed need not hear of the others. */
    world_check(j->w, c->owed_n == 0 || j->event->type == CORE_TIME, "conn %u is closed and was not told of %s",
        c->slot, c->owed_n ? c->owed[0].id : "");
    seats_forgive(&j->seats, c);
    if (e->close.code == 0) {
        world_check(j->w, j->event->type == CORE_CLOSED && c == j->self, "conn %u said no Close", c->slot);
        server_oracle_depart(j, c, j->event->close_code);
    } else if (!hands_over(j, c, e))
        server_oracle_lose(j, c, reason_of(j, e));
}
