/* SPDX-License-Identifier: MIT
 *
 * What is missing, and when it is given up. Only the first held message of each author (its head) can be stuck:
 *
 *     a gap before it       until CAUSAL_GAP_MS after it came and after its author filled something in
 *     a claim about one     likewise, and at most CAUSAL_CLAIM_MS
 *     of whom nothing is held
 *     a claim about one     until that one's own head is delivered, whose turn comes by one of these rules; unless the
 *     who has a head        heads wait in a circle: then the oldest of them is untied
 *
 * One author is enough to follow from each head, so a circle is found in one pass over the authors; another circle
 * through a head's other claims comes to light once the first is untied.
 */
#include "peer/core/order/causal_state.h"

#include <assert.h>

static bool is_next(const struct author *a)
{
    return a->held && a->held->sequence == a->count + 1;
}

/* The claim of a head that waits for another head; NULL: it waits for something missing, or is ready. */
static struct claim *tie_of(const struct author *a)
{
    for (size_t i = 0; is_next(a) && i < a->held->claim_count; i++)
        if (a->held->claims[i].author && a->held->claims[i].author->held)
            return &a->held->claims[i];
    return NULL;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void propose(struct closing *best, struct closing one)
{
    if (one.at < best->at)
        *best = one;
}

static void look_at_head(struct closing *best, struct author *a)
{
    struct item *head = a->held;
    if (!is_next(a)) {
        propose(best, (struct closing){.at = later(head->since, a->filled) + CAUSAL_GAP_MS, .author = a});
        return;
    }
    for (size_t i = 0; i < head->claim_count; i++) {
        struct claim *claim = &head->claims[i];
        if (!claim->author || claim->author->held)
            continue;
        uint64_t at = later(head->since, claim->author->filled) + CAUSAL_GAP_MS, last = head->since + CAUSAL_CLAIM_MS;
        propose(best, (struct closing){.at = at < last ? at : last, .claim = claim});
    }
}

/* Follows the ties from an author until they end, or meet a walk: an earlier one has been judged, our own is a circle. */
static void look_for_circle(struct causal *c, struct closing *best, struct author *a, uint64_t before)
{
    uint64_t walk = ++c->walk;
    struct claim *tie = NULL;
    while (a->mark <= before && (tie = tie_of(a))) {
        a->mark = walk;
        a = tie->author;
    }
    if (!tie || a->mark != walk)
        return;
    struct claim *oldest = tie_of(a);
    for (const struct author *b = oldest->author; b != a; b = tie->author) {
        tie = tie_of(b);
        if (tie->item->since < oldest->item->since)
            oldest = tie;
    }
    propose(best, (struct closing){.at = oldest->item->since + CAUSAL_GAP_MS, .claim = oldest, .tied = true});
}

static const struct closing *closing(struct causal *c)
{
    if (!c->closing_is_stale)
        return &c->closing;
    c->closing = (struct closing){.at = CAUSAL_NEVER};
    c->closing_is_stale = false;
    uint64_t before = c->walk;
    struct item *it;
    DL_FOREACH2(c->items, it, all_next)
    {
        if (it->author->held != it)
            continue;
        look_at_head(&c->closing, it->author);
        look_for_circle(c, &c->closing, it->author, before);
    }
    return &c->closing;
}

uint64_t causal_due(struct causal *c)
{
    return closing(c)->at;
}

bool causal_give_up(struct causal *c, uint64_t now, struct causal_gap *missing)
{
    struct closing it = *closing(c);
    if (it.at > now || it.at == CAUSAL_NEVER)
        return false;
    c->closing_is_stale = true;
    const struct author *who = it.claim ? it.claim->author : it.author;
    *missing = (struct causal_gap){
        .since = it.at - CAUSAL_GAP_MS, .item = it.claim ? it.claim->item->item : it.author->held->item};
    memcpy(missing->author, who->id, sizeof missing->author);
    if (!it.tied) {
        missing->from = who->count + 1;
        missing->to = it.claim ? it.claim->need : it.author->held->sequence - 1;
        missing->proved = !it.claim;
    }
    if (it.claim) {
        const struct author *waiting = it.claim->item->author;
        causal_settle(c, it.claim);
        causal_judge(c, waiting);
    } else {
        bool known = causal_make_known(c, it.author);
        assert(known); /* of people for whom there is no place nothing is held */
        causal_advance(c, it.author, missing->to);
    }
    return true;
}

/* The first range of an author that is needed and not held; false: none. */
static bool gap_of(const struct author *a, struct causal_gap *gap)
{
    uint64_t from = a->count + 1;
    const struct item *it = a->held;
    for (; it && it->sequence == from; it = it->next)
        from++;
    if (!it && (!a->claims || a->claims->prev->need < from))
        return false;
    *gap = (struct causal_gap){
        .from = from, .to = it ? it->sequence - 1 : a->claims->prev->need, .since = CAUSAL_NEVER, .proved = it != NULL};
    for (; it; it = it->next)
        gap->since = it->since < gap->since ? it->since : gap->since;
    const struct claim *claim;
    DL_FOREACH (a->claims, claim)
        if (claim->need >= from && claim->item->since < gap->since)
            gap->since = claim->item->since;
    gap->since = later(gap->since, a->filled);
    memcpy(gap->author, a->id, sizeof gap->author);
    return true;
}

size_t causal_gaps(const struct causal *c, struct causal_gap *out, size_t max)
{
    size_t n = 0;
    for (const struct author *a = c->authors; a && n < max && c->items; a = a->hh.next)
        n += gap_of(a, &out[n]);
    return n;
}
