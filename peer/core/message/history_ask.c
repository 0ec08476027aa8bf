/* SPDX-License-Identifier: MIT
 *
 * The questions of a comparison (history.c), and the line that stands before what is handed over. A question carries our
 * clock: what it says that we have its authors need not send again, so it goes out when that is on the disk.
 */
#include <stdio.h>

#include "peer/core/state.h"
#include "peer/core/order/causal.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/card.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/say.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/history.h"
#include "protocol/write.h"

struct want {
    struct span author;
    uint64_t past, to; /* behind the one, up to the other */
};

/* Whole, or the entry of one author only. */
static void write_clock(const struct conversation *c, const struct person *only, struct buf *out)
{
    write_name(out, "clock");
    buf_byte(out, '{');
    for (size_t i = 0; i < causal_size(c->order); i++) {
        char id[PERSON_MAX + 1];
        struct envelope_tick tick = causal_at(c->order, i);
        if (text_copy(id, sizeof id, tick.who) && tick.count > 0 && (!only || strcmp(id, only->id) == 0))
            write_member_u64(out, id, tick.count);
    }
    buf_byte(out, '}');
}

/* Of what will not be shown, the author's own part. */
static void write_missing(const struct conversation *c, const struct person *author, bool expired, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < c->missing_count; i++) {
        const struct missing *m = &c->missing[i];
        char from[17], to[17], text[PERSON_MAX + 2 * 17 + 1];
        if (m->expired != expired || strcmp(m->author, author->id) != 0)
            continue;
        if (n == 0)
            write_name(out, expired ? "expired" : "missing");
        buf_byte(out, n++ == 0 ? '[' : ',');
        storage_number(from, m->from);
        storage_number(to, m->to);
        snprintf(text, sizeof text, "%s/%s/%s", m->author, from, to);
        write_string(out, span_of(text));
    }
    if (n > 0)
        buf_byte(out, ']');
}

static void write_wants(const struct want *wants, size_t n, struct buf *out)
{
    char id[PERSON_MAX + 1];
    for (int past = 0; past < 2 && n > 0; past++) {
        write_name(out, past ? "past" : "want");
        buf_byte(out, '{');
        for (size_t i = 0; i < n; i++)
            if (text_copy(id, sizeof id, wants[i].author))
                write_member_u64(out, id, past ? wants[i].past : wants[i].to);
        buf_byte(out, '}');
    }
}

/* What a clock says that we have, its authors need not send again: it goes out when that is on the disk. */
static bool request(struct peer *p, struct conversation *c, struct person *who, const struct want *wants, size_t n)
{
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct buf metadata, frame;
    bool linked = link_is_up(who);
    c->told_at = p->now;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&frame, PEER_MESSAGE_MAX);
    buf_byte(&metadata, '{');
    write_clock(c, linked ? NULL : who, &metadata);
    write_missing(c, who, false, &metadata);
    write_missing(c, who, true, &metadata);
    write_wants(wants, n, &metadata);
    if (!c->started)
        write_member_u64(&metadata, "new", 1);
    buf_byte(&metadata, '}');
    struct envelope e = {.type = ENVELOPE_HISTORY_REQUEST,
        .to = &to,
        .to_count = 1,
        .metadata = buf_view(&metadata),
        .conversation = span_of(c->name)};
    bool ok =
        !metadata.failed && who->keyed && (linked ? say_envelope(p, &e, id, &frame) : say_sealed(p, who, &e, &frame));
    if (ok) {
        p->stats.requests_total++;
        after_commit_frame(p, linked ? AFTER_COMMIT_FRAME : AFTER_COMMIT_SEALED, who->id, &frame);
    }
    buf_done(&metadata);
    buf_done(&frame);
    return ok;
}

void history_ask(struct peer *p, struct conversation *c, struct person *who)
{
    request(p, c, who, NULL, 0);
}

/* Of each author what fits one answer beside the others, up to what waits here. */
bool history_want(struct peer *p, struct person *who, const struct tree_graft *wanted, size_t n)
{
    struct want wants[HISTORY_AUTHORS_MAX];
    size_t count = 0;
    uint64_t each = HISTORY_ROWS_MAX / (n > 0 ? n : 1);
    for (size_t i = 0; i < n && count < HISTORY_AUTHORS_MAX; i++) {
        uint64_t past = causal_has(p->room->order, wanted[i].author);
        uint64_t held = causal_held_next(p->room->order, wanted[i].author), to = wanted[i].sequence;
        to = held > 0 && held <= to ? held - 1 : to;
        to = to > past + each ? past + each : to;
        if (to > past)
            wants[count++] = (struct want){wanted[i].author, past, to};
    }
    return count > 0 && p->room->started && request(p, p->room, who, wants, count);
}

void history_announce(struct peer *p, struct person *who, const struct handout *h)
{
    char room[ENVELOPE_CONVERSATION_MAX + 1];
    struct buf metadata, card;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&card, CARD_MAX);
    buf_byte(&metadata, '{');
    write_member_u64(&metadata, "count", h->count);
    write_member_string(&metadata, "for", span_of(h->what));
    if (h->gone)
        write_member_u64(&metadata, "gone", h->gone);
    write_name(&metadata, "people");
    buf_byte(&metadata, '[');
    if (h->author) {
        card_write(&card, h->author);
        write_string(&metadata, buf_view(&card));
    }
    buf_byte(&metadata, ']');
    if (h->author && expiry_clock_of(p, h->author))
        write_member_u64(&metadata, "now", expiry_clock_of(p, h->author));
    buf_byte(&metadata, '}');
    envelope_room_conversation(span_of(p->settings.room), room);
    if (!metadata.failed && !card.failed) {
        p->stats.replies_total++;
        send_to(p, who,
            &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
                .metadata = buf_view(&metadata),
                .conversation = span_of(h->conversation ? h->conversation : room)});
    }
    buf_done(&metadata);
    buf_done(&card);
}
