/* SPDX-License-Identifier: MIT
 *
 * Calls go down; what a lower floor finds out goes up from here. After each call that peer.c makes, and before the
 * next, this is done until nothing is left, so nobody above is ever behind by more than the call in hand:
 *
 *     1. what waited for a commit that is on the disk, in the order in which it was said (after_commit.c);
 *     2. the facts about people (facts.c), first those about the person of whom something was found first; of one person
 *        in the order of FACT_LIST: a link that was lost is let go of before the next is told of.
 *
 * Who is told of a fact, and in which order, stands here and nowhere else.
 */
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
#include "peer/core/message/broadcast.h"
#include "peer/core/message/history.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/status.h"
#include "peer/core/message/store_and_forward.h"

/* ---- what a commit has let go ---- */

static void send_frame(struct peer *p, struct person *who, const struct after_commit *t)
{
    if (link_can_send(who))
        connection_send(p, who->link.connection, (struct span){t->frame, t->n});
    else
        who->behind = true;
}

static void tell_person(struct peer *p, struct person *who, const struct after_commit *t)
{
    switch (t->type) {
    case AFTER_COMMIT_RECEIPT:
        receipt_owe(p, who, span_of(t->id), t->group);
        break;
    case AFTER_COMMIT_KEPT:
        receipt_stored(p, who, span_of(t->id));
        break;
    case AFTER_COMMIT_MISSED:
        receipt_missed(p, who, span_of(t->id));
        break;
    case AFTER_COMMIT_FRAME:
        send_frame(p, who, t);
        break;
    case AFTER_COMMIT_SEALED:
        relay_send(p, who, (struct span){t->frame, t->n});
        break;
    case AFTER_COMMIT_NOTICE:
    case AFTER_COMMIT_END:
    case AFTER_COMMIT_SEND:
        break;
    }
}

static void committed(struct peer *p, struct after_commit *t)
{
    struct person *who = roster_find(p, span_of(t->who));
    struct outgoing *m = t->type == AFTER_COMMIT_SEND ? outbox_find(p, span_of(t->id)) : NULL;
    if (t->notice)
        notice_give(p, &t->notice);
    if (t->type == AFTER_COMMIT_END)
        outbox_told(p, span_of(t->id), span_of(t->who));
    else if (m)
        outbox_release(p, m);
    else if (who)
        tell_person(p, who, t);
}

/* ---- facts ---- */

/* They are told what went on meanwhile; as soon as the link can take it. */
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
    if (who->keyed) {
        outbox_new_carrier(p);
        broadcast_link_up(p, who);
        gossip_link_up(p, who);
        catch_up(p, who);
    }
    outbox_link_up(p, who);
}

static void link_down(struct peer *p, struct person *who)
{
    broadcast_link_down(p, who);
    outbox_link_down(p, who);
    receipt_link_down(p, who);
    store_and_forward_link_down(p, who);
    gossip_changed(p);
}

static void link_writable(struct peer *p, struct person *who)
{
    if (who->clock_untold && link_can_send(who)) {
        who->clock_untold = false;
        send_heartbeat(p, who, false, p->now);
    }
    receipt_settle(p, who);
    outbox_due(p, who);
    gossip_tell(p, who);
    status_due(p, who);
    if (who->behind)
        catch_up(p, who);
}

static void let_go(struct peer *p, struct person *who)
{
    outbox_drop(p, who, who->left);
    receipt_clear(who);
    gossip_clear(who);
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
        break;
    case FACT_LINK_UP:
        if (link_is_up(who)) /* and not lost again in the same call */
            link_up(p, who);
        break;
    case FACT_LINK_WRITABLE:
        link_writable(p, who);
        break;
    case FACT_REACHED:
        outbox_reached(p, who);
        break;
    case FACT_PATH:
        status_path(p, who);
        break;
    case FACT_LEFT:
        let_go(p, who);
        break;
    case FACTS:
        break;
    }
}

void hand_on(struct peer *p)
{
    struct after_commit t;
    struct person *who;
    enum fact fact;
    for (;;) {
        if (after_commit_next(p, &t)) {
            committed(p, &t);
            after_commit_done(&t);
        } else if ((who = fact_next(p, &fact))) {
            tell_fact(p, who, fact);
        } else {
            return;
        }
    }
}
