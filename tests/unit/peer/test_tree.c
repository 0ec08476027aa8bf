/* SPDX-License-Identifier: MIT
 *
 * Plumtree on a simulated network: members linked as overlay says, each link with a latency of its own and in order,
 * members that come, go and lose links. A message that was asked for comes as an answer and is not pushed on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "peer/core/order/overlay.h"
#include "tests/unit/peer/tree_message.h"

enum {
    NODES = 80, /* a room of 64, and those who join later */
    ROOM = 64,
    SEQUENCES = 400,
    EVENTS_MAX = 200000,
    LATENCY_MIN = 5,
    LATENCY_MAX = 100,
};

enum kind {
    PUSH,
    ANSWER,
    PRUNE,
    GRAFT,
    ANNOUNCE,
    ANSWERED,
    TIMER,
    KINDS
};

struct event {
    uint64_t at, order;
    enum kind kind;
    unsigned from, to, epoch;
    unsigned author, sequence, depth; /* GRAFT: depth is what it has without a gap */
    bool regrow, last;                /* GRAFT: the tree; of what is asked for at once */
    struct tree_newest *ticks;        /* owned */
    size_t tick_count;
};

struct node {
    char id[ID_CHARS + 1];
    bool up;
    struct tree *tree;
    struct overlay *overlay;
    uint64_t wake;
    unsigned said, start[NODES]; /* from where on it takes part */
    bool has[NODES][SEQUENCES];
    unsigned depth[NODES][SEQUENCES];
};

struct net {
    struct rng_seeded seeded;
    struct rng rng;
    uint64_t now, order;
    struct node node[NODES];
    bool linked[NODES][NODES], broken[NODES][NODES];
    unsigned epoch[NODES][NODES], latency[NODES][NODES];
    uint64_t last_arrival[NODES][NODES];
    struct event *heap;
    size_t events;
    unsigned count[KINDS], deepest;
    unsigned sent; /* messages */
};

/* ---- the queue of events: a binary heap ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
    struct event t = *a;
    *a = *b;
    *b = t;
}

static void enqueue(struct net *net, struct event e)
{
    assert_true(net->events < EVENTS_MAX);
    e.order = ++net->order;
    size_t i = net->events++;
    net->heap[i] = e;
    for (; i > 0 && before(&net->heap[i], &net->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&net->heap[i], &net->heap[(i - 1) / 2]);
}

static struct event dequeue(struct net *net)
{
    struct event first = net->heap[0];
    net->heap[0] = net->heap[--net->events];
    for (size_t i = 0, child; (child = 2 * i + 1) < net->events; i = child) {
        child += child + 1 < net->events && before(&net->heap[child + 1], &net->heap[child]);
        if (!before(&net->heap[child], &net->heap[i]))
            break;
        swap(&net->heap[i], &net->heap[child]);
    }
    return first;
}

/* ---- members ---- */

static struct span id_of(const struct net *net, unsigned i)
{
    return span_of(net->node[i].id);
}

static unsigned index_of(const struct net *net, struct span id)
{
    for (unsigned i = 0; i < NODES; i++)
        if (span_is(id, net->node[i].id))
            return i;
    fail_msg("a stranger: %.*s", (int)id.n, id.p);
    return 0;
}

static void set_timer(struct net *net, unsigned i)
{
    uint64_t due = tree_due(net->node[i].tree);
    if (due >= net->node[i].wake)
        return;
    net->node[i].wake = due;
    enqueue(net, (struct event){.at = due, .kind = TIMER, .to = i});
}

static void transmit(struct net *net, struct event e)
{
    assert_true(net->linked[e.from][e.to]);
    net->count[e.kind]++;
    uint64_t *last = &net->last_arrival[e.from][e.to];
    e.at = net->now + net->latency[e.from][e.to] + rng_below(&net->rng, 5);
    e.at = e.at < *last ? *last : e.at;
    *last = e.at;
    e.epoch = net->epoch[e.from][e.to];
    enqueue(net, e);
}

/* What it has of an author without a gap. */
static unsigned contiguous(const struct node *n, unsigned author)
{
    unsigned s = n->start[author];
    while (s + 1 < SEQUENCES && n->has[author][s + 1])
        s++;
    return s;
}

static void take(struct net *net, unsigned i, unsigned from, const struct event *e)
{
    struct node *n = &net->node[i];
    bool is_new = !n->has[e->author][e->sequence];
    n->has[e->author][e->sequence] = true;
    struct tree_message m = {.from = from == i ? (struct span){0} : id_of(net, from),
        .author = id_of(net, e->author),
        .sequence = e->sequence,
        .has = contiguous(n, e->author),
        .hops = e->depth,
        .is_new = is_new,
        .pushed = from != i && e->kind == PUSH};
    switch (tree_received(n->tree, &m, net->now)) {
    case TREE_PRUNE:
        transmit(net, (struct event){.kind = PRUNE, .from = i, .to = from, .author = e->author});
        break;
    case TREE_NEW:
        n->depth[e->author][e->sequence] = e->depth;
        net->deepest = e->depth > net->deepest ? e->depth : net->deepest;
        for (size_t k = 0; e->kind == PUSH && k < tree_links(n->tree); k++) {
            bool eager;
            unsigned to = index_of(net, tree_link(n->tree, k, id_of(net, e->author), &eager));
            if (eager && to != from)
                transmit(net, (struct event){.kind = PUSH,
                                  .from = i,
                                  .to = to,
                                  .author = e->author,
                                  .sequence = e->sequence,
                                  .depth = e->depth + 1});
        }
        break;
    case TREE_NOTHING:
        assert_false(is_new);
        break;
    }
}

static void say(struct net *net, unsigned i)
{
    unsigned sequence = ++net->node[i].said;
    assert_true(sequence < SEQUENCES);
    net->sent++;
    take(net, i, i, &(struct event){.kind = PUSH, .author = i, .sequence = sequence});
    set_timer(net, i);
}

static void on_timer(struct net *net, unsigned i)
{
    struct node *n = &net->node[i];
    n->wake = TREE_NEVER;
    struct tree_graft grafts[NODES];
    struct tree_newest ticks[NODES];
    struct span link;
    size_t count;
    while ((count = tree_grafts(n->tree, net->now, &link, grafts, NODES)) > 0)
        for (size_t k = 0; k < count; k++) {
            unsigned author = index_of(net, grafts[k].author);
            transmit(net, (struct event){.kind = GRAFT,
                              .from = i,
                              .to = index_of(net, link),
                              .author = author,
                              .sequence = (unsigned)grafts[k].sequence,
                              .depth = contiguous(n, author),
                              .regrow = grafts[k].announced,
                              .last = k + 1 == count});
        }
    while ((count = tree_announcements(n->tree, net->now, &link, ticks, NODES)) > 0) {
        struct event e = {.kind = ANNOUNCE, .from = i, .to = index_of(net, link), .tick_count = count};
        e.ticks = calloc(count, sizeof *ticks);
        assert_non_null(e.ticks);
        for (size_t k = 0; k < count; k++) /* the names live as long as the net */
            e.ticks[k] =
                (struct tree_newest){id_of(net, index_of(net, ticks[k].author)), ticks[k].sequence, ticks[k].hops};
        transmit(net, e);
    }
}

static void on_announce(struct net *net, const struct event *e)
{
    struct node *n = &net->node[e->to];
    for (size_t k = 0; k < e->tick_count; k++) {
        struct tree_swap swap;
        unsigned has = contiguous(n, index_of(net, e->ticks[k].author));
        if (!tree_announced(n->tree, id_of(net, e->from), &e->ticks[k], has, net->now, &swap))
            continue;
        unsigned author = index_of(net, e->ticks[k].author), worse = index_of(net, span_of(swap.prune));
        transmit(net, (struct event){.kind = GRAFT, .from = e->to, .to = e->from, .author = author, .regrow = true});
        transmit(net, (struct event){.kind = PRUNE, .from = e->to, .to = worse, .author = author});
    }
}

static void on_graft(struct net *net, const struct event *e)
{
    struct node *n = &net->node[e->to];
    if (e->regrow)
        tree_grafted(n->tree, id_of(net, e->from), id_of(net, e->author));
    for (unsigned s = e->depth + 1; s <= e->sequence; s++)
        if (n->has[e->author][s])
            transmit(net, (struct event){.kind = ANSWER,
                              .from = e->to,
                              .to = e->from,
                              .author = e->author,
                              .sequence = s,
                              .depth = n->depth[e->author][s] + 1});
    if (e->last)
        transmit(net, (struct event){.kind = ANSWERED, .from = e->to, .to = e->from});
}

static void handle(struct net *net, const struct event *e)
{
    struct node *n = &net->node[e->to];
    if (!n->up || (e->kind != TIMER && net->epoch[e->from][e->to] != e->epoch))
        return;
    if (e->kind == PUSH || e->kind == ANSWER)
        take(net, e->to, e->from, e);
    else if (e->kind == PRUNE)
        tree_pruned(n->tree, id_of(net, e->from), id_of(net, e->author));
    else if (e->kind == GRAFT)
        on_graft(net, e);
    else if (e->kind == ANNOUNCE)
        on_announce(net, e);
    else if (e->kind == ANSWERED)
        tree_answered(n->tree, id_of(net, e->from), net->now);
    else if (e->at == n->wake)
        on_timer(net, e->to);
    set_timer(net, e->to);
}

static void run(struct net *net, uint64_t ms)
{
    uint64_t end = net->now + ms;
    while (net->events > 0 && net->heap[0].at <= end) {
        struct event e = dequeue(net);
        net->now = e.at;
        handle(net, &e);
        free(e.ticks);
    }
    net->now = end;
}

/* ---- the network ---- */

static void set_link(struct net *net, unsigned i, unsigned j, bool up)
{
    if (net->linked[i][j] == up)
        return;
    for (unsigned k = 0; k < 2; k++) {
        unsigned a = k ? j : i, b = k ? i : j;
        net->linked[a][b] = up;
        net->epoch[a][b]++;
        net->last_arrival[a][b] = 0;
        if (up)
            assert_true(tree_link_up(net->node[a].tree, id_of(net, b)));
        else
            tree_link_down(net->node[a].tree, id_of(net, b));
    }
}

/* Everybody who is up knows who is, and is linked with whom he should be. */
static void link_all(struct net *net)
{
    struct span ids[NODES];
    size_t n = 0;
    for (unsigned i = 0; i < NODES; i++)
        if (net->node[i].up)
            ids[n++] = id_of(net, i);
    for (unsigned i = 0; i < NODES; i++)
        assert_true(overlay_set(net->node[i].overlay, ids, n));
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < i; j++)
            set_link(net, i, j,
                net->node[i].up && net->node[j].up && !net->broken[i][j] &&
                    overlay_wants(net->node[i].overlay, id_of(net, j)));
}

static void come(struct net *net, unsigned i)
{
    struct node *n = &net->node[i];
    n->up = true;
    n->wake = TREE_NEVER;
    n->tree = tree_new();
    assert_non_null(n->tree);
    for (unsigned a = 0; a < NODES; a++)
        n->start[a] = net->node[a].said;
}

static void go(struct net *net, unsigned i)
{
    for (unsigned j = 0; j < NODES; j++)
        set_link(net, i, j, false);
    net->node[i].up = false;
    tree_free(net->node[i].tree);
    net->node[i].tree = NULL;
}

static struct net *net_new(unsigned members, uint64_t seed)
{
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->heap = calloc(EVENTS_MAX, sizeof *net->heap);
    assert_non_null(net->heap);
    rng_seeded_init(&net->seeded, seed);
    net->rng = rng_seeded_port(&net->seeded);
    for (unsigned i = 0; i < NODES; i++) {
        uint8_t bytes[ID_BYTES];
        net->rng.fill(net->rng.ctx, bytes, sizeof bytes);
        base32_encode(bytes, sizeof bytes, net->node[i].id);
        net->node[i].overlay = overlay_new(id_of(net, i));
        assert_non_null(net->node[i].overlay);
        for (unsigned j = 0; j < i; j++)
            net->latency[i][j] = net->latency[j][i] = LATENCY_MIN + rng_below(&net->rng, LATENCY_MAX - LATENCY_MIN + 1);
    }
    for (unsigned i = 0; i < members; i++)
        come(net, i);
    link_all(net);
    return net;
}

static void net_free(struct net *net)
{
    while (net->events > 0)
        free(dequeue(net).ticks);
    for (unsigned i = 0; i < NODES; i++) {
        tree_free(net->node[i].tree);
        overlay_free(net->node[i].overlay);
    }
    free(net->heap);
    free(net);
}

static unsigned somebody(struct net *net)
{
    unsigned i;
    do
        i = rng_below(&net->rng, NODES);
    while (!net->node[i].up);
    return i;
}

static void forget_counts(struct net *net)
{
    memset(net->count, 0, sizeof net->count);
    net->deepest = net->sent = 0;
}

/* Messages one after the other, from anybody. Who spoke last is returned. */
static unsigned talk(struct net *net, unsigned messages, uint64_t pause)
{
    unsigned who = 0;
    for (unsigned i = 0; i < messages; i++) {
        who = somebody(net);
        say(net, who);
        run(net, pause);
    }
    return who;
}

/* From everybody in turns. */
static void speak_in_turns(struct net *net, unsigned rounds, uint64_t pause)
{
    for (unsigned i = 0; i < rounds * NODES; i++) {
        if (!net->node[i % NODES].up)
            continue;
        say(net, i % NODES);
        run(net, pause);
    }
}

/* The author left before anybody heard it. */
static bool is_lost(const struct net *net, unsigned author, unsigned sequence)
{
    for (unsigned i = 0; i < NODES; i++)
        if (net->node[i].up && net->node[i].has[author][sequence])
            return false;
    return true;
}

static void send_what_lacks(struct net *net, unsigned i, unsigned j)
{
    for (unsigned a = 0; a < NODES; a++)
        for (unsigned s = net->node[j].start[a] + 1; s <= net->node[a].said; s++)
            if (net->node[i].has[a][s] && !net->node[j].has[a][s])
                transmit(net, (struct event){.kind = ANSWER, .from = i, .to = j, .author = a, .sequence = s});
            else if (is_lost(net, a, s))
                net->node[j].has[a][s] = true;
}

/* What a broken link lost, and nobody talks of any more, comes with the clocks that a new link compares. */
static void compare_histories(struct net *net)
{
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < NODES; j++)
            if (net->linked[i][j])
                send_what_lacks(net, i, j);
    run(net, 5000);
}

/* ---- what must hold ---- */

static bool is_eager(const struct net *net, unsigned author, unsigned i, unsigned j)
{
    for (size_t k = 0; k < tree_links(net->node[i].tree); k++) {
        bool eager;
        if (span_is(tree_link(net->node[i].tree, k, id_of(net, author), &eager), net->node[j].id))
            return eager;
    }
    return false;
}

static unsigned root(const unsigned *of, unsigned i)
{
    while (of[i] != i)
        i = of[i];
    return i;
}

/* In an author's tree eager links are so at both ends, go in no circle, and join all that are joined by links. */
static void check_tree(const struct net *net, unsigned author)
{
    unsigned tree[NODES], graph[NODES];
    for (unsigned i = 0; i < NODES; i++)
        tree[i] = graph[i] = i;
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < i; j++) {
            if (!net->linked[i][j])
                continue;
            graph[root(graph, i)] = root(graph, j);
            bool eager = is_eager(net, author, i, j);
            assert_int_equal(eager, is_eager(net, author, j, i));
            if (!eager)
                continue;
            assert_int_not_equal(root(tree, i), root(tree, j));
            tree[root(tree, i)] = root(tree, j);
        }
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < i; j++)
            assert_int_equal(root(tree, i) == root(tree, j), root(graph, i) == root(graph, j));
}

/* Everybody has everything that was said since he came. */
static void check_all_have_all(const struct net *net)
{
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned a = 0; a < NODES && net->node[i].up; a++)
            if (contiguous(&net->node[i], a) < net->node[a].said)
                fail_msg("%u lacks %u of %u", i, contiguous(&net->node[i], a) + 1, a);
}

static void check_trees(const struct net *net)
{
    for (unsigned i = 0; i < NODES; i++)
        if (net->node[i].up)
            check_tree(net, i);
}

static void print_counts(const struct net *net, const char *what, unsigned members)
{
    unsigned flood = 0;
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < NODES; j++)
            flood += net->linked[i][j];
    flood -= members - 1;
    double per = (double)net->sent * members;
    print_message(
        "%s: %u messages, frames a member and message: %.2f with the message, %.2f announcements, %.3f prunes, "
        "%.3f grafts; depth %u (flooding: %.2f)\n",
        what, net->sent, (net->count[PUSH] + net->count[ANSWER]) / per, net->count[ANNOUNCE] / per,
        net->count[PRUNE] / per, net->count[GRAFT] / per, net->deepest, (double)flood / members);
}

static void test_settles(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(ROOM, seed);
        check_tree(net, talk(net, 3, 2000));
        print_counts(net, "the first ones", ROOM);
        forget_counts(net);
        speak_in_turns(net, 1, 1000);
        print_counts(net, "everybody's first", ROOM);
        assert_true(net->count[PUSH] + net->count[ANSWER] <= net->sent * ROOM * 6 / 5);
        speak_in_turns(net, 2, 1000);
        forget_counts(net);
        talk(net, 50, 1000);
        check_trees(net);
        check_all_have_all(net);
        print_counts(net, "settled", ROOM);
        assert_int_equal(net->count[PUSH] + net->count[ANSWER], net->sent * (ROOM - 1));
        assert_in_range(net->deepest, 3, TREE_DEPTH + 1);
        net_free(net);
    }
}

/* Many talk at once, from the first moment on: each has a tree of its own, so their messages do not disturb each other. */
static void test_crowd(void **state)
{
    static const unsigned senders[] = {8, ROOM};
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        unsigned n = senders[seed % 2];
        struct net *net = net_new(ROOM, seed);
        for (unsigned i = 0; i < 1000; i++) {
            if (i == 300)
                forget_counts(net);
            say(net, rng_below(&net->rng, n) * (ROOM / n));
            run(net, 10);
        }
        run(net, 5000);
        check_all_have_all(net);
        print_counts(net, n == ROOM ? "crowd of 64" : "crowd of 8", ROOM);
        assert_true(net->count[PUSH] + net->count[ANSWER] <= net->sent * ROOM * 6 / 5);
        for (unsigned i = 0; i < n; i++)
            say(net, i * (ROOM / n));
        run(net, 5000);
        for (unsigned i = 0; i < n; i++)
            check_tree(net, i * (ROOM / n));
        net_free(net);
    }
}

/* While messages are under way, links break and return, members go and come. What a broken link lost comes by another
 * as long as there is talk. */
static void test_mends_itself(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct net *net = net_new(ROOM, seed);
        talk(net, 3, 500);
        for (unsigned round = 0; round < 40; round++) {
            unsigned i = somebody(net), j = somebody(net), k = rng_below(&net->rng, NODES);
            net->broken[i][j] = net->broken[j][i] = !net->broken[i][j];
            if (!net->node[k].up)
                come(net, k);
            else if (round % 2)
                go(net, k);
            link_all(net);
            talk(net, 5, 30);
        }
        talk(net, 10, 2000);
        compare_histories(net);
        speak_in_turns(net, 3, 2000);
        check_trees(net);
        check_all_have_all(net);
        forget_counts(net);
        unsigned members = 0;
        for (unsigned i = 0; i < NODES; i++)
            members += net->node[i].up;
        talk(net, 20, 2000);
        check_trees(net);
        print_counts(net, "mended", members);
        assert_true(net->count[PUSH] + net->count[ANSWER] <= net->sent * members * 6 / 5);
        net_free(net);
    }
}

/* Lazy links hear of what came, together, once. */
static void test_announces(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    struct tree_newest out[4];
    struct span link;
    assert_true(tree_link_up(t, SPAN("x")) && tree_link_up(t, SPAN("y")));
    struct tree_message m = message("x", 1, true), again = message("y", 1, false);
    assert_int_equal(tree_received(t, &m, 1000), TREE_NEW);
    assert_int_equal(tree_received(t, &again, 1001), TREE_PRUNE);
    assert_int_equal(tree_received(t, &again, 1002), TREE_NOTHING);
    assert_int_equal(tree_due(t), TREE_NEVER);
    m.sequence = m.has = 2;
    tree_received(t, &m, 1010);
    m.sequence = m.has = 3;
    tree_received(t, &m, 1050);
    assert_int_equal(tree_due(t), 1010 + TREE_ANNOUNCE_MS);
    assert_int_equal(tree_announcements(t, 1009 + TREE_ANNOUNCE_MS, &link, out, 4), 0);
    assert_int_equal(tree_announcements(t, 1010 + TREE_ANNOUNCE_MS, &link, out, 4), 1);
    assert_true(span_is(link, "y"));
    assert_int_equal(out[0].sequence, 3);
    assert_int_equal(tree_announcements(t, 5000, &link, out, 4), 0);
    tree_free(t);
}

/* What came out of somebody's history says nothing of the links that push it too, and is not pushed on: so it is told to
 * all the others, eager ones as well. Another author's tree is not touched. */
static void test_history_prunes_nothing(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    struct tree_newest out[4];
    struct span link;
    bool eager;
    assert_true(tree_link_up(t, SPAN("x")) && tree_link_up(t, SPAN("y")) && tree_link_up(t, SPAN("z")));
    struct tree_message m = message("x", 3, true), y = message("y", 3, false), z = message("z", 3, false);
    m.pushed = false;
    assert_int_equal(tree_received(t, &m, 1000), TREE_NEW);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tree_announcements(t, 1000 + TREE_ANNOUNCE_MS, &link, out, 4), 1);
        assert_true(span_is(link, i == 0 ? "y" : "z"));
        assert_int_equal(out[0].sequence, 3);
    }
    assert_int_equal(tree_announcements(t, 5000, &link, out, 4), 0);
    assert_int_equal(tree_received(t, &y, 5000), TREE_NOTHING);
    tree_link(t, 1, SPAN("a"), &eager);
    assert_true(eager);
    assert_int_equal(tree_received(t, &z, 5001), TREE_PRUNE);
    tree_link(t, 2, SPAN("a"), &eager);
    assert_false(eager);
    /* Another author begins with the same tree, and then goes its own way. */
    struct tree_message b = message("z", 1, true);
    b.author = SPAN("b");
    tree_link(t, 2, SPAN("b"), &eager);
    assert_false(eager);
    assert_int_equal(tree_received(t, &b, 6000), TREE_NEW);
    tree_link(t, 2, SPAN("b"), &eager);
    assert_true(eager);
    tree_link(t, 2, SPAN("a"), &eager);
    assert_false(eager);
    tree_link_down(t, SPAN("x"));
    tree_link(t, 0, SPAN("a"), &eager); /* z took its place */
    assert_false(eager);
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announces),
        cmocka_unit_test(test_history_prunes_nothing),
        cmocka_unit_test(test_settles),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_mends_itself),
    };
    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
