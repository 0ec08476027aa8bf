/* SPDX-License-Identifier: MIT
 *
 * Whether a link lives. A ping every 2 s shows it; after 6 s of silence whoever made the offer restarts ICE on the same
 * connection, once; who hears that ICE lost its pair does so at once, whoever it is, since the other end may have
 * nothing but the silence to go by. What does not come back within 5 s is over (link.c).
 *
 * Who takes a new roster entry while its link looks alive may be another process, which knows nothing of the link: it
 * is asked at once, and if it does not answer in PROBE_MS the two begin anew, rather than after 6 s of silence and a
 * restart in vain.
 *
 * Plain peers are not pinged, for their application would see it; ICE tells when they are gone.
 */
#include <assert.h>

#include "peer/core/link/link_inner.h"
#include "peer/core/state.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/facts.h"
#include "peer/core/link/call.h"
#include "peer/core/link/connection.h"
#include "peer/core/link/link.h"
#include "peer/core/link/send.h"

void link_ping(struct peer *p, struct person *who)
{
    assert(who->keyed && link_is_up(who));
    struct link *link = &who->link;
    link->ping_number = p->now;
    link->ping_at = p->now + PING_MS;
    effect_wake(p, link->ping_at);
    /* Counted on a congested link too, where none can be sent: the other's own pings tell that it lives. */
    link->pings++;
    send_heartbeat(p, who, false, p->now);
}

void link_pong(struct peer *p, struct connection *a, uint64_t number)
{
    struct link *link = &a->person->link;
    if (a != link->connection || number > p->now)
        return;
    if (number >= link->probe)
        link->probe_at = NEVER;
    if (number != link->ping_number)
        return;
    link->rtt_ms = p->now > number ? p->now - number : 1;
    connection_report(p, a, false);
}

void link_offer_restart(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (link->offerer || link->connection->lost)
        call_restart(p, link->connection);
}

static void restart(struct peer *p, struct person *who)
{
    assert(who->link.state == LINK_UP);
    link_notice(p, who, "restarting");
    /* Before the restart is offered: it goes through others, and this link must not count as a way. */
    link_move(p, who, LINK_RESTARTING, p->now + RESTART_MS);
    link_offer_restart(p, who);
}

/* Life on the current connection. */
static void revive(struct peer *p, struct person *who)
{
    who->link.heard_at = p->now;
    who->link.pings = 0;
    if (who->link.state != LINK_RESTARTING)
        return;
    who->link.probe_at = NEVER;
    link_move(p, who, LINK_UP, NEVER);
    fact_add(p, who, FACT_LINK_WRITABLE);
}

void link_heard(struct peer *p, struct connection *a)
{
    if (a->introduced && a == a->person->link.connection)
        revive(p, a->person);
}

void link_ice(struct peer *p, struct connection *a, bool connected, enum peer_path path)
{
    struct person *who = a->person;
    if (connected) {
        p->routes_changed |= a->path != path;
        a->path = path;
    }
    if (a != who->link.connection || !a->introduced)
        return;
    a->lost = !connected;
    if (connected)
        revive(p, who);
    else if (who->link.state == LINK_UP)
        restart(p, who);
}

/* A name or key can be copied, so a new roster entry alone ends nothing that lives: the link is asked, and has a
 * second to answer. One that is silent already, or not introduced by then, is not waited for. */
void link_entry_new(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    link_entry_changed(p, who);
    if (!who->keyed || !link->connection || link->state == LINK_CALLING || link->probe_at != NEVER)
        return;
    link->probe = p->now;
    link->probe_at = p->now + PROBE_MS;
    effect_wake(p, link->probe_at);
    if (link->state == LINK_UP)
        link_ping(p, who);
}

void link_probe_unanswered(struct peer *p, struct person *who)
{
    assert(who->keyed);
    struct link *link = &who->link;
    link->probe_at = NEVER;
    link_notice(p, who, "retrying: it sits elsewhere and does not answer");
    if (link->rival)
        link_retry(p, who);
    else
        link_begin(p, who);
}

/* Whether nobody has asked for it for a while. Who was called does not know what for, so it does not hang up at
 * once. */
static bool is_idle(const struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (link_is_wanted(p, who))
        link->idle_since = NEVER;
    else if (link->idle_since == NEVER)
        link->idle_since = p->now;
    return link->idle_since != NEVER && p->now - link->idle_since >= LINGER_MS && who->waiting == 0;
}

void link_pulse(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    if (!who->keyed)
        return;
    if (p->now >= link->ping_at)
        link_ping(p, who);
    effect_wake(p, link->ping_at);
    if (is_idle(p, who)) {
        link_retry(p, who);
        return;
    }
    /* Three pings must have gone: a machine that slept has sent none, and its links may well live. */
    if (link->state != LINK_UP || link->pings < PINGS_MAX)
        return;
    if (p->now >= link->heard_at + DEAD_MS)
        restart(p, who);
    else
        effect_wake(p, link->heard_at + DEAD_MS);
}
