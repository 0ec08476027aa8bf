/* SPDX-License-Identifier: MIT
 *
 * Who is there. The daemon shows seats; the roster turns them into people: whoever shows a key with a valid signature
 * over its box key is the person of that key, anybody else is a plain peer named by the seat. A key shown is not yet a
 * key proved (metadata can be copied): that is for the introduction, and a seat that fails it is left alone for a while
 * (link_pulse.c) without harm to the person whose key it borrowed.
 *
 * A seat whose socket is lost is away: not called, but everything else of it stays. After the daemon's restart those
 * who are not back yet count as away, too, for as long as they may come back.
 *
 * A person may have several seats: after a reconnect the old one stays until the daemon notices. Without any seat a
 * person is absent. Absent people with a key are remembered, with what waits for them and what was heard from them, so
 * that nothing is delivered twice when they return; if there are too many, those met first go. A plain peer without a
 * seat can never return under that id, so it is forgotten at once.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"

struct person *roster_find(const struct peer *p, struct span id)
{
    struct person *who = NULL;
    if (id.n)
        HASH_FIND(hh, p->people, id.p, (unsigned)id.n, who);
    return who;
}

struct seat *roster_seat(const struct peer *p, struct span id)
{
    struct seat *seat = NULL;
    if (id.n)
        HASH_FIND(hh, p->seats, id.p, (unsigned)id.n, seat);
    return seat;
}

struct seat *roster_usable_seat(const struct peer *p, const struct person *who)
{
    for (struct seat *seat = who->seats; seat; seat = seat->next)
        if (!seat->away && seat->refused_until <= p->now)
            return seat;
    return NULL;
}

bool roster_there(const struct person *who)
{
    return who->seats || link_is_up(who);
}

static bool is_absent(const struct person *who)
{
    return !who->seats && who->link.state == LINK_IDLE;
}

void roster_store(struct peer *p, struct person *who)
{
    char seen[17];
    struct buf row;
    if (!who->keyed)
        return;
    buf_init(&row, CARD_MAX + 16 + ROOM_ID_MAX + 1);
    storage_number(seen, who->seen_unix);
    buf_text(&row, seen);
    buf_text(&row, p->settings.room);
    buf_byte(&row, ' ');
    card_write(&row, who);
    if (!row.failed)
        storage_put(p, TABLE_PERSON, person_id(who), buf_view(&row));
    who->stored = true;
    buf_done(&row);
}

static void person_free(struct peer *p, struct person *who, const char *reason)
{
    link_close(p, who);
    outbox_drop(p, who, reason);
    receipt_clear(who);
    news_clear(who);
    if (who->stored)
        storage_delete(p, TABLE_PERSON, person_id(who));
    HASH_DEL(p->people, who);
    p->ways_known = false;
    p->overlay_stale = true;
    free(who);
}

/* Something waits for them, or they have been here; or they are only told of, which costs nothing to invent. */
static int need_of(const struct person *who)
{
    return outbox_waiting(who) > 0 ? 2 : who->seen_unix != 0;
}

/* Whom it costs least to forget; of equals the first. */
static struct person *least_needed(struct peer *p)
{
    struct person *least = NULL;
    for (struct person *who = p->people; who; who = who->hh.next)
        if (is_absent(who) && (!least || need_of(who) < need_of(least) ||
                                  (need_of(who) == need_of(least) && outbox_waiting(who) < outbox_waiting(least))))
            least = who;
    return least;
}

static bool make_room(struct peer *p)
{
    struct person *who = HASH_COUNT(p->people) < PEOPLE_MAX ? NULL : least_needed(p);
    if (HASH_COUNT(p->people) < PEOPLE_MAX)
        return true;
    if (who) {
        person_free(p, who, "forgotten");
        return true;
    }
    effect_log(p, LOG_LEVEL_WARNING, "roster-full", "more people than this peer can know", NULL, SPAN(""));
    return false;
}

static struct person *person_new(struct peer *p, struct span id, const struct card *card)
{
    struct person *who = make_room(p) ? calloc(1, sizeof *who) : NULL;
    if (!who)
        return NULL;
    text_copy(who->id, sizeof who->id, id);
    if (card) {
        who->keyed = true;
        memcpy(who->key, card->key, sizeof who->key);
        memcpy(who->box, card->box, sizeof who->box);
        memcpy(who->box_signature, card->box_signature, sizeof who->box_signature);
        memcpy(who->name, card->name, sizeof who->name);
    }
    who->link.at = who->link.probe_at = NEVER;
    who->inbox.acks_at = NEVER;
    who->outbox.stuck_at = who->outbox.retry_at = who->outbox.custody_at = who->outbox.passed_at = NEVER;
    HASH_ADD_STR(p->people, id, who);
    if (who->hh.tbl)
        return who;
    free(who);
    return NULL;
}

struct person *roster_meet(struct peer *p, const struct card *card)
{
    struct person *who = roster_find(p, span_of(card->id));
    if (strcmp(card->id, p->id) == 0)
        return NULL;
    return who ? who : person_new(p, span_of(card->id), card);
}

/* An id that looks like an identity must be one: else a daemon could name a plain peer like a person. */
static bool looks_keyed(struct span id)
{
    uint8_t bytes[ID_BYTES];
    return base32_decode(id, bytes, sizeof bytes);
}

static bool holds(const struct peer *p, const struct signaling_member *m)
{
    return m->keyed && p->crypto.verify(p->crypto.ctx, m->key, (struct span){(const char *)m->box, KEY_BYTES}, m->sig);
}

static struct person *person_of(struct peer *p, const struct signaling_member *m)
{
    struct card card;
    uint8_t hash[HASH_BYTES];
    if (!holds(p, m)) {
        struct person *who = roster_find(p, m->peer_id);
        if (looks_keyed(m->peer_id))
            return NULL;
        return who ? who : person_new(p, m->peer_id, NULL);
    }
    memcpy(card.key, m->key, sizeof card.key);
    memcpy(card.box, m->box, sizeof card.box);
    memcpy(card.box_signature, m->sig, sizeof card.box_signature);
    text_copy(card.name, sizeof card.name, m->name);
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)m->key, KEY_BYTES}, hash);
    envelope_short_hash(hash, card.id);
    return roster_meet(p, &card);
}

static void seat_free(struct peer *p, struct seat *seat)
{
    DL_DELETE(seat->person->seats, seat);
    HASH_DEL(p->seats, seat);
    free(seat);
    p->sweep = true;
}

static struct seat *seat_new(struct peer *p, const struct signaling_member *m)
{
    struct person *who = HASH_COUNT(p->seats) < SEATS_MAX ? person_of(p, m) : NULL;
    struct seat *seat = who ? calloc(1, sizeof *seat) : NULL;
    p->sweep = true;
    if (!seat)
        return NULL;
    text_copy(seat->id, sizeof seat->id, m->peer_id);
    seat->person = who;
    seat->gone_at = NEVER;
    HASH_ADD_STR(p->seats, id, seat);
    if (!seat->hh.tbl) {
        free(seat);
        return NULL;
    }
    DL_PREPEND(who->seats, seat);
    if (m->keyed && !who->keyed) {
        notice_link(p, who, "shows a key that it cannot prove");
        inbox_refuse(p, who, "a card that does not hold");
    }
    return seat;
}

/* In the room now: messages sent to everybody within the next hour are for this person too. */
static void see(struct peer *p, struct person *who)
{
    who->seen_unix = p->unix_ms;
    p->overlay_stale = true;
    roster_store(p, who);
}

/* The seat of this member, made if it is new; NULL for ourselves and for whom there is no room. listed: it was there when we
 * came. */
static struct seat *admit(struct peer *p, const struct signaling_member *m, bool listed)
{
    assert(p && m);
    if (span_is(m->peer_id, p->session.seat))
        return NULL;
    if (m->keyed && memcmp(m->key, p->settings.key, sizeof m->key) == 0 && holds(p, m)) {
        if (!m->away)
            twin_seen(p, m->peer_id, listed);
        return NULL;
    }
    struct seat *seat = roster_seat(p, m->peer_id);
    if (!seat)
        seat = seat_new(p, m);
    if (!seat)
        return NULL;
    seat->dialect = m->dialect;
    seat->away = m->away;
    seat->gone_at = NEVER;
    seat->listed = true;
    text_copy(seat->person->name, sizeof seat->person->name, m->name);
    see(p, seat->person);
    return seat;
}

static void leave_seat(struct peer *p, struct seat *seat, bool said_goodbye)
{
    struct person *who = seat->person;
    seat_free(p, seat);
    if (who->seats)
        return;
    see(p, who);
    if (said_goodbye)
        news_gone(p, who);
    if (said_goodbye || !link_is_up(who))
        link_close(p, who);
}

static void tell_joined(struct peer *p)
{
    size_t n = 0, max = HASH_COUNT(p->people);
    struct span *ids = calloc(2 * (max ? max : 1), sizeof *ids), *names = ids ? ids + max : NULL;
    for (struct person *who = p->people; ids && who; who = who->hh.next) {
        if (!who->seats)
            continue;
        ids[n] = person_id(who);
        names[n++] = span_of(who->name);
    }
    notice_add(
        p, &(struct notice){
               .type = NOTICE_JOINED, .room = span_of(p->settings.room), .to = ids, .names = names, .to_count = n});
    free(ids);
}

static void admit_all(struct peer *p, const struct signaling_message *m)
{
    for (struct seat *seat = p->seats; seat; seat = seat->hh.next)
        seat->listed = false;
    for (size_t i = 0; i < m->member_count; i++)
        admit(p, &m->members[i], true);
}

static void drop_unlisted(struct peer *p)
{
    struct seat *seat, *next;
    HASH_ITER (hh, p->seats, seat, next) {
        if (!seat->listed)
            leave_seat(p, seat, false);
    }
}

/* A daemon that was restarted knows who came back already, not who was there. */
static void expect_unlisted(struct peer *p, uint64_t until)
{
    for (struct seat *seat = p->seats; seat; seat = seat->hh.next) {
        if (seat->listed)
            continue;
        seat->away = true;
        seat->gone_at = until < seat->gone_at ? until : seat->gone_at;
        effect_wake(p, seat->gone_at);
    }
}

void roster_resumed(struct peer *p, const struct signaling_message *m)
{
    admit_all(p, m);
    if (m->restarted)
        expect_unlisted(p, p->now + m->resume_grace_ms);
    else
        drop_unlisted(p);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->seats)
            link_resumed(p, who, m->recovered);
}

/* Hours in one room are presence until now, though we may crash and find only what is on the disk. */
static void see_again(struct peer *p, struct person *who)
{
    if (!who->keyed || !roster_there(who) || p->unix_ms < who->seen_unix + SEEN_AGAIN_MS)
        return;
    who->seen_unix = p->unix_ms;
    roster_store(p, who);
}

void roster_due(struct peer *p)
{
    struct seat *seat, *next;
    for (struct person *who = p->people; who; who = who->hh.next)
        see_again(p, who);
    HASH_ITER (hh, p->seats, seat, next) {
        if (p->now >= seat->gone_at)
            leave_seat(p, seat, false);
        else
            effect_wake(p, seat->gone_at);
    }
}

void roster_unseat(struct peer *p)
{
    struct seat *seat, *next;
    for (struct person *who = p->people; who; who = who->hh.next)
        link_close(p, who);
    HASH_ITER (hh, p->seats, seat, next)
        leave_seat(p, seat, false);
}

void roster_list(struct peer *p, const struct signaling_message *m)
{
    admit_all(p, m);
    drop_unlisted(p);
    tell_joined(p);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->seats)
            link_reseated(p, who);
}

void roster_joined(struct peer *p, const struct signaling_member *m)
{
    bool met = roster_seat(p, m->peer_id) != NULL;
    struct seat *seat = admit(p, m, false);
    if (seat && !met)
        link_seated(p, seat->person);
}

void roster_away(struct peer *p, struct span id)
{
    struct seat *seat = roster_seat(p, id);
    if (!seat)
        return;
    seat->away = true;
    link_unsure(seat->person, id);
}

/* A seat that moved to another node of a cluster: one of that name and person is the same. */
static void rename_seat(struct peer *p, struct span from, const struct signaling_member *m)
{
    struct seat *seat = roster_seat(p, from);
    if (!seat)
        return;
    if (roster_seat(p, m->peer_id) || person_of(p, m) != seat->person) {
        leave_seat(p, seat, false);
        return;
    }
    link_seat_renamed(seat->person, from, m->peer_id);
    HASH_DEL(p->seats, seat);
    text_copy(seat->id, sizeof seat->id, m->peer_id);
    HASH_ADD_STR(p->seats, id, seat);
    if (!seat->hh.tbl) {
        DL_DELETE(seat->person->seats, seat);
        free(seat);
    }
}

void roster_back(struct peer *p, const struct signaling_message *m)
{
    if (m->previous.n)
        rename_seat(p, m->previous, m->members);
    bool met = roster_seat(p, m->peer_id) != NULL;
    struct seat *seat = admit(p, m->members, false);
    if (seat && met)
        link_returned(p, seat->person);
    else if (seat)
        link_seated(p, seat->person);
}

void roster_left(struct peer *p, struct span id, bool said_goodbye)
{
    struct seat *seat = roster_seat(p, id);
    if (!seat)
        return;
    struct person *who = seat->person;
    leave_seat(p, seat, said_goodbye);
    if (who->seats && who->link.attempt && !link_is_up(who) && span_is(id, who->link.attempt->seat))
        link_reseated(p, who);
}

void roster_sweep(struct peer *p)
{
    struct person *who, *next;
    p->sweep = false;
    HASH_ITER (hh, p->people, who, next) {
        if (!who->keyed && is_absent(who))
            person_free(p, who, "gone");
    }
}

void roster_clear(struct peer *p)
{
    struct person *who, *next;
    HASH_ITER (hh, p->people, who, next) {
        while (who->seats)
            seat_free(p, who->seats);
        person_free(p, who, "left");
    }
}
