/* SPDX-License-Identifier: MIT
 *
 * The simulated disk must lose what a real one may lose, and nothing else: what the simulator proves rests on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/sim/disk.h"

struct bench {
    struct world *w;
    struct world_beacon *beacon;
    struct disk *disk;
    unsigned committed, loaded, failed, restored, known;
    uint64_t ticket;
    size_t rows;
    char text[256];
};

static void on_answer(void *who, struct peer_event e)
{
    struct bench *b = who;
    b->committed += e.type == PEER_COMMITTED;
    b->failed += e.type == PEER_STORE_FAILED;
    b->known += e.type == PEER_KNOWN;
    if (e.type == PEER_COMMITTED)
        b->ticket = e.committed;
    if (e.type == PEER_LOADED) {
        b->ticket = e.loaded.ticket;
        b->loaded++;
        b->rows = e.loaded.row_count;
    } else if (e.type == PEER_RESTORE) {
        b->restored++;
        size_t n = strlen(b->text);
        snprintf(b->text + n, sizeof b->text - n, "%.*s=%.*s ", (int)e.restore.row.key.n, e.restore.row.key.p,
            (int)e.restore.row.value.n, e.restore.row.value.p);
    }
}

static struct bench bench_new(uint64_t seed)
{
    struct bench b = {.beacon = calloc(1, sizeof *b.beacon)};
    b.w = world_new(&(struct world_options){.seed = seed, .replay = "test_disk", .beacon = b.beacon});
    return b;
}

static void bench_done(struct bench *b)
{
    disk_free(b->disk);
    world_free(b->w);
    free(b->beacon);
}

/* Longer than any answer takes. */
static void pass(struct bench *b)
{
    world_run(b->w, world_now(b->w) + 20);
}

/* Nothing that is asked of the disk is changed by it. */
static void put(struct disk *d, enum peer_table table, const char *key, const char *value)
{
    disk_effect(
        d, &(struct peer_effect){.type = PEER_FX_PUT, .put = {table, (char *)key, {(char *)value, strlen(value)}}});
}

static void delete (struct disk *d, enum peer_table table, const char *key)
{
    disk_effect(d, &(struct peer_effect){.type = PEER_FX_DELETE, .delete = {table, (char *)key}});
}

static void remember(struct disk *d, const char *name, const char *id)
{
    disk_effect(d, &(struct peer_effect){.type = PEER_FX_REMEMBER, .remember = {(char *)name, (char *)id}});
}

static void commit(struct disk *d, uint64_t ticket)
{
    disk_effect(d, &(struct peer_effect){.type = PEER_FX_COMMIT, .commit = {ticket}});
}

static const char *restored(struct bench *b)
{
    b->text[0] = '\0';
    disk_restore(b->disk);
    return b->text;
}

static void answers_later_and_several_at_once(void **state)
{
    (void)state;
    struct bench b = bench_new(1);
    b.disk = disk_new(b.w, on_answer, &b);
    put(b.disk, TABLE_CLOCK, "a", "1");
    commit(b.disk, 1);
    put(b.disk, TABLE_CLOCK, "b", "2");
    commit(b.disk, 2);
    assert_int_equal(b.committed, 0);
    pass(&b);
    assert_int_equal(b.committed, 1);
    assert_int_equal(b.ticket, 2);
    disk_end(b.disk, false);
    assert_string_equal(restored(&b), "a=1 b=2 ");
    bench_done(&b);
}

static void loads_what_is_not_committed(void **state)
{
    (void)state;
    struct bench b = bench_new(2);
    struct peer_effect load = {.type = PEER_FX_LOAD, .load = {7, TABLE_LOG, "b", "", 2, false}};
    b.disk = disk_new(b.w, on_answer, &b);
    put(b.disk, TABLE_LOG, "c", "3");
    put(b.disk, TABLE_LOG, "a", "1");
    put(b.disk, TABLE_LOG, "b", "2");
    put(b.disk, TABLE_LOG, "d", "4");
    disk_effect(b.disk, &load);
    delete (b.disk, TABLE_LOG, "c");
    delete (b.disk, TABLE_LOG, "never there");
    assert_int_equal(b.loaded, 0);
    pass(&b);
    assert_int_equal(b.loaded, 1);
    assert_int_equal(b.ticket, 7);
    assert_int_equal(b.rows, 2);
    bench_done(&b);
}

static void orders_and_bounds_loads(void **state)
{
    (void)state;
    struct memory_store *s = memory_store_new();
    const char *keys[] = {"b", "a/2", "c", "a/1", "a"};
    for (size_t i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof key, "%s", keys[i]);
        memory_store_effect(
            s, &(struct peer_effect){.type = PEER_FX_PUT, .put = {TABLE_CONVERSATION, key, {key, strlen(key)}}});
    }
    struct peer_effect load = {.type = PEER_FX_LOAD, .load = {1, TABLE_CONVERSATION, "a/", "b", 9, false}};
    struct memory_store_rows rows = memory_store_load(s, &load);
    assert_int_equal(rows.n, 2);
    assert_true(span_is(rows.rows[0].key, "a/1"));
    assert_true(span_is(rows.rows[1].value, "a/2"));
    memory_store_rows_free(&rows);
    load = (struct peer_effect){.type = PEER_FX_LOAD, .load = {2, TABLE_CONVERSATION, "a/1", "", 2, true}};
    rows = memory_store_load(s, &load);
    assert_int_equal(rows.n, 2);
    assert_true(span_is(rows.rows[0].key, "c"));
    assert_true(span_is(rows.rows[1].key, "b"));
    memory_store_rows_free(&rows);
    memory_store_free(s);
}

/* Three commits wait at a crash: none, one, two or all of them may survive, and never the second without the first. */
static void loses_a_suffix(void **state)
{
    (void)state;
    unsigned seen[4] = {0};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct bench b = bench_new(seed);
        b.disk = disk_new(b.w, on_answer, &b);
        put(b.disk, TABLE_REF, "k", "0");
        put(b.disk, TABLE_REF, "gone", "0");
        commit(b.disk, 1);
        pass(&b);
        for (uint64_t i = 1; i <= 3; i++) {
            put(b.disk, TABLE_REF, "k", (const char *[]){"", "1", "2", "3"}[i]);
            delete (b.disk, TABLE_REF, "gone");
            commit(b.disk, 1 + i);
        }
        put(b.disk, TABLE_REF, "never asked for", "x");
        disk_end(b.disk, false);
        pass(&b);
        assert_int_equal(b.committed, 1); /* the dead life's answer went nowhere */
        const char *text = restored(&b);
        static const char *const WANT[] = {"gone=0 k=0 ", "k=1 ", "k=2 ", "k=3 "};
        unsigned which = 0;
        while (which < 4 && strcmp(text, WANT[which]) != 0)
            which++;
        assert_true(which < 4);
        seen[which]++;
        bench_done(&b);
    }
    for (int i = 0; i < 4; i++)
        assert_true(seen[i] > 0);
}

static void keeps_all_at_an_orderly_end(void **state)
{
    (void)state;
    struct bench b = bench_new(4);
    b.disk = disk_new(b.w, on_answer, &b);
    put(b.disk, TABLE_REF, "a", "1");
    commit(b.disk, 1);
    put(b.disk, TABLE_REF, "b", "2");
    put(b.disk, TABLE_LOG, "not restored", "3");
    remember(b.disk, "ann", "old");
    remember(b.disk, "ann", "new");
    disk_end(b.disk, true);
    assert_string_equal(restored(&b), "a=1 b=2 ");
    assert_int_equal(b.known, 1);
    bench_done(&b);
}

static void fails_once_when_full(void **state)
{
    (void)state;
    struct bench b = bench_new(5);
    b.disk = disk_new(b.w, on_answer, &b);
    put(b.disk, TABLE_REF, "a", "1");
    commit(b.disk, 1);
    pass(&b);
    put(b.disk, TABLE_REF, "b", "2");
    disk_fill(b.disk, true);
    commit(b.disk, 2);
    pass(&b);
    put(b.disk, TABLE_REF, "c", "3");
    commit(b.disk, 3);
    pass(&b);
    assert_int_equal(b.failed, 1);
    assert_int_equal(b.committed, 1);
    disk_end(b.disk, true);
    disk_fill(b.disk, false);
    assert_string_equal(restored(&b), "a=1 ");
    commit(b.disk, 1);
    pass(&b);
    assert_int_equal(b.committed, 2);
    bench_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_later_and_several_at_once),
        cmocka_unit_test(loads_what_is_not_committed),
        cmocka_unit_test(orders_and_bounds_loads),
        cmocka_unit_test(loses_a_suffix),
        cmocka_unit_test(keeps_all_at_an_orderly_end),
        cmocka_unit_test(fails_once_when_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
