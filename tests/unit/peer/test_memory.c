/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out while a core does something, at each of its allocations. The simulator plays a whole story like that
 * (story_memory.c); here stands what an application hears of it.
 */
#include "tests/faults.h"
#include "tests/unit/peer/world.h"

enum outcome {
    WENT_ON,
    WAS_REFUSED, /* by name, and nothing of it was stored */
    WAS_VOID     /* and the peer has ended */
};

/* One step, whose allocation of that number fails, from 0. */
static void step_short(struct world *w, int node, struct peer_event ev, long number)
{
    struct node *n = &w->nodes[node];
    ev.now = w->now;
    ev.unix_ms = unix_of(w, node);
    faults.failed = 0;
    faults.countdown = number;
    peer_step(n->p, &ev, &n->fx);
    faults.countdown = -1;
}

/* Anything but the conversation, which may be new. */
static bool stores(const struct peer_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++)
        if (fx->v[i].type == PEER_FX_PUT && fx->v[i].put.table != TABLE_CONVERSATION)
            return true;
    return false;
}

static const struct peer_notice *error_of(const struct peer_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++)
        if (fx->v[i].type == PEER_FX_NOTICE && fx->v[i].notice->type == NOTICE_ERROR)
            return fx->v[i].notice;
    return NULL;
}

static enum outcome outcome_of(const struct peer_effects *fx)
{
    const struct peer_notice *error = error_of(fx);
    if (fx->out_of_memory) {
        assert_int_equal(fx->n, 0);
        assert_true(fx->out_of_memory->fatal);
        assert_string_equal(fx->out_of_memory->code, "out-of-memory");
        return WAS_VOID;
    }
    if (!error)
        return WENT_ON;
    assert_false(error->fatal);
    assert_string_equal(error->code, "out-of-memory");
    assert_string_equal(error->ref, "r");
    assert_false(stores(fx));
    return WAS_REFUSED;
}

static void test_a_message_without_memory(void **state)
{
    (void)state;
    size_t met[WAS_VOID + 1] = {0};
    bool failed = true;
    for (long number = 0; failed; number++) {
        struct world *w = world_up(2);
        struct span bob = span_of(peer_id(w->nodes[1].p));
        struct peer_event ev = {
            .type = PEER_SEND, .send = {.to = &bob, .to_count = 1, .text = SPAN("hello"), .ref = SPAN("r")}};
        pass(w, 1000);
        step_short(w, 0, ev, number);
        failed = faults.failed > 0;
        enum outcome outcome = outcome_of(&w->nodes[0].fx);
        met[outcome]++;
        for (size_t i = 0; i < w->nodes[0].fx.n; i++)
            execute(w, 0, &w->nodes[0].fx.v[i]);
        peer_effects_clear(&w->nodes[0].fx);
        if (outcome == WAS_REFUSED)
            feed(w, 0, ev); /* memory is back */
        else if (outcome == WAS_VOID)
            node_boot(w, 0);
        pass(w, 10000);
        assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), outcome == WAS_VOID ? 0 : 1);
        world_end(w);
    }
    assert_true(met[WAS_REFUSED] > 20 && met[WAS_VOID] > 10);
}

/* What comes is as if lost on the way, and sent again; or the reader has ended and finds it at its next start. */
static void test_a_frame_without_memory(void **state)
{
    (void)state;
    size_t lost = 0;
    bool failed = true;
    for (long number = 0; failed; number++) {
        struct world *w = world_up(2);
        pass(w, 1000);
        send_direct(w, 0, 1, "hello");
        assert_true(answer_storage(w)); /* it is on the disk, and sent */
        struct event *e = w->queue;
        assert_true(e && e->node == 1 && e->ev.type == PEER_DATA);
        DL_DELETE(w->queue, e);
        step_short(w, 1, e->ev, number);
        event_free(e);
        failed = faults.failed > 0;
        bool ended = w->nodes[1].fx.out_of_memory;
        lost += failed && !ended;
        for (size_t i = 0; i < w->nodes[1].fx.n; i++)
            execute(w, 1, &w->nodes[1].fx.v[i]);
        peer_effects_clear(&w->nodes[1].fx);
        if (ended) {
            node_boot(w, 1);
            start(w, 1);
        }
        pass(w, 20000);
        assert_int_equal(count(&w->nodes[1], NOTICE_MESSAGE), 1);
        assert_int_equal(count(&w->nodes[0], NOTICE_DELIVERED), 1);
        assert_int_equal(peer_stats(w->nodes[1].p)->refused_total, 0);
        world_end(w);
    }
    assert_true(lost > 20);
}

/* What the daemon said and could not be read is asked for on a new connection: nobody is missed. */
static void test_a_word_of_the_daemon_without_memory(void **state)
{
    (void)state;
    bool failed = true;
    size_t anew = 0;
    for (long number = 0; failed; number++) {
        struct world *w = world_up(1);
        struct node *ann = &w->nodes[0];
        w->n = 2;
        node_init(w, 1, "bob");
        node_boot(w, 1);
        w->hold_signals = true; /* he cannot call */
        feed(w, 1, (struct peer_event){.type = PEER_START});
        while (w->queue && w->queue->node != 0) {
            struct event *e = w->queue;
            DL_DELETE(w->queue, e);
            feed(w, e->node, e->ev);
            event_free(e);
        }
        struct event *e = w->queue;
        assert_true(e && e->ev.type == PEER_SIGNALING_FRAME);
        DL_DELETE(w->queue, e);
        step_short(w, 0, e->ev, number);
        event_free(e);
        failed = faults.failed > 0;
        bool ended = ann->fx.out_of_memory;
        for (size_t i = 0; i < ann->fx.n; i++)
            execute(w, 0, &ann->fx.v[i]);
        peer_effects_clear(&ann->fx);
        if (!ended) {
            pass(w, 3000);
            anew += ann->connects > 1;
            struct peer_person people[2];
            assert_int_equal(peer_people(ann->p, people, 2), 1);
        }
        world_end(w);
    }
    assert_true(anew > 5);
}

/* Whose memory ran out still answers, and says that it has left. */
static void test_after_the_end(void **state)
{
    (void)state;
    struct world *w = world_up(1);
    faults.for_good = true;
    step_short(w, 0, (struct peer_event){.type = PEER_SIGNALING_CLOSED, .closed = {.why = SPAN("gone")}}, 0);
    faults.for_good = false;
    struct peer_effects *fx = &w->nodes[0].fx;
    assert_int_equal(outcome_of(fx), WAS_VOID);
    peer_effects_clear(fx);
    step_short(w, 0, (struct peer_event){.type = PEER_SEND, .send = {.text = SPAN("x"), .ref = SPAN("r")}}, -1);
    assert_int_equal(outcome_of(fx), WAS_REFUSED);
    peer_effects_clear(fx);
    step_short(w, 0, (struct peer_event){.type = PEER_LEAVE}, -1);
    assert_int_equal(fx->n, 1);
    assert_int_equal(fx->v[0].notice->type, NOTICE_LEFT);
    peer_effects_clear(fx);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_without_memory),
        cmocka_unit_test(test_a_frame_without_memory),
        cmocka_unit_test(test_a_word_of_the_daemon_without_memory),
        cmocka_unit_test(test_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
