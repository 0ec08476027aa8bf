/* SPDX-License-Identifier: MIT
 *
 * What a connection promises: channels, messages of every size, back pressure, restarts, closing, and that it may be
 * freed wherever its owner stands.
 */
#include <dirent.h>

#include "tests/unit/peer_io/rtc_pair.h"

static void test_opens_a_channel(void **state)
{
    (void)state;
    struct pair p;
    gint64 begin = g_get_monotonic_time();
    pair_open(&p);
    print_message("# up in %.1f ms\n", (double)(g_get_monotonic_time() - begin) / 1000);
    assert_string_equal(p.a.label, "usher");
    assert_string_equal(p.b.label, "usher");
    assert_int_equal(p.a.channel, p.b.channel);
    assert_int_equal(p.a.connected, 1);
    assert_int_equal(p.b.connected, 1);
    assert_int_equal(rtc_path(p.a.rtc), RTC_PATH_DIRECT);
    assert_true(p.a.candidates > 0);
    pair_done(&p);
}

static void test_opens_between_factories(void **state)
{
    (void)state;
    struct pair p = {.factory = new_factory()};
    struct rtc_factory *other = new_factory();
    assert_string_not_equal(rtc_factory_fingerprint(p.factory), rtc_factory_fingerprint(other));
    end_init(&p.a, p.factory, &p.b);
    end_init(&p.b, other, &p.a);
    call(&p.b, false);
    WAIT(p.a.opened && p.b.opened);
    rtc_factory_free(other); /* its connection holds it */
    pair_done(&p);
}

static void test_carries_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 2, 1000, 1160, 16384, 65535, 65536, 65537, PEER_MESSAGE_MAX - 1, PEER_MESSAGE_MAX};
    struct pair p;
    pair_open(&p);
    p.b.echo = true;
    char *bytes = malloc(PEER_MESSAGE_MAX + 1);
    for (size_t i = 0; i <= PEER_MESSAGE_MAX; i++)
        bytes[i] = (char)('a' + i % 23);
    unsigned n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (int binary = 0; binary < 2; binary++) {
            assert_int_equal(send_bytes(&p.a, binary, bytes, sizes[i]), RTC_SENT);
            n++;
            WAIT(p.a.messages == n);
            assert_int_equal(p.a.last_binary, binary);
            assert_int_equal(p.b.last_binary, binary);
            assert_int_equal(p.a.last->len, sizes[i]);
            if (sizes[i])
                assert_memory_equal(p.a.last->data, bytes, sizes[i]);
        }
    assert_int_equal(send_bytes(&p.a, true, bytes, PEER_MESSAGE_MAX + 1), RTC_TOO_LARGE);
    free(bytes);
    pair_done(&p);
}

static void test_respects_the_remote_maximum(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    p.b.spoil = "a=max-message-size:";
    p.b.with = "a=max-message-size:1000";
    call(&p.a, false);
    WAIT(p.a.opened && p.b.opened);
    char bytes[1001] = {0};
    assert_int_equal(send_bytes(&p.a, true, bytes, 1001), RTC_TOO_LARGE);
    assert_int_equal(send_bytes(&p.a, true, bytes, 1000), RTC_SENT);
    WAIT(p.b.messages == 1);
    pair_done(&p);
}

static void test_says_when_it_is_full_and_when_not(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    char *bytes = calloc(1, 16384);
    unsigned sent = 0;
    for (unsigned round = 0; round < 4; round++) {
        unsigned writable = p.a.writable;
        enum rtc_sent answer;
        while ((answer = send_bytes(&p.a, true, bytes, 16384)) == RTC_SENT)
            sent++;
        assert_int_equal(answer, RTC_FULL);
        assert_true(rtc_buffered(p.a.rtc) > 2 * 1024 * 1024);
        WAIT(p.a.writable > writable);
        assert_true(rtc_buffered(p.a.rtc) <= 2 * 1024 * 1024);
    }
    WAIT(p.b.messages == sent);
    assert_int_equal(p.b.received, (size_t)sent * 16384);
    WAIT(rtc_buffered(p.a.rtc) == 0);
    free(bytes);
    pair_done(&p);
}

/* Ten thousand messages of 100 bytes both ways: more chunks than usrsctp queues by default. */
static void test_short_messages_do_not_stall(void **state)
{
    (void)state;
    enum {
        COUNT = 10000
    };
    struct pair p;
    pair_open(&p);
    p.b.echo = true;
    char bytes[100] = {0};
    for (unsigned i = 0; i < COUNT;) {
        unsigned writable = p.a.writable;
        bytes[0] = (char)i;
        if (send_bytes(&p.a, false, bytes, sizeof bytes) == RTC_SENT)
            i++;
        else
            WAIT(p.a.writable > writable);
    }
    WAIT(p.b.messages == COUNT);
    assert_int_equal(p.b.last->data[0], (guint8)(COUNT - 1));
    pair_done(&p);
}

static void ping(struct pair *p)
{
    unsigned a = p->a.messages, b = p->b.messages;
    assert_int_equal(send_bytes(&p->a, false, "to b", 4), RTC_SENT);
    assert_int_equal(send_bytes(&p->b, false, "to a", 4), RTC_SENT);
    WAIT(p->a.messages == a + 1 && p->b.messages == b + 1);
}

static void test_restarts_ice_from_both_sides(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    ping(&p);
    call(&p.a, true);
    WAIT(p.a.ice_up == 1 && p.b.ice_up == 1);
    ping(&p);
    call(&p.b, true);
    WAIT(p.a.ice_up == 2 && p.b.ice_up == 2);
    ping(&p);
    assert_int_equal(p.a.descriptions, 3);
    assert_int_equal(p.b.descriptions, 3);
    assert_int_equal(p.a.connected, 1);
    assert_int_equal(p.a.opened, 1);
    assert_int_equal(p.a.ice_down + p.b.ice_down, 0);
    pair_done(&p);
}

static void test_opens_and_closes_channels(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    uint16_t first = p.a.channel;
    assert_true(rtc_open_channel(p.a.rtc, "files"));
    WAIT(p.a.opened == 2 && p.b.opened == 2);
    assert_string_equal(p.b.label, "files");
    uint16_t second = p.a.channel;
    assert_true(second != first && second % 2 == first % 2);
    assert_true(rtc_open_channel(p.b.rtc, "back"));
    WAIT(p.a.opened == 3 && p.b.opened == 3);
    assert_true(p.b.channel % 2 != first % 2);

    rtc_close_channel(p.b.rtc, second); /* the one that the other opened */
    WAIT(p.a.closed == 1 && p.b.closed == 1);
    p.a.channel = second;
    assert_int_equal(send_bytes(&p.a, false, "x", 1), RTC_NOT_OPEN);
    assert_true(rtc_open_channel(p.a.rtc, "again"));
    WAIT(p.a.opened == 4 && p.b.opened == 4);
    assert_int_equal(p.a.channel, second);
    ping(&p);

    rtc_close_channel(p.a.rtc, second); /* both at once */
    rtc_close_channel(p.b.rtc, second);
    rtc_close_channel(p.b.rtc, second);
    WAIT(p.a.closed == 2 && p.b.closed == 2);
    p.a.channel = p.b.channel = first;
    ping(&p);
    pair_done(&p);
}

static void test_closing_waits_for_what_was_sent(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    char *bytes = calloc(1, PEER_MESSAGE_MAX);
    assert_int_equal(send_bytes(&p.a, true, bytes, PEER_MESSAGE_MAX), RTC_SENT);
    assert_int_equal(send_bytes(&p.a, true, bytes, PEER_MESSAGE_MAX), RTC_SENT);
    rtc_close_channel(p.a.rtc, p.a.channel);
    WAIT(p.a.closed && p.b.closed);
    assert_int_equal(p.b.messages, 2);
    free(bytes);
    pair_done(&p);
}

static void test_bounds_its_channels(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    for (unsigned i = 1; i < PEER_CHANNELS_MAX; i++)
        assert_true(rtc_open_channel(p.a.rtc, "more"));
    assert_false(rtc_open_channel(p.a.rtc, "one too many"));
    assert_true(rtc_open_channel(p.b.rtc, "mine"));
    WAIT(p.a.opened == PEER_CHANNELS_MAX + 1 && p.b.opened == PEER_CHANNELS_MAX + 1);
    pair_done(&p);
}

static void test_a_remote_that_goes_is_closed(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    drop(&p.a);
    WAIT(p.b.reason[0]);
    assert_string_equal(p.b.reason, "closed");
    assert_int_equal(send_bytes(&p.b, false, "x", 1), RTC_NOT_OPEN);
    assert_false(rtc_offer(p.b.rtc, "usher", true));
    pair_done(&p);
}

static void test_may_be_freed_in_any_callback(void **state)
{
    (void)state;
    for (int which = 0; which < 5; which++) {
        struct pair p;
        pair_init(&p);
        p.b.free_on_description = which == 0;
        p.b.free_on_candidate = which == 1;
        p.b.free_on_open = which == 2;
        p.b.free_on_message = which == 3;
        p.b.free_on_failed = which == 4;
        call(&p.a, false);
        if (which > 2) {
            WAIT(p.a.opened && p.b.opened);
            char *bytes = calloc(1, PEER_MESSAGE_MAX);
            for (int i = 0; i < 4; i++)
                send_bytes(&p.a, true, bytes, PEER_MESSAGE_MAX);
            free(bytes);
        }
        if (which == 4)
            drop(&p.a);
        WAIT(!p.b.rtc);
        if (which == 2 || which == 3)
            WAIT(p.a.reason[0]); /* the remote was told */
        pair_done(&p);
    }
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Fifty connections come and go, ten at once, some of them in the middle of the handshake. */
static void test_churn_leaves_nothing(void **state)
{
    (void)state;
    struct pair keep;
    pair_open(&keep);
    unsigned before = open_descriptors();
    for (unsigned round = 0; round < 5; round++) {
        struct pair p[5];
        for (unsigned i = 0; i < 5; i++) {
            pair_init(&p[i]);
            call(&p[i].a, false);
        }
        for (unsigned i = 1; i < 5; i++)
            WAIT(p[i].a.opened && p[i].b.opened);
        for (unsigned i = 0; i < 5; i++)
            pair_done(&p[i]);
    }
    assert_int_equal(open_descriptors(), before);
    ping(&keep);
    pair_done(&keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_a_channel),
        cmocka_unit_test(test_opens_between_factories),
        cmocka_unit_test(test_carries_every_size),
        cmocka_unit_test(test_respects_the_remote_maximum),
        cmocka_unit_test(test_says_when_it_is_full_and_when_not),
        cmocka_unit_test(test_short_messages_do_not_stall),
        cmocka_unit_test(test_restarts_ice_from_both_sides),
        cmocka_unit_test(test_opens_and_closes_channels),
        cmocka_unit_test(test_closing_waits_for_what_was_sent),
        cmocka_unit_test(test_bounds_its_channels),
        cmocka_unit_test(test_a_remote_that_goes_is_closed),
        cmocka_unit_test(test_may_be_freed_in_any_callback),
        cmocka_unit_test(test_churn_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
