/* SPDX-License-Identifier: MIT
 *
 * The rows of one life follow those of the last: a crash takes an end of the list and nothing else.
 */
#include "tests/sim/diary.h"

#include <stdlib.h>

struct entry {
    size_t number; /* SIZE_MAX: not one of the run's messages */
    char key[17];
};

struct diary {
    struct world *w;
    unsigned who;
    struct entry *v;
    size_t n, cap;
    struct marks has, shown;
    size_t last_shown; /* its place in the list, + 1 */
};

/* ---- sets ---- */

bool marks_has(const struct marks *m, size_t number)
{
    return number / 64 < m->n && (m->words[number / 64] >> number % 64 & 1) != 0;
}

static void reach(struct marks *m, size_t need)
{
    if (need <= m->n)
        return;
    uint64_t *words = realloc(m->words, need * sizeof *words);
    if (!words)
        abort();
    memset(words + m->n, 0, (need - m->n) * sizeof *words);
    *m = (struct marks){words, need};
}

void marks_add(struct marks *m, size_t number)
{
    reach(m, number / 64 + 1);
    m->words[number / 64] |= UINT64_C(1) << number % 64;
}

void marks_remove(struct marks *m, size_t number)
{
    if (number / 64 < m->n)
        m->words[number / 64] &= ~(UINT64_C(1) << number % 64);
}

void marks_join(struct marks *m, const struct marks *other)
{
    reach(m, other->n);
    for (size_t w = 0; w < other->n; w++)
        m->words[w] |= other->words[w];
}

void marks_without(struct marks *m, const struct marks *other)
{
    for (size_t w = 0; w < m->n && w < other->n; w++)
        m->words[w] &= ~other->words[w];
}

void marks_both(struct marks *m, const struct marks *other)
{
    for (size_t w = 0; w < m->n; w++)
        m->words[w] &= w < other->n ? other->words[w] : 0;
}

size_t marks_next(const struct marks *m, size_t from)
{
    for (size_t w = from / 64; w < m->n; w++) {
        uint64_t word = m->words[w] & (w == from / 64 ? ~UINT64_C(0) << from % 64 : ~UINT64_C(0));
        if (word)
            return w * 64 + (size_t)__builtin_ctzll(word);
    }
    return SIZE_MAX;
}

void marks_done(struct marks *m)
{
    free(m->words);
    *m = (struct marks){NULL, 0};
}

/* ---- texts ---- */

void diary_text(size_t number, char out[DIARY_TEXT_MAX])
{
    snprintf(out, DIARY_TEXT_MAX, "m%zu " DIARY_SECRET, number);
}

size_t diary_number(struct span text)
{
    const char *at = text.n ? memmem(text.p, text.n, " " DIARY_SECRET, sizeof " " DIARY_SECRET - 1) : NULL;
    size_t number = 0, each = 1, digits = 0;
    while (at && at > text.p && at[-1] >= '0' && at[-1] <= '9') {
        number += each * (size_t)(*--at - '0');
        each *= 10;
        digits++;
    }
    return digits > 0 && at > text.p && at[-1] == 'm' ? number : SIZE_MAX;
}

/* ---- the list ---- */

struct diary *diary_new(struct world *w, unsigned who)
{
    struct diary *r = world_alloc(sizeof *r);
    *r = (struct diary){.w = w, .who = who};
    return r;
}

void diary_free(struct diary *r)
{
    if (!r)
        return;
    marks_done(&r->has);
    marks_done(&r->shown);
    free(r->v);
    free(r);
}

size_t diary_put(struct diary *r, struct span key, struct span value)
{
    size_t number = diary_number(value);
    r->v = world_grow(r->v, r->n, &r->cap, sizeof *r->v);
    struct entry *e = &r->v[r->n];
    *e = (struct entry){.number = number};
    snprintf(e->key, sizeof e->key, "%.*s", (int)key.n, key.p);
    world_check(r->w, r->n == 0 || strcmp(r->v[r->n - 1].key, e->key) < 0, "%u: record %s after %s", r->who, e->key,
        r->n ? r->v[r->n - 1].key : "");
    r->n++;
    if (number == SIZE_MAX)
        return number;
    world_check(r->w, !marks_has(&r->has, number), "%u has m%zu twice in its record", r->who, number);
    marks_add(&r->has, number);
    return number;
}

struct restored {
    struct diary *r;
    size_t n;
};

static void compare(void *user, enum peer_table table, const struct peer_row *row)
{
    struct restored *s = user;
    if (table != TABLE_LOG)
        return;
    const struct diary *r = s->r;
    world_check(r->w, s->n < r->n && span_is(row->key, r->v[s->n].key) && diary_number(row->value) == r->v[s->n].number,
        "%u: the record on its disk is not what was written: %.*s", r->who, (int)row->key.n, row->key.p);
    s->n++;
}

void diary_restore(struct diary *r, const struct memory_store *store)
{
    struct restored s = {r, 0};
    memory_store_each(store, true, compare, &s);
    for (size_t i = s.n; i < r->n; i++) {
        size_t number = r->v[i].number;
        if (number == SIZE_MAX)
            continue;
        world_check(r->w, !marks_has(&r->shown, number), "%u was shown m%zu, and its disk lost it", r->who, number);
        marks_remove(&r->has, number);
    }
    r->n = s.n;
    r->last_shown = 0;
}

static void enter(void *user, enum peer_table table, const struct peer_row *row)
{
    if (table == TABLE_LOG)
        diary_put(user, row->key, row->value);
}

void diary_replace(struct diary *r, const struct memory_store *store)
{
    marks_done(&r->has);
    r->n = r->last_shown = 0;
    memory_store_each(store, true, enter, r);
    marks_both(&r->shown, &r->has);
}

bool diary_has(const struct diary *r, size_t number)
{
    return marks_has(&r->has, number);
}

static size_t place_of(const struct diary *r, size_t number)
{
    for (size_t i = r->n; i-- > 0;)
        if (r->v[i].number == number)
            return i;
    return SIZE_MAX;
}

bool diary_keeps(const struct diary *r, const struct memory_store *store, size_t number)
{
    size_t i = diary_has(r, number) ? place_of(r, number) : SIZE_MAX;
    return i != SIZE_MAX && memory_store_survives(store, TABLE_LOG, span_of(r->v[i].key));
}

const struct marks *diary_marks(const struct diary *r)
{
    return &r->has;
}

size_t diary_count(const struct diary *r)
{
    return r->n;
}

size_t diary_at(const struct diary *r, size_t i)
{
    return r->v[i].number;
}

void diary_show(struct diary *r, size_t number)
{
    size_t i = place_of(r, number);
    world_check(r->w, i != SIZE_MAX, "%u is shown m%zu, which is not in its record", r->who, number);
    world_check(r->w, !marks_has(&r->shown, number), "%u is shown m%zu twice", r->who, number);
    world_check(r->w, i + 1 > r->last_shown, "%u is shown m%zu after a later one", r->who, number);
    marks_add(&r->shown, number);
    r->last_shown = i + 1;
}
