/* SPDX-License-Identifier: MIT
 *
 * One conversation's order against a model that looks at everything each time. Bytes from anywhere become offers (true
 * ones, forged ones, of any order), raised clocks, ticks, and time that goes by. In the end nothing may wait for ever.
 */
#ifndef TESTS_UNIT_PEER_CAUSAL_MODEL_H
#define TESTS_UNIT_PEER_CAUSAL_MODEL_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer/core/order/causal.h"

enum {
    MODEL_AUTHORS = 6, /* ourselves are number 0 */
    MODEL_WAITING = 120,
    MODEL_STEPS = 600,
};

struct model_message {
    bool waits;
    unsigned author;
    uint64_t sequence, clock[MODEL_AUTHORS];
};

struct model {
    unsigned (*next)(void *ctx); /* a byte */
    void *ctx;
    struct causal *c;
    uint64_t now, count[MODEL_AUTHORS];
    bool changed[MODEL_AUTHORS];
    unsigned given_up[MODEL_AUTHORS]; /* claims about this author that were dropped and not yet made use of */
    bool any_given_up;
    struct model_message waiting[MODEL_WAITING];
};

static struct span model_name(unsigned author)
{
    static const char NAMES[MODEL_AUTHORS][3] = {"me", "a", "b", "c", "d", "e"};
    return span_of(NAMES[author]);
}

static unsigned model_author(struct span name)
{
    unsigned i = 0;
    while (!span_eq(name, model_name(i)))
        i++;
    assert(i < MODEL_AUTHORS);
    return i;
}

static void model_freed(void *ctx, void *item)
{
    (void)ctx;
    struct model_message *m = item;
    assert(m->waits);
    m->waits = false;
}

/* Claims that are not reached. */
static unsigned model_unmet(const struct model *w, const struct model_message *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < MODEL_AUTHORS; i++)
        n += i != m->author && m->clock[i] > w->count[i];
    return n;
}

static const struct model_message *model_waiting(const struct model *w, unsigned author, uint64_t sequence)
{
    for (unsigned i = 0; i < MODEL_WAITING; i++)
        if (w->waiting[i].waits && w->waiting[i].author == author && w->waiting[i].sequence == sequence)
            return &w->waiting[i];
    return NULL;
}

static void model_moves(struct model *w, unsigned author, uint64_t count)
{
    w->changed[author] |= author != 0 && count > w->count[author];
    w->count[author] = count;
}

static void model_drain(struct model *w)
{
    struct model_message *m;
    while ((m = causal_next(w->c))) {
        assert(m->waits && m->sequence == w->count[m->author] + 1);
        for (unsigned i = 0; i < MODEL_AUTHORS; i++)
            if (i != m->author && m->clock[i] > w->count[i])
                assert(w->given_up[i]-- > 0);
        m->waits = false;
        model_moves(w, m->author, m->sequence);
    }
    size_t n = 0;
    for (unsigned i = 0; i < MODEL_WAITING; i++) {
        m = &w->waiting[i];
        n += m->waits;
        assert(!m->waits || m->sequence > w->count[m->author]);
        assert(!m->waits || m->sequence != w->count[m->author] + 1 || model_unmet(w, m) > 0);
    }
    assert(n == causal_waiting(w->c) && (n > 0) == (causal_waiting_bytes(w->c) > 0));
    for (unsigned i = 0; i < MODEL_AUTHORS; i++)
        assert(causal_get(w->c, model_name(i)) == w->count[i]);
}

/* Near the clock mostly, seldom as far as it goes. */
static uint64_t model_number(struct model *w, unsigned author, unsigned seldom)
{
    unsigned how = w->next(w->ctx);
    uint64_t near = w->count[author] + how % 8;
    return how >= seldom || near > ENVELOPE_NUMBER_MAX ? ENVELOPE_NUMBER_MAX - how % 4 : near;
}

static void model_offer(struct model *w)
{
    struct model_message *m = w->waiting;
    while (m < w->waiting + MODEL_WAITING && m->waits)
        m++;
    if (m == w->waiting + MODEL_WAITING)
        return;
    *m = (struct model_message){.author = w->next(w->ctx) % MODEL_AUTHORS};
    m->sequence = model_number(w, m->author, 255);
    m->sequence += m->sequence == 0;
    struct envelope_tick clock[MODEL_AUTHORS];
    size_t n = 0;
    clock[n++] = (struct envelope_tick){model_name(m->author), m->sequence};
    for (unsigned i = 0, which = w->next(w->ctx); i < MODEL_AUTHORS; i++, which >>= 1)
        if (which & 1 && i != m->author) {
            m->clock[i] = model_number(w, i, 250);
            clock[n++] = (struct envelope_tick){model_name(i), m->clock[i]};
        }
    bool old = m->sequence <= w->count[m->author] || model_waiting(w, m->author, m->sequence);
    bool next = m->sequence == w->count[m->author] + 1 && model_unmet(w, m) == 0;
    enum causal_verdict got = causal_offer(w->c, clock[0].who, m->sequence, clock, n, m, 10, w->now);
    assert(got == (old ? CAUSAL_OLD : next ? CAUSAL_DELIVER : CAUSAL_WAIT));
    m->waits = got == CAUSAL_WAIT;
    if (got == CAUSAL_DELIVER)
        model_moves(w, m->author, m->sequence);
}

static void model_set(struct model *w)
{
    unsigned author = w->next(w->ctx) % MODEL_AUTHORS;
    uint64_t count = w->count[author] + w->next(w->ctx) % 3;
    if (count > ENVELOPE_NUMBER_MAX)
        return;
    assert(causal_set(w->c, model_name(author), count));
    model_moves(w, author, count);
}

static void model_tick(struct model *w)
{
    struct envelope_tick out[CAUSAL_AUTHORS_MAX];
    size_t n = causal_clock(w->c, false, out, CAUSAL_AUTHORS_MAX), expected = 1;
    if (w->count[0] == ENVELOPE_NUMBER_MAX) {
        assert(n == 0);
        return;
    }
    for (unsigned i = 0; i < MODEL_AUTHORS; i++)
        expected += w->changed[i];
    assert(n == expected && span_eq(out[0].who, model_name(0)) && out[0].count == w->count[0] + 1);
    for (size_t i = 1; i < n; i++) {
        unsigned author = model_author(out[i].who);
        assert(w->changed[author] && out[i].count == w->count[author]);
        w->changed[author] = false;
    }
    causal_tick(w->c);
    w->count[0]++;
}

static void model_gaps(struct model *w)
{
    struct causal_gap gap[MODEL_AUTHORS];
    size_t n = causal_gaps(w->c, gap, MODEL_AUTHORS);
    bool told[MODEL_AUTHORS] = {false};
    for (size_t g = 0; g < n; g++) {
        unsigned a = model_author(span_of(gap[g].author));
        assert(!told[a] && gap[g].from > w->count[a] && gap[g].to >= gap[g].from && gap[g].since <= w->now);
        told[a] = true;
        for (uint64_t s = w->count[a] + 1; s < gap[g].from; s++)
            assert(model_waiting(w, a, s));
        for (unsigned i = 0; i < MODEL_WAITING; i++) {
            const struct model_message *m = &w->waiting[i];
            assert(!m->waits || m->author != a || m->sequence < gap[g].from || m->sequence > gap[g].to);
        }
        assert(gap[g].proved == (model_waiting(w, a, gap[g].to + 1) != NULL));
    }
    for (unsigned i = 0; i < MODEL_WAITING && !w->any_given_up; i++)
        for (unsigned a = 0; a < MODEL_AUTHORS && w->waiting[i].waits; a++) {
            const struct model_message *m = &w->waiting[i];
            bool first = m->clock[a] == w->count[a] + 1 && a != m->author;
            assert(!first || told[a] || model_waiting(w, a, m->clock[a]));
        }
}

static void model_give_up(struct model *w)
{
    struct causal_gap gap;
    while (causal_give_up(w->c, w->now, &gap)) {
        unsigned a = model_author(span_of(gap.author));
        if (gap.proved) {
            assert(gap.from == w->count[a] + 1 && model_waiting(w, a, gap.to + 1));
            model_moves(w, a, gap.to);
        } else {
            w->given_up[a]++;
            w->any_given_up = true;
        }
        model_drain(w);
    }
    assert(causal_due(w->c) > w->now);
}

static void model_play(struct model *w, unsigned steps)
{
    w->c = causal_new(model_name(0), model_freed, NULL);
    if (!w->c)
        return;
    for (unsigned i = 0; i < steps; i++) {
        unsigned what = w->next(w->ctx) % 16;
        if (what < 12)
            model_offer(w);
        else if (what == 12)
            model_set(w);
        else if (what == 13)
            model_tick(w);
        else
            w->now += w->next(w->ctx) * 100;
        model_drain(w);
        model_gaps(w);
        if (what == 15)
            model_give_up(w);
    }
    while (causal_due(w->c) != CAUSAL_NEVER) {
        w->now = causal_due(w->c) > w->now ? causal_due(w->c) : w->now;
        model_give_up(w);
    }
    assert(causal_waiting(w->c) == 0);
    causal_free(w->c);
}

#endif
