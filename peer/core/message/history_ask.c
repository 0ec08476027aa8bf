/* SPDX-License-Identifier: MIT
 *
 * The questions of a comparison (history.c), and the line that stands before what is handed over. A question carries
 * our clock: what it says that we have its authors need not send again, so it goes out when that is on the disk.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/people/card.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/say.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/history.h"
#include "protocol/body.h"

/* Whole, or the entry of one author only; returned owned. NULL: memory is short. */
static struct envelope_tick *clock_of(const struct conversation *c, const struct person *only, size_t *n)
{
    struct envelope_tick *clock = calloc(causal_size(c->order) + 1, sizeof *clock);
    *n = 0;
    for (size_t i = 0; clock && i < causal_size(c->order); i++) {
        struct envelope_tick tick = causal_at(c->order, i);
        if (tick.count > 0 && (!only || span_is(tick.who, only->id)))
            clock[(*n)++] = tick;
    }
    return clock;
}

/* Of what will not be shown, the author's own part. */
static void add_missing(const struct conversation *c, const struct person *author, struct body_request *b)
{
    assert(author);
    for (size_t i = 0; i < c->missing_count; i++) {
        const struct missing *m = &c->missing[i];
        struct body_stretch stretch = {span_of(m->author), m->from, m->to};
        if (strcmp(m->author, author->id) != 0)
            continue;
        if (m->expired)
            b->expired[b->expired_count++] = stretch;
        else
            b->missing[b->missing_count++] = stretch;
    }
}

/* What a clock says that we have, its authors need not send again: it goes out when that is on the disk. */
static bool request(struct peer *p, struct conversation *c, struct person *who, struct body_request *b)
{
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct buf metadata, frame;
    bool linked = link_is_up(who);
    struct envelope_tick *clock = clock_of(c, linked ? NULL : who, &b->clock_count);
    c->clock_sent_at = p->now;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&frame, PEER_MESSAGE_MAX);
    b->clock = clock;
    b->is_new = !c->started;
    add_missing(c, who, b);
    bool ok = clock && body_write_request(&metadata, b) && who->keyed;
    struct envelope e = {.type = ENVELOPE_HISTORY_REQUEST,
        .to = &to,
        .to_count = 1,
        .metadata = buf_view(&metadata),
        .conversation = span_of(c->name)};
    if (ok && (linked ? say_envelope(p, &e, id, &frame) : say_sealed(p, who, &e, &frame))) {
        p->stats.requests_total++;
        (linked ? after_commit_frame : after_commit_sealed)(p, who->id, &frame);
    } else {
        ok = false;
    }
    buf_done(&metadata);
    buf_done(&frame);
    free(clock);
    return ok;
}

void history_ask(struct peer *p, struct conversation *c, struct person *who)
{
    assert(conversation_has(c, who));
    struct body_request b = {.want_count = 0};
    request(p, c, who, &b);
}

/* Of each author what fits one answer beside the others, up to what waits here. */
bool history_want(struct peer *p, struct person *who, const struct tree_graft *wanted, size_t n)
{
    assert(p->room && n <= HISTORY_AUTHORS_MAX);
    struct body_request b = {.want_count = 0};
    uint64_t each = HISTORY_ROWS_MAX / (n > 0 ? n : 1);
    for (size_t i = 0; i < n && b.want_count < BODY_WANTS_MAX; i++) {
        uint64_t past = causal_has(p->room->order, wanted[i].author);
        uint64_t held = causal_held_next(p->room->order, wanted[i].author), to = wanted[i].sequence;
        to = held > 0 && held <= to ? held - 1 : to;
        to = to > past + each ? past + each : to;
        if (to > past)
            b.wants[b.want_count++] = (struct body_want){wanted[i].author, past, to};
    }
    return b.want_count > 0 && p->room->started && request(p, p->room, who, &b);
}

void history_announce(struct peer *p, struct person *who, const struct handout *h)
{
    assert(h->what && h->count <= HISTORY_ROWS_MAX);
    char room[ENVELOPE_CONVERSATION_MAX + 1];
    struct buf metadata, card;
    struct body_reply b = {.what = span_of(h->what), .count = h->count, .gone = h->gone};
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&card, CARD_MAX);
    if (h->author) {
        card_write(&card, h->author);
        b.people[b.people_count++] = buf_view(&card);
        b.now = expiry_clock_of(p, h->author);
    }
    envelope_room_conversation(span_of(p->settings.room), room);
    if (!card.failed && body_write_reply(&metadata, &b)) {
        p->stats.replies_total++;
        send_to(p, who,
            &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
                .metadata = buf_view(&metadata),
                .conversation = span_of(h->conversation ? h->conversation : room)});
    }
    buf_done(&metadata);
    buf_done(&card);
}
