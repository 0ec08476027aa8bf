/* SPDX-License-Identifier: MIT
 *
 * Thousands of things that are due at once. Whatever they are, one step does a batch of them and no more: it ends so
 * many connections, frees so many blocks, makes so many effects; the rest is due now, and a message that comes in
 * meanwhile is served before the next batch.
 *
 * free is counted, and realloc can be made to fail (tests/faults.h).
 */
#include "tests/faults.h"
#include "tests/unit/server_core/rest.h"
#include "tests/unit/server_core/seat.h"

enum {
    CROWD = 3000,
    BATCH = 64,
    ROOM = 10,
    EFFECTS_MAX = 4096, /* of what members hear of each other's leaving, in one step */
    FREED_MAX = 5000,
    FREED_EACH = 1024, /* of one kind */
    VERIFIED_MAX = 8,
    TIMEOUT_MS = 1000
};

/* ---- a crowd: as the harness, for many ---- */

struct crowd {
    struct core *core;
    struct core_settings settings;
    struct rng_seeded seed;
    struct rng rng;
    struct core_effects fx;
    uint64_t now, deadline, verified;
    char id[CROWD][PEER_ID_MAX + 1];
    struct token token[CROWD];
    size_t sent, pinged, closed, answered, stored; /* in the last step */
    uint64_t freed;                                /* likewise */
};

static void begin(struct crowd *w, struct core_settings set)
{
    *w = (struct crowd){.settings = set, .now = 5000, .deadline = UINT64_MAX};
    rng_seeded_init(&w->seed, 7);
    w->rng = rng_seeded_port(&w->seed);
    w->core = core_new(&w->settings, &w->rng);
    assert_non_null(w->core);
}

static void end(struct crowd *w)
{
    core_check(w->core);
    core_free(w->core);
    core_effects_done(&w->fx);
}

static void note_effects(struct crowd *w)
{
    w->sent = w->pinged = w->closed = w->answered = w->stored = 0;
    for (size_t i = 0; i < w->fx.n; i++) {
        const struct core_effect *e = &w->fx.v[i];
        w->sent += e->type == CORE_SEND;
        w->pinged += e->type == CORE_PING;
        w->closed += e->type == CORE_CLOSE;
        w->answered += e->type == CORE_RESPONSE;
        w->stored += e->type == CORE_STORE;
    }
}

static void happens(struct crowd *w, struct core_event e)
{
    core_effects_clear(&w->fx);
    e.now = w->now;
    e.unix_ms = w->now;
    faults.freed = 0;
    core_step(w->core, &e, &w->fx);
    w->deadline = core_deadline(w->core);
    w->freed = (uint64_t)faults.freed;
    note_effects(w);
}

static void happens_to(struct crowd *w, uint32_t i, enum core_event_type type)
{
    struct core_event e = {.type = type, .conn = {i, 1}};
    if (type == CORE_READY)
        e.dialect = &dialect_native;
    happens(w, e);
}

static void says(struct crowd *w, uint32_t i, const char *text)
{
    happens(w, (struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .bytes = span_of(text)});
}

static void comes(struct crowd *w, uint32_t i)
{
    happens_to(w, i, CORE_OPEN);
    happens_to(w, i, CORE_READY);
    static const char BEFORE[] = "{\"type\":\"welcome\",\"peerId\":\"";
    const char *id = frame_text(w->fx.v[0].frame).p + sizeof BEFORE - 1;
    snprintf(w->id[i], sizeof w->id[i], "%.*s", (int)strcspn(id, "\""), id);
}

static void joins(struct crowd *w, uint32_t i, uint32_t room)
{
    char text[96];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"room%u\",\"displayName\":\"Alice\"}", room);
    says(w, i, text);
    static const char BEFORE[] = "\"resumeToken\":\"";
    struct span said = frame_text(w->fx.v[0].frame);
    const char *token = memmem(said.p, said.n, BEFORE, sizeof BEFORE - 1);
    if (!token)
        return;
    token += sizeof BEFORE - 1;
    snprintf(w->token[i].text, sizeof w->token[i].text, "%.*s", (int)strcspn(token, "\""), token);
}

static void signals(struct crowd *w, uint32_t from, uint32_t to)
{
    char text[128];
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", w->id[to]);
    says(w, from, text);
}

static void all_come(struct crowd *w, uint32_t room)
{
    for (uint32_t i = 0; i < CROWD; i++) {
        comes(w, i);
        if (room)
            joins(w, i, i / room);
    }
}

/* The next CORE_TIME, at the deadline. Whatever is due, a step is no longer than this. */
static void ticks(struct crowd *w)
{
    assert_int_not_equal(w->deadline, UINT64_MAX);
    w->now = w->deadline > w->now ? w->deadline : w->now;
    happens(w, (struct core_event){.type = CORE_TIME});
    assert_true(w->closed <= BATCH && w->answered <= BATCH && w->pinged <= BATCH && w->stored <= 1);
    assert_true(w->fx.n <= EFFECTS_MAX + 2 * CROWD);
    assert_true(w->freed <= FREED_MAX);
}

static bool more_is_due(const struct crowd *w)
{
    return w->deadline == w->now;
}

static const struct core_stats *stats(const struct crowd *w)
{
    return core_stats(w->core);
}

static struct core_settings timed(struct core_settings set)
{
    set.ping_interval_ms = TIMEOUT_MS;
    set.ping_timeout_ms = TIMEOUT_MS;
    return set;
}

/* ---- connections ---- */

static void test_all_are_silent(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    begin(w, timed(no_limits()));
    all_come(w, ROOM);
    size_t pinged = 0, closed = 0, steps = 0;
    while (pinged < CROWD) {
        ticks(w);
        pinged += w->pinged;
        steps++;
        assert_int_equal(more_is_due(w), pinged < CROWD);
    }
    assert_int_equal(steps, (CROWD + BATCH - 1) / BATCH);
    /* The last of them talks in between: it is served before the next batch, and seen to be alive. */
    for (steps = 0; closed < CROWD - 1; steps++) {
        signals(w, CROWD - 1, CROWD - 2);
        assert_int_equal(w->sent, 1);
        assert_int_equal(w->closed, 0);
        ticks(w);
        closed += w->closed;
        assert_int_equal(more_is_due(w), closed < CROWD - 1);
        assert_true(w->fx.n <= BATCH * (ROOM + 1) + 1);
    }
    assert_int_equal(stats(w)->ended[DEPARTURE_TIMEOUT], CROWD - 1);
    assert_in_range(steps, CROWD / BATCH, CROWD / BATCH + 1);
    end(w);
    free(w);
}

static void test_none_joins(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = no_limits();
    set.join_timeout_ms = TIMEOUT_MS;
    begin(w, set);
    all_come(w, 0);
    size_t closed = 0, steps = 0;
    for (; closed < CROWD; steps++) {
        ticks(w);
        closed += w->closed;
    }
    assert_int_equal(closed, CROWD);
    assert_in_range(steps, CROWD / BATCH, CROWD / BATCH + 2);
    end(w);
    free(w);
}

/* A room of all: each who goes is told to thousands, so few go in one step. */
static void test_one_room_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    begin(w, timed(no_limits()));
    all_come(w, CROWD);
    size_t closed = 0, steps = 0, most = 0;
    while (closed < CROWD) {
        ticks(w);
        closed += w->closed;
        steps += w->closed > 0;
        most = w->fx.n > most ? w->fx.n : most;
    }
    assert_int_equal(closed, CROWD);
    assert_true(most <= EFFECTS_MAX + CROWD);
    assert_true(steps > CROWD / 4);
    end(w);
    free(w);
}

/* Condemned for want of memory, all in one step. */
static void test_all_are_owed_a_close(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    begin(w, no_limits());
    all_come(w, CROWD);
    core_effects_done(&w->fx);
    faults.no_realloc = true;
    says(w, 0, "{\"type\":\"leave-room\"}");
    faults.no_realloc = false;
    assert_int_equal(w->fx.n, 0);
    size_t closed = 0;
    while (closed < CROWD) {
        happens_to(w, 0, CORE_PONG);
        assert_true(w->closed > 0 && w->closed <= BATCH && w->fx.n <= EFFECTS_MAX + 2 * CROWD);
        closed += w->closed;
    }
    assert_int_equal(closed, CROWD);
    end(w);
    free(w);
}

/* ---- seats and rooms ---- */

static void test_seats_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    begin(w, with_seats());
    all_come(w, ROOM);
    uint32_t holder = CROWD - 1;
    for (uint32_t i = 0; i < CROWD; i++) {
        if (i % ROOM == ROOM - 1)
            continue; /* one of each room stays, and speaks to those who are away */
        happens_to(w, i, CORE_GONE);
    }
    for (int n = 0; n < 700; n++)
        for (uint32_t k = 1; k < ROOM; k++)
            signals(w, holder, holder - k);
    assert_true(stats(w)->held_bytes > 500000);
    uint64_t gone = stats(w)->leaves_total, steps = 0;
    for (; stats(w)->away > 0; steps++) {
        ticks(w);
        assert_true(stats(w)->leaves_total - gone <= BATCH);
        gone = stats(w)->leaves_total;
    }
    assert_int_equal(gone, CROWD / ROOM * (ROOM - 1));
    assert_in_range(steps, gone / BATCH, gone / BATCH + 2);
    assert_int_equal(stats(w)->held_bytes, 0);
    while (more_is_due(w)) /* what was held is freed */
        ticks(w);
    assert_int_equal(w->deadline, UINT64_MAX);
    end(w);
    free(w);
}

static void test_rooms_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = no_limits();
    set.room_linger_ms = TIMEOUT_MS;
    begin(w, set);
    all_come(w, 1);
    for (uint32_t i = 0; i < CROWD; i++)
        happens(w, (struct core_event){.type = CORE_GONE, .conn = {i, 1}, .close_code = 1000});
    assert_int_equal(stats(w)->rooms, CROWD);
    for (uint64_t left = CROWD; left > 0; left = stats(w)->rooms) {
        ticks(w);
        assert_in_range(left - stats(w)->rooms, 1, BATCH);
        assert_int_equal(more_is_due(w), stats(w)->rooms > 0);
    }
    end(w);
    free(w);
}

/* ---- what others wait for ---- */

static void servers(void *ctx, struct conn_id conn, struct span peer_id, uint64_t unix_seconds, struct buf *out)
{
    (void)ctx;
    (void)conn;
    (void)peer_id;
    (void)unix_seconds;
    buf_text(out, "[]");
}

static void test_credentials_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = no_limits();
    set.ports.ice_servers = servers;
    set.ice_refresh_ms = TIMEOUT_MS;
    begin(w, set);
    all_come(w, ROOM);
    size_t told = 0;
    while (told < CROWD) {
        do
            ticks(w);
        while (told == 0 && w->sent == 0); /* the wall clock is looked at before it is time, in case it was set */
        assert_in_range(w->sent, 1, BATCH);
        told += w->sent;
        assert_int_equal(more_is_due(w), told < CROWD);
    }
    end(w);
    free(w);
}

static void test_many_wait_for_the_disk(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = rest_settings();
    begin(w, set);
    for (uint32_t i = 0; i < CROWD; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"name\":\"r%u\"}", i);
        const struct core_request r = {.type = REQUEST_CREATE, .body = span_of(body)};
        happens_to(w, i, CORE_OPEN);
        happens(w, (struct core_event){.type = CORE_REQUEST, .conn = {i, 1}, .request = &r});
        assert_int_equal(w->stored, i == 0);
    }
    for (int ok = 1; ok >= 0; ok--) { /* the first waits for the first writing, all others for the second */
        size_t answered = 0, due = ok ? 1 : CROWD - 1;
        uint64_t rooms = stats(w)->rooms;
        happens(w, (struct core_event){.type = CORE_STORED, .stored = ok});
        assert_true(w->answered <= BATCH);
        answered += w->answered;
        while (answered < due) {
            assert_int_equal(w->answered, BATCH);
            assert_int_equal(w->stored, 0);
            assert_true(more_is_due(w));
            ticks(w);
            answered += w->answered;
        }
        assert_int_equal(answered, due);
        assert_int_equal(stats(w)->rooms, ok ? rooms : 1);
        while (!w->stored)
            ticks(w);
    }
    end(w);
    free(w);
}

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    struct crowd *w = ctx;
    (void)token;
    (void)unix_seconds;
    (void)claims;
    w->verified++;
    return "the token is not valid";
}

/* Each may cost the check of a signature. */
static void test_many_tokens_wait_for_their_time(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = no_limits();
    set.auth_failures = 1000;
    set.ports.verify_ctx = w;
    set.ports.verify = verify;
    begin(w, set);
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < 60; i++) {
        happens(w, (struct core_event){.type = CORE_OPEN, .conn = {i, 1}, .address = ipv4(1)});
        happens_to(w, i, CORE_READY);
        says(w, i, "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"t\"}");
        waiting += w->sent == 0;
    }
    assert_in_range(waiting, 50, 60);
    w->verified = 0;
    w->now += 60000;
    for (uint64_t looked = 0; looked < waiting; looked = w->verified) {
        ticks(w);
        assert_in_range(w->verified - looked, 1, VERIFIED_MAX);
        assert_int_equal(more_is_due(w), w->verified < waiting);
    }
    end(w);
    free(w);
}

/* ---- what is forgotten ---- */

static void test_ends_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    char text[RESUME_TOKEN_MAX + 64];
    begin(w, with_seats());
    all_come(w, ROOM);
    core_free(w->core);
    w->core = core_new(&w->settings, &w->rng);
    for (uint32_t i = 0; i < CROWD; i++) {
        happens_to(w, i, CORE_OPEN);
        happens_to(w, i, CORE_READY);
        snprintf(text, sizeof text, "{\"type\":\"resume\",\"resumeToken\":\"%s\"}", w->token[i].text);
        says(w, i, text);
        says(w, i, "{\"type\":\"leave-room\"}");
    }
    assert_int_equal(stats(w)->resumed_total, CROWD);
    uint64_t all = 0;
    while (all < CROWD) {
        ticks(w);
        assert_in_range(w->freed, 1, FREED_EACH + 2);
        all += w->freed;
    }
    assert_int_equal(w->deadline, UINT64_MAX);
    happens_to(w, 0, CORE_GONE);
    happens_to(w, 0, CORE_OPEN);
    end(w);
    free(w);
}

static void test_addresses_of_all(void **state)
{
    (void)state;
    struct crowd *w = calloc(1, sizeof *w);
    struct core_settings set = no_limits();
    set.max_connections_per_address = 1;
    begin(w, set);
    for (uint32_t i = 0; i < CROWD; i++) {
        struct core_event e = {.type = CORE_OPEN, .conn = {i, 1}};
        e.address = (struct address){{0x20, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        happens(w, e);
        happens_to(w, i, CORE_GONE);
    }
    uint64_t all = 0;
    while (all < CROWD) {
        ticks(w);
        assert_in_range(w->freed, 1, FREED_EACH + 2);
        all += w->freed;
    }
    assert_int_equal(w->deadline, UINT64_MAX);
    end(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_silent),
        cmocka_unit_test(test_none_joins),
        cmocka_unit_test(test_one_room_of_all),
        cmocka_unit_test(test_all_are_owed_a_close),
        cmocka_unit_test(test_seats_of_all),
        cmocka_unit_test(test_rooms_of_all),
        cmocka_unit_test(test_credentials_of_all),
        cmocka_unit_test(test_many_wait_for_the_disk),
        cmocka_unit_test(test_many_tokens_wait_for_their_time),
        cmocka_unit_test(test_ends_of_all),
        cmocka_unit_test(test_addresses_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
