/* SPDX-License-Identifier: MIT
 *
 * Slots are the smallest free ones and their generation counts up at each reuse, as io does. Sockets of an earlier
 * life were reset or left to find out by themselves, so no callback ever names a slot of a life that ended.
 */
#include "tests/sim/daemon.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/clerk.h"
#include "tests/sim/server_oracle.h"
#include "tests/sim/ports.h"

enum {
    KERNEL_BUFFER = 128 * 1024, /* what lies in the sockets' own buffers and on the path */
    ADDRESSES = 200,            /* clients of one address share its limits */
    LATE_MAX_MS = 4,            /* how late a timer may fire */
};

struct slot {
    struct wire *wire; /* borrowed; NULL: free, or asks over HTTP: */
    daemon_answer *answer;
    void *who;
    uint64_t arg;
    uint32_t generation;
    bool slow;
};

struct daemon {
    struct world *w;
    struct core *core;
    struct core_settings settings;
    const struct dialect *dialect; /* of its clients */
    struct core_effects fx;
    struct wire_listener listener;
    struct server_oracle *server_oracle;
    struct liar liar;
    struct slot *slots;
    size_t slot_count, slot_cap;
    uint64_t deadline, alarm; /* alarm counts up at each change: an older timer is void */
    uint64_t frames;          /* every other one is urgent */
    bool drained, stepping;
    struct ports ports;
    struct core_crypto crypto;
    struct clerk clerk;
};

static void step(struct daemon *d, struct core_event event);

struct core_settings daemon_settings(void)
{
    return (struct core_settings){
        .node = "n1",
        .server_name = "usherd/sim",
        .ping_interval_ms = PING_INTERVAL_DEFAULT_MS,
        .ping_timeout_ms = PING_TIMEOUT_DEFAULT_MS,
        .join_timeout_ms = JOIN_TIMEOUT_DEFAULT_MS,
        .drain_timeout_ms = DRAIN_TIMEOUT_DEFAULT_MS,
        .max_room_members = ROOM_MEMBERS_DEFAULT,
        .connection_rate = CONNECTION_RATE_DEFAULT,
        .connection_burst = CONNECTION_BURST_DEFAULT,
        .max_frame = FRAME_MAX_DEFAULT,
        .message_rate = MESSAGE_RATE_DEFAULT,
        .message_burst = MESSAGE_BURST_DEFAULT,
        .auto_create = true,
        .resume_grace_ms = RESUME_GRACE_DEFAULT_MS,
    };
}

/* ---- what sockets bring ---- */

static struct core_event event_of(struct daemon *d, struct wire *wire, enum core_event_type type)
{
    uint32_t slot = wire_numbered(wire);
    return (struct core_event){.type = type, .conn = {slot, d->slots[slot].generation}};
}

/* The smallest free slot, of its next generation. */
static uint32_t take_slot(struct daemon *d)
{
    uint32_t slot = 0;
    while (slot < d->slot_count && (d->slots[slot].wire || d->slots[slot].answer))
        slot++;
    if (slot == d->slot_count) {
        d->slots = world_grow(d->slots, d->slot_count++, &d->slot_cap, sizeof *d->slots);
        d->slots[slot] = (struct slot){0};
    }
    d->slots[slot] = (struct slot){.generation = d->slots[slot].generation + 1};
    return slot;
}

static void open_slot(struct daemon *d, uint32_t slot)
{
    struct core_event e = {.type = CORE_OPEN, .conn = {slot, d->slots[slot].generation}};
    e.address = (struct address){{0}};
    e.address.bytes[10] = e.address.bytes[11] = 0xff;
    e.address.bytes[15] = (uint8_t)(slot % ADDRESSES + 1);
    step(d, e);
}

static void on_accept(void *who, struct wire *wire)
{
    struct daemon *d = who;
    uint32_t slot = take_slot(d);
    d->slots[slot].wire = wire;
    wire_number(wire, slot);
    open_slot(d, slot);
}

static void on_open(void *who, struct wire *wire)
{
    struct core_event e = event_of(who, wire, CORE_READY);
    e.dialect = ((struct daemon *)who)->dialect;
    step(who, e);
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct daemon *d = who;
    uint32_t max = d->settings.max_frame ? d->settings.max_frame : FRAME_MAX_CEILING;
    struct core_event e = event_of(d, wire, text.n > max ? CORE_UNREADABLE : CORE_FRAME);
    if (text.n > max)
        e.unreadable.error = ERROR_TOO_LARGE;
    else
        e.bytes = text;
    e.urgent = e.type == CORE_FRAME && d->frames++ % 2 == 0;
    step(d, e);
}

static void on_binary(void *who, struct wire *wire)
{
    struct core_event e = event_of(who, wire, CORE_UNREADABLE);
    e.unreadable.error = ERROR_BAD_MESSAGE;
    e.unreadable.problem = "binary messages are not spoken here";
    step(who, e);
}

static void on_garbage(void *who, struct wire *wire)
{
    static const uint16_t CODES[] = {1002, 1007, 1009};
    struct daemon *d = who;
    struct core_event e = event_of(d, wire, CORE_VIOLATION);
    e.violation.code = CODES[world_below(d->w, 3)];
    e.violation.problem = "this is no frame";
    step(d, e);
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    wire_pong(wire, WIRE_SERVER, number);
    step(who, event_of(who, wire, CORE_CONTROL));
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    struct core_event e = event_of(who, wire, CORE_PONG);
    e.pong = number;
    step(who, e);
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct daemon *d = who;
    struct core_event e = event_of(d, wire, CORE_GONE);
    e.close_code = code;
    d->slots[e.conn.slot].wire = NULL;
    if (code != 0) {
        struct core_event said = e;
        said.type = CORE_CLOSED;
        step(d, said);
    }
    step(d, e);
}

static const struct wire_face FACE = {on_open, on_frame, on_binary, on_garbage, on_ping, on_pong, on_closed};

/* ---- what the core wants done ---- */

static void on_alarm(void *who, uint64_t arg)
{
    struct daemon *d = who;
    if (arg != d->alarm || !d->core)
        return;
    d->deadline = UINT64_MAX;
    step(d, (struct core_event){.type = CORE_TIME});
}

/* As the real io does it: what moved away stays as it is. */
static void set_deadline(struct daemon *d, uint64_t at)
{
    if (at >= d->deadline)
        return;
    d->deadline = at;
    d->alarm++;
    uint64_t soonest = at > world_now(d->w) ? at : world_now(d->w) + 1;
    world_at(d->w, soonest + world_below(d->w, LATE_MAX_MS), on_alarm, d, d->alarm);
}

static void on_slow(void *who, uint64_t arg)
{
    struct daemon *d = who;
    struct slot *s = &d->slots[arg & UINT32_MAX];
    if (!d->core || !s->wire || s->generation != (uint32_t)(arg >> 32))
        return;
    step(d, event_of(d, s->wire, CORE_SLOW));
}

static void send_frame(struct daemon *d, struct conn_id conn, struct frame *frame)
{
    struct slot *s = &d->slots[conn.slot];
    struct span said = frame_text(frame), text = said;
    if (d->liar.lie)
        text = d->liar.lie(d->liar.ctx, conn.slot, said);
    wire_send(s->wire, WIRE_SERVER, text.p == said.p ? frame_ref(frame) : frame_of(text));
    if (s->slow || wire_backlog(s->wire, WIRE_SERVER) <= KERNEL_BUFFER + QUEUE_MAX_DEFAULT)
        return;
    s->slow = true;
    world_at(d->w, world_now(d->w), on_slow, d, (uint64_t)s->generation << 32 | conn.slot);
}

/* ---- HTTP, and what is done elsewhere ---- */

static void hang_up(void *who, uint64_t arg)
{
    struct daemon *d = who;
    struct conn_id conn = {(uint32_t)arg, (uint32_t)(arg >> 32)};
    struct slot *s = &d->slots[conn.slot];
    if (!d->core || !s->answer || s->generation != conn.generation)
        return;
    s->answer = NULL;
    step(d, (struct core_event){.type = CORE_GONE, .conn = conn});
}

static void hang_up_at(struct daemon *d, struct conn_id conn, uint32_t in_ms)
{
    world_at(d->w, world_now(d->w) + in_ms, hang_up, d, (uint64_t)conn.generation << 32 | conn.slot);
}

static void respond(struct daemon *d, const struct core_effect *e)
{
    struct slot *s = &d->slots[e->conn.slot];
    if (!s->answer || s->generation != e->conn.generation)
        return;
    struct span none = {NULL, 0};
    s->answer(s->who, s->arg, e->response.status, e->response.body ? frame_text(e->response.body) : none);
    hang_up_at(d, e->conn, 1);
}

void daemon_request(struct daemon *d, const struct core_request *request, uint32_t patience_ms, daemon_answer *answer,
    void *who, uint64_t arg)
{
    if (!d->core || !d->listener.up)
        return;
    uint32_t slot = take_slot(d);
    struct slot *s = &d->slots[slot];
    s->answer = answer;
    s->who = who;
    s->arg = arg;
    struct conn_id conn = {slot, s->generation};
    open_slot(d, slot);
    step(d, (struct core_event){.type = CORE_REQUEST, .conn = conn, .request = request});
    hang_up_at(d, conn, patience_ms);
}

static void on_hashed(void *who, uint64_t job, const uint8_t *hash)
{
    struct core_event e = {.type = CORE_HASHED};
    e.hashed.job = job;
    e.hashed.hash = hash;
    step(who, e);
}

static void on_written(void *who)
{
    struct daemon *d = who;
    server_oracle_written(d->server_oracle);
}

static void on_stored(void *who, bool stored)
{
    step(who, (struct core_event){.type = CORE_STORED, .stored = stored});
}

static const struct clerk_face CLERK = {on_hashed, on_written, on_stored};

void daemon_failing(struct daemon *d, uint32_t permille)
{
    d->clerk.failing = permille;
}

static void execute(struct daemon *d, const struct core_effect *e)
{
    struct slot *s = e->conn.slot < d->slot_count ? &d->slots[e->conn.slot] : NULL;
    bool is_open = s && s->wire && s->generation == e->conn.generation;
    switch (e->type) {
    case CORE_SEND:
        if (is_open)
            send_frame(d, e->conn, e->frame);
        break;
    case CORE_CLOSE:
        if (is_open)
            wire_close(s->wire, WIRE_SERVER, e->close.code);
        else
            hang_up_at(d, e->conn, 1);
        break;
    case CORE_PING:
        if (is_open)
            wire_ping(s->wire, WIRE_SERVER, e->ping);
        break;
    case CORE_PAUSE:
    case CORE_RESUME:
        if (is_open)
            wire_reading(s->wire, WIRE_SERVER, e->type == CORE_RESUME);
        break;
    case CORE_RESPONSE:
        respond(d, e);
        break;
    case CORE_HASH:
        clerk_hash(&d->clerk, e->hash);
        break;
    case CORE_STORE:
        clerk_store(&d->clerk, e->store);
        break;
    case CORE_LOG:
    case CORE_WEBHOOK: /* the server oracle's to judge */
    case CORE_BUS:     /* it has no cluster */
    case CORE_AGAIN:   /* done in step() */
        break;
    case CORE_DRAINED:
        d->drained = true;
    }
}

/* Is the frame put off? Then nothing has come of it so far: what else is done, from `from` on, was owed before it. */
static bool is_put_off(struct daemon *d, const struct core_event *frame, size_t from)
{
    bool again = false, answered = false;
    for (size_t i = from; i < d->fx.n; i++) {
        const struct core_effect *e = &d->fx.v[i];
        bool is_its_own = e->type < CORE_LOG && e->type != CORE_AGAIN && e->conn.slot == frame->conn.slot;
        again = again || e->type == CORE_AGAIN;
        answered = answered || e->type == CORE_SEND || is_its_own;
    }
    world_check(d->w, !again || !answered, "a frame was put off, and had an effect");
    return again;
}

static void step(struct daemon *d, struct core_event event)
{
    assert(d->core && !d->stepping);
    d->stepping = true;
    event.now = world_now(d->w);
    event.unix_ms = world_unix(d->w, d->listener.host);
    core_step(d->core, &event, &d->fx);
    if (event.urgent && is_put_off(d, &event, 0)) {
        size_t before = d->fx.n;
        event.urgent = false;
        core_step(d->core, &event, &d->fx);
        world_check(d->w, !is_put_off(d, &event, before), "a frame was put off twice");
    }
    if (world_afford(d->w, d->slot_count))
        core_check(d->core);
    if (d->dialect == &dialect_native)
        server_oracle_step(d->server_oracle, d->core, &event, &d->fx);
    d->stepping = false;
    for (size_t i = 0; i < d->fx.n; i++)
        execute(d, &d->fx.v[i]);
    core_effects_clear(&d->fx);
    set_deadline(d, core_deadline(d->core));
}

/* ---- its life ---- */

void daemon_start(struct daemon *d)
{
    assert(!d->core);
    world_trace(d->w, "daemon starts");
    d->core = core_new(&d->settings, world_rng(d->w));
    world_check(d->w, d->core, "core_new failed");
    d->deadline = UINT64_MAX;
    d->alarm++;
    d->drained = false;
    d->listener.up = true;
    server_oracle_reset(d->server_oracle);
    if (d->clerk.disk) {
        const char *problem = core_restore(d->core, frame_text(d->clerk.disk), world_now(d->w));
        world_check(d->w, !problem, "rooms.json: %s", problem);
        server_oracle_restore(d->server_oracle);
    }
    step(d, (struct core_event){.type = CORE_TIME});
}

struct daemon *daemon_new(struct world *w, const struct core_settings *settings)
{
    struct daemon *d = world_alloc(sizeof *d);
    d->w = w;
    d->settings = *settings;
    d->dialect = &dialect_native;
    d->crypto = ports_crypto(&d->ports);
    d->settings.crypto = &d->crypto;
    ports_fill(&d->ports, &d->settings.ports);
    d->ports.ice_ttl_ms = settings->ice_refresh_ms * 5 / 4;
    clerk_init(&d->clerk, w, &CLERK, d);
    d->server_oracle = server_oracle_new(w, &d->settings);
    d->listener = (struct wire_listener){.host = world_host(w), .face = &FACE, .who = d, .accept = on_accept};
    d->ports.secret = d->listener.host;
    daemon_start(d);
    return d;
}

void daemon_free(struct daemon *d)
{
    if (!d)
        return;
    core_free(d->core);
    core_effects_done(&d->fx);
    server_oracle_free(d->server_oracle);
    clerk_done(&d->clerk);
    free(d->slots);
    free(d);
}

void daemon_crash(struct daemon *d, bool mute)
{
    world_trace(d->w, "daemon %s", mute ? "is cut off and gone" : "is killed");
    for (size_t i = 0; i < d->slot_count; i++) {
        struct wire *wire = d->slots[i].wire;
        d->slots[i].answer = NULL;
        if (!wire)
            continue;
        wire_vanish(wire, WIRE_SERVER, mute);
        if (!mute)
            wire_break(wire);
        d->slots[i].wire = NULL;
    }
    core_free(d->core);
    d->core = NULL;
    d->listener.up = false;
    clerk_crash(&d->clerk);
    server_oracle_reset(d->server_oracle);
}

void daemon_drain(struct daemon *d)
{
    world_trace(d->w, "daemon drains");
    d->listener.up = false;
    step(d, (struct core_event){.type = CORE_DRAIN});
}

void daemon_speak(struct daemon *d, const struct dialect *dialect)
{
    d->dialect = dialect;
}

struct wire_listener *daemon_listener(struct daemon *d)
{
    return &d->listener;
}

unsigned daemon_host(const struct daemon *d)
{
    return d->listener.host;
}

struct server_oracle *daemon_server_oracle(struct daemon *d)
{
    return d->server_oracle;
}

void daemon_liar(struct daemon *d, struct liar liar)
{
    d->liar = liar;
}

bool daemon_is_up(const struct daemon *d)
{
    return d->core != NULL;
}

bool daemon_is_drained(const struct daemon *d)
{
    return d->drained;
}
