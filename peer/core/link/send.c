/* SPDX-License-Identifier: MIT
 *
 * What is sent once and kept by nobody: over the link, or sealed and through others. Plain peers get none of it, since
 * their applications would show it as messages.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/send.h"
#include "peer/core/port/memory.h"
#include "peer/core/people/say.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "protocol/body.h"

/* Of what is counted by its type alone; the rest is by whoever says it. */
static void count(struct peer *p, enum envelope_type type)
{
    p->stats.heartbeats_total += type == ENVELOPE_HEARTBEAT;
    p->stats.signals_total += type == ENVELOPE_CONNECTION_REQUEST;
    p->stats.passing_total += type == ENVELOPE_TYPING_INDICATOR || type == ENVELOPE_STATUS_UPDATE;
    p->stats.news_total += type == ENVELOPE_PRESENCE_DIGEST;
}

void send_to(struct peer *p, struct person *who, struct envelope *e)
{
    assert(e->type != ENVELOPE_UNKNOWN);
    char id[ID_CHARS + 1];
    struct span to = person_id(who);
    struct buf text;
    if (!who->keyed || !link_is_up(who) || who->link.connection->congested)
        return;
    bool before = memory_short(p);
    e->to = &to;
    e->to_count = 1;
    buf_init(&text, PEER_MESSAGE_MAX);
    if (say_envelope(p, e, id, &text)) {
        connection_send(p, who->link.connection, buf_view(&text));
        count(p, e->type);
    }
    buf_done(&text);
    memory_spared(p, before);
}

bool send_relayed(struct peer *p, struct person *who, struct envelope *e)
{
    assert(e->type != ENVELOPE_UNKNOWN);
    struct buf text;
    bool before = memory_short(p);
    buf_init(&text, PEER_MESSAGE_MAX);
    bool ok = say_sealed(p, who, e, &text) && relay_send(p, who, buf_view(&text));
    buf_done(&text);
    memory_spared(p, before);
    if (ok)
        count(p, e->type);
    return ok;
}

bool send_can(const struct peer *p, const struct person *who)
{
    return link_can_send(who) || (!link_is_up(who) && relay_reaches(p, who));
}

bool send_through(struct peer *p, struct person *who, struct envelope *e)
{
    if (!link_is_up(who))
        return send_relayed(p, who, e);
    send_to(p, who, e);
    return true;
}

void send_heartbeat(struct peer *p, struct person *who, bool pong, uint64_t number)
{
    struct buf metadata;
    buf_init(&metadata, 64);
    if (body_write_heartbeat(&metadata, &(struct body_heartbeat){pong, number}))
        send_to(p, who, &(struct envelope){.type = ENVELOPE_HEARTBEAT, .metadata = buf_view(&metadata)});
    buf_done(&metadata);
}
