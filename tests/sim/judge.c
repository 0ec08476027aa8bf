/* SPDX-License-Identifier: MIT
 *
 * Each step is judged in three passes: what the event asks for, what each effect does, and at the end whether what was
 * asked for was done exactly once. A connection whose close was asked for (`closing`) is told nothing more; it counts
 * as a member until its peer-left was said, at the latest when it is gone.
 */
#include "tests/sim/judge.h"

#include <stdlib.h>

#include "tests/sim/claim.h"
#include "tests/sim/seats.h"

enum {
    IDLE_SLACK_MS = 2000,
    DRAIN_SLACK_MS = 6000,
    SWEEP_MS = 1000
};

struct used_id {
    char id[PEER_ID_MAX + 1];
    UT_hash_handle hh;
};

struct judge {
    struct world *w;
    struct core_settings settings;
    struct seats seats;
    struct used_id *used;
    uint64_t step, relayed, last_sweep, drain_since, deadline;
    bool draining, drained;
    /* the step being judged */
    const struct core_event *event;
    struct claim claim;
    struct seat *self;
    const struct frame *parsed; /* the frame that `said` was read from */
    json_t *said;
    unsigned answers, relays, welcomes;
    enum error error; /* sent to self, ERROR_NONE if none */
};

struct judge *judge_new(struct world *w, const struct core_settings *settings)
{
    struct judge *j = world_alloc(sizeof *j);
    j->w = w;
    j->settings = *settings;
    return j;
}

void judge_reset(struct judge *j)
{
    seats_reset(&j->seats);
    j->draining = j->drained = false;
    j->deadline = UINT64_MAX;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    seats_done(&j->seats);
    struct used_id *u, *tmp;
    HASH_ITER (hh, j->used, u, tmp) {
        HASH_DEL(j->used, u);
        free(u);
    }
    free(j);
}

/* ---- pass one: what happened ---- */

static void note_event(struct judge *j)
{
    const struct core_event *e = j->event;
    if (e->type == CORE_OPEN)
        seats_open(&j->seats, e->conn, world_now(j->w));
    j->self = e->type == CORE_TIME || e->type == CORE_DRAIN ? NULL : seats_at(&j->seats, e->conn);
    j->claim = (struct claim){.type = CLAIM_BAD};
    if (e->type == CORE_FRAME) {
        j->claim = claim_read(e->bytes);
        world_trace(j->w, "conn %u: %.*s", e->conn.slot, (int)(e->bytes.n < 160 ? e->bytes.n : 160), e->bytes.p);
    } else if (e->type != CORE_TIME) {
        static const char *const NAMES[] = {
            "open", "ready", "frame", "unreadable", "alive", "slow", "gone", "time", "drain"};
        world_trace(j->w, "conn %u: %s", e->conn.slot, NAMES[e->type]);
    }
    if (e->type == CORE_UNREADABLE)
        j->claim.errors = 1u << e->unreadable.error;
    if (e->type == CORE_DRAIN) {
        j->draining = true;
        j->drain_since = world_now(j->w);
    }
    if (e->type == CORE_TIME)
        j->deadline = UINT64_MAX;
    bool life = e->type == CORE_FRAME || e->type == CORE_UNREADABLE || e->type == CORE_ALIVE || e->type == CORE_READY;
    if (j->self && life)
        j->self->last_life = world_now(j->w);
}

/* ---- pass two: what was done ---- */

static const char *text_of(struct judge *j, const char *name)
{
    return json_string_value(json_object_get(j->said, name));
}

static void said_welcome(struct judge *j, struct seat *s)
{
    const char *id = text_of(j, "peerId");
    struct used_id *u;
    world_check(j->w, j->event->type == CORE_READY && s == j->self, "welcome at the wrong time, conn %u", s->slot);
    world_check(j->w, id && strlen(id) <= PEER_ID_MAX, "welcome without a peer id, conn %u", s->slot);
    HASH_FIND_STR(j->used, id, u);
    world_check(j->w, !u, "peer id %s was used before", id);
    u = world_alloc(sizeof *u);
    snprintf(u->id, sizeof u->id, "%s", id);
    HASH_ADD_STR(j->used, id, u);
    seats_name(&j->seats, s, id);
    j->welcomes++;
}

static void check_ref(struct judge *j, const struct seat *s)
{
    const json_t *asked = json_object_get(j->claim.body, "ref"), *echoed = json_object_get(j->said, "ref");
    if (echoed)
        world_check(j->w, json_equal(asked, echoed), "conn %u got a ref that it did not send", s->slot);
    else if (text_of(j, "code") == NULL || j->claim.type != CLAIM_BAD)
        world_check(j->w, !json_is_string(asked), "conn %u: its ref was not echoed", s->slot);
}

static void said_error(struct judge *j, struct seat *s)
{
    const char *code = text_of(j, "code");
    enum error e = code ? claim_error(code) : ERRORS;
    world_check(j->w, e != ERRORS && text_of(j, "message"), "conn %u: an error without code or message", s->slot);
    world_check(j->w, j->event->type == CORE_TIME || j->event->type == CORE_DRAIN || s == j->self,
        "error %s goes to conn %u, which did nothing", code, s->slot);
    if (e == ERROR_RATE_LIMITED || s->closing || s != j->self)
        return; /* besides the answer, or the last word before a close */
    check_ref(j, s);
    world_check(j->w, j->error == ERROR_NONE, "two errors for one frame of conn %u", s->slot);
    j->error = e;
    j->answers++;
}

static void said_peers(struct judge *j, struct seat *s)
{
    world_check(j->w, s == j->self && j->claim.type == CLAIM_JOIN, "peers for conn %u, which did not join", s->slot);
    check_ref(j, s);
    j->answers++;
    const char *id = text_of(j, "peerId"), *room = text_of(j, "roomId");
    world_check(j->w, id && strcmp(id, s->id) == 0, "peers names another peerId for conn %u", s->slot);
    world_check(j->w, room && strcmp(room, j->claim.room) == 0, "peers names another room for conn %u", s->slot);
    if (s->room)
        seats_leave(&j->seats, s, world_now(j->w));
    seats_enter(&j->seats, room, s);
    s->joined = true;
    world_check(j->w, !j->settings.max_room_members || s->room->n <= j->settings.max_room_members,
        "room %s has %zu members", room, s->room->n);
    const json_t *peers = json_object_get(j->said, "peers");
    json_t *entry;
    size_t i;
    world_check(j->w, json_array_size(peers) == s->room->n - 1, "room %s: peers lists %zu of %zu", room,
        json_array_size(peers), s->room->n - 1);
    json_array_foreach(peers, i, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "peerId"));
        const struct seat *o = seats_by_id(&j->seats, other);
        world_check(j->w, o && o != s && o->room == s->room, "room %s: peers lists %s", room, other ? other : "?");
    }
}

/* A presence notice for `s`: at most one a step about each subject, within the room, about somebody who moved. */
static void said_presence(struct judge *j, struct seat *s, bool joined)
{
    const char *id = text_of(j, "peerId");
    struct seat *about = seats_by_id(&j->seats, id);
    world_check(j->w, about && about != s, "conn %u hears of %s", s->slot, id ? id : "nobody");
    world_check(j->w, s->room && s->room == about->room, "conn %u hears of a move in another room", s->slot);
    world_check(j->w, s->heard_step != j->step || s->heard_of != about->slot, "conn %u hears of %s twice", s->slot, id);
    s->heard_step = j->step;
    s->heard_of = about->slot;
    about->told++;
    if (joined) {
        world_check(j->w, about == j->self && j->claim.type == CLAIM_JOIN, "peer-joined of %s, who did not", id);
        return;
    }
    bool cause = about->closing || (about == j->self && (j->event->type == CORE_GONE || j->claim.type == CLAIM_LEAVE ||
                                                            j->claim.type == CLAIM_JOIN));
    world_check(j->w, cause || j->draining, "peer-left of %s, who did not leave", id);
    about->left = true;
}

static void said_relay(struct judge *j, struct seat *s, const char *type)
{
    const struct seat *self = j->self;
    const char *from = text_of(j, "from");
    world_check(j->w, self && j->event->type == CORE_FRAME && j->claim.type == CLAIM_RELAY,
        "a %s for conn %u that nobody sent", type, s->slot);
    world_check(j->w, from && strcmp(from, self->id) == 0, "from is %s and should be %s", from ? from : "?", self->id);
    world_check(
        j->w, self->room && self->room == s->room, "a %s left its room: conn %u to %u", type, self->slot, s->slot);
    world_check(j->w, strcmp(j->claim.to, s->id) == 0, "a %s went to %s, not to %s", type, s->id, j->claim.to);
    json_object_del(j->said, "from");
    json_t *to = json_incref(json_object_get(j->claim.body, "to"));
    json_object_del(j->claim.body, "to");
    world_check(j->w, json_equal(j->said, j->claim.body), "a %s was changed on its way from conn %u", type, self->slot);
    json_object_set_new(j->claim.body, "to", to);
    j->parsed = NULL; /* `said` was taken apart */
    s->relayed_to++;
    j->relays++;
    j->relayed++;
}

static void said(struct judge *j, struct seat *s, const struct frame *frame)
{
    if (frame != j->parsed) {
        struct span text = frame_text(frame);
        json_decref(j->said);
        j->said = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
        j->parsed = frame;
        world_trace(j->w, "  -> conn %u: %.*s", s->slot, (int)(text.n < 160 ? text.n : 160), text.p);
    }
    const char *type = text_of(j, "type");
    world_check(j->w, type, "conn %u is sent something that is not a message", s->slot);
    if (strcmp(type, "welcome") == 0)
        said_welcome(j, s);
    else if (strcmp(type, "error") == 0)
        said_error(j, s);
    else if (strcmp(type, "peers") == 0)
        said_peers(j, s);
    else if (strcmp(type, "peer-joined") == 0 || strcmp(type, "peer-left") == 0)
        said_presence(j, s, type[5] == 'j');
    else if (strcmp(type, "left-room") == 0 || strcmp(type, "pong") == 0) {
        enum claim_type asked = type[0] == 'l' ? CLAIM_LEAVE : CLAIM_PING;
        world_check(j->w, s == j->self && j->claim.type == asked, "an unasked %s for conn %u", type, s->slot);
        check_ref(j, s);
        j->answers++;
    } else if (strcmp(type, "server-draining") == 0)
        world_check(j->w, j->draining, "server-draining without a drain");
    else
        said_relay(j, s, type);
}

static void judge_effect(struct judge *j, const struct core_effect *e)
{
    struct seat *s = seats_at(&j->seats, e->conn);
    bool about_conn = e->type <= CORE_RESUME;
    if (!about_conn) {
        world_check(j->w, e->type != CORE_DRAINED || (j->draining && !j->drained), "drained out of turn");
        j->drained |= e->type == CORE_DRAINED;
        if (e->type == CORE_DEADLINE)
            j->deadline = e->at;
        return;
    }
    world_check(j->w, s, "an effect for connection %u.%u, which is gone", e->conn.slot, e->conn.generation);
    world_check(j->w, !s->closing || e->type == CORE_RESUME || e->type == CORE_PAUSE,
        "effect %d for conn %u after its close", e->type, s->slot);
    if (e->type == CORE_SEND)
        said(j, s, e->frame);
    else if (e->type == CORE_CLOSE)
        s->closing = s->left = true;
    else if (e->type != CORE_PING)
        s->paused = e->type == CORE_PAUSE;
    if (e->type == CORE_CLOSE)
        world_trace(j->w, "  -> conn %u: close %u %s", s->slot, e->close.code, e->close.reason);
}

/* ---- pass three: was it all, and not more ---- */

static bool may_fail(const struct judge *j, enum error e)
{
    const struct seat *self = j->self, *to = seats_by_id(&j->seats, j->claim.to);
    const struct room *r = NULL;
    switch (e) {
    case ERROR_NOT_IN_ROOM:
        return !self->room && (j->claim.type == CLAIM_RELAY || j->claim.type == CLAIM_LEAVE);
    case ERROR_NO_SUCH_PEER:
        return j->claim.type == CLAIM_RELAY && (!to || to->room != self->room || to->closing || to == self);
    case ERROR_ROOM_FULL:
        if (j->claim.type == CLAIM_JOIN)
            r = seats_room(&j->seats, j->claim.room);
        return r && j->settings.max_room_members && r->n >= j->settings.max_room_members;
    case ERROR_SERVER_FULL:
        return j->claim.type == CLAIM_JOIN && j->settings.max_rooms &&
               HASH_COUNT(j->seats.rooms) >= j->settings.max_rooms;
    case ERROR_RESUME_FAILED:
        return j->claim.type == CLAIM_RESUME;
    case ERROR_DRAINING:
        return j->draining;
    case ERROR_BAD_MESSAGE: /* a second join, and what the judge does not know */
        return j->claim.type == CLAIM_REPORT || (j->claim.type == CLAIM_JOIN && self->room);
    default:
        return false;
    }
}

static void judge_frame(struct judge *j)
{
    struct seat *self = j->self;
    const struct seat *to = seats_by_id(&j->seats, j->claim.to);
    if (!self || (self->closing && j->answers == 0))
        return;
    unsigned slot = self->slot;
    if (j->event->type == CORE_UNREADABLE || j->claim.type == CLAIM_BAD) {
        world_check(j->w, j->error != ERROR_NONE && (j->claim.errors & 1u << j->error),
            "a bad frame of conn %u is answered with %s", slot, error_code(j->error));
    } else if (j->error != ERROR_NONE) {
        world_check(j->w, may_fail(j, j->error), "conn %u got %s", slot, error_code(j->error));
    } else if (j->claim.type == CLAIM_RELAY) {
        world_check(j->w, self->room, "conn %u may not relay", slot);
        world_check(j->w, j->relays == 1 || (to && to->closing), "a relay of conn %u went to %u", slot, j->relays);
    } else if (j->claim.type != CLAIM_REPORT) {
        world_check(j->w, j->answers == 1, "conn %u has %u answers to one request", slot, j->answers);
    }
    world_check(j->w, j->answers <= 1 && j->relays <= 1, "conn %u: too many answers", slot);
}

/* Everybody who stays in the room of `s` was told of its move. */
static void judge_move(struct judge *j, const struct seat *s)
{
    size_t stay = 0;
    for (size_t i = 0; i < s->room->n; i++) {
        const struct seat *o = j->seats.v[s->room->slots[i]];
        stay += o != s && !o->closing && !o->left;
    }
    world_check(j->w, j->draining || (s->told >= stay && s->told < s->room->n), "%zu of %zu were told of %s", s->told,
        stay, s->id);
}

static void settle(struct judge *j, struct seat *s)
{
    bool gone = j->event->type == CORE_GONE && s == j->self;
    bool asked = s == j->self && j->claim.type == CLAIM_LEAVE && j->event->type == CORE_FRAME && !s->closing &&
                 j->error == ERROR_NONE;
    if (s->room && (s->joined || s->left || gone || asked))
        judge_move(j, s);
}

static void judge_moves(struct judge *j)
{
    for (size_t i = 0; i < j->seats.n; i++)
        if (j->seats.v[i]->live && (j->seats.v[i]->left || j->seats.v[i]->joined || j->seats.v[i] == j->self))
            settle(j, j->seats.v[i]);
    for (size_t i = 0; i < j->seats.n; i++) {
        struct seat *s = j->seats.v[i];
        bool asked = s == j->self && j->claim.type == CLAIM_LEAVE && j->error == ERROR_NONE && j->answers;
        if (s->live && s->room && (s->left || asked))
            seats_leave(&j->seats, s, world_now(j->w));
        s->left = s->joined = false;
        s->told = 0;
    }
    if (j->event->type == CORE_GONE && j->self)
        seats_gone(&j->seats, j->self);
}

/* Now and then: who has been silent for too long, and do the core's numbers agree with ours. */
static void sweep(struct judge *j, const struct core *core)
{
    uint64_t now = world_now(j->w), limit = j->settings.ping_interval_ms + j->settings.ping_timeout_ms + IDLE_SLACK_MS;
    const struct core_stats *n = core_stats(core);
    world_check(j->w, n->rooms == HASH_COUNT(j->seats.rooms), "%llu rooms, should be %u", (unsigned long long)n->rooms,
        HASH_COUNT(j->seats.rooms));
    world_check(j->w, n->members == j->seats.members, "%llu members, should be %zu", (unsigned long long)n->members,
        j->seats.members);
    world_check(j->w, n->relayed_total <= j->relayed, "more relayed than was");
    world_check(j->w, !j->settings.max_connections || n->connections <= j->settings.max_connections, "%llu connections",
        (unsigned long long)n->connections);
    world_check(j->w, !j->settings.max_rooms || n->rooms <= j->settings.max_rooms, "too many rooms");
    world_check(j->w,
        !j->draining || j->drained || now - j->drain_since < j->settings.drain_timeout_ms + DRAIN_SLACK_MS,
        "the drain does not end");
    if (now - j->last_sweep < SWEEP_MS || j->settings.ping_interval_ms == 0)
        return;
    j->last_sweep = now;
    for (size_t i = 0; i < j->seats.n; i++) {
        const struct seat *s = j->seats.v[i];
        world_check(j->w, !s->live || s->closing || j->deadline != UINT64_MAX, "conn %u is open and no deadline is set",
            s->slot);
        bool late = !s->room && j->settings.join_timeout_ms &&
                    now - s->outside_since > j->settings.join_timeout_ms + IDLE_SLACK_MS;
        world_check(j->w, !s->live || s->closing || !late, "conn %u joins nothing", s->slot);
        world_check(j->w, !s->live || !s->ready || s->closing || s->paused || now - s->last_life < limit,
            "conn %u is idle for %llu ms", s->slot, (unsigned long long)(now - s->last_life));
    }
}

void judge_step(struct judge *j, const struct core *core, const struct core_event *event, const struct core_effects *fx)
{
    j->event = event;
    j->step++;
    j->answers = j->relays = j->welcomes = 0;
    j->error = ERROR_NONE;
    j->parsed = NULL;
    bool was_closing = false;
    note_event(j);
    if (j->self)
        was_closing = j->self->closing;
    for (size_t i = 0; i < fx->n; i++)
        judge_effect(j, &fx->v[i]);
    if (event->type == CORE_READY && j->self)
        world_check(j->w, j->welcomes == 1 || j->self->closing, "conn %u is not welcomed", event->conn.slot);
    if ((event->type == CORE_FRAME || event->type == CORE_UNREADABLE) && !was_closing)
        judge_frame(j);
    judge_moves(j);
    sweep(j, core);
    claim_done(&j->claim);
    json_decref(j->said);
    j->said = NULL;
}

/* ---- for the clients ---- */

size_t judge_room_size(const struct judge *j, const char *peer_id)
{
    const struct seat *s = seats_by_id(&j->seats, peer_id);
    return s && s->room ? s->room->n : 0;
}

bool judge_share_room(const struct judge *j, const char *a, const char *b)
{
    const struct seat *s = seats_by_id(&j->seats, a), *t = seats_by_id(&j->seats, b);
    return s && t && s->room && s->room == t->room;
}

size_t judge_members(const struct judge *j)
{
    return j->seats.members;
}

uint64_t judge_relayed_to(const struct judge *j, const char *peer_id)
{
    const struct seat *s = seats_by_id(&j->seats, peer_id);
    return s ? s->relayed_to : 0;
}
