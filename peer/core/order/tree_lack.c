/* SPDX-License-Identifier: MIT
 *
 * What somebody named and did not come: in an announcement, in a clock that was compared, or as what a message that
 * waits here depends on. It may be in flight, so TREE_WAIT_MS pass before one of those who named it is asked, and
 * again after each answer for what was named meanwhile.
 *
 *     named  ─► waits ─► asked ─► answered: there; or more of it (asked again); or nothing (the next announcer)
 *                  ▲        ├────► silent for TREE_ANSWER_MS (whoever is busy, and heard: TREE_PATIENCE_MS), or its link is
 *                  │        │      down: the next announcer
 *                  └────────┴────  something of it came: later
 *
 * One link is asked one thing at a time, for all that it is to bring, and each message of one link at a time: so nothing
 * comes twice, however many have it. Nobody left to ask: forgotten, until it is named again.
 */
#include "peer/core/order/tree_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct lack *find_lack(const struct tree *t, struct span author)
{
    struct lack *lack;
    HASH_FIND(hh, t->lacks, author.p, (unsigned)author.n, lack);
    return lack;
}

void tree_lack_free(struct tree *t, struct lack *lack)
{
    HASH_DEL(t->lacks, lack);
    free(lack);
}

void tree_lack_has(struct tree *t, struct span author, uint64_t has, uint64_t now)
{
    struct lack *lack = find_lack(t, author);
    if (!lack || has <= lack->has)
        return;
    struct link *link = lack->asked ? tree_find_link(t, span_of(lack->announcers[0])) : NULL;
    lack->has = has;
    lack->at = now + (link ? TREE_ANSWER_MS : TREE_WAIT_MS);
    if (link)
        link->busy_until = lack->at;
    if (has >= lack->sequence)
        tree_lack_free(t, lack);
}

static bool has_announced(const struct lack *lack, struct span id)
{
    for (size_t i = 0; i < lack->count; i++)
        if (span_is(id, lack->announcers[i]))
            return true;
    return false;
}

static struct lack *lack_new(struct tree *t, struct span author, uint64_t now)
{
    struct lack *lack = HASH_COUNT(t->lacks) < TREE_LACKED_MAX ? calloc(1, sizeof *lack) : NULL;
    if (!lack)
        return NULL;
    memcpy(lack->author, author.p, author.n);
    lack->at = now + TREE_WAIT_MS;
    HASH_ADD(hh, t->lacks, author, (unsigned)author.n, lack);
    if (lack->hh.tbl)
        return lack;
    free(lack);
    return NULL;
}

void tree_lacked(struct tree *t, const struct tree_lack *named, uint64_t now)
{
    assert(named->author.n > 0 && named->author.n <= ENVELOPE_PERSON_MAX);
    const struct link *link = named->sequence > named->has ? tree_find_link(t, named->from) : NULL;
    struct lack *lack = link ? find_lack(t, named->author) : NULL;
    if (!link || (!lack && !(lack = lack_new(t, named->author, now))))
        return;
    lack->has = named->has;
    lack->announced |= named->announced;
    lack->sequence = named->sequence > lack->sequence ? named->sequence : lack->sequence;
    if (lack->count < TREE_ANNOUNCERS_MAX && !has_announced(lack, named->from))
        memcpy(lack->announcers[lack->count++], link->id, sizeof link->id);
}

/* ---- asking ---- */

static void drop_announcer(struct lack *lack, size_t i)
{
    lack->count--;
    memmove(lack->announcers[i], lack->announcers[i + 1], (lack->count - i) * sizeof lack->announcers[0]);
}

/* The first announcer has answered, or never will. */
static void close(struct lack *lack, bool more, uint64_t at)
{
    lack->asked = false;
    lack->at = at;
    lack->announced &= !more;
    if (!more)
        drop_announcer(lack, 0);
}

/* False: it did not tell. Else it stands first. */
static bool prefer(struct lack *lack, struct span id)
{
    size_t i = 0;
    while (i < lack->count && !span_is(id, lack->announcers[i]))
        i++;
    if (i == lack->count)
        return false;
    memmove(lack->announcers[1], lack->announcers[0], i * sizeof lack->announcers[0]);
    memcpy(lack->announcers[0], id.p, id.n);
    lack->announcers[0][id.n] = '\0';
    return true;
}

/* Whoever can be asked now; NULL: nobody, or not before *free_at. */
static struct link *announcer(const struct tree *t, struct lack *lack, uint64_t now, uint64_t *free_at)
{
    *free_at = TREE_NEVER;
    for (size_t i = 0; i < lack->count;) {
        struct link *link = tree_find_link(t, span_of(lack->announcers[i]));
        if (!link) {
            drop_announcer(lack, i);
            continue;
        }
        if (now >= link->busy_until)
            return link;
        *free_at = link->busy_until < *free_at ? link->busy_until : *free_at;
        i++;
    }
    return NULL;
}

static void ask(const struct tree *t, struct lack *lack, struct link *link, struct tree_graft *out, uint64_t now)
{
    *out =
        (struct tree_graft){.author = span_of(lack->author), .sequence = lack->sequence, .announced = lack->announced};
    if (lack->announced)
        tree_make_eager(t, span_of(lack->author), link);
    lack->blocked = false;
    lack->asked = true;
    lack->had = lack->has;
    lack->asked_to = lack->sequence;
    lack->at = now + TREE_ANSWER_MS;
}

/* It can be asked for something else. */
static void is_free(struct tree *t, struct link *link, uint64_t at)
{
    link->busy_until = 0;
    for (struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        if (lack->blocked && has_announced(lack, span_of(link->id)))
            lack->at = at;
}

static void give_up_answer(struct tree *t, struct lack *lack, uint64_t now)
{
    struct link *link = tree_find_link(t, span_of(lack->announcers[0]));
    if (link)
        is_free(t, link, now);
    close(lack, false, now);
}

size_t tree_grafts(struct tree *t, uint64_t now, struct span *whom, struct tree_graft *out, size_t max)
{
    struct lack *lack, *next;
    struct link *chosen = NULL;
    size_t n = 0;
    HASH_ITER (hh, t->lacks, lack, next) {
        if (lack->at > now || n == max)
            continue;
        if (lack->asked)
            give_up_answer(t, lack, now);
        uint64_t free_at = TREE_NEVER;
        struct link *link =
            chosen && has_announced(lack, span_of(chosen->id)) ? chosen : announcer(t, lack, now, &free_at);
        if (!link && free_at == TREE_NEVER) {
            tree_lack_free(t, lack); /* who tells of it anew will be asked */
        } else if (!link) {
            lack->blocked = true;
            lack->at = free_at;
        } else if (!chosen || link == chosen) {
            prefer(lack, span_of(link->id));
            ask(t, lack, link, &out[n++], now);
            chosen = link;
        }
    }
    if (!chosen)
        return 0;
    chosen->asked_at = now;
    chosen->busy_until = now + TREE_ANSWER_MS;
    *whom = span_of(chosen->id);
    return n;
}

void tree_lives(struct tree *t, struct span id, uint64_t now)
{
    struct link *link = tree_find_link(t, id);
    if (!link || link->busy_until == 0 || now < link->busy_until || now >= link->asked_at + TREE_PATIENCE_MS)
        return;
    link->busy_until = now + TREE_ANSWER_MS;
    for (struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        if (lack->asked && span_is(id, lack->announcers[0]))
            lack->at = link->busy_until;
}

void tree_answered(struct tree *t, struct span id, uint64_t now)
{
    struct link *link = tree_find_link(t, id);
    if (!link || link->busy_until == 0)
        return;
    uint64_t next = link->asked_at + TREE_PACE_MS > now ? link->asked_at + TREE_PACE_MS : now;
    is_free(t, link, next);
    for (struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        if (lack->asked && span_is(id, lack->announcers[0]))
            close(lack, lack->has > lack->had, lack->has >= lack->asked_to ? now + TREE_WAIT_MS : next);
}

void tree_lack_link_down(struct tree *t, struct span id)
{
    for (struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        if (lack->asked && span_is(id, lack->announcers[0]))
            close(lack, false, 0);
        else if (lack->blocked)
            lack->at = 0;
}

bool tree_asks(const struct tree *t, struct span author)
{
    const struct lack *lack = find_lack(t, author);
    return lack && lack->asked;
}

uint64_t tree_lack_due(const struct tree *t)
{
    uint64_t at = TREE_NEVER;
    for (const struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        at = lack->at < at ? lack->at : at;
    return at;
}
