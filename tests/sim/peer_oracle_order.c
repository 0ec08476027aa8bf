/* SPDX-License-Identifier: MIT
 *
 * Causal order, exactly. When a message is put into somebody's record, all that is for him and that its sender knew must
 * stand there already, but for what he is excused from:
 *
 *     given up      a row on his disk says so: he will never have it. What only a message that he gave up would have
 *                   made him wait for, he does not wait for either.
 *     passed        its author lost its state, and numbered it as something that went before: its number is behind his clock.
 *     too late      its author had reported it failed before he came to the room: a newcomer begins behind it.
 *     untied        a message claimed to come after some of an author's, which nobody had: its application was told so
 *                   before it was shown. Whatever comes after that message does not wait for them either.
 *
 * The record is written before the application is told, so what stands there without an excuse is a charge until then.
 */
#include <stdlib.h>

#include "tests/sim/peer_oracle_inner.h"

enum {
    KEY_DIGITS = 16,
    LINKED_MS = 60000 /* whoever was linked for so long was asked */
};

void order_spoken(struct peer_oracle *p, unsigned who, struct sent *s)
{
    const struct diary *r = p->people[who].diary;
    s->sequence = p->people[who].sequence;
    p->people[who].sequence = 0;
    for (size_t i = 0; i < diary_count(r); i++) {
        size_t number = diary_at(r, i);
        const struct sent *old = number < p->n ? p->sent[number] : NULL;
        if (!old || old == s || strcmp(old->conversation, s->conversation) != 0 || marks_has(&s->before, number))
            continue;
        marks_add(&s->before, number);
        marks_join(&s->before, &old->before);
    }
}

/* ---- what was given up ---- */

/* The number that a text begins with. */
static uint64_t hex(struct span text)
{
    char digits[KEY_DIGITS + 1] = "";
    if (text.n >= KEY_DIGITS)
        memcpy(digits, text.p, KEY_DIGITS);
    return strtoull(digits, NULL, 16);
}

/* Those of an author's messages in a conversation that were sent to others. */
static void add_range(const struct peer_oracle *p, struct span conversation, unsigned author, uint64_t from,
    uint64_t to, struct marks *out)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct sent *s = p->sent[i];
        if (s->sender == author && s->written && s->sequence >= from && s->sequence <= to &&
            span_is(conversation, s->conversation))
            marks_add(out, i);
    }
}

/* To the room, whose conversation his disk does not have, or only begun. */
static bool is_newcomer(const struct person *x, struct span conversation)
{
    struct span value;
    return conversation.n > 5 && memcmp(conversation.p, "room:", 5) == 0 &&
           (!memory_store_value(x->store, TABLE_CONVERSATION, conversation, &value) || span_is(value, "-"));
}

/* A newcomer's first row of an author: he begins behind that number. */
static void begins_behind(
    struct peer_oracle *p, unsigned who, struct span conversation, struct span key, uint64_t count)
{
    struct person *x = &p->people[who];
    struct span author = {key.p + conversation.n + 1, key.n - conversation.n - 1}, value;
    if (!is_newcomer(x, conversation) || memory_store_value(x->store, TABLE_CLOCK, key, &value))
        return;
    for (size_t i = 0; i < p->n; i++) {
        const struct sent *s = p->sent[i];
        if (s->readers[who] == FAILED && s->sequence <= count && span_is(author, p->people[s->sender].id) &&
            span_is(conversation, s->conversation))
            marks_add(&x->late, i);
    }
}

void order_row(struct peer_oracle *p, unsigned who, struct span key, struct span value)
{
    const char *slash = memchr(key.p, '/', key.n);
    struct span conversation = {key.p, slash ? (size_t)(slash - key.p) : 0};
    if (!slash)
        return;
    if (!memchr(slash + 1, '/', key.n - conversation.n - 1))
        begins_behind(p, who, conversation, key, hex(value));
    if (key.n < conversation.n + KEY_DIGITS + 3 || key.p[key.n - KEY_DIGITS - 1] != '/')
        return;
    struct span author = {slash + 1, key.n - conversation.n - KEY_DIGITS - 2};
    add_range(p, conversation, peer_oracle_who(p, author), hex((struct span){key.p + key.n - KEY_DIGITS, KEY_DIGITS}),
        hex(value), &p->people[who].lost);
}

/* ---- excuses ---- */

static struct marks *excuse_for(struct excuses *all, size_t number)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].number == number)
            return &all->v[i].of;
    all->v = world_grow(all->v, all->n, &all->cap, sizeof *all->v);
    all->v[all->n] = (struct excuse){.number = number};
    return &all->v[all->n++].of;
}

static void clear(struct excuses *all)
{
    for (size_t i = 0; i < all->n; i++)
        marks_done(&all->v[i].of);
    free(all->v);
    *all = (struct excuses){0};
}

static void forgive(const struct peer_oracle *p, const struct person *x, size_t number, struct marks *of)
{
    const struct marks *before = &p->sent[number]->before;
    for (size_t i = 0; i < x->untied.n; i++)
        if (x->untied.v[i].number == number || marks_has(before, x->untied.v[i].number))
            marks_without(of, &x->untied.v[i].of);
    struct marks lost = {0};
    marks_join(&lost, before);
    marks_both(&lost, &x->lost);
    for (size_t i = 0; (i = marks_next(&lost, i)) != SIZE_MAX; i++)
        marks_without(of, &p->sent[i]->before);
    marks_done(&lost);
}

/* An author that lost its state used those numbers for something else: they will never be had, and say so. */
static void forgive_passed(const struct peer_oracle *p, unsigned who, struct marks *of)
{
    for (size_t i = 0; p->losses && (i = marks_next(of, i)) != SIZE_MAX; i++)
        if (peer_oracle_passed(p, who, i)) {
            marks_remove(of, i);
            marks_without(of, &p->sent[i]->before);
        }
}

void order_recorded(struct peer_oracle *p, unsigned who, size_t number)
{
    struct person *x = &p->people[who];
    struct marks lacks = {0};
    marks_join(&lacks, &p->sent[number]->before);
    marks_both(&lacks, &x->asked);
    marks_without(&lacks, diary_marks(x->diary));
    marks_without(&lacks, &x->lost);
    marks_without(&lacks, &x->late);
    if (marks_next(&lacks, 0) != SIZE_MAX)
        forgive(p, x, number, &lacks);
    forgive_passed(p, who, &lacks);
    if (marks_next(&lacks, 0) != SIZE_MAX)
        marks_join(excuse_for(&x->charges, number), &lacks);
    marks_done(&lacks);
}

void order_shown(struct peer_oracle *p, unsigned who, size_t number)
{
    struct excuses *charges = &p->people[who].charges;
    for (size_t i = 0; i < charges->n; i++) {
        forgive_passed(p, who, &charges->v[i].of);
        size_t lacks = charges->v[i].number == number ? marks_next(&charges->v[i].of, 0) : SIZE_MAX;
        world_check(p->w, lacks == SIZE_MAX, "%u gets m%zu of %u before m%zu of %u, which its sender knew", who, number,
            p->sent[number]->sender, lacks, p->sent[lacks < p->n ? lacks : 0]->sender);
    }
}

/* ---- the application is told ---- */

/* An author who has been here all the time has what is asked for. */
static void check_author(const struct peer_oracle *p, unsigned who, unsigned author)
{
    const struct person *x = &p->people[who], *y = &p->people[author];
    uint64_t now = world_now(p->w);
    bool linked = x->up[author] && y->up[who] && strcmp(x->path[author], "relay") != 0 &&
                  strcmp(y->path[who], "relay") != 0 && world_reachable(p->w, x->host, y->host);
    world_check(p->w, p->losses || !linked || now < x->since[author] + LINKED_MS || now < y->since[who] + LINKED_MS,
        "%u gave up what %u said, with whom it was linked", who, author);
}

void order_missing(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    struct person *x = &p->people[who];
    size_t number;
    unsigned author = peer_oracle_who(p, span_of(n->from));
    const struct sent *s = n->id ? peer_oracle_by_id(p, span_of(n->id), &number) : NULL;
    struct marks of = {0};
    world_check(p->w, author < PEOPLE_MAX && s, "%u misses what nobody said", who);
    check_author(p, who, author);
    if (n->count > 0) {
        world_check(p->w, s->sender == author && n->count < s->sequence, "%u misses %llu before m%zu", who,
            (unsigned long long)n->count, number);
        add_range(p, span_of(s->conversation), author, s->sequence - n->count, s->sequence - 1, &of);
        marks_join(&x->missed, &of);
        marks_without(&of, &x->lost);
        world_check(p->w, marks_next(&of, 0) == SIZE_MAX, "%u misses m%zu, and its disk does not say so", who,
            marks_next(&of, 0));
    } else {
        add_range(p, span_of(s->conversation), author, 1, UINT64_MAX, &of);
        marks_both(&of, &s->before);
        marks_without(&of, diary_marks(x->diary));
        struct marks all = {0};
        marks_join(&all, &of);
        for (size_t i = 0; (i = marks_next(&of, i)) != SIZE_MAX; i++)
            marks_join(&all, &p->sent[i]->before);
        marks_join(excuse_for(&x->untied, number), &all);
        marks_done(&all);
        for (size_t i = 0; i < x->charges.n; i++)
            forgive(p, x, x->charges.v[i].number, &x->charges.v[i].of);
    }
    marks_done(&of);
}

/* ---- the end of a process ---- */

/* What the record has now it has rightly, be it that nobody was told; the rest is to come again. */
void order_end(struct peer_oracle *p, unsigned who)
{
    struct person *x = &p->people[who];
    struct excuses before = x->untied;
    x->untied = (struct excuses){0};
    for (size_t i = 0; i < before.n; i++)
        if (!marks_has(&x->asked, before.v[i].number) || diary_has(x->diary, before.v[i].number))
            marks_join(excuse_for(&x->untied, before.v[i].number), &before.v[i].of);
    for (size_t i = 0; i < x->charges.n; i++)
        if (diary_has(x->diary, x->charges.v[i].number))
            marks_join(excuse_for(&x->untied, x->charges.v[i].number), &x->charges.v[i].of);
    clear(&before);
    clear(&x->charges);
    marks_done(&x->lost);
}

void order_lost(struct person *x)
{
    clear(&x->untied);
    clear(&x->charges);
    marks_done(&x->asked);
    marks_done(&x->lost);
    marks_done(&x->late);
}

void order_done(struct person *x)
{
    marks_done(&x->asked);
    marks_done(&x->lost);
    marks_done(&x->late);
    marks_done(&x->missed);
    clear(&x->untied);
    clear(&x->charges);
}
