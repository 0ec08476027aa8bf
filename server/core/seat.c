/* SPDX-License-Identifier: MIT
 *
 * Seats outlive their connections. A session in a room is the seat: when its connection is lost it stays, in its room
 * and under its peer id, as SESSION_AWAY, and the connection's slot goes to a husk, a session of its own that only
 * waits for CORE_GONE. A client that comes back has a session for its new connection; the seat takes that connection
 * over and the other session is freed, or becomes the husk of the seat's old connection if that still looked alive.
 * So nothing is renamed or moved within the room, and taking a seat again needs no memory.
 *
 * Relayed frames for an absent peer are held, within bounds. Who came and went meanwhile is not: the list in `resumed`
 * says who is there now. Counting frames instead of asking clients for acknowledgements, `recovered` says no when
 * it cannot be sure.
 *
 * Without memory for the husk, with too many seats away, or with no key to seal tokens with, the peer leaves at once.
 */
#include "server/core/seat.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/alive.h"
#include "server/core/batch.h"
#include "server/core/ice.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"

enum {
    DUEL_MS = 1000 /* in which a seat is taken over twice at most */
};
static const uint64_t TAKEN_AT_MAX = (UINT64_C(1) << 48) - 1; /* milliseconds: thousands of years */

bool seat_kept(const struct core *c)
{
    return c->settings.crypto && c->settings.resume_grace_ms > 0 && !c->draining;
}

bool seat_is_whole(const struct session *s)
{
    return s->relayed == s->proved && !s->unheld;
}

/* ---- connections change hands ---- */

/* What belongs to the connection: the slot, its limits and what it did against them. */
static void trade(struct session *a, struct session *b)
{
    struct session was = *a;
    a->conn = b->conn;
    a->address = b->address;
    a->messages = b->messages;
    a->rate_told_until = b->rate_told_until;
    a->bad_frames = b->bad_frames;
    a->bad_until = b->bad_until;
    a->ping = b->ping;
    a->closed = b->closed;
    a->meant = b->meant;
    b->conn = was.conn;
    b->address = was.address;
    b->messages = was.messages;
    b->rate_told_until = was.rate_told_until;
    b->bad_frames = was.bad_frames;
    b->bad_until = was.bad_until;
    b->ping = was.ping;
    b->closed = was.closed;
    b->meant = was.meant;
}

static void tell_away(struct core *c, const struct session *s)
{
    char id[PEER_ID_MAX];
    reply_peer_away(say_text(c), say_peer_id(c, s, id));
    say_to_room(c, s->room, s, say_frame(c));
}

void seat_tell_back(struct core *c, const struct session *s)
{
    char id[PEER_ID_MAX];
    reply_peer_back(say_text(c), say_peer_id(c, s, id), (struct span){s->introduction, s->introduction_n});
    say_to_room(c, s->room, s, say_frame(c));
}

struct session *seat_break(struct core *c, struct session *s, enum departure why)
{
    bool kept = seat_kept(c) && c->stats.away < AWAY_MAX;
    struct session *husk = kept ? calloc(1, sizeof *husk) : NULL;
    if (!husk) {
        room_leave(c, s, why);
        return s;
    }
    trade(husk, s);
    c->slots[husk->conn.slot] = husk;
    husk->state = SESSION_CLOSING;
    husk->watch = WATCH_NONE;
    session_move(c, s, SESSION_AWAY);
    alive_watch(c, s, WATCH_AWAY);
    s->why = why;
    s->unheld = !seat_is_whole(s);
    s->relayed = s->proved = s->pinged = 0;
    c->stats.away++;
    tell_away(c, s);
    return husk;
}

/* ---- what is held ---- */

static uint32_t cost_of(const struct frame *frame)
{
    return (uint32_t)(frame->len + sizeof(struct held));
}

void seat_hold(struct core *c, struct session *away, struct frame *frame)
{
    assert(away->state == SESSION_AWAY);
    uint32_t cost = cost_of(frame);
    bool fits = away->held_bytes + cost <= HELD_SEAT_MAX && c->stats.held_bytes + cost <= HELD_ALL_MAX;
    struct held *h = fits ? malloc(sizeof *h) : NULL;
    if (!h) {
        frame_unref(frame);
        away->unheld = true;
        c->stats.unheld_total++;
        return;
    }
    h->frame = frame;
    DL_APPEND(away->held, h);
    away->held_bytes += cost;
    c->stats.held_bytes += cost;
}

/* The first held frame, the caller's now; NULL if there is none. */
static struct frame *unhold(struct core *c, struct session *s)
{
    struct held *h = s->held;
    if (!h)
        return NULL;
    struct frame *frame = h->frame;
    DL_DELETE(s->held, h);
    free(h);
    s->held_bytes -= cost_of(frame);
    c->stats.held_bytes -= cost_of(frame);
    return frame;
}

/* Frees n frames at most that nobody will get. */
static void sweep(struct core *c, uint32_t n)
{
    for (struct held *h; n > 0 && (h = c->litter); n--) {
        DL_DELETE(c->litter, h);
        frame_unref(h->frame);
        free(h);
    }
}

/* Some 700 at most, the smallest there are. */
static void say_held(struct core *c, struct session *s)
{
    struct frame *frame;
    while ((frame = unhold(c, s))) {
        s->relayed++;
        say_send(c, s, frame);
    }
}

/* ---- its end, one way or the other ---- */

static void close_old(struct core *c, struct session *husk)
{
    bool said = say_close(c, husk, CLOSE_TAKEN_OVER, "resumed on another connection");
    alive_watch(c, husk, said ? WATCH_NONE : WATCH_OWED);
}

/* Two pages that share a token would take the seat from each other as fast as they can, each told to come again by the
 * close of its connection. A client that knows the clause stops at that close; for one that does not, the seat stays
 * with who has it. */
bool seat_is_fought_over(const struct core *c, const struct session *seat, uint64_t *wait_ms)
{
    uint64_t since_last_but_one = c->now - seat->taken_at + seat->taken_gap;
    if (seat->state == SESSION_AWAY || seat->takes < 2 || since_last_but_one >= DUEL_MS)
        return false;
    *wait_ms = DUEL_MS - since_last_but_one;
    return true;
}

static void note_takeover(const struct core *c, struct session *seat)
{
    uint64_t gap = c->now - seat->taken_at;
    seat->taken_gap = gap < UINT16_MAX ? (uint16_t)gap : UINT16_MAX;
    seat->taken_at = c->now & TAKEN_AT_MAX;
    seat->takes = seat->takes == 0 ? 1 : 2;
}

void seat_take(struct core *c, struct session *seat, struct session *s, struct frame *resumed)
{
    bool was_away = seat->state == SESSION_AWAY;
    trade(seat, s);
    ice_hand_over(s, seat);
    c->slots[seat->conn.slot] = seat;
    session_move(c, s, SESSION_CLOSING);
    alive_watch(c, s, WATCH_NONE);
    session_unname(c, s);
    if (was_away) {
        free(s);
        c->stats.away--;
        session_move(c, seat, SESSION_JOINED);
    } else {
        c->slots[s->conn.slot] = s;
        close_old(c, s);
        note_takeover(c, seat);
    }
    alive_watch(c, seat, WATCH_QUIET);
    seat->unheld = false;
    seat->relayed = seat->proved = seat->pinged = 0;
    c->stats.resumed_total++;
    say_send(c, seat, resumed);
    say_held(c, seat);
}

void seat_expire(struct core *c, struct session *away)
{
    room_leave(c, away, away->why);
    seat_free(c, away);
}

void seat_tick(struct core *c)
{
    sweep(c, batch_size(c) * BATCH_LIGHT);
}

uint64_t seat_due(const struct core *c)
{
    return c->litter ? c->now : UINT64_MAX;
}

void seat_done(struct core *c)
{
    while (c->litter)
        sweep(c, UINT32_MAX);
}

void seat_free(struct core *c, struct session *away)
{
    session_unname(c, away);
    seat_drop(c, away);
}

void seat_drop(struct core *c, struct session *away)
{
    assert(away->state == SESSION_AWAY);
    c->stats.held_bytes -= away->held_bytes;
    DL_CONCAT(c->litter, away->held);
    waiting_remove(&away->alive);
    c->stats.away--;
    free(away->introduction);
    free(away);
}
