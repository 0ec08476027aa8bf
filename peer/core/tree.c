/* SPDX-License-Identifier: MIT
 *
 *     struct tree ─► link (by id): told all news up to a number
 *                 ├► news (by author): the newest sequence there is, in the order in which they came; and which links are
 *                 │  lazy in this author's tree
 *                 └► lack (by author): announced to us and not there; who announced it, still to be asked
 *
 * What a link is owed are the news behind the number that it was told, so a message costs no memory for each link.
 *
 * Prunes and grafts that cross on a link leave its ends of two minds; the next message that the eager end pushes agrees
 * them, as new (both eager) or had already (both lazy). That is why a prune answers every push of what was there, also
 * one on a link that is lazy already.
 */
#include "peer/core/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/hash.h"

struct link {
    char id[ENVELOPE_PERSON_MAX + 1];
    uint64_t told;    /* news up to this number */
    uint64_t owed_at; /* when to announce; TREE_NEVER: nothing is owed */
    size_t index;
    UT_hash_handle hh;
};

/* A link in one author's tree. */
struct way {
    bool lazy;
    uint64_t pruned_at; /* when they were told last; 0: never */
};

struct news {
    char author[ENVELOPE_PERSON_MAX + 1];
    uint64_t sequence, number;
    uint64_t pushed;                    /* bit n: sequence - n came along the tree */
    unsigned hops;                      /* of that sequence; 0: unknown, or ours */
    char from[ENVELOPE_PERSON_MAX + 1]; /* the link that pushed it; empty: none */
    struct way *ways;                   /* by the index of the link; those behind are as new links are */
    size_t way_count;
    struct news *prev, *next;
    UT_hash_handle hh;
};

struct lack {
    char author[ENVELOPE_PERSON_MAX + 1];
    uint64_t sequence; /* the highest announced */
    uint64_t at;       /* when the next announcer is asked */
    char announcers[TREE_ANNOUNCERS_MAX][ENVELOPE_PERSON_MAX + 1];
    size_t count;
    UT_hash_handle hh;
};

struct tree {
    struct link *by_id;
    struct link **links;
    size_t count, cap;
    struct news *by_author, *news; /* oldest first */
    const struct news *model; /* the author with the smallest id: as its tree another's begins; NULL: to be found */
    uint64_t number;
    struct lack *lacks;
};

static void copy_id(char out[ENVELOPE_PERSON_MAX + 1], struct span id)
{
    memcpy(out, id.p, id.n);
    out[id.n] = '\0';
}

static struct link *find_link(const struct tree *t, struct span id)
{
    struct link *link = NULL;
    if (id.n > 0)
        HASH_FIND(hh, t->by_id, id.p, (unsigned)id.n, link);
    return link;
}

static struct lack *find_lack(const struct tree *t, struct span author)
{
    struct lack *lack;
    HASH_FIND(hh, t->lacks, author.p, (unsigned)author.n, lack);
    return lack;
}

struct tree *tree_new(void)
{
    return calloc(1, sizeof(struct tree));
}

static void lack_free(struct tree *t, struct lack *lack)
{
    HASH_DEL(t->lacks, lack);
    free(lack);
}

static void news_free(struct tree *t, struct news *news)
{
    t->model = NULL;
    HASH_DEL(t->by_author, news);
    DL_DELETE(t->news, news);
    free(news->ways);
    free(news);
}

/* The last link takes the place of the one that goes. */
static void link_free(struct tree *t, struct link *link)
{
    struct link *last = t->links[--t->count];
    for (struct news *news = t->news; news; news = news->next) {
        if (link->index < news->way_count)
            news->ways[link->index] = last->index < news->way_count ? news->ways[last->index] : (struct way){0};
        if (news->way_count > t->count)
            news->way_count = t->count;
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
    while (t->news)
        news_free(t, t->news);
    while (t->lacks)
        lack_free(t, t->lacks);
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
    if (find_link(t, id))
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
    struct link *link = find_link(t, id);
    if (link)
        link_free(t, link);
}

size_t tree_links(const struct tree *t)
{
    return t->count;
}

static struct news *find_news(const struct tree *t, struct span author)
{
    struct news *news;
    HASH_FIND(hh, t->by_author, author.p, (unsigned)author.n, news);
    return news;
}

/* The tree that an author's begins as: everybody chooses alike, mostly. NULL: nobody spoke yet. */
static const struct news *model(struct tree *t)
{
    for (const struct news *news = t->model ? NULL : t->news; news; news = news->next)
        if (!t->model || strcmp(news->author, t->model->author) < 0)
            t->model = news;
    return t->model;
}

/* Out of memory loses a prune or an announcement, as a network loses a packet. */
static struct news *news_of(struct tree *t, struct span author)
{
    const struct news *like;
    struct news *news = find_news(t, author);
    if (news || !(news = calloc(1, sizeof *news)))
        return news;
    copy_id(news->author, author);
    if ((like = model(t)) && like->way_count && (news->ways = calloc(like->way_count, sizeof *news->ways))) {
        news->way_count = like->way_count;
        for (size_t i = 0; i < like->way_count; i++)
            news->ways[i].lazy = like->ways[i].lazy;
    }
    HASH_ADD(hh, t->by_author, author, (unsigned)author.n, news);
    if (!news->hh.tbl) {
        free(news->ways);
        free(news);
        return NULL;
    }
    DL_APPEND(t->news, news);
    t->model = NULL;
    if (HASH_COUNT(t->by_author) > TREE_OWED_MAX)
        news_free(t, t->news);
    return news;
}

static struct way *way_of(const struct tree *t, struct news *news, const struct link *link)
{
    if (link->index >= news->way_count) {
        struct way *ways = realloc(news->ways, t->count * sizeof *ways);
        if (!ways)
            return NULL;
        memset(ways + news->way_count, 0, (t->count - news->way_count) * sizeof *ways);
        news->ways = ways;
        news->way_count = t->count;
    }
    return &news->ways[link->index];
}

static bool is_lazy(const struct news *news, const struct link *link)
{
    return news && link->index < news->way_count && news->ways[link->index].lazy;
}

static void set_lazy(const struct tree *t, struct news *news, const struct link *link, bool lazy)
{
    struct way *way = news && link ? way_of(t, news, link) : NULL;
    if (way)
        way->lazy = lazy;
}

struct span tree_link(struct tree *t, size_t i, struct span author, bool *eager)
{
    assert(i < t->count);
    const struct news *news = find_news(t, author);
    *eager = !is_lazy(news ? news : model(t), t->links[i]);
    return span_of(t->links[i]->id);
}

/* Of an author of whom nothing came there is no tree to change: names cost nothing to invent. */
void tree_pruned(struct tree *t, struct span id, struct span author)
{
    set_lazy(t, find_news(t, author), find_link(t, id), true);
}

void tree_grafted(struct tree *t, struct span id, struct span author)
{
    set_lazy(t, find_news(t, author), find_link(t, id), false);
}

/* ---- messages ---- */

static void note_news(struct tree *t, struct news *news, const struct tree_message *m, const struct link *link)
{
    DL_DELETE(t->news, news);
    DL_APPEND(t->news, news);
    news->number = ++t->number;
    if (m->sequence <= news->sequence)
        return;
    news->pushed = m->sequence - news->sequence < 64 ? news->pushed << (m->sequence - news->sequence) : 0;
    news->sequence = m->sequence;
    news->hops = m->hops;
    copy_id(news->from, link ? span_of(link->id) : SPAN(""));
}

/* Whether it came along the tree before; it has now. What is too old to know did not. */
static bool comes_again(struct news *news, uint64_t sequence)
{
    uint64_t bit =
        sequence <= news->sequence && news->sequence - sequence < 64 ? UINT64_C(1) << (news->sequence - sequence) : 0;
    bool again = news->pushed & bit;
    news->pushed |= bit;
    return again;
}

static void is_here(struct tree *t, const struct tree_message *m, uint64_t now)
{
    struct lack *lack = find_lack(t, m->author);
    if (lack && m->has >= lack->sequence)
        lack_free(t, lack);
    else if (lack)
        lack->at = now + TREE_WAIT_MS; /* it is coming */
}

enum tree_verdict tree_received(struct tree *t, const struct tree_message *m, uint64_t now)
{
    assert(m->author.n > 0 && m->author.n <= ENVELOPE_PERSON_MAX);
    struct link *link = find_link(t, m->from);
    struct news *news = m->is_new ? news_of(t, m->author) : find_news(t, m->author);
    if (!news)
        return m->is_new ? TREE_NEW : TREE_NOTHING;
    struct way *way = m->pushed && link ? way_of(t, news, link) : NULL;
    /* What was on its way when they were told: the link stays as it is. */
    bool late = way && way->lazy && way->pruned_at > 0 && now < way->pruned_at + TREE_PRUNE_MS;
    if (m->is_new)
        note_news(t, news, m, m->pushed ? link : NULL);
    bool again = m->pushed && comes_again(news, m->sequence);
    if (way && !late && again) {
        *way = (struct way){.lazy = true, .pruned_at = now};
        return TREE_PRUNE;
    }
    if (way && !late)
        way->lazy = false;
    if (!m->is_new)
        return TREE_NOTHING;
    is_here(t, m, now);
    for (size_t i = 0; i < t->count; i++) {
        struct link *other = t->links[i];
        if (other == link || other->owed_at != TREE_NEVER || (m->pushed && !is_lazy(news, other)))
            continue;
        other->told = t->number - 1;
        other->owed_at = now + TREE_ANNOUNCE_MS;
    }
    return TREE_NEW;
}

/* ---- announcements ---- */

size_t tree_announcements(struct tree *t, uint64_t now, struct span *link, struct tree_news *out, size_t max)
{
    for (size_t i = 0; i < t->count; i++) {
        struct link *l = t->links[i];
        if (l->owed_at > now || l->owed_at == TREE_NEVER)
            continue;
        size_t n = 0;
        const struct news *news = t->news ? t->news->prev : NULL;
        for (; news && news->number > l->told && n < max; news = news == t->news ? NULL : news->prev)
            out[n++] = (struct tree_news){span_of(news->author), news->sequence, news->hops};
        l->told = t->number;
        l->owed_at = TREE_NEVER;
        *link = span_of(l->id);
        if (n > 0)
            return n;
    }
    return 0;
}

static bool has_announced(const struct lack *lack, struct span id)
{
    for (size_t i = 0; i < lack->count; i++)
        if (span_is(id, lack->announcers[i]))
            return true;
    return false;
}

static void note_lack(struct tree *t, struct span from, const struct tree_news *news, uint64_t now)
{
    struct lack *lack = find_lack(t, news->author);
    if (!lack) {
        lack = HASH_COUNT(t->lacks) < TREE_LACKED_MAX ? calloc(1, sizeof *lack) : NULL;
        if (!lack)
            return;
        copy_id(lack->author, news->author);
        HASH_ADD(hh, t->lacks, author, (unsigned)news->author.n, lack);
        if (!lack->hh.tbl) {
            free(lack);
            return;
        }
        lack->at = now + TREE_WAIT_MS;
    }
    lack->sequence = news->sequence > lack->sequence ? news->sequence : lack->sequence;
    if (lack->count < TREE_ANNOUNCERS_MAX && !has_announced(lack, from))
        copy_id(lack->announcers[lack->count++], from);
}

/* The paper's optimization, section 3.8, only for messages that came too deep: the announcer is nearer to the author
 * than our way to it. His hops are fewer than ours, so he does not hang below us and the tree stays one. */
static bool is_shorter(
    const struct tree *t, const struct news *ours, const struct tree_news *theirs, const struct link *link)
{
    return ours && ours->sequence == theirs->sequence && ours->hops > TREE_DEPTH && theirs->hops > 0 &&
           theirs->hops + 1 < ours->hops && is_lazy(ours, link) && find_link(t, span_of(ours->from));
}

bool tree_announced(
    struct tree *t, struct span from, const struct tree_news *news, uint64_t has, uint64_t now, struct tree_swap *swap)
{
    assert(news->author.n > 0 && news->author.n <= ENVELOPE_PERSON_MAX);
    struct link *link = find_link(t, from);
    if (!link)
        return false;
    if (news->sequence > has) {
        note_lack(t, from, news, now);
        return false;
    }
    struct news *ours = find_news(t, news->author);
    if (!is_shorter(t, ours, news, link))
        return false;
    struct link *old = find_link(t, span_of(ours->from));
    assert(old); /* the way by which it is longer */
    set_lazy(t, ours, old, true);
    set_lazy(t, ours, link, false);
    memcpy(swap->graft, link->id, sizeof swap->graft);
    memcpy(swap->prune, old->id, sizeof swap->prune);
    ours->hops = news->hops + 1;
    memcpy(ours->from, link->id, sizeof ours->from);
    return true;
}

/* The announcer who is asked next, and out of the list; NULL: none whose link is up. */
static struct link *take_announcer(const struct tree *t, struct lack *lack)
{
    struct link *link = NULL;
    while (lack->count > 0 && !link) {
        link = find_link(t, span_of(lack->announcers[0]));
        lack->count--;
        memmove(lack->announcers[0], lack->announcers[1], lack->count * sizeof lack->announcers[0]);
    }
    return link;
}

bool tree_grafts(struct tree *t, uint64_t now, struct tree_graft *out)
{
    struct lack *lack, *next;
    HASH_ITER (hh, t->lacks, lack, next) {
        if (lack->at > now)
            continue;
        struct link *link = take_announcer(t, lack);
        if (!link) {
            lack_free(t, lack); /* who announces it anew will be asked */
            continue;
        }
        set_lazy(t, find_news(t, span_of(lack->author)), link, false);
        lack->at = now + TREE_WAIT_MS;
        *out = (struct tree_graft){.sequence = lack->sequence};
        memcpy(out->link, link->id, sizeof out->link);
        memcpy(out->author, lack->author, sizeof out->author);
        return true;
    }
    return false;
}

uint64_t tree_due(const struct tree *t)
{
    uint64_t at = TREE_NEVER;
    for (size_t i = 0; i < t->count; i++)
        at = t->links[i]->owed_at < at ? t->links[i]->owed_at : at;
    for (const struct lack *lack = t->lacks; lack; lack = lack->hh.next)
        at = lack->at < at ? lack->at : at;
    return at;
}
