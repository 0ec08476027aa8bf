/* SPDX-License-Identifier: MIT
 *
 * Clients of Socket.IO come back: the offset of connection state recovery is the resume token, and its outcome is told by
 * the pid that they get.
 */
#include "tests/faults.h"
#include "tests/unit/server_core/short_memory.h"
#include "tests/unit/server_core/socketio.h"

static struct core_settings pinging(void)
{
    struct core_settings set = with_seats();
    set.ping_interval_ms = 1000;
    set.ping_timeout_ms = 500;
    return set;
}

/* A native member, 0, and one of Socket.IO, 1, in one room. */
static struct token meet(struct harness *h, struct pid *pid)
{
    start(h, pinging());
    enter_room(h, 0, "a");
    struct token offset = enter_room_io(h, 1, "a", pid);
    heard(h, 0);
    quiet(h);
    return offset;
}

static void is_whose(const struct harness *h, unsigned i, unsigned whose)
{
    assert_string_equal(h->id[i], h->id[whose]);
}

/* Which of the two it is depends on the pid: the client compares. */
static void test_back_with_all_that_was_sent(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct token offset = meet(&h, &pid);
    gone(&h, 1, 1006);
    hears(&h, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[1]);
    signal_to(&h, 0, h.id[1]);
    return_io(&h, 2, &pid, &offset);
    struct pid now = welcomed_io(&h, 2);
    assert_string_equal(now.text, pid.text);
    is_whose(&h, 2, 1);
    struct token next = peers_io(&h, 2);
    assert_non_null(strstr(h.text, h.id[0]));
    assert_string_not_equal(next.text, offset.text);
    hears(&h, 2, "42[\"signal\",{\"from\":\"%s\",\"data\":1}]", h.id[0]);
    hears(&h, 0, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"dialect\":\"socket.io\"}", h.id[1]);
    quiet(&h);
    signal_to(&h, 0, h.id[2]);
    hears(&h, 2, "42[\"signal\",{\"from\":\"%s\",\"data\":1}]", h.id[0]);
    join_io(&h, 2, "a"); /* as pages do whenever they are connected */
    peers_io(&h, 2);
    quiet(&h);
    stop(&h);
}

static void test_back_when_something_may_be_lost(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct token offset = meet(&h, &pid);
    signal_to(&h, 0, h.id[1]);
    heard(&h, 1); /* and it answered no ping since */
    gone(&h, 1, 1006);
    heard(&h, 0);
    return_io(&h, 2, &pid, &offset);
    struct pid now = welcomed_io(&h, 2);
    assert_string_not_equal(now.text, pid.text);
    is_whose(&h, 2, 1);
    struct token next = peers_io(&h, 2);
    heard(&h, 0);
    gone(&h, 2, 1006);
    heard(&h, 0);
    return_io(&h, 3, &now, &next); /* nothing was sent since */
    struct pid third = welcomed_io(&h, 3);
    assert_string_equal(third.text, now.text);
    peers_io(&h, 3);
    is_whose(&h, 3, 1);
    stop(&h);
}

/* A pong that answers the ping behind it proves a signal. */
static void test_a_ping_proves_what_came_before(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct token offset = meet(&h, &pid);
    signal_to(&h, 0, h.id[1]);
    heard(&h, 1);
    wake(&h, h.now + 1000);
    pings(&h, 1);
    uint32_t number = h.ping;
    pings(&h, 0);
    pong(&h, 0, h.ping);
    pong(&h, 1, number);
    gone(&h, 1, 1006);
    heard(&h, 0);
    return_io(&h, 2, &pid, &offset);
    struct pid now = welcomed_io(&h, 2);
    assert_string_equal(now.text, pid.text);
    stop(&h);
}

static void is_somebody_new(struct harness *h, unsigned i, const struct pid *pid, const struct token *offset)
{
    return_io(h, i, pid, offset);
    struct pid now = welcomed_io(h, i);
    assert_string_not_equal(now.text, pid->text);
    assert_string_not_equal(h->id[i], h->id[1]);
    quiet(h);
    gone(h, i, 1001);
    quiet(h);
}

/* None of it is an error, and none counts as a guess. */
static void test_a_stale_offset_is_somebody_new(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid, wrong = {"aaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct token offset = meet(&h, &pid), foreign = {"1701-8"}, forged = offset;
    h.settings.auth_failures = 1;
    core_configure(h.core, &h.settings);
    forged.text[20] = forged.text[20] == 'A' ? 'B' : 'A';
    for (int n = 0; n < 3; n++) {
        is_somebody_new(&h, 2, &pid, &foreign);
        is_somebody_new(&h, 2, &pid, &forged);
    }
    assert_int_equal(core_stats(h.core)->auth_failed_total, 0);
    struct token native = enter_seat(&h, 3, "b");
    is_somebody_new(&h, 2, &pid, &native); /* of another dialect */
    say(&h, 1, "1");
    heard(&h, 0);
    is_somebody_new(&h, 2, &pid, &offset); /* it has left */
    gone(&h, 1, 1001);
    struct token again = enter_room_io(&h, 4, "a", &pid);
    heard(&h, 0);
    gone(&h, 4, 1006);
    heard(&h, 0);
    wake(&h, h.now + GRACE_MS);
    for (unsigned i = 0; i < 4; i++)
        while (take(&h, i))
            ;
    is_somebody_new(&h, 2, &wrong, &again); /* it came too late */
    stop(&h);
}

/* The old connection looks alive: its client is told not to come back by itself. */
static void test_takes_over(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct token offset = meet(&h, &pid);
    return_io(&h, 2, &pid, &offset);
    hears(&h, 1, "41");
    closes(&h, 1, 4001, "resumed on another connection");
    struct pid now = welcomed_io(&h, 2);
    assert_string_equal(now.text, pid.text);
    offset = peers_io(&h, 2);
    quiet(&h);
    return_io(&h, 3, &pid, &offset);
    hears(&h, 2, "41");
    closes(&h, 2, 4001, "resumed on another connection");
    welcomed_io(&h, 3);
    offset = peers_io(&h, 3);
    quiet(&h);
    is_somebody_new(&h, 4, &pid, &offset); /* the third within a second */
    stop(&h);
}

/* What native readers call away and back is not to be told to those of Socket.IO: nobody left. */
static void test_who_is_away_has_not_left(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct token offset = meet(&h, &pid);
    enter_room_io(&h, 2, "a", &pid);
    heard(&h, 0);
    heard(&h, 1);
    quiet(&h);
    gone(&h, 2, 1006);
    hears(&h, 0, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[2]);
    quiet(&h);
    enter_io(&h, 3);
    join_io(&h, 3, "a");
    peers_io(&h, 3);
    assert_non_null(strstr(h.text, h.id[2])); /* its seat is there */
    wake(&h, h.now + GRACE_MS);
    bool told = false;
    for (const struct core_effect *e; (e = take(&h, 3));)
        told |= e->type == CORE_SEND && memmem(e->frame->bytes, e->frame->len, "\"peer-left\"", 11);
    assert_true(told);
    (void)offset;
    stop(&h);
}

/* After kill -9 the id is the same, and nobody can say that nothing was lost. */
static void test_survives_a_restart(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid, other;
    struct token first = meet(&h, &pid);
    struct token second = enter_room_io(&h, 2, "a", &other);
    struct token native;
    heard(&h, 0);
    heard(&h, 1);
    enter(&h, 3);
    say(&h, 3, "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"N\"}");
    heard(&h, 3);
    native = token_in(&h);
    restart(&h);
    return_io(&h, 4, &pid, &first);
    struct pid now = welcomed_io(&h, 4);
    assert_string_not_equal(now.text, pid.text);
    is_whose(&h, 4, 1);
    first = peers_io(&h, 4);
    assert_non_null(strstr(h.text, "{\"peers\":[],\"participants\":[]"));
    quiet(&h);
    return_io(&h, 5, &other, &second);
    welcomed_io(&h, 5);
    is_whose(&h, 5, 2);
    peers_io(&h, 5);
    assert_non_null(strstr(h.text, h.id[1]));
    hears(&h, 4, "42[\"peer-joined\",{\"peerId\":\"%s\"}]", h.id[2]); /* its list had nobody */
    quiet(&h);
    enter(&h, 6);
    resume(&h, 6, &native);
    heard(&h, 6);
    for (unsigned i = 4; i < 6; i++)
        hears(&h, i, "42[\"peer-joined\",{\"peerId\":\"%s\",\"displayName\":\"N\",\"dialect\":\"native\"}]", h.id[3]);
    quiet(&h);
    signal_io(&h, 5, h.id[1], "");
    hears(&h, 4, "42[\"signal\",{\"from\":\"%s\",\"data\":1}]", h.id[2]);
    gone(&h, 4, 1006);
    hears(&h, 6, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[1]);
    return_io(&h, 7, &now, &first); /* lost again, and back: nobody of Socket.IO is told */
    welcomed_io(&h, 7);
    peers_io(&h, 7);
    hears(&h, 6, "{\"type\":\"peer-back\",\"peerId\":\"%s\",\"dialect\":\"socket.io\"}", h.id[1]);
    quiet(&h);
    stop(&h);
}

/* ---- memory ---- */

static void io_says(struct harness *h, uint32_t i, const char *text)
{
    happens(h, (struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .bytes = span_of(text)});
}

static char last_offset[RESUME_TOKEN_MAX + 1];

static void listen_to(struct harness *h, uint32_t i, const char *text)
{
    core_step(h->core, &(struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .now = h->now, .bytes = span_of(text)},
        &h->fx);
    for (size_t k = 0; k < h->fx.n; k++) {
        const struct core_effect *e = &h->fx.v[k];
        const char *at = e->type == CORE_SEND ? memmem(e->frame->bytes, e->frame->len, "},\"", 3) : NULL;
        if (at && e->conn.slot == i)
            snprintf(last_offset, sizeof last_offset, "%.*s", (int)strcspn(at + 3, "\""), at + 3);
    }
    core_check(h->core);
    core_effects_clear(&h->fx);
}

static void tell_of_returns(struct harness *h)
{
    h->settings.resume_grace_ms = GRACE_MS;
    h->settings.crypto = &OURS;
    h->settings.message_rate = 1;
    h->settings.message_burst = 4;
    core_configure(h->core, &h->settings);
    *last_offset = '\0';
    for (uint32_t i = 0; i < 2; i++) {
        happens(h, (struct core_event){.type = CORE_OPEN, .conn = {i, 1}});
        happens(h, (struct core_event){.type = CORE_READY, .conn = {i, 1}, .dialect = &dialect_socketio});
        io_says(h, i, "0/x");
        io_says(h, i, "0");
        listen_to(h, i, "21[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"x\"}]");
    }
    io_says(h, 0, "22[\"join-room\",{\"roomId\":\"a\"}]");
    io_says(h, 0, "51-[\"hi\"]");
    for (int n = 0; n < 6; n++)
        io_says(h, 0, "2[\"ping\"]");
    happens(h, (struct core_event){.type = CORE_GONE, .conn = {1, 1}, .close_code = 1006});
    char text[RESUME_TOKEN_MAX + 128];
    snprintf(text, sizeof text, "0{\"pid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"offset\":\"%s\"}", last_offset);
    happens(h, (struct core_event){.type = CORE_OPEN, .conn = {2, 1}});
    happens(h, (struct core_event){.type = CORE_READY, .conn = {2, 1}, .dialect = &dialect_socketio});
    io_says(h, 2, text);
    io_says(h, 2, "1");
    io_says(h, 2, "0");
    h->now += 1000;
    happens(h, (struct core_event){.type = CORE_TIME});
}

static void nothing_left(const struct core_stats *s)
{
    assert_true(s->connections == 0 && s->members == s->away);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    memory_runs_out(tell_of_returns, nothing_left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_with_all_that_was_sent),
        cmocka_unit_test(test_back_when_something_may_be_lost),
        cmocka_unit_test(test_a_ping_proves_what_came_before),
        cmocka_unit_test(test_a_stale_offset_is_somebody_new),
        cmocka_unit_test(test_takes_over),
        cmocka_unit_test(test_who_is_away_has_not_left),
        cmocka_unit_test(test_survives_a_restart),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
