/* SPDX-License-Identifier: MIT
 *
 * Messages of people: into the order of their conversation, onto the disk, before the application.
 *
 * The clock says what a message is: next, and everything that waited for it with it; ahead of something that is
 * missing, so it is stored, acknowledged as stored, and the missing is asked for; or behind, so it was delivered and is
 * acknowledged once more. What is not sealed to us moves the clock and is kept for those who may ask us.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/deliver.h"
#include "peer/core/order/causal.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/send.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/attached.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/history.h"
#include "peer/core/message/message_log.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/waiting.h"
#include "protocol/body.h"

/* ---- judged ---- */

static bool clock_holds(const struct envelope *e)
{
    for (size_t i = 0; i < e->clock_count; i++)
        if (span_eq(e->clock[i].who, e->from))
            return e->sequence > 0 && e->clock[i].count == e->sequence;
    return false;
}

static bool sealed_to(const struct envelope *e, const char *id)
{
    for (size_t i = 0; i < e->key_count; i++)
        if (span_is(e->keys[i].who, id))
            return true;
    return false;
}

/* A sequence that carried another content before. Only the newest are remembered: it is the liar's own conversation. */
static bool reuses(struct person *author, const struct conversation *c, const struct envelope *e)
{
    uint32_t name = hash_bytes(c->name, strlen(c->name));
    struct mark *mark = &author->inbox.marks[(name ^ (uint32_t)e->sequence) % MARKS_MAX];
    uint64_t signature;
    memcpy(&signature, e->signature, sizeof signature);
    if (mark->sequence == e->sequence && mark->conversation == name)
        return mark->signature != signature;
    *mark = (struct mark){name, e->sequence, signature};
    return false;
}

static const char *judge(const struct peer *p, const struct envelope *e, const char *conversation)
{
    bool group = e->type == ENVELOPE_GROUP_MESSAGE;
    if (e->encrypted.n == 0)
        return "a message that is not sealed";
    if (group ? e->to_count != 0 : !span_is_among(p->id, e->to, e->to_count))
        return "a message to somebody else";
    if (e->type == ENVELOPE_DIRECT_MESSAGE && e->to_count != 1)
        return "a direct message to several";
    if (!span_is(e->conversation, conversation))
        return "a message of another conversation";
    return clock_holds(e) ? NULL : "a sequence that is not in the clock";
}

/* ---- delivered ---- */

/* Opens it, if it is for us. False, refused, if it should open and does not. */
static bool unseal(struct peer *p, const struct person *author, struct envelope *e, bool *ours)
{
    *ours = sealed_to(e, p->id);
    const char *wrong = *ours ? guard_open(p, author, e) : NULL;
    if (wrong)
        guard_refuse(p, author, wrong);
    return !wrong;
}

static void show(struct peer *p, struct conversation *c, struct person *author, const struct envelope *e)
{
    assert(e->id.n > 0 && e->sequence > 0);
    struct notice n = {.type = NOTICE_MESSAGE,
        .id = e->id,
        .from = person_id(author),
        .to = e->to,
        .to_count = e->to_count,
        .text = e->text.p ? e->text : SPAN(""),
        .conversation = span_of(c->name),
        .kind = envelope_type_name(e->type),
        .verified = true,
        .timestamp = e->timestamp};
    struct buf attachments;
    buf_init(&attachments, ENVELOPE_METADATA_MAX);
    if (e->attachment_count > 0 && body_write_attachments(&attachments, e->attachments, e->attachment_count))
        n.attachments = buf_view(&attachments);
    p->stats.received_total++;
    message_log_add(p, &n);
    after_commit_notice(p, &n);
    buf_done(&attachments);
    if (e->attachment_count > 0)
        attached_add(p, author, e, c->room);
    if (e->requires_ack)
        after_commit_receipt(p, author->id, e->id, c->room);
}

/* Nobody waits for it any more, and its author is to hear it. */
static void bury(struct peer *p, struct conversation *c, const struct person *author, const struct envelope *e)
{
    p->stats.expired_total++;
    conversation_bury(p, c, person_id(author),
        (struct missing){.from = e->sequence, .to = e->sequence, .expired = true, .unreported = e->requires_ack});
}

/* A custodian forgets a copy when its time is over, which it counts from when the author gave it: kept means in
 * time. */
static bool is_kept(const struct conversation *c, const struct person *from, const struct envelope *e)
{
    return from && !c->room && e->route_count == 0 && !span_is(e->from, from->id);
}

static void deliver(
    struct peer *p, struct conversation *c, struct person *author, const struct envelope *e, bool ours, bool kept)
{
    conversation_store_clock(p, c, e->from);
    if (ours && !kept && expiry_is_over(p, author, e))
        bury(p, c, author, e);
    else if (ours)
        show(p, c, author, e);
}

static void forget_row(struct peer *p, const struct conversation *c, const struct waiting *w)
{
    struct row_key key = storage_message_key(c->name, w->from, w->sequence);
    storage_delete(p, TABLE_WAIT, span_of(key.text));
}

static void deliver_waiting(struct peer *p, struct conversation *c, struct waiting *w)
{
    struct envelope e = waiting_said(w);
    struct person *author = roster_find(p, w->from);
    forget_row(p, c, w);
    if (author)
        deliver(p, c, author, &e, w->ours, w->kept);
    waiting_free(w);
}

void deliver_waiting_messages(struct peer *p, struct conversation *c)
{
    struct waiting *w;
    while ((w = causal_next(c->order)))
        deliver_waiting(p, c, w);
}

/* ---- waiting ---- */

/* Whoever sent what waits probably has what it waits for, which may just be slower. */
static void tell_lacks(struct peer *p, const struct person *from, const struct envelope *e)
{
    broadcast_lacked(p, from, e->from, e->sequence - 1);
    for (size_t i = 0; i < e->clock_count; i++)
        if (!span_eq(e->clock[i].who, e->from))
            broadcast_lacked(p, from, e->clock[i].who, e->clock[i].count);
}

static void waits(struct peer *p, struct conversation *c, struct person *from, struct person *author,
    const struct envelope *e, struct span raw, bool ours)
{
    assert(e->sequence > causal_get(c->order, e->from));
    struct row_key key = storage_message_key(c->name, e->from, e->sequence);
    storage_put(p, TABLE_WAIT, span_of(key.text), raw);
    if (from && c->room) {
        tell_lacks(p, from, e);
    } else if (from) {
        /* Of a conversation of few only its author keeps messages. */
        memcpy(c->hint, author->id, sizeof c->hint);
        if (ours)
            after_commit_kept(p, author->id, e->id);
    }
    if (c->ask_at == NEVER) {
        c->asks = 0;
        c->ask_at = p->now + (c->room ? ASK_AGAIN_MS : ASK_DELAY_MS);
    }
    effect_wake(p, c->ask_at);
    if (causal_due(c->order) > p->now)
        effect_wake(p, causal_due(c->order));
}

/* ---- taken ---- */

/* The author says from where on it spoke to us, whose clock it had not heard. */
static void heed_since(struct peer *p, struct conversation *c, const struct envelope *e)
{
    for (size_t i = 0; i < e->since_count; i++)
        if (span_is(e->since[i].who, p->id) && !causal_known(c->order, e->from) && e->since[i].count > 0 &&
            e->since[i].count <= e->sequence && causal_set(c->order, e->from, e->since[i].count - 1))
            conversation_store_clock(p, c, e->from);
}

/* True if it is new. */
static bool offer(struct peer *p, struct conversation *c, struct person *from, struct person *author,
    const struct envelope *e, struct span raw, bool ours)
{
    bool kept = is_kept(c, from, e);
    struct waiting *w = waiting_new(e, ours, kept), *far = NULL;
    /* What is kept of a message is less than what came of it, but for one that names many and is sealed to none. */
    size_t cost = w && w->size > raw.n ? w->size : raw.n;
    enum causal_verdict verdict = CAUSAL_FULL;
    do {
        if (far) {
            forget_row(p, c, far);
            waiting_free(far);
        }
        if (w)
            verdict = causal_offer(c->order, e->from, e->sequence, e->clock, e->clock_count, w, cost, p->now);
        /* Of the room others have what has to go, and it comes when its turn is nearer. */
        far = w && verdict == CAUSAL_FULL && c->room ? causal_evict(c->order, e->from, e->sequence, cost) : NULL;
    } while (far);
    if (verdict == CAUSAL_WAIT)
        waits(p, c, from, author, e, raw, ours);
    else
        waiting_free(w);
    if (verdict == CAUSAL_FULL)
        guard_refuse(p, author, "more messages out of order than can wait");
    if (verdict == CAUSAL_DELIVER)
        deliver(p, c, author, e, ours, kept);
    return verdict == CAUSAL_DELIVER || verdict == CAUSAL_WAIT;
}

/* Its author is not to go on as it does. */
static void tell_clock(struct peer *p, struct conversation *c, struct person *author)
{
    if (p->now < author->inbox.clock_at + ASK_AGAIN_MS || !send_can(p, author))
        return;
    author->inbox.clock_at = p->now;
    history_ask(p, c, author);
}

/* What was shown is acknowledged again; of what will not be shown the author hears so. That the clock is past its
 * number says neither: who lost its state used the number for something else. Who sends alone what the room was sent
 * has missed more receipts than this one: our clock shows it which messages to send again. */
static void again(struct peer *p, struct conversation *c, struct person *author, const struct envelope *e)
{
    if (e->sequence > causal_get(c->order, e->from) || !sealed_to(e, p->id) || !e->requires_ack)
        return;
    if (receipt_knows(author, e->id))
        after_commit_receipt(p, author->id, e->id, c->room);
    else
        message_log_had(p, c, author, author, e);
    bool unheard = c->room && e->retry_count > 0;
    if (unheard)
        tell_clock(p, c, author);
}

/* Whoever lost its state begins to number anew, and what we had under a number is not what comes under it now: that was
 * never shown, will never be, and is reported by its id. Where nothing was shown under the number the stretch tells why. */
void deliver_had(struct peer *p, const struct load *load, bool had)
{
    assert(load->type == LOAD_HAD || load->type == LOAD_HAD_ROW);
    struct conversation *c = conversation_find(p, span_of(load->conversation));
    struct person *asker = roster_find(p, span_of(load->who));
    struct missing *m = c ? conversation_missing(c, span_of(load->author), load->from) : NULL;
    if (asker && had)
        after_commit_receipt(p, asker->id, span_of(load->ref), c && c->room);
    /* Asked by its id alone: it may come yet. */
    if (!c || !asker || had || !c->started) /* a newcomer may begin elsewhere once more */
        return;
    if (m && strcmp(load->who, load->author) == 0) {
        conversation_tell(p, c, m);
        return;
    }
    if (!m)
        guard_refuse(p, asker, "a sequence that was used for another message");
    after_commit_missed(p, asker->id, span_of(load->ref));
    if (strcmp(load->who, load->author) == 0)
        tell_clock(p, c, asker);
}

/* Who kept a copy for us may forget it: the author may be away, so the custodian hears it too. */
static void thank_custodian(struct peer *p, const struct conversation *c, struct person *from,
    const struct person *author, const struct envelope *e)
{
    const struct waiting *w = causal_held(c->order, e->from, e->sequence);
    if (!is_kept(c, from, e))
        return;
    if (e->sequence <= causal_get(c->order, e->from))
        message_log_had(p, c, author, from, e);
    else if (w && span_eq(e->id, w->id))
        after_commit_kept(p, from->id, e->id);
}

static bool take(struct peer *p, struct conversation *c, struct person *from, struct person *author, struct envelope *e,
    struct span raw)
{
    bool ours = false;
    if (e->sequence <= causal_get(c->order, e->from))
        return false;
    if (!unseal(p, author, e, &ours) || !offer(p, c, from, author, e, raw, ours))
        return false;
    /* A copy made for us alone is of no use to others, whose keys it lacks. Its author says so: it was tried. */
    if (c->room && (e->retry_count == 0 || e->key_count != 1 || !ours))
        conversation_keep(p, c, e->from, e->sequence, raw);
    return true;
}

/* A newcomer begins behind the last message of each author, or with it if it may read it; the next newcomer will ask. What is
 * shown from now on may come after what is passed by: after a crash we must not begin before that. */
static void begin_at(struct peer *p, struct conversation *c, const struct envelope *e, struct span raw)
{
    if (c->started || causal_known(c->order, e->from))
        return;
    bool ours = sealed_to(e, p->id);
    if (!causal_set(c->order, e->from, e->sequence - ours))
        return;
    if (causal_get(c->order, e->from) > 0)
        conversation_store_clock(p, c, e->from);
    if (!ours)
        conversation_keep(p, c, e->from, e->sequence, raw);
}

void deliver_message(struct peer *p, struct person *from, struct person *author, struct envelope *e, struct span raw,
    enum arrival arrival)
{
    assert(author->keyed && e->is_signed && raw.n > 0);
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    conversation_name(p, e->from, e->to, e->to_count, name);
    const char *wrong = judge(p, e, name);
    struct conversation *c = wrong ? NULL : conversation_of(p, name, e->from, e->to, e->to_count);
    /* Of another message under a number that is behind us the record tells whether it was shown. */
    if (!c || (reuses(author, c, e) && (e->sequence > causal_get(c->order, e->from) || receipt_knows(author, e->id)))) {
        guard_refuse(p, from ? from : author,
            wrong ? wrong
            : c   ? "a sequence that was used for another message"
                  : "more conversations than we take part in");
        return;
    }
    heed_since(p, c, e);
    if (arrival == ARRIVED_AS_HEAD && c->room)
        begin_at(p, c, e, raw);
    bool is_new = take(p, c, from, author, e, raw);
    p->stats.filled_total += is_new && arrival == ARRIVED_FROM_HISTORY;
    if (!is_new)
        again(p, c, author, e);
    thank_custodian(p, c, from, author, e);
    if (arrival == ARRIVED_BY_TREE)
        broadcast_pass_on(p, c, from, e, raw, is_new);
    else if (is_new && c->room)
        broadcast_pass_by(p, c, from, e);
    deliver_waiting_messages(p, c); /* a clock may have moved, be the message new or not */
}
