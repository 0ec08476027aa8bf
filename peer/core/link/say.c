/* SPDX-License-Identifier: MIT
 *
 * Envelopes of ours: what all have in common, and those that are sent once and kept by nobody. Plain peers get none of
 * the latter, since their applications would show them as messages.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "protocol/write.h"

/* By the clock; but of what a reader judges by its age ([M-57]) each is newer than the last, whatever the clock does. */
static uint64_t timestamp(struct peer *p, enum envelope_type type)
{
    if (type != ENVELOPE_CONNECTION_REQUEST && type != ENVELOPE_PEER_INTRODUCTION)
        return p->unix_ms ? p->unix_ms : 1;
    p->stamp = p->unix_ms > p->stamp ? p->unix_ms : p->stamp + 1;
    return p->stamp;
}

void say_begin(struct peer *p, struct envelope *e, char *id)
{
    uint8_t random[ID_BYTES];
    p->rng.fill(p->rng.ctx, random, sizeof random);
    base32_encode(random, sizeof random, id);
    e->id = span_of(id);
    e->from = span_of(p->id);
    e->timestamp = timestamp(p, e->type);
}

bool say_sign(const struct peer *p, struct envelope *e, struct buf *out)
{
    return envelope_write_signed(e, p->crypto.sign, p->crypto.ctx, out);
}

bool say_envelope(struct peer *p, struct envelope *e, char *id, struct buf *out)
{
    say_begin(p, e, id);
    return say_sign(p, e, out);
}

/* Of what is counted by its type alone; the rest is by whoever says it. */
static void count(struct peer *p, enum envelope_type type)
{
    p->stats.heartbeats_total += type == ENVELOPE_HEARTBEAT;
    p->stats.signals_total += type == ENVELOPE_CONNECTION_REQUEST;
    p->stats.passing_total += type == ENVELOPE_TYPING_INDICATOR || type == ENVELOPE_STATUS_UPDATE;
    p->stats.news_total += type == ENVELOPE_PRESENCE_DIGEST;
}

void say_to(struct peer *p, struct person *who, struct envelope *e)
{
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct buf text;
    if (!who->keyed || !link_is_up(who) || who->link.connection->congested)
        return;
    e->to = &to;
    e->to_count = 1;
    buf_init(&text, PEER_MESSAGE_MAX);
    if (say_envelope(p, e, id, &text)) {
        connection_send(p, who->link.connection, buf_view(&text));
        count(p, e->type);
    }
    buf_done(&text);
}

bool say_sealed(struct peer *p, const struct person *who, struct envelope *e, struct buf *out)
{
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct seal_reader reader = {to, who->box};
    struct sealed sealed;
    struct span us = span_of(p->id);
    if (!who->keyed)
        return false;
    e->to = &to;
    e->to_count = 1;
    e->route = &us;
    e->route_count = 1;
    say_begin(p, e, id);
    bool ok = seal_envelope(&p->crypto, &p->rng, e, &reader, 1, &sealed);
    if (ok) {
        ok = say_sign(p, e, out);
        sealed_done(&sealed);
    }
    return ok;
}

bool say_relayed(struct peer *p, struct person *who, struct envelope *e)
{
    struct buf text;
    buf_init(&text, PEER_MESSAGE_MAX);
    bool ok = say_sealed(p, who, e, &text) && relay_send(p, who, buf_view(&text));
    buf_done(&text);
    if (ok)
        count(p, e->type);
    return ok;
}

bool say_can(const struct peer *p, const struct person *who)
{
    return link_can_send(who) || (!link_is_up(who) && relay_reaches(p, who));
}

bool say_through(struct peer *p, struct person *who, struct envelope *e)
{
    if (!link_is_up(who))
        return say_relayed(p, who, e);
    say_to(p, who, e);
    return true;
}

void say_heartbeat(struct peer *p, struct person *who, const char *ping_or_pong, uint64_t number)
{
    struct buf metadata;
    buf_init(&metadata, 64);
    buf_byte(&metadata, '{');
    write_member_u64(&metadata, ping_or_pong, number);
    buf_byte(&metadata, '}');
    if (!metadata.failed)
        say_to(p, who, &(struct envelope){.type = ENVELOPE_HEARTBEAT, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
}

/* What is of use at once or not at all: over the link, or through others. */
static void say_in_passing(struct peer *p, struct person *who, struct envelope e)
{
    if (say_can(p, who))
        say_through(p, who, &e);
}

void say_status(struct peer *p, struct person *who, struct span status)
{
    say_in_passing(p, who, (struct envelope){.type = ENVELOPE_STATUS_UPDATE, .text = status});
}

/* A plain peer has no news of us, and needs none but that we leave. */
void say_presence(struct peer *p, struct span presence)
{
    if (!span_is(presence, "online") && !span_is(presence, "away") && !span_is(presence, "gone"))
        return;
    p->away = span_is(presence, "away");
    p->gone = span_is(presence, "gone");
    gossip_now(p);
}

const char *say_too_large(struct span text)
{
    struct buf json;
    if (text.n > PEER_TEXT_MAX)
        return "a text has at most 65536 bytes";
    buf_init(&json, TEXT_JSON_MAX);
    write_string(&json, text);
    bool fits = !json.failed;
    buf_done(&json);
    return fits ? NULL
                : "a text has at most 131072 bytes as JSON, where most control characters are 6: it has too many";
}

void say_status_to_all(struct peer *p, struct span status)
{
    const char *problem = say_too_large(status);
    char *copy = problem ? NULL : malloc(status.n + 1);
    if (problem)
        notice_add(p, &(struct notice){.type = NOTICE_ERROR, .code = SPAN("too-large"), .text = span_of(problem)});
    if (!copy)
        return;
    text_copy(copy, status.n + 1, status);
    free(p->status);
    p->status = copy;
    for (struct person *who = p->people; who; who = who->hh.next)
        say_status(p, who, status);
}

void say_typing(struct peer *p)
{
    for (struct person *who = p->people; who; who = who->hh.next)
        say_in_passing(p, who, (struct envelope){.type = ENVELOPE_TYPING_INDICATOR});
}

void say_conversation(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1])
{
    struct span ids[ENVELOPE_TO_MAX + 1];
    if (n == 0) {
        envelope_room_conversation(span_of(p->settings.room), out);
        return;
    }
    assert(n <= ENVELOPE_TO_MAX);
    ids[0] = from;
    memcpy(ids + 1, to, n * sizeof *to);
    envelope_people_conversation(ids, n + 1, p->crypto.sha256, p->crypto.ctx, out);
}
