/* SPDX-License-Identifier: MIT
 *
 * People, and where the daemon shows them. Whoever shows a key with a valid signature over its box key is the person of
 * that key, anybody else is a plain peer named by its roster entry (membership.c tells them apart).
 *
 * A person may have several entries: after a reconnect the old one stays until the daemon notices. Without any entry a
 * person is absent. Absent people with a key are remembered, with what waits for them and what was heard from them, so
 * that nothing is delivered twice when they return; if there are too many, those met first go. A plain peer without an
 * entry can never return under that id, so it is forgotten at once.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/people/roster.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/card.h"
#include "peer/core/people/facts.h"

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

static bool is_absent(const struct person *who)
{
    return !who->entries && !who->engaged;
}

void roster_store(struct peer *p, struct person *who)
{
    assert(who && !who->left);
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

/* Nobody finds this person any more; what the floors above keep of it goes when they hear so, and then roster_free. */
static void forget(struct peer *p, struct person *who, const char *reason)
{
    assert(who && reason && !who->entries && !who->engaged);
    if (who->stored)
        storage_delete(p, TABLE_PERSON, person_id(who));
    HASH_DEL(p->people, who);
    p->ways_known = false;
    p->overlay_stale = true;
    who->left = reason;
    fact_add(p, who, FACT_LEFT);
}

void roster_free(struct person *who)
{
    assert(who && who->left && who->waiting == 0 && who->facts == 0);
    free(who);
}

/* Something waits for them, or they have been here; or they are only named, which costs nothing to invent. */
static int need_of(const struct person *who)
{
    return who->waiting > 0 ? 2 : who->seen_unix != 0;
}

/* Whom it costs least to forget; of equals the first. */
static struct person *least_needed(struct peer *p)
{
    struct person *least = NULL;
    for (struct person *who = p->people; who; who = who->hh.next)
        if (is_absent(who) && (!least || need_of(who) < need_of(least) ||
                                  (need_of(who) == need_of(least) && who->waiting < least->waiting)))
            least = who;
    return least;
}

static bool make_room(struct peer *p)
{
    struct person *who = HASH_COUNT(p->people) < PEOPLE_MAX ? NULL : least_needed(p);
    if (HASH_COUNT(p->people) < PEOPLE_MAX)
        return true;
    if (who) {
        forget(p, who, "forgotten");
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
    assert(card->id[0]);
    struct person *who = roster_find(p, span_of(card->id));
    if (strcmp(card->id, p->id) == 0)
        return NULL;
    return who ? who : person_new(p, span_of(card->id), card);
}

struct person *roster_meet_plain(struct peer *p, struct span id)
{
    struct person *who = roster_find(p, id);
    assert(id.n > 0);
    return who ? who : person_new(p, id, NULL);
}

struct roster_entry *roster_add_entry(struct peer *p, struct person *who, struct span id)
{
    assert(who && !who->left);
    struct roster_entry *entry = calloc(1, sizeof *entry);
    assert(!roster_entry(p, id) && id.n <= PEER_ID_MAX);
    if (!entry)
        return NULL;
    text_copy(entry->id, sizeof entry->id, id);
    entry->person = who;
    entry->gone_at = NEVER;
    HASH_ADD_STR(p->entries, id, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    DL_PREPEND(who->entries, entry);
    return entry;
}

void roster_remove_entry(struct peer *p, struct roster_entry *entry)
{
    assert(roster_entry(p, span_of(entry->id)) == entry);
    DL_DELETE(entry->person->entries, entry);
    HASH_DEL(p->entries, entry);
    free(entry);
    p->sweep = true;
}

void roster_rename_entry(struct peer *p, struct roster_entry *entry, struct span to)
{
    assert(roster_entry(p, span_of(entry->id)) == entry);
    assert(!roster_entry(p, to));
    HASH_DEL(p->entries, entry);
    text_copy(entry->id, sizeof entry->id, to);
    HASH_ADD_STR(p->entries, id, entry);
    if (!entry->hh.tbl) {
        DL_DELETE(entry->person->entries, entry);
        free(entry);
    }
}

void roster_sweep(struct peer *p)
{
    struct person *who, *next;
    p->sweep = false;
    HASH_ITER (hh, p->people, who, next) {
        if (!who->keyed && is_absent(who))
            forget(p, who, "gone");
    }
}

void roster_clear(struct peer *p)
{
    struct person *who, *next;
    HASH_ITER (hh, p->people, who, next)
        forget(p, who, "left");
}
