/* SPDX-License-Identifier: MIT
 *
 * Receipts: message_delivered for what is on our disk and before our application, message_ack for what is on the disk
 * and waits for its predecessors, message_read for what a person saw, message_missed for what will never be shown. They
 * are gathered (10 ms; for group messages, which a whole room answers, 200 ms after the last) and go over the link or
 * through others. A receipt that is lost is asked for by its message coming again; so nothing here is stored. What was
 * shown in an earlier life is found in the record.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/message/receipt.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"
#include "peer/core/message/message_log.h"
#include "protocol/body.h"

static void unlist(struct inbox *box, struct seen *s)
{
    if (s->owes_ack) {
        DL_DELETE2(box->acks, s, ack_prev, ack_next);
        box->ack_count--;
    }
    if (s->owes_read)
        DL_DELETE2(box->reads, s, read_prev, read_next);
    s->owes_ack = s->owes_read = false;
}

static void seen_free(struct inbox *box, struct seen *s)
{
    unlist(box, s);
    HASH_DEL(box->seen, s);
    free(s);
}

static struct seen *seen_find(const struct person *who, struct span id)
{
    struct seen *s = NULL;
    if (id.n)
        HASH_FIND(hh, who->inbox.seen, id.p, (unsigned)id.n, s);
    return s;
}

static struct seen *seen_get(struct person *who, struct span id)
{
    struct inbox *box = &who->inbox;
    struct seen *s = seen_find(who, id);
    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (!s || !text_copy(s->id, sizeof s->id, id)) {
        free(s);
        return NULL;
    }
    if (HASH_COUNT(box->seen) >= SEEN_MAX)
        seen_free(box, box->seen);
    HASH_ADD_STR(box->seen, id, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

void receipt_owe(struct peer *p, struct person *who, struct span id, bool group)
{
    assert(id.n > 0 && !who->left);
    struct inbox *box = &who->inbox;
    struct seen *s = seen_get(who, id);
    uint64_t at = p->now + ACK_DELAY_MS;
    if (group && at < box->acked_at + GROUP_ACK_DELAY_MS)
        at = box->acked_at + GROUP_ACK_DELAY_MS;
    if (!s)
        return;
    if (at < box->acks_at)
        box->acks_at = at;
    effect_wake(p, box->acks_at);
    if (s->owes_ack)
        return; /* and it could not be said */
    s->owes_ack = true;
    DL_APPEND2(box->acks, s, ack_prev, ack_next);
    if (++box->ack_count >= ENVELOPE_OF_MAX)
        receipt_settle(p, who);
}

/* ---- said ---- */

/* False: nobody leads there now. */
static bool receipt_send(struct peer *p, struct person *who, enum envelope_type type, const struct span *ids, size_t n)
{
    assert(n > 0 && n <= ENVELOPE_OF_MAX);
    struct buf metadata;
    buf_init(&metadata, ENVELOPE_OF_MAX * (ENVELOPE_ID_MAX + 8));
    p->stats.acks_total++;
    bool ok = body_write_ids(&metadata, ids, n) &&
              send_through(p, who, &(struct envelope){.type = type, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
    return ok;
}

/* How many ids fit one frame to them, beside what every frame of ours has; through others as many as one may name. */
static size_t most_ids(const struct person *who)
{
    static const size_t frame = 1024, each = ENVELOPE_ID_MAX + 3;
    size_t most = ENVELOPE_OF_MAX;
    while (most > 1 && link_is_up(who) && !link_fits(who, frame + most * each))
        most /= 2;
    return most;
}

void receipt_stored(struct peer *p, struct person *who, struct span id)
{
    receipt_send(p, who, ENVELOPE_MESSAGE_ACK, &id, 1);
}

void receipt_missed(struct peer *p, struct person *who, struct span id)
{
    receipt_send(p, who, ENVELOPE_MESSAGE_MISSED, &id, 1);
}

void receipt_query(struct peer *p, struct person *who, const struct span *ids, size_t n)
{
    if (n == 0 || !send_can(p, who))
        return;
    for (size_t i = 0, most = most_ids(who); i < n; i += most)
        receipt_send(p, who, ENVELOPE_MESSAGE_QUERY, ids + i, n - i < most ? n - i : most);
}

void receipt_asked(struct peer *p, struct person *author, struct span id)
{
    if (receipt_knows(author, id))
        after_commit_receipt(p, author->id, id, false);
    else
        message_log_asked(p, author, id);
}

void receipt_link_down(struct peer *p, struct person *who)
{
    struct inbox *box = &who->inbox;
    if ((!box->acks && !box->reads) || !who->keyed || link_is_up(who) || box->acks_at != NEVER)
        return;
    box->acks_at = p->now + ACK_TIMEOUT_MS;
    effect_wake(p, box->acks_at);
}

static void settle_deliveries(struct peer *p, struct person *who)
{
    struct inbox *box = &who->inbox;
    struct span ids[ENVELOPE_OF_MAX];
    size_t n = 0;
    for (size_t most = most_ids(who); box->acks && n < most; n++) {
        struct seen *s = box->acks;
        ids[n] = span_of(s->id);
        DL_DELETE2(box->acks, s, ack_prev, ack_next);
        box->ack_count--;
        s->owes_ack = false;
    }
    receipt_send(p, who, ENVELOPE_MESSAGE_DELIVERED, ids, n);
}

/* Nothing asks for it again. */
static bool settle_read(struct peer *p, struct person *who)
{
    assert(who->inbox.reads && who->inbox.reads->owes_read);
    struct seen *s = who->inbox.reads;
    struct span id = span_of(s->id);
    if (!receipt_send(p, who, ENVELOPE_MESSAGE_READ, &id, 1))
        return false;
    DL_DELETE2(who->inbox.reads, s, read_prev, read_next);
    s->owes_read = false;
    s->read = true;
    return true;
}

void receipt_settle(struct peer *p, struct person *who)
{
    struct inbox *box = &who->inbox;
    box->acks_at = NEVER;
    if (!send_can(p, who)) {
        receipt_link_down(p, who);
        return;
    }
    if (box->acks)
        box->acked_at = p->now;
    while (box->acks)
        settle_deliveries(p, who);
    while (box->reads && settle_read(p, who)) {
    }
    receipt_link_down(p, who); /* what could not be said */
}

void receipt_due(struct peer *p, struct person *who)
{
    if (p->now >= who->inbox.acks_at)
        receipt_settle(p, who);
    effect_wake(p, who->inbox.acks_at);
}

bool receipt_knows(const struct person *who, struct span id)
{
    return seen_find(who, id) != NULL;
}

void receipt_read_of(struct peer *p, struct person *who, struct span id)
{
    assert(id.n > 0);
    struct seen *s = seen_get(who, id);
    if (!s || s->owes_read || s->read)
        return;
    s->owes_read = true;
    DL_APPEND2(who->inbox.reads, s, read_prev, read_next);
    receipt_settle(p, who);
}

void receipt_read(struct peer *p, struct span id)
{
    bool known = false;
    for (struct person *who = p->people; who; who = who->hh.next)
        if (seen_find(who, id)) {
            known = true;
            receipt_read_of(p, who, id);
        }
    if (!known)
        message_log_read(p, id, SPAN(""));
}

void receipt_clear(struct person *who)
{
    struct seen *s, *next;
    HASH_ITER (hh, who->inbox.seen, s, next)
        seen_free(&who->inbox, s);
}
