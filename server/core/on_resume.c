/* SPDX-License-Identifier: MIT
 *
 * resume: a client that lost its connection takes its seat again on a new one, with the token of its last `peers` or
 * `resumed`. While the daemon that gave the token lives, the seat decides: it must still be there, in the same stay in
 * the same room, and the token must not be older than one that was used. That one may be used again, since the answer
 * with its successor may have been lost; so whoever holds the newest token has the seat.
 *
 * A token of an earlier boot brings all that is needed to make the seat anew: it holds for resume_grace from when we
 * began to listen, and only if the room is the one it was: nobody made another of the same name since. The first
 * to come back makes the room. Keeping seats in a file instead was rejected: a write for every join, and none of them
 * certain to be the last before a crash. Who came back so and left again has left, and a room that was closed stays
 * closed (tombstones.c); one made over HTTP is in rooms.json, or its owner closed it before.
 *
 * A token that our key did not seal counts as a guess, but a resume is never delayed or refused for others' guesses:
 * nobody guesses 128 bits, and whether a member returns must not hang on his neighbours behind one address.
 *
 * Every refusal is the same `resume-failed`: nobody can find out which seats there are. Only who has a good token is told
 * that it is good still, where too many use it at once.
 */
#include "server/core/on.h"

#include <assert.h>

#include "server/core/tombstones.h"
#include "server/core/member.h"
#include "server/core/peers.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"
#include "server/core/cluster.h"
#include "server/core/pending.h"
#include "server/core/remote.h"
#include "server/core/shared.h"
#include "server/core/webhook.h"

static bool is_sound(const struct core *c, struct asked *r, struct span token)
{
    enum resume_token_found found = resume_token_read(c->settings.crypto, token, &r->token, r->resume_token_space);
    r->wrong = found == RESUME_TOKEN_FORGED ? "resume token" : NULL;
    return found == RESUME_TOKEN_GOOD;
}

/* Whether this node may give such a seat: its own, and in a cluster everybody's. */
static bool is_known(const struct core *c, const struct resume_token *t)
{
    struct span node;
    return member_id_is_ours(c, t->peer_id) || (cluster_is_up(c) && remote_parse(t->peer_id, &node));
}

static bool read_token(const struct core *c, struct asked *r, struct span token)
{
    return seat_kept(c) && is_sound(c, r, token) && is_known(c, &r->token) && r->token.expires > c->unix_ms / 1000;
}

static bool is_this_boot(const struct core *c, const struct resume_token *t)
{
    return memcmp(t->boot, c->boot, sizeof c->boot) == 0;
}

/* Whether the token is of this very stay, and none newer was used. */
static bool holds_for(const struct member *m, const struct resume_token *t)
{
    return m->room && m->room->incarnation == t->incarnation &&
           span_eq((struct span){m->room->id, m->room->id_n}, t->room_id) && t->generation >= m->generation;
}

/* Whether a token of an earlier boot may make its seat anew. */
static bool may_return(const struct core *c, const struct resume_token *t)
{
    if (is_this_boot(c, t) || !tombstones_matter(c) || tombstone_has(c, t->peer_id.p + c->prefix_n, t->incarnation))
        return false;
    const struct room *room = room_find(c, t->room_id);
    if (!room)
        return !t->kept && !room_all_are_there(c);
    uint32_t capacity = room_capacity(c, room);
    return room->incarnation == t->incarnation && (!capacity || room->count < capacity);
}

/* The seat is not here: whether the bus is asked for it. Who left his seat here has left. */
static bool may_ask(const struct core *c, const struct session *s, const struct resume_token *t)
{
    if (!member_id_is_ours(c, t->peer_id))
        return !pending_waits(c, s->conn);
    bool ended = tombstones_matter(c) && tombstone_has(c, t->peer_id.p + c->prefix_n, t->incarnation);
    return !is_this_boot(c, t) && !ended && !pending_waits(c, s->conn);
}

enum error on_resume_check(const struct core *c, const struct session *s, struct asked *r, struct span token)
{
    assert(s->member);
    if (s->state == SESSION_JOINED) {
        r->problem = "already in a room: leave first";
        return ERROR_RESUME_FAILED;
    }
    if (!read_token(c, r, token))
        return ERROR_RESUME_FAILED;
    if (r->token.dialect != say_dialect(c, s->dialect)->mark) {
        r->problem = "the seat was taken in another dialect: come back in that one";
        return ERROR_RESUME_FAILED;
    }
    r->reader = member_find(c, r->token.peer_id);
    r->elsewhere = !r->reader && cluster_is_up(c);
    bool holds = r->reader ? holds_for(r->reader, &r->token)
                           : (r->elsewhere ? may_ask(c, s, &r->token) : may_return(c, &r->token));
    if (!holds)
        return ERROR_RESUME_FAILED;
    if (!r->reader || !seat_is_fought_over(c, r->reader, &r->retry_after_ms))
        return ERROR_NONE;
    r->problem = "the seat was just taken over twice: whoever has it now keeps it for a while";
    return ERROR_RESUME_FAILED;
}

static enum error check(const struct core *c, const struct session *s, struct asked *r)
{
    assert(r->request.type == MESSAGE_RESUME);
    return on_resume_check(c, s, r, r->request.resume.token);
}

static struct stay stay_of(const struct member *m, const struct room *room, const struct asked *r)
{
    return (struct stay){
        .self = m,
        .room = room,
        .room_id = r->token.room_id,
        .incarnation = r->token.incarnation,
        .generation = r->token.generation + 1,
        .expires = r->token.expires,
        .ref = r->request.ref,
    };
}

/* Who says CONNECT and is not answered waits for ever, so its connection ends. */
static void refuse_for_memory(struct core *c, struct session *s, const struct asked *r)
{
    struct reply_error e = {.error = ERROR_SERVER_FULL, .ref = r->request.ref};
    e.fatal = r->request.type == MESSAGE_CONNECT;
    if (e.fatal)
        session_fail(c, s, &e, DEPARTURE_DISCONNECTED);
    else
        session_refuse(c, s, &e);
}

/* First of all who says CONNECT is told who it is, by the pid that it had if all that was for it has arrived or follows. */
static void welcome_back(
    struct core *c, struct session *s, const struct asked *r, const struct member *m, bool recovered)
{
    if (r->request.type == MESSAGE_CONNECT)
        session_say_connected(c, s, m, recovered ? r->request.connect.pid : (struct span){NULL, 0});
}

static void take_again(struct core *c, struct member *m, struct session *s, const struct asked *r)
{
    assert(m->room && s->state == SESSION_READY && m->dialect == s->dialect);
    struct stay stay = stay_of(m, m->room, r);
    bool restarted = !is_this_boot(c, &r->token);
    bool unheard = m->told_lost && r->token.generation == m->generation;
    bool was_away = member_is_away(m), recovered = !restarted && seat_is_whole(m) && !unheard;
    struct frame *resumed = peers_resumed(c, &stay, restarted, recovered);
    if (!resumed) {
        refuse_for_memory(c, s, r);
        return;
    }
    m->generation = r->token.generation;
    m->told_lost = !recovered;
    welcome_back(c, s, r, m, recovered);
    seat_take(c, m, s, resumed);
    if (was_away)
        seat_tell_back(c, m, false);
    else if (m->room->shared)
        shared_marks(c, m); /* its generation */
}

static void make_anew(struct core *c, struct session *s, const struct asked *r)
{
    assert(s->state == SESSION_READY && !member_find(c, r->token.peer_id));
    const struct resume_token *t = &r->token;
    struct room *room = room_find(c, t->room_id);
    struct member *m = member_new(c, t->peer_id.p + c->prefix_n);
    struct stay stay = stay_of(m, room, r);
    struct frame *resumed = NULL;
    if (m)
        m->dialect = s->dialect & 7U;
    if (!m || !member_introduce(m, &t->introduction) || !(resumed = peers_resumed(c, &stay, true, false)))
        goto fail;
    if (!room && !(room = room_new(c, t->room_id, t->incarnation, false)))
        goto fail;
    m->generation = t->generation;
    m->returned = true;
    room_enter(c, room, m);
    session_join(c, s, m);
    c->stats.resumed_total++;
    welcome_back(c, s, r, m, false);
    say_reply(c, s, resumed);
    seat_tell_back(c, m, true);
    return;
fail:
    frame_unref(resumed);
    if (m)
        member_forget_introduction(m);
    member_free(c, m);
    refuse_for_memory(c, s, r);
}

/* ---- over the bus ---- */

/* The id that it will have: on this node, its own again or that of its connection. */
static struct span new_id(
    const struct core *c, const struct session *s, const struct resume_token *t, char space[PEER_ID_MAX])
{
    if (!member_id_is_ours(c, t->peer_id))
        return say_own_id(c, s->member, space);
    memcpy(space, t->peer_id.p, t->peer_id.n);
    return (struct span){space, t->peer_id.n};
}

/* The id that its peer had first, unless that is the one that it has again. */
static struct span origin_of(const struct core *c, const struct resume_token *t)
{
    if (t->origin.n)
        return t->origin;
    return member_id_is_ours(c, t->peer_id) ? (struct span){NULL, 0} : t->peer_id;
}

static void write_new(
    const struct core *c, const struct session *s, const struct resume_token *t, struct buf *entry, struct buf *terms)
{
    bus_entry_write(entry, &(struct bus_entry){.dialect = say_dialect(c, s->dialect)->mark,
                               .generation = t->generation,
                               .previous = origin_of(c, t),
                               .introduction = t->introduction});
    const struct room *room = room_find(c, t->room_id);
    if (room)
        shared_write_terms(c, room, terms);
    else
        shared_new_terms(c, t->incarnation, terms);
}

static enum error ask(struct core *c, const struct session *s, const struct asked *r, const struct pending *why,
    struct span entry, struct span terms)
{
    const struct resume_token *t = &r->token;
    uint64_t job = 0;
    enum error e = pending_bus(c, why, &job);
    if (e != ERROR_NONE)
        return e;
    const struct core_bus op = {.op = BUS_RESUME,
        .job = job,
        .room = t->room_id,
        .previous = t->origin.n ? t->origin : t->peer_id,
        .peer = {why->peer, why->peer_n},
        .entry = entry,
        .terms = terms,
        .life = rng_u64(c->rng),
        .capacity = c->settings.max_room_members,
        .incarnation = t->incarnation,
        .generation = t->generation,
        .create = !t->kept && (room_find(c, t->room_id) || !room_all_are_there(c))};
    (void)s;
    if (cluster_do(c, &op))
        return ERROR_NONE;
    pending_free(pending_take_asked(c, job));
    return ERROR_SERVER_FULL;
}

static void ask_bus(struct core *c, struct session *s, const struct asked *r)
{
    const struct resume_token *t = &r->token;
    struct pending why = {.kind = PENDING_BUS_RESUME,
        .conn = s->conn,
        .bytes = (char *)r->request.bytes.p,
        .bytes_n = r->request.bytes.n};
    why.peer_n = (uint8_t)new_id(c, s, t, why.peer).n;
    why.room_n = (uint8_t)t->room_id.n;
    memcpy(why.room, t->room_id.p, t->room_id.n);
    struct buf entry, terms;
    buf_init(&entry, BUS_ENTRY_MAX);
    buf_init(&terms, BUS_TERMS_MAX);
    write_new(c, s, t, &entry, &terms);
    bool ok = !entry.failed && !terms.failed;
    if (!ok || ask(c, s, r, &why, buf_view(&entry), buf_view(&terms)) != ERROR_NONE)
        refuse_for_memory(c, s, r);
    buf_done(&entry);
    buf_done(&terms);
}

static void refuse_seat(struct core *c, struct session *s, const struct asked *r, const char *problem)
{
    if (r->request.type == MESSAGE_CONNECT) {
        session_connect(c, s);
        session_say_connected(c, s, s->member, (struct span){NULL, 0});
        return;
    }
    session_refuse(
        c, s, &(struct reply_error){.error = ERROR_RESUME_FAILED, .problem = problem, .ref = r->request.ref});
}

/* The room as the bus has it, without whoever had the seat; *was_here: somebody had. NULL when out of memory. */
static struct room *learn(struct core *c, const struct pending *e, const struct core_bus_answer *a, bool *was_here)
{
    struct span id = {e->room, e->room_n};
    struct member *ours = member_find(c, a->text);
    *was_here = ours && ours->room;
    if (*was_here)
        shared_goes_on(c, ours, (struct span){e->peer, e->peer_n});
    struct room *room = room_find(c, id);
    if (!room)
        room = room_new(c, id, 0, !shared_is_first(a));
    if (!room)
        return NULL;
    shared_learn_for(c, room, e, a);
    struct member *before = remote_find(c, a->text);
    if (before && before->room == room) {
        *was_here = true;
        bool closing = room->closing;
        room->closing = true; /* or the last one might take it along */
        remote_leave(c, before);
        room->closing = closing;
    }
    return room;
}

/* Who sits down: the connection's own member, or one under the id that it had on this node before. */
static struct member *member_of(struct core *c, const struct session *s, const struct resume_token *t)
{
    if (!member_id_is_ours(c, t->peer_id))
        return s->member;
    struct member *m = member_new(c, t->peer_id.p + c->prefix_n);
    if (m)
        m->dialect = s->dialect & 7U;
    return m;
}

static bool sit_down(struct core *c, struct session *s, const struct asked *r, struct room *room,
    const struct core_bus_answer *a, bool was_here)
{
    const struct resume_token *t = &r->token;
    struct member *m = member_of(c, s, t);
    struct span previous = origin_of(c, t);
    struct stay stay = stay_of(m, room, r);
    struct frame *resumed = NULL;
    stay.incarnation = room->incarnation;
    if (!m || !member_introduce_moved(m, &t->introduction, previous) ||
        !(resumed = peers_resumed(c, &stay, a->number == 0, false))) {
        if (m)
            member_forget_introduction(m);
        if (m != s->member)
            member_free(c, m);
        return false;
    }
    m->generation = t->generation;
    room_enter(c, room, m);
    if (m == s->member)
        session_move(c, s, SESSION_JOINED);
    else
        session_join(c, s, m);
    c->stats.resumed_total++;
    if (r->request.type == MESSAGE_CONNECT)
        session_connect(c, s);
    welcome_back(c, s, r, m, false);
    say_reply(c, s, resumed);
    shared_tell_moved(c, m, a->text, was_here);
    webhook_peer(c, WEBHOOK_PEER_BACK, room, m);
    return true;
}

/* Nobody sits down: the seat is given up, and what the announcement of it said of whoever had it is read anew. */
static void give_up(struct core *c, const struct pending *e)
{
    struct span id = {e->room, e->room_n};
    struct room *room = room_find(c, id);
    shared_take_off(c, id, (struct span){e->peer, e->peer_n}, DEPARTURE_DISCONNECTED);
    if (room)
        shared_stale(c, room->shared);
}

static void take_seat(
    struct core *c, struct session *s, const struct asked *r, const struct pending *e, const struct core_bus_answer *a)
{
    bool was_here = false;
    struct room *room = learn(c, e, a, &was_here);
    if (room && sit_down(c, s, r, room, a, was_here))
        return;
    give_up(c, e);
    if (room)
        shared_thins(c, room);
    refuse_for_memory(c, s, r);
}

/* Nobody says whose seat it is: what this node knows has to do. */
static void goes_alone(struct core *c, struct session *s, struct asked *r, struct span token)
{
    enum error e = on_resume_check(c, s, r, token);
    r->returns = true;
    if (e != ERROR_NONE || r->elsewhere) {
        refuse_seat(c, s, r, "the cluster does not answer: join again");
        return;
    }
    if (r->request.type == MESSAGE_CONNECT)
        session_connect(c, s);
    on_resume_apply(c, s, r);
}

void on_resume_answered(struct core *c, const struct pending *e, const struct core_bus_answer *a)
{
    assert(e->kind == PENDING_BUS_RESUME);
    struct session *s = session_find(c, e->conn);
    struct asked r = {.proven = false};
    char id[PEER_ID_MAX];
    struct span peer = {e->peer, e->peer_n}, token = {NULL, 0};
    bool waits =
        s && s->state == SESSION_READY && on_read(c, s, (struct span){e->bytes, e->bytes_n}, &r.request) == ERROR_NONE;
    if (waits)
        token = r.request.type == MESSAGE_CONNECT ? r.request.connect.token : r.request.resume.token;
    waits = waits && is_sound(c, &r, token) && span_eq(new_id(c, s, &r.token, id), peer);
    waits = waits && (!member_id_is_ours(c, r.token.peer_id) || !member_find(c, peer));
    if (!waits || a->outcome == BUS_OUTCOMES)
        give_up(c, e);
    if (!waits)
        return;
    if (a->outcome == BUS_OK)
        take_seat(c, s, &r, e, a);
    else if (!cluster_is_up(c))
        goes_alone(c, s, &r, token);
    else
        refuse_seat(c, s, &r, a->outcome == BUS_FULL ? "the room is full by now" : NULL);
}

void on_resume_apply(struct core *c, struct session *s, const struct asked *r)
{
    if (r->elsewhere)
        ask_bus(c, s, r);
    else if (r->reader)
        take_again(c, r->reader, s, r);
    else
        make_anew(c, s, r);
}

const struct handler on_resume = {.check = check, .apply = on_resume_apply};
