/* SPDX-License-Identifier: MIT
 *
 * Seats outlive their connections. A member whose connection is lost stays in its room and under its peer id, without a
 * session; the session only waits for CORE_GONE. A client that comes back has a session for its new connection, with a
 * member of its own that nobody has seen: that one is freed, and the session goes on as the member that was away, or
 * that still had a connection which looked alive: that connection is closed. So one pointer moves, nothing is renamed or
 * moved within the room, and neither losing a connection nor coming back needs memory.
 *
 * Relayed frames for an absent peer are held, within bounds: for each seat, from each address, and in all. The share of an
 * address goes by who sends: by whose seat it is, whoever speaks to somebody could use up his. Who came and went meanwhile is not: the list in `resumed`
 * says who is there now. Counting frames instead of asking clients for acknowledgements, `recovered` says no when
 * it cannot be sure.
 *
 * With too many members away, or with no key to seal tokens with, the peer leaves at once.
 */
#include "server/core/seat.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/address_limits.h"
#include "server/core/batch.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/shared.h"
#include "server/core/webhook.h"

enum {
    DUEL_MS = 1000 /* in which a seat is taken over twice at most */
};
static const uint64_t TAKEN_AT_MAX = (UINT64_C(1) << 48) - 1; /* milliseconds: thousands of years */

bool seat_kept(const struct core *c)
{
    return c->settings.crypto && c->settings.resume_grace_ms > 0 && !c->draining;
}

bool seat_is_whole(const struct member *m)
{
    return (!member_is_here(m) || m->relayed == m->proved) && !m->unheld;
}

/* ---- connections change hands ---- */

static void tell_away(struct core *c, const struct member *m)
{
    assert(member_is_away(m));
    char id[PEER_ID_MAX];
    say_to_room(c, m->room, m, &(struct reply){.type = REPLY_PEER_AWAY, .peer = {.peer_id = say_peer_id(c, m, id)}});
}

void seat_tell_back(struct core *c, const struct member *m, bool anew)
{
    assert(m->room && member_is_here(m));
    char id[PEER_ID_MAX];
    say_to_room(c, m->room, m,
        &(struct reply){.type = anew ? REPLY_PEER_RETURNED : REPLY_PEER_BACK,
            .peer = {.peer_id = say_peer_id(c, m, id),
                .introduction = member_introduction(m),
                .dialect = say_dialect(c, m->dialect)}});
    webhook_peer(c, WEBHOOK_PEER_BACK, m->room, m);
    if (m->room->shared && !anew)
        shared_marks(c, m);
}

void seat_break(struct core *c, struct member *m, enum departure why)
{
    assert(m->room && member_is_here(m));
    if (!seat_kept(c) || c->stats.away >= AWAY_MAX) {
        room_leave(c, m, why);
        return;
    }
    m->why = why & 7U;
    m->unheld = !seat_is_whole(m);
    member_disconnect(m);
    waiting_add(&c->away, &m->away, c->now);
    c->stats.away++;
    tell_away(c, m);
    webhook_peer(c, WEBHOOK_PEER_AWAY, m->room, m);
    if (m->room->shared)
        shared_marks(c, m);
}

/* ---- what is held ---- */

static uint32_t cost_of(const struct frame *frame)
{
    return (uint32_t)(frame->len + sizeof(struct held));
}

/* Takes so much of the room that there is; else whose it is that is used up, for the log. */
static const char *take_room(struct core *c, const struct member *away, struct address_state *from, uint32_t cost)
{
    if (away->held_bytes + cost > HELD_SEAT_MAX)
        return "seat";
    if (c->stats.held_bytes + cost > HELD_ALL_MAX)
        return "all";
    return address_limits_frame_held(from, cost) ? NULL : "address";
}

void seat_hold(struct core *c, struct member *away, const struct session *from, struct frame *frame)
{
    assert(member_is_away(away));
    uint32_t cost = cost_of(frame);
    struct address_state *address = from ? from->address : NULL;
    struct held *h = malloc(sizeof *h);
    const char *full = h ? take_room(c, away, address, cost) : "memory";
    if (full) {
        free(h);
        frame_unref(frame);
        away->unheld = true;
        c->stats.unheld_total++;
        if (from)
            notice_session(c, NOTICE_UNHELD, full, from);
        else
            notice(c, NOTICE_UNHELD, full, NULL);
        return;
    }
    *h = (struct held){.frame = frame, .address = address};
    DL_APPEND(away->held, h);
    away->held_bytes += cost;
    c->stats.held_bytes += cost;
}

/* Frees n frames at most that nobody will get. */
static void sweep(struct core *c, uint32_t n)
{
    for (struct held *h; n > 0 && (h = c->litter); n--) {
        DL_DELETE(c->litter, h);
        address_limits_frame_gone(c, h->address, cost_of(h->frame));
        frame_unref(h->frame);
        free(h);
    }
}

/* What was held for a member that is back, some 650 frames at most, the smallest there are. */
static void say_held(struct core *c, struct member *m, struct held *held)
{
    struct held *h, *next;
    DL_FOREACH_SAFE (held, h, next) {
        c->stats.held_bytes -= cost_of(h->frame);
        address_limits_frame_gone(c, h->address, cost_of(h->frame));
        m->relayed++;
        say_send(c, m->session, h->frame);
        free(h);
    }
    m->held_bytes = 0;
}

/* ---- its end, one way or the other ---- */

/* Two pages that share a token would take the seat from each other as fast as they can, each told to come again by the
 * close of its connection. A client that knows the clause stops at that close; for one that does not, the seat stays
 * with who has it. */
bool seat_is_fought_over(const struct core *c, const struct member *m, uint64_t *wait_ms)
{
    uint64_t since_last_but_one = c->now - m->taken_at + m->taken_gap;
    if (member_is_away(m) || m->takes < 2 || since_last_but_one >= DUEL_MS)
        return false;
    *wait_ms = DUEL_MS - since_last_but_one;
    return true;
}

static void note_takeover(const struct core *c, struct member *m)
{
    assert(member_is_here(m));
    uint64_t gap = c->now - m->taken_at;
    m->taken_gap = gap < UINT16_MAX ? (uint16_t)gap : UINT16_MAX;
    m->taken_at = c->now & TAKEN_AT_MAX;
    m->takes = m->takes == 0 ? 1 : 2;
}

/* A connection that still looked alive. */
static void take_over(struct core *c, struct member *m)
{
    struct session *old = m->session;
    note_takeover(c, m);
    member_disconnect(m);
    say(c, old, &(struct reply){.type = REPLY_TAKEN_OVER});
    session_await_gone(c, old, say_close(c, old, CLOSE_TAKEN_OVER, "resumed on another connection"));
}

void seat_take(struct core *c, struct member *m, struct session *s, struct frame *resumed)
{
    struct held *held = NULL;
    assert(m->room && s->state == SESSION_READY);
    if (member_is_here(m)) {
        take_over(c, m);
    } else {
        held = m->held;
        waiting_remove(&m->away);
        c->stats.away--;
    }
    session_join(c, s, m);
    c->stats.resumed_total++;
    say_reply(c, s, resumed);
    say_held(c, m, held);
}

/* What was held is nobody's any more. */
static void stop_waiting(struct core *c, struct member *away)
{
    c->stats.held_bytes -= away->held_bytes;
    DL_CONCAT(c->litter, away->held);
    waiting_remove(&away->away);
}

void seat_drop(struct core *c, struct member *m)
{
    assert(!member_is_here(m));
    stop_waiting(c, m);
    free(m->introduction);
    free(m);
}

void seat_expire(struct core *c, struct member *away)
{
    assert(member_is_away(away));
    room_leave(c, away, away->why);
    c->stats.away--;
    stop_waiting(c, away);
    member_free(c, away);
}

void seat_move_out(struct core *c, struct member *away)
{
    assert(member_is_away(away));
    room_move_out(c, away);
    c->stats.away--;
    stop_waiting(c, away);
    member_free(c, away);
}

/* A grace of 0 lets those go that stayed under an earlier setting. */
static uint64_t grace(const struct core *c)
{
    return c->settings.resume_grace_ms ? c->settings.resume_grace_ms : 1;
}

void seat_tick(struct core *c)
{
    for (uint32_t n = 0; batch_allows(c, n) && waiting_due(&c->away, grace(c)) <= c->now; n++)
        seat_expire(c, WAIT_OF(waiting_first(&c->away), struct member, away));
    sweep(c, batch_size(c) * BATCH_LIGHT);
}

uint64_t seat_due(const struct core *c)
{
    return c->litter ? c->now : waiting_due(&c->away, grace(c));
}

void seat_done(struct core *c)
{
    while (c->litter)
        sweep(c, UINT32_MAX);
}
