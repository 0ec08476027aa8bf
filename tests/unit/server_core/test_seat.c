/* SPDX-License-Identifier: MIT
 *
 * Seats that outlive their connections: away, back, held frames, tokens good and bad, and a daemon that starts again.
 */
#include "tests/unit/server_core/seat.h"

static void test_away_and_back(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"B\\u00f6\",\"metadata\":{\"n\":1}}");
    heard(&h, 0);
    struct token t = token_in(&h);
    enter_room(&h, 1, "a");
    gone(&h, 0, 0);
    hears(&h, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[0]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->members, 2);
    assert_int_equal(core_stats(h.core)->away, 1);
    assert_int_equal(core_stats(h.core)->connections, 1);
    enter(&h, 2);
    join(&h, 2, "a");
    assert_non_null(strstr(heard(&h, 2), "\"metadata\":{\"n\":1},\"away\":true}"));
    heard(&h, 1);
    signal_to(&h, 1, h.id[0]);
    signal_to(&h, 2, h.id[0]);
    quiet(&h);
    assert_true(core_stats(h.core)->held_bytes > 0);
    enter(&h, 3);
    resume(&h, 3, &t);
    resumed(&h, 3, 0, false, true);
    hears(&h, 3, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[1]);
    hears(&h, 3, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[2]);
    for (unsigned i = 1; i <= 2; i++)
        hears(&h, i, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"B\\u00f6\",\"metadata\":{\"n\":1}}",
            h.id[0]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->held_bytes, 0);
    assert_int_equal(core_stats(h.core)->away, 0);
    signal_to(&h, 1, h.id[0]);
    hears(&h, 3, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[1]);
    signal_to(&h, 3, h.id[1]);
    hears(&h, 1, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[0]);
    signal_to(&h, 1, h.id[3]); /* the name of the connection that took the seat is nobody's now */
    hears_error(&h, 1, ERROR_NO_SUCH_PEER, false);
    stop(&h);
}

static void test_the_grace_ends(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    happen(&h, 0, CORE_SLOW);
    closes(&h, 0, 1008, "slow reader");
    hears(&h, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[0]);
    gone(&h, 0, 1008);
    quiet(&h);
    assert_true(h.deadline <= h.now + GRACE_MS);
    uint64_t end = h.now + GRACE_MS;
    wake(&h, end - 1);
    quiet(&h);
    wake(&h, end);
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"slow\"}", h.id[0]);
    quiet(&h);
    enter(&h, 2);
    fails_to_resume(&h, 2, &t);
    gone(&h, 1, 0); /* an empty room is kept for the seat, and goes with it */
    assert_int_equal(core_stats(h.core)->rooms, 1);
    wake(&h, h.now + GRACE_MS);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    assert_int_equal(core_stats(h.core)->away, 0);
    stop(&h);
}

static void test_who_means_to_leave_has_left(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    enter_room(&h, 1, "a");
    for (uint16_t code = 1000; code <= 1001; code++) {
        struct token t = enter_seat(&h, 0, "a");
        heard(&h, 1);
        gone(&h, 0, code);
        hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[0]);
        enter(&h, 2);
        fails_to_resume(&h, 2, &t);
        gone(&h, 2, 1000);
    }
    struct token t = enter_seat(&h, 0, "a");
    say(&h, 0, "{\"type\":\"leave-room\"}");
    hears(&h, 0, "{\"type\":\"left-room\"}");
    fails_to_resume(&h, 0, &t);
    join(&h, 0, "a"); /* another stay: tokens of the one before are old */
    heard(&h, 0);
    heard(&h, 1);
    enter(&h, 2);
    fails_to_resume(&h, 2, &t);
    stop(&h);
}

static void test_the_newest_token_has_the_seat(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token first = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    heard(&h, 0);
    enter(&h, 2);
    resume(&h, 2, &first); /* while the old connection looks alive */
    closes(&h, 0, 4001, "resumed on another connection");
    resumed(&h, 2, 0, false, true);
    quiet(&h);
    say(&h, 0, "{\"type\":\"ping\"}");
    quiet(&h);
    gone(&h, 0, 1000); /* the old connection's end is not the seat's */
    quiet(&h);
    enter(&h, 3);
    resume(&h, 3, &first); /* its successor was not used: the answer may have been lost */
    closes(&h, 2, 4001, "resumed on another connection");
    struct token second = resumed(&h, 3, 0, false, true);
    h.now += 1000; /* or it would be a duel */
    enter(&h, 4);
    resume(&h, 4, &second);
    closes(&h, 3, 4001, "resumed on another connection");
    resumed(&h, 4, 0, false, true);
    enter(&h, 5);
    fails_to_resume(&h, 5, &first);
    resume(&h, 4, &second);
    hears_error(&h, 4, ERROR_RESUME_FAILED, false);
    signal_to(&h, 1, h.id[0]);
    assert_non_null(strstr(heard(&h, 4), "signal"));
    stop(&h);
}

/* Twice in any second, and not a third time; who is away is nobody's rival. */
static void test_a_duel(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 7, "a");
    heard(&h, 0);
    for (unsigned i = 1; i < 7; i++)
        enter(&h, i);
    resume(&h, 1, &t);
    closes(&h, 0, 4001, "resumed on another connection");
    resumed(&h, 1, 0, false, true);
    h.now += 400;
    resume(&h, 2, &t);
    closes(&h, 1, 4001, "resumed on another connection");
    resumed(&h, 2, 0, false, true);
    h.now += 599;
    resume(&h, 3, &t);
    hears_error(&h, 3, ERROR_RESUME_FAILED, false);
    assert_non_null(strstr(h.text, "\"retryAfterMs\":1,"));
    quiet(&h);
    signal_to(&h, 7, h.id[0]); /* its holder has it still */
    assert_non_null(strstr(heard(&h, 2), "signal"));
    h.now += 1;
    resume(&h, 3, &t);
    closes(&h, 2, 4001, "resumed on another connection");
    resumed(&h, 3, 0, false, false);
    h.now += 399; /* the last two were 600 ms apart */
    resume(&h, 4, &t);
    hears_error(&h, 4, ERROR_RESUME_FAILED, false);
    gone(&h, 3, 0);
    assert_non_null(strstr(heard(&h, 7), "peer-away"));
    resume(&h, 4, &t);
    resumed(&h, 4, 0, false, false);
    assert_non_null(strstr(heard(&h, 7), "peer-back"));
    resume(&h, 5, &t);
    hears_error(&h, 5, ERROR_RESUME_FAILED, false);
    resume(&h, 5, &(struct token){"nonsense"});
    hears_error(&h, 5, ERROR_RESUME_FAILED, false);
    assert_null(strstr(h.text, "retryAfterMs"));
    h.now += 1;
    resume(&h, 5, &t);
    closes(&h, 4, 4001, "resumed on another connection");
    resumed(&h, 5, 0, false, false);
    stop(&h);
}

static void test_bad_tokens(void **state)
{
    (void)state;
    struct harness h, stranger;
    start(&h, with_seats());
    struct core_settings set = with_seats();
    set.crypto = &OTHERS;
    start(&stranger, set);
    struct token foreign = enter_seat(&stranger, 0, "a"), ours = enter_seat(&h, 0, "a"), forged = ours;
    stop(&stranger);
    enter(&h, 1);
    h.now += 1;
    resume(&h, 1, &foreign);
    hears_error(&h, 1, ERROR_RESUME_FAILED, false);
    assert_string_equal(logged(&h)->event, "auth-failed"); /* once a second */
    quiet(&h);
    forged.text[10] = forged.text[10] == 'A' ? 'B' : 'A';
    fails_to_resume(&h, 1, &forged);
    forged = ours;
    forged.text[strlen(forged.text) - 4] = '\0';
    fails_to_resume(&h, 1, &forged);
    static const char *const NONE[] = {"", "A", "AAAA", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        snprintf(forged.text, sizeof forged.text, "%s", NONE[i]);
        fails_to_resume(&h, 1, &forged);
    }
    memset(forged.text, 'A', RESUME_TOKEN_MAX);
    forged.text[RESUME_TOKEN_MAX] = '\0';
    fails_to_resume(&h, 1, &forged);
    resume(&h, 1, &ours);
    closes(&h, 0, 4001, "resumed on another connection");
    resumed(&h, 1, 0, false, true);
    stop(&h);
}

static void test_a_restart(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"Zo\\u00eb\"}");
    heard(&h, 0);
    struct token zero = token_in(&h), one = enter_seat(&h, 1, "a"), two = enter_seat(&h, 2, "a");
    restart(&h);
    enter(&h, 4);
    resume(&h, 4, &one);
    struct token next = resumed(&h, 4, 1, true, false);
    assert_non_null(strstr(h.text, "\"peers\":[]}"));
    quiet(&h);
    enter(&h, 5);
    resume(&h, 5, &zero);
    resumed(&h, 5, 0, true, false);
    hears(&h, 4, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"displayName\":\"Zo\\u00eb\"}", h.id[0]);
    quiet(&h);
    signal_to(&h, 4, h.id[0]);
    hears(&h, 5, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[1]);
    enter(&h, 6);
    resume(&h, 6, &next);
    closes(&h, 4, 4001, "resumed on another connection");
    resumed(&h, 6, 1, false, true);
    enter(&h, 7);
    fails_to_resume(&h, 7, &one); /* its successor was used */
    h.now += GRACE_MS;
    fails_to_resume(&h, 7, &two);
    stop(&h);
}

static void test_another_room_of_that_name(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    restart(&h);
    enter_room(&h, 1, "a");
    enter(&h, 2);
    fails_to_resume(&h, 2, &t);
    stop(&h);
}

static void test_caps_hold_after_a_restart(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    start(&h, set);
    struct token t[3];
    for (unsigned i = 0; i < 3; i++)
        t[i] = enter_seat(&h, i, "a");
    struct token other = enter_seat(&h, 3, "b");
    h.settings.max_room_members = 2;
    h.settings.max_rooms = 1;
    restart(&h);
    for (unsigned i = 0; i < 2; i++) {
        enter(&h, 4 + i);
        resume(&h, 4 + i, &t[i]);
        resumed(&h, 4 + i, i, true, false);
        heard(&h, 4);
    }
    enter(&h, 6);
    fails_to_resume(&h, 6, &t[2]);
    fails_to_resume(&h, 6, &other);
    stop(&h);
}

static void test_recovered(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.ping_interval_ms = 1000;
    set.ping_timeout_ms = 1000;
    start(&h, set);
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    signal_to(&h, 1, h.id[0]);
    gone(&h, 0, 0);
    enter(&h, 2);
    resume(&h, 2, &t);
    resumed(&h, 2, 0, false, false); /* it may have been lost with the connection */
    gone(&h, 2, 0);
    enter(&h, 3);
    resume(&h, 3, &t); /* and so may the answer */
    t = resumed(&h, 3, 0, false, false);
    signal_to(&h, 1, h.id[0]);
    heard(&h, 3);
    wake(&h, h.now + 1000);
    pings(&h, 3);
    pong(&h, 3, h.ping);
    gone(&h, 3, 0);
    enter(&h, 4);
    resume(&h, 4, &t);
    resumed(&h, 4, 0, false, true); /* the ping was answered behind it */
    stop(&h);
}

/* A pong proves what it answers: not that of another number, not one that nobody asked for, not the same one again. */
static void test_recovered_by_the_right_pong(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    set.ping_interval_ms = 1000;
    start(&h, set);
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    heard(&h, 0);
    signal_to(&h, 1, h.id[0]);
    heard(&h, 0);
    pong(&h, 0, 0);
    wake(&h, h.now + 1000);
    pings(&h, 0);
    pong(&h, 0, h.ping + 1);
    pong(&h, 0, 0);
    gone(&h, 0, 0);
    enter(&h, 2);
    resume(&h, 2, &t);
    t = resumed(&h, 2, 0, false, false);
    wake(&h, h.now + 1000);
    pings(&h, 2);
    pong(&h, 2, h.ping);
    signal_to(&h, 1, h.id[0]);
    heard(&h, 2);
    pong(&h, 2, h.ping);
    gone(&h, 2, 0);
    enter(&h, 3);
    resume(&h, 3, &t);
    resumed(&h, 3, 0, false, false);
    stop(&h);
}

static void test_recovered_after_restart(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    restart(&h);
    enter(&h, 1);
    resume(&h, 1, &t);
    resumed(&h, 1, 0, true, false);
    gone(&h, 1, 0);
    enter(&h, 2);
    resume(&h, 2, &t);
    resumed(&h, 2, 0, true, false); /* the same token again: so the answer may be lost */
    stop(&h);
}

static void test_too_much_to_hold(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    gone(&h, 0, 0);
    char text[4096];
    int n = snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":\"", h.id[0]);
    memset(text + n, 'x', sizeof text - (size_t)n);
    memcpy(text + sizeof text - 3, "\"}", 3);
    for (int i = 0; i < 20; i++) {
        say(&h, 1, text);
        const struct log_record *r = logged(&h);
        assert_int_equal(r != NULL, i == 15); /* once a second */
        assert_true(!r || (strcmp(r->event, "frames-unheld") == 0 && strcmp(r->fields[0].value, "seat") == 0));
        quiet(&h);
    }
    assert_in_range(core_stats(h.core)->held_bytes, 60000, 64 * 1024);
    assert_int_equal(core_stats(h.core)->unheld_total, 5);
    enter(&h, 2);
    resume(&h, 2, &t);
    resumed(&h, 2, 0, false, false);
    for (int i = 0; i < 15; i++)
        assert_non_null(strstr(heard(&h, 2), "xxxx"));
    does(&h, 1, CORE_SEND);
    quiet(&h);
    stop(&h);
}

static struct token enter_room_from(struct harness *h, unsigned i, struct address address, const char *room)
{
    open_from(h, i, address);
    ready(h, i);
    join(h, i, room);
    assert_non_null(strstr(heard(h, i), "{\"type\":\"peers\""));
    return token_in(h);
}

/* Client 3 comes from that address and is away, and client 2 says so much to it that no second such message is held. */
static void fill_a_seat(struct harness *h, struct address address)
{
    static char text[64000];
    enter_room_from(h, 3, address, "b");
    gone(h, 3, 0);
    int n = snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":\"", h->id[3]);
    memset(text + n, 'x', sizeof text - (size_t)n);
    memcpy(text + sizeof text - 3, "\"}", 3);
    say(h, 2, text);
}

/* However many seats there are for whom it speaks: what others say is held, and its share is its own again with time. */
static void test_one_address_has_a_share_of_what_is_held(void **state)
{
    (void)state;
    const uint64_t share = 2 * 1024 * 1024;
    struct harness h;
    struct core_settings set = with_seats();
    set.max_connections_per_address = 100;
    start(&h, set);
    struct token t = enter_room_from(&h, 0, ipv4(2), "a");
    enter_room_from(&h, 1, ipv4(2), "a");
    enter_room_from(&h, 2, ipv4(1), "b");
    gone(&h, 0, 0);
    for (int i = 0; i < 32; i++) {
        fill_a_seat(&h, ipv4(3));
        quiet(&h);
    }
    assert_in_range(core_stats(h.core)->held_bytes, share - 64000, share);
    fill_a_seat(&h, ipv4(3));
    const struct log_record *r = logged(&h);
    assert_non_null(r);
    assert_string_equal(r->event, "frames-unheld");
    assert_string_equal(r->fields[0].value, "address");
    assert_string_equal(r->fields[2].value, "192.0.2.1");
    quiet(&h); /* who sent it hears nothing */
    assert_int_equal(core_stats(h.core)->unheld_total, 1);
    signal_to(&h, 1, h.id[0]);
    assert_int_equal(core_stats(h.core)->unheld_total, 1);
    enter(&h, 4);
    resume(&h, 4, &t);
    resumed(&h, 4, 0, false, true);
    hears(&h, 4, "{\"type\":\"signal\",\"from\":\"%s\",\"data\":1}", h.id[1]);
    gone(&h, 2, 1000); /* what it said is held on */
    enter_room_from(&h, 2, ipv4(1), "b");
    fill_a_seat(&h, ipv4(3));
    assert_int_equal(core_stats(h.core)->unheld_total, 2);
    for (h.now += GRACE_MS; h.deadline <= h.now;)
        wake(&h, h.now);
    assert_int_equal(core_stats(h.core)->held_bytes, 0);
    fill_a_seat(&h, ipv4(3));
    assert_int_equal(core_stats(h.core)->unheld_total, 2);
    stop(&h);
}

static void test_no_grace_no_seats(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = with_seats();
    start(&h, set);
    struct token t = enter_seat(&h, 0, "a");
    enter_room(&h, 1, "a");
    gone(&h, 0, 0);
    heard(&h, 1);
    set.resume_grace_ms = 0; /* a reload: who is away has left */
    core_configure(h.core, &set);
    wake(&h, h.now + 1);
    assert_non_null(strstr(heard(&h, 1), "\"reason\":\"disconnected\""));
    enter_room(&h, 0, "a");
    assert_null(strstr(h.text, "resumeToken"));
    heard(&h, 1);
    enter(&h, 2);
    fails_to_resume(&h, 2, &t);
    gone(&h, 0, 0);
    assert_non_null(strstr(heard(&h, 1), "peer-left"));
    stop(&h);
}

static void test_drain_with_seats_away(void **state)
{
    (void)state;
    struct harness h;
    start(&h, with_seats());
    enter_room(&h, 0, "a");
    enter_room(&h, 1, "a");
    gone(&h, 0, 0);
    step(&h, (struct core_event){.type = CORE_DRAIN});
    gone(&h, 1, 1012);
    assert_true(drained(&h));
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_the_grace_ends),
        cmocka_unit_test(test_who_means_to_leave_has_left),
        cmocka_unit_test(test_the_newest_token_has_the_seat),
        cmocka_unit_test(test_a_duel),
        cmocka_unit_test(test_bad_tokens),
        cmocka_unit_test(test_a_restart),
        cmocka_unit_test(test_another_room_of_that_name),
        cmocka_unit_test(test_caps_hold_after_a_restart),
        cmocka_unit_test(test_recovered),
        cmocka_unit_test(test_recovered_by_the_right_pong),
        cmocka_unit_test(test_recovered_after_restart),
        cmocka_unit_test(test_too_much_to_hold),
        cmocka_unit_test(test_one_address_has_a_share_of_what_is_held),
        cmocka_unit_test(test_no_grace_no_seats),
        cmocka_unit_test(test_drain_with_seats_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
