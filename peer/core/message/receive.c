/* SPDX-License-Identifier: MIT
 *
 * What comes in on a channel. From a person with a key: an introduction first, then envelopes. Those that it says
 * itself must be signed by it and be for us; those of others are messages of the room that go along the tree
 * (deliver.c), copies out of somebody's history or to be kept (history.c, store_and_forward.c), presence
 * (presence_gossip.c), or messages that go on to somebody else (relay.c). Whoever wrote an envelope must have signed
 * it: the link only tells who handed it over.
 *
 * From a plain peer: envelopes without proof, or any other text, which is taken as the text of a direct message; good
 * on its own link, and for nothing else. One that signs is none: the daemon took its key out of the roster, so the link
 * ends.
 *
 * Refused frames are counted and logged once a second; they never end a link, except for a wrong introduction.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "peer/core/state.h"
#include "peer/core/message/receive.h"
#include "peer/core/order/tree.h"
#include "peer/core/port/memory.h"
#include "peer/core/port/notice.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/expiry.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/people/seal.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/introduction.h"
#include "peer/core/link/link.h"
#include "peer/core/link/negotiation.h"
#include "peer/core/link/presence_gossip.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/send.h"
#include "peer/core/message/broadcast.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/deliver.h"
#include "peer/core/message/history.h"
#include "peer/core/message/outbox.h"
#include "peer/core/message/receipt.h"
#include "peer/core/message/store_and_forward.h"
#include "protocol/body.h"
#include "protocol/refused_offer.h"

/* ---- the types that no person writes ---- */

static void on_query(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span of[ENVELOPE_OF_MAX];
    size_t n = body_read_ids(e, of);
    if (!guard_affords(p, &who->inbox.requests_at, REQUESTS_MS, REQUESTS_BURST)) {
        guard_refuse(p, who, "questions too fast");
        return;
    }
    for (size_t i = 0; i < n; i++)
        receipt_asked(p, who, of[i]);
}

static void on_receipt(struct peer *p, struct person *who, const struct envelope *e)
{
    struct span of[ENVELOPE_OF_MAX];
    size_t n = body_read_ids(e, of);
    for (size_t i = 0; i < n; i++) {
        if (e->type == ENVELOPE_MESSAGE_ACK) {
            outbox_stored(p, who, of[i]);
            store_and_forward_kept(p, who, of[i]);
        } else if (e->type == ENVELOPE_MESSAGE_READ) {
            outbox_was_read(p, who, of[i]);
        } else if (e->type == ENVELOPE_MESSAGE_MISSED) {
            outbox_never_shown(p, who, of[i]);
        } else {
            outbox_acknowledged(p, who, of[i]);
        }
        store_and_forward_delivered(p, who, of[i]);
    }
    outbox_flush(p, who);
}

static void on_heartbeat(struct peer *p, struct connection *a, const struct envelope *e)
{
    struct body_heartbeat b;
    bool said = body_read_heartbeat(e, &b);
    if (said && b.pong)
        link_pong(p, a, b.number);
    else if (said)
        send_heartbeat(p, a->person, true, b.number);
    expiry_heartbeat_heard(p, a->person, e->timestamp, said && b.pong ? b.number : 0);
}

static void on_passing(struct peer *p, struct person *who, const struct envelope *e)
{
    bool typing = e->type == ENVELOPE_TYPING_INDICATOR;
    notice_add(
        p, &(struct notice){.type = typing ? NOTICE_TYPING : NOTICE_STATUS, .from = person_id(who), .text = e->text});
}

/* What only a link's own ends say to each other. */
static void on_link(struct peer *p, struct connection *a, const struct envelope *e)
{
    struct person *who = a->person;
    struct span author;
    switch (e->type) {
    case ENVELOPE_HEARTBEAT:
        on_heartbeat(p, a, e);
        break;
    case ENVELOPE_HISTORY_REPLY:
        history_reply(p, who, e);
        break;
    case ENVELOPE_PRESENCE_DIGEST:
        gossip_compared(p, who, e);
        break;
    case ENVELOPE_BROADCAST_ANNOUNCE:
        broadcast_announced(p, who, e);
        break;
    case ENVELOPE_BROADCAST_GRAFT:
        if (body_read_author(e, &author))
            tree_grafted(p->tree, person_id(who), author);
        break;
    case ENVELOPE_BROADCAST_PRUNE:
        if (body_read_author(e, &author))
            tree_pruned(p->tree, person_id(who), author);
        break;
    case ENVELOPE_PEER_INTRODUCTION:
        guard_refuse(p, who, "a second introduction");
        break;
    default:
        break;
    }
}

/* Said by `who`, by whatever way. */
static void on_said(struct peer *p, struct person *who, const struct envelope *e, struct connection *a)
{
    switch (e->type) {
    case ENVELOPE_MESSAGE_ACK:
    case ENVELOPE_MESSAGE_DELIVERED:
    case ENVELOPE_MESSAGE_READ:
    case ENVELOPE_MESSAGE_MISSED:
        on_receipt(p, who, e);
        break;
    case ENVELOPE_MESSAGE_QUERY:
        on_query(p, who, e);
        break;
    case ENVELOPE_TYPING_INDICATOR:
    case ENVELOPE_STATUS_UPDATE:
        on_passing(p, who, e);
        break;
    case ENVELOPE_CONNECTION_REQUEST:
        negotiation_requested(p, who, e);
        break;
    case ENVELOPE_HISTORY_REQUEST:
        history_request(p, who, e, a != NULL);
        break;
    case ENVELOPE_FILE_OFFER:
    case ENVELOPE_FILE_ACCEPT:
    case ENVELOPE_FILE_DECLINE:
    case ENVELOPE_FILE_COMPLETE:
        p->file_said.who = who;
        break;
    default:
        if (a)
            on_link(p, a, e);
        break;
    }
}

/* ---- people with keys ---- */

/* What could not be looked at for want of memory was not refused: it is as if it had been lost in flight. */
static bool receive_lost(struct peer *p)
{
    bool lost = memory_spared(p, false);
    if (lost)
        effect_log(p, LOG_LEVEL_WARNING, "frame-lost", "there was no memory to read it", NULL, SPAN(""));
    return lost;
}

/* What comes first must be a valid introduction: anything else ends the connection at once. */
static void receive_refused(struct peer *p, struct connection *a, const char *why)
{
    if (a->person->keyed && !a->introduced)
        link_refused(p, a, why);
    else
        guard_refuse(p, a->person, why);
}

static void introduction(struct peer *p, struct connection *a, const struct envelope *e)
{
    const char *wrong = NULL;
    if (!span_is(e->from, a->person->id))
        wrong = "from somebody else";
    else if (!guard_signed_by(p, a->person->key, e))
        wrong = "with a signature that does not hold";
    else
        wrong =
            e->type == ENVELOPE_PEER_INTRODUCTION ? introduction_check(p, a, e) : "a message before the introduction";
    if (receive_lost(p))
        return;
    if (wrong) {
        receive_refused(p, a, wrong);
        return;
    }
    negotiation_introduced(a->person, e->timestamp);
    link_introduced(p, a);
}

/* What is no envelope. That an offer of a file was refused is told to both, in words: transfer.h does that. */
static void receive_unreadable(struct peer *p, struct person *who, struct span text, bool opened, const char *why)
{
    struct refused_offer *r = malloc(sizeof *r);
    if (!r || !refused_offer_read(text, opened, r)) {
        free(r);
        guard_refuse(p, who, why);
        return;
    }
    p->file_said.who = who;
    p->file_said.refused = r;
}

/* The one reader of an envelope for somebody else; empty if there are several, or none. */
static struct span sole_reader(const struct envelope *e)
{
    if (e->key_count > 0)
        return e->key_count == 1 ? e->keys[0].who : (struct span){0};
    return e->to_count == 1 ? e->to[0] : (struct span){0};
}

static void receive_message(struct peer *p, struct person *from, struct envelope *e, struct span raw)
{
    assert(from->keyed && link_is_up(from));
    struct person *author = roster_find(p, e->from);
    struct span reader = sole_reader(e);
    bool handed = from->handed > 0;
    from->handed -= handed;
    if (handed && from->handing == HANDING_COPY) {
        store_and_forward_take(p, from, e, raw);
        return;
    }
    if (e->type != ENVELOPE_GROUP_MESSAGE || e->route_count > 0) {
        if (reader.n && !span_is(reader, p->id)) {
            relay_pass(p, from, e, reader);
            return;
        }
    }
    bool alone = handed || e->type != ENVELOPE_GROUP_MESSAGE || e->route_count > 0 || e->retry_count > 0;
    if (span_is(e->from, p->id)) {
        if (!alone && p->room) /* our own came back along our tree */
            broadcast_pass_on(p, p->room, from, e, raw, false);
        return;
    }
    bool holds = author && author->keyed && guard_signed_by(p, author->key, e);
    if (receive_lost(p))
        return;
    if (!holds) {
        guard_refuse(p, from, "a message of somebody unknown, or with a signature that does not hold");
        return;
    }
    /* Of who is linked heartbeats know better: it may have been written before the clock was set. */
    if (!handed && !link_is_up(author))
        expiry_message_heard(p, author, e);
    deliver_message(p, from, author, e, raw,
        !alone                          ? ARRIVED_BY_TREE
        : !handed                       ? ARRIVED_ALONE
        : from->handing == HANDING_HEAD ? ARRIVED_AS_HEAD
                                        : ARRIVED_FROM_HISTORY);
}

/* What was in the seal of an offer is no content of one. */
static void bad_offer_sealed(struct peer *p, struct person *who, const struct envelope *e, const char *wrong)
{
    struct buf content;
    buf_init(&content, PEER_MESSAGE_MAX);
    if (e->encrypted.n > 0 && !seal_open(&p->crypto, e, span_of(p->id), who->box, &content))
        receive_unreadable(p, who, buf_view(&content), true, wrong);
    else
        guard_refuse(p, who, wrong);
    buf_done(&content);
}

/* An envelope to us, or to nobody in particular, that its sender signed. */
static void said(struct peer *p, struct connection *a, struct envelope *e)
{
    struct person *who = roster_find(p, e->from);
    const char *wrong = NULL;
    bool is_signed = who && who->keyed && guard_signed_by(p, who->key, e);
    if (!is_signed)
        wrong = "with a signature that does not hold";
    else if (e->encrypted.n == 0 && e->route_count > 0)
        wrong = "through others without a seal";
    else if (e->encrypted.n > 0)
        wrong = guard_open(p, who, e);
    if (receive_lost(p))
        return;
    if (wrong && is_signed && e->type == ENVELOPE_FILE_OFFER)
        bad_offer_sealed(p, who, e, wrong);
    else if (wrong)
        guard_refuse(p, a->person, wrong);
    else
        on_said(p, who, e, who == a->person && e->route_count == 0 ? a : NULL);
}

/* Of who takes files only: what has to do with messages, or with what is kept of them, which another start of ours knows. */
static bool is_left_out(const struct peer *p, const struct envelope *e)
{
    if (!p->settings.files_only)
        return false;
    switch (e->type) {
    case ENVELOPE_HEARTBEAT:
    case ENVELOPE_CONNECTION_REQUEST:
    case ENVELOPE_PRESENCE_UPDATE:
    case ENVELOPE_PRESENCE_DIGEST:
    case ENVELOPE_STATUS_UPDATE:
    case ENVELOPE_FILE_OFFER:
    case ENVELOPE_FILE_ACCEPT:
    case ENVELOPE_FILE_DECLINE:
    case ENVELOPE_FILE_COMPLETE:
        return false;
    default:
        return true;
    }
}

static void keyed_data(struct peer *p, struct connection *a, struct envelope *e, struct span raw)
{
    assert(a->person->keyed);
    struct person *from = a->person;
    if (!a->introduced)
        introduction(p, a, e);
    else if (is_left_out(p, e))
        return;
    else if (envelope_is_talk(e->type))
        receive_message(p, from, e, raw);
    else if (e->type == ENVELOPE_PRESENCE_UPDATE)
        gossip_heard(p, from, e, raw);
    else if (e->type == ENVELOPE_FILE_CHUNK)
        guard_refuse(p, from, "a frame of a file among the messages");
    else if (e->to_count == 1 && e->route_count > 0 && !span_is_among(p->id, e->to, e->to_count))
        relay_pass(p, from, e, e->to[0]);
    else if (!span_is_among(p->id, e->to, e->to_count))
        guard_refuse(p, from, "a message to somebody else");
    else if (e->route_count == 0 && !span_is(e->from, from->id))
        guard_refuse(p, from, "from somebody else");
    else
        said(p, a, e);
}

bool receive_again(struct peer *p, struct span text)
{
    struct envelope e;
    if (!envelope_parse(text, &e, NULL))
        return false;
    struct person *author = roster_find(p, e.from);
    bool ok = author && author->keyed && e.is_signed && envelope_is_talk(e.type);
    if (ok)
        deliver_message(p, NULL, author, &e, text, ARRIVED_ALONE);
    envelope_done(&e);
    return ok;
}

/* ---- plain peers ---- */

static void plain_message(struct peer *p, struct person *who, const struct envelope *theirs)
{
    struct span us = span_of(p->id);
    struct envelope e = *theirs;
    char name[ENVELOPE_CONVERSATION_MAX + 1];
    /* A page may know us by our roster entry only; and what is sent on our channel is for us. */
    if (e.type != ENVELOPE_GROUP_MESSAGE && !span_is_among(p->id, e.to, e.to_count)) {
        if (e.to_count && !span_is_among(p->session.peer_id, e.to, e.to_count)) {
            guard_refuse(p, who, "a message to somebody else");
            return;
        }
        e.to = &us;
        e.to_count = 1;
    }
    bool group = e.type == ENVELOPE_GROUP_MESSAGE;
    conversation_name(p, person_id(who), e.to, group ? 0 : e.to_count, name);
    p->stats.received_total++;
    notice_add(p, &(struct notice){.type = NOTICE_MESSAGE,
                      .id = e.id,
                      .from = person_id(who),
                      .to = e.to,
                      .to_count = e.to_count,
                      .text = e.text.p ? e.text : SPAN(""),
                      .conversation = span_of(name),
                      .kind = envelope_type_name(e.type),
                      .timestamp = e.timestamp ? e.timestamp : p->unix_ms});
}

static void plain_text(struct peer *p, struct person *who, struct span text)
{
    char id[ID_CHARS + 1];
    if (text.n > PEER_TEXT_MAX || !utf8_valid(text.p, text.n)) {
        guard_refuse(p, who, "a text that is too long or not UTF-8");
        return;
    }
    id_random(&p->rng, id);
    struct envelope e = {.type = ENVELOPE_DIRECT_MESSAGE, .id = span_of(id), .text = text};
    plain_message(p, who, &e);
}

static void plain_presence(struct peer *p, struct person *who, const struct envelope *e)
{
    struct body_presence b;
    body_read_presence(e, &b);
    notice_add(p, &(struct notice){.type = NOTICE_PRESENCE, .from = person_id(who), .text = b.presence});
    if (span_is(b.presence, "gone"))
        link_farewell(p, who);
}

static void plain_data(struct peer *p, struct connection *a, const struct envelope *e)
{
    assert(!a->person->keyed);
    struct person *who = a->person;
    if (e->is_signed)
        link_refused(p, a, "it signs, and the server hides its key");
    else if (e->from.n && !span_is(e->from, who->id))
        guard_refuse(p, who, "from somebody else");
    else if (envelope_is_talk(e->type) && e->encrypted.n == 0)
        plain_message(p, who, e);
    else if (e->type == ENVELOPE_TYPING_INDICATOR || e->type == ENVELOPE_STATUS_UPDATE)
        on_passing(p, who, e);
    else if (e->type == ENVELOPE_PRESENCE_UPDATE)
        plain_presence(p, who, e);
}

void receive_data(struct peer *p, struct connection *a, const struct peer_event *ev)
{
    struct person *who = a->person;
    struct envelope e;
    assert(a->open && ev->data.channel == a->channel);
    if (ev->data.binary || ev->data.bytes.n > PEER_MESSAGE_MAX) {
        receive_refused(p, a, ev->data.binary ? "a binary message" : "a message that is too long");
        return;
    }
    const char *problem = "no envelope";
    bool parsed = envelope_parse(ev->data.bytes, &e, &problem);
    if (receive_lost(p)) {
        if (parsed)
            envelope_done(&e);
        return;
    }
    if (!parsed && who->keyed && a->introduced)
        receive_unreadable(p, who, ev->data.bytes, false, problem);
    else if (!parsed && who->keyed)
        receive_refused(p, a, "no envelope");
    else if (!parsed)
        plain_text(p, who, ev->data.bytes);
    else if (who->keyed)
        keyed_data(p, a, &e, ev->data.bytes);
    else
        plain_data(p, a, &e);
    if (p->file_said.who)
        p->file_said.envelope = e;
    else if (parsed)
        envelope_done(&e);
}
