/* SPDX-License-Identifier: MIT
 *
 * Memory that runs out loses an effect whole: io never meets one that lacks a part.
 */
#include "tests/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer/core/state.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"

enum {
    ALLOCATIONS_MAX = 5 /* that one effect makes, and more than it makes */
};

typedef bool adds(struct peer *p);

static bool add_signal(struct peer *p)
{
    return effect_signal(p, SPAN("{}"));
}

static bool add_ice_servers(struct peer *p)
{
    return effect_ice_servers(p, SPAN("[]"));
}

static bool add_remote(struct peer *p)
{
    return effect_rtc_remote(p, 1, "offer", SPAN("v=0"));
}

static bool add_candidate(struct peer *p)
{
    return effect_rtc_candidate(p, 1, SPAN(""));
}

static bool add_message(struct peer *p)
{
    return effect_rtc_send(p, 1, 7, SPAN("hello"));
}

static bool add_put(struct peer *p)
{
    return effect_put(p, TABLE_REF, SPAN("key"), SPAN("value"));
}

static bool add_delete(struct peer *p)
{
    return effect_delete(p, TABLE_REF, SPAN("key"));
}

static bool add_load(struct peer *p)
{
    return effect_load(p, 1, TABLE_REF, SPAN("a"), SPAN("b"), 1, false);
}

static bool add_remember(struct peer *p)
{
    return effect_remember(p, SPAN("ann"), SPAN("id"));
}

/* Not taken when it fails. */
static bool add_notice(struct peer *p)
{
    struct peer_notice *n = notice_make(&(struct notice){.type = NOTICE_READY, .id = SPAN("id")});
    bool added = n && effect_notice(p, n);
    if (!added)
        peer_notice_free(n);
    return added;
}

static bool is_whole(const struct peer_effect *e)
{
    switch (e->type) {
    case PEER_FX_PUT:
        return e->put.key && e->put.value.p;
    case PEER_FX_DELETE:
        return e->delete.key;
    case PEER_FX_LOAD:
        return e->load.from && e->load.to;
    case PEER_FX_REMEMBER:
        return e->remember.name && e->remember.id;
    case PEER_FX_NOTICE:
        return e->notice;
    case PEER_FX_RTC_REMOTE:
        return e->description.type && e->description.sdp.p;
    case PEER_FX_RTC_CANDIDATE:
        return e->candidate.p;
    case PEER_FX_RTC_SEND:
        return e->message.bytes.p;
    case PEER_FX_ICE_SERVERS:
        return e->ice_servers.p;
    default:
        return e->frame.p;
    }
}

/* What is added must be complete, what is not must leave nothing behind (the sanitizers see leaks). */
static void play(adds *add, enum peer_effect_type type)
{
    unsigned lost = 0, added = 0;
    for (long n = 0; n < ALLOCATIONS_MAX; n++) {
        struct peer_effects fx = {0};
        struct peer *p = calloc(1, sizeof *p);
        assert_non_null(p);
        p->fx = &fx;
        faults.countdown = n;
        bool ok = add(p);
        faults.countdown = -1;
        assert_int_equal(fx.n, ok);
        lost += !ok;
        added += ok;
        assert_true(!ok || (fx.v[0].type == type && is_whole(&fx.v[0])));
        peer_effects_done(&fx);
        free(p);
    }
    assert_true(lost > 1 && added > 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    play(add_signal, PEER_FX_SIGNAL);
    play(add_ice_servers, PEER_FX_ICE_SERVERS);
    play(add_remote, PEER_FX_RTC_REMOTE);
    play(add_candidate, PEER_FX_RTC_CANDIDATE);
    play(add_message, PEER_FX_RTC_SEND);
    play(add_put, PEER_FX_PUT);
    play(add_delete, PEER_FX_DELETE);
    play(add_load, PEER_FX_LOAD);
    play(add_remember, PEER_FX_REMEMBER);
    play(add_notice, PEER_FX_NOTICE);
}

/* Whoever keeps a part takes the whole, and what is left frees nothing. */
static void test_taken(void **state)
{
    struct peer_effects fx = {0};
    struct peer *p = calloc(1, sizeof *p);
    (void)state;
    assert_non_null(p);
    p->fx = &fx;
    assert_true(add_message(p));
    struct peer_effect mine = peer_effect_take(&fx.v[0]);
    assert_int_equal(fx.v[0].type, PEER_FX_NONE);
    peer_effects_done(&fx);
    assert_true(span_is(peer_text_view(mine.message.bytes), "hello"));
    assert_int_equal(mine.message.channel, 7);
    peer_effect_done(&mine);
    assert_int_equal(mine.type, PEER_FX_NONE);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
