/* SPDX-License-Identifier: MIT
 *
 * A connection's life. The normal path: opened, welcomed, in a room, gone. What ends it early goes through session_end:
 * the close comes first, then the room is told at once, while the session stays until io reports the socket gone, so
 * that its slot and its place within the limits are held for as long as the socket is.
 *
 *     OPENED ──► READY ◄──► JOINED, SUBSCRIBED, NAMED        any ──► CLOSING ──► (gone)
 *
 * From READY on it has a member: what a room sees of it. That one may stay in the room when the connection is lost (seat.c).
 */
#include "server/core/session.h"

#include <assert.h>
#include <stdlib.h>

#include "server/core/address_limits.h"
#include "server/core/alive.h"
#include "server/core/pending.h"
#include "server/core/ice.h"
#include "server/core/member.h"
#include "server/core/named.h"
#include "server/core/notice.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/topic.h"

enum {
    FIRST_SLOTS = 64
};

struct session *session_find(const struct core *c, struct conn_id conn)
{
    struct session *s = conn.slot < c->slot_cap ? c->slots[conn.slot] : NULL;
    return s && s->conn.generation == conn.generation ? s : NULL;
}

bool session_waits_to_join(const struct session *s)
{
    return (s->state == SESSION_OPENED && !s->over_http) || (s->state == SESSION_READY && !s->connected);
}

void session_move(struct core *c, struct session *s, enum session_state to)
{
    static const bool LEGAL[SESSION_STATES][SESSION_STATES] = {
        [SESSION_OPENED] = {[SESSION_READY] = true, [SESSION_CLOSING] = true},
        [SESSION_READY] =
            {[SESSION_JOINED] = true, [SESSION_SUBSCRIBED] = true, [SESSION_NAMED] = true, [SESSION_CLOSING] = true},
        [SESSION_JOINED] = {[SESSION_READY] = true, [SESSION_CLOSING] = true},
        [SESSION_SUBSCRIBED] = {[SESSION_READY] = true, [SESSION_CLOSING] = true},
        [SESSION_NAMED] = {[SESSION_CLOSING] = true},
    };
    assert(LEGAL[s->state][to]);
    assert((to != SESSION_CLOSING) == (s->member != NULL));
    if (to == SESSION_CLOSING)
        waiting_remove(&s->ice);
    bool waited = session_waits_to_join(s);
    s->state = to & 7;
    bool waits = session_waits_to_join(s);
    if (waited && !waits)
        waiting_remove(&s->unjoined);
    if (waits && !waited)
        waiting_add(&c->unjoined, &s->unjoined, c->now);
}

/* The member that it was, in no room, is nobody any more. */
static void leave_member(struct core *c, struct session *s)
{
    struct member *m = s->member;
    if (!m)
        return;
    member_disconnect(m);
    member_free(c, m);
}

void session_join(struct core *c, struct session *s, struct member *m)
{
    assert(s->state == SESSION_READY && m->room);
    leave_member(c, s);
    member_connect(m, s);
    session_move(c, s, SESSION_JOINED);
}

/* ---- its beginning ---- */

/* Doubles, and so moves, them all: pointers, of which a million take 8 MiB and some milliseconds, once in a daemon's
 * life. */
static bool reserve_slot(struct core *c, uint32_t slot)
{
    if (slot >= SLOTS_MAX)
        return false;
    if (slot < c->slot_cap)
        return true;
    uint32_t cap = c->slot_cap ? c->slot_cap : FIRST_SLOTS;
    while (cap <= slot)
        cap *= 2;
    struct session **slots = realloc(c->slots, cap * sizeof(struct session *));
    if (!slots)
        return false;
    memset(slots + c->slot_cap, 0, (cap - c->slot_cap) * sizeof *slots);
    c->slots = slots;
    c->slot_cap = cap;
    return true;
}

static struct session *session_new(struct core *c, struct conn_id conn)
{
    struct session *s = reserve_slot(c, conn.slot) ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->conn = conn;
    s->watch = WATCH_NONE;
    bucket_fill(&s->messages, c->settings.message_burst, c->now);
    waiting_add(&c->unjoined, &s->unjoined, c->now); /* SESSION_OPENED is 0 */
    assert(!c->slots[conn.slot]);
    c->slots[conn.slot] = s;
    c->stats.connections++;
    c->stats.accepted_total++;
    return s;
}

static void count_refusal(struct core *c, enum error e, const struct address *address)
{
    c->stats.refused_total++;
    c->stats.refused[e]++;
    notice(c, NOTICE_REFUSED, error_code(e), address);
}

void session_open(struct core *c, struct conn_id conn, const struct address *address)
{
    struct address_state *counted;
    enum error e = address_limits_admit(c, address, &counted);
    struct session *s = e == ERROR_NONE ? session_new(c, conn) : NULL;
    if (s) {
        s->address = counted;
        return;
    }
    address_limits_leave(c, counted);
    e = e == ERROR_NONE ? ERROR_SERVER_FULL : e;
    count_refusal(c, e, address);
    say_refusal(c, conn, e);
}

void session_address(struct core *c, struct session *s, const struct address *address)
{
    if (s->state != SESSION_OPENED || s->address)
        return;
    enum error e = address_limits_admit_named(c, address, &s->address);
    if (e == ERROR_NONE)
        return;
    count_refusal(c, e, address);
    session_end(c, s, error_close_code(e), error_code(e), DEPARTURE_DISCONNECTED);
}

void session_asks(struct core *c, struct session *s)
{
    (void)c;
    if (s->state != SESSION_OPENED || s->over_http)
        return;
    waiting_remove(&s->unjoined);
    s->over_http = true;
}

void session_belongs(struct core *c, struct session *s)
{
    if (s->state == SESSION_OPENED) {
        address_limits_give_back(c, s->address);
        s->address = NULL;
    }
}

uint8_t session_dialect(struct core *c, const struct dialect *d)
{
    uint8_t i = 0;
    for (; i < c->dialects_n && c->dialects[i] != d; i++)
        assert(c->dialects[i]->mark != d->mark); /* or its tokens would be good in this one */
    assert(i < DIALECTS_MAX);
    if (i == c->dialects_n)
        c->dialects[c->dialects_n++] = d;
    return i;
}

/* Of a client that is told in `welcome` already, or has none to be told: nothing. */
static void say_ice_servers(struct core *c, struct session *s, struct span servers)
{
    if (say_dialect(c, s->dialect)->connects && !span_is(servers, "[]"))
        say(c, s, &(struct reply){.type = REPLY_ICE_SERVERS, .ice_servers = servers});
}

/* It is m, or is about to be. */
static void say_welcome(struct core *c, struct session *s, const struct member *m, struct span pid)
{
    char id[PEER_ID_MAX];
    const struct core_settings *set = &c->settings;
    struct buf servers;
    ice_take(c, s, m, &servers);
    struct reply welcome = {.type = REPLY_WELCOME,
        .welcome = {
            .peer_id = say_peer_id(c, m, id),
            .pid = pid,
            .ice_servers = buf_view(&servers),
            .ping_interval_ms = set->ping_interval_ms,
            .max_frame = set->max_frame ? set->max_frame : FRAME_MAX_CEILING,
            .max_room_members = set->max_room_members,
            .message_rate = set->message_rate,
            .message_burst = set->message_burst,
            .server = span_of(set->server_name),
            .cluster = span_of(set->cluster_id),
        }};
    if (servers.failed) {
        say_send(c, s, NULL);
    } else {
        say(c, s, &welcome);
        say_ice_servers(c, s, buf_view(&servers));
    }
    buf_done(&servers);
}

void session_connect(struct core *c, struct session *s)
{
    assert(s->state == SESSION_READY && !s->connected && say_dialect(c, s->dialect)->connects);
    waiting_remove(&s->unjoined);
    s->connected = true;
    s->expects = 0;
}

void session_say_connected(struct core *c, struct session *s, const struct member *m, struct span pid)
{
    char text[PID_CHARS + 1];
    assert(s->connected);
    if (pid.n == 0 && seat_kept(c)) {
        id_random(c->rng, text);
        pid = (struct span){text, PID_CHARS};
    }
    say_welcome(c, s, m, pid);
}

void session_disconnect(struct core *c, struct session *s)
{
    assert(s->connected);
    if (s->state == SESSION_JOINED) {
        room_leave(c, s->member, DEPARTURE_LEFT);
        session_move(c, s, SESSION_READY);
    }
    waiting_remove(&s->ice);
    if (s->paused)
        alive_watch(c, s, WATCH_PAUSED);
    s->connected = false;
    s->expects = EXPECTS_CONNECT;
    waiting_add(&c->unjoined, &s->unjoined, c->now);
}

void session_welcome(struct core *c, struct session *s, const struct dialect *dialect, const struct client_name *name)
{
    assert(dialect);
    if (s->state != SESSION_OPENED || s->over_http)
        return;
    s->dialect = session_dialect(c, dialect);
    struct member *m = member_new_random(c);
    if (!m) {
        session_end(c, s, error_close_code(ERROR_SERVER_FULL), error_code(ERROR_SERVER_FULL), DEPARTURE_DISCONNECTED);
        return;
    }
    member_connect(m, s);
    session_move(c, s, SESSION_READY);
    s->steady = dialect->asks_always;
    alive_watch(c, s, WATCH_QUIET);
    if (name)
        named_take(c, s, name);
    else if (dialect->connects)
        s->expects = EXPECTS_CONNECT;
    else if (say_has_words(c, s->dialect, REPLY_WELCOME))
        say_welcome(c, s, s->member, (struct span){NULL, 0});
}

/* ---- its end ---- */

void session_await_gone(struct core *c, struct session *s, bool said)
{
    topic_leave_all(c, s);
    named_leave(c, s);
    leave_member(c, s);
    if (s->state != SESSION_CLOSING)
        session_move(c, s, SESSION_CLOSING);
    alive_watch(c, s, said ? WATCH_NONE : WATCH_OWED);
}

void session_end(struct core *c, struct session *s, uint16_t code, const char *reason, enum departure why)
{
    assert(s->state != SESSION_CLOSING && why < DEPARTURES);
    c->stats.ended[why]++;
    bool said = say_close(c, s, code, reason);
    if (s->state == SESSION_JOINED)
        seat_break(c, s->member, why);
    session_await_gone(c, s, said);
}

void session_fail(struct core *c, struct session *s, const struct reply_error *e, enum departure why)
{
    assert(e->fatal);
    notice_session(c, NOTICE_FATAL, error_code(e->error), s);
    if (s->state != SESSION_OPENED)
        say_error(c, s, e);
    session_end(c, s, error_close_code(e->error), error_code(e->error), why);
}

void session_violates(struct core *c, struct session *s, uint16_t code, const char *problem)
{
    assert(strnlen(problem, CLOSE_REASON_MAX + 1) <= CLOSE_REASON_MAX);
    notice_session(c, NOTICE_FATAL, problem, s);
    session_end(c, s, code, problem, DEPARTURE_VIOLATION);
}

void session_slow(struct core *c, struct session *s)
{
    assert(s->state != SESSION_CLOSING);
    static const char REASON[] = "slow reader";
    c->stats.limited[LIMIT_MAX_QUEUE]++;
    notice_session(c, NOTICE_SLOW, REASON, s);
    session_end(c, s, 1008, REASON, DEPARTURE_SLOW);
}

/* Whether the frame itself was bad; the other errors can happen to a good client whose peer just left. */
static bool is_bad_frame(enum error e)
{
    return e == ERROR_BAD_JSON || e == ERROR_BAD_MESSAGE || e == ERROR_UNKNOWN_TYPE;
}

static bool floods(struct core *c, struct session *s)
{
    if (c->now >= s->bad_until) {
        s->bad_until = c->now + BAD_FRAMES_WINDOW_MS;
        s->bad_frames = 0;
    }
    return ++s->bad_frames >= BAD_FRAMES_MAX;
}

void session_refuse(struct core *c, struct session *s, const struct reply_error *e)
{
    assert(e->error != ERROR_NONE && !e->fatal && s->member);
    if (is_bad_frame(e->error) && floods(c, s))
        session_fail(c, s,
            &(struct reply_error){
                .error = ERROR_RATE_LIMITED, .problem = "too many bad frames", .ref = e->ref, .fatal = true},
            DEPARTURE_FLOOD);
    else
        say_error(c, s, e);
    if (e->error == ERROR_SERVER_FULL)
        notice_session(c, NOTICE_FULL, error_code(e->error), s);
    else if (e->error == ERROR_ROOM_FULL)
        notice_limit(c, LIMIT_MAX_ROOM_MEMBERS, NOTICE_ROOM_FULL, s);
}

/* RFC 6455 section 7.4.1: 1000 is a normal closure, 1001 a page that was left. A dialect that has a word for leaving says
 * it; without it, its transport alone was closed. */
static bool is_meant(const struct core *c, const struct session *s, uint16_t close_code)
{
    bool has_word = session_listens(s) && say_dialect(c, s->dialect)->requests & dialect_bit(MESSAGE_DISCONNECT);
    return close_code == 1001 || (close_code == 1000 && !has_word);
}

/* Its connection ends, by its client's doing. */
static void depart(struct core *c, struct session *s, bool meant)
{
    if (s->state == SESSION_JOINED && meant)
        room_leave(c, s->member, DEPARTURE_LEFT);
    else if (s->state == SESSION_JOINED)
        seat_break(c, s->member, DEPARTURE_DISCONNECTED);
}

void session_closed(struct core *c, struct session *s, uint16_t close_code)
{
    if (!session_listens(s))
        return;
    s->closed = true;
    s->meant = is_meant(c, s, close_code);
    alive_watch(c, s, WATCH_NONE);
    session_answered(c, s->conn);
}

void session_answered(struct core *c, struct conn_id conn)
{
    struct session *s = session_find(c, conn);
    if (!s || !s->closed || s->state == SESSION_CLOSING || pending_waits(c, conn))
        return;
    bool said = say_close(c, s, 0, "");
    depart(c, s, s->meant);
    session_await_gone(c, s, said);
}

void session_gone(struct core *c, struct session *s, uint16_t close_code)
{
    depart(c, s, is_meant(c, s, close_code));
    session_free(c, s);
}

void session_free(struct core *c, struct session *s)
{
    topic_leave_all(c, s);
    named_leave(c, s);
    if (s->member && s->member->room)
        member_disconnect(s->member); /* all is being freed, rooms too */
    else
        leave_member(c, s);
    alive_watch(c, s, WATCH_NONE);
    if (session_waits_to_join(s))
        waiting_remove(&s->unjoined);
    waiting_remove(&s->ice);
    pending_forget(c, s->conn);
    address_limits_leave(c, s->address);
    c->slots[s->conn.slot] = NULL;
    c->stats.connections--;
    free(s);
}
