/* SPDX-License-Identifier: MIT
 *
 * Facts about people: what a floor has found, for the floors above it, which it does not call. hand_on.c takes them
 * from here until there are none. Each person has a bit for each kind of fact and at most one place in the queue, so
 * the queue needs no memory of its own, cannot overflow, and tells nobody the same thing twice.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/people/facts.h"

void fact_add(struct peer *p, struct person *who, enum fact fact)
{
    assert(who && fact < FACTS);
    if (who->facts == 0) {
        who->fact_next = NULL;
        *(p->facts.first ? &p->facts.last->fact_next : &p->facts.first) = who;
        p->facts.last = who;
    }
    who->facts |= 1u << fact;
}

struct person *fact_next(struct peer *p, enum fact *fact)
{
    struct person *who = p->facts.first;
    if (!who)
        return NULL;
    assert(who->facts != 0);
    *fact = 0;
    while (!(who->facts & (1u << *fact)))
        (*fact)++;
    who->facts &= ~(1u << *fact);
    if (who->facts == 0)
        p->facts.first = who->fact_next;
    return who;
}
