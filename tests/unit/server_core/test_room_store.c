/* SPDX-License-Identifier: MIT
 *
 * rooms.json put together over several steps: whatever comes and goes meanwhile, it says what there was in one moment,
 * and nobody is answered by a file that his change is not in.
 */
#include "tests/unit/server_core/rest.h"

enum {
    NAMES = 40,
    BATCH = 64
};

/* ---- what a file has ---- */

struct ids {
    bool has[NAMES];
    size_t n;
};

static bool take_id(void *ctx, const struct room_terms *t)
{
    struct ids *ids = ctx;
    char id[ROOM_ID_MAX + 1];
    snprintf(id, sizeof id, "%.*s", t->id_n, t->id);
    unsigned i = (unsigned)strtoul(id + 1, NULL, 10);
    assert_true(i < NAMES && !ids->has[i]);
    assert_int_equal(t->listed, i % 3 == 0);
    ids->has[i] = true;
    ids->n++;
    return true;
}

static struct ids ids_in(const struct core_effect *store)
{
    struct ids ids = {.n = 0};
    assert_null(roomfile_read(frame_text(store->store), take_id, &ids));
    return ids;
}

static const char *admin(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)unix_seconds;
    *claims = (struct claims){.admin = true};
    return span_is(token, "admin") ? NULL : "none";
}

static void post_room(struct harness *h, unsigned slot, unsigned i)
{
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"r%u\",\"listed\":%s}", i, i % 3 == 0 ? "true" : "false");
    post(h, slot, body);
}

static void close_room(struct harness *h, unsigned slot, unsigned i, const char *token)
{
    char id[16];
    snprintf(id, sizeof id, "r%u", i);
    ask(h, slot, (struct core_request){.type = REQUEST_CLOSE, .room = span_of(id), .token = span_of(token)});
}

static void tick(struct harness *h)
{
    assert_int_equal(h->deadline, h->now);
    wake(h, h->now);
}

/* ---- by hand ---- */

static void test_a_batch_of_lines_a_step(void **state)
{
    (void)state;
    struct harness h;
    char token[64], body[64];
    start(&h, rest_settings());
    for (int i = 0; i < 3 * BATCH - 1; i++) {
        snprintf(body, sizeof body, "{\"name\":\"r%d\"}", i);
        made(&h, body, token);
    }
    post(&h, 0, "{\"name\":\"last\"}");
    assert_null(took(&h, CORE_STORE));
    tick(&h);
    assert_null(took(&h, CORE_STORE));
    tick(&h);
    assert_non_null(took(&h, CORE_STORE));
    quiet(&h);
    assert_int_equal(h.deadline, UINT64_MAX);
    stored(&h, true);
    answers(&h, 0, 201);
    stop(&h);
}

/* One that comes while the others are written is not in the file, and waits for the next. */
static void test_made_in_the_midst(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    struct core_settings set = rest_settings();
    start(&h, set);
    made(&h, "{\"name\":\"r1\"}", token);
    made(&h, "{\"name\":\"r2\"}", token);
    set.batch = 1;
    core_configure(h.core, &set);
    post_room(&h, 0, 3);
    post_room(&h, 1, 4);
    tick(&h);
    tick(&h);
    const struct core_effect *e = took(&h, CORE_STORE);
    assert_non_null(e);
    struct ids ids = ids_in(e);
    assert_true(ids.n == 3 && ids.has[1] && ids.has[2] && ids.has[3]);
    stored(&h, true);
    answers(&h, 0, 201);
    quiet(&h);
    for (int i = 0; i < 3; i++)
        tick(&h);
    ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 4 && ids.has[4]);
    stored(&h, true);
    answers(&h, 1, 201);
    quiet(&h);
    stop(&h);
}

/* One that goes before its line was written leaves it, as one does whose line was there already. */
static void test_closed_in_the_midst(void **state)
{
    (void)state;
    struct harness h;
    char token[4][64];
    struct core_settings set = rest_settings();
    start(&h, set);
    made(&h, "{\"name\":\"r1\"}", token[1]);
    made(&h, "{\"name\":\"r2\"}", token[2]);
    made(&h, "{\"name\":\"r4\"}", token[3]);
    set.batch = 1;
    core_configure(h.core, &set);
    post_room(&h, 0, 5); /* r1 is written, r2 is next */
    close_room(&h, 1, 1, token[1]);
    close_room(&h, 2, 2, token[2]);
    close_room(&h, 3, 4, token[3]);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->rooms, 1);
    tick(&h);
    struct ids ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 4 && ids.has[1] && ids.has[2] && ids.has[4] && ids.has[5]);
    stored(&h, true);
    answers(&h, 0, 201); /* and the others' rooms are on the disk still */
    ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 1 && ids.has[5]);
    quiet(&h);
    stored(&h, true);
    answers(&h, 1, 204); /* a batch is one here */
    tick(&h);
    answers(&h, 2, 204);
    tick(&h);
    answers(&h, 3, 204);
    quiet(&h);
    stop(&h);
}

/* The last room that the file was to have goes, so that nothing is left to be written but its end. */
static void test_the_last_goes_in_the_midst(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    struct core_settings set = rest_settings();
    set.ports.verify = admin;
    start(&h, set);
    made(&h, "{\"name\":\"r1\"}", token);
    set.batch = 1;
    core_configure(h.core, &set);
    post_room(&h, 0, 4); /* r1 is written, r4 is next */
    close_room(&h, 1, 4, "admin");
    quiet(&h);
    tick(&h);
    struct ids ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 2 && ids.has[1] && ids.has[4]);
    stored(&h, true);
    answers(&h, 0, 201);
    ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 1 && ids.has[1]);
    stored(&h, true);
    answers(&h, 1, 204);
    quiet(&h);
    stop(&h);
}

/* What was stored is gone with its folder: all rooms are written again, once, and nobody waits for it. */
static void test_gone_from_the_disk(void **state)
{
    (void)state;
    struct harness h;
    char token[64];
    start(&h, rest_settings());
    made(&h, "{\"name\":\"r1\"}", token);
    made(&h, "{\"name\":\"r2\"}", token);
    step(&h, (struct core_event){.type = CORE_UNSTORED});
    struct ids ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 2 && ids.has[1] && ids.has[2]);
    step(&h, (struct core_event){.type = CORE_UNSTORED}); /* while it is written */
    post_room(&h, 0, 4);
    quiet(&h);
    stored(&h, true);
    ids = ids_in(took(&h, CORE_STORE));
    assert_true(ids.n == 3 && ids.has[4]);
    stored(&h, true);
    answers(&h, 0, 201);
    quiet(&h);
    assert_int_equal(h.deadline, UINT64_MAX);
    stop(&h);
}

/* ---- by chance: each file says what there was at one moment, and that is after the moment of the one before ---- */

enum {
    CHANGES = 600
};

struct play {
    struct harness h;
    struct rng_seeded seed;
    struct rng rng;
    struct ids had[CHANGES + 1]; /* after so many changes */
    size_t changes, filed;       /* the second: of the last file */
    size_t files, mixed;         /* of those so many were begun before the last change */
    bool writing;
};

static bool same(const struct ids *a, const struct ids *b)
{
    return a->n == b->n && memcmp(a->has, b->has, sizeof a->has) == 0;
}

static void look(struct play *p)
{
    const struct core_effect *e = took(&p->h, CORE_STORE);
    if (!e)
        return;
    struct ids ids = ids_in(e);
    size_t of = p->filed + 1;
    while (of <= p->changes && !same(&p->had[of], &ids))
        of++;
    assert_true(of <= p->changes && !p->writing);
    p->mixed += of < p->changes;
    p->files++;
    p->filed = of;
    p->writing = true;
}

static void make_or_close(struct play *p)
{
    unsigned i = rng_below(&p->rng, NAMES);
    struct ids *now = &p->had[p->changes + 1];
    *now = p->had[p->changes++];
    now->has[i] = !now->has[i];
    now->n += now->has[i] ? 1 : (size_t)-1;
    if (now->has[i])
        post_room(&p->h, 0, i);
    else
        close_room(&p->h, 0, i, "admin");
    assert_int_equal(core_stats(p->h.core)->rooms, now->n);
    look(p);
    gone(&p->h, 0, 0);
    look(p);
}

static void test_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct play *p = calloc(1, sizeof *p);
        rng_seeded_init(&p->seed, seed);
        p->rng = rng_seeded_port(&p->seed);
        struct core_settings set = rest_settings();
        set.ports.verify = admin;
        set.batch = 1 + (uint32_t)(seed % 4);
        start(&p->h, set);
        while (p->changes < CHANGES) {
            uint32_t lot = rng_below(&p->rng, 10);
            if (lot < 3)
                make_or_close(p);
            else if (lot < 9)
                wake(&p->h, p->h.now);
            else if (p->writing)
                stored(&p->h, true);
            p->writing = p->writing && lot < 9;
            look(p);
        }
        for (int n = 0; n < 1000 && (p->filed < p->changes || p->h.deadline == p->h.now); n++) {
            if (p->writing)
                stored(&p->h, true);
            else
                wake(&p->h, p->h.now);
            p->writing = false;
            look(p);
        }
        assert_true(same(&p->had[p->filed], &p->had[p->changes]));
        assert_true(p->files > 10 && p->mixed > 5);
        stop(&p->h);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_of_lines_a_step),
        cmocka_unit_test(test_made_in_the_midst),
        cmocka_unit_test(test_closed_in_the_midst),
        cmocka_unit_test(test_the_last_goes_in_the_midst),
        cmocka_unit_test(test_gone_from_the_disk),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
