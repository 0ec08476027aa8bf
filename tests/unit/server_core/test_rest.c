/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: who may make, see and close them, what a password costs, and what is stored when.
 */
#include "tests/unit/server_core/rest.h"

#include "server/core/state.h"

static void test_a_name_is_the_id(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"maxPeers\":2,\"listed\":true}", token);
    ask(&h, 0, (struct core_request){.type = REQUEST_ROOMS});
    answers(&h, 0, 200);
    assert_string_equal(h.text, "{\"rooms\":[{\"id\":\"hall\",\"name\":\"hall\",\"peers\":0,\"maxPeers\":2,\"locked\":"
                                "false,\"createdAt\":0}]}\n");
    post(&h, 1, "{\"name\":\"hall\"}");
    answers(&h, 1, 409);
    assert_non_null(strstr(h.text, "room-exists"));
    quiet(&h);
    ask(&h, 2, (struct core_request){.type = REQUEST_ROOM, .room = SPAN("hal")});
    answers(&h, 2, 404);
    stop(&h);
}

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)unix_seconds;
    *claims = (struct claims){.expires = UINT64_MAX, .admin = span_is(token, "admin")};
    strcpy(claims->room, "hall*");
    return span_is(token, "guest") || claims->admin ? NULL : "this is no token";
}

/* Where joining needs a token, making a room needs one that opens it; an admin closes any room. */
static void test_tokens(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = rest_settings();
    set.token_required = true;
    set.ports.verify = verify;
    start(&h, set);
    struct core_request r = {.type = REQUEST_CREATE, .body = SPAN("{\"name\":\"hall-1\"}")};
    ask(&h, 0, r);
    answers(&h, 0, 401);
    gone(&h, 0, 0);
    r.token = SPAN("guest");
    r.body = SPAN("{\"name\":\"other\"}");
    ask(&h, 0, r);
    answers(&h, 0, 403);
    gone(&h, 0, 0);
    r.body = SPAN("{\"name\":\"hall-1\"}");
    ask(&h, 0, r);
    stores(&h);
    stored(&h, true);
    answers(&h, 0, 201);
    ask(&h, 1, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("hall-1"), .token = SPAN("guest")});
    answers(&h, 1, 403);
    ask(&h, 2, (struct core_request){.type = REQUEST_VALIDATE, .room = SPAN("hall-1")});
    answers(&h, 2, 401);
    ask(&h, 3, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("hall-1"), .token = SPAN("admin")});
    stores(&h);
    stored(&h, true);
    answers(&h, 3, 204);
    stop(&h);
}

static void test_a_label_gets_a_code(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"Our hall\"}", token);
    made(&h, "", token);
    ask(&h, 0, (struct core_request){.type = REQUEST_ROOMS});
    answers(&h, 0, 200);
    assert_string_equal(h.text, "{\"rooms\":[]}\n"); /* unlisted */
    assert_int_equal(core_stats(h.core)->rooms, 2);
    stop(&h);
}

static void test_bodies_that_are_none(void **state)
{
    (void)state;
    static const char *const BAD[] = {"x", "[]", "{\"name\":1}", "{\"name\":\"\"}", "{\"password\":\"\"}",
        "{\"maxPeers\":0}", "{\"maxPeers\":1.5}", "{\"maxPeers\":-1}", "{\"listed\":1}",
        "{\"name\":\"a\",\"name\":\"b\"}", "{\"maxPeers\":9}"};
    struct harness h;
    struct core_settings set = rest_settings();
    set.max_room_members = 8;
    start(&h, set);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        post(&h, 0, BAD[i]);
        answers(&h, 0, 400);
        quiet(&h);
        gone(&h, 0, 0);
    }
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

static void test_capacity_of_its_own(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"maxPeers\":1}", token);
    enter_room(&h, 0, "hall");
    enter(&h, 1);
    join(&h, 1, "hall");
    hears_error(&h, 1, ERROR_ROOM_FULL, false);
    ask(&h, 2, (struct core_request){.type = REQUEST_VALIDATE, .room = SPAN("hall")});
    answers(&h, 2, 409);
    assert_non_null(strstr(h.text, "room-full"));
    stop(&h);
}

static void test_a_locked_room(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    uint8_t hash[ROOM_HASH_BYTES];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"password\":\"sesame\"}", token);
    ask(&h, 2, (struct core_request){.type = REQUEST_VALIDATE, .room = SPAN("hall")});
    answers(&h, 2, 401);
    assert_non_null(strstr(h.text, "room-locked"));
    enter(&h, 0);
    join(&h, 0, "hall");
    hears_error(&h, 0, ERROR_ROOM_LOCKED, false);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"guess\",\"ref\":\"1\"}");
    uint64_t job = asks_hash(&h, hash);
    quiet(&h);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"other\"}"); /* one at a time */
    hears_error(&h, 0, ERROR_BAD_MESSAGE, false);
    hashed(&h, job, hash);
    hears_error(&h, 0, ERROR_ROOM_LOCKED, false);
    assert_non_null(strstr(h.text, "\"ref\":\"1\""));
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"sesame\"}");
    job = asks_hash(&h, hash);
    hashed(&h, job, hash);
    assert_non_null(strstr(heard(&h, 0), "{\"type\":\"peers\""));
    hashed(&h, job, hash); /* an answer to nothing */
    quiet(&h);
    stop(&h);
}

static void says_farewell(struct harness *h, unsigned i, uint16_t code)
{
    step(h, (struct core_event){.type = CORE_CLOSED, .conn = conn_of(h, i), .close_code = code});
}

/* The join goes on, and whoever leaves too early hears that. */
static void test_a_leave_behind_a_join(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    uint8_t hash[ROOM_HASH_BYTES];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"password\":\"sesame\"}", token);
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    hears_error(&h, 0, ERROR_NOT_IN_ROOM, false);
    assert_non_null(strstr(h.text, "join a room first"));
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"sesame\"}");
    uint64_t job = asks_hash(&h, hash);
    say(&h, 0, "{\"type\":\"leave-room\"}");
    hears_error(&h, 0, ERROR_NOT_IN_ROOM, false);
    assert_non_null(strstr(h.text, "a join is under way"));
    hashed(&h, job, hash);
    assert_non_null(strstr(heard(&h, 0), "{\"type\":\"peers\""));
    say(&h, 0, "{\"type\":\"leave-room\"}");
    hears(&h, 0, "{\"type\":\"left-room\"}");
    quiet(&h);
    stop(&h);
}

/* RFC 6455 section 5.5.1: a Close is answered, behind what is owed for the frames that came before it. */
static void test_a_close_behind_a_join(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    uint8_t hash[ROOM_HASH_BYTES];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"password\":\"sesame\"}", token);
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"sesame\"}");
    uint64_t job = asks_hash(&h, hash);
    hashed(&h, job, hash);
    heard(&h, 0);
    enter(&h, 1);
    say(&h, 1, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"sesame\"}");
    job = asks_hash(&h, hash);
    says_farewell(&h, 1, 1000);
    quiet(&h);
    hashed(&h, job, hash);
    assert_non_null(strstr(heard(&h, 1), "{\"type\":\"peers\""));
    closes(&h, 1, 0, "");
    assert_non_null(strstr(heard(&h, 0), "peer-joined"));
    assert_non_null(strstr(heard(&h, 0), "peer-left"));
    signal_to(&h, 0, h.id[1]);
    hears_error(&h, 0, ERROR_NO_SUCH_PEER, false);
    gone(&h, 1, 1000);
    quiet(&h);
    enter(&h, 2);
    says_farewell(&h, 2, 1006);
    closes(&h, 2, 0, "");
    gone(&h, 2, 1006);
    quiet(&h);
    stop(&h);
}

/* The room is closed and made anew while its password is hashed: the old password opens nothing. */
static void test_a_hash_for_a_room_that_is_gone(void **state)
{
    (void)state;
    struct harness h;
    char token[64], other[64];
    uint8_t hash[ROOM_HASH_BYTES];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\",\"password\":\"sesame\"}", token);
    enter(&h, 0);
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"sesame\"}");
    uint64_t job = asks_hash(&h, hash);
    ask(&h, 1, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("hall"), .token = span_of(token)});
    stores(&h);
    stored(&h, true);
    answers(&h, 1, 204);
    made(&h, "{\"name\":\"hall\",\"password\":\"another\"}", other);
    assert_string_not_equal(token, other);
    hashed(&h, job, hash);
    hears_error(&h, 0, ERROR_ROOM_LOCKED, false);
    assert_non_null(strstr(h.text, "the room was closed while its password was checked: join again"));
    assert_int_equal(core_stats(h.core)->auth_failed_total, 0); /* nobody knows whether it was wrong */
    say(&h, 0, "{\"type\":\"join-room\",\"roomId\":\"hall\",\"password\":\"another\"}");
    job = asks_hash(&h, hash);
    gone(&h, 0, 1000);
    hashed(&h, job, hash); /* for nobody */
    quiet(&h);
    stop(&h);
}

static void test_too_many_passwords(void **state)
{
    (void)state;
    struct harness h;
    start(&h, rest_settings());
    for (unsigned i = 0; i < HASHES_MAX; i++) {
        post(&h, 0, "{\"password\":\"x\"}");
        assert_non_null(took(&h, CORE_HASH));
        gone(&h, 0, 0);
    }
    post(&h, 0, "{\"password\":\"x\"}");
    answers(&h, 0, 429);
    assert_non_null(strstr(h.text, "retryAfterMs"));
    quiet(&h);
    stop(&h);
}

static void test_closing(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"hall\"}", token);
    enter_room(&h, 0, "hall");
    enter_room(&h, 1, "hall");
    struct core_request r = {.type = REQUEST_CLOSE, .room = SPAN("hall")};
    ask(&h, 2, r);
    answers(&h, 2, 401);
    r.token = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    gone(&h, 2, 0);
    ask(&h, 2, r);
    answers(&h, 2, 403);
    r.token = span_of(token);
    gone(&h, 2, 0);
    ask(&h, 2, r);
    hears(&h, 0, "{\"type\":\"room-closed\",\"roomId\":\"hall\"}");
    hears(&h, 1, "{\"type\":\"room-closed\",\"roomId\":\"hall\"}");
    stores(&h);
    quiet(&h);
    stored(&h, true);
    answers(&h, 2, 204);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    gone(&h, 2, 0);
    ask(&h, 2, r);
    answers(&h, 2, 404);
    join(&h, 0, "elsewhere"); /* they are still connected */
    assert_non_null(strstr(heard(&h, 0), "{\"type\":\"peers\""));
    stop(&h);
}

static void test_a_room_that_join_made_has_no_owner(void **state)
{
    (void)state;
    struct harness h;
    start(&h, rest_settings());
    enter_room(&h, 0, "hall");
    ask(&h, 2,
        (struct core_request){.type = REQUEST_CLOSE,
            .room = SPAN("hall"),
            .token = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")});
    answers(&h, 2, 403);
    assert_string_equal(logged(&h)->event, "auth-failed");
    quiet(&h);
    stop(&h);
}

/* One writing at a time; who changed something meanwhile waits for the next. */
static void test_storing(void **state)
{
    (void)state;
    struct harness h;
    start(&h, rest_settings());
    post(&h, 0, "{\"name\":\"a\"}");
    stores(&h);
    post(&h, 1, "{\"name\":\"b\"}");
    quiet(&h);
    stored(&h, true);
    answers(&h, 0, 201);
    const struct core_effect *e = took(&h, CORE_STORE);
    assert_non_null(e);
    assert_non_null(strstr(frame_text(e->store).p, "\"id\":\"b\""));
    quiet(&h);
    stored(&h, true);
    answers(&h, 1, 201);
    quiet(&h);
    stop(&h);
}

/* What is not on the disk was not made. */
static void test_a_full_disk(void **state)
{
    (void)state;
    struct harness h;
    start(&h, rest_settings());
    post(&h, 0, "{\"name\":\"a\"}");
    stores(&h);
    stored(&h, false);
    answers(&h, 0, 503);
    assert_non_null(strstr(h.text, "so it was not made"));
    assert_string_equal(logged(&h)->event, "store-failed");
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stop(&h);
}

/* What is on the disk yet is not said to be gone, and goes as soon as it can. */
static void test_a_full_disk_at_the_end(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"a\"}", token);
    const struct core_request close = {.type = REQUEST_CLOSE, .room = SPAN("a"), .token = span_of(token)};
    ask(&h, 0, close);
    stores(&h);
    quiet(&h);
    stored(&h, false);
    answers(&h, 0, 503);
    assert_non_null(strstr(h.text, "it is tried again"));
    assert_string_equal(logged(&h)->event, "store-failed");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    assert_int_equal(h.deadline, h.now + ROOM_STORE_RETRY_MS);
    ask(&h, 1, close);
    answers(&h, 1, 503);
    wake(&h, h.now + ROOM_STORE_RETRY_MS);
    const struct core_effect *e = took(&h, CORE_STORE);
    assert_non_null(e);
    assert_null(memmem(frame_text(e->store).p, frame_text(e->store).n, "\"a\"", 3));
    stored(&h, false);
    logged(&h);
    ask(&h, 2, close);
    answers(&h, 2, 503);
    wake(&h, h.now + ROOM_STORE_RETRY_MS);
    stores(&h);
    stored(&h, true);
    quiet(&h);
    ask(&h, 3, close);
    answers(&h, 3, 404);
    wake(&h, h.now + ROOM_STORE_RETRY_MS);
    quiet(&h);
    stop(&h);
}

static void test_time_of_empty_rooms(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings set = rest_settings();
    set.room_linger_ms = 1000;
    set.room_ttl_ms = 5000;
    start(&h, set);
    char token[64];
    made(&h, "{\"name\":\"made\"}", token);
    enter_room(&h, 0, "joined");
    gone(&h, 0, 1000);
    wake(&h, h.now + 999);
    assert_int_equal(core_stats(h.core)->rooms, 2);
    wake(&h, h.now + 1);
    assert_int_equal(core_stats(h.core)->rooms, 1);
    enter_room(&h, 1, "made"); /* its time stands still */
    wake(&h, h.now + 60000);
    gone(&h, 1, 1000);
    wake(&h, h.now + 4999);
    assert_int_equal(core_stats(h.core)->rooms, 1);
    wake(&h, h.now + 1);
    assert_int_equal(core_stats(h.core)->rooms, 0);
    stores(&h);
    stop(&h);
}

static void test_restart(void **state)
{
    (void)state;
    struct harness h, again;
    char token[64];
    uint8_t hash[ROOM_HASH_BYTES];
    start(&h, rest_settings());
    post(&h, 0, "{\"name\":\"hall\",\"password\":\"sesame\",\"listed\":true}");
    uint64_t job = asks_hash(&h, hash);
    hashed(&h, job, hash);
    const struct core_effect *e = took(&h, CORE_STORE);
    char file[1024];
    snprintf(file, sizeof file, "%.*s", (int)frame_text(e->store).n, frame_text(e->store).p);
    stored(&h, true);
    answers(&h, 0, 201);
    owner_of(&h, token);
    stop(&h);
    struct core_settings set = rest_settings();
    set.room_ttl_ms = 1000;
    start(&again, set);
    assert_null(core_restore(again.core, span_of(file), again.now));
    enter(&again, 0);
    join(&again, 0, "hall");
    hears_error(&again, 0, ERROR_ROOM_LOCKED, false);
    ask(&again, 1, (struct core_request){.type = REQUEST_CLOSE, .room = SPAN("hall"), .token = span_of(token)});
    stores(&again);
    stop(&again);
    start(&again, rest_settings());
    assert_non_null(core_restore(again.core, SPAN("{"), 0));
    file[strlen(file) / 2] = '!';
    assert_non_null(core_restore(again.core, span_of(file), 0));
    stop(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_the_id),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_a_label_gets_a_code),
        cmocka_unit_test(test_bodies_that_are_none),
        cmocka_unit_test(test_capacity_of_its_own),
        cmocka_unit_test(test_a_locked_room),
        cmocka_unit_test(test_a_leave_behind_a_join),
        cmocka_unit_test(test_a_close_behind_a_join),
        cmocka_unit_test(test_a_hash_for_a_room_that_is_gone),
        cmocka_unit_test(test_too_many_passwords),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_a_room_that_join_made_has_no_owner),
        cmocka_unit_test(test_storing),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_a_full_disk_at_the_end),
        cmocka_unit_test(test_time_of_empty_rooms),
        cmocka_unit_test(test_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
