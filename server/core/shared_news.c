/* SPDX-License-Identifier: MIT
 *
 * What others say of a shared room: announcements, one by one, and lists of it as it is on the bus.
 */
#include "server/core/shared_inner.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/cluster.h"
#include "server/core/member.h"
#include "server/core/notice.h"
#include "server/core/pending.h"
#include "server/core/remote.h"
#include "server/core/room.h"
#include "server/core/room_list.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"

/* ---- what is told of those on other nodes ---- */

static void tell(struct core *c, const struct member *m, enum reply_type type, enum departure why)
{
    char id[PEER_ID_MAX];
    say_to_room(c, m->room, m,
        &(struct reply){.type = type,
            .peer = {.peer_id = say_peer_id(c, m, id),
                .introduction = member_introduction(m),
                .dialect = say_dialect(c, m->dialect),
                .why = why}});
}

void shared_tell_moved(struct core *c, const struct member *m, struct span previous, bool was_here)
{
    char id[PEER_ID_MAX];
    struct reply back = {.type = REPLY_PEER_BACK,
        .peer = {.peer_id = say_peer_id(c, m, id),
            .previous = previous,
            .introduction = member_introduction(m),
            .dialect = say_dialect(c, m->dialect)}};
    struct reply left = {.type = REPLY_PEER_LEFT, .peer = {.peer_id = previous, .why = DEPARTURE_DISCONNECTED}},
                 joined = back;
    joined.type = REPLY_PEER_JOINED;
    if (span_eq(previous, back.peer.peer_id))
        back.peer.previous = (struct span){NULL, 0};
    struct said said[3] = {{{NULL}}, {{NULL}}, {{NULL}}};
    for (const struct member *to = m->room->members; to; to = to->next) {
        if (to == m || !member_is_here(to))
            continue;
        if (say_has_words(c, to->dialect, REPLY_PEER_BACK)) {
            say_shared(c, to->session, &back, &said[0]);
            continue;
        }
        if (was_here)
            say_shared(c, to->session, &left, &said[1]);
        say_shared(c, to->session, &joined, &said[2]);
    }
    for (unsigned i = 0; i < 3; i++)
        say_unprepare(&said[i]);
}

static void remote_left(struct core *c, struct member *m, enum departure why)
{
    tell(c, m, REPLY_PEER_LEFT, why);
    remote_leave(c, m);
}

/* Under an id that we have not seen. */
static struct member *comes(
    struct core *c, struct room *room, struct span peer, const struct bus_entry *e, struct span previous, bool was_here)
{
    struct member *before = previous.n ? remote_find(c, previous) : NULL;
    if (before && before->room != room)
        before = NULL;
    struct member *m = remote_enter(c, room, peer, e);
    if (!m)
        return NULL;
    if (before)
        remote_leave(c, before);
    if (previous.n) {
        shared_tell_moved(c, m, previous, was_here || before);
        return m;
    }
    tell(c, m, REPLY_PEER_JOINED, DEPARTURE_LEFT);
    if (e->away)
        tell(c, m, REPLY_PEER_AWAY, DEPARTURE_LEFT);
    return m;
}

static void changes(struct core *c, struct member *m, const struct bus_entry *e, bool anew)
{
    bool was_away = m->away_there;
    if (!remote_changes(m, e))
        shared_stale(c, m->room->shared);
    if (!was_away && e->away)
        tell(c, m, REPLY_PEER_AWAY, DEPARTURE_LEFT);
    else if ((was_away || anew) && !e->away)
        tell(c, m, anew ? REPLY_PEER_RETURNED : REPLY_PEER_BACK, DEPARTURE_LEFT);
}

/* A member of another node's is in the room, as this entry says. `previous`: it has just come from there, where it was ours. */
static void upsert(
    struct core *c, struct room *room, struct span peer, struct span entry, struct span previous, bool was_here)
{
    struct bus_entry e;
    struct member *m = remote_find(c, peer);
    if (!bus_entry_read(entry, &e)) {
        notice(c, NOTICE_BUS_BAD, "an entry of a room that nobody can read", NULL);
        c->stats.bus_bad_total++;
        return;
    }
    if (m && m->room != room) {
        shared_stale(c, m->room->shared);
        remote_left(c, m, DEPARTURE_DISCONNECTED);
        m = NULL;
    }
    if (m)
        changes(c, m, &e, span_eq(previous, peer));
    else
        m = comes(c, room, peer, &e, previous.n ? previous : e.previous, was_here);
    if (m)
        m->awaited = false;
}

/* ---- ours are put out ---- */

/* Its client is on another node now. */
void shared_goes_on(struct core *c, struct member *m, struct span to)
{
    struct span name;
    struct node *node = remote_parse(to, &name) ? cluster_node(c, name) : NULL;
    if (member_is_here(m)) {
        struct session *s = m->session;
        room_move_out(c, m);
        say(c, s, &(struct reply){.type = REPLY_TAKEN_OVER});
        session_await_gone(c, s, say_close(c, s, CLOSE_TAKEN_OVER, "resumed on another connection"));
        return;
    }
    for (struct held *h = node ? m->held : NULL; h; h = h->next) {
        struct buf *text = say_text(c);
        const struct bus_record record = {.type = BUS_RECORD_HELD,
            .signal = {.node = cluster_self(c),
                .epoch = c->cluster->epoch,
                .sequence = node->said + 1,
                .dialect = say_dialect(c, m->dialect)->mark,
                .to = to,
                .bytes = frame_text(h->frame)}};
        bus_record_write(text, &record);
        if (!text->failed && cluster_send(c, (struct conn_id){UINT32_MAX, 0}, node, buf_view(text)))
            node->said++;
    }
    seat_move_out(c, m);
}

/* There is no place for it in the room as it is now. */
static void put_out(struct core *c, struct member *m)
{
    struct room *room = m->room;
    if (member_is_away(m)) {
        seat_expire(c, m);
        return;
    }
    struct session *s = m->session;
    say_error(c, s,
        &(struct reply_error){
            .error = ERROR_ROOM_FULL, .problem = "the room is full since this server is back in its cluster"});
    say(c, s, &(struct reply){.type = REPLY_ROOM_CLOSED, .room_id = room_id_of(room)});
    room_leave(c, m, DEPARTURE_LEFT);
    session_move(c, s, SESSION_READY);
}

/* Who has the seat of that id now, whose client had this one first (n = 0: that one itself); n = 0: nobody. */
static struct span successor(const struct core_bus_answer *a, struct span id, struct span origin)
{
    struct bus_entry e;
    for (size_t i = 0; i < a->seats_n; i++) {
        struct span peer = a->seats[i].peer;
        if (!bus_entry_read(a->seats[i].entry, &e))
            continue;
        if (span_eq(e.previous, id) || (origin.n && (span_eq(e.previous, origin) || span_eq(peer, origin))))
            return peer;
    }
    return (struct span){NULL, 0};
}

static struct member *first_awaited(const struct room *room)
{
    struct member *m = room ? room->members : NULL;
    while (m && (member_is_remote(m) || !m->awaited))
        m = m->next;
    return m;
}

/* Those of ours that are not in the list that they were put into. Any of them may take the room along. */
static void judge_ours(struct core *c, const struct room *room, const struct core_bus_answer *a)
{
    char space[PEER_ID_MAX], text[ROOM_ID_MAX];
    struct span name = {text, room->id_n};
    memcpy(text, room->id, room->id_n);
    for (struct member *m; (m = first_awaited(room_find(c, name)));) {
        m->awaited = false;
        struct span to = successor(a, say_own_id(c, m, space), member_previous(m));
        if (to.n) {
            tell(c, m, REPLY_PEER_LEFT, DEPARTURE_DISCONNECTED); /* its successor may be known for long */
            shared_goes_on(c, m, to);
        } else {
            put_out(c, m);
        }
    }
}

/* ---- lists ---- */

/* A seat under our name. None of ours has it: it is one of an earlier registration, whose client may come back still, and is shown
 * as another node's (false); later on it is taken off. */
static bool own_seat(struct core *c, const struct room *room, struct span peer)
{
    struct member *m = member_find(c, peer);
    if (m && m->room == room) {
        m->awaited = false;
        return true;
    }
    if (span_eq(c->cluster->entering, peer))
        return true;
    for (const struct pending *e = c->asked; e; e = e->next)
        if (span_eq((struct span){e->peer, e->peer_n}, peer))
            return true;
    if (!m && !cluster_may_clear_own(c))
        return false;
    shared_take_off(c, room_id_of(room), peer, DEPARTURE_DISCONNECTED);
    return true;
}

static void take_terms(struct core *c, struct room *room, struct span at)
{
    struct shared *sh = room->shared;
    struct bus_terms t;
    uint64_t life;
    if (!bus_room_read(at, &life, &t)) {
        notice(c, NOTICE_BUS_BAD, "terms of a room that nobody can read", NULL);
        c->stats.bus_bad_total++;
        return;
    }
    sh->life = life;
    if (room->made)
        return;
    if (room->incarnation != t.room.incarnation)
        room_list_changes(c, room);
    room->incarnation = t.room.incarnation;
    if (!t.made) {
        free(sh->there);
        sh->there = NULL;
        return;
    }
    if (!sh->there && !(sh->there = calloc(1, sizeof *sh->there)))
        return;
    sh->there->terms = t.room;
    sh->there->keeper_n = (uint8_t)t.keeper.n;
    if (t.keeper.n)
        memcpy(sh->there->keeper, t.keeper.p, t.keeper.n);
}

/* Those of others that the list did not have: gone, or not there yet. */
static void judge_others(struct core *c, struct room *room)
{
    struct member *next;
    bool last = false;
    for (struct member *m = room->members; m && !last; m = next) {
        next = m->next;
        if (!member_is_remote(m) || !m->awaited)
            continue;
        m->awaited = false;
        last = room->count == 1;
        if (c->cluster->settling)
            remote_left(c, m, DEPARTURE_DISCONNECTED);
    }
}

static void take_seats(struct core *c, struct room *room, const struct core_bus_answer *a)
{
    static const struct span NONE = {NULL, 0};
    for (struct member *m = room->members; m; m = m->next)
        if (member_is_remote(m))
            m->awaited = true;
    for (size_t i = 0; i < a->seats_n; i++) {
        struct span peer = a->seats[i].peer;
        if (!member_id_is_ours(c, peer) || !own_seat(c, room, peer))
            upsert(c, room, peer, a->seats[i].entry, NONE, false);
    }
}

void shared_learn(struct core *c, struct room *room, const struct core_bus_answer *a)
{
    struct shared *sh = room->shared;
    uint64_t life = sh->life;
    bool known = sh->known;
    take_terms(c, room, a->terms);
    if (known && sh->life == life && a->version < sh->version)
        return;
    sh->version = a->version;
    sh->known = true;
    take_seats(c, room, a);
    judge_others(c, room);
}

bool shared_is_first(const struct core_bus_answer *a)
{
    struct bus_terms t;
    uint64_t life;
    return a->version == 1 && bus_room_read(a->terms, &life, &t) && !t.made;
}

/* Whether those of ours that are in the room are in the list: else what is announced of them is older than that, and would not be
 * looked at. */
static bool has_all_ours(const struct core *c, const struct room *room, const struct core_bus_answer *a)
{
    uint32_t here = 0, listed = 0;
    for (const struct member *m = room->members; m; m = m->next)
        here += !member_is_remote(m);
    for (size_t i = 0; i < a->seats_n; i++) {
        const struct member *m = member_id_is_ours(c, a->seats[i].peer) ? member_find(c, a->seats[i].peer) : NULL;
        listed += m && m->room == room;
    }
    return here == listed;
}

void shared_learn_for(struct core *c, struct room *room, const struct pending *e, const struct core_bus_answer *a)
{
    struct shared *sh = room->shared;
    c->cluster->entering = (struct span){e->peer, e->peer_n};
    shared_learn(c, room, a);
    c->cluster->entering = (struct span){NULL, 0};
    bool behind = e->seen > 0 && (e->seen_life != sh->life || e->seen > sh->version);
    bool older = a->version < sh->version; /* the seat may have gone on already */
    if (behind || older || !has_all_ours(c, room, a))
        shared_stale(c, sh);
}

/* What was announced meanwhile is newer than what we know. */
static bool is_behind(const struct shared *sh)
{
    return sh->seen > 0 && (sh->seen_life != sh->life || sh->seen > sh->version);
}

bool shared_synced(struct core *c, const struct core_bus_answer *a)
{
    struct shared *sh;
    DL_FOREACH2(c->cluster->syncing, sh, stale_next)
    if (sh->job == a->job)
        break;
    if (!sh || !a->job)
        return false;
    struct room *room = sh->room;
    shared_job_end(c, sh);
    bool whole = a->outcome == BUS_OK || a->outcome == BUS_LOCKED;
    if (!whole)
        return true; /* BUS_NO_ROOM: nobody is in it */
    shared_learn(c, room, a);
    if (sh->again || is_behind(sh))
        shared_stale(c, sh);
    judge_ours(c, room, a);
    return true;
}

/* ---- announcements ---- */

/* It came while an answer is awaited, which may be older. */
static void note(const struct bus_announce *a, uint64_t *life, uint64_t *seen)
{
    *life = a->life;
    *seen = a->version > *seen ? a->version : *seen;
}

static void note_for_joins(struct core *c, const struct bus_announce *a)
{
    for (struct pending *e = c->asked; e; e = e->next)
        if (span_eq((struct span){e->room, e->room_n}, a->room))
            note(a, &e->seen_life, &e->seen);
}

static void closed(struct core *c, struct room *room)
{
    room->silent = true;
    room_close(c, room);
}

static void moved(struct core *c, struct room *room, const struct bus_announce *a)
{
    struct member *ours = member_find(c, a->previous);
    if (member_id_is_ours(c, a->peer))
        return; /* the answer to our BUS_RESUME tells more */
    bool was_here = ours && ours->room == room;
    if (was_here) {
        shared_goes_on(c, ours, a->peer);
        room = room_find(c, a->room);
    }
    if (room && room->shared->known)
        upsert(c, room, a->peer, a->entry, a->previous, was_here);
}

static void left(struct core *c, struct room *room, const struct bus_announce *a)
{
    struct member *m = member_find(c, a->peer);
    if (!m)
        m = remote_find(c, a->peer);
    if (!m || m->room != room)
        return;
    if (member_is_remote(m))
        remote_left(c, m, a->why < DEPARTURES ? (enum departure)a->why : DEPARTURE_DISCONNECTED);
    else
        shared_stale(c, room->shared); /* somebody took us for dead */
}

static void apply(struct core *c, struct room *room, const struct bus_announce *a)
{
    static const struct span NONE = {NULL, 0};
    room->shared->version = a->version;
    switch (a->change) {
    case BUS_JOINED:
    case BUS_AWAY:
    case BUS_BACK:
        if (!member_id_is_ours(c, a->peer))
            upsert(c, room, a->peer, a->entry, NONE, false);
        break;
    case BUS_LEFT:
        left(c, room, a);
        break;
    case BUS_MOVED:
        moved(c, room, a);
        break;
    case BUS_CLOSED:
        closed(c, room);
        break;
    }
}

void shared_announced(struct core *c, const struct bus_announce *a)
{
    struct room *room = room_find(c, a->room);
    struct shared *sh = room ? room->shared : NULL;
    note_for_joins(c, a);
    if (sh && sh->job)
        note(a, &sh->seen_life, &sh->seen);
    if (!sh || !sh->known || sh->job)
        return;
    if (a->life != sh->life || a->version > sh->version + 1)
        shared_stale(c, sh);
    else if (a->version == sh->version + 1)
        apply(c, room, a);
}
