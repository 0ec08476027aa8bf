/* SPDX-License-Identifier: MIT
 *
 * A message is ready when it is the first held of its author, next in sequence, and has no unmet claim; it stays held
 * until causal_next takes it. Both lists are filled from their ends, since counts mostly come in order; how long they
 * get is bounded by what a claim is charged. Rejected: looking at everything that waits after each delivery, and one
 * list of waiting messages for the whole conversation, both of which a liar makes quadratic.
 */
#include "peer/core/order/causal_state.h"

#include <assert.h>
#include <stdlib.h>

/* ---- authors ---- */

static struct author *find(const struct causal *c, struct span id)
{
    struct author *a;
    HASH_FIND(hh, c->authors, id.p, (unsigned)id.n, a);
    return a;
}

static bool reserve(struct causal *c)
{
    if (HASH_COUNT(c->authors) < c->known_cap || c->known_cap == CAUSAL_AUTHORS_MAX)
        return true;
    size_t cap = c->known_cap ? 2 * c->known_cap : 4;
    struct author **known = realloc(c->known, cap * sizeof(struct author *));
    if (!known)
        return false;
    c->known = known;
    c->known_cap = cap;
    return true;
}

static struct author *find_or_add(struct causal *c, struct span id)
{
    assert(id.n > 0 && id.n <= ENVELOPE_PERSON_MAX);
    struct author *a = find(c, id);
    if (a || !reserve(c) || !(a = calloc(1, sizeof *a)))
        return a;
    memcpy(a->id, id.p, id.n);
    HASH_ADD(hh, c->authors, id, (unsigned)id.n, a);
    if (!a->hh.tbl) {
        free(a);
        return NULL;
    }
    return a;
}

/* Somebody who was only named in claims that are settled is forgotten. */
static void forget_if_unused(struct causal *c, struct author *a)
{
    if (a->known || a->held || a->claims)
        return;
    HASH_DEL(c->authors, a);
    free(a);
}

/* ---- what waits ---- */

void causal_judge(struct causal *c, const struct author *a)
{
    struct item *first = a->held;
    if (!first || first->ready || first->unmet > 0 || first->sequence != a->count + 1)
        return;
    first->ready = true;
    DL_APPEND2(c->ready, first, ready_prev, ready_next);
}

void causal_settle(struct causal *c, struct claim *claim)
{
    struct author *a = claim->author;
    DL_DELETE(a->claims, claim);
    claim->author = NULL;
    claim->item->unmet--;
    forget_if_unused(c, a);
}

/* Out of all lists; the caller's item is returned. The author may be gone then. */
static void *take(struct causal *c, struct item *it)
{
    struct author *a = it->author;
    void *item = it->item;
    for (size_t i = 0; i < it->claim_count; i++)
        if (it->claims[i].author)
            causal_settle(c, &it->claims[i]);
    if (it->ready)
        DL_DELETE2(c->ready, it, ready_prev, ready_next);
    DL_DELETE2(c->items, it, all_prev, all_next);
    DL_DELETE(a->held, it);
    a->held_count--;
    a->held_bytes -= it->cost;
    c->item_count--;
    c->bytes -= it->cost;
    free(it);
    forget_if_unused(c, a);
    return item;
}

static void drop(struct causal *c, struct item *it)
{
    void *item = take(c, it);
    if (c->item_free)
        c->item_free(c->ctx, item);
}

bool causal_make_known(struct causal *c, struct author *a)
{
    if (a->known)
        return true;
    if (c->known_count == CAUSAL_AUTHORS_MAX)
        return false;
    a->known = true;
    c->known[c->known_count++] = a;
    if (c->known_count < CAUSAL_AUTHORS_MAX)
        return true;
    /* The last place is taken: who is unknown now stays so, and what is held of him will never be delivered. */
    struct item *it, *next;
    DL_FOREACH_SAFE2(c->items, it, next, all_next)
    if (!it->author->known)
        drop(c, it);
    return true;
}

void causal_advance(struct causal *c, struct author *a, uint64_t count)
{
    assert(a->known && count > a->count);
    a->count = count;
    if (!a->changed && a != c->self) {
        a->changed = true;
        DL_APPEND(c->changed, a);
        c->changed_count++;
    }
    while (a->held && a->held->sequence <= count)
        drop(c, a->held);
    while (a->claims && a->claims->need <= count) {
        const struct item *it = a->claims->item;
        causal_settle(c, a->claims);
        causal_judge(c, it->author);
    }
    causal_judge(c, a);
}

/* ---- life and clock ---- */

struct causal *causal_new(struct span self, void (*item_free)(void *ctx, void *item), void *ctx)
{
    struct causal *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->item_free = item_free;
    c->ctx = ctx;
    c->closing_is_stale = true;
    c->self = find_or_add(c, self);
    if (!c->self) {
        causal_free(c);
        return NULL;
    }
    causal_make_known(c, c->self);
    return c;
}

void causal_free(struct causal *c)
{
    if (!c)
        return;
    while (c->items)
        drop(c, c->items);
    struct author *a, *next;
    HASH_ITER (hh, c->authors, a, next) {
        HASH_DEL(c->authors, a);
        free(a);
    }
    free(c->known);
    free(c);
}

uint64_t causal_get(const struct causal *c, struct span author)
{
    const struct author *a = find(c, author);
    return a ? a->count : 0;
}

uint64_t causal_has(const struct causal *c, struct span author)
{
    const struct author *a = find(c, author);
    uint64_t has = a ? a->count : 0;
    for (const struct item *it = a ? a->held : NULL; it && it->sequence == has + 1; it = it->next)
        has++;
    return has;
}

uint64_t causal_held_next(const struct causal *c, struct span author)
{
    const struct author *a = find(c, author);
    uint64_t has = causal_has(c, author);
    const struct item *it = a ? a->held : NULL;
    while (it && it->sequence <= has)
        it = it->next;
    return it ? it->sequence : 0;
}

bool causal_known(const struct causal *c, struct span author)
{
    const struct author *a = find(c, author);
    return a && a->known;
}

size_t causal_size(const struct causal *c)
{
    return c->known_count;
}

struct envelope_tick causal_at(const struct causal *c, size_t i)
{
    assert(i < c->known_count);
    return (struct envelope_tick){span_of(c->known[i]->id), c->known[i]->count};
}

bool causal_set(struct causal *c, struct span author, uint64_t count)
{
    assert(count <= ENVELOPE_NUMBER_MAX);
    c->closing_is_stale = true;
    struct author *a = find_or_add(c, author);
    if (!a)
        return false;
    if (!causal_make_known(c, a)) {
        forget_if_unused(c, a);
        return false;
    }
    if (count > a->count)
        causal_advance(c, a, count);
    return true;
}

size_t causal_clock(const struct causal *c, bool whole, struct envelope_tick *out, size_t max)
{
    size_t n = 0;
    if ((whole ? c->known_count : c->changed_count + 1) > max || c->self->count == ENVELOPE_NUMBER_MAX)
        return 0;
    out[n++] = (struct envelope_tick){span_of(c->self->id), c->self->count + 1};
    for (size_t i = 1; whole && i < c->known_count; i++)
        if (c->known[i]->count > 0)
            out[n++] = causal_at(c, i);
    for (const struct author *a = whole ? NULL : c->changed; a; a = a->next)
        out[n++] = (struct envelope_tick){span_of(a->id), a->count};
    return n;
}

void causal_tick(struct causal *c)
{
    assert(c->self->count < ENVELOPE_NUMBER_MAX);
    c->closing_is_stale = true;
    while (c->changed) {
        struct author *a = c->changed;
        DL_DELETE(c->changed, a);
        a->changed = false;
    }
    c->changed_count = 0;
    causal_advance(c, c->self, c->self->count + 1);
}

/* ---- messages ---- */

static bool is_unmet(const struct causal *c, struct span author, const struct envelope_tick *tick)
{
    return !span_eq(tick->who, author) && tick->count > causal_get(c, tick->who);
}

/* Where it belongs among those held; *there if that place is taken. The one that it goes behind, or NULL. */
static struct item *place_of(const struct author *a, uint64_t sequence, bool *there)
{
    struct item *after = a->held ? a->held->prev : NULL;
    while (after && after->sequence > sequence)
        after = after == a->held ? NULL : after->prev;
    *there = after && after->sequence == sequence;
    return after;
}

const void *causal_held(const struct causal *c, struct span author, uint64_t sequence)
{
    const struct author *a = find(c, author);
    bool there = false;
    const struct item *it = a ? place_of(a, sequence, &there) : NULL;
    return there ? it->item : NULL;
}

static void add_claim(struct author *a, struct claim *claim)
{
    struct claim *after = a->claims ? a->claims->prev : NULL;
    while (after && after->need > claim->need)
        after = after == a->claims ? NULL : after->prev;
    claim->author = a;
    if (after)
        DL_APPEND_ELEM(a->claims, after, claim);
    else
        DL_PREPEND(a->claims, claim);
}

/* Somebody waits for this sequence, or for one behind it. */
static bool fills(const struct author *a, uint64_t sequence)
{
    return (a->held && a->held->prev->sequence > sequence) || (a->claims && a->claims->prev->need >= sequence);
}

/* What a waiting message costs. A claim may need an author of its own, and is charged as if it did. */
static size_t cost_of(size_t bytes, size_t unmet)
{
    return sizeof(struct item) + unmet * (sizeof(struct claim) + sizeof(struct author)) + bytes;
}

static bool has_room(const struct causal *c, const struct author *a, size_t bytes, size_t unmet)
{
    if (bytes > CAUSAL_AUTHOR_BYTES_MAX || unmet > CAUSAL_AUTHORS_MAX || a->held_count >= CAUSAL_AUTHOR_WAITING_MAX ||
        c->item_count >= CAUSAL_WAITING_MAX || (!a->known && c->known_count == CAUSAL_AUTHORS_MAX))
        return false;
    size_t cost = cost_of(bytes, unmet);
    return a->held_bytes + cost <= CAUSAL_AUTHOR_BYTES_MAX && c->bytes + cost <= CAUSAL_BYTES_MAX;
}

struct offer {
    struct span author;
    uint64_t sequence, now;
    const struct envelope_tick *clock;
    size_t clock_count, unmet, bytes;
    void *item;
};

static bool hold(struct causal *c, struct author *a, const struct offer *o)
{
    struct item *it = NULL;
    if (has_room(c, a, o->bytes, o->unmet))
        it = calloc(1, sizeof *it + o->unmet * sizeof(struct claim));
    if (!it)
        return false;
    *it = (struct item){
        .author = a, .sequence = o->sequence, .since = o->now, .item = o->item, .cost = cost_of(o->bytes, o->unmet)};
    bool there, whole = true;
    struct item *after = place_of(a, o->sequence, &there);
    if (after)
        DL_APPEND_ELEM(a->held, after, it);
    else
        DL_PREPEND(a->held, it);
    DL_APPEND2(c->items, it, all_prev, all_next);
    a->held_count++;
    a->held_bytes += it->cost;
    c->item_count++;
    c->bytes += it->cost;
    for (size_t i = 0; i < o->clock_count && whole; i++) {
        if (!is_unmet(c, o->author, &o->clock[i]))
            continue;
        struct author *needed = find_or_add(c, o->clock[i].who);
        whole = needed != NULL;
        if (!whole)
            continue;
        struct claim *claim = &it->claims[it->claim_count++];
        *claim = (struct claim){.item = it, .need = o->clock[i].count};
        it->unmet++;
        add_claim(needed, claim);
    }
    if (!whole)
        take(c, it);
    return whole;
}

enum causal_verdict causal_offer(struct causal *c, struct span author, uint64_t sequence,
    const struct envelope_tick *clock, size_t clock_count, void *item, size_t bytes, uint64_t now)
{
    assert(author.n > 0 && sequence > 0);
    assert(sequence > 0 && sequence <= ENVELOPE_NUMBER_MAX);
    bool there = false;
    struct author *a = find_or_add(c, author);
    if (!a)
        return CAUSAL_FULL;
    place_of(a, sequence, &there);
    if (sequence <= a->count || there)
        return CAUSAL_OLD;
    struct offer o = {author, sequence, now, clock, clock_count, 0, bytes, item};
    for (size_t i = 0; i < clock_count; i++)
        o.unmet += is_unmet(c, author, &clock[i]);
    bool next = o.unmet == 0 && sequence == a->count + 1, needed = fills(a, sequence);
    if (!(next ? causal_make_known(c, a) : hold(c, a, &o))) {
        a = find(c, author); /* hold may have forgotten it */
        if (a)
            forget_if_unused(c, a);
        return CAUSAL_FULL;
    }
    c->closing_is_stale = true;
    if (needed)
        a->filled = now;
    if (next)
        causal_advance(c, a, sequence);
    return next ? CAUSAL_DELIVER : CAUSAL_WAIT;
}

/* How far its last held message is ahead of its clock; 0: nothing is held. */
static uint64_t ahead(const struct author *a)
{
    return a && a->held ? a->held->prev->sequence - a->count : 0;
}

void *causal_evict(struct causal *c, struct span author, uint64_t sequence, size_t bytes)
{
    const struct author *own = find(c, author), *furthest = own;
    uint64_t distance = sequence - causal_get(c, author);
    bool has_share = own && (own->held_count >= CAUSAL_AUTHOR_WAITING_MAX ||
                                own->held_bytes + cost_of(bytes, 0) > CAUSAL_AUTHOR_BYTES_MAX);
    if ((!own || !own->known) && c->known_count == CAUSAL_AUTHORS_MAX)
        return NULL;
    for (const struct author *a = has_share ? NULL : c->authors; a; a = a->hh.next)
        furthest = ahead(a) > ahead(furthest) ? a : furthest;
    if (ahead(furthest) <= distance)
        return NULL;
    c->closing_is_stale = true;
    return take(c, furthest->held->prev);
}

void *causal_next(struct causal *c)
{
    struct item *it = c->ready;
    if (!it)
        return NULL;
    c->closing_is_stale = true;
    struct author *a = it->author;
    uint64_t sequence = it->sequence;
    causal_make_known(c, a);
    void *item = take(c, it);
    causal_advance(c, a, sequence);
    return item;
}

size_t causal_waiting(const struct causal *c)
{
    return c->item_count;
}

size_t causal_waiting_bytes(const struct causal *c)
{
    return c->bytes;
}
