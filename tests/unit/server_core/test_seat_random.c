/* SPDX-License-Identifier: MIT
 *
 * A crowd that comes, breaks, resumes, leaves and calls at random, against a model of a few lines: who has a seat, since
 * when it is away, and what it must still be told. core_check runs after every step. A failure names its seed.
 */
#include "tests/unit/server_core/harness.h"

enum {
    SEEDS = 60,
    ACTS = 600,
    GRACE_MS = 5000,
    CALLS_MAX = 200,
};

static bool copy(void *ctx, const void *plain, size_t n, void *sealed)
{
    (void)ctx;
    memcpy(sealed, plain, n);
    memset((char *)sealed + n, 7, SEAL_EXTRA);
    return true;
}

static bool uncopy(void *ctx, const void *sealed, size_t n, void *plain)
{
    (void)ctx;
    memcpy(plain, sealed, n - SEAL_EXTRA);
    return ((const char *)sealed)[n - 1] == 7;
}

static const struct core_crypto PLAIN = {copy, uncopy, NULL};

struct person {
    bool seated, connected;
    uint64_t away_since;
    char id[PEER_ID_MAX + 1];
    char token[RESUME_TOKEN_MAX + 1];
    char room;
    unsigned owed, calls[CALLS_MAX]; /* what was sent to it while it was away */
};

struct crowd {
    struct harness h;
    struct rng rng;
    struct rng_seeded seeded;
    struct person people[CLIENTS];
    unsigned call;
};

static void member(const char *text, const char *name, char *out, size_t n)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key);
    snprintf(out, n, "%.*s", (int)strcspn(at, "\""), at);
}

static void connects(struct crowd *c, unsigned i)
{
    open_from(&c->h, i, (struct address){{0}});
    ready(&c->h, i);
    c->people[i].connected = true;
}

static void joins(struct crowd *c, unsigned i)
{
    struct person *p = &c->people[i];
    char room[2] = {(char)('a' + rng_below(&c->rng, 3)), '\0'};
    join(&c->h, i, room);
    assert_non_null(strstr(heard(&c->h, i), "\"type\":\"peers\""));
    member(c->h.text, "peerId", p->id, sizeof p->id);
    member(c->h.text, "resumeToken", p->token, sizeof p->token);
    p->seated = true;
    p->room = *room;
    p->owed = 0;
}

static void resumes(struct crowd *c, unsigned i)
{
    struct person *p = &c->people[i];
    char text[RESUME_TOKEN_MAX + 64], id[PEER_ID_MAX + 1];
    snprintf(text, sizeof text, "{\"type\":\"resume\",\"resumeToken\":\"%s\"}", p->token);
    say(&c->h, i, text);
    if (!p->seated) {
        hears_error(&c->h, i, ERROR_RESUME_FAILED, false);
        return;
    }
    assert_non_null(strstr(heard(&c->h, i), "\"type\":\"resumed\""));
    member(c->h.text, "peerId", id, sizeof id);
    assert_string_equal(id, p->id);
    member(c->h.text, "resumeToken", p->token, sizeof p->token);
    for (unsigned k = 0; k < p->owed; k++) {
        char data[32];
        snprintf(data, sizeof data, "\"data\":%u}", p->calls[k]);
        assert_non_null(strstr(heard(&c->h, i), data));
    }
    p->owed = 0;
}

static void calls(struct crowd *c, unsigned i, unsigned to)
{
    struct person *p = &c->people[i], *q = &c->people[to];
    char text[256], data[32];
    if (!*q->id)
        return;
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":%u}", q->id, ++c->call);
    snprintf(data, sizeof data, "\"data\":%u}", c->call);
    say(&c->h, i, text);
    if (!q->seated || q->room != p->room || i == to)
        hears_error(&c->h, i, ERROR_NO_SUCH_PEER, false);
    else if (q->connected)
        assert_non_null(strstr(heard(&c->h, to), data));
    else if (q->owed < CALLS_MAX)
        q->calls[q->owed++] = c->call;
}

static void breaks(struct crowd *c, unsigned i, bool meant)
{
    struct person *p = &c->people[i];
    gone(&c->h, i, meant ? 1000 : 0);
    p->connected = false;
    p->away_since = c->h.now;
    p->seated = p->seated && !meant;
}

static void time_passes(struct crowd *c)
{
    wake(&c->h, c->h.now + rng_below(&c->rng, GRACE_MS / 4));
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct person *p = &c->people[i];
        if (!p->connected && c->h.now - p->away_since >= GRACE_MS)
            p->seated = false;
    }
}

static void acts(struct crowd *c, unsigned i)
{
    struct person *p = &c->people[i];
    uint32_t lot = rng_below(&c->rng, 100);
    if (!p->connected) {
        connects(c, i);
        if (*p->token)
            resumes(c, i);
        else
            joins(c, i);
    } else if (!p->seated) {
        joins(c, i);
    } else if (lot < 55) {
        calls(c, i, rng_below(&c->rng, CLIENTS));
    } else if (lot < 85) {
        breaks(c, i, lot < 60);
    } else if (lot < 90) {
        say(&c->h, i, "{\"type\":\"leave-room\"}");
        p->seated = false;
    }
}

static void agree(const struct crowd *c)
{
    const struct core_stats *n = core_stats(c->h.core);
    uint64_t seats = 0, away = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        seats += c->people[i].seated;
        away += c->people[i].seated && !c->people[i].connected;
    }
    assert_int_equal(n->members, seats);
    assert_int_equal(n->away, away);
}

static void day(uint64_t seed)
{
    struct crowd c = {.call = 0};
    struct core_settings set = no_limits();
    set.resume_grace_ms = GRACE_MS;
    set.crypto = &PLAIN;
    start(&c.h, set);
    rng_seeded_init(&c.seeded, seed);
    c.rng = rng_seeded_port(&c.seeded);
    for (unsigned n = 0; n < ACTS; n++) {
        if (rng_below(&c.rng, 10) == 0)
            time_passes(&c);
        else
            acts(&c, rng_below(&c.rng, CLIENTS));
        agree(&c);
    }
    wake(&c.h, c.h.now + GRACE_MS);
    assert_int_equal(core_stats(c.h.core)->away, 0);
    assert_int_equal(core_stats(c.h.core)->held_bytes, 0);
    assert_true(core_stats(c.h.core)->resumed_total > 5);
    stop(&c.h);
}

static void test_days(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        day(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
