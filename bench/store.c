/* SPDX-License-Identifier: MIT
 *
 * What durability costs: messages of PUTS rows into the peer's store, one commit for every 1, 10 and 100 of them, as a
 * loop that is more and more busy does. FOLDER must be on the disk that is asked about (not on tmpfs).
 *
 *     store FOLDER [SECONDS]
 *     → usher batch=1 messages_per_s=900 puts_per_s=5400 commit_p50_ms=0.9 commit_p99_ms=2.1
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "peer/io/store.h"

enum {
    PUTS = 6,
    VALUE_BYTES = 600,
    COMMITS_MAX = 1 << 20
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(bool ok, const struct err *err)
{
    if (ok)
        return;
    fprintf(stderr, "store: %s\n", err->text);
    exit(1);
}

/* As a message of ours leaves its rows: some in order, some by a random id, one gone once it is acknowledged. */
static void put_message(struct store *s, unsigned number, struct span value)
{
    static const enum peer_table TABLES[PUTS] = {
        TABLE_MESSAGE, TABLE_LOG, TABLE_ID, TABLE_OUTGOING, TABLE_DELIVERY, TABLE_CLOCK};
    struct err err;
    char key[64];
    for (int i = 0; i < PUTS; i++) {
        bool ordered = TABLES[i] == TABLE_MESSAGE || TABLES[i] == TABLE_LOG;
        int n = TABLES[i] == TABLE_CLOCK ? snprintf(key, sizeof key, "room:bench/somebody")
                                         : snprintf(key, sizeof key, "%016x", ordered ? number : number * 2654435761u);
        check(store_put(s, TABLES[i], (struct span){key, (size_t)n}, value, &err), &err);
    }
    int n = snprintf(key, sizeof key, "%016x", (number - 100) * 2654435761u);
    check(store_delete(s, TABLE_OUTGOING, (struct span){key, (size_t)n}, &err), &err);
}

static void measure(struct store *s, unsigned batch, double seconds, double *took)
{
    static unsigned number;
    char value[VALUE_BYTES];
    struct err err;
    memset(value, 'v', sizeof value);
    unsigned commits = 0;
    double began = now();
    while (now() - began < seconds && commits < COMMITS_MAX) {
        for (unsigned i = 0; i < batch; i++)
            put_message(s, ++number, (struct span){value, sizeof value});
        double asked = now();
        check(store_commit(s, &err), &err);
        took[commits++] = (now() - asked) * 1e3;
    }
    double rate = commits * batch / (now() - began);
    qsort(took, commits, sizeof *took, by_size);
    printf("usher batch=%u messages_per_s=%.0f puts_per_s=%.0f commit_p50_ms=%.2f commit_p99_ms=%.2f\n", batch, rate,
        rate * PUTS, took[commits / 2], took[commits * 99 / 100]);
}

int main(int argc, char **argv)
{
    struct err err;
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    double *took = malloc(COMMITS_MAX * sizeof *took);
    struct store *s = argc > 1 && took ? store_open(argv[1], &err) : NULL;
    if (argc < 2 || !took) {
        fprintf(stderr, "usage: store FOLDER [SECONDS]\n");
        return 2;
    }
    check(s != NULL, &err);
    measure(s, 1, seconds, took);
    measure(s, 10, seconds, took);
    measure(s, 100, seconds, took);
    store_close(s);
    free(took);
    return 0;
}
