/* SPDX-License-Identifier: MIT
 *
 * Who is in the room. The daemon names its members; each is turned into a roster entry of a person (roster.c), and the
 * links hear what that changes. A key shown is not yet a key proved (metadata can be copied): that is for the
 * introduction, and an entry that fails it is left alone for a while (link.c) without harm to the person whose key it
 * borrowed.
 *
 * An entry whose socket is lost is away: not called, but everything else of it stays. After the daemon's restart those
 * who are not back yet count as away, too, for as long as they may come back.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/link/membership.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/card.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/twin.h"
#include "protocol/signaling.h"

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
    if (!holds(p, m)) /* who has no key cannot prove to know a secret */
        return looks_keyed(m->peer_id) || p->settings.has_secret ? NULL : roster_meet_plain(p, m->peer_id);
    memcpy(card.key, m->key, sizeof card.key);
    memcpy(card.box, m->box, sizeof card.box);
    memcpy(card.box_signature, m->sig, sizeof card.box_signature);
    text_copy(card.name, sizeof card.name, m->name);
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)m->key, KEY_BYTES}, hash);
    envelope_short_hash(hash, card.id);
    return roster_meet(p, &card);
}

static struct roster_entry *entry_new(struct peer *p, const struct signaling_member *m)
{
    struct person *who = HASH_COUNT(p->entries) < ENTRIES_MAX ? person_of(p, m) : NULL;
    struct roster_entry *entry = who ? roster_add_entry(p, who, m->peer_id) : NULL;
    p->sweep = true;
    if (entry && m->keyed && !who->keyed) {
        link_notice(p, who, "shows a key that it cannot prove");
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

/* The roster entry of this member, made if it is new; NULL for ourselves and for whom there is no room. listed: it
 * was there when we came. */
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
    assert(entry->person && entry->person->entries);
    struct person *who = entry->person;
    roster_remove_entry(p, entry);
    if (who->entries)
        return;
    see(p, who);
    if (said_goodbye)
        relay_forget(p, who);
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

void membership_resumed(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINED);
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
    if (!who->keyed || !link_is_there(who) || p->unix_ms < who->seen_unix + SEEN_AGAIN_MS)
        return;
    who->seen_unix = p->unix_ms;
    roster_store(p, who);
}

void membership_due(struct peer *p)
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

void membership_withdraw(struct peer *p)
{
    struct roster_entry *entry, *next;
    for (struct person *who = p->people; who; who = who->hh.next)
        link_close(p, who);
    HASH_ITER (hh, p->entries, entry, next)
        leave_entry(p, entry, false);
}

void membership_list(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINED);
    admit_all(p, m);
    drop_unlisted(p);
    tell_joined(p);
    membership_call_all(p);
}

void membership_joined(struct peer *p, const struct signaling_member *m)
{
    assert(p->session.state == SESSION_JOINED);
    bool met = roster_entry(p, m->peer_id) != NULL;
    struct roster_entry *entry = admit(p, m, false);
    if (entry && !met)
        link_entry_new(p, entry->person);
}

void membership_away(struct peer *p, struct span id)
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
    roster_rename_entry(p, entry, m->peer_id);
}

void membership_back(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINED);
    if (m->previous.n)
        rename_entry(p, m->previous, m->members);
    bool met = roster_entry(p, m->peer_id) != NULL;
    struct roster_entry *entry = admit(p, m->members, false);
    if (entry && met)
        link_returned(p, entry->person);
    else if (entry)
        link_entry_new(p, entry->person);
}

void membership_left(struct peer *p, struct span id, bool said_goodbye)
{
    struct roster_entry *entry = roster_entry(p, id);
    if (!entry)
        return;
    struct person *who = entry->person;
    leave_entry(p, entry, said_goodbye);
    if (who->entries && who->link.connection && !link_is_up(who) && span_is(id, who->link.connection->peer_id))
        link_entry_changed(p, who);
}

void membership_call_all(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->entries)
            link_entry_changed(p, who);
}

void membership_clear(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next) {
        while (who->entries)
            roster_remove_entry(p, who->entries);
        link_close(p, who);
    }
}
