/* SPDX-License-Identifier: MIT
 *
 * HTTP requests to the harness's core, and what it asks of io for them.
 */
#ifndef TESTS_UNIT_SERVER_CORE_REST_H
#define TESTS_UNIT_SERVER_CORE_REST_H

#include "tests/unit/server_core/harness.h"

static inline bool token_port(void *ctx, struct span room_id, uint64_t incarnation, uint8_t token[OWNER_TOKEN_BYTES])
{
    (void)ctx;
    memset(token, 0, OWNER_TOKEN_BYTES);
    memcpy(token, &incarnation, sizeof incarnation);
    token[OWNER_TOKEN_BYTES - 1] = (uint8_t)room_id.n;
    return true;
}

static inline struct core_settings rest_settings(void)
{
    struct core_settings set = no_limits();
    set.ports.owner_token = token_port;
    return set;
}

/* What the core asked io for. */
static inline const struct core_effect *took(struct harness *h, enum core_effect_type type)
{
    for (size_t k = 0; k < h->fx.n; k++)
        if (h->fx.v[k].type == type && !h->taken[k]) {
            h->taken[k] = true;
            return &h->fx.v[k];
        }
    return NULL;
}

/* From an address; all zero, as over a unix socket: no limit of addresses counts it. */
static inline void ask_from(struct harness *h, unsigned i, struct address address, struct core_request r)
{
    open_from(h, i, address);
    step(h, (struct core_event){.type = CORE_REQUEST, .conn = conn_of(h, i), .request = &r});
}

static inline void ask(struct harness *h, unsigned i, struct core_request r)
{
    ask_from(h, i, (struct address){{0}}, r);
}

static inline void post(struct harness *h, unsigned i, const char *body)
{
    ask(h, i, (struct core_request){.type = REQUEST_CREATE, .body = span_of(body)});
}

/* The answer's body is in h->text after it. */
static inline void answers(struct harness *h, unsigned i, unsigned status)
{
    const struct core_effect *e = NULL;
    for (size_t k = 0; k < h->fx.n && !e; k++)
        if (h->fx.v[k].type == CORE_RESPONSE && h->fx.v[k].conn.slot == i && !h->taken[k]) {
            h->taken[k] = true;
            e = &h->fx.v[k];
        }
    assert_non_null(e);
    assert_int_equal(e->response.status, status);
    struct span text = e->response.body ? frame_text(e->response.body) : (struct span){NULL, 0};
    snprintf(h->text, sizeof h->text, "%.*s", (int)text.n, text.n ? text.p : "");
}

/* At once; of many rooms when their lines are together. */
static inline void stores(struct harness *h)
{
    while (!took(h, CORE_STORE)) {
        quiet(h);
        assert_int_equal(h->deadline, h->now);
        wake(h, h->now);
    }
}

static inline void stored(struct harness *h, bool ok)
{
    step(h, (struct core_event){.type = CORE_STORED, .stored = ok});
}

/* Takes the CORE_HASH of the last step; the "hash" is the password, padded. */
static inline uint64_t asks_hash(struct harness *h, uint8_t hash[ROOM_HASH_BYTES])
{
    const struct core_effect *e = took(h, CORE_HASH);
    assert_non_null(e);
    memset(hash, 0, ROOM_HASH_BYTES);
    memcpy(hash, e->hash->password, e->hash->password_n);
    return e->hash->job;
}

static inline void hashed(struct harness *h, uint64_t job, const uint8_t *hash)
{
    step(h, (struct core_event){.type = CORE_HASHED, .hashed = {job, hash}});
}

static inline void owner_of(const struct harness *h, char token[64])
{
    const char *at = strstr(h->text, "\"ownerToken\":\"");
    assert_non_null(at);
    snprintf(token, 64, "%.52s", at + 14);
}

/* Makes the room through slot 7, all the way. */
static inline void made(struct harness *h, const char *body, char token[64])
{
    uint8_t hash[ROOM_HASH_BYTES];
    post(h, 7, body);
    if (strstr(body, "password")) {
        uint64_t job = asks_hash(h, hash);
        hashed(h, job, hash);
    }
    stores(h);
    quiet(h);
    stored(h, true);
    answers(h, 7, 201);
    owner_of(h, token);
    gone(h, 7, 0);
}

#endif
