/* SPDX-License-Identifier: MIT
 *
 * A server core on a clock that the test moves, with eight clients at most. A step's effects are kept until the next;
 * the test takes those that it expects, one by one for each connection in order, and quiet() asserts that nothing is
 * left (a deadline is always welcome: tests look at h->deadline). Invariants are checked after every step.
 */
#ifndef TESTS_UNIT_SERVER_CORE_HARNESS_H
#define TESTS_UNIT_SERVER_CORE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "server/core/core.h"

enum {
    CLIENTS = 8, /* that most tests have; a test may have so many: */
    SLOTS = 40
};

struct harness {
    struct core *core;
    struct core_settings settings;
    struct rng_seeded seed;
    struct rng rng;
    struct core_effects fx;
    bool *taken; /* of fx.v */
    uint64_t now, deadline;
    uint64_t unix_ms; /* the wall clock, which the tests set */
    uint32_t generation[SLOTS];
    uint32_t ping;                   /* the number of the last one that was taken */
    char id[SLOTS][PEER_ID_MAX + 1]; /* told in welcome */
    char text[8192];
};

/* All limits off; a test sets the one that it is about. */
static inline struct core_settings no_limits(void)
{
    return (struct core_settings){.node = "n1", .server_name = "usherd/test", .auto_create = true};
}

static inline void start(struct harness *h, struct core_settings settings)
{
    *h = (struct harness){.settings = settings, .now = 5000, .deadline = UINT64_MAX};
    rng_seeded_init(&h->seed, 7);
    h->rng = rng_seeded_port(&h->seed);
    h->core = core_new(&h->settings, &h->rng);
    assert_non_null(h->core);
}

static inline void stop(struct harness *h)
{
    core_free(h->core);
    core_effects_done(&h->fx);
    free(h->taken);
}

static inline void step(struct harness *h, struct core_event e)
{
    core_effects_clear(&h->fx);
    e.now = h->now;
    e.unix_ms = h->unix_ms;
    core_step(h->core, &e, &h->fx);
    h->deadline = core_deadline(h->core);
    core_check(h->core);
    h->taken = realloc(h->taken, h->fx.cap * sizeof(bool) + 1);
    memset(h->taken, 0, h->fx.n);
}

static inline struct conn_id conn_of(const struct harness *h, unsigned i)
{
    return (struct conn_id){i, h->generation[i]};
}

static inline void happen(struct harness *h, unsigned i, enum core_event_type type)
{
    struct core_event e = {.type = type, .conn = conn_of(h, i)};
    if (type == CORE_READY)
        e.dialect = &dialect_native;
    step(h, e);
}

/* ---- what the core did ---- */

/* The first effect not taken yet that is for the client, of any type but CORE_LOG. NULL if there is none. */
static inline const struct core_effect *take(struct harness *h, unsigned i)
{
    for (size_t k = 0; k < h->fx.n; k++) {
        const struct core_effect *e = &h->fx.v[k];
        bool his = e->type != CORE_LOG && e->type != CORE_DRAINED && e->conn.slot == i &&
                   e->conn.generation == h->generation[i];
        if (h->taken[k] || !his)
            continue;
        h->taken[k] = true;
        return e;
    }
    return NULL;
}

/* The next message to the client, as text; "" if the next effect for it is another or there is none. */
static inline const char *heard(struct harness *h, unsigned i)
{
    const struct core_effect *e = take(h, i);
    h->text[0] = '\0';
    if (e && e->type == CORE_SEND) {
        struct span text = frame_text(e->frame);
        assert_true(text.n < sizeof h->text);
        memcpy(h->text, text.p, text.n);
        h->text[text.n] = '\0';
    }
    return h->text;
}

__attribute__((format(printf, 3, 4))) static inline void hears(struct harness *h, unsigned i, const char *format, ...)
{
    char expected[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    assert_string_equal(heard(h, i), expected);
}

/* The next message is an error of this code and fatality; its other members are the caller's to look at in h->text. */
static inline void hears_error(struct harness *h, unsigned i, enum error e, bool fatal)
{
    char code[64];
    snprintf(code, sizeof code, "\"code\":\"%s\"", error_code(e));
    assert_non_null(strstr(heard(h, i), "{\"type\":\"error\""));
    assert_non_null(strstr(h->text, code));
    assert_non_null(strstr(h->text, fatal ? "\"fatal\":true}" : "\"fatal\":false}"));
}

static inline void closes(struct harness *h, unsigned i, uint16_t code, const char *reason)
{
    const struct core_effect *e = take(h, i);
    assert_non_null(e);
    assert_int_equal(e->type, CORE_CLOSE);
    assert_int_equal(e->close.code, code);
    assert_string_equal(e->close.reason, reason);
}

static inline void does(struct harness *h, unsigned i, enum core_effect_type type)
{
    const struct core_effect *e = take(h, i);
    assert_non_null(e);
    assert_int_equal(e->type, type);
}

static inline void pings(struct harness *h, unsigned i)
{
    const struct core_effect *e = take(h, i);
    assert_non_null(e);
    assert_int_equal(e->type, CORE_PING);
    assert_int_not_equal(e->ping, 0);
    assert_int_not_equal(e->ping, h->ping);
    h->ping = e->ping;
}

/* The first log record not taken yet; NULL if there is none. */
static inline const struct log_record *logged(struct harness *h)
{
    for (size_t k = 0; k < h->fx.n; k++)
        if (h->fx.v[k].type == CORE_LOG && !h->taken[k]) {
            h->taken[k] = true;
            return h->fx.v[k].log;
        }
    return NULL;
}

static inline void skip_log(struct harness *h)
{
    while (logged(h))
        ;
}

static inline bool drained(struct harness *h)
{
    for (size_t k = 0; k < h->fx.n; k++)
        if (h->fx.v[k].type == CORE_DRAINED && !h->taken[k])
            return h->taken[k] = true;
    return false;
}

static inline void quiet(struct harness *h)
{
    for (size_t k = 0; k < h->fx.n; k++)
        if (!h->taken[k])
            fail_msg("effect %d for connection %u was not expected", h->fx.v[k].type, h->fx.v[k].conn.slot);
}

/* ---- what clients do ---- */

static inline void open_from(struct harness *h, unsigned i, struct address address)
{
    h->generation[i]++;
    step(h, (struct core_event){.type = CORE_OPEN, .conn = conn_of(h, i), .address = address});
}

static inline void ready(struct harness *h, unsigned i)
{
    happen(h, i, CORE_READY);
    static const char BEFORE[] = "{\"type\":\"welcome\",\"peerId\":\"";
    assert_memory_equal(heard(h, i), BEFORE, sizeof BEFORE - 1);
    const char *id = h->text + sizeof BEFORE - 1;
    snprintf(h->id[i], sizeof h->id[i], "%.*s", (int)strcspn(id, "\""), id);
}

/* Connected and welcomed, over a unix socket: no per-address limit counts it. */
static inline void enter(struct harness *h, unsigned i)
{
    open_from(h, i, (struct address){{0}});
    quiet(h);
    ready(h, i);
    quiet(h);
}

static inline void say(struct harness *h, unsigned i, const char *text)
{
    step(h, (struct core_event){.type = CORE_FRAME, .conn = conn_of(h, i), .bytes = span_of(text)});
}

static inline void join(struct harness *h, unsigned i, const char *room)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"%s\"}", room);
    say(h, i, text);
}

/* Connected and in the room; the others' peer-joined is left for the test, which seldom cares. */
static inline void enter_room(struct harness *h, unsigned i, const char *room)
{
    enter(h, i);
    join(h, i, room);
    assert_non_null(strstr(heard(h, i), "{\"type\":\"peers\""));
}

static inline void signal_to(struct harness *h, unsigned i, const char *to)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", to);
    say(h, i, text);
}

static inline void pong(struct harness *h, unsigned i, uint32_t number)
{
    step(h, (struct core_event){.type = CORE_PONG, .conn = conn_of(h, i), .pong = number});
}

static inline void gone(struct harness *h, unsigned i, uint16_t code)
{
    step(h, (struct core_event){.type = CORE_GONE, .conn = conn_of(h, i), .close_code = code});
}

/* CORE_TIME at `now`. */
static inline void wake(struct harness *h, uint64_t now)
{
    h->now = now;
    step(h, (struct core_event){.type = CORE_TIME});
}

static inline struct address ipv4(uint8_t last)
{
    return (struct address){{[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = last}};
}

#endif
