/* SPDX-License-Identifier: MIT
 *
 * What a reader's clock is past though it has not acknowledged it. Its receipt may be lost. Or the number was another
 * message's: an author whose state was lost, or put back from a copy, or lives twice, numbers anew what others have
 * had. A clock is no receipt, therefore; it only shows of which messages the reader is to be asked.
 */
#include <utlist.h>

#include "peer/core/message/outbox_inner.h"
#include "peer/core/state.h"
#include "peer/core/port/effects.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"

/* What it does not answer it does not have, or it knows no such question: that is sent again, alone. */
void outbox_passed(struct peer *p, struct person *who, const struct conversation *c, uint64_t count)
{
    static const enum delivery_place late[] = {DELIVERY_TREE, DELIVERY_PAUSED};
    struct outbox *box = &who->outbox;
    struct span ids[ENVELOPE_OF_MAX];
    size_t n = 0;
    for (size_t i = 0; i < sizeof late / sizeof *late; i++)
        for (struct delivery *d = box->in [late[i]]; d; d = d->next) {
            if (d->message->sequence > count || strcmp(d->message->conversation, c->name) != 0)
                continue;
            if (d->passed_at == 0 && n < ENVELOPE_OF_MAX) {
                d->passed_at = p->now + PASSED_MS;
                ids[n++] = span_of(d->id);
            }
            if (d->passed_at > 0 && d->passed_at < box->passed_at)
                box->passed_at = d->passed_at;
        }
    receipt_query(p, who, ids, n);
    effect_wake(p, box->passed_at);
}

void outbox_requeue_passed(const struct peer *p, struct outbox *box)
{
    static const enum delivery_place late[] = {DELIVERY_TREE, DELIVERY_PAUSED};
    box->passed_at = NEVER;
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        struct delivery *d, *next;
        DL_FOREACH_SAFE (box->in[late[i]], d, next) {
            if (d->passed_at > p->now && d->passed_at < box->passed_at)
                box->passed_at = d->passed_at;
            if (d->passed_at == 0 || d->passed_at > p->now)
                continue;
            d->passed_at = 0;
            d->alone = true;
            d->tries = 0;
            delivery_move(d, DELIVERY_QUEUE);
        }
    }
    delivery_sort(box);
}
