/* SPDX-License-Identifier: MIT
 *
 * What the application sends, from its words to a message on the disk: who reads it, which conversation it belongs to,
 * the clock, the seal, the signature; then one row for each thing that must outlive a crash. `accepted` is told, and
 * the message leaves, when those rows are durable (storage.c).
 *
 * People with keys get the message sealed; to plain peers, who have no key to seal to, it goes as it is on their own
 * link, with the same id. A message to plain peers alone is not stored: they are promised the connection.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "peer/core/state.h"
#include "peer/core/message/compose.h"
#include "peer/core/order/causal.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/memory.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/storage.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/say.h"
#include "peer/core/people/seal.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/deliver.h"
#include "peer/core/message/message_log.h"
#include "peer/core/message/outbox.h"
#include "protocol/body.h"

struct draft {
    const struct peer_event *ev;
    const struct envelope_attachment *attachments;
    size_t attachment_count;
    enum envelope_type type;
    struct person **readers;
    size_t reader_count, keyed_count;
    struct conversation *conversation; /* NULL: plain peers only */
    char name[ENVELOPE_CONVERSATION_MAX + 1], id[ID_CHARS + 1];
    uint64_t sequence;
    struct buf text, plain;
    const char *code; /* static: why it cannot be sent; NULL: it can */
    char why[128];
};

static bool draft_fails(struct draft *d, const char *code, const char *why)
{
    d->code = code;
    text_copy(d->why, sizeof d->why, span_of(why));
    return false;
}

static void refuse(struct peer *p, const struct peer_event *ev, const char *code, const char *text)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR,
                      .code = span_of(code),
                      .text = span_of(text),
                      .ref = ev->send.ref.n ? ev->send.ref : (struct span){0}});
}

/* ---- idempotency keys ---- */

static struct ref *ref_find(struct peer *p, struct span ref)
{
    struct ref *r = NULL;
    if (ref.n)
        HASH_FIND(hh, p->refs, ref.p, (unsigned)ref.n, r);
    return r;
}

static void ref_free(struct peer *p, struct ref *r)
{
    HASH_DEL(p->refs, r);
    free(r);
}

/* In the order in which they come, so that the first is the one to forget. */
static void ref_remember(struct peer *p, struct span ref, struct span id, uint64_t order)
{
    struct ref *r = ref.n ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return;
    r->order = order;
    if (!text_copy(r->ref, sizeof r->ref, ref) || !text_copy(r->id, sizeof r->id, id)) {
        free(r);
        return;
    }
    if (HASH_COUNT(p->refs) >= REFS_MAX) {
        storage_delete(p, TABLE_REF, span_of(p->refs->ref));
        ref_free(p, p->refs);
    }
    HASH_ADD_STR(p->refs, ref, r);
    if (!r->hh.tbl)
        free(r);
}

/* The value is the id, then when it was: the order in the record. */
static void ref_store(struct peer *p, struct span ref, struct span id, uint64_t order)
{
    char value[ID_CHARS + 1 + 17];
    assert(id.n == ID_CHARS);
    memcpy(value, id.p, id.n);
    value[id.n] = ' ';
    storage_number(value + id.n + 1, order);
    storage_put(p, TABLE_REF, ref, span_of(value));
}

void compose_ref_restored(struct peer *p, struct span ref, struct span value)
{
    const char *space = span_find(value, ' ');
    struct span id = {value.p, space ? (size_t)(space - value.p) : value.n};
    uint64_t order = 0;
    if (space)
        storage_read_number((struct span){space + 1, value.n - id.n - 1}, &order);
    ref_remember(p, ref, id, order);
}

static int by_age(const struct ref *a, const struct ref *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

void compose_restored(struct peer *p)
{
    HASH_SORT(p->refs, by_age);
}

void compose_clear(struct peer *p)
{
    while (p->refs)
        ref_free(p, p->refs);
}

/* ---- who and whether ---- */

static bool check(const struct peer *p, struct draft *d)
{
    const struct peer_event *ev = d->ev;
    struct span text = ev->send.text, ref = ev->send.ref;
    const char *too_large = say_too_large(text);
    if (p->session.stopped && !p->people)
        return draft_fails(d, "not-in-room", "the room was left: nobody will ever read this");
    if (too_large)
        return draft_fails(d, "too-large", too_large);
    if (ev->send.to_count > ENVELOPE_TO_MAX)
        return draft_fails(d, "too-large", "a message has at most 256 readers");
    if (ev->send.ttl_ms > ENVELOPE_TTL_MAX_MS)
        return draft_fails(d, "bad-message", "a message lives for at most 30 days");
    if (!utf8_valid(text.p, text.n) || !utf8_valid(ref.p, ref.n) || ref.n > REF_MAX || span_find(ref, '\0'))
        return draft_fails(d, "bad-message", "text and ref must be UTF-8, and ref at most 64 bytes");
    if (p->queued + HASH_COUNT(p->people) > QUEUE_MAX || p->queued_bytes + PEER_MESSAGE_MAX > QUEUE_BYTES_MAX)
        return draft_fails(d, "queue-full", "too much waits for its readers: try again later");
    return true;
}

static void add_reader(struct draft *d, struct person *who)
{
    for (size_t i = 0; i < d->reader_count; i++)
        if (d->readers[i] == who)
            return;
    d->readers[d->reader_count++] = who;
    d->keyed_count += who->keyed;
}

/* Who sits in the room, or did when a message sent now could still have reached them. */
static bool reads_room(const struct peer *p, const struct person *who)
{
    if (link_is_there(who) || relay_reaches(p, who))
        return true;
    return who->keyed && who->seen_unix != 0 && p->unix_ms < who->seen_unix + ENVELOPE_TTL_DEFAULT_MS;
}

static bool find_readers(struct peer *p, struct draft *d)
{
    const struct peer_event *ev = d->ev;
    size_t max = ev->send.to_count ? ev->send.to_count : HASH_COUNT(p->people);
    d->readers = calloc(max ? max : 1, sizeof(struct person *));
    if (!d->readers)
        return false;
    for (size_t i = 0; i < ev->send.to_count; i++) {
        struct person *who = roster_find(p, ev->send.to[i]);
        if (!who)
            return draft_fails(d, "no-such-peer", "nobody of that id has been seen in this room");
        add_reader(d, who);
    }
    if (ev->send.to_count == 0)
        for (struct person *who = p->people; who && d->reader_count < ENVELOPE_KEYS_MAX; who = who->hh.next)
            if (reads_room(p, who))
                add_reader(d, who);
    d->type = ev->send.to_count == 0 ? ENVELOPE_GROUP_MESSAGE
              : d->reader_count == 1 ? ENVELOPE_DIRECT_MESSAGE
                                     : ENVELOPE_PRIVATE_MESSAGE;
    return true;
}

/* ---- the message ---- */

/* Where those begin who have not sent their clock of the room yet: the readers, and who does not read this one but still
 * waits for another. For him, too, it may be the last of ours, behind which a newcomer begins. */
static size_t since(const struct peer *p, const struct draft *d, struct envelope_tick *out, size_t max)
{
    size_t n = 0;
    if (d->type != ENVELOPE_GROUP_MESSAGE)
        return 0;
    for (struct person *who = p->people; who && n < max; who = who->hh.next) {
        if (!who->keyed || who->clock_heard)
            continue;
        uint64_t first = outbox_first_unheard(who, d->conversation);
        if (first || reads_room(p, who))
            out[n++] = (struct envelope_tick){person_id(who), first ? first : d->sequence};
    }
    return n;
}

/* Somebody reads this who may be new: what it depends on was perhaps listed by messages that were not for him. */
static bool may_begin_here(const struct draft *d)
{
    for (size_t i = 0; d->type == ENVELOPE_GROUP_MESSAGE && i < d->reader_count; i++)
        if (d->readers[i]->keyed && !d->readers[i]->follows)
            return causal_size(d->conversation->order) <= CLOCK_WHOLE_MAX;
    return false;
}

static bool seal(struct peer *p, struct draft *d, struct envelope *e)
{
    struct seal_reader *readers = calloc(d->keyed_count + 1, sizeof *readers);
    struct sealed sealed;
    size_t n = 0;
    if (!readers)
        return false;
    for (size_t i = 0; i < d->reader_count; i++)
        if (d->readers[i]->keyed)
            readers[n++] = (struct seal_reader){person_id(d->readers[i]), d->readers[i]->box};
    bool ok = seal_envelope(&p->crypto, &p->rng, e, readers, n, &sealed);
    if (ok) {
        ok = say_sign(p, e, &d->text);
        sealed_done(&sealed);
    }
    free(readers);
    return ok;
}

static bool write(struct peer *p, struct draft *d, struct envelope *e)
{
    say_begin(p, e, d->id);
    if (d->keyed_count < d->reader_count && !say_sign(p, e, &d->plain))
        return false;
    e->is_signed = false;
    return !d->conversation || seal(p, d, e);
}

/* Of nobody, if it is the room's. */
static size_t name_readers(const struct draft *d, struct span to[ENVELOPE_TO_MAX])
{
    size_t n = d->type == ENVELOPE_GROUP_MESSAGE ? 0 : d->reader_count;
    for (size_t i = 0; i < n; i++)
        to[i] = person_id(d->readers[i]);
    return n;
}

/* Where it belongs; only what is said to people with keys has a place there. */
static bool find_conversation(struct peer *p, struct draft *d)
{
    struct span to[ENVELOPE_TO_MAX];
    size_t n = name_readers(d, to);
    conversation_name(p, span_of(p->id), to, n, d->name);
    d->conversation = d->keyed_count > 0 ? conversation_of(p, d->name, span_of(p->id), to, n) : NULL;
    return d->keyed_count == 0 || d->conversation ||
           draft_fails(d, "too-many", "this peer takes part in as many conversations as it can");
}

static bool compose(struct peer *p, struct draft *d)
{
    struct span to[ENVELOPE_TO_MAX];
    static const size_t room = ENVELOPE_CLOCK_MAX;
    size_t n = name_readers(d, to);
    struct envelope_tick *ticks = calloc(2 * room, sizeof *ticks);
    if (!ticks)
        return false;
    struct envelope e = {.type = d->type,
        .to = to,
        .to_count = n,
        .text = d->ev->send.text.n ? d->ev->send.text : SPAN(""),
        .attachments = d->attachments,
        .attachment_count = d->attachment_count,
        .clock = ticks,
        .requires_ack = true,
        .ttl_ms = d->ev->send.ttl_ms,
        .conversation = span_of(d->name)};
    if (d->conversation) {
        e.clock_count = causal_clock(d->conversation->order, may_begin_here(d), ticks, room);
        d->sequence = ticks[0].count;
        e.since = ticks + room;
        e.since_count = since(p, d, ticks + room, room);
    } else {
        p->plain_sequence = p->plain_sequence ? p->plain_sequence + 1 : p->unix_ms;
        d->sequence = p->plain_sequence;
        ticks[0] = (struct envelope_tick){span_of(p->id), d->sequence};
        e.clock_count = 1;
    }
    e.sequence = d->sequence;
    bool ok = e.clock_count > 0 && write(p, d, &e);
    free(ticks);
    /* With a thousand keys and clocks, a long text is too much. */
    if (!ok && (d->text.failed || d->plain.failed))
        draft_fails(d, "too-large", "the text, the keys of its readers and its clock have at most 262144 bytes");
    else if (!ok)
        draft_fails(d, "not-sealed", "the message could not be sealed to any of its readers");
    return ok;
}

/* Of several readers each is reported by name when it is sent to (outbox.c); a sole one that can never have it, at
 * once. */
static bool reader_takes(struct draft *d)
{
    const struct person *who = d->reader_count == 1 ? d->readers[0] : NULL;
    if (!who || !link_is_up(who) || link_fits(who, who->keyed ? d->text.len : d->plain.len))
        return true;
    d->code = "too-large";
    snprintf(d->why, sizeof d->why,
        "this reader takes messages of at most %lu bytes, all that goes with the text included",
        (unsigned long)who->link.connection->message_max);
    return false;
}

/* ---- on the disk ---- */

static void record(struct peer *p, const struct draft *d)
{
    struct span to[ENVELOPE_TO_MAX];
    size_t n = name_readers(d, to);
    struct buf attachments;
    buf_init(&attachments, ENVELOPE_METADATA_MAX);
    if (d->attachment_count > 0)
        body_write_attachments(&attachments, d->attachments, d->attachment_count);
    message_log_add(p, &(struct notice){.id = span_of(d->id),
                           .from = span_of(p->id),
                           .to = to,
                           .to_count = n,
                           .text = d->ev->send.text.n ? d->ev->send.text : SPAN(""),
                           .conversation = span_of(d->name),
                           .kind = envelope_type_name(d->type),
                           .attachments = buf_view(&attachments),
                           .timestamp = p->unix_ms});
    buf_done(&attachments);
}

/* Sealed messages are; so is what is said while nobody is there, for the record has all that was said. What goes to
 * plain peers only is not: nothing of it is promised. */
static bool is_recorded(const struct draft *d)
{
    return d->conversation || d->reader_count == 0;
}

static void store(struct peer *p, const struct draft *d)
{
    assert(d->conversation && d->sequence > 0);
    causal_tick(d->conversation->order);
    conversation_start(p, d->conversation);
    conversation_store_clock(p, d->conversation, span_of(p->id));
    conversation_keep(p, d->conversation, span_of(p->id), d->sequence, buf_view(&d->text));
}

static void accepted(struct peer *p, struct draft *d)
{
    struct notice n = {.type = NOTICE_ACCEPTED,
        .id = span_of(d->id),
        .ref = d->ev->send.ref.n ? d->ev->send.ref : (struct span){0},
        .conversation = span_of(d->name)};
    if (d->ev->send.ref.n) {
        ref_remember(p, d->ev->send.ref, span_of(d->id), p->log_order);
        if (is_recorded(d))
            ref_store(p, d->ev->send.ref, span_of(d->id), p->log_order);
    }
    p->stats.sent_total++;
    if (is_recorded(d))
        after_commit_notice(p, &n);
    else
        notice_add(p, &n);
}

static void hand_over(struct peer *p, struct draft *d)
{
    assert(d->id[0] && d->keyed_count <= d->reader_count);
    struct outgoing like = {.type = d->type, .sequence = d->sequence, .began = p->now};
    like.expires = p->now + (d->ev->send.ttl_ms ? d->ev->send.ttl_ms : ENVELOPE_TTL_DEFAULT_MS);
    memcpy(like.id, d->id, sizeof like.id);
    memcpy(like.conversation, d->name, sizeof like.conversation);
    if (d->conversation)
        store(p, d);
    if (is_recorded(d))
        record(p, d);
    accepted(p, d);
    struct outgoing *m = outbox_add(p, &like, &d->text, &d->plain);
    for (size_t i = 0; m && i < d->reader_count; i++)
        outbox_add_reader(p, m, d->readers[i]);
    if (!m)
        return;
    if (d->conversation)
        after_commit_send(p, m->id);
    else
        outbox_release(p, m);
}

/* Somebody knew a message of this number that we have lost: what came after that may be shown now. */
static void go_on(struct peer *p, const struct draft *d)
{
    if (d->conversation)
        deliver_waiting_messages(p, d->conversation);
}

/* Until it is handed over nothing has changed but that the conversation may be new, and a message for which there is no
 * memory is refused like any other. */
static bool draft(struct peer *p, struct draft *d)
{
    bool before = memory_short(p), ready = check(p, d) && find_readers(p, d);
    bool lost = memory_spared(p, before);
    if (ready && !lost)
        ready = find_conversation(p, d);
    before = memory_short(p);
    ready = ready && !lost && compose(p, d) && reader_takes(d);
    lost |= memory_spared(p, before);
    return lost ? draft_fails(d, "out-of-memory", "there is no memory for this message: try again later") : ready;
}

bool compose_repeats(struct peer *p, struct span ref)
{
    const struct ref *r = ref_find(p, ref);
    if (r) /* the first with this key may still be on its way to the disk */
        after_commit_follow(p, &(struct notice){.type = NOTICE_ACCEPTED, .id = span_of(r->id), .ref = ref});
    return r != NULL;
}

bool compose_message(
    struct peer *p, const struct peer_event *ev, const struct envelope_attachment *attachments, size_t n)
{
    struct draft d = {.ev = ev, .attachments = attachments, .attachment_count = n};
    if (compose_repeats(p, ev->send.ref))
        return true;
    buf_init(&d.text, PEER_MESSAGE_MAX);
    buf_init(&d.plain, PEER_MESSAGE_MAX);
    bool ok = draft(p, &d);
    if (ok) {
        hand_over(p, &d);
        go_on(p, &d);
    } else {
        refuse(p, ev, d.code, d.why);
    }
    buf_done(&d.text);
    buf_done(&d.plain);
    free(d.readers);
    return ok;
}
