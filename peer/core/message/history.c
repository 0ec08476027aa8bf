/* SPDX-License-Identifier: MIT
 *
 * History: on every new link the two tell each other their clocks, conversation by conversation. Of a conversation of
 * few its author sends what is behind the clock. Of the room several neighbours have all there is, so whoever sees in
 * another's clock that it lacks something asks for that, one neighbour for one thing at a time (tree_lack.c says whom
 * and when).
 *
 *     history_request {clock, missing?} ─► heard
 *     history_request {clock, want, past?} ─► rows out of the store ─► history_reply {for: "part", count} and that many
 *     messages, an answer for each author; the last one says "gap"
 *
 * A newcomer to the room (`new`) gets each author's last message ("head"), which proves how far that author is, and
 * then "start". The clock of a request is no receipt, for a number names no message: an author whose state was lost
 * numbers anew. What a reader is past and has not acknowledged is sent again, and the answer names it. What a reader
 * gave up before it came it names as missing: nothing was, and nothing will be, shown under those numbers. Through
 * others only an author is asked, for what he said to the asker: he sends his own copies again.
 *
 * Nothing is sent that does not fit one answer's bounds; what is behind that is asked for again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/message/history.h"
#include "peer/core/order/causal.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/card.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/deliver.h"
#include "peer/core/message/outbox.h"
#include "protocol/body.h"

/* ---- asking ---- */

static int newest_first(const void *a, const void *b)
{
    const struct conversation *x = *(struct conversation *const *)a, *y = *(struct conversation *const *)b;
    if (x->used != y->used)
        return x->used > y->used ? -1 : 1;
    return strcmp(x->name, y->name); /* qsort leaves equals in any order */
}

void history_link_up(struct peer *p, struct person *who)
{
    assert(who->keyed && link_can_send(who));
    char room[ENVELOPE_CONVERSATION_MAX + 1];
    size_t max = HASH_COUNT(p->conversations) + 1, n = 0;
    struct conversation **shared = who->keyed ? calloc(max, sizeof(struct conversation *)) : NULL;
    if (!shared)
        return;
    who->handed = 0;
    envelope_room_conversation(span_of(p->settings.room), room);
    conversation_of(p, room, span_of(p->id), NULL, 0);
    for (struct conversation *c = p->conversations; c; c = c->hh.next)
        c->asks = 0; /* one more who may have what is missing */
    for (struct conversation *c = p->conversations; c; c = c->hh.next)
        if (!c->room && conversation_has(c, who))
            shared[n++] = c;
    qsort(shared, n, sizeof *shared, newest_first);
    if (p->room)
        history_ask(p, p->room, who);
    if (p->room && !p->room->started && p->room->ask_at == NEVER) {
        p->room->ask_at = p->now + ASK_AGAIN_MS;
        effect_wake(p, p->room->ask_at);
    }
    for (size_t i = 0; i < n && i < COMPARED_MAX; i++)
        history_ask(p, shared[i], who);
    free(shared);
}

/* ---- answering ---- */

static bool may_ask(struct peer *p, struct person *who)
{
    if (guard_affords(p, &who->inbox.requests_at, REQUESTS_MS, REQUESTS_BURST))
        return true;
    guard_refuse(p, who, "history requests too fast");
    return false;
}

static struct load *load_rows(struct peer *p, enum load_type type, const struct conversation *c,
    const struct person *who, struct span author, uint64_t from, uint64_t to)
{
    struct row_key first = storage_message_key(c->name, author, from);
    struct row_key last = storage_message_key(c->name, author, to + 1);
    struct load *load =
        storage_load(p, type, TABLE_MESSAGE, span_of(first.text), span_of(last.text), HISTORY_ROWS_MAX, false);
    if (load) {
        text_copy(load->who, sizeof load->who, person_id(who));
        text_copy(load->author, sizeof load->author, author);
        memcpy(load->conversation, c->name, sizeof load->conversation);
        load->from = from;
        load->to = to;
    }
    return load;
}

/* What others may have of an author: of our own, what no crash makes us say again in other words. */
static uint64_t given(const struct peer *p, const struct conversation *c, struct span author)
{
    uint64_t has = causal_has(c->order, author);
    return span_is(author, p->id) && has > c->released ? c->released : has;
}

static void give_heads(struct peer *p, const struct conversation *c, struct person *who)
{
    struct load *last = NULL;
    for (size_t i = 0; c->started && i < causal_size(c->order); i++) {
        struct span author = causal_at(c->order, i).who;
        uint64_t head = span_is(author, p->id) ? given(p, c, author) : causal_get(c->order, author);
        struct load *load =
            head == 0 || span_is(author, who->id) ? NULL : load_rows(p, LOAD_HEAD, c, who, author, head, head);
        last = load ? load : last;
    }
    if (last)
        last->final = true;
    else
        history_announce(p, who, &(struct handout){.conversation = c->name, .what = "start"});
}

/* One author's messages behind one, up to another; NULL: there are none. */
static struct load *fill_gap(struct peer *p, const struct conversation *c, const struct person *who, struct span author,
    uint64_t past, uint64_t to)
{
    uint64_t have = given(p, c, author);
    to = to < have ? to : have;
    return to > past && !span_is(author, who->id) ? load_rows(p, LOAD_GAP, c, who, author, past + 1, to) : NULL;
}

static void end_answer(struct peer *p, struct person *who, const struct conversation *c, struct load *last)
{
    if (last)
        last->final = true;
    else
        history_announce(p, who, &(struct handout){.conversation = c->name, .what = "gap"});
}

/* False: they want nothing. */
static bool fill_wants(struct peer *p, struct person *who, const struct conversation *c, const struct body_request *b)
{
    struct load *last = NULL;
    for (size_t i = 0; i < b->want_count; i++) {
        struct load *load = fill_gap(p, c, who, b->wants[i].author, b->wants[i].past, b->wants[i].to);
        last = load ? load : last;
    }
    if (b->want_count > 0)
        end_answer(p, who, c, last);
    return b->want_count > 0;
}

static void heed_missing(struct peer *p, struct person *who, const struct conversation *c,
    const struct body_stretch *stretches, size_t n, const char *reason)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(stretches[i].author, p->id))
            outbox_missed(p, who, c, stretches[i].from, stretches[i].to, reason);
}

/* They know more of us than we do: our state was lost, or put back from a copy. We go on behind it, for what comes
 * under a number twice is not shown; whoever lies about it costs us some numbers. */
static void regain(struct peer *p, struct person *who, struct conversation *c, uint64_t has)
{
    struct span us = span_of(p->id);
    if (has - causal_get(c->order, us) > REGAIN_MAX ||
        !guard_affords(p, &who->inbox.regains_at, REGAIN_MS, REGAIN_BURST)) {
        guard_refuse(p, who, "a clock that knows more of us than we have said");
        return;
    }
    if (!causal_set(c->order, us, has))
        return;
    c->regained = has;
    conversation_store_clock(p, c, us);
    deliver_waiting_messages(p, c); /* what came after messages of ours that we do not remember */
}

/* What they have and we do not. Who compares anew could not go on with an answer: what it holds is asked for again. */
static void compare(struct peer *p, const struct person *who, const struct envelope_tick *theirs, size_t n, bool anew)
{
    if (anew)
        broadcast_answered(p, who);
    for (size_t i = 0; i < n; i++)
        broadcast_lacked(p, who, theirs[i].who, theirs[i].count);
}

static void ask_author(struct peer *p, const struct person *who, struct conversation *c, uint64_t said)
{
    if (said <= causal_get(c->order, person_id(who)) || c->ask_at != NEVER)
        return;
    memcpy(c->hint, who->id, sizeof c->hint);
    c->asks = 0;
    c->ask_at = p->now + ASK_DELAY_MS;
    effect_wake(p, c->ask_at);
}

void history_request(struct peer *p, struct person *who, const struct envelope *e, bool linked)
{
    assert(who->keyed);
    struct envelope_tick *theirs = may_ask(p, who) ? calloc(ENVELOPE_CLOCK_MAX, sizeof *theirs) : NULL;
    struct conversation *c = conversation_find(p, e->conversation);
    struct body_request b;
    if (!theirs)
        return;
    if (!c || !conversation_has(c, who)) {
        free(theirs);
        return;
    }
    size_t n = body_read_clock(e, theirs, ENVELOPE_CLOCK_MAX);
    body_read_request(e, &b);
    if (b.is_new) {
        /* Whatever it said and read before, it has lost. */
        if (c->room)
            who->clock_heard = who->follows = false;
        if (linked)
            give_heads(p, c, who);
        free(theirs);
        return;
    }
    who->clock_heard |= c->room;
    heed_missing(p, who, c, b.missing, b.missing_count, "missed");
    heed_missing(p, who, c, b.expired, b.expired_count, "expired");
    uint64_t has = envelope_tick_of(theirs, n, span_of(p->id));
    if (has > causal_get(c->order, span_of(p->id)))
        regain(p, who, c, has);
    outbox_passed(p, who, c, has);
    if (!linked) {
        outbox_asked(p, who, c);
        free(theirs);
        return;
    }
    if (c->room) {
        compare(p, who, theirs, n, !fill_wants(p, who, c, &b));
    } else {
        ask_author(p, who, c, envelope_tick_of(theirs, n, person_id(who)));
        /* Only its author keeps a message to few. */
        end_answer(p, who, c, fill_gap(p, c, who, span_of(p->id), has, UINT64_MAX));
    }
    free(theirs);
}

static uint64_t sequence_of(struct span key)
{
    uint64_t sequence = 0;
    if (key.n > 16)
        storage_read_number((struct span){key.p + key.n - 16, 16}, &sequence);
    return sequence;
}

/* How many rows fit one answer. */
static size_t fitting(const struct peer_row *rows, size_t n)
{
    size_t bytes = 0, fit = 0;
    while (fit < n && bytes + rows[fit].value.n <= HISTORY_BYTES_MAX)
        bytes += rows[fit++].value.n;
    return fit;
}

void history_give(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    assert(load->type == LOAD_GAP || load->type == LOAD_HEAD);
    struct person *who = roster_find(p, span_of(load->who)), *author = roster_find(p, span_of(load->author));
    const struct conversation *c = conversation_find(p, span_of(load->conversation));
    bool mine = strcmp(load->author, p->id) == 0, heads = load->type == LOAD_HEAD;
    size_t fit = fitting(rows, n), count = 0;
    uint64_t gone = 0;
    if (!who || !link_can_send(who)) {
        if (who)
            who->behind = true;
        return;
    }
    if (mine && (n == 0 || sequence_of(rows[0].key) > load->from))
        gone = n == 0 ? load->to : sequence_of(rows[0].key) - 1;
    if (n == 0 && mine && c && gone < c->regained)
        gone = c->regained;
    for (size_t i = 0; i < fit; i++)
        count += link_fits(who, rows[i].value.n);
    if (author || mine) {
        history_announce(p, who,
            &(struct handout){.conversation = load->conversation,
                .what = heads ? "head" : "part",
                .count = count,
                .gone = gone,
                .author = mine ? NULL : author});
        for (size_t i = 0; i < fit; i++)
            connection_send(p, who->link.connection, rows[i].value); /* those that fit */
        p->stats.handed_total += count;
    }
    if (load->final)
        history_announce(
            p, who, &(struct handout){.conversation = load->conversation, .what = heads ? "start" : "gap"});
}

/* ---- answered ---- */

/* Whose messages follow, or will be asked for. Strangers are bounded as those that presence tells of. */
static void meet_people(struct peer *p, struct person *from, const struct body_reply *b)
{
    struct card card;
    for (size_t i = 0; i < b->people_count; i++) {
        if (!card_read(p, b->people[i], &card))
            continue;
        if (!roster_find(p, span_of(card.id)) &&
            !guard_affords(p, &from->inbox.strangers_at, STRANGERS_MS, STRANGERS_BURST)) {
            guard_refuse(p, from, "more strangers than one may tell of");
            return;
        }
        struct person *who = roster_meet(p, &card);
        if (who && b->now)
            expiry_vouched(p, who, b->now);
    }
}

/* Its author has it no more: its time was over. */
static void skip_gone(struct peer *p, struct conversation *c, const struct person *who, uint64_t gone)
{
    uint64_t have = causal_get(c->order, person_id(who));
    /* What waits in between, and was not asked for, comes first. */
    if (gone <= have || causal_has(c->order, person_id(who)) > have || !causal_set(c->order, person_id(who), gone))
        return;
    p->stats.missing_total++;
    conversation_bury(p, c, person_id(who), (struct missing){.from = have + 1, .to = gone});
    conversation_store_clock(p, c, person_id(who));
    deliver_waiting_messages(p, c);
}

void history_reply(struct peer *p, struct person *who, const struct envelope *e)
{
    assert(who->keyed && link_is_up(who));
    struct body_reply b;
    struct causal_gap lack;
    struct conversation *c = conversation_find(p, e->conversation);
    body_read_reply(e, &b);
    meet_people(p, who, &b);
    who->handed = b.count < HISTORY_ROWS_MAX ? (unsigned)b.count : HISTORY_ROWS_MAX;
    who->handing = span_is(b.what, "custody") ? HANDING_COPY : span_is(b.what, "head") ? HANDING_HEAD : HANDING_GAP;
    if (!c || !conversation_has(c, who))
        return;
    if (b.has_gone)
        skip_gone(p, c, who, b.gone);
    if (span_is(b.what, "start") && !c->started) {
        conversation_start(p, c);
        for (struct person *other = p->people; other; other = other->hh.next)
            if (other->keyed && link_can_send(other))
                history_ask(p, c, other);
    }
    if (span_is(b.what, "gap") && c->room)
        broadcast_answered(p, who);
    if (span_is(b.what, "gap") && causal_gaps(c->order, &lack, 1) == 0 && c->ask_at > p->now)
        c->ask_at = NEVER;
}
