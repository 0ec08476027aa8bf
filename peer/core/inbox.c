/* SPDX-License-Identifier: MIT
 *
 * What comes in on a channel. From a person with a key: an introduction first, then envelopes whose `from` is that
 * person, whose signature holds and whose readers and conversation include us. From a plain peer: envelopes without
 * proof, or any other text, which is taken as the text of a direct message.
 *
 * Talk is shown once and in order: a message whose id was seen is only acknowledged again, one whose sequence is not
 * above the last of its sender and conversation is refused, since honest senders repeat in order. What was seen is
 * remembered by id with the sequence and the signature's first bytes, so that neither can be used again for something
 * else. Refused frames are counted and logged once a second; they never end a link, except for a wrong introduction.
 */
#include <stdlib.h>
#include <utlist.h>

#include "base/utf8.h"
#include "peer/core/state.h"
#include "protocol/write.h"

void inbox_refuse(struct peer *p, const struct person *who, const char *why)
{
    p->stats.refused_total++;
    if (p->now < p->refused_log_at)
        return;
    p->refused_log_at = p->now + LOG_REFUSED_MS;
    effect_log(p, LOG_LEVEL_WARNING, "frame-refused", why, "peer", person_id(who));
}

/* ---- receipts ---- */

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

static void owe_ack(struct peer *p, struct person *who, struct seen *s)
{
    struct inbox *box = &who->inbox;
    if (s->owes_ack)
        return;
    if (box->ack_count == 0) {
        box->acks_at = p->now + ACK_DELAY_MS;
        effect_wake(p, box->acks_at);
    }
    s->owes_ack = true;
    DL_APPEND2(box->acks, s, ack_prev, ack_next);
    if (++box->ack_count >= ENVELOPE_OF_MAX)
        inbox_settle(p, who);
}

static void say_receipt(struct peer *p, struct person *who, enum envelope_type type, struct buf *ids)
{
    buf_text(ids, "]}");
    if (!ids->failed)
        say_to(p, who, &(struct envelope){.type = type, .metadata = buf_view(ids)});
}

static void begin_receipt(struct buf *ids)
{
    buf_reset(ids);
    buf_text(ids, "{\"of\":[");
}

static void name_id(struct buf *ids, const struct seen *s)
{
    if (ids->len > 0 && ids->p[ids->len - 1] != '[')
        buf_byte(ids, ',');
    write_string(ids, span_of(s->id));
}

/* Another certificate is another process: it remembers no sequence, and begins where its clock tells it to. */
void inbox_linked(struct person *who, const char *certificate)
{
    if (strcmp(who->inbox.certificate, certificate) == 0)
        return;
    conversation_clear(&who->inbox.conversations);
    text_copy(who->inbox.certificate, sizeof who->inbox.certificate, span_of(certificate));
}

void inbox_settle(struct peer *p, struct person *who)
{
    struct inbox *box = &who->inbox;
    struct buf ids;
    box->acks_at = NEVER;
    if (!link_can_send(who))
        return;
    buf_init(&ids, ENVELOPE_OF_MAX * (ENVELOPE_ID_MAX + 8));
    while (box->acks) {
        begin_receipt(&ids);
        for (size_t n = 0; box->acks && n < ENVELOPE_OF_MAX; n++) {
            struct seen *s = box->acks;
            name_id(&ids, s);
            DL_DELETE2(box->acks, s, ack_prev, ack_next);
            box->ack_count--;
            s->owes_ack = false;
        }
        say_receipt(p, who, ENVELOPE_MESSAGE_DELIVERED, &ids);
    }
    while (box->reads) {
        struct seen *s = box->reads;
        begin_receipt(&ids);
        name_id(&ids, s);
        DL_DELETE2(box->reads, s, read_prev, read_next);
        s->owes_read = false;
        say_receipt(p, who, ENVELOPE_MESSAGE_READ, &ids);
    }
    buf_done(&ids);
}

void inbox_due(struct peer *p, struct person *who)
{
    if (p->now >= who->inbox.acks_at)
        inbox_settle(p, who);
    effect_wake(p, who->inbox.acks_at);
}

static struct seen *seen_find(const struct person *who, struct span id)
{
    struct seen *s = NULL;
    if (id.n)
        HASH_FIND(hh, who->inbox.seen, id.p, (unsigned)id.n, s);
    return s;
}

void inbox_read(struct peer *p, struct span id)
{
    for (struct person *who = p->people; who; who = who->hh.next) {
        struct seen *s = seen_find(who, id);
        if (!s || s->owes_read)
            continue;
        s->owes_read = true;
        DL_APPEND2(who->inbox.reads, s, read_prev, read_next);
        inbox_settle(p, who);
    }
}

void inbox_clear(struct person *who)
{
    struct seen *s, *next;
    HASH_ITER (hh, who->inbox.seen, s, next)
        seen_free(&who->inbox, s);
    conversation_clear(&who->inbox.conversations);
}

/* ---- talk ---- */

static void show(struct peer *p, const struct person *who, const struct envelope *e, const char *conversation)
{
    p->stats.received_total++;
    notice_add(p, &(struct notice){.type = NOTICE_MESSAGE,
                      .id = e->id,
                      .from = person_id(who),
                      .to = e->to,
                      .to_count = e->to_count,
                      .text = e->text.p ? e->text : SPAN(""),
                      .conversation = span_of(conversation),
                      .kind = envelope_type_name(e->type),
                      .verified = who->keyed,
                      .timestamp = e->timestamp ? e->timestamp : p->unix_ms});
}

static bool is_to(const struct envelope *e, const char *id)
{
    for (size_t i = 0; i < e->to_count; i++)
        if (span_is(e->to[i], id))
            return true;
    return false;
}

static bool clock_holds(const struct envelope *e)
{
    for (size_t i = 0; i < e->clock_count; i++)
        if (span_eq(e->clock[i].who, e->from))
            return e->sequence > 0 && e->clock[i].count == e->sequence;
    return false;
}

static const char *judge_talk(const struct peer *p, const struct envelope *e, const char *conversation)
{
    bool group = e->type == ENVELOPE_GROUP_MESSAGE;
    if (e->encrypted.n)
        return "a sealed message, which this version cannot open";
    if (group ? e->to_count != 0 : !is_to(e, p->id))
        return "a message to somebody else";
    if (e->type == ENVELOPE_DIRECT_MESSAGE && e->to_count != 1)
        return "a direct message to several";
    if (!span_is(e->conversation, conversation))
        return "a message of another conversation";
    return clock_holds(e) ? NULL : "a sequence that is not in the clock";
}

static uint64_t mark_of(const struct envelope *e)
{
    uint64_t mark;
    memcpy(&mark, e->signature, sizeof mark);
    return mark;
}

static struct seen *seen_add(struct person *who, const struct envelope *e)
{
    struct inbox *box = &who->inbox;
    struct seen *s = calloc(1, sizeof *s);
    if (!s || !text_copy(s->id, sizeof s->id, e->id)) {
        free(s);
        return NULL;
    }
    s->sequence = e->sequence;
    s->mark = mark_of(e);
    if (HASH_COUNT(box->seen) >= SEEN_MAX)
        seen_free(box, box->seen);
    HASH_ADD_STR(box->seen, id, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

static void on_talk(struct peer *p, struct person *who, const struct envelope *e)
{
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    say_conversation(p, e->from, e->to, e->to_count, name);
    const char *wrong = judge_talk(p, e, name);
    struct seen *s = seen_find(who, e->id);
    if (wrong || (s && (s->sequence != e->sequence || s->mark != mark_of(e)))) {
        inbox_refuse(p, who, wrong ? wrong : "an id that was used for another message");
        return;
    }
    if (!s) {
        struct conversation *c = conversation_get(&who->inbox.conversations, name, HEARD_CONVERSATIONS_MAX, 0);
        if (!c || e->sequence <= c->last) {
            inbox_refuse(p, who, "a sequence that was used before");
            return;
        }
        if (!(s = seen_add(who, e)))
            return;
        c->last = e->sequence;
        show(p, who, e, name);
    }
    if (e->requires_ack)
        owe_ack(p, who, s);
}

/* ---- the other types ---- */

static void on_receipt(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span of[ENVELOPE_OF_MAX];
    size_t n = envelope_strings(e, "of", of, ENVELOPE_OF_MAX);
    for (size_t i = 0; i < n; i++) {
        if (e->type == ENVELOPE_MESSAGE_DELIVERED)
            outbox_acknowledged(p, who, of[i]);
        else if (e->type == ENVELOPE_MESSAGE_READ)
            outbox_was_read(p, who, of[i]);
    }
    outbox_flush(p, who);
}

static void on_heartbeat(struct peer *p, struct attempt *a, const struct envelope *e)
{
    uint64_t number;
    if (envelope_number(e, "pong", &number))
        link_pong(p, a, number);
    else if (envelope_number(e, "ping", &number))
        say_heartbeat(p, a->person, "pong", number);
}

static void on_passing(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span text = e->text;
    enum peer_notice_type type = NOTICE_TYPING;
    if (e->type == ENVELOPE_STATUS_UPDATE)
        type = NOTICE_STATUS;
    if (e->type == ENVELOPE_PRESENCE_UPDATE) {
        type = NOTICE_PRESENCE;
        envelope_string(e, "presence", &text);
    }
    notice_add(p, &(struct notice){.type = type, .from = person_id(who), .text = text});
    if (type == NOTICE_PRESENCE && span_is(text, "gone"))
        link_farewell(p, who);
}

static void dispatch(struct peer *p, struct attempt *a, const struct envelope *e)
{
    struct person *who = a->person;
    switch (e->type) {
    case ENVELOPE_DIRECT_MESSAGE:
    case ENVELOPE_GROUP_MESSAGE:
    case ENVELOPE_PRIVATE_MESSAGE:
        on_talk(p, who, e);
        break;
    case ENVELOPE_MESSAGE_DELIVERED:
    case ENVELOPE_MESSAGE_READ:
        on_receipt(p, who, e);
        break;
    case ENVELOPE_HEARTBEAT:
        on_heartbeat(p, a, e);
        break;
    case ENVELOPE_TYPING_INDICATOR:
    case ENVELOPE_PRESENCE_UPDATE:
    case ENVELOPE_STATUS_UPDATE:
        on_passing(p, who, e);
        break;
    case ENVELOPE_PEER_INTRODUCTION:
        inbox_refuse(p, who, "a second introduction");
        break;
    default:
        break;
    }
}

/* ---- people with keys ---- */

static bool signature_holds(struct peer *p, const struct person *who, const struct envelope *e)
{
    struct buf bytes;
    buf_init(&bytes, 2 * PEER_MESSAGE_MAX);
    bool ok = e->is_signed && envelope_signed_bytes(e, &bytes) &&
              p->crypto.verify(p->crypto.ctx, who->key, buf_view(&bytes), e->signature);
    buf_done(&bytes);
    return ok;
}

/* What comes first must be a valid introduction: anything else ends the attempt at once. */
static void refuse(struct peer *p, struct attempt *a, const char *why)
{
    if (a->person->keyed && !a->introduced)
        link_refused(p, a, why);
    else
        inbox_refuse(p, a->person, why);
}

static void keyed_data(struct peer *p, struct attempt *a, const struct envelope *e)
{
    struct person *who = a->person;
    const char *wrong = NULL;
    if (!span_is(e->from, who->id))
        wrong = "from somebody else";
    else if (!signature_holds(p, who, e))
        wrong = "with a signature that does not hold";
    else if (!a->introduced)
        wrong = e->type == ENVELOPE_PEER_INTRODUCTION ? intro_judge(p, a, e) : "a message before the introduction";
    if (wrong)
        refuse(p, a, wrong);
    else if (!a->introduced)
        link_introduced(p, a);
    else
        dispatch(p, a, e);
}

/* ---- plain peers ---- */

static void plain_message(struct peer *p, struct person *who, const struct envelope *theirs)
{
    struct span us = span_of(p->id);
    struct envelope e = *theirs;
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    /* A page may know us by our seat only; and what is sent on our channel is for us. */
    if (e.type != ENVELOPE_GROUP_MESSAGE && !is_to(&e, p->id)) {
        if (e.to_count && !is_to(&e, p->session.seat)) {
            inbox_refuse(p, who, "a message to somebody else");
            return;
        }
        e.to = &us;
        e.to_count = 1;
    }
    bool group = e.type == ENVELOPE_GROUP_MESSAGE;
    say_conversation(p, person_id(who), e.to, group ? 0 : e.to_count, name);
    show(p, who, &e, name);
}

static void plain_text(struct peer *p, struct person *who, struct span text)
{
    uint8_t random[ID_BYTES];
    char id[ID_CHARS + 1];
    if (text.n > PEER_TEXT_MAX || !utf8_valid(text.p, text.n)) {
        inbox_refuse(p, who, "a text that is too long or not UTF-8");
        return;
    }
    p->rng.fill(p->rng.ctx, random, sizeof random);
    base32_encode(random, sizeof random, id);
    struct envelope e = {.type = ENVELOPE_DIRECT_MESSAGE, .id = span_of(id), .text = text};
    plain_message(p, who, &e);
}

static void plain_data(struct peer *p, struct person *who, const struct envelope *e)
{
    if (e->from.n && !span_is(e->from, who->id))
        inbox_refuse(p, who, "from somebody else");
    else if (envelope_is_talk(e->type) && e->encrypted.n == 0)
        plain_message(p, who, e);
    else if (e->type == ENVELOPE_TYPING_INDICATOR || e->type == ENVELOPE_PRESENCE_UPDATE ||
             e->type == ENVELOPE_STATUS_UPDATE)
        on_passing(p, who, e);
}

void inbox_data(struct peer *p, struct attempt *a, const struct peer_event *ev)
{
    struct person *who = a->person;
    struct envelope e;
    if (!a->open || ev->channel != a->channel)
        return;
    link_heard(p, a);
    if (ev->binary || ev->bytes.n > PEER_MESSAGE_MAX) {
        refuse(p, a, ev->binary ? "a binary message" : "a message that is too long");
        return;
    }
    bool parsed = envelope_parse(ev->bytes, &e, NULL);
    if (!parsed && who->keyed)
        refuse(p, a, "no envelope");
    else if (!parsed)
        plain_text(p, who, ev->bytes);
    else if (who->keyed)
        keyed_data(p, a, &e);
    else
        plain_data(p, who, &e);
    if (parsed)
        envelope_done(&e);
}
