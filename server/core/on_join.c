/* SPDX-License-Identifier: MIT
 *
 * join-room: `peers` to the joiner, with everybody who was there before; `peer-joined` to those. The room is made by
 * its first member. All that needs memory is made before anything is changed, so a join happens whole or not at all,
 * and the joiner of a server without memory gets `server-full`. What it says of itself is kept as the JSON text it
 * came in, but for a name that its token gives it. Moving from room to room in one message was rejected: two rooms'
 * limits would have to hold at once.
 */
#include "server/core/on.h"

#include <assert.h>
#include <stdlib.h>

#include "base/secret.h"
#include "protocol/write.h"
#include "server/core/access.h"
#include "server/core/address_limits.h"
#include "server/core/pending.h"
#include "server/core/auth_throttle.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/peers.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/webhook.h"
#include "server/core/cluster.h"
#include "server/core/shared.h"

enum {
    HASH_RETRY_MS = 2000,
    NAME_TEXT_MAX = DISPLAY_NAME_MAX * 6 + 2 /* every byte escaped */
};

static const char BUSY[] = "too many passwords are being checked";

static enum error authorise(const struct core *c, struct asked *r)
{
    enum error e = access_decide(
        &c->settings, r->request.join.token, r->request.join.room_id, c->unix_ms / 1000, &r->claims, &r->problem);
    if (e == ERROR_UNAUTHORIZED && r->problem)
        r->wrong = "token";
    return e;
}

static bool is_locked(const struct room *room)
{
    return room && room_terms(room) && room_terms(room)->locked;
}

/* Whether it shows a password or token that would be looked at. */
static bool is_attempt(const struct core *c, const struct asked *r)
{
    bool token = c->settings.ports.verify && r->request.join.token.p;
    const struct room *room = room_find(c, r->request.join.room_id);
    bool password = (is_locked(room) || (!room && cluster_is_up(c))) && r->request.join.password.p;
    return token || password;
}

static void refuse_for(struct core *c, struct session *s, const struct asked *r, const char *problem, uint64_t ms)
{
    session_refuse(c, s,
        &(struct reply_error){
            .error = ERROR_RATE_LIMITED, .problem = problem, .ref = r->request.ref, .retry_after_ms = ms});
}

static void delay(struct core *c, struct session *s, const struct asked *r, uint64_t ms)
{
    struct span frame = r->request.bytes;
    const struct pending why = {.kind = PENDING_FRAME, .conn = s->conn, .bytes = (char *)frame.p, .bytes_n = frame.n};
    enum error e = pending_delay(c, s, &why, ms);
    if (e == ERROR_RATE_LIMITED)
        refuse_for(c, s, r, BUSY, HASH_RETRY_MS);
    else if (e != ERROR_NONE)
        session_refuse(c, s, &(struct reply_error){.error = e, .ref = r->request.ref});
}

/* Pages join whenever they are connected, also where their seat was given back to them. */
static bool is_again(const struct core *c, const struct session *s, const struct asked *r)
{
    const struct room *room = s->member->room;
    return room && say_dialect(c, s->dialect)->joins_again &&
           span_eq(r->request.join.room_id, (struct span){room->id, room->id_n});
}

static bool gate(struct core *c, struct session *s, const struct asked *r)
{
    assert(s->member && r->request.type == MESSAGE_JOIN_ROOM);
    uint64_t ms = 0;
    if ((s->state == SESSION_JOINED && !is_again(c, s, r)) || pending_waits(c, s->conn))
        return true; /* for check to refuse */
    if (!r->waited && !address_limits_join(c, s->address, &ms)) {
        refuse_for(c, s, r, "too many joins from this address", ms);
        notice_limit(c, LIMIT_JOIN_RATE, NOTICE_JOINS, s);
        return false;
    }
    enum auth_verdict g = is_attempt(c, r) ? auth_throttle_look(c, s, r->waited, &ms) : AUTH_ALLOWED;
    if (g == AUTH_DELAYED) {
        delay(c, s, r, ms);
    } else if (g == AUTH_REFUSED) {
        refuse_for(c, s, r, "too many wrong passwords or tokens from this address", ms);
        notice_limit(c, LIMIT_AUTH_FAILURES, NOTICE_AUTH, s);
    }
    return g == AUTH_ALLOWED;
}

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    assert(room_id_valid(r->request.join.room_id));
    if (s->state == SESSION_JOINED && !is_again(c, s, r)) {
        r->problem = "already in a room: leave first";
        return ERROR_BAD_MESSAGE;
    }
    if (pending_waits(c, s->conn)) {
        r->problem = "a join is under way: wait for its answer";
        return ERROR_BAD_MESSAGE;
    }
    enum error e = authorise(c, r);
    if (e != ERROR_NONE || s->state == SESSION_JOINED)
        return e;
    const struct room *room = room_find(c, r->request.join.room_id);
    if (is_locked(room) && !r->proven && !r->request.join.password.p)
        return ERROR_ROOM_LOCKED;
    if (cluster_is_up(c)) /* which knows better who is in the room, and whether it is there */
        return !room && room_all_are_there(c) ? ERROR_SERVER_FULL : ERROR_NONE;
    return room_admits(c, room, &r->problem);
}

/* Sets what it says of itself; false when out of memory. */
static bool introduce(struct session *s, const struct asked *r)
{
    struct introduction i = r->request.join.introduction;
    struct buf name;
    buf_init(&name, NAME_TEXT_MAX);
    if (*r->claims.name) {
        write_string(&name, span_of(r->claims.name));
        i.display_name = buf_view(&name);
    }
    bool ok = !name.failed && member_introduce(s->member, &i);
    buf_done(&name);
    return ok;
}

static struct frame *frame_peers(
    struct core *c, const struct session *s, const struct asked *r, const struct room *room, uint64_t incarnation)
{
    return peers_joined(c, &(struct stay){
                               .self = s->member,
                               .room = room,
                               .room_id = r->request.join.room_id,
                               .incarnation = incarnation,
                               .generation = s->member->generation + 1,
                               .expires = r->claims.expires,
                               .ref = r->request.ref,
                           });
}

static bool prepare_joined(struct core *c, const struct room *room, const struct member *m, struct said *joined)
{
    char id[PEER_ID_MAX];
    return say_prepare(c, room,
        &(struct reply){.type = REPLY_PEER_JOINED,
            .peer = {.peer_id = say_peer_id(c, m, id),
                .introduction = member_introduction(m),
                .dialect = say_dialect(c, m->dialect)}},
        joined);
}

/* The password is hashed elsewhere; with the result the whole message is looked at again (on_join_hashed). */
static void ask_hash(struct core *c, struct session *s, const struct asked *r, const struct room_terms *t)
{
    assert(t->locked && r->request.join.password.p);
    struct span frame = r->request.bytes;
    struct pending why = {
        .kind = PENDING_JOIN, .conn = s->conn, .terms = *t, .bytes = (char *)frame.p, .bytes_n = frame.n};
    enum error e = pending_hash(c, s, &why, r->request.join.password, t->salt);
    if (e != ERROR_NONE)
        session_refuse(c, s,
            &(struct reply_error){.error = e,
                .problem = e == ERROR_RATE_LIMITED ? BUSY : NULL,
                .ref = r->request.ref,
                .retry_after_ms = HASH_RETRY_MS});
}

/* The list, and a token that is as good as the one before. What it says of itself stays what the others were told. */
static void tell_again(struct core *c, struct session *s, const struct asked *r)
{
    const struct room *room = s->member->room;
    struct frame *peers = frame_peers(c, s, r, room, room->incarnation);
    if (!peers) {
        session_refuse(c, s, &(struct reply_error){.error = ERROR_SERVER_FULL, .ref = r->request.ref});
        return;
    }
    say_reply(c, s, peers);
    say_done(c, s, r->request.ref);
}

/* It is in the room from now on. */
static bool enter(struct core *c, struct session *s, const struct asked *r, uint64_t incarnation)
{
    struct room *room = room_find(c, r->request.join.room_id);
    struct frame *peers = NULL;
    struct said joined = {{NULL}};
    s->member->generation += 2; /* so that tokens of an earlier stay are too old, the one that was not used as well */
    if (!introduce(s, r) || !(peers = frame_peers(c, s, r, room, incarnation)) ||
        !prepare_joined(c, room, s->member, &joined))
        goto fail;
    if (!room && !(room = room_new(c, r->request.join.room_id, incarnation, false)))
        goto fail;
    say_reply(c, s, peers);
    say_prepared(c, room, &joined);
    session_move(c, s, SESSION_JOINED);
    room_enter(c, room, s->member);
    webhook_peer(c, WEBHOOK_PEER_JOINED, room, s->member);
    say_done(c, s, r->request.ref);
    return true;
fail:
    frame_unref(peers);
    say_unprepare(&joined);
    member_forget_introduction(s->member);
    session_refuse(c, s, &(struct reply_error){.error = ERROR_SERVER_FULL, .ref = r->request.ref});
    return false;
}

/* ---- over the bus ---- */

static void refuse_late(struct core *c, struct session *s, const struct asked *r, enum error e, const char *problem)
{
    session_refuse(c, s,
        &(struct reply_error){.error = e, .problem = problem, .ref = r->request.ref, .retry_after_ms = HASH_RETRY_MS});
}

/* Writes its entry: its stay is the next one. */
static bool write_entry(struct core *c, struct session *s, const struct asked *r, struct buf *out)
{
    bool ok = introduce(s, r);
    s->member->generation += 2;
    if (ok)
        shared_entry(c, s->member, false, out);
    s->member->generation -= 2;
    member_forget_introduction(s->member);
    return ok && !out->failed;
}

/* Whether there is place for one more is for the bus to say, which knows of all nodes' members; with its answer the whole
 * message is looked at again. */
static void ask_bus(struct core *c, struct session *s, const struct asked *r)
{
    struct span frame = r->request.bytes, room_id = r->request.join.room_id;
    struct room *room = room_find(c, room_id);
    struct pending why = {.kind = PENDING_BUS_JOIN, .conn = s->conn, .bytes = (char *)frame.p, .bytes_n = frame.n};
    why.peer_n = (uint8_t)say_own_id(c, s->member, why.peer).n;
    why.room_n = (uint8_t)room_id.n;
    memcpy(why.room, room_id.p, room_id.n);
    struct buf entry, terms;
    buf_init(&entry, BUS_ENTRY_MAX);
    buf_init(&terms, BUS_TERMS_MAX);
    if (room)
        shared_write_terms(c, room, &terms);
    else
        shared_new_terms(c, rng_u64(c->rng), &terms);
    uint64_t job = 0;
    bool ok = write_entry(c, s, r, &entry) && !terms.failed;
    enum error e = ok ? pending_bus(c, &why, &job) : ERROR_SERVER_FULL;
    const struct core_bus op = {.op = BUS_JOIN,
        .job = job,
        .room = room_id,
        .peer = {why.peer, why.peer_n},
        .entry = buf_view(&entry),
        .terms = buf_view(&terms),
        .life = rng_u64(c->rng),
        .capacity = c->settings.max_room_members,
        .incarnation = r->proven ? r->incarnation : 0,
        .create = c->settings.auto_create};
    if (e == ERROR_NONE && !cluster_do(c, &op)) {
        pending_free(pending_take_asked(c, job));
        e = ERROR_SERVER_FULL;
    }
    if (e != ERROR_NONE)
        refuse_late(c, s, r, e, e == ERROR_RATE_LIMITED ? "too many joins are under way" : NULL);
    buf_done(&entry);
    buf_done(&terms);
}

static void apply(struct core *c, struct session *s, const struct asked *r)
{
    if (s->state == SESSION_JOINED) {
        tell_again(c, s, r);
        return;
    }
    assert(s->state == SESSION_READY && !s->member->room);
    struct room *room = room_find(c, r->request.join.room_id);
    if (is_locked(room) && !r->proven)
        ask_hash(c, s, r, room_terms(room));
    else if (cluster_is_up(c))
        ask_bus(c, s, r);
    else
        enter(c, s, r, room ? room->incarnation : rng_u64(c->rng));
}

static void take_off(struct core *c, const struct pending *e)
{
    shared_take_off(c, (struct span){e->room, e->room_n}, (struct span){e->peer, e->peer_n}, DEPARTURE_DISCONNECTED);
}

/* The room as the bus has it: made here if it is not. */
static struct room *learn(struct core *c, const struct pending *e, const struct core_bus_answer *a)
{
    struct span id = {e->room, e->room_n};
    struct room *room = room_find(c, id);
    if (!room)
        room = room_new(c, id, 0, !shared_is_first(a)); /* its incarnation is among its terms */
    if (!room)
        return NULL;
    shared_learn_for(c, room, e, a);
    return room;
}

static void entered(
    struct core *c, struct session *s, const struct asked *r, const struct pending *e, const struct core_bus_answer *a)
{
    struct room *room = learn(c, e, a);
    if (!room)
        refuse_late(c, s, r, ERROR_SERVER_FULL, NULL);
    if (room && enter(c, s, r, room->incarnation))
        return;
    take_off(c, e);
    if (room)
        shared_thins(c, room);
}

static void locked(struct core *c, struct session *s, struct asked *r, const struct core_bus_answer *a)
{
    struct bus_terms t;
    uint64_t life;
    bool good = bus_room_read(a->terms, &life, &t) && t.room.locked;
    if (good && r->request.join.password.p)
        ask_hash(c, s, r, &t.room);
    else
        session_refuse(c, s, &(struct reply_error){.error = ERROR_ROOM_LOCKED, .ref = r->request.ref});
}

/* Nobody says what becomes of it: it is done as if there were no others. */
static void goes_alone(struct core *c, struct session *s, struct asked *r)
{
    enum error e = check(c, s, r);
    if (e == ERROR_NONE)
        apply(c, s, r);
    else
        refuse_late(c, s, r, e, r->problem);
}

void on_join_answered(struct core *c, const struct pending *e, const struct core_bus_answer *a)
{
    assert(e->kind == PENDING_BUS_JOIN);
    struct session *s = session_find(c, e->conn);
    struct asked r = {.proven = false};
    char id[PEER_ID_MAX];
    bool waits = s && s->state == SESSION_READY &&
                 span_eq(say_own_id(c, s->member, id), (struct span){e->peer, e->peer_n}) &&
                 on_read(c, s, (struct span){e->bytes, e->bytes_n}, &r.request) == ERROR_NONE;
    enum error error = waits ? authorise(c, &r) : ERROR_NONE;
    if (!waits || error != ERROR_NONE || a->outcome == BUS_OUTCOMES)
        take_off(c, e);
    if (!waits)
        return;
    if (error != ERROR_NONE)
        refuse_late(c, s, &r, error, r.problem);
    else if (a->outcome == BUS_OK)
        entered(c, s, &r, e, a);
    else if (a->outcome == BUS_LOCKED)
        locked(c, s, &r, a);
    else if (a->outcome == BUS_FULL)
        session_refuse(c, s, &(struct reply_error){.error = ERROR_ROOM_FULL, .ref = r.request.ref});
    else if (a->outcome == BUS_NO_ROOM)
        session_refuse(c, s,
            &(struct reply_error){.error = ERROR_FORBIDDEN,
                .problem = "there is no such room, and a join makes none here",
                .ref = r.request.ref});
    else if (!cluster_is_up(c))
        goes_alone(c, s, &r);
    else
        refuse_late(c, s, &r, ERROR_SERVER_FULL, "the cluster does not answer: try again");
}

void on_join_hashed(struct core *c, const struct pending *e, const uint8_t *hash)
{
    assert(e->kind == PENDING_JOIN);
    struct session *s = session_find(c, e->conn);
    struct asked r = {.proven = false};
    bool listens = s && session_listens(s); /* it may have resumed meanwhile */
    if (!listens || on_read(c, s, (struct span){e->bytes, e->bytes_n}, &r.request) != ERROR_NONE)
        return;
    const struct room *room = room_find(c, r.request.join.room_id);
    bool same = room ? room->incarnation == e->terms.incarnation : cluster_is_up(c);
    r.incarnation = e->terms.incarnation;
    r.proven = same && hash && secret_equal(hash, e->terms.hash, sizeof e->terms.hash);
    enum error error = ERROR_ROOM_LOCKED;
    if (!hash)
        error = ERROR_SERVER_FULL;
    else if (r.proven)
        error = check(c, s, &r);
    else
        r.problem = same ? "the password is wrong" : "the room was closed while its password was checked: join again";
    if (hash && same && !r.proven)
        auth_throttle_failed(c, s, "password");
    if (error == ERROR_NONE)
        apply(c, s, &r);
    else
        session_refuse(c, s, &(struct reply_error){.error = error, .problem = r.problem, .ref = r.request.ref});
}

const struct handler on_join = {gate, check, apply};
