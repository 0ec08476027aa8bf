/* SPDX-License-Identifier: MIT
 *
 * What is missing in a conversation: whom it is asked of and when, when it is given up, and how the authors of what will
 * never be shown hear of it.
 *
 * A gap that nobody filled in 30 s is closed: its author's own later message proves that there was something. It is
 * shown as missing, and should it come after all it is not acknowledged, so its sender reports it as failed.
 */
#include "peer/core/state.h"
#include "peer/core/message/gaps.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/deliver.h"
#include "peer/core/message/history.h"
#include "peer/core/message/waiting.h"

/* Of the room everybody has the messages; an author of a conversation of few may have to be asked through others. */
static bool can_ask(const struct peer *p, const struct conversation *c, const struct person *who)
{
    return conversation_has(c, who) && (c->room ? link_can_send(who) : send_can(p, who));
}

static struct person *whom_to_ask(struct peer *p, struct conversation *c)
{
    struct person *who = c->asks == 0 ? roster_find(p, span_of(c->hint)) : NULL;
    size_t n = 0;
    if (who && can_ask(p, c, who))
        return who;
    for (who = p->people; who; who = who->hh.next)
        n += can_ask(p, c, who);
    size_t turn = n ? c->asks % n : 0;
    for (who = p->people; who; who = who->hh.next)
        if (can_ask(p, c, who) && turn-- == 0)
            return who;
    return NULL;
}

static void tell_missing(struct peer *p, const struct conversation *c, const struct causal_gap *gap)
{
    const struct waiting *w = gap->item;
    effect_log(p, LOG_LEVEL_WARNING, "messages-missing", "nobody had them", "author", span_of(gap->author));
    after_commit_notice(p, &(struct notice){.type = NOTICE_MISSING,
                               .id = w->id,
                               .from = span_of(gap->author),
                               .conversation = span_of(c->name),
                               .count = gap->proved ? gap->to - gap->from + 1 : 0});
}

static void give_up(struct peer *p, struct conversation *c)
{
    struct causal_gap gap;
    while (causal_give_up(c->order, p->now, &gap)) {
        struct span author = span_of(gap.author);
        p->stats.missing_total++;
        if (gap.proved)
            conversation_bury(p, c, span_of(gap.author), (struct missing){.from = gap.from, .to = gap.to});
        if (causal_known(c->order, author))
            conversation_store_clock(p, c, author);
        tell_missing(p, c, &gap);
        deliver_waiting_messages(p, c);
    }
}

static bool lacks(const struct conversation *c)
{
    struct causal_gap gap;
    return causal_gaps(c->order, &gap, 1) > 0;
}

/* Nobody had it, of all who could be asked since the last link came up; or it has lasted far too long. */
static bool asked_enough(const struct peer *p, struct conversation *c)
{
    size_t n = 0;
    for (const struct person *who = p->people; who; who = who->hh.next)
        n += can_ask(p, c, who) || (link_is_up(who) && conversation_has(c, who));
    return !lacks(c) || (p->stats.links_up > 0 && c->asks >= n) || p->now >= causal_due(c->order) + CAUSAL_CLAIM_MS;
}

/* Each author once, of all that is his. Whoever cannot hear it now does when a link comes up, or when it comes again. */
static void tell_authors(struct peer *p, struct conversation *c)
{
    c->tell_at = NEVER;
    for (size_t i = 0; i < c->missing_count; i++) {
        const char *author = c->missing[i].author;
        if (!c->missing[i].unreported)
            continue;
        for (size_t k = i; k < c->missing_count; k++)
            c->missing[k].unreported &= strcmp(c->missing[k].author, author) != 0;
        struct person *who = roster_find(p, span_of(author));
        if (who && send_can(p, who))
            history_ask(p, c, who);
    }
}

/* Of the room, what those did not bring who were said to have it. False: nothing is lacked for so long. */
static bool ask_for_old_gaps(struct peer *p, struct conversation *c, struct person *who)
{
    struct causal_gap gaps[HISTORY_AUTHORS_MAX];
    struct tree_graft wants[HISTORY_AUTHORS_MAX];
    size_t n = causal_gaps(c->order, gaps, HISTORY_AUTHORS_MAX), count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t old = gaps[i].since + ASK_AGAIN_MS;
        if (tree_asks(p->tree, span_of(gaps[i].author)))
            old += OTHERS_ASKED_MS;
        if (p->now >= old)
            wants[count++] = (struct tree_graft){.author = span_of(gaps[i].author), .sequence = gaps[i].to};
    }
    return history_want(p, who, wants, count);
}

/* A newcomer to the room asks until it is answered: a link that is congested loses questions and answers. */
static void ask(struct peer *p, struct conversation *c)
{
    struct person *who = whom_to_ask(p, c);
    bool whole = !c->room || !c->started;
    if (who && whole)
        history_ask(p, c, who);
    if (who && (whole || ask_for_old_gaps(p, c, who)))
        c->asks++;
    bool again = !c->started || (whole && c->asks < ASKS_MAX);
    c->ask_at = (who && again) || lacks(c) ? p->now + ASK_AGAIN_MS : NEVER;
}

static void conversation_due(struct peer *p, struct conversation *c)
{
    if (p->now >= c->tell_at)
        tell_authors(p, c);
    effect_wake(p, c->tell_at);
    if (p->now >= causal_due(c->order) && asked_enough(p, c))
        give_up(p, c);
    if (p->now >= c->ask_at)
        ask(p, c);
    if (causal_due(c->order) <= p->now && c->ask_at == NEVER)
        c->ask_at = p->now + ASK_AGAIN_MS;
    effect_wake(p, c->ask_at);
    if (causal_due(c->order) > p->now)
        effect_wake(p, causal_due(c->order));
}

void gaps_due(struct peer *p)
{
    for (struct conversation *c = p->conversations; c; c = c->hh.next)
        conversation_due(p, c);
}
