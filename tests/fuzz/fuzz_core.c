/* SPDX-License-Identifier: MIT
 *
 * Bytes become a history of a server: six connections that open, get ready, speak, fall silent, break and come again,
 * while time passes and deadlines are kept or missed. The first bytes choose the settings. What io promises is kept
 * (no event of a socket that was never opened, one CORE_GONE each), what clients send is anything: one of the messages
 * below with peer ids filled in, or raw bytes of the input. After each step the invariants are checked, and no effect
 * may be for a connection that is not open or was told to close.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "server/core/core.h"
#include "tests/unit/server_core/lines.h"

enum {
    SLOTS = 6,
    STEPS_MAX = 2000,
    TOKEN_TEXT = 400,
    GRACE_MS = 900,
    LONGEST_MS = 5000 /* that anything is kept for who is not there: letters (named.h) */
};

struct world {
    const uint8_t *at, *end;
    struct core *core;
    struct core_effects fx;
    uint64_t now, deadline;
    struct {
        uint32_t generation;
        bool open, closing;
        uint32_t ping; /* the last number it was pinged with */
        char id[PEER_ID_MAX + 1];
        char token[TOKEN_TEXT]; /* told last, to this connection or one that had its slot */
    } conn[SLOTS];
};

static unsigned next(struct world *w)
{
    return w->at < w->end ? *w->at++ : 0;
}

/* A seal that the fuzzer may break: what is under it can be anything, too. */
static bool seal(void *ctx, const void *plain, size_t n, void *sealed)
{
    (void)ctx;
    memcpy(sealed, plain, n);
    memset((char *)sealed + n, 0x5a, SEAL_EXTRA);
    return true;
}

static bool open_sealed(void *ctx, const void *sealed, size_t n, void *plain)
{
    (void)ctx;
    memcpy(plain, sealed, n - SEAL_EXTRA);
    return ((const uint8_t *)sealed)[n - 1] == 0x5a;
}

static const struct core_crypto CRYPTO = {seal, open_sealed, NULL};

static const char *verify(void *ctx, struct span token, uint64_t unix_seconds, struct claims *claims)
{
    (void)ctx;
    (void)unix_seconds;
    *claims = (struct claims){.room = "*", .expires = UINT64_MAX};
    return span_is(token, "good") ? NULL : "bad";
}

static void heard_token(struct world *w, const struct core_effect *e)
{
    static const char *const BEFORE[] = {"\"resumeToken\":\"", "\"token\":\"", "\"},\""};
    struct span text = frame_text(e->frame);
    const char *at = NULL, *end = NULL;
    for (size_t i = 0; i < 3 && !at; i++) {
        at = memmem(text.p, text.n, BEFORE[i], strlen(BEFORE[i]));
        at = at ? at + strlen(BEFORE[i]) : NULL;
    }
    if (at)
        end = memchr(at, '"', (size_t)(text.p + text.n - at));
    if (!end)
        return;
    snprintf(w->conn[e->conn.slot].token, TOKEN_TEXT, "%.*s", (int)(end - at), at);
}

static void heard(struct world *w, const struct core_effect *e)
{
    static const char *const WELCOMES[] = {"{\"type\":\"welcome\",\"peerId\":\"", "{\"you\":\"", "40{\"sid\":\""};
    struct span text = frame_text(e->frame);
    assert(text.n > 1 && (text.p[0] == '{' || text.p[0] == '4') && text.p[text.n - 1] != '\0');
    for (size_t i = 0, n; i < 3; i++)
        if ((n = strlen(WELCOMES[i])) < text.n && memcmp(text.p, WELCOMES[i], n) == 0)
            snprintf(w->conn[e->conn.slot].id, sizeof w->conn[0].id, "%.29s", text.p + n);
    heard_token(w, e);
}

/* Of a frame that was put off nothing has come yet; it comes again, before all else. */
static void step_again(struct world *w, struct core_event e)
{
    assert(e.type == CORE_FRAME && e.urgent && w->fx.n == 1);
    core_effects_clear(&w->fx);
    e.urgent = false;
    core_step(w->core, &e, &w->fx);
}

static void step(struct world *w, struct core_event e)
{
    e.now = w->now;
    core_step(w->core, &e, &w->fx);
    if (w->fx.n > 0 && w->fx.v[0].type == CORE_AGAIN)
        step_again(w, e);
    w->deadline = core_deadline(w->core);
    assert(w->deadline >= w->now);
    core_check(w->core);
    for (size_t i = 0; i < w->fx.n; i++) {
        const struct core_effect *f = &w->fx.v[i];
        assert(f->type != CORE_AGAIN);
        if (f->type > CORE_RESUME)
            continue;
        assert(f->conn.slot < SLOTS && w->conn[f->conn.slot].open && !w->conn[f->conn.slot].closing);
        assert(f->conn.generation == w->conn[f->conn.slot].generation);
        if (f->type == CORE_SEND)
            heard(w, f);
        else if (f->type == CORE_CLOSE)
            w->conn[f->conn.slot].closing = true;
        else if (f->type == CORE_PING)
            w->conn[f->conn.slot].ping = f->ping;
    }
    core_effects_clear(&w->fx);
}

static void speak(struct world *w, struct core_event e)
{
    static const char *const MESSAGES_KNOWN[] = {
        "{\"type\":\"join-room\",\"roomId\":\"a\",\"displayName\":\"x\",\"ref\":\"r\"}",
        "{\"type\":\"join-room\",\"roomId\":\"b\",\"metadata\":{\"k\":1}}",
        "{\"type\":\"join-room\",\"roomId\":\"c\"}",
        "{\"type\":\"leave-room\"}",
        "{\"type\":\"signal\",\"to\":\"%s\",\"data\":null}",
        "{\"type\":\"offer\",\"sdp\":\"v=0\",\"to\":\"%s\"}",
        "{\"type\":\"ping\",\"ref\":\"%s\"}",
        "{\"type\":\"resume\",\"resumeToken\":\"t\"}",
        "{\"type\":\"resume\",\"resumeToken\":\"%s\"}",
        "{\"type\":\"report\",\"peerId\":\"%s\",\"outcome\":\"turn\",\"rttMs\":3}",
        "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"good\"}",
        "{\"type\":\"join-room\",\"roomId\":\"a\",\"token\":\"bad\"}",
        "{\"join\":\"a\"}",
        "{\"say\":[1],\"to\":\"%s\"}",
        "{\"back\":\"%s\"}",
        "{\"leave\":true}",
        "{\"type\":\"subscribe\",\"topics\":[\"a\",\"b\"]}",
        "{\"type\":\"subscribe\",\"topics\":[\"c\",\"a\"]}",
        "{\"type\":\"unsubscribe\",\"topics\":[\"a\"]}",
        "{\"type\":\"unsubscribe\",\"topics\":[\"c\",\"b\"]}",
        "{\"type\":\"publish\",\"topic\":\"a\",\"data\":1}",
        "{\"type\":\"OFFER\",\"dst\":\"a\",\"payload\":1}",
        "{\"type\":\"CANDIDATE\",\"dst\":\"b\"}",
        "{\"type\":\"LEAVE\",\"dst\":\"b\"}",
        "{\"type\":\"LEAVE\"}",
        "0",
        "0{\"pid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"offset\":\"%s\"}",
        "0/chat",
        "1",
        "21[\"join-room\",{\"roomId\":\"a\",\"displayName\":\"x\"}]",
        "2[\"join-room\",{\"roomId\":\"b\",\"token\":\"bad\"}]",
        "22[\"signal\",{\"to\":\"%s\",\"data\":null}]",
        "23[\"leave-room\"]",
        "2[\"ping\"]",
        "52-4[\"hi\"]",
    };
    enum {
        KNOWN = sizeof MESSAGES_KNOWN / sizeof *MESSAGES_KNOWN
    };
    char text[512];
    unsigned which = next(w) % (KNOWN + 2);
    e.type = CORE_FRAME;
    if (which < KNOWN) {
        const char *message = MESSAGES_KNOWN[which], *hole = strstr(message, "%s");
        size_t before = hole ? (size_t)(hole - message) : strlen(message);
        unsigned whose = next(w) % SLOTS;
        const char *filling = strstr(message, "resumeToken") || strstr(message, "back") || strstr(message, "offset")
                                  ? w->conn[whose].token
                                  : w->conn[whose].id;
        snprintf(text, sizeof text, "%.*s%s%s", (int)before, message, hole ? filling : "", hole ? hole + 2 : "");
        e.bytes = span_of(text);
        e.urgent = next(w) & 1;
    } else {
        size_t n = next(w) * 4, left = (size_t)(w->end - w->at);
        n = n < left ? n : left;
        e.bytes = (struct span){(const char *)w->at, n};
        w->at += n;
    }
    step(w, e);
}

/* Two clients of one name, one of another, and one of no good name. */
static const struct client_name NAMES[] = {{{"k", 1}, {"a", 1}, {"s", 1}, NULL}, {{"k", 1}, {"a", 1}, {"t", 1}, NULL},
    {{"k", 1}, {"b", 1}, {"s", 1}, NULL}, {{"k", 1}, {"-", 1}, {"s", 1}, NULL}};

static void of_connection(struct world *w, unsigned what, unsigned slot)
{
    struct core_event e = {.conn = {slot, w->conn[slot].generation}};
    if (!w->conn[slot].open) {
        e.type = CORE_OPEN;
        e.conn.generation = ++w->conn[slot].generation;
        e.address.bytes[15] = (uint8_t)(what % 3);
        w->conn[slot].open = true;
        w->conn[slot].closing = false;
        step(w, e);
        return;
    }
    if (what % 16 == 0)
        e.conn.generation -= 1 + what / 16; /* a late event of an earlier socket */
    static const uint16_t CODES[] = {1000, 1001, 1006, 0};
    static const struct dialect *const DIALECTS[] = {
        &dialect_native, &dialect_socketio, &LINES, &dialect_ywebrtc, &dialect_peerjs};
    switch (what % 15) {
    case 0:
        e.type = CORE_GONE;
        e.close_code = CODES[what / 12 % 4];
        if (e.conn.generation == w->conn[slot].generation)
            w->conn[slot].open = false;
        step(w, e);
        break;
    case 1:
        e.type = CORE_SLOW;
        step(w, e);
        break;
    case 2:
        e.type = CORE_PONG;
        e.pong = what > 200 ? what : w->conn[slot].ping;
        step(w, e);
        break;
    case 3:
        e.type = CORE_UNREADABLE;
        e.unreadable.error = what > 200 ? ERROR_TOO_LARGE : what > 100 ? ERROR_BAD_JSON : ERROR_BAD_MESSAGE;
        step(w, e);
        break;
    case 4:
        e.type = CORE_READY;
        e.dialect = DIALECTS[what / 15 % 5];
        e.name = e.dialect == &dialect_peerjs ? &NAMES[what / 15 % 4] : NULL;
        step(w, e);
        break;
    case 5:
        e.type = CORE_CONTROL;
        step(w, e);
        break;
    case 6:
        e.type = CORE_VIOLATION;
        e.violation.code = 1002;
        e.violation.problem = "a frame breaks RFC 6455";
        step(w, e);
        break;
    case 7:
        e.type = CORE_CLOSED;
        e.close_code = CODES[what / 14 % 4];
        step(w, e);
        break;
    default:
        speak(w, e);
    }
}

static struct core_settings settings(struct world *w)
{
    unsigned a = next(w), b = next(w);
    return (struct core_settings){
        .node = "n1",
        .server_name = "usherd/fuzz",
        .ping_interval_ms = a & 1 ? 500 : 0,
        .ping_timeout_ms = a & 2 ? 300 : 0,
        .join_timeout_ms = a & 4 ? 700 : 0,
        .drain_timeout_ms = a & 8 ? 400 : 0,
        .max_connections = a & 16 ? 4 : 0,
        .max_connections_per_address = a & 32 ? 2 : 0,
        .connection_rate = a & 64 ? 2 : 0,
        .connection_burst = 3,
        .max_rooms = a & 128 ? 2 : 0,
        .max_room_members = b & 1 ? 2 : 0,
        .message_rate = b & 2 ? 5 : 0,
        .message_burst = b & 4 ? 4 : 0,
        .auto_create = !(b & 8),
        .resume_grace_ms = b & 16 ? GRACE_MS : 0,
        .crypto = &CRYPTO,
        .join_rate = b & 32 ? 1 : 0,
        .auth_failures = b & 64 ? 4 : 0,
        .batch = b & 128 ? 1 : 0,
        .ports.verify = verify,
    };
}

static void pass_time(struct world *w, unsigned what)
{
    w->now += what;
    if (what & 1 && w->deadline != UINT64_MAX && w->now < w->deadline)
        w->now = w->deadline;
    step(w, (struct core_event){.type = CORE_TIME});
}

static void play(struct world *w)
{
    for (unsigned n = 0; n < STEPS_MAX && w->at < w->end; n++) {
        unsigned what = next(w), slot = next(w);
        if (slot < 200) {
            of_connection(w, what, slot % SLOTS);
        } else if (slot < 250) {
            pass_time(w, what);
        } else if (slot < 254) {
            struct core_settings set = settings(w);
            core_configure(w->core, &set);
        } else if (what == 0) {
            step(w, (struct core_event){.type = CORE_DRAIN});
        }
    }
}

static void leave(struct world *w)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (w->conn[slot].open) {
            w->conn[slot].open = false;
            step(w, (struct core_event){.type = CORE_GONE, .conn = {slot, w->conn[slot].generation}});
        }
    w->now += LONGEST_MS;
    do
        step(w, (struct core_event){.type = CORE_TIME});
    while (w->deadline <= w->now);
    assert(core_stats(w->core)->away == 0 && core_stats(w->core)->held_bytes == 0);
    assert(core_stats(w->core)->connections == 0 && core_stats(w->core)->rooms == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.at = data, .end = data + size, .now = 1, .deadline = UINT64_MAX};
    struct rng_seeded seed;
    rng_seeded_init(&seed, 1);
    struct rng rng = rng_seeded_port(&seed);
    struct core_settings set = settings(&w);
    w.core = core_new(&set, &rng);
    assert(w.core);
    play(&w);
    leave(&w);
    core_free(w.core);
    core_effects_done(&w.fx);
    return 0;
}
