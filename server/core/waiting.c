/* SPDX-License-Identifier: MIT
 *
 * A ring through its own head: a thing can leave without knowing its queue, which utlist's lists cannot offer.
 */
#include "server/core/waiting.h"

#include <assert.h>

void waiting_init(struct waiting *q)
{
    q->ends.prev = q->ends.next = &q->ends;
}

void waiting_add(struct waiting *q, struct wait *w, uint64_t now)
{
    struct wait *last = q->ends.prev;
    assert(!w->next && (last == &q->ends || last->since <= now));
    *w = (struct wait){.prev = last, .next = &q->ends, .since = now};
    last->next = w;
    q->ends.prev = w;
}

void waiting_remove(struct wait *w)
{
    if (!w->next)
        return;
    w->prev->next = w->next;
    w->next->prev = w->prev;
    w->prev = w->next = NULL;
}

void waiting_move_all(struct waiting *from, struct waiting *to)
{
    struct wait *first = from->ends.next, *last = from->ends.prev;
    if (first == &from->ends)
        return;
    first->prev = to->ends.prev;
    first->prev->next = first;
    last->next = &to->ends;
    to->ends.prev = last;
    waiting_init(from);
}

struct wait *waiting_first(const struct waiting *q)
{
    return q->ends.next == &q->ends ? NULL : q->ends.next;
}

uint64_t waiting_due(const struct waiting *q, uint64_t interval)
{
    assert(q->ends.next);
    const struct wait *first = waiting_first(q);
    return first && interval ? first->since + interval : UINT64_MAX;
}
