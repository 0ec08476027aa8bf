/* SPDX-License-Identifier: MIT
 *
 * Which answers are right. A refusal is right if one of its reasons holds, whichever comes first in the daemon; success
 * is right only if none does.
 */
#include "tests/sim/server_oracle_inner.h"
#include "tests/sim/ports.h"

enum {
    DUEL_MS = 1000
};

static uint64_t unix_seconds(const struct server_oracle *j)
{
    return j->event->unix_ms / 1000;
}

bool server_oracle_keeps(const struct server_oracle *j)
{
    return j->settings.crypto && j->settings.resume_grace_ms > 0 && !j->draining;
}

size_t server_oracle_capacity(const struct server_oracle *j, const struct room *r)
{
    size_t all = j->settings.max_room_members, own = r->max_peers;
    return own && (!all || own < all) ? own : all;
}

static bool is_full(const struct server_oracle *j, const struct room *r)
{
    size_t capacity = server_oracle_capacity(j, r);
    return capacity && r->n >= capacity;
}

static bool has_max_rooms(const struct server_oracle *j)
{
    return j->settings.max_rooms && HASH_COUNT(j->seats.rooms) >= j->settings.max_rooms;
}

static void refuse(struct server_oracle *j, enum error e)
{
    j->may |= 1u << e;
}

/* [S-29] */
static void server_oracle_token(struct server_oracle *j)
{
    const char *token = json_string_value(json_object_get(j->claim.body, "token")), *room = j->claims.room;
    j->claims = (struct claims){.expires = UINT64_MAX};
    if (!token || !*token || !j->settings.ports.verify) {
        if (j->settings.token_required)
            refuse(j, ERROR_UNAUTHORIZED);
        return;
    }
    if (ports_verify(NULL, span_of(token), unix_seconds(j), &j->claims)) {
        refuse(j, ERROR_UNAUTHORIZED);
        return;
    }
    size_t n = strlen(room);
    bool prefix = n > 0 && room[n - 1] == '*';
    if (prefix ? strncmp(room, j->claim.room, n - 1) != 0 : strcmp(room, j->claim.room) != 0)
        refuse(j, ERROR_FORBIDDEN);
}

void server_oracle_may_join(struct server_oracle *j, bool hashed, bool proven)
{
    const struct caller *c = j->self;
    const struct room *r = seats_room(&j->seats, j->claim.room);
    const json_t *password = json_object_get(j->claim.body, "password");
    if (c->seat || (!hashed && c->hash_job))
        refuse(j, ERROR_BAD_MESSAGE);
    server_oracle_token(j);
    if (!r && !j->settings.auto_create)
        refuse(j, ERROR_FORBIDDEN);
    if (!r && has_max_rooms(j))
        refuse(j, ERROR_SERVER_FULL);
    if (r && is_full(j, r))
        refuse(j, ERROR_ROOM_FULL);
    if (hashed) {
        if (!proven)
            refuse(j, j->event->hashed.hash ? ERROR_ROOM_LOCKED : ERROR_SERVER_FULL);
    } else if (r && r->locked) {
        if (!password)
            refuse(j, ERROR_ROOM_LOCKED);
        if (j->hashing >= HASHES_MAX)
            refuse(j, ERROR_RATE_LIMITED);
        j->asks_hash = j->may == 0;
    }
}

/* What a seat that there is says to a token. */
static void server_oracle_seat(struct server_oracle *j, const struct token *t, const struct seat *s)
{
    bool old = t->life != j->life;
    bool holds = s->stay == t->stay ? t->turn >= s->used : old && s->room->incarnation == t->incarnation;
    bool fought_over = s->caller && s->taken[1] && world_now(j->w) - s->taken[1] < DUEL_MS;
    j->wait_ms = holds && fought_over ? DUEL_MS - (world_now(j->w) - s->taken[1]) : 0; /* who waits may come */
    if (!holds || fought_over)
        refuse(j, ERROR_RESUME_FAILED);
    /* The page leaves open which of two stays of an earlier life holds, and whether that life's tokens hold for a seat
     * that was taken again when they hold for none any more. */
    j->either = old && (s->stay != t->stay || world_now(j->w) - j->began >= j->settings.resume_grace_ms);
}

/* its seat was left again, or its room closed, since the daemon was started */
static bool is_past(const struct server_oracle *j, const struct token *t)
{
    const struct used_id *u;
    HASH_FIND_STR(j->used, t->id, u);
    bool past = u->left == j->life;
    for (size_t i = 0; i < j->pending.closed_n; i++)
        past = past || j->pending.closed[i] == t->incarnation;
    return past;
}

/* to */
void server_oracle_may_resume(struct server_oracle *j)
{
    const struct token *t = tokens_find(j->tokens, json_string_value(json_object_get(j->claim.body, "resumeToken")));
    if (j->self->seat || !server_oracle_keeps(j) || !t || t->expires <= unix_seconds(j)) {
        refuse(j, ERROR_RESUME_FAILED);
        return;
    }
    const struct seat *s = seats_by_id(&j->seats, t->id);
    if (s) {
        server_oracle_seat(j, t, s);
        return;
    }
    const struct room *r = seats_room(&j->seats, t->room);
    if (t->life == j->life || world_now(j->w) - j->began >= j->settings.resume_grace_ms)
        refuse(j, ERROR_RESUME_FAILED);
    else if (!r && (t->made || has_max_rooms(j)))
        refuse(j, ERROR_RESUME_FAILED); /* a room that its owner made is not made by others */
    else if (is_past(j, t))
        refuse(j, ERROR_RESUME_FAILED);
    else if (r && (r->incarnation != t->incarnation || is_full(j, r)))
        refuse(j, ERROR_RESUME_FAILED);
}

bool server_oracle_may_fail(const struct server_oracle *j, enum error e)
{
    const struct caller *self = j->self;
    const struct seat *to = seats_by_id(&j->seats, j->claim.to);
    switch (j->claim.type) {
    case CLAIM_JOIN:
    case CLAIM_RESUME:
        return j->may & 1u << e || (j->claim.type == CLAIM_RESUME && j->either && e == ERROR_RESUME_FAILED);
    case CLAIM_RELAY:
        if (!self->seat)
            return e == ERROR_NOT_IN_ROOM;
        return e == ERROR_NO_SUCH_PEER && (!to || to->room != self->seat->room || to->caller == self);
    case CLAIM_LEAVE:
        return e == ERROR_NOT_IN_ROOM && !self->seat;
    case CLAIM_REPORT: /* what the server oracle does not know */
        return e == ERROR_BAD_MESSAGE;
    default:
        return false;
    }
}
