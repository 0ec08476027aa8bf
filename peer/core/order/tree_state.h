/* SPDX-License-Identifier: MIT
 *
 * What tree.c (the trees) and tree_lack.c (what did not come along them) share. Nobody else includes this.
 *
 *     struct tree ─► link (by id): announced to it: what came up to a number; asked for what is lacked
 *                 ├► author trees: the newest sequence of an author, in the order in which they came; and which links are
 *                 │  lazy in this author's tree
 *                 └► lack (by author): named and not there; who named it, still to be asked
 */
#ifndef PEER_CORE_TREE_STATE_H
#define PEER_CORE_TREE_STATE_H

#include <utlist.h>

#include "peer/core/order/hash.h"
#include "peer/core/order/tree.h"

struct link {
    char id[ENVELOPE_PERSON_MAX + 1];
    uint64_t announced;            /* what came up to this number */
    uint64_t owed_at;              /* when to announce; TREE_NEVER: nothing is owed */
    uint64_t asked_at, busy_until; /* when it was asked last; it is not asked again before it has answered, or then */
    size_t index;
    UT_hash_handle hh;
};

/* A link in one author's tree. */
struct branch {
    bool lazy;
    uint64_t pruned_at; /* when the prune was sent last; 0: never */
};

struct author_tree {
    char author[ENVELOPE_PERSON_MAX + 1];
    uint64_t sequence, number;
    uint64_t pushed;                    /* bit n: sequence - n came along the tree */
    unsigned hops;                      /* of that sequence; 0: unknown, or ours */
    char from[ENVELOPE_PERSON_MAX + 1]; /* the link that pushed it; empty: none */
    struct branch *branches;            /* by the index of the link; those behind are as new links are */
    size_t branch_count;
    struct author_tree *prev, *next;
    UT_hash_handle hh;
};

struct lack {
    char author[ENVELOPE_PERSON_MAX + 1];
    uint64_t sequence; /* the highest that was named */
    uint64_t has;      /* without a gap, when something came last */
    uint64_t at;       /* when somebody is asked, or who was asked has had time enough */
    bool announced;    /* who is asked takes its place in the tree, too */
    char announcers[TREE_ANNOUNCERS_MAX][ENVELOPE_PERSON_MAX + 1];
    size_t count;
    bool blocked;           /* until one of them has answered something else */
    bool asked;             /* the first announcer, */
    uint64_t had, asked_to; /* when there was so much, for what is up to here */
    UT_hash_handle hh;
};

struct tree {
    struct link *by_id;
    struct link **links;
    size_t count, cap;
    struct author_tree *by_author, *authors; /* oldest first */
    const struct author_tree
        *model; /* the author with the smallest id: as its tree another's begins; NULL: to be found */
    uint64_t number;
    struct lack *lacks;
};

/* NULL: it is not up. */
struct link *tree_find_link(const struct tree *t, struct span id);
/* The link is in the author's tree. */
void tree_make_eager(const struct tree *t, struct span author, const struct link *link);

/* ---- tree_lack.c ---- */
void tree_lack_free(struct tree *t, struct lack *lack);
/* Something of the author came; without a gap we have so much. */
void tree_lack_has(struct tree *t, struct span author, uint64_t has, uint64_t now);
void tree_lack_link_down(struct tree *t, struct span id);
uint64_t tree_lack_due(const struct tree *t);

#endif
