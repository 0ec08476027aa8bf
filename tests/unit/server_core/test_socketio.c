/* SPDX-License-Identifier: MIT
 *
 * Clients of Socket.IO: how they connect, what they are answered, and what ends them. test_socketio_alive.c has how long they
 * are waited for, test_socketio_seats.c how they come back.
 */
#include "tests/unit/server_core/socketio.h"

#include "tests/unit/server_core/rest.h"

static struct core_settings io_settings(void)
{
    struct core_settings set = with_seats();
    set.join_timeout_ms = 10000;
    return set;
}

static void ends(struct harness *h, unsigned i, enum error e, const char *problem)
{
    hears(h, i, "42[\"error\",{\"code\":\"%s\",\"message\":\"%s\"}]", error_code(e), problem);
    closes(h, i, error_close_code(e), error_code(e));
    skip_log(h);
}

/* ---- connecting ---- */

static void test_connects(void **state)
{
    (void)state;
    struct harness h;
    start(&h, io_settings());
    ready_io(&h, 0);
    say(&h, 0, "0{\"token\":\"123\"}");
    struct pid first = welcomed_io(&h, 0);
    quiet(&h);
    struct pid second = enter_io(&h, 1);
    assert_string_not_equal(first.text, second.text);
    assert_string_not_equal(h.id[0], h.id[1]);
    h.settings.resume_grace_ms = 0; /* nobody can come back */
    core_configure(h.core, &h.settings);
    ready_io(&h, 2);
    say(&h, 2, "0");
    hears_first(&h, 2, "40{\"sid\":\"n1.");
    assert_null(strstr(h.text, "pid"));
    quiet(&h);
    stop(&h);
}

static void test_a_connect_comes_first(void **state)
{
    (void)state;
    static const char *const FIRST[] = {"2[\"ping\"]", "1", "31[]", "2[\"what\"]", "51-[\"hi\"]"};
    struct harness h;
    start(&h, io_settings());
    for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++) {
        ready_io(&h, 0);
        say(&h, 0, FIRST[i]);
        ends(&h, 0, ERROR_BAD_MESSAGE, "a CONNECT has to come first");
        quiet(&h);
        gone(&h, 0, 1008);
    }
    ready_io(&h, 0);
    step(&h, (struct core_event){.type = CORE_UNREADABLE,
                 .conn = conn_of(&h, 0),
                 .unreadable = {ERROR_BAD_MESSAGE, "messages are text: this one is binary"}});
    ends(&h, 0, ERROR_BAD_MESSAGE, "messages are text: this one is binary");
    enter_io(&h, 1);
    say(&h, 1, "0");
    ends(&h, 1, ERROR_BAD_MESSAGE, "CONNECT was said before");
    ready_io(&h, 2);
    say(&h, 2, "abc");
    hears(&h, 2, "42[\"error\",{\"code\":\"bad-message\",\"message\":\"a CONNECT has to come first\"}]");
    closes(&h, 2, 1008, "bad-message");
    skip_log(&h);
    quiet(&h);
    stop(&h);
}

static void test_malformed_packets_end_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum error error;
    } CASES[] = {{"abc", ERROR_BAD_MESSAGE}, {"2{}", ERROR_BAD_JSON}, {"2abc[\"ping\"]", ERROR_BAD_JSON},
        {"2[\"connect\"]", ERROR_BAD_MESSAGE}, {"2/admin,[\"ping\"]", ERROR_BAD_MESSAGE},
        {"2[\"p\xff\"]", ERROR_BAD_JSON}};
    struct harness h;
    start(&h, io_settings());
    enter_room(&h, 1, "a");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct pid pid;
        enter_room_io(&h, 0, "a", &pid);
        say(&h, 0, CASES[i].text);
        hears_first(&h, 0, "42[\"error\",{\"code\":\"bad-");
        closes(&h, 0, error_close_code(CASES[i].error), error_code(CASES[i].error));
        hears(&h, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[0]); /* and may come back */
        skip_log(&h);
        quiet(&h);
        assert_int_equal(core_stats(h.core)->ended[DEPARTURE_VIOLATION], i + 1);
        gone(&h, 0, 1008);
    }
    stop(&h);
}

static void test_namespaces(void **state)
{
    (void)state;
    struct harness h;
    start(&h, io_settings());
    ready_io(&h, 0);
    say(&h, 0, "0/random");
    hears(&h, 0, "44/random,{\"message\":\"Invalid namespace\"}");
    say(&h, 0, "0");
    welcomed_io(&h, 0);
    for (int n = 1; n < BAD_FRAMES_MAX - 1; n++) {
        say(&h, 0, "0/other,{}");
        hears(&h, 0, "44/other,{\"message\":\"Invalid namespace\"}");
        quiet(&h);
    }
    say(&h, 0, "0/other,{}");
    hears(&h, 0, "44/other,{\"message\":\"too many bad frames\"}");
    closes(&h, 0, 1008, "rate-limited");
    skip_log(&h);
    quiet(&h);
    stop(&h);
}

/* Connected, it may be in no room for as long as it likes. */
static void test_is_waited_for_until_it_connects(void **state)
{
    (void)state;
    struct harness h;
    start(&h, io_settings());
    ready_io(&h, 0);
    enter_io(&h, 1);
    wake(&h, h.now + 9999);
    quiet(&h);
    wake(&h, h.now + 1);
    ends(&h, 0, ERROR_NOT_IN_ROOM, "no CONNECT came in time");
    quiet(&h);
    wake(&h, h.now + 100000);
    quiet(&h);
    join_io(&h, 1, "a");
    peers_io(&h, 1);
    say(&h, 1, "2[\"leave-room\"]");
    hears(&h, 1, "42[\"left-room\",{}]");
    wake(&h, h.now + 100000);
    quiet(&h);
    say(&h, 1, "1");
    quiet(&h);
    wake(&h, h.now + 10000);
    ends(&h, 1, ERROR_NOT_IN_ROOM, "no CONNECT came in time");
    quiet(&h);
    stop(&h);
}

static void test_disconnect_leaves(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    start(&h, io_settings());
    enter_room(&h, 1, "a");
    enter_room_io(&h, 0, "a", &pid);
    say(&h, 0, "1");
    hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[0]);
    quiet(&h);
    say(&h, 0, "0");
    welcomed_io(&h, 0);
    join_io(&h, 0, "a");
    peers_io(&h, 0);
    hears(&h, 1, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"dialect\":\"socket.io\"}", h.id[0]);
    quiet(&h);
    stop(&h);
}

/* The transport alone was closed: engine.close() of its client does so, to come back. */
static void test_only_a_word_is_a_farewell(void **state)
{
    (void)state;
    static const uint16_t CODES[] = {1000, 1006, 1001};
    struct harness h;
    struct pid pid;
    start(&h, io_settings());
    enter_room(&h, 1, "a");
    for (size_t i = 0; i < 3; i++)
        for (int closed = 0; closed < 2; closed++) {
            enter_room_io(&h, 0, "a", &pid);
            if (closed) {
                step(&h, (struct core_event){.type = CORE_CLOSED, .conn = conn_of(&h, 0), .close_code = CODES[i]});
                closes(&h, 0, 0, "");
            } else {
                gone(&h, 0, CODES[i]);
            }
            if (CODES[i] == 1001)
                hears(&h, 1, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"left\"}", h.id[0]);
            else
                hears(&h, 1, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", h.id[0]);
            quiet(&h);
            if (closed)
                gone(&h, 0, CODES[i]);
        }
    stop(&h);
}

/* ---- events and their answers ---- */

static void test_each_hears_its_own(void **state)
{
    (void)state;
    struct harness h;
    char line[512];
    start(&h, io_settings());
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"N\",\"metadata\":{\"k\":1}}");
    heard(&h, 0);
    enter_io(&h, 1);
    say(&h, 1, "2[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"S\"}]");
    hears(
        &h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"displayName\":\"S\",\"dialect\":\"socket.io\"}", h.id[1]);
    snprintf(line, sizeof line,
        "42[\"peers\",{\"peers\":[\"%s\"],\"participants\":[{\"peerId\":\"%s\",\"displayName\":\"N\",\"metadata\":{"
        "\"k\":1},"
        "\"dialect\":\"native\"}],\"roomId\":\"a\",\"peerId\":\"%s\"},\"",
        h.id[0], h.id[0], h.id[1]);
    hears_first(&h, 1, line);
    signal_to(&h, 0, h.id[1]);
    hears(&h, 1, "42[\"signal\",{\"from\":\"%s\",\"data\":1}]", h.id[0]);
    snprintf(
        line, sizeof line, "2[\"offer\",{\"sdp\":\"v=0\\r\\n\",\"to\":\"%s\",\"link\":\"l\",\"more\":1}]", h.id[0]);
    say(&h, 1, line);
    hears(&h, 0, "{\"type\":\"offer\",\"from\":\"%s\",\"sdp\":\"v=0\\r\\n\",\"link\":\"l\"}", h.id[1]);
    quiet(&h);
    enter_io(&h, 2);
    join_io(&h, 2, "a");
    heard(&h, 2);
    hears(&h, 0, "{\"type\":\"peer-joined\",\"peerId\":\"%s\",\"dialect\":\"socket.io\"}", h.id[2]);
    hears(&h, 1, "42[\"peer-joined\",{\"peerId\":\"%s\"}]", h.id[2]);
    snprintf(line, sizeof line, "2[\"offer\",{\"sdp\":\"v=0\\r\\n\",\"to\":\"%s\",\"more\":1}]", h.id[1]);
    say(&h, 2, line);
    hears(&h, 1, "42[\"offer\",{\"sdp\":\"v=0\\r\\n\",\"from\":\"%s\",\"more\":1}]", h.id[2]);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    heard(&h, 0);
    hears(&h, 1, "42[\"peer-left\",{\"peerId\":\"%s\",\"reason\":\"left\"}]", h.id[0]);
    hears(&h, 2, "42[\"peer-left\",{\"peerId\":\"%s\",\"reason\":\"left\"}]", h.id[0]);
    quiet(&h);
    stop(&h);
}

static void test_acks(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    start(&h, io_settings());
    enter_room_io(&h, 0, "a", &pid);
    enter_io(&h, 1);
    say(&h, 1, "20[\"signal\",{\"to\":\"n1.x\",\"data\":1}]");
    hears(&h, 1, "430[{\"ok\":false,\"error\":{\"code\":\"not-in-room\",\"message\":\"join a room first\"}}]");
    say(&h, 1, "21[\"join-room\",{\"roomId\":\"a\"}]");
    peers_io(&h, 1);
    hears(&h, 1, "431[{\"ok\":true}]");
    heard(&h, 0);
    signal_io(&h, 1, h.id[0], "2");
    hears(&h, 0, "42[\"signal\",{\"from\":\"%s\",\"data\":1}]", h.id[1]);
    hears(&h, 1, "432[{\"ok\":true}]");
    gone(&h, 0, 0);
    signal_io(&h, 1, h.id[0], "3"); /* it is kept */
    hears(&h, 1, "433[{\"ok\":true}]");
    say(&h, 1, "24[\"ping\"]");
    hears(&h, 1, "42[\"pong\",{}]");
    hears(&h, 1, "434[{\"ok\":true}]");
    say(&h, 1, "25[\"report\",{\"peerId\":\"b\",\"outcome\":\"turn\"}]");
    hears(&h, 1, "435[{\"ok\":true}]");
    say(&h, 1, "26[\"what\"]");
    hears_first(&h, 1, "436[{\"ok\":false,\"error\":{\"code\":\"unknown-type\"");
    say(&h, 1, "27[\"leave-room\"]");
    hears(&h, 1, "42[\"left-room\",{}]");
    hears(&h, 1, "437[{\"ok\":true}]");
    say(&h, 1, "31[\"x\"]"); /* nothing asked for it */
    hears_first(&h, 1, "42[\"error\",{\"code\":\"bad-message\"");
    quiet(&h);
    stop(&h);
}

/* The answer to a join with a password comes later; so does its acknowledgement. Who says farewell meanwhile is gone. */
static void test_locked_rooms(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = io_settings();
    set.ports.owner_token = token_port;
    start(&h, set);
    post(&h, 3, "{\"name\":\"inn\",\"password\":\"open\"}");
    const struct core_effect *e = took(&h, CORE_HASH);
    assert_non_null(e);
    const uint8_t hash[ROOM_HASH_BYTES] = {7};
    step(&h, (struct core_event){.type = CORE_HASHED, .hashed = {e->hash->job, hash}});
    assert_non_null(took(&h, CORE_STORE));
    step(&h, (struct core_event){.type = CORE_STORED, .stored = true});
    for (unsigned i = 0; i < 2; i++) {
        enter_io(&h, i);
        say(&h, i, "21[\"join-room\",{\"roomId\":\"inn\",\"password\":\"open\"}]");
        e = took(&h, CORE_HASH);
        assert_non_null(e);
        uint64_t job = e->hash->job;
        quiet(&h);
        if (i == 1) {
            say(&h, i, "1");
            closes(&h, i, 1000, "farewell");
        }
        step(&h, (struct core_event){.type = CORE_HASHED, .hashed = {job, hash}});
        if (i == 0) {
            peers_io(&h, i);
            hears(&h, i, "431[{\"ok\":true}]");
        }
        quiet(&h);
    }
    say(&h, 0, "22[\"join-room\",{\"roomId\":\"inn\"}]"); /* it is in it already */
    peers_io(&h, 0);
    hears(&h, 0, "432[{\"ok\":true}]");
    quiet(&h);
    stop(&h);
}

static void attach(struct harness *h, unsigned i)
{
    step(h, (struct core_event){.type = CORE_UNREADABLE,
                .conn = conn_of(h, i),
                .unreadable = {ERROR_BAD_MESSAGE, "messages are text: this one is binary"}});
}

static void test_binary_is_refused_whole(void **state)
{
    (void)state;
    struct harness h;
    start(&h, io_settings());
    for (unsigned i = 0; i < 3; i++)
        enter_io(&h, i);
    say(&h, 0, "52-1[\"hi\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    hears_first(&h, 0, "431[{\"ok\":false,\"error\":{\"code\":\"bad-message\"");
    attach(&h, 0);
    attach(&h, 0);
    quiet(&h);
    say(&h, 0, "2[\"ping\"]");
    hears(&h, 0, "42[\"pong\",{}]");
    attach(&h, 0);
    ends(&h, 0, ERROR_BAD_MESSAGE, "messages are text: this one is binary");
    say(&h, 1, "51-[\"hi\",{\"_placeholder\":true,\"num\":0}]");
    hears_first(&h, 1, "42[\"error\",{\"code\":\"bad-message\"");
    say(&h, 1, "2[\"ping\"]");
    ends(&h, 1, ERROR_BAD_MESSAGE, "its attachments were to follow");
    say(&h, 2, "51-[\"hi\",{\"_placeholder\":true,\"num\":0}]");
    heard(&h, 2);
    step(&h,
        (struct core_event){.type = CORE_UNREADABLE, .conn = conn_of(&h, 2), .unreadable = {ERROR_TOO_LARGE, NULL}});
    ends(&h, 2, ERROR_TOO_LARGE, error_text(ERROR_TOO_LARGE));
    quiet(&h);
    stop(&h);
}

static void test_joins_again(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct core_settings set = io_settings();
    set.join_rate = 1;
    start(&h, set);
    h.generation[0]++;
    step(&h, (struct core_event){.type = CORE_OPEN, .conn = conn_of(&h, 0), .address = ipv4(1)});
    step(&h, (struct core_event){.type = CORE_READY, .conn = conn_of(&h, 0), .dialect = &dialect_socketio});
    say(&h, 0, "0");
    welcomed_io(&h, 0);
    join_io(&h, 0, "a");
    peers_io(&h, 0);
    enter_room_io(&h, 1, "a", &pid);
    heard(&h, 0);
    say(&h, 0, "2[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"new\"}]");
    peers_io(&h, 0);
    assert_non_null(strstr(h.text, h.id[1]));
    quiet(&h); /* the others hear nothing of it */
    say(&h, 0, "23[\"join-room\",{\"roomId\":\"b\"}]");
    hears_first(&h, 0, "433[{\"ok\":false,\"error\":{\"code\":\"bad-message\"");
    for (int n = 2; n < JOIN_BURST_SECONDS; n++) {
        join_io(&h, 0, "a");
        peers_io(&h, 0);
    }
    join_io(&h, 0, "a");
    hears_first(&h, 0, "42[\"error\",{\"code\":\"rate-limited\"");
    skip_log(&h);
    quiet(&h);
    enter_room(&h, 2, "c"); /* natives are refused as ever */
    join(&h, 2, "c");
    hears_error(&h, 2, ERROR_BAD_MESSAGE, false);
    stop(&h);
}

static void test_a_room_is_closed(void **state)
{
    (void)state;
    struct harness h;
    struct pid pid;
    struct core_settings set = io_settings();
    set.ports.owner_token = token_port;
    start(&h, set);
    post(&h, 3, "{\"name\":\"inn\"}");
    step(&h, (struct core_event){.type = CORE_STORED, .stored = true});
    answers(&h, 3, 201);
    char owner[128];
    find_text(h.text, "\"ownerToken\":\"", owner, sizeof owner);
    enter_room_io(&h, 0, "inn", &pid);
    ask(&h, 4, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("inn"), .token = span_of(owner)});
    hears(&h, 0, "42[\"room-closed\",{\"roomId\":\"inn\"}]");
    wake(&h, h.now + 100000);
    assert_null(take(&h, 0));
    join_io(&h, 0, "b");
    peers_io(&h, 0);
    ready_io(&h, 1);
    enter_io(&h, 2);
    say(&h, 2, "1");
    happen(&h, 0, CORE_DRAIN);
    hears(&h, 0, "42[\"server-draining\",{\"reconnectAfterMs\":0}]");
    closes(&h, 0, 1012, "draining");
    for (unsigned i = 1; i <= 2; i++) /* before CONNECT, and after DISCONNECT */
        closes(&h, i, 1012, "draining");
    stop(&h);
}

static void one_server(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    (void)ctx;
    (void)conn;
    (void)unix_seconds;
    buf_text(out, "[{\"username\":\"");
    buf_span(out, peer_id);
    buf_text(out, "\"}]");
}

static void test_ice_servers(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = io_settings();
    set.ports.ice_servers = one_server;
    set.ice_refresh_ms = 60000;
    start(&h, set);
    ready_io(&h, 0);
    say(&h, 0, "0");
    welcomed_io(&h, 0);
    hears(&h, 0, "42[\"ice-servers\",{\"iceServers\":[{\"username\":\"%s\"}]}]", h.id[0]);
    quiet(&h);
    wake(&h, h.now + 60000);
    hears(&h, 0, "42[\"ice-servers\",{\"iceServers\":[{\"username\":\"%s\"}]}]", h.id[0]);
    say(&h, 0, "1");
    wake(&h, h.now + 5000);
    quiet(&h);
    stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects),
        cmocka_unit_test(test_a_connect_comes_first),
        cmocka_unit_test(test_malformed_packets_end_it),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_is_waited_for_until_it_connects),
        cmocka_unit_test(test_disconnect_leaves),
        cmocka_unit_test(test_only_a_word_is_a_farewell),
        cmocka_unit_test(test_each_hears_its_own),
        cmocka_unit_test(test_acks),
        cmocka_unit_test(test_locked_rooms),
        cmocka_unit_test(test_binary_is_refused_whole),
        cmocka_unit_test(test_joins_again),
        cmocka_unit_test(test_a_room_is_closed),
        cmocka_unit_test(test_ice_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
