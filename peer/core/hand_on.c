/* SPDX-License-Identifier: MIT
 *
 * Calls go down; what a lower floor finds out goes up from here. After each call that peer.c makes, and before the
 * next, this is done until nothing is left, so nobody above is ever behind by more than the call in hand:
 *
 *     1. what waited for a commit that is on the disk, in the order in which it was said (after_commit.c);
 *     2. files that a message that was delivered lists; what somebody said of a file;
 *     3. the facts about people (facts.c), first those about the person of whom something was found first; of one person
 *        in the order of FACT_LIST: a link that was lost is let go of before the next is handed on.
 *
 * Who hears of a fact, and in which order, stands here and nowhere else.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/hand_on.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/facts.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/presence_gossip.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/send.h"
#include "peer/core/message/attached.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/history.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/status.h"
#include "peer/core/message/store_and_forward.h"
#include "peer/core/transfer/transfer.h"
#include "protocol/refused_offer.h"

/* ---- what a commit has let go ---- */

static void send_frame(struct peer *p, struct person *who, const struct after_commit_frame *f)
{
    if (link_can_send(who))
        connection_send(p, who->link.connection, (struct span){f->text, f->n});
    else
        who->behind = true;
}

/* By now whoever it concerns may have gone, and the message been settled. */
static void committed(struct peer *p, struct after_commit *t)
{
    struct person *who;
    struct outgoing *m;
    switch (t->type) {
    case AFTER_COMMIT_NOTICE:
        notice_give(p, &t->notice);
        break;
    case AFTER_COMMIT_END:
        notice_give(p, &t->end.notice);
        outbox_told(p, span_of(t->end.id), span_of(t->end.who));
        break;
    case AFTER_COMMIT_SEND:
        if ((m = outbox_find(p, span_of(t->send.id))))
            outbox_release(p, m);
        break;
    case AFTER_COMMIT_RECEIPT:
        if ((who = roster_find(p, span_of(t->receipt.who))))
            receipt_owe(p, who, span_of(t->receipt.id), t->receipt.group);
        break;
    case AFTER_COMMIT_KEPT:
        if ((who = roster_find(p, span_of(t->kept.who))))
            receipt_stored(p, who, span_of(t->kept.id));
        break;
    case AFTER_COMMIT_MISSED:
        if ((who = roster_find(p, span_of(t->missed.who))))
            receipt_missed(p, who, span_of(t->missed.id));
        break;
    case AFTER_COMMIT_FRAME:
        if ((who = roster_find(p, span_of(t->frame.who))))
            send_frame(p, who, &t->frame);
        break;
    case AFTER_COMMIT_SEALED:
        if ((who = roster_find(p, span_of(t->sealed.who))))
            relay_send(p, who, (struct span){t->sealed.text, t->sealed.n});
        break;
    }
}

/* ---- facts ---- */

/* They hear what went on meanwhile; as soon as the link can take it. */
static void catch_up(struct peer *p, struct person *who)
{
    who->behind = !link_can_send(who);
    if (who->behind)
        return;
    history_link_up(p, who);
    store_and_forward_link_up(p, who);
}

static void link_up(struct peer *p, struct person *who)
{
    assert(link_is_up(who));
    if (who->keyed) {
        broadcast_link_up(p, who);
        gossip_link_up(p, who);
        catch_up(p, who);
    }
    outbox_link_up(p, who);
    if (who->keyed)
        transfer_link_up(p, who);
}

static void link_down(struct peer *p, struct person *who)
{
    broadcast_link_down(p, who);
    outbox_link_down(p, who);
    receipt_link_down(p, who);
    store_and_forward_link_down(p, who);
    transfer_link_down(p, who);
    gossip_changed(p);
}

static void link_writable(struct peer *p, struct person *who)
{
    if (who->clock_unsent && link_can_send(who)) {
        who->clock_unsent = false;
        send_heartbeat(p, who, false, p->now);
    }
    receipt_settle(p, who);
    outbox_due(p, who);
    gossip_tell(p, who);
    status_due(p, who);
    if (who->behind)
        catch_up(p, who);
    transfer_writable(p, who);
}

static void let_go(struct peer *p, struct person *who)
{
    outbox_drop(p, who, who->left);
    receipt_clear(who);
    gossip_clear(who);
    transfer_left(p, who);
    roster_free(who);
}

static void tell_fact(struct peer *p, struct person *who, enum fact fact)
{
    switch (fact) {
    case FACT_LINK_DOWN:
        link_down(p, who);
        break;
    case FACT_LINK_REPLACED:
        store_and_forward_link_down(p, who);
        transfer_link_down(p, who);
        break;
    case FACT_LINK_UP:
        if (link_is_up(who)) /* and not lost again in the same call, for want of memory */
            link_up(p, who);
        break;
    case FACT_LINK_WRITABLE:
        link_writable(p, who);
        break;
    case FACT_FILES_OPEN:
        if (link_is_up(who))
            transfer_writable(p, who);
        break;
    case FACT_REACHED:
        outbox_reached(p, who);
        break;
    case FACT_PATH:
        status_path(p, who);
        transfer_path(p, who);
        break;
    case FACT_LEFT:
        let_go(p, who);
        break;
    case FACTS:
        break;
    }
}

static void file_attached(struct peer *p, struct attached *a)
{
    struct person *who = roster_find(p, span_of(a->from));
    if (who)
        transfer_attached(p, who, a);
    free(a);
}

static void file_said(struct peer *p)
{
    struct person *who = p->file_said.who;
    struct envelope e = p->file_said.envelope;
    struct refused_offer *refused = p->file_said.refused;
    memset(&p->file_said, 0, sizeof p->file_said);
    if (refused)
        transfer_offer_refused(p, who, refused);
    else
        transfer_said(p, who, &e);
    envelope_done(&e);
    free(refused);
}

void hand_on(struct peer *p)
{
    struct after_commit t;
    struct person *who;
    struct attached *attached;
    enum fact fact;
    for (;;) {
        if (after_commit_next(p, &t)) {
            committed(p, &t);
            after_commit_done(&t);
        } else if ((attached = attached_next(p))) {
            file_attached(p, attached);
        } else if (p->file_said.who) {
            file_said(p);
        } else if ((who = fact_next(p, &fact))) {
            tell_fact(p, who, fact);
        } else {
            return;
        }
    }
}
