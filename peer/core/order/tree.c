/* SPDX-License-Identifier: MIT
 *
 * What a link is owed is what came behind the last number announced to it, so a message costs no memory for each link.
 *
 * Prunes and grafts that cross on a link leave its ends of two minds; the next message that the eager end pushes agrees
 * them, as new (both eager) or had already (both lazy). That is why a prune answers every push of what was there, also
 * one on a link that is lazy already.
 */
#include "peer/core/order/tree_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void copy_id(char out[ENVELOPE_PERSON_MAX + 1], struct span id)
{
    memcpy(out, id.p, id.n);
    out[id.n] = '\0';
}

struct link *tree_find_link(const struct tree *t, struct span id)
{
    struct link *link = NULL;
    if (id.n > 0)
        HASH_FIND(hh, t->by_id, id.p, (unsigned)id.n, link);
    return link;
}

struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}

static void author_free(struct tree *t, struct author_tree *record)
{
    t->model = NULL;
    HASH_DEL(t->by_author, record);
    DL_DELETE(t->authors, record);
    free(record->branches);
    free(record);
}

/* The last link takes the place of the one that goes. */
static void link_free(struct tree *t, struct link *link)
{
    struct link *last = t->links[--t->count];
    for (struct author_tree *record = t->authors; record; record = record->next) {
        if (link->index < record->branch_count)
            record->branches[link->index] =
                last->index < record->branch_count ? record->branches[last->index] : (struct branch){0};
        if (record->branch_count > t->count)
            record->branch_count = t->count;
    }
    t->links[link->index] = last;
    last->index = link->index;
    HASH_DEL(t->by_id, link);
    free(link);
}

void tree_free(struct tree *t)
{
    if (!t)
        return;
    while (t->count > 0)
        link_free(t, t->links[0]);
    while (t->authors)
        author_free(t, t->authors);
    while (t->lacks)
        tree_lack_free(t, t->lacks);
    free(t->links);
    free(t);
}

/* ---- links ---- */

static bool reserve(struct tree *t)
{
    if (t->count < t->cap)
        return true;
    size_t cap = t->cap ? 2 * t->cap : 8;
    struct link **links = realloc(t->links, cap * sizeof(struct link *));
    if (!links)
        return false;
    t->links = links;
    t->cap = cap;
    return true;
}

bool tree_link_up(struct tree *t, struct span id)
{
    assert(id.n > 0 && id.n <= ENVELOPE_PERSON_MAX);
    if (tree_find_link(t, id))
        return true;
    struct link *link = t->count < TREE_LINKS_MAX && reserve(t) ? calloc(1, sizeof *link) : NULL;
    if (!link)
        return false;
    copy_id(link->id, id);
    HASH_ADD(hh, t->by_id, id, (unsigned)id.n, link);
    if (!link->hh.tbl) {
        free(link);
        return false;
    }
    link->owed_at = TREE_NEVER;
    link->index = t->count;
    t->links[t->count++] = link;
    return true;
}

void tree_link_down(struct tree *t, struct span id)
{
    struct link *link = tree_find_link(t, id);
    if (!link)
        return;
    tree_lack_link_down(t, id);
    link_free(t, link);
}

size_t tree_links(const struct tree *t)
{
    return t->count;
}

static struct author_tree *find_author(const struct tree *t, struct span author)
{
    struct author_tree *record;
    HASH_FIND(hh, t->by_author, author.p, (unsigned)author.n, record);
    return record;
}

/* The tree that an author's begins as: everybody chooses alike, mostly. NULL: nobody spoke yet. */
static const struct author_tree *model(struct tree *t)
{
    for (const struct author_tree *record = t->model ? NULL : t->authors; record; record = record->next)
        if (!t->model || strcmp(record->author, t->model->author) < 0)
            t->model = record;
    return t->model;
}

/* Out of memory loses a prune or an announcement, as a network loses a packet. */
static struct author_tree *author_of(struct tree *t, struct span author)
{
    const struct author_tree *like;
    struct author_tree *record = find_author(t, author);
    if (record || !(record = calloc(1, sizeof *record)))
        return record;
    copy_id(record->author, author);
    if ((like = model(t)) && like->branch_count &&
        (record->branches = calloc(like->branch_count, sizeof *record->branches))) {
        record->branch_count = like->branch_count;
        for (size_t i = 0; i < like->branch_count; i++)
            record->branches[i].lazy = like->branches[i].lazy;
    }
    HASH_ADD(hh, t->by_author, author, (unsigned)author.n, record);
    if (!record->hh.tbl) {
        free(record->branches);
        free(record);
        return NULL;
    }
    DL_APPEND(t->authors, record);
    t->model = NULL;
    if (HASH_COUNT(t->by_author) > TREE_OWED_MAX)
        author_free(t, t->authors);
    return record;
}

static struct branch *branch_of(const struct tree *t, struct author_tree *record, const struct link *link)
{
    if (link->index >= record->branch_count) {
        struct branch *branches = realloc(record->branches, t->count * sizeof *branches);
        if (!branches)
            return NULL;
        memset(branches + record->branch_count, 0, (t->count - record->branch_count) * sizeof *branches);
        record->branches = branches;
        record->branch_count = t->count;
    }
    return &record->branches[link->index];
}

static bool is_lazy(const struct author_tree *record, const struct link *link)
{
    return record && link->index < record->branch_count && record->branches[link->index].lazy;
}

static void set_lazy(const struct tree *t, struct author_tree *record, const struct link *link, bool lazy)
{
    struct branch *branch = record && link ? branch_of(t, record, link) : NULL;
    if (branch)
        branch->lazy = lazy;
}

void tree_make_eager(const struct tree *t, struct span author, const struct link *link)
{
    set_lazy(t, find_author(t, author), link, false);
}

struct span tree_link(struct tree *t, size_t i, struct span author, bool *eager)
{
    assert(i < t->count);
    const struct author_tree *record = find_author(t, author);
    *eager = !is_lazy(record ? record : model(t), t->links[i]);
    return span_of(t->links[i]->id);
}

/* Of an author of whom nothing came there is no tree to change: names cost nothing to invent. */
void tree_pruned(struct tree *t, struct span id, struct span author)
{
    set_lazy(t, find_author(t, author), tree_find_link(t, id), true);
}

void tree_grafted(struct tree *t, struct span id, struct span author)
{
    set_lazy(t, find_author(t, author), tree_find_link(t, id), false);
}

/* ---- messages ---- */

static void author_note(
    struct tree *t, struct author_tree *record, const struct tree_message *m, const struct link *link)
{
    DL_DELETE(t->authors, record);
    DL_APPEND(t->authors, record);
    record->number = ++t->number;
    if (m->sequence <= record->sequence)
        return;
    record->pushed = m->sequence - record->sequence < 64 ? record->pushed << (m->sequence - record->sequence) : 0;
    record->sequence = m->sequence;
    record->hops = m->hops;
    copy_id(record->from, link ? span_of(link->id) : SPAN(""));
}

/* Whether it came along the tree before; it has now. What is too old to know did not. */
static bool comes_again(struct author_tree *record, uint64_t sequence)
{
    uint64_t bit = sequence <= record->sequence && record->sequence - sequence < 64
                       ? UINT64_C(1) << (record->sequence - sequence)
                       : 0;
    bool again = record->pushed & bit;
    record->pushed |= bit;
    return again;
}

enum tree_verdict tree_received(struct tree *t, const struct tree_message *m, uint64_t now)
{
    assert(m->author.n > 0 && m->author.n <= ENVELOPE_PERSON_MAX);
    struct link *link = tree_find_link(t, m->from);
    struct author_tree *record = m->is_new ? author_of(t, m->author) : find_author(t, m->author);
    if (!record)
        return m->is_new ? TREE_NEW : TREE_NOTHING;
    struct branch *branch = m->pushed && link ? branch_of(t, record, link) : NULL;
    /* What was in flight when they were pruned: the link stays as it is. */
    bool late = branch && branch->lazy && branch->pruned_at > 0 && now < branch->pruned_at + TREE_PRUNE_MS;
    if (m->is_new)
        author_note(t, record, m, m->pushed ? link : NULL);
    bool again = m->pushed && comes_again(record, m->sequence);
    if (branch && !late && again) {
        *branch = (struct branch){.lazy = true, .pruned_at = now};
        return TREE_PRUNE;
    }
    if (branch && !late)
        branch->lazy = false;
    if (!m->is_new)
        return TREE_NOTHING;
    tree_lack_has(t, m->author, m->has, now);
    for (size_t i = 0; i < t->count; i++) {
        struct link *other = t->links[i];
        if (other == link || other->owed_at != TREE_NEVER || (m->pushed && !is_lazy(record, other)))
            continue;
        other->announced = t->number - 1;
        other->owed_at = now + TREE_ANNOUNCE_MS;
    }
    return TREE_NEW;
}

/* ---- announcements ---- */

size_t tree_announcements(struct tree *t, uint64_t now, struct span *link, struct tree_newest *out, size_t max)
{
    for (size_t i = 0; i < t->count; i++) {
        struct link *l = t->links[i];
        if (l->owed_at > now || l->owed_at == TREE_NEVER)
            continue;
        size_t n = 0;
        const struct author_tree *record = t->authors ? t->authors->prev : NULL;
        for (; record && record->number > l->announced && n < max; record = record == t->authors ? NULL : record->prev)
            out[n++] = (struct tree_newest){span_of(record->author), record->sequence, record->hops};
        l->announced = t->number;
        l->owed_at = TREE_NEVER;
        *link = span_of(l->id);
        if (n > 0)
            return n;
    }
    return 0;
}

/* The paper's optimization, section 3.8, only for messages that came too deep: the announcer is nearer to the author
 * than our way to it. His hops are fewer than ours, so he does not hang below us and the tree stays one. */
static bool is_shorter(
    const struct tree *t, const struct author_tree *ours, const struct tree_newest *theirs, const struct link *link)
{
    return ours && ours->sequence == theirs->sequence && ours->hops > TREE_DEPTH && theirs->hops > 0 &&
           theirs->hops + 1 < ours->hops && is_lazy(ours, link) && tree_find_link(t, span_of(ours->from));
}

bool tree_announced(struct tree *t, struct span from, const struct tree_newest *record, uint64_t has, uint64_t now,
    struct tree_swap *swap)
{
    assert(record->author.n > 0 && record->author.n <= ENVELOPE_PERSON_MAX);
    struct link *link = tree_find_link(t, from);
    if (!link)
        return false;
    if (record->sequence > has) {
        tree_lacked(t, &(struct tree_lack){from, record->author, record->sequence, has, true}, now);
        return false;
    }
    struct author_tree *ours = find_author(t, record->author);
    if (!is_shorter(t, ours, record, link))
        return false;
    struct link *old = tree_find_link(t, span_of(ours->from));
    assert(old); /* the link that it came by */
    set_lazy(t, ours, old, true);
    set_lazy(t, ours, link, false);
    memcpy(swap->graft, link->id, sizeof swap->graft);
    memcpy(swap->prune, old->id, sizeof swap->prune);
    ours->hops = record->hops + 1;
    memcpy(ours->from, link->id, sizeof ours->from);
    return true;
}

uint64_t tree_due(const struct tree *t)
{
    uint64_t at = tree_lack_due(t);
    for (size_t i = 0; i < t->count; i++)
        at = t->links[i]->owed_at < at ? t->links[i]->owed_at : at;
    return at;
}
