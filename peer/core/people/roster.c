/* SPDX-License-Identifier: MIT
 *
 * Who is there. The daemon shows roster entries; the roster turns them into people: whoever shows a key with a valid signature
 * over its box key is the person of that key, anybody else is a plain peer named by the roster entry. A key shown is not yet a
 * key proved (metadata can be copied): that is for the introduction, and a roster entry that fails it is left alone for a while
 * (link_pulse.c) without harm to the person whose key it borrowed.
 *
 * A roster entry whose socket is lost is away: not called, but everything else of it stays. After the daemon's restart those
 * who are not back yet count as away, too, for as long as they may come back.
 *
 * A person may have several roster entries: after a reconnect the old one stays until the daemon notices. Without any roster entry a
 * person is absent. Absent people with a key are remembered, with what waits for them and what was heard from them, so
 * that nothing is delivered twice when they return; if there are too many, those met first go. A plain peer without a
 * roster entry can never return under that id, so it is forgotten at once.
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

struct roster_entry *roster_entry(const struct peer *p, struct span id)
{
    struct roster_entry *entry = NULL;
    if (id.n)
        HASH_FIND(hh, p->entries, id.p, (unsigned)id.n, entry);
    return entry;
}

struct roster_entry *roster_usable_entry(const struct peer *p, const struct person *who)
{
    for (struct roster_entry *entry = who->entries; entry; entry = entry->next)
        if (!entry->away && entry->refused_until <= p->now)
            return entry;
    return NULL;
}

bool roster_there(const struct person *who)
{
    return who->entries || link_is_up(who);
}

static bool is_absent(const struct person *who)
{
    return !who->entries && who->link.state == LINK_IDLE;
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
    gossip_clear(who);
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
    who->outbox.stuck_at = who->outbox.retry_at = who->outbox.copies_at = who->outbox.passed_at = NEVER;
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

static void entry_free(struct peer *p, struct roster_entry *entry)
{
    DL_DELETE(entry->person->entries, entry);
    HASH_DEL(p->entries, entry);
    free(entry);
    p->sweep = true;
}

static struct roster_entry *entry_new(struct peer *p, const struct signaling_member *m)
{
    struct person *who = HASH_COUNT(p->entries) < ENTRIES_MAX ? person_of(p, m) : NULL;
    struct roster_entry *entry = who ? calloc(1, sizeof *entry) : NULL;
    p->sweep = true;
    if (!entry)
        return NULL;
    text_copy(entry->id, sizeof entry->id, m->peer_id);
    entry->person = who;
    entry->gone_at = NEVER;
    HASH_ADD_STR(p->entries, id, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    DL_PREPEND(who->entries, entry);
    if (m->keyed && !who->keyed) {
        notice_link(p, who, "shows a key that it cannot prove");
        guard_refuse(p, who, "a card that does not hold");
    }
    return entry;
}

/* In the room now: messages sent to everybody within the next hour are for this person too. */
static void see(struct peer *p, struct person *who)
{
    who->seen_unix = p->unix_ms;
    p->overlay_stale = true;
    roster_store(p, who);
}

/* The roster entry of this member, made if it is new; NULL for ourselves and for whom there is no room. listed: it was there when we
 * came. */
static struct roster_entry *admit(struct peer *p, const struct signaling_member *m, bool listed)
{
    assert(p && m);
    if (span_is(m->peer_id, p->session.peer_id))
        return NULL;
    if (m->keyed && memcmp(m->key, p->settings.key, sizeof m->key) == 0 && holds(p, m)) {
        if (!m->away)
            twin_seen(p, m->peer_id, listed);
        return NULL;
    }
    struct roster_entry *entry = roster_entry(p, m->peer_id);
    if (!entry)
        entry = entry_new(p, m);
    if (!entry)
        return NULL;
    entry->dialect = m->dialect;
    entry->away = m->away;
    entry->gone_at = NEVER;
    entry->listed = true;
    text_copy(entry->person->name, sizeof entry->person->name, m->name);
    see(p, entry->person);
    return entry;
}

static void leave_entry(struct peer *p, struct roster_entry *entry, bool said_goodbye)
{
    struct person *who = entry->person;
    entry_free(p, entry);
    if (who->entries)
        return;
    see(p, who);
    if (said_goodbye)
        gossip_gone(p, who);
    if (said_goodbye || !link_is_up(who))
        link_close(p, who);
}

static void tell_joined(struct peer *p)
{
    size_t n = 0, max = HASH_COUNT(p->people);
    struct span *ids = calloc(2 * (max ? max : 1), sizeof *ids), *names = ids ? ids + max : NULL;
    for (struct person *who = p->people; ids && who; who = who->hh.next) {
        if (!who->entries)
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
    for (struct roster_entry *entry = p->entries; entry; entry = entry->hh.next)
        entry->listed = false;
    for (size_t i = 0; i < m->member_count; i++)
        admit(p, &m->members[i], true);
}

static void drop_unlisted(struct peer *p)
{
    struct roster_entry *entry, *next;
    HASH_ITER (hh, p->entries, entry, next) {
        if (!entry->listed)
            leave_entry(p, entry, false);
    }
}

/* A daemon that was restarted knows who came back already, not who was there. */
static void expect_unlisted(struct peer *p, uint64_t until)
{
    for (struct roster_entry *entry = p->entries; entry; entry = entry->hh.next) {
        if (entry->listed)
            continue;
        entry->away = true;
        entry->gone_at = until < entry->gone_at ? until : entry->gone_at;
        effect_wake(p, entry->gone_at);
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
        if (who->entries)
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
    struct roster_entry *entry, *next;
    for (struct person *who = p->people; who; who = who->hh.next)
        see_again(p, who);
    HASH_ITER (hh, p->entries, entry, next) {
        if (p->now >= entry->gone_at)
            leave_entry(p, entry, false);
        else
            effect_wake(p, entry->gone_at);
    }
}

void roster_withdraw(struct peer *p)
{
    struct roster_entry *entry, *next;
    for (struct person *who = p->people; who; who = who->hh.next)
        link_close(p, who);
    HASH_ITER (hh, p->entries, entry, next)
        leave_entry(p, entry, false);
}

void roster_list(struct peer *p, const struct signaling_message *m)
{
    admit_all(p, m);
    drop_unlisted(p);
    tell_joined(p);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->entries)
            link_entry_changed(p, who);
}

void roster_joined(struct peer *p, const struct signaling_member *m)
{
    bool met = roster_entry(p, m->peer_id) != NULL;
    struct roster_entry *entry = admit(p, m, false);
    if (entry && !met)
        link_entry_new(p, entry->person);
}

void roster_away(struct peer *p, struct span id)
{
    struct roster_entry *entry = roster_entry(p, id);
    if (!entry)
        return;
    entry->away = true;
    link_unsure(entry->person, id);
}

/* A roster entry that moved to another node of a cluster: one of that name and person is the same. */
static void rename_entry(struct peer *p, struct span from, const struct signaling_member *m)
{
    struct roster_entry *entry = roster_entry(p, from);
    if (!entry)
        return;
    if (roster_entry(p, m->peer_id) || person_of(p, m) != entry->person) {
        leave_entry(p, entry, false);
        return;
    }
    link_entry_renamed(entry->person, from, m->peer_id);
    HASH_DEL(p->entries, entry);
    text_copy(entry->id, sizeof entry->id, m->peer_id);
    HASH_ADD_STR(p->entries, id, entry);
    if (!entry->hh.tbl) {
        DL_DELETE(entry->person->entries, entry);
        free(entry);
    }
}

void roster_back(struct peer *p, const struct signaling_message *m)
{
    if (m->previous.n)
        rename_entry(p, m->previous, m->members);
    bool met = roster_entry(p, m->peer_id) != NULL;
    struct roster_entry *entry = admit(p, m->members, false);
    if (entry && met)
        link_returned(p, entry->person);
    else if (entry)
        link_entry_new(p, entry->person);
}

void roster_left(struct peer *p, struct span id, bool said_goodbye)
{
    struct roster_entry *entry = roster_entry(p, id);
    if (!entry)
        return;
    struct person *who = entry->person;
    leave_entry(p, entry, said_goodbye);
    if (who->entries && who->link.connection && !link_is_up(who) && span_is(id, who->link.connection->peer_id))
        link_entry_changed(p, who);
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
        while (who->entries)
            entry_free(p, who->entries);
        person_free(p, who, "left");
    }
}
