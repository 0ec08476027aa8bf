/* SPDX-License-Identifier: MIT
 *
 * With whom a link is wished for, and whose turn it is to call. The overlay asks for some (overlay.h); somebody who has
 * something for a person wishes for a link for a while; plain peers, who know of no friends, always get one. A call
 * needs a roster entry of theirs in the room, or friends who carry signals.
 *
 * The roles of the first offer stay for restarts and new connections, whatever roster entries the two have by then.
 */
#include <assert.h>

#include "peer/core/link/link_inner.h"
#include "peer/core/state.h"
#include "peer/core/order/overlay.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/roster.h"
#include "peer/core/link/link.h"
#include "peer/core/link/relay.h"
#include "peer/core/link/twin.h"

/* Without a roster entry the identities decide. */
bool link_is_our_turn(const struct peer *p, const struct person *who, const struct roster_entry *entry)
{
    if (who->link.has_role)
        return who->link.offerer;
    return entry ? strcmp(p->session.peer_id, entry->id) < 0 : strcmp(p->id, who->id) < 0;
}

bool link_has_friends(const struct peer *p, const struct person *who)
{
    return !link_is_up(who) && relay_reaches(p, who);
}

bool link_is_wanted(const struct peer *p, const struct person *who)
{
    if (twin_doubts(p))
        return false;
    return !who->keyed || overlay_wants(p->overlay, person_id(who)) || who->link.wanted_until > p->now;
}

uint64_t link_callable_at(const struct person *who)
{
    uint64_t at = NEVER;
    for (const struct roster_entry *entry = who->entries; entry; entry = entry->next)
        if (!entry->away && entry->refused_until < at)
            at = entry->refused_until;
    return at;
}

void link_wanted(struct peer *p, struct person *who)
{
    assert(who->keyed && !who->left);
    struct link *link = &who->link;
    bool parked = !link->connection && link->at == NEVER;
    link->wanted_until = p->now + LINGER_MS;
    if (parked && (who->entries || link_has_friends(p, who)))
        link_entry_changed(p, who);
}

void link_overlay(struct peer *p)
{
    static const size_t more = 1;
    size_t n = 0;
    struct span *ids = calloc(HASH_COUNT(p->people) + more, sizeof *ids);
    if (!ids)
        return;
    p->overlay_stale = false;
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->keyed && (link_is_there(who) || relay_reaches(p, who)))
            ids[n++] = person_id(who);
    overlay_set(p->overlay, ids, n);
    free(ids);
    for (struct person *who = p->people; who; who = who->hh.next) {
        const struct link *link = &who->link;
        if (!link->connection && link->at == NEVER && link_is_wanted(p, who) &&
            (who->entries || link_has_friends(p, who)))
            link_entry_changed(p, who);
    }
}
