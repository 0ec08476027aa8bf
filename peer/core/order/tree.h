/* SPDX-License-Identifier: MIT
 *
 * Who gets a group message pushed and who an announcement: Plumtree (Leitão, Pereira, Rodrigues: Epidemic Broadcast
 * Trees, 2007), a tree for each author.
 *
 * In an author's tree each link is eager or lazy, and new ones are eager. A message goes whole to the eager links, save
 * where it came from; to the lazy ones is announced, in batches, the newest sequence of each author. Who gets a message twice along
 * the tree prunes the link it came by: after one message the eager links are a tree of its fastest paths. Who hears of a
 * message and does not get it within TREE_WAIT_MS grafts: takes the announcer's link into the tree and asks it for what
 * is missing; if that is in vain, the next announcer. So a broken tree mends itself with the next message. What a compared
 * clock, or a message that has to wait, shows to be missing is asked for likewise, without a graft. Messages and
 * announcements carry hops: who got a message deeper than TREE_DEPTH, and hears of it from somebody nearer to its author,
 * takes that link instead. What came otherwise than along the tree, out of somebody's history, prunes nothing when the tree
 * brings it too, and is announced to all links, eager ones as well: it is not pushed on.
 *
 * One tree shared by all authors, as the paper has it, was measured and rejected: of messages that are in flight at
 * once, two ends of a circle each prune another link and part the tree, so in a room of 64 with 8 to 64 who talk a
 * message cost 2 to 3 pushes a member for ever; with trees of their own it is 1. A new author's tree begins as a copy of
 * that of the author with the smallest id, the same one everywhere, so a first message costs no flood either.
 *
 *     message ─► tree_received ─► TREE_NEW: push it to the eager links; the lazy ones are owed an announcement
 *                              └► TREE_PRUNE: send the sender a prune
 *     announcement of what we lack ─► tree_announced ┐
 *     clock, or what waits here ────► tree_lacked ───┴► … tree_grafts ─► ask that link for the authors' messages
 *                                                       tree_answered: all that it had has come
 *
 * Whether a message is new is for the caller to say: its clocks know.
 *
 *   owns     each author's tree as this member sees it, what each link is owed, and what is lacked of whom
 *   before   the caller says whether a message is new, and ends a link here when it ends
 *   after    each new message is pushed along the eager links or announced; what was named and did not come is asked of one
 *            link at a time, of each that named it in turn
 */
#ifndef PEER_CORE_TREE_H
#define PEER_CORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/envelope.h"

enum {
    TREE_LINKS_MAX = 1024,   /* the largest room, everybody linked */
    TREE_LACKED_MAX = 1024,  /* authors of whom something is lacked: all of a room */
    TREE_ANNOUNCERS_MAX = 8, /* remembered for one author: who is asked in turn */
    TREE_OWED_MAX = 1024,    /* authors announced to one link in one batch */
    TREE_ANNOUNCE_MS = 100,  /* announcements are gathered for so long */
    TREE_DEPTH = 5, /* hops; what comes deeper looks for a shorter way. One less than is promised: it may come late */
    TREE_PRUNE_MS = 1000,     /* what was in flight when a prune was sent is not answered by another */
    TREE_WAIT_MS = 200,       /* for what was named to come by itself */
    TREE_ANSWER_MS = 2000,    /* for an answer to begin, or to go on, of a link that is silent */
    TREE_PATIENCE_MS = 10000, /* likewise of one that lives: it has much to do */
    TREE_PACE_MS = 20,        /* between two questions to one link, however fast it answers */
};
#define TREE_NEVER UINT64_MAX

enum tree_verdict {
    TREE_NEW,     /* push it to the eager links */
    TREE_PRUNE,   /* had it already: tell the sender so, the link is lazy now */
    TREE_NOTHING, /* had it already, and the link is lazy or gone */
};

/* One entry of an announcement: the newest message of an author, and how deep it came. */
struct tree_newest {
    struct span author;
    uint64_t sequence;
    unsigned hops; /* 0: unknown, or the announcer is the author */
};

struct tree_swap {
    char graft[ENVELOPE_PERSON_MAX + 1];
    char prune[ENVELOPE_PERSON_MAX + 1];
};

/* Somebody named an author's messages up to sequence, and of those we have, delivered or held, so many without a gap. */
struct tree_lack {
    struct span from, author;
    uint64_t sequence, has;
    bool announced; /* by a link that did not push them */
};

/* To be asked for: the author's messages up to sequence. */
struct tree_graft {
    struct span author;
    uint64_t sequence;
    bool announced; /* send a graft for the author's tree, too */
};

struct tree;

struct tree *tree_new(void); /* NULL: no memory */
void tree_free(struct tree *t);

/* False: too many, or no memory. A link that is up already stays as it is. */
bool tree_link_up(struct tree *t, struct span id);
void tree_link_down(struct tree *t, struct span id);

struct tree_message {
    struct span from;   /* the link by which it came; n = 0: none, it is ours, or out of our store */
    struct span author; /* not empty */
    uint64_t sequence;
    uint64_t has;  /* of that author, without a gap, this message included: delivered, or held (causal_has) */
    unsigned hops; /* links from its author to us, 1 if he is the sender; 0: unknown, or ours */
    bool is_new;
    bool
        pushed; /* along the tree; false for what we asked for or was sent to us alone: that says nothing of the tree */
};
enum tree_verdict tree_received(struct tree *t, const struct tree_message *m, uint64_t now);
/* Links by index, eager and lazy in that author's tree, for pushing: skip the lazy ones and where it came from. */
size_t tree_links(const struct tree *t);
struct span tree_link(struct tree *t, size_t i, struct span author, bool *eager); /* lives until a link goes */

/* Their prune or graft of that author's tree came. */
void tree_pruned(struct tree *t, struct span id, struct span author);
void tree_grafted(struct tree *t, struct span id, struct span author);

/* One entry of an announcement came, be it lacked or not; has as above. True: the announcer is the shorter way, so
 * send him a graft that asks for nothing, and the other link a prune. */
bool tree_announced(struct tree *t, struct span from, const struct tree_newest *newest, uint64_t has, uint64_t now,
    struct tree_swap *swap);
/* Nothing happens unless it is more than we have, and named by a link. */
void tree_lacked(struct tree *t, const struct tree_lack *named, uint64_t now);
/* One link that is to be asked now, and for what; returns for how many authors, 0: none is. Repeat. It is asked nothing
 * more until it has answered, was silent for too long, or is down. Spans live until the next call. */
size_t tree_grafts(struct tree *t, uint64_t now, struct span *link, struct tree_graft *out, size_t max);
/* Something was heard on this link a moment ago. */
void tree_lives(struct tree *t, struct span id, uint64_t now);
/* All that this link has of what it was asked for has come. */
void tree_answered(struct tree *t, struct span id, uint64_t now);
/* Somebody was asked for messages of this author and has not answered yet. */
bool tree_asks(const struct tree *t, struct span author);

/* One link that is owed announcements long enough: writes its id, and up to TREE_OWED_MAX entries, which are then no
 * longer owed. Returns how many; 0: none is due. Repeat. Spans live until the next call. */
size_t tree_announcements(struct tree *t, uint64_t now, struct span *link, struct tree_newest *out, size_t max);

/* When to call the two; TREE_NEVER if nothing is waited for. */
uint64_t tree_due(const struct tree *t);

#endif
