/* SPDX-License-Identifier: MIT
 *
 * Store-and-forward: direct and private messages whose reader nobody can reach now are left with up to two others,
 * sealed, so that they arrive even when their sender has gone meanwhile. The giver announces the copies (history.c) and
 * sends them; the custodian proves the author's signature, that the copy is for one other reader, and that there is
 * room; once it is on its disk it says message_ack, and hands it over when that reader links with it. The reader
 * acknowledges to both; what is acknowledged, or out of its time, is forgotten.
 *
 * Only the author itself may leave a copy, and only a bounded number of bytes, so a flood costs the flooder its share.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/store_and_forward.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/message/history.h"
#include "peer/core/message/outbox.h"

/* ---- giving ---- */

static bool has_it(const struct delivery *d, const char *id)
{
    for (unsigned i = 0; i < d->custodian_count; i++)
        if (strcmp(d->custodians[i].id, id) == 0)
            return true;
    return false;
}

void store_and_forward_give(struct peer *p, struct delivery *d)
{
    assert(d->message && d->message->type != ENVELOPE_GROUP_MESSAGE);
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    for (struct person *who = p->people; who && d->custodian_count < CUSTODIANS_MAX; who = who->hh.next) {
        if (who == d->reader || !who->keyed || !link_can_send(who) || has_it(d, who->id))
            continue;
        if (text.len == 0 && !outbox_copy(p, d, false, &text))
            break;
        if (!link_fits(who, text.len))
            continue;
        history_announce(p, who, &(struct handout){.what = "custody", .count = 1});
        connection_send(p, who->link.connection, buf_view(&text));
        p->stats.handed_total++;
        d->custodians[d->custodian_count].stored = false;
        memcpy(d->custodians[d->custodian_count++].id, who->id, sizeof d->custodians[0].id);
    }
    buf_done(&text);
}

void store_and_forward_kept(struct peer *p, const struct person *custodian, struct span id)
{
    struct outgoing *m = outbox_find(p, id);
    for (struct delivery *d = m ? m->deliveries : NULL; d; d = d->of_next)
        for (unsigned i = 0; i < d->custodian_count; i++)
            if (strcmp(d->custodians[i].id, custodian->id) == 0)
                d->custodians[i].stored = true;
}

void store_and_forward_link_down(struct peer *p, const struct person *custodian)
{
    for (struct outgoing *m = p->outgoing; m; m = m->next)
        for (struct delivery *d = m->type == ENVELOPE_GROUP_MESSAGE ? NULL : m->deliveries; d; d = d->of_next)
            for (unsigned i = d->custodian_count; i-- > 0;)
                if (!d->custodians[i].stored && strcmp(d->custodians[i].id, custodian->id) == 0)
                    d->custodians[i] = d->custodians[--d->custodian_count];
}

/* ---- keeping ---- */

static void copy_free(struct peer *p, struct stored_copy *h)
{
    assert(p->copies_bytes >= h->n);
    HASH_DEL(p->copies, h);
    p->copies_bytes -= h->n;
    free(h->text);
    free(h);
}

static void forget(struct peer *p, struct stored_copy *h)
{
    storage_delete(p, TABLE_CUSTODY, span_of(h->key));
    copy_free(p, h);
}

static struct stored_copy *copy_add(
    struct peer *p, const struct envelope *e, struct span reader, struct span raw, uint64_t expires)
{
    struct stored_copy *h = calloc(1, sizeof *h), *old;
    if (!h)
        return NULL;
    bool fits = text_copy(h->id, sizeof h->id, e->id) && text_copy(h->reader, sizeof h->reader, reader) &&
                text_copy(h->giver, sizeof h->giver, e->from);
    snprintf(h->key, sizeof h->key, "%s/%s/%s", h->reader, h->giver, h->id);
    HASH_FIND_STR(p->copies, h->key, old);
    h->text = fits && !old ? malloc(raw.n + 1) : NULL;
    if (!h->text) {
        free(h);
        return old;
    }
    if (raw.n > 0)
        memcpy(h->text, raw.p, raw.n);
    h->n = raw.n;
    h->expires = expires;
    HASH_ADD_STR(p->copies, key, h);
    if (!h->hh.tbl) {
        free(h->text);
        free(h);
        return NULL;
    }
    p->copies_bytes += h->n;
    effect_wake(p, expires);
    return h;
}

static bool has_room(const struct peer *p, struct span giver, size_t n)
{
    size_t count = 1, bytes = n, others = p->copies_bytes;
    for (const struct stored_copy *h = p->copies; h; h = h->hh.next)
        if (span_is(giver, h->giver)) {
            count++;
            bytes += h->n;
            others -= h->n;
        }
    return count <= COPIES_GIVER_MAX && bytes <= (COPIES_BYTES_MAX - others) / COPIES_GIVER_PART;
}

static void hand_over(struct peer *p, struct person *reader, const struct stored_copy *h)
{
    assert(link_is_up(reader));
    struct person *giver = roster_find(p, span_of(h->giver));
    if (!link_fits(reader, h->n))
        return; /* its author learns so when they link, or when its time is over */
    history_announce(p, reader, &(struct handout){.what = "gap", .count = 1, .author = giver});
    connection_send(p, reader->link.connection, (struct span){h->text, h->n});
    p->stats.handed_total++;
}

void store_and_forward_take(struct peer *p, struct person *giver, const struct envelope *e, struct span raw)
{
    assert(giver->keyed && link_is_up(giver));
    char value[17];
    const char *wrong = NULL;
    if (!span_is(e->from, giver->id))
        wrong = "a copy to keep that is another's";
    else if (e->key_count != 1 || e->type == ENVELOPE_GROUP_MESSAGE || span_is(e->keys[0].who, p->id))
        wrong = "a copy to keep that is not for one other reader";
    else if (!guard_signed_by(p, giver->key, e))
        wrong = "a copy to keep with a signature that does not hold";
    else if (!has_room(p, person_id(giver), raw.n))
        wrong = "more copies than we keep for one";
    if (wrong) {
        guard_refuse(p, giver, wrong);
        return;
    }
    uint64_t left = expiry_left(p, giver, e);
    struct stored_copy *h = left ? copy_add(p, e, e->keys[0].who, raw, p->now + left) : NULL;
    if (!h)
        return;
    struct buf row;
    buf_init(&row, PEER_MESSAGE_MAX + sizeof value);
    storage_number(value, p->unix_ms + left);
    buf_text(&row, value);
    buf_span(&row, raw);
    if (!row.failed)
        storage_put(p, TABLE_CUSTODY, span_of(h->key), buf_view(&row));
    buf_done(&row);
    after_commit_kept(p, giver->id, e->id);
    struct person *reader = roster_find(p, e->keys[0].who);
    if (reader && link_can_send(reader))
        hand_over(p, reader, h);
}

bool store_and_forward_restored(struct peer *p, struct span key, struct span value)
{
    struct envelope e;
    uint64_t until = 0;
    struct span text = {value.p + 16, value.n > 16 ? value.n - 16 : 0};
    if (!storage_read_number((struct span){value.p, value.n < 16 ? value.n : 16}, &until) ||
        !envelope_parse(text, &e, NULL))
        return false;
    uint64_t left = until > p->unix_ms ? until - p->unix_ms : 0;
    if (left > envelope_ttl(&e))
        left = envelope_ttl(&e);
    if (e.key_count != 1 || !copy_add(p, &e, e.keys[0].who, text, p->now + left))
        storage_delete(p, TABLE_CUSTODY, key);
    envelope_done(&e);
    return true;
}

/* ---- handing over ---- */

void store_and_forward_link_up(struct peer *p, struct person *who)
{
    for (struct stored_copy *h = p->copies; h; h = h->hh.next) {
        if (strcmp(h->reader, who->id) != 0 || !link_can_send(who))
            continue;
        hand_over(p, who, h);
    }
}

void store_and_forward_delivered(struct peer *p, const struct person *reader, struct span id)
{
    struct stored_copy *h, *next;
    HASH_ITER (hh, p->copies, h, next) {
        if (span_is(id, h->id) && strcmp(h->reader, reader->id) == 0)
            forget(p, h);
    }
}

void store_and_forward_expire(struct peer *p)
{
    struct stored_copy *h, *next;
    HASH_ITER (hh, p->copies, h, next) {
        if (p->now >= h->expires)
            forget(p, h);
        else
            effect_wake(p, h->expires);
    }
}

void store_and_forward_clear(struct peer *p)
{
    struct stored_copy *h, *next;
    HASH_ITER (hh, p->copies, h, next)
        copy_free(p, h);
}
