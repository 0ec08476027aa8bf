/* SPDX-License-Identifier: MIT
 *
 * The record keeps the newest messages: when it is full, the oldest rows go with the ids that lead to them.
 */
#include "tests/unit/peer/forge.h"

enum {
    FULL = 100000, /* LOG_MAX */
    OLD = 40
};

static void put(struct memory_store *s, enum peer_table table, const char *key, const char *value)
{
    memory_store_effect(
        s, &(struct peer_effect){.type = PEER_FX_PUT, .put = {table, (char *)key, {(char *)value, strlen(value)}}});
}

struct counted {
    size_t log, id;
};

static void count_row(void *user, enum peer_table table, const struct peer_row *row)
{
    struct counted *n = user;
    (void)row;
    n->log += table == TABLE_LOG;
    n->id += table == TABLE_ID;
}

static struct counted rows_of(const struct node *n)
{
    struct counted counted = {0};
    memory_store_each(n->store, true, count_row, &counted);
    return counted;
}

static void test_the_oldest_go(void **state)
{
    (void)state;
    struct world *w = world_up(2); /* of what nobody reads there is no record */
    struct memory_store *s = w->nodes[0].store;
    feed(w, 0, (struct peer_event){.type = PEER_LEAVE});
    run(w);
    for (int i = 1; i <= OLD; i++) {
        char order[17], id[32], row[128];
        snprintf(order, sizeof order, "%016x", i);
        snprintf(id, sizeof id, "old%d", i);
        snprintf(row, sizeof row, "{\"id\":\"%s\",\"from\":\"x\"}", id);
        put(s, TABLE_LOG, order, row);
        put(s, TABLE_ID, id, order);
    }
    char last[17];
    snprintf(last, sizeof last, "%016x", FULL);
    put(s, TABLE_CLOCK, "log", last);
    memory_store_close(s);
    node_boot(w, 0);
    start(w, 0);
    run(w);
    for (int i = 0; i < 32; i++)
        send_ref(w, 0, NULL, 0, "one more", "");
    run(w);
    struct counted n = rows_of(&w->nodes[0]);
    assert_int_equal(peer_stats(w->nodes[0].p)->sent_total, 32);
    assert_int_equal(n.log, OLD);
    assert_int_equal(n.id, OLD);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_oldest_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
