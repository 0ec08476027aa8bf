/* SPDX-License-Identifier: MIT
 *
 * With whom a link is wished for, and whose turn it is to call. The overlay asks for some (overlay.h); somebody who has
 * something for a person wishes for a link for a while; plain peers, who know of no friends, always get one. A call
 * needs a seat of theirs in the room, or friends who carry signals.
 *
 * The roles of the first offer stay for restarts and new attempts, whatever seats the two have by then.
 */
#include "peer/core/link_inner.h"

/* Without a seat the identities decide. */
bool link_is_our_turn(const struct peer *p, const struct person *who, const struct seat *seat)
{
    if (who->link.has_role)
        return who->link.offerer;
    return seat ? strcmp(p->session.seat, seat->id) < 0 : strcmp(p->id, who->id) < 0;
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

uint64_t link_seats_usable_at(const struct person *who)
{
    uint64_t at = NEVER;
    for (const struct seat *seat = who->seats; seat; seat = seat->next)
        if (!seat->away && seat->refused_until < at)
            at = seat->refused_until;
    return at;
}

void link_wanted(struct peer *p, struct person *who)
{
    struct link *link = &who->link;
    bool parked = !link->attempt && link->at == NEVER;
    link->wanted_until = p->now + LINGER_MS;
    if (parked && (who->seats || link_has_friends(p, who)))
        link_reseated(p, who);
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
        if (who->keyed && (roster_there(who) || relay_reaches(p, who)))
            ids[n++] = person_id(who);
    overlay_set(p->overlay, ids, n);
    free(ids);
    for (struct person *who = p->people; who; who = who->hh.next) {
        const struct link *link = &who->link;
        if (!link->attempt && link->at == NEVER && link_is_wanted(p, who) && (who->seats || link_has_friends(p, who)))
            link_reseated(p, who);
    }
}
