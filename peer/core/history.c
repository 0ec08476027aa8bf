/* SPDX-License-Identifier: MIT
 *
 * History: on every new link the two tell each other their clocks, conversation by conversation, and whoever has more
 * sends it. The same request asks for what is missing in between.
 *
 *     history_request {clock, new?, missing?} ─► rows out of the store ─► history_reply {for: "part", count} and that
 *     many messages, an answer for each author; the last one says "gap"
 *
 * A newcomer to the room (`new`) gets each author's last message ("head"), which proves how far that author is, and then
 * "start". The clock of a request is also a receipt: what a reader is past, it has; what it gave up it names as missing.
 * Through others only an author is asked, for what he said to the asker: he sends his own copies again.
 *
 * Nothing is sent that does not fit one answer's bounds; `more` says that there is more, and it is asked for again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "protocol/write.h"

/* ---- asking ---- */

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

/* What a clock says that we have, its authors need not send again: it goes out when that is on the disk. */
void history_tell(struct peer *p, struct conversation *c, struct person *who)
{
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct buf metadata, frame;
    bool linked = link_is_up(who);
    c->asked_at = p->now;
    buf_init(&metadata, ENVELOPE_METADATA_MAX);
    buf_init(&frame, PEER_MESSAGE_MAX);
    buf_byte(&metadata, '{');
    write_clock(c, linked ? NULL : who, &metadata);
    write_missing(c, who, false, &metadata);
    write_missing(c, who, true, &metadata);
    if (!c->started)
        write_member_u64(&metadata, "new", 1);
    buf_byte(&metadata, '}');
    struct envelope e = {.type = ENVELOPE_HISTORY_REQUEST,
        .to = &to,
        .to_count = 1,
        .metadata = buf_view(&metadata),
        .conversation = span_of(c->name)};
    if (!metadata.failed && who->keyed && (linked ? say_envelope(p, &e, id, &frame) : say_sealed(p, who, &e, &frame))) {
        p->stats.requests_total++;
        storage_then_frame(p, linked ? THEN_FRAME : THEN_SEALED, who, &frame);
    }
    buf_done(&metadata);
    buf_done(&frame);
}

void history_ask(struct peer *p, struct conversation *c, struct person *who)
{
    c->moved_asked = c->moved;
    history_tell(p, c, who);
}

static int newest_first(const void *a, const void *b)
{
    const struct conversation *x = *(struct conversation *const *)a, *y = *(struct conversation *const *)b;
    return x->used > y->used ? -1 : x->used < y->used;
}

void history_link_up(struct peer *p, struct person *who)
{
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
    for (size_t i = 0; i < n && i < COMPARED_MAX; i++)
        history_ask(p, shared[i], who);
    free(shared);
}

/* ---- answering ---- */

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
    if (h->author && age_clock_of(p, h->author))
        write_member_u64(&metadata, "now", age_clock_of(p, h->author));
    buf_byte(&metadata, '}');
    envelope_room_conversation(span_of(p->settings.room), room);
    if (!metadata.failed && !card.failed) {
        p->stats.replies_total++;
        say_to(p, who,
            &(struct envelope){.type = ENVELOPE_HISTORY_REPLY,
                .metadata = buf_view(&metadata),
                .conversation = span_of(h->conversation ? h->conversation : room)});
    }
    buf_done(&metadata);
    buf_done(&card);
}

static bool may_ask(struct peer *p, struct person *who)
{
    if (inbox_affords(p, &who->inbox.requests_at, REQUESTS_MS, REQUESTS_BURST))
        return true;
    inbox_refuse(p, who, "history requests too fast");
    return false;
}

static struct load *load_rows(struct peer *p, enum load_type type, const struct conversation *c,
    const struct person *who, struct span author, uint64_t from, uint64_t to)
{
    struct buf first, last;
    buf_init(&first, ROW_KEY_MAX);
    buf_init(&last, ROW_KEY_MAX);
    storage_message_key(&first, c->name, author, from);
    storage_message_key(&last, c->name, author, to + 1);
    struct load *load = NULL;
    if (!first.failed && !last.failed)
        load = storage_load(p, type, TABLE_MESSAGE, buf_view(&first), buf_view(&last), HISTORY_ROWS_MAX, false);
    if (load) {
        text_copy(load->who, sizeof load->who, person_id(who));
        text_copy(load->author, sizeof load->author, author);
        memcpy(load->conversation, c->name, sizeof load->conversation);
        load->from = from;
        load->to = to;
    }
    buf_done(&first);
    buf_done(&last);
    return load;
}

/* What others may have of an author: of our own, what no crash makes us say again in other words. */
static struct envelope_tick given(const struct peer *p, const struct conversation *c, size_t i)
{
    struct envelope_tick tick = causal_at(c->order, i);
    if (span_is(tick.who, p->id) && tick.count > c->released)
        tick.count = c->released;
    return tick;
}

static void give_heads(struct peer *p, const struct conversation *c, struct person *who)
{
    struct load *last = NULL;
    for (size_t i = 0; c->started && i < causal_size(c->order); i++) {
        struct envelope_tick tick = given(p, c, i);
        struct load *load = tick.count == 0 || span_is(tick.who, who->id)
                                ? NULL
                                : load_rows(p, LOAD_HEAD, c, who, tick.who, tick.count, tick.count);
        last = load ? load : last;
    }
    if (last)
        last->final = true;
    else
        history_announce(p, who, &(struct handout){.conversation = c->name, .what = "start"});
}

static void fill_gaps(
    struct peer *p, struct conversation *c, struct person *who, const struct envelope_tick *theirs, size_t n)
{
    struct load *last = NULL;
    size_t authors = 0;
    for (size_t i = 0; i < causal_size(c->order) && authors < HISTORY_AUTHORS_MAX; i++) {
        struct envelope_tick tick = given(p, c, i);
        uint64_t have = envelope_tick_of(theirs, n, tick.who);
        /* Of a conversation of few only its author keeps messages. */
        if (tick.count <= have || span_is(tick.who, who->id) || (!c->room && !span_is(tick.who, p->id)))
            continue;
        struct load *load = load_rows(p, LOAD_GAP, c, who, tick.who, have + 1, tick.count);
        last = load ? load : last;
        authors += load != NULL;
    }
    if (last)
        last->final = true;
    else
        history_announce(p, who, &(struct handout){.conversation = c->name, .what = "gap"});
}

static void heed_missing(struct peer *p, struct person *who, const struct conversation *c, const struct envelope *e,
    const char *member, const char *reason)
{
    struct span texts[MISSING_MAX];
    size_t n = envelope_strings(e, member, texts, MISSING_MAX);
    for (size_t i = 0; i < n && i < MISSING_MAX; i++) {
        uint64_t from, to;
        struct span author = {texts[i].p, texts[i].n > 34 ? texts[i].n - 34 : 0};
        if (span_is(author, p->id) && storage_read_number((struct span){author.p + author.n + 1, 16}, &from) &&
            storage_read_number((struct span){author.p + author.n + 18, 16}, &to))
            outbox_missed(p, who, c, from, to, reason);
    }
}

void history_request(struct peer *p, struct person *who, const struct envelope *e, bool linked)
{
    struct envelope_tick *theirs = may_ask(p, who) ? calloc(ENVELOPE_CLOCK_MAX, sizeof *theirs) : NULL;
    struct conversation *c = conversation_find(p, e->conversation);
    uint64_t is_new = 0;
    if (!theirs)
        return;
    if (!c || !conversation_has(c, who)) {
        free(theirs);
        return;
    }
    size_t n = envelope_ticks(e, "clock", theirs, ENVELOPE_CLOCK_MAX);
    n = n < ENVELOPE_CLOCK_MAX ? n : ENVELOPE_CLOCK_MAX;
    envelope_number(e, "new", &is_new);
    if (is_new) {
        if (linked)
            give_heads(p, c, who);
        free(theirs);
        return;
    }
    who->clock_heard |= c->room;
    heed_missing(p, who, c, e, "missing", "missed");
    heed_missing(p, who, c, e, "expired", "expired");
    outbox_clock(p, who, c, envelope_tick_of(theirs, n, span_of(p->id)));
    outbox_flush(p, who); /* what was in flight may have made room */
    if (!linked) {
        outbox_asked(p, who, c);
        free(theirs);
        return;
    }
    fill_gaps(p, c, who, theirs, n);
    for (size_t i = 0; i < n; i++)
        if (!span_is(theirs[i].who, p->id) && theirs[i].count > causal_get(c->order, theirs[i].who) &&
            (c->room || span_is(theirs[i].who, who->id)) && c->ask_at == NEVER) {
            memcpy(c->hint, who->id, sizeof c->hint);
            c->asks = 0;
            c->ask_at = p->now + ASK_DELAY_MS;
            effect_wake(p, c->ask_at);
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

static void give_rows(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    struct person *who = roster_find(p, span_of(load->who)), *author = roster_find(p, span_of(load->author));
    bool mine = strcmp(load->author, p->id) == 0, heads = load->type == LOAD_HEAD;
    size_t fit = fitting(rows, n);
    uint64_t gone = 0;
    if (!who || !link_can_send(who)) {
        if (who)
            who->behind = true;
        return;
    }
    if (mine && (n == 0 || sequence_of(rows[0].key) > load->from))
        gone = n == 0 ? load->to : sequence_of(rows[0].key) - 1;
    if (author || mine) {
        history_announce(p, who,
            &(struct handout){.conversation = load->conversation,
                .what = heads                              ? "head"
                        : fit < n || n == HISTORY_ROWS_MAX ? "more"
                                                           : "part",
                .count = fit,
                .gone = gone,
                .author = mine ? NULL : author});
        for (size_t i = 0; i < fit; i++)
            attempt_send(p, who->link.attempt, rows[i].value);
        p->stats.handed_total += fit;
    }
    if (load->final)
        history_announce(
            p, who, &(struct handout){.conversation = load->conversation, .what = heads ? "start" : "gap"});
}

/* ---- answered ---- */

/* Whose messages follow, or will be asked for. Strangers are bounded as those that news tells of. */
static void meet_people(struct peer *p, struct person *from, const struct envelope *e)
{
    struct span texts[HISTORY_AUTHORS_MAX];
    struct card card;
    uint64_t clock = 0;
    size_t n = envelope_strings(e, "people", texts, HISTORY_AUTHORS_MAX);
    envelope_number(e, "now", &clock);
    for (size_t i = 0; i < n && i < HISTORY_AUTHORS_MAX; i++) {
        if (!card_read(p, texts[i], &card))
            continue;
        if (!roster_find(p, span_of(card.id)) &&
            !inbox_affords(p, &from->inbox.strangers_at, STRANGERS_MS, STRANGERS_BURST)) {
            inbox_refuse(p, from, "more strangers than one may tell of");
            return;
        }
        struct person *who = roster_meet(p, &card);
        if (who && clock)
            age_vouched(p, who, clock);
    }
}

/* It has more than this answer holds, which is asked for when the answer is here, or should be. One at a time: the rest is
 * mostly the same with all. */
static void expect_rest(struct peer *p, struct conversation *c, struct person *who)
{
    if (who->handed == 0) {
        inbox_refuse(p, who, "an answer that is only said to have more");
    } else if (c->rest.whose[0] == '\0') {
        memcpy(c->rest.whose, who->id, sizeof c->rest.whose);
        c->rest.moved = c->moved;
        c->rest.at = p->now + REST_MS;
        effect_wake(p, c->rest.at);
    }
}

void history_handed(struct peer *p, const struct person *who)
{
    struct conversation *c = who->handing_of;
    if (!c || who->handed > 0 || strcmp(c->rest.whose, who->id) != 0)
        return;
    c->rest.at = c->asked_at + REQUESTS_MS > p->now ? c->asked_at + REQUESTS_MS : p->now;
    effect_wake(p, c->rest.at);
}

static void ask_somebody(struct peer *p, struct conversation *c)
{
    if (c->ask_at != NEVER)
        return;
    c->asks = 0;
    c->ask_at = c->asked_at + ASK_AGAIN_MS > p->now ? c->asked_at + ASK_AGAIN_MS : p->now;
    effect_wake(p, c->ask_at);
}

/* Who has more, and brings nothing new, has had his turn. */
static void ask_for_rest(struct peer *p, struct conversation *c)
{
    struct person *who = roster_find(p, span_of(c->rest.whose));
    bool is_coming = who && who->handed > 0 && who->handing_of == c;
    if (is_coming && c->moved != c->rest.moved) {
        c->rest.moved = c->moved;
        c->rest.at = p->now + REST_MS;
        return;
    }
    c->rest.whose[0] = '\0';
    if (who && link_can_send(who) && c->moved != c->moved_asked) {
        history_ask(p, c, who);
        return;
    }
    if (who && link_can_send(who) && !is_coming)
        inbox_refuse(p, who, "an answer that brings nothing new");
    ask_somebody(p, c);
}

void history_rest(struct peer *p, struct conversation *c)
{
    if (c->rest.whose[0] != '\0' && p->now >= c->rest.at)
        ask_for_rest(p, c);
    if (c->rest.whose[0] != '\0')
        effect_wake(p, c->rest.at);
}

/* Its author has it no more: its time was over. */
static void skip_gone(struct peer *p, struct conversation *c, const struct person *who, uint64_t gone)
{
    uint64_t have = causal_get(c->order, person_id(who));
    if (gone <= have || !causal_set(c->order, person_id(who), gone))
        return;
    struct missing m = {.from = have + 1, .to = gone};
    memcpy(m.author, who->id, sizeof m.author);
    p->stats.missing_total++;
    conversation_bury(p, c, &m);
    conversation_store_clock(p, c, person_id(who));
    talk_go_on(p, c);
}

void history_reply(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span what = SPAN("");
    uint64_t count = 0, gone = 0;
    struct causal_gap lack;
    struct conversation *c = conversation_find(p, e->conversation);
    envelope_string(e, "for", &what);
    envelope_number(e, "count", &count);
    meet_people(p, who, e);
    who->handed = count < HISTORY_ROWS_MAX ? (unsigned)count : HISTORY_ROWS_MAX;
    who->handing_of = c;
    who->handing = span_is(what, "custody") ? HANDING_CUSTODY : span_is(what, "head") ? HANDING_HEAD : HANDING_GAP;
    if (!c || !conversation_has(c, who))
        return;
    if (envelope_number(e, "gone", &gone))
        skip_gone(p, c, who, gone);
    if (span_is(what, "start") && !c->started) {
        conversation_start(p, c);
        for (struct person *other = p->people; other; other = other->hh.next)
            if (other->keyed && link_can_send(other))
                history_ask(p, c, other);
    }
    if (span_is(what, "more"))
        expect_rest(p, c, who);
    else if (span_is(what, "gap") && c->rest.whose[0] == '\0' && causal_gaps(c->order, &lack, 1) == 0 &&
             c->ask_at > p->now)
        c->ask_at = NEVER;
}

void history_loaded(struct peer *p, const struct load *load, const struct peer_row *rows, size_t n)
{
    switch (load->type) {
    case LOAD_GAP:
    case LOAD_HEAD:
        give_rows(p, load, rows, n);
        break;
    default:
        ledger_loaded(p, load, rows, n);
        break;
    }
}
