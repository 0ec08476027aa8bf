/* SPDX-License-Identifier: MIT
 *
 * core_check: every counter, list and table of the core against every other. Each walk counts what it sees, and the
 * counts must be the ones that were kept.
 */
#include <assert.h>

#include "server/core/pending.h"
#include "server/core/member.h"
#include "server/core/room.h"
#include "server/core/say.h"
#include "server/core/seat.h"
#include "server/core/session.h"
#include "server/core/topic.h"

struct found {
    uint64_t connections, named, joined, unjoined, paused, ice, watched, counted, away, held;
    uint64_t subscriptions, names, rooms, members, made, makers, topics_made, line_bytes;
    uint64_t sent, sent_bytes; /* letters of addresses that are counted */
    uint64_t kept;             /* bytes of frames that are held or litter, of such */
};

static void check_state(const struct core *c, const struct session *s)
{
    bool welcomed = session_listens(s), told = welcomed && say_has_words(c, s->dialect, REPLY_WELCOME) &&
                                               (s->connected || !say_dialect(c, s->dialect)->connects);
    assert(s->state < SESSION_STATES);
    assert(welcomed == (s->member != NULL) && (!s->member || s->member->session == s));
    assert((s->state == SESSION_JOINED) == (s->member && s->member->room));
    assert(s->state != SESSION_NAMED || s->named->session == s);
    assert(s->state == SESSION_NAMED || s->state == SESSION_SUBSCRIBED
               ? s->topics != NULL
               : (session_waits_to_join(s) || s->paused) == (s->unjoined.next != NULL));
    assert(!s->paused || (s->connected && s->steady && welcomed && s->watch == WATCH_QUIET));
    assert(!welcomed || (s->expects == EXPECTS_CONNECT) == (!s->connected && say_dialect(c, s->dialect)->connects));
    assert(told == (s->ice.next != NULL)); /* with its ICE servers */
    assert((s->watch == WATCH_NONE) == (s->alive.next == NULL));
    assert(!welcomed || s->closed || s->watch != WATCH_NONE);
    assert(s->state != SESSION_OPENED || s->watch == WATCH_NONE);
    assert(s->state != SESSION_CLOSING || s->watch == WATCH_NONE || s->watch == WATCH_OWED);
}

static uint64_t check_topics_of(const struct core *c, const struct session *s)
{
    uint64_t n = 0;
    for (const struct subscription *sub = s->topics; sub; sub = sub->of_session, n++) {
        assert(sub->session == s && n < TOPICS_MAX);
        assert(topic_find(c, (struct span){sub->topic->name, sub->topic->name_n}) == sub->topic);
    }
    return n;
}

static void check_topics(const struct core *c, struct found *f)
{
    uint64_t all = 0;
    const struct topic *t;
    for (uint64_t at = 0; (t = table_next(&c->topics, &at));) {
        f->topics_made += t->maker != NULL;
        uint32_t n = 0;
        for (const struct subscription *sub = t->subscriptions; sub; sub = sub->next, n++)
            assert(sub->topic == t && (!sub->next || sub->next->prev == sub));
        assert(n > 0 && n == t->count);
        all += n;
    }
    assert(c->topics.count == c->stats.topics);
    assert(all == c->stats.subscriptions && all == f->subscriptions);
}

/* The bytes of all; and what of them is counted at addresses. */
static uint64_t letter_bytes(const struct core *c, struct found *f)
{
    uint64_t n = 0;
    for (const struct wait *w = c->letters.ends.next; w != &c->letters.ends; w = w->next) {
        const struct letter *l = WAIT_OF(w, const struct letter, wait);
        uint64_t cost = l->frame->len + sizeof *l;
        n += cost;
        f->sent += l->address != NULL;
        f->sent_bytes += l->address ? cost : 0;
    }
    return n;
}

static void check_names(const struct core *c, struct found *f)
{
    uint64_t letters = 0, owned = 0, n = 0;
    const struct named *named;
    for (const struct wait *w = c->letters.ends.next; w != &c->letters.ends; w = w->next, letters++)
        owned += WAIT_OF(w, const struct letter, wait)->from != NULL;
    for (uint64_t at = 0; (named = table_next(&c->named, &at)); n++) {
        assert(named->session->state == SESSION_NAMED && named->session->named == named);
        owned -= named->letters;
    }
    assert(letters == c->stats.letters && letters <= LETTERS_MAX && owned == 0);
    assert(letter_bytes(c, f) == c->stats.letter_bytes && c->stats.letter_bytes <= LETTERS_BYTES_MAX);
    assert(n == c->stats.named && n == f->names);
}

static void check_sessions(const struct core *c, struct found *f)
{
    for (uint32_t slot = 0; slot < c->slot_cap; slot++) {
        const struct session *s = c->slots[slot];
        if (!s)
            continue;
        assert(s->conn.slot == slot);
        check_state(c, s);
        f->connections++;
        f->named += s->member != NULL;
        f->unjoined += session_waits_to_join(s);
        f->paused += s->paused;
        f->ice += s->ice.next != NULL;
        f->watched += s->alive.next != NULL;
        f->counted += s->address != NULL;
        f->names += s->state == SESSION_NAMED;
        f->subscriptions += s->state == SESSION_SUBSCRIBED ? check_topics_of(c, s) : 0;
    }
    assert(f->connections == c->stats.connections);
}

static uint64_t check_held(const struct held *first, struct found *f)
{
    uint64_t n = 0;
    for (const struct held *h = first; h; h = h->next) {
        n += h->frame->len + sizeof *h;
        f->kept += h->address ? h->frame->len + sizeof *h : 0;
    }
    return n;
}

static void check_away(const struct member *m, struct found *f)
{
    uint64_t held = check_held(m->held, f);
    assert(held == m->held_bytes && held <= HELD_SEAT_MAX);
    assert(m->away.next);
    f->away++;
    f->held += held;
}

static void check_members(const struct core *c, struct found *f)
{
    const struct member *m;
    uint64_t connected = 0;
    for (uint64_t at = 0; (m = table_next(&c->members, &at));) {
        assert(member_is_here(m) || (member_is_away(m) && m->room));
        assert(member_is_here(m) == (m->session != NULL));
        assert(!m->session || (m->session->member == m && m->held_bytes == 0));
        assert(m->dialect < c->dialects_n && (!m->session || m->session->dialect == m->dialect));
        assert((m->introduction != NULL) == (m->display_name_n + m->metadata_n > 0) && (!m->introduction || m->room));
        connected += member_is_here(m);
        f->joined += m->room != NULL;
        if (member_is_away(m))
            check_away(m, f);
    }
    assert(connected == f->named && f->named + f->away == c->members.count);
    assert(f->away == c->stats.away && f->away <= AWAY_MAX);
    assert(f->held == c->stats.held_bytes && f->held <= HELD_ALL_MAX);
    check_held(c->litter, f);
    assert(f->joined == c->stats.members);
    assert(c->stats.joins_total - c->stats.leaves_total == c->stats.members);
}

static void check_room(const struct core *c, const struct room *room, struct found *f)
{
    uint32_t count = 0;
    assert(room_find(c, (struct span){room->id, room->id_n}) == room);
    assert((room->made != NULL) == (room->kind != ROOM_JOINED));
    for (const struct member *m = room->members; m; m = m->next, count++)
        assert(m->room == room && (!m->next || m->next->prev == m));
    assert(count == room->count && (count == 0) == (room->empty.next != NULL));
    f->rooms++;
    f->members += count;
    f->made += room->made != NULL;
    f->line_bytes += room->made ? room->made->line_n : 0;
    assert(!room->made || !room->next || room->made->version < room->next->made->version);
    f->makers += room->made && room->made->maker;
}

static void check_rooms(const struct core *c, struct found *f)
{
    for (enum room_kind kind = 0; kind < ROOM_KINDS; kind++)
        for (const struct room *room = c->rooms[kind]; room; room = room->next) {
            assert(room->kind == kind && (!room->next || room->next->prev == room));
            check_room(c, room, f);
        }
    assert(f->rooms == c->stats.rooms && f->rooms == c->room_ids.count);
    assert(f->members == c->stats.members);
    assert(f->made == c->made_count);
}

/* The queue's length; each wait must be linked both ways and none came before the one in front of it. */
static uint64_t check_waiting(const struct waiting *q)
{
    uint64_t n = 0, since = 0;
    for (const struct wait *w = q->ends.next; w != &q->ends; w = w->next, n++) {
        assert(w->prev->next == w && w->next->prev == w && w->since >= since);
        since = w->since;
    }
    return n;
}

static void check_queues(const struct core *c, const struct found *f)
{
    uint64_t watched = 0;
    for (enum watch w = 0; w < WATCHES; w++) {
        watched += check_waiting(&c->watch[w]);
        for (const struct wait *at = c->watch[w].ends.next; at != &c->watch[w].ends; at = at->next)
            assert(WAIT_OF(at, struct session, alive)->watch == w);
    }
    assert(watched == f->watched);
    assert(check_waiting(&c->away) == f->away);
    assert(check_waiting(&c->unjoined) == f->unjoined);
    assert(check_waiting(&c->paused) == f->paused);
    assert(check_waiting(&c->ice) + check_waiting(&c->ice_stale) == f->ice);
}

static void check_addresses(const struct core *c, const struct found *f)
{
    uint64_t connections = 0, rooms = 0, topics = 0, letters = 0, bytes = 0, held = 0;
    const struct address_state *o;
    for (uint64_t at = 0; (o = table_next(&c->addresses, &at));) {
        bool idle = o->connections == 0 && o->rooms == 0 && o->topics == 0 && o->letters == 0 && o->held_bytes == 0;
        assert(idle == (o->idle.next != NULL) && o->held_bytes <= HELD_ALL_MAX / HELD_SHARE);
        connections += o->connections;
        rooms += o->rooms;
        topics += o->topics;
        letters += o->letters;
        bytes += o->letter_bytes;
        held += o->held_bytes;
    }
    assert(connections == f->counted && rooms == f->makers && topics == f->topics_made);
    assert(letters == f->sent && bytes == f->sent_bytes && held == f->kept);
    assert(check_waiting(&c->idle) == c->idle_count && c->idle_count <= ADDRESSES_IDLE_MAX);
}

static void check_pending(const struct core *c)
{
    uint64_t hashing = 0, delayed = 0, due = UINT64_MAX, job = 0;
    for (const struct pending *e = c->hashes; e; e = e->next, hashing++)
        assert(e->kind == PENDING_JOIN || e->kind == PENDING_CREATE);
    for (const struct pending *e = c->delays; e; e = e->next, delayed++) {
        assert((e->kind == PENDING_FRAME || e->kind == PENDING_ASK) && session_find(c, e->conn));
        due = e->at < due ? e->at : due;
    }
    for (const struct pending *e = c->stores; e; e = e->next) {
        assert(e->kind == PENDING_STORE && e->job >= job && e->job <= c->room_store.changed);
        job = e->job;
    }
    assert(hashing == c->hashing && hashing <= HASHES_MAX);
    assert(delayed == c->delayed && delayed <= DELAYED_MAX && pending_due(c) == due);
}

static void check_room_store(const struct core *c, const struct found *f)
{
    const struct room_store *k = &c->room_store;
    assert(!k->answering || k->storing);
    assert(!k->file || (!k->storing && k->at < k->file->len && k->version <= k->changed));
    assert(k->bytes == f->line_bytes);
}

static void check_notices(const struct core *c)
{
    uint32_t unsaid = 0;
    for (enum notice k = 0; k < NOTICES; k++)
        unsaid += c->notices[k].count > 0;
    assert(unsaid == c->unsaid);
}

void core_check(const struct core *c)
{
    struct found found = {0};
    check_sessions(c, &found);
    check_members(c, &found);
    check_rooms(c, &found);
    check_topics(c, &found);
    check_names(c, &found);
    check_queues(c, &found);
    check_addresses(c, &found);
    check_pending(c);
    check_room_store(c, &found);
    check_notices(c);
    assert(!c->drained || c->draining);
    assert(!c->fx);
}
