/* SPDX-License-Identifier: MIT
 *
 * Each limit reached exactly and passed by one; and that 0 switches it off, which no_limits() does for all the others.
 */
#include "tests/unit/server_core/harness.h"

#include "server/core/state.h"

static void admitted(struct harness *h, unsigned i, struct address address)
{
    open_from(h, i, address);
    assert_null(take(h, i));
    quiet(h);
}

static void refused(struct harness *h, unsigned i, struct address address, uint16_t code, const char *reason)
{
    uint64_t before = core_stats(h->core)->refused_total;
    open_from(h, i, address);
    closes(h, i, code, reason);
    assert_int_equal(core_stats(h->core)->refused_total, before + 1);
}

static void test_max_connections(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections = 2;
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    admitted(&h, 1, (struct address){{0}});
    refused(&h, 2, ipv4(2), 1013, "server-full");
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->event, "connection-refused");
    assert_string_equal(r->fields[0].value, "server-full");
    assert_string_equal(r->fields[1].value, "1");
    assert_string_equal(r->fields[2].value, "192.0.2.2");
    gone(&h, 2, 0); /* whatever io says of it: it was never a session */
    gone(&h, 0, 0);
    admitted(&h, 2, ipv4(2));
    assert_int_equal(core_stats(h.core)->connections, 2);
    assert_int_equal(core_stats(h.core)->accepted_total, 3);
    stop(&h);
}

/* A closed connection holds its place until its socket is gone. */
static void test_closing_counts(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections = 1;
    start(&h, set);
    enter(&h, 0);
    happen(&h, 0, CORE_SLOW);
    refused(&h, 1, ipv4(1), 1013, "server-full");
    gone(&h, 0, 0);
    admitted(&h, 1, ipv4(1));
    stop(&h);
}

static void test_connections_per_address(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections_per_address = 2;
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    admitted(&h, 1, ipv4(1));
    refused(&h, 2, ipv4(1), 1008, "rate-limited");
    admitted(&h, 3, ipv4(2));
    gone(&h, 0, 0);
    admitted(&h, 2, ipv4(1));
    refused(&h, 0, ipv4(1), 1008, "rate-limited");
    /* unix sockets have no address */
    admitted(&h, 4, (struct address){{0}});
    admitted(&h, 5, (struct address){{0}});
    admitted(&h, 6, (struct address){{0}});
    stop(&h);
}

static void test_ipv6_by_64(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections_per_address = 1;
    start(&h, set);
    struct address a = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}}, b = a;
    b.bytes[15] = 9;
    b.bytes[8] = 0xab;
    admitted(&h, 0, a);
    refused(&h, 1, b, 1008, "rate-limited");
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->fields[2].value, "2001:db8:0:1::/64");
    b.bytes[7] = 2;
    admitted(&h, 1, b);
    stop(&h);
}

/* Behind a trusted proxy: a connection of no address, which its header then names. */
static void test_address_told_later(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections_per_address = 2;
    start(&h, set);
    static const struct address NOBODY;
    const struct address client = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};
    for (unsigned i = 0; i < 3; i++) {
        open_from(&h, i, NOBODY);
        quiet(&h);
    }
    for (unsigned i = 0; i < 3; i++) {
        step(&h, (struct core_event){.type = CORE_ADDRESS, .conn = conn_of(&h, i), .address = client});
        const struct core_effect *e = take(&h, i);
        assert_true(i < 2 ? !e : e && e->type == CORE_CLOSE && e->close.code == 1008);
    }
    assert_int_equal(core_stats(h.core)->refused[ERROR_RATE_LIMITED], 1);
    ready(&h, 0);
    step(&h, (struct core_event){.type = CORE_ADDRESS, .conn = conn_of(&h, 0), .address = client});
    assert_null(take(&h, 0));
    happen(&h, 2, CORE_GONE);
    happen(&h, 0, CORE_GONE);
    open_from(&h, 2, NOBODY);
    step(&h, (struct core_event){.type = CORE_ADDRESS, .conn = conn_of(&h, 2), .address = client});
    assert_null(take(&h, 2));
    stop(&h);
}

/* A request of a session that counts already gives its place and its token back, once; the session's own stay. */
static void test_requests_of_a_session(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections_per_address = 2;
    set.connection_rate = 1;
    set.connection_burst = 3;
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    for (unsigned i = 0; i < 5; i++) {
        admitted(&h, 1, ipv4(1));
        happen(&h, 1, CORE_HTTP);
        happen(&h, 1, CORE_BELONGS);
        happen(&h, 1, CORE_BELONGS);
        quiet(&h);
        admitted(&h, 2, ipv4(1)); /* the place of 1 is free again */
        happen(&h, 2, CORE_HTTP);
        happen(&h, 2, CORE_BELONGS);
        gone(&h, 1, 0);
        gone(&h, 2, 0);
    }
    admitted(&h, 1, ipv4(1));
    happen(&h, 0, CORE_BELONGS); /* and nothing more than it took: */
    happen(&h, 1, CORE_BELONGS);
    for (unsigned i = 2; i < 5; i++) {
        admitted(&h, i, ipv4(1));
        gone(&h, i, 0);
    }
    refused(&h, 5, ipv4(1), 1008, "rate-limited");
    stop(&h);
    set.connection_rate = 0;
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    ready(&h, 0);
    happen(&h, 0, CORE_BELONGS); /* it is no request: it counts */
    admitted(&h, 1, ipv4(1));
    refused(&h, 2, ipv4(1), 1008, "rate-limited");
    stop(&h);
}

static const char *field(const struct log_record *r, const char *key)
{
    for (unsigned i = 0; i < r->count; i++)
        if (strcmp(r->fields[i].key, key) == 0)
            return r->fields[i].value;
    return "";
}

static void test_records_name_connection_peer_and_room(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_room(&h, 3, "den");
    happen(&h, 3, CORE_SLOW);
    const struct log_record *r = NULL;
    for (size_t i = 0; i < h.fx.n; i++)
        if (h.fx.v[i].type == CORE_LOG)
            r = h.fx.v[i].log;
    assert_non_null(r);
    assert_string_equal(r->event, "connection-slow");
    assert_string_equal(field(r, "reason"), "slow reader");
    assert_string_equal(field(r, "connection"), "3.1");
    assert_string_equal(field(r, "peer"), h.id[3]);
    assert_string_equal(field(r, "room"), "den");
    assert_int_equal(core_stats(h.core)->ended[DEPARTURE_SLOW], 1);
    stop(&h);
}

static void test_connection_rate(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.connection_rate = 2;
    set.connection_burst = 3;
    start(&h, set);
    for (unsigned i = 0; i < 3; i++)
        admitted(&h, i, ipv4(1));
    refused(&h, 3, ipv4(1), 1008, "rate-limited");
    admitted(&h, 4, ipv4(2));
    h.now += 499;
    refused(&h, 3, ipv4(1), 1008, "rate-limited");
    h.now += 1;
    admitted(&h, 3, ipv4(1));
    h.now++;
    refused(&h, 5, ipv4(1), 1008, "rate-limited");
    stop(&h);
}

/* The rate is remembered after the last connection is gone, but only until its bucket is full again. */
static void test_idle_addresses_are_dropped(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.connection_rate = 1;
    set.connection_burst = 2;
    start(&h, set);
    for (unsigned i = 0; i < 2; i++) {
        admitted(&h, i, ipv4(1));
        gone(&h, i, 0);
    }
    refused(&h, 0, ipv4(1), 1008, "rate-limited");
    assert_int_equal(h.deadline, 5000 + 2000);
    wake(&h, 7000);
    assert_int_equal(h.deadline, UINT64_MAX);
    for (unsigned i = 0; i < 2; i++)
        admitted(&h, i, ipv4(1));
    refused(&h, 2, ipv4(1), 1008, "rate-limited");
    stop(&h);
}

static void step_of(struct harness *h, enum core_event_type type, uint32_t address)
{
    struct core_event e = {.type = type, .now = h->now};
    e.conn.generation = address + 1;
    if (type == CORE_OPEN) {
        e.address = ipv4(0);
        memcpy(e.address.bytes + 12, &address, sizeof address);
    }
    core_effects_clear(&h->fx);
    core_step(h->core, &e, &h->fx);
}

/* One more address than are remembered: the first is forgotten before its time, all the others are not. */
static void test_idle_addresses_have_a_maximum(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.connection_rate = set.connection_burst = 1;
    start(&h, set);
    for (uint32_t i = 0; i <= ADDRESSES_IDLE_MAX; i++) {
        step_of(&h, CORE_OPEN, i);
        step_of(&h, CORE_GONE, i);
    }
    core_check(h.core);
    assert_int_equal(core_stats(h.core)->refused_total, 0);
    step_of(&h, CORE_OPEN, 1);
    step_of(&h, CORE_OPEN, ADDRESSES_IDLE_MAX);
    assert_int_equal(core_stats(h.core)->refused_total, 2);
    step_of(&h, CORE_OPEN, 0);
    assert_int_equal(core_stats(h.core)->refused_total, 2);
    core_check(h.core);
    stop(&h);
}

/* Connections made while nothing was limited are not counted, nor do they end anybody else's. */
static void test_limits_set_by_a_reload(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    set.max_connections_per_address = 1;
    core_configure(h.core, &set);
    admitted(&h, 1, ipv4(1));
    refused(&h, 2, ipv4(1), 1008, "rate-limited");
    gone(&h, 0, 0);
    refused(&h, 2, ipv4(1), 1008, "rate-limited");
    gone(&h, 1, 0);
    admitted(&h, 2, ipv4(1));
    stop(&h);
}

static void test_refusals_are_logged_once_a_second(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.max_connections = 1;
    start(&h, set);
    admitted(&h, 0, ipv4(1));
    refused(&h, 1, ipv4(1), 1013, "server-full");
    assert_non_null(logged(&h));
    for (unsigned i = 0; i < 5; i++) {
        refused(&h, 1, ipv4(1), 1013, "server-full");
        assert_null(logged(&h));
    }
    h.now += 999;
    refused(&h, 1, ipv4(1), 1013, "server-full");
    assert_null(logged(&h));
    h.now += 1;
    refused(&h, 1, ipv4(1), 1013, "server-full");
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->fields[1].value, "7");
    stop(&h);
}

static void ping(struct harness *h, unsigned i)
{
    say(h, i, "{\"type\":\"ping\"}");
    hears(h, i, "{\"type\":\"pong\"}");
}

static struct core_settings paced(void)
{
    struct core_settings set = no_limits();
    set.message_rate = 10;
    set.message_burst = 5;
    return set;
}

static void test_message_rate(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    enter(&h, 0);
    for (int i = 0; i < 5; i++) {
        ping(&h, 0);
        quiet(&h);
    }
    ping(&h, 0); /* one past: answered too */
    hears_error(&h, 0, ERROR_RATE_LIMITED, false);
    assert_non_null(strstr(h.text, "\"retryAfterMs\":200"));
    does(&h, 0, CORE_PAUSE);
    assert_string_equal(logged(&h)->event, "connection-paced");
    quiet(&h);
    assert_int_equal(h.deadline, h.now + 100);
    ping(&h, 0); /* what io had read already */
    quiet(&h);
    wake(&h, h.now + 100);
    quiet(&h);
    wake(&h, h.now + 100);
    quiet(&h); /* 2 tokens came, 2 were owed */
    wake(&h, h.now + 99);
    quiet(&h);
    wake(&h, h.now + 1);
    does(&h, 0, CORE_RESUME);
    quiet(&h);
    ping(&h, 0);
    quiet(&h);
    ping(&h, 0);
    does(&h, 0, CORE_PAUSE); /* the error was said less than a second ago */
    quiet(&h);
    stop(&h);
}

static void test_rate_errors_once_a_second(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    enter(&h, 0);
    unsigned errors = 0, pauses = 0;
    uint64_t first = h.now;
    while (h.now < first + 3000) {
        ping(&h, 0);
        const struct core_effect *e;
        while ((e = take(&h, 0))) {
            errors += e->type == CORE_SEND;
            pauses += e->type == CORE_PAUSE;
        }
        wake(&h, h.now + 10);
        while ((e = take(&h, 0)))
            assert_int_equal(e->type, CORE_RESUME);
    }
    assert_int_equal(errors, 3);
    assert_int_equal(pauses, 1); /* ten times too fast: it never gets out of its debt */
    stop(&h);
}

static void test_no_message_limit(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter(&h, 0);
    for (int i = 0; i < 5000; i++) {
        ping(&h, 0);
        quiet(&h);
    }
    stop(&h);
}

/* A frame that costs the connection brings no rate error after it. */
static void test_pace_of_the_dead(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    set.message_rate = 1;
    set.message_burst = BAD_FRAMES_MAX - 1;
    start(&h, set);
    enter(&h, 0);
    for (int i = 0; i < BAD_FRAMES_MAX; i++)
        say(&h, 0, "{");
    hears_error(&h, 0, ERROR_RATE_LIMITED, true);
    closes(&h, 0, 1008, "rate-limited");
    assert_non_null(logged(&h));
    quiet(&h);
    stop(&h);
}

/* Relayed frames are paced as any other, and the one that is over the rate arrives too. */
static void test_the_rate_holds_in_rooms(void **state)
{
    (void)state;
    struct harness h;
    start(&h, paced());
    enter_room(&h, 1, "den");
    enter_room(&h, 0, "den"); /* one of its five */
    for (int i = 0; i < 4; i++) {
        signal_to(&h, 0, h.id[1]);
        hears(&h, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[0]);
        quiet(&h);
    }
    signal_to(&h, 0, h.id[1]);
    hears(&h, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[0]);
    hears_error(&h, 0, ERROR_RATE_LIMITED, false);
    does(&h, 0, CORE_PAUSE);
    assert_string_equal(logged(&h)->event, "connection-paced");
    quiet(&h);
    stop(&h);
}

static void test_max_frame_is_told(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = no_limits();
    start(&h, set);
    enter(&h, 0);
    assert_non_null(strstr(h.text, "\"maxFrame\":1048576,")); /* 0: the ceiling */
    set.max_frame = 1234;
    core_configure(h.core, &set);
    enter(&h, 1);
    assert_non_null(strstr(h.text, "\"maxFrame\":1234,"));
    stop(&h);
}

static void test_slots_have_an_end(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    step(&h, (struct core_event){.type = CORE_OPEN, .conn = {UINT32_MAX, 1}});
    assert_int_equal(h.fx.v[h.fx.n - 1].type, CORE_CLOSE);
    assert_int_equal(core_stats(h.core)->connections, 0);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_connections),
        cmocka_unit_test(test_closing_counts),
        cmocka_unit_test(test_connections_per_address),
        cmocka_unit_test(test_ipv6_by_64),
        cmocka_unit_test(test_address_told_later),
        cmocka_unit_test(test_requests_of_a_session),
        cmocka_unit_test(test_records_name_connection_peer_and_room),
        cmocka_unit_test(test_connection_rate),
        cmocka_unit_test(test_idle_addresses_are_dropped),
        cmocka_unit_test(test_idle_addresses_have_a_maximum),
        cmocka_unit_test(test_limits_set_by_a_reload),
        cmocka_unit_test(test_refusals_are_logged_once_a_second),
        cmocka_unit_test(test_message_rate),
        cmocka_unit_test(test_rate_errors_once_a_second),
        cmocka_unit_test(test_no_message_limit),
        cmocka_unit_test(test_pace_of_the_dead),
        cmocka_unit_test(test_the_rate_holds_in_rooms),
        cmocka_unit_test(test_max_frame_is_told),
        cmocka_unit_test(test_slots_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
