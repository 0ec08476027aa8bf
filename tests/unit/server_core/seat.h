/* SPDX-License-Identifier: MIT
 *
 * Seats in the harness: a seal that is none, tokens, and a daemon that starts again.
 */
#ifndef TESTS_UNIT_SERVER_CORE_SEAT_H
#define TESTS_UNIT_SERVER_CORE_SEAT_H

#include "tests/unit/server_core/harness.h"

enum {
    GRACE_MS = 30000
};

/* A seal that can be told from nonsense, and no more. */
static inline bool fake_seal(void *ctx, const void *plain, size_t n, void *sealed)
{
    const uint8_t *key = ctx;
    uint8_t *out = sealed, sum = *key;
    for (size_t i = 0; i < n; i++) {
        out[i] = ((const uint8_t *)plain)[i] ^ *key;
        sum = (uint8_t)(sum * 31 + out[i]);
    }
    memset(out + n, sum, SEAL_EXTRA);
    return true;
}

static inline bool fake_open(void *ctx, const void *sealed, size_t n, void *plain)
{
    const uint8_t *key = ctx, *in = sealed;
    uint8_t sum = *key, *out = plain;
    for (size_t i = 0; i < n - SEAL_EXTRA; i++) {
        sum = (uint8_t)(sum * 31 + in[i]);
        out[i] = in[i] ^ *key;
    }
    return in[n - 1] == sum && in[n - SEAL_EXTRA] == sum;
}

static uint8_t our_key = 0x5a, other_key = 0x17;
static const struct core_crypto OURS = {fake_seal, fake_open, &our_key};
static const struct core_crypto OTHERS = {fake_seal, fake_open, &other_key};

static inline struct core_settings with_seats(void)
{
    struct core_settings set = no_limits();
    set.resume_grace_ms = GRACE_MS;
    set.crypto = &OURS;
    return set;
}

struct token {
    char text[RESUME_TOKEN_MAX + 1];
};

/* The token of the message heard last. */
static inline struct token token_in(const struct harness *h)
{
    static const char BEFORE[] = "\"resumeToken\":\"";
    struct token t;
    const char *at = strstr(h->text, BEFORE);
    assert_non_null(at);
    at += sizeof BEFORE - 1;
    snprintf(t.text, sizeof t.text, "%.*s", (int)strcspn(at, "\""), at);
    return t;
}

static inline struct token enter_seat(struct harness *h, unsigned i, const char *room)
{
    enter_room(h, i, room);
    return token_in(h);
}

static inline void resume(struct harness *h, unsigned i, const struct token *t)
{
    char text[RESUME_TOKEN_MAX + 64];
    snprintf(
        text, sizeof text, "{\"type\":\"resume\",\"resumeToken\":\"%.*s\",\"ref\":\"r\"}", RESUME_TOKEN_MAX, t->text);
    say(h, i, text);
}

static inline struct token resumed(struct harness *h, unsigned i, unsigned whose, bool restarted, bool recovered)
{
    char before[256], after[256];
    snprintf(before, sizeof before,
        "{\"type\":\"resumed\",\"ref\":\"r\",\"roomId\":\"a\",\"peerId\":\"%s\",\"resumeToken\":\"", h->id[whose]);
    snprintf(after, sizeof after, "\",\"restarted\":%s,\"recovered\":%s,\"resumeGrace\":%d,\"peers\":[",
        restarted ? "true" : "false", recovered ? "true" : "false", GRACE_MS);
    assert_memory_equal(heard(h, i), before, strlen(before));
    assert_non_null(strstr(h->text, after));
    return token_in(h);
}

static inline void fails_to_resume(struct harness *h, unsigned i, const struct token *t)
{
    resume(h, i, t);
    hears_error(h, i, ERROR_RESUME_FAILED, false);
    quiet(h);
}

/* The daemon starts again: nothing is left of it but the key. */
static inline void restart(struct harness *h)
{
    core_free(h->core);
    h->core = core_new(&h->settings, &h->rng);
    assert_non_null(h->core);
    happen(h, 0, CORE_TIME);
}

#endif
