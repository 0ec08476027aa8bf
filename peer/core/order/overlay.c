/* SPDX-License-Identifier: MIT
 *
 * A member b is a's finger for a distance d if a + d lies behind b's predecessor and not behind b: then b is the first
 * at or after it. Positions on the ring count from b's predecessor, so that nothing wraps but the subtraction.
 */
#include <assert.h>

#include "peer/core/order/overlay.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"

struct place {
    uint64_t high, low;
};

struct overlay {
    struct place self;
    struct place *ring; /* sorted, each once, ourselves among them; NULL: ourselves alone */
    size_t n;
    unsigned fingers;
};

static bool place_of(struct span id, struct place *out)
{
    uint8_t bytes[ID_BYTES];
    if (!base32_decode(id, bytes, sizeof bytes))
        return false;
    *out = (struct place){0, 0};
    for (size_t i = 0; i < sizeof bytes / 2; i++) {
        out->high = out->high << 8 | bytes[i];
        out->low = out->low << 8 | bytes[i + sizeof bytes / 2];
    }
    return true;
}

static int compare(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return a->low < b->low ? -1 : a->low > b->low;
}

static struct place plus(struct place a, struct place b)
{
    uint64_t low = a.low + b.low;
    return (struct place){a.high + b.high + (low < a.low), low};
}

static struct place minus(struct place a, struct place b)
{
    return (struct place){a.high - b.high - (a.low < b.low), a.low - b.low};
}

struct overlay *overlay_new(struct span self)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (o && !place_of(self, &o->self)) {
        free(o);
        return NULL;
    }
    return o;
}

void overlay_free(struct overlay *o)
{
    if (!o)
        return;
    free(o->ring);
    free(o);
}

bool overlay_set(struct overlay *o, const struct span *ids, size_t n)
{
    struct place *ring = calloc(n + 1, sizeof *ring);
    if (!ring)
        return false;
    size_t count = 0;
    ring[count++] = o->self;
    for (size_t i = 0; i < n; i++)
        count += place_of(ids[i], &ring[count]);
    qsort(ring, count, sizeof *ring, compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&ring[i], &ring[i - 1]) != 0)
            ring[kept++] = ring[i];
    free(o->ring);
    o->ring = ring;
    o->n = kept;
    o->fingers = 0;
    while ((size_t)1 << o->fingers < kept)
        o->fingers++;
    return true;
}

size_t overlay_members(const struct overlay *o)
{
    return o->ring ? o->n : 1;
}

static const struct place *find(const struct overlay *o, const struct place *p)
{
    return o->ring ? bsearch(p, o->ring, o->n, sizeof *p, compare) : NULL;
}

static bool is_finger(const struct overlay *o, const struct place *a, const struct place *b)
{
    assert(o->n > 1);
    const struct place *before = b == o->ring ? b + o->n - 1 : b - 1;
    if (a == before)
        return true;
    struct place end = minus(*b, *before);
    for (unsigned k = 1; k <= o->fingers && k <= 64; k++) {
        struct place target = plus(*a, (struct place){UINT64_C(1) << (64 - k), 0}), at = minus(target, *before);
        if ((at.high != 0 || at.low != 0) && compare(&at, &end) <= 0)
            return true;
    }
    return false;
}

bool overlay_wants(const struct overlay *o, struct span id)
{
    assert(o && (o->ring || o->n == 0));
    struct place p;
    const struct place *us = find(o, &o->self), *them = place_of(id, &p) ? find(o, &p) : NULL;
    if (!us || !them || us == them)
        return false;
    return o->n <= OVERLAY_MESH_MAX || is_finger(o, us, them) || is_finger(o, them, us);
}
