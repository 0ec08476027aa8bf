/* SPDX-License-Identifier: MIT
 *
 * One function a message that the daemon says: whether it may be said, to this connection, in this step.
 */
#include "tests/sim/server_oracle_inner.h"

const char *server_oracle_text(const struct server_oracle *j, const char *name)
{
    return json_string_value(json_object_get(j->said, name));
}

static bool same(const json_t *a, const json_t *b)
{
    return a && b ? json_equal(a, b) : a == b;
}

/* Whether the message shows of a member what it gave of itself, byte for byte as far as JSON goes. */
static bool shows(const json_t *said, const json_t *self)
{
    return same(json_object_get(said, "displayName"), json_object_get(self, "displayName")) &&
           same(json_object_get(said, "metadata"), json_object_get(self, "metadata"));
}

static void said_welcome(struct server_oracle *j, struct caller *c)
{
    const char *id = server_oracle_text(j, "peerId");
    struct used_id *u;
    world_check(j->w, j->event->type == CORE_READY && c == j->self, "welcome at the wrong time, conn %u", c->slot);
    world_check(j->w, id && strlen(id) <= PEER_ID_MAX, "welcome without a peer id, conn %u", c->slot);
    HASH_FIND_STR(j->used, id, u);
    world_check(j->w, !u, "peer id %s was used before", id);
    u = world_alloc(sizeof *u);
    snprintf(u->id, sizeof u->id, "%s", id);
    HASH_ADD_STR(j->used, id, u);
    snprintf(c->id, sizeof c->id, "%s", id);
    c->ready = true;
    j->welcomes++;
    server_oracle_credentials(j, c, false);
}

static void said_ice_servers(struct server_oracle *j, struct caller *c)
{
    world_check(j->w, j->event->type == CORE_TIME && c->ready && j->settings.ice_refresh_ms,
        "conn %u is told ICE servers out of turn", c->slot);
    server_oracle_credentials(j, c, true);
}

static void check_ref(struct server_oracle *j, const struct caller *c)
{
    const json_t *asked = json_object_get(j->claim.body, "ref"), *echoed = json_object_get(j->said, "ref");
    if (echoed)
        world_check(j->w, json_equal(asked, echoed), "conn %u got a ref that it did not send", c->slot);
    else if (server_oracle_text(j, "code") == NULL || j->claim.type != CLAIM_BAD)
        world_check(j->w, !json_is_string(asked), "conn %u: its ref was not echoed", c->slot);
}

static void said_error(struct server_oracle *j, struct caller *c)
{
    const char *code = server_oracle_text(j, "code");
    enum error e = code ? claim_error(code) : ERRORS;
    world_check(
        j->w, e != ERRORS && server_oracle_text(j, "message"), "conn %u: an error without code or message", c->slot);
    world_check(j->w, j->event->type == CORE_TIME || j->event->type == CORE_DRAIN || c == j->self,
        "error %s goes to conn %u, which did nothing", code, c->slot);
    j->limited |= e == ERROR_RATE_LIMITED && c == j->self;
    bool answer = e != ERROR_RATE_LIMITED || (j->may & 1u << ERROR_RATE_LIMITED && j->error == ERROR_NONE);
    if (!answer || c != j->self)
        return; /* besides the answer, or the last word before a close */
    check_ref(j, c);
    uint64_t wait = (uint64_t)json_integer_value(json_object_get(j->said, "retryAfterMs"));
    bool right = wait == j->wait_ms || (wait == 0 && j->either);
    world_check(j->w, e != ERROR_RESUME_FAILED || right, "conn %u may resume after %llu ms, not %llu", c->slot,
        (unsigned long long)j->wait_ms, (unsigned long long)wait);
    world_check(j->w, j->error == ERROR_NONE, "two errors for one frame of conn %u", c->slot);
    j->error = e;
    j->answers++;
}

/* ---- one's place in a room ---- */

static void check_list(struct server_oracle *j, const struct seat *s)
{
    const json_t *peers = json_object_get(j->said, "peers");
    json_t *entry;
    size_t i;
    world_check(j->w, json_array_size(peers) == s->room->n - 1, "room %s: peers lists %zu of %zu", s->room->id,
        json_array_size(peers), s->room->n - 1);
    json_array_foreach(peers, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "peerId"));
        const struct seat *o = seats_by_id(&j->seats, id);
        world_check(j->w, o && o != s && o->room == s->room, "room %s: peers lists %s", s->room->id, id ? id : "?");
        world_check(j->w, shows(entry, o->self), "room %s: peers shows another %s", s->room->id, id);
        world_check(j->w, json_is_true(json_object_get(entry, "away")) == !o->caller, "room %s: %s is %s away",
            s->room->id, id, o->caller ? "not" : "");
        for (size_t k = 0; k < i; k++)
            world_check(j->w,
                !same(json_object_get(json_array_get(peers, k), "peerId"), json_object_get(entry, "peerId")),
                "room %s: peers lists %s twice", s->room->id, id);
    }
}

static void check_place(struct server_oracle *j, struct caller *c, struct seat *s, unsigned turn)
{
    const char *id = server_oracle_text(j, "peerId"), *room = server_oracle_text(j, "roomId"),
               *token = server_oracle_text(j, "resumeToken");
    size_t capacity = server_oracle_capacity(j, s->room);
    check_ref(j, c);
    j->answers++;
    world_check(j->w, id && strcmp(id, s->id) == 0, "conn %u is told another peerId than %s", c->slot, s->id);
    world_check(
        j->w, room && strcmp(room, s->room->id) == 0, "conn %u is told another room than %s", c->slot, s->room->id);
    world_check(j->w, !capacity || s->room->n <= capacity, "room %s has %zu members", s->room->id, s->room->n);
    check_list(j, s);
    world_check(j->w, !token == !server_oracle_keeps(j), "conn %u gets %s resume token", c->slot, token ? "a" : "no");
    if (!token)
        return;
    world_check(j->w, !tokens_find(j->tokens, token), "conn %u gets a token that was given before", c->slot);
    tokens_add(&j->tokens, token, s, j->life, turn);
}

static json_t *self_of(const struct server_oracle *j)
{
    json_t *self = json_object(), *name = json_object_get(j->claim.body, "displayName"),
           *metadata = json_object_get(j->claim.body, "metadata");
    if (*j->claims.name)
        json_object_set_new(self, "displayName", json_string(j->claims.name));
    else if (name)
        json_object_set(self, "displayName", name);
    if (metadata)
        json_object_set(self, "metadata", metadata);
    return self;
}

static void said_peers(struct server_oracle *j, struct caller *c)
{
    world_check(j->w, c == j->self && j->claim.type == CLAIM_JOIN, "peers for conn %u, which did not join", c->slot);
    world_check(j->w, j->may == 0 && !j->asks_hash, "conn %u is let into room %s", c->slot, j->claim.room);
    struct room *r = seats_room(&j->seats, j->claim.room);
    if (!r)
        r = seats_room_new(&j->seats, j->claim.room, 0);
    struct seat *s = seats_enter(&j->seats, r, c, c->id, self_of(j));
    s->expires = j->claims.expires;
    check_place(j, c, s, 1);
    seats_owe(&j->seats, s, MOVE_JOINED, NULL);
}

/* */
static void check_recovered(struct server_oracle *j, struct seat *s, const struct token *t, bool restarted)
{
    bool said = json_is_true(json_object_get(j->said, "recovered"));
    /* That something is lost is said again until the token that came with it is used. */
    bool all = !restarted && !s->lost && !(s->told_lost && s->used == t->turn);
    world_check(j->w, !said || all, "%s is told that it lost nothing", s->id);
    world_check(j->w, said || !all, "%s is told that it lost something", s->id);
    s->told_lost = !said;
}

static struct seat *seat_anew(struct server_oracle *j, struct caller *c, const struct token *t)
{
    struct room *r = seats_room(&j->seats, t->room);
    if (!r)
        r = seats_room_new(&j->seats, t->room, t->incarnation);
    struct seat *s = seats_enter(&j->seats, r, c, t->id, json_incref(t->self));
    s->stay = t->stay;
    s->expires = t->expires;
    s->returned = true;
    return s;
}

static void said_resumed(struct server_oracle *j, struct caller *c)
{
    const struct token *t = tokens_find(j->tokens, json_string_value(json_object_get(j->claim.body, "resumeToken")));
    world_check(j->w, c == j->self && j->claim.type == CLAIM_RESUME, "resumed for conn %u, which did not", c->slot);
    world_check(j->w, t && j->may == 0, "conn %u resumes where it may not", c->slot);
    struct seat *s = seats_by_id(&j->seats, t->id);
    bool restarted = t->life != j->life, back = !s || j->taken != s;
    world_check(j->w, !s || !s->caller, "%s is resumed beside its old connection", t->id);
    if (s) {
        seats_back(&j->seats, s, c);
        s->stay = t->stay;
    } else {
        s = seat_anew(j, c, t);
    }
    memcpy(c->id, s->id, sizeof c->id);
    check_recovered(j, s, t, restarted);
    c->relayed = c->proved = c->pinged = 0; /* what is in flight proves nothing of this seat */
    s->used = t->turn;
    world_check(j->w, json_is_true(json_object_get(j->said, "restarted")) == restarted, "%s is told that the server %s",
        s->id, restarted ? "lived on" : "was started again");
    world_check(j->w,
        (uint64_t)json_integer_value(json_object_get(j->said, "resumeGrace")) == j->settings.resume_grace_ms,
        "%s is told another resumeGrace", s->id);
    check_place(j, c, s, t->turn + 1);
    if (back)
        seats_owe(&j->seats, s, MOVE_BACK, NULL);
}

static void said_left_room(struct server_oracle *j, struct caller *c)
{
    world_check(
        j->w, c == j->self && j->claim.type == CLAIM_LEAVE && c->seat, "an unasked left-room for conn %u", c->slot);
    check_ref(j, c);
    j->answers++;
    server_oracle_leave(j, c->seat, "left");
}

static void said_room_closed(struct server_oracle *j, struct caller *c)
{
    const char *room = server_oracle_text(j, "roomId");
    world_check(j->w, c->expelled[0] && room && strcmp(room, c->expelled) == 0, "conn %u is told that %s was closed",
        c->slot, room ? room : "?");
    c->expelled[0] = '\0';
    j->seats.owed--;
}

/* ---- what is told of others ---- */

static void said_move(struct server_oracle *j, struct caller *c, enum move move)
{
    struct notice n;
    const char *id = server_oracle_text(j, "peerId"), *reason = server_oracle_text(j, "reason");
    world_check(j->w, seats_paid(&j->seats, c, move, id, &n), "conn %u is told %s of %s", c->slot, MOVE_TYPES[move],
        id ? id : "nobody");
    if (n.self)
        world_check(j->w, shows(j->said, n.self), "conn %u is shown another %s", c->slot, id);
    if (n.reason)
        world_check(j->w, reason && strcmp(reason, n.reason) == 0, "%s left for %s, not %s", id, reason ? reason : "?",
            n.reason);
}

/* What the reader is to get for this claim; owned by the caller. */
json_t *server_oracle_relayed(const struct server_oracle *j)
{
    json_t *frame = json_copy(j->claim.body);
    json_object_del(frame, "to");
    json_object_set_new(frame, "from", json_string(j->self->id));
    return frame;
}

static void said_kept(struct server_oracle *j, struct caller *c)
{
    json_t *next = seats_unkeep(&j->seats, c->seat);
    world_check(j->w, json_equal(next, j->said), "%s: a held frame was changed, or is not the next", c->id);
    json_decref(next);
    c->relayed++;
}

static void said_relay(struct server_oracle *j, struct caller *c, const char *type)
{
    const struct caller *self = j->self;
    struct seat *s = c->seat;
    if (c == self && j->claim.type == CLAIM_RESUME && s && s->kept) {
        said_kept(j, c);
        return;
    }
    const char *from = server_oracle_text(j, "from");
    world_check(j->w, self && j->event->type == CORE_FRAME && j->claim.type == CLAIM_RELAY,
        "a %s for conn %u that nobody sent", type, c->slot);
    world_check(j->w, from && strcmp(from, self->id) == 0, "from is %s and should be %s", from ? from : "?", self->id);
    world_check(j->w, s && self->seat && self->seat->room == s->room, "a %s left its room: conn %u to %u", type,
        self->slot, c->slot);
    world_check(j->w, strcmp(j->claim.to, s->id) == 0, "a %s went to %s, not to %s", type, s->id, j->claim.to);
    json_t *right = server_oracle_relayed(j);
    world_check(j->w, json_equal(j->said, right), "a %s was changed in flight from conn %u", type, self->slot);
    json_decref(right);
    c->relayed++;
    s->frames++;
    j->relays++;
    j->relayed++;
}

void server_oracle_said(struct server_oracle *j, struct caller *c, struct frame *frame)
{
    if (frame != j->parsed) {
        struct span text = frame_text(frame);
        json_decref(j->said);
        j->said = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
        j->parsed = frame;
        world_trace(j->w, "  -> conn %u: %.*s", c->slot, (int)(text.n < 160 ? text.n : 160), text.p);
    }
    const char *type = server_oracle_text(j, "type");
    world_check(j->w, type, "conn %u is sent something that is not a message", c->slot);
    for (enum move m = 0; m < MOVES; m++)
        if (strcmp(type, MOVE_TYPES[m]) == 0) {
            said_move(j, c, m);
            return;
        }
    static const struct {
        const char *type;
        void (*server_oracle)(struct server_oracle *j, struct caller *c);
    } SAYINGS[] = {{"welcome", said_welcome}, {"error", said_error}, {"peers", said_peers}, {"resumed", said_resumed},
        {"left-room", said_left_room}, {"room-closed", said_room_closed}, {"ice-servers", said_ice_servers}};
    for (size_t i = 0; i < sizeof SAYINGS / sizeof SAYINGS[0]; i++)
        if (strcmp(type, SAYINGS[i].type) == 0) {
            SAYINGS[i].server_oracle(j, c);
            return;
        }
    if (strcmp(type, "pong") == 0) {
        world_check(j->w, c == j->self && j->claim.type == CLAIM_PING, "an unasked pong for conn %u", c->slot);
        check_ref(j, c);
        j->answers++;
    } else if (strcmp(type, "server-draining") == 0) {
        uint64_t after = (uint64_t)json_integer_value(json_object_get(j->said, "reconnectAfterMs"));
        world_check(j->w, j->draining, "server-draining without a drain");
        world_check(j->w, after >= j->return_after && after < 10000, "conn %u is to return after %llu ms", c->slot,
            (unsigned long long)after);
        j->return_after = after;
    } else {
        said_relay(j, c, type);
    }
}
