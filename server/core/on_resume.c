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

static bool is_ours(const struct core *c, const struct resume_token *t)
{
    return t->peer_id.n == (size_t)c->prefix_n + ID_CHARS && memcmp(t->peer_id.p, c->prefix, c->prefix_n) == 0;
}

static bool is_sound(const struct core *c, struct asked *r, struct span token)
{
    enum resume_token_found found = resume_token_read(c->settings.crypto, token, &r->token, r->resume_token_space);
    r->wrong = found == RESUME_TOKEN_FORGED ? "resume token" : NULL;
    return found == RESUME_TOKEN_GOOD;
}

static bool read_token(const struct core *c, struct asked *r, struct span token)
{
    return seat_kept(c) && is_sound(c, r, token) && is_ours(c, &r->token) && r->token.expires > c->unix_ms / 1000;
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
    bool holds = r->reader ? holds_for(r->reader, &r->token) : may_return(c, &r->token);
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
    if (!room && !(room = room_new(c, t->room_id, t->incarnation)))
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

void on_resume_apply(struct core *c, struct session *s, const struct asked *r)
{
    if (r->reader)
        take_again(c, r->reader, s, r);
    else
        make_anew(c, s, r);
}

const struct handler on_resume = {.check = check, .apply = on_resume_apply};
