/* SPDX-License-Identifier: MIT
 *
 * One turn of the loop. Events come in one at a time and their effects are done at once, but two of them only take
 * note: what is to be written waits until all of the turn's events are in, so that each socket gets one write a turn
 * however many frames came for it, and what is to be ended waits until nothing on the stack holds it.
 *
 * A turn is bounded. Messages of WebSockets are handled as they come, a small read of each; all else has a share of the
 * turn, by the clock, since what a connection costs depends on its client: accepting, the ready queue (ready.h), and
 * ends. What is left has its next turn at once.
 *
 * Who is late is judged when the sockets have been read, never by the timer itself. uv runs its timers first: after a
 * freeze (SIGSTOP, a suspended machine) every deadline has passed while the answers lie in the sockets.
 */
#include "server/io/transport.h"

#include <assert.h>
#include <time.h>

#include "server/io/bus.h"
#include "server/io/framing.h"
#include "server/io/http.h"
#include "server/io/polling.h"
#include "server/io/proxy_protocol.h"
#include "server/io/ready.h"

/* The wall clock, read once for each time that the loop's clock shows: a turn brings hundreds of events. */
static uint64_t unix_ms(struct io *io)
{
    struct timespec wall;
    if (io->unix_at != uv_now(io->loop) || io->unix_ms == 0) {
        clock_gettime(CLOCK_REALTIME_COARSE, &wall);
        io->unix_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
        io->unix_at = uv_now(io->loop);
    }
    return io->unix_ms;
}

struct core_event io_event(struct io *io, enum core_event_type type, const struct conn *c)
{
    struct core_event e = {.type = type, .now = uv_now(io->loop), .unix_ms = unix_ms(io)};
    if (c)
        e.conn = c->id;
    return e;
}

/* ---- notes for the end of the turn ---- */

void turn_write(struct io *io, struct conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->dirty_next = io->dirty;
    io->dirty = c->id.slot;
    io->dirty_count++;
}

void turn_kill(struct io *io, struct conn *c)
{
    if (c->doomed)
        return;
    conn_unlimit(&io->conns, c);
    ready_remove(io, c);
    c->doomed = true;
    c->doomed_next = io->doomed;
    io->doomed = c->id.slot;
}

void turn_limit(struct io *io, struct conn *c, enum conn_limit limit)
{
    static const uint64_t MS[CONN_LIMITS] = {
        [LIMIT_PROXY] = PROXY_MS,
        [LIMIT_HANDSHAKE] = HANDSHAKE_MS,
        [LIMIT_ANSWER] = ANSWER_MS,
        [LIMIT_REST] = REST_MS,
        [LIMIT_CLOSE] = CLOSE_MS,
        [LIMIT_POLL] = POLL_MS,
        [LIMIT_FAREWELL] = FAREWELL_MS,
    };
    if (!c->doomed)
        conn_limit(&io->conns, c, limit, uv_now(io->loop) + MS[limit]);
}

bool turn_rest(struct io *io, struct conn *c)
{
    if (c->state != CONN_OPEN || c->left)
        return false;
    if (c->limit == LIMIT_NONE)
        turn_limit(io, c, LIMIT_REST);
    return true;
}

static void forget(struct io *io, struct conn *c)
{
    size_t waited = queue_bytes(c->queue);
    queue_cut(&c->queue);
    malloc_trim_freed(&io->trim, waited - queue_bytes(c->queue), uv_now(io->loop));
}

void turn_linger(struct io *io, struct conn *c)
{
    conn_forget(c);
    c->state = CONN_LINGER;
    c->thrown = 0;
    turn_limit(io, c, LIMIT_CLOSE);
    transport_of(c)->shut(io, c);
    transport_of(c)->read(io, c, true);
}

static bool over_queue(const struct io *io, const struct conn *c)
{
    return io->settings.max_queue > 0 && conn_waiting(c) > io->settings.max_queue;
}

void turn_queue(struct io *io, struct conn *c, struct frame *f)
{
    if (c->doomed || c->deaf) {
        frame_unref(f);
        return;
    }
    if (!f || !queue_push(&c->queue, f)) {
        turn_kill(io, c);
        return;
    }
    turn_write(io, c);
    if (over_queue(io, c) && !c->slow && c->state == CONN_OPEN) {
        c->slow = true;
        c->slow_next = io->slow;
        io->slow = c->id.slot;
    }
}

/* A backlog shrinks. */
void turn_writeable(struct io *io, struct conn *c)
{
    size_t before = conn_waiting(c);
    if (!flush(io, c))
        turn_kill(io, c);
    size_t now = conn_waiting(c); /* more, if a rest of a frame that counts whole was handed on */
    malloc_trim_freed(&io->trim, before > now ? before - now : 0, uv_now(io->loop));
}

/* A running idle handle is all that uv needs to not wait. */
static void nothing(uv_idle_t *idle)
{
    (void)idle;
}

void turn_again(struct io *io)
{
    uv_idle_start(&io->idle, nothing);
}

/* ---- effects ---- */

/* During a drain, of a connection that was let in a moment ago: its request may be under way, and be the poll of a session
 * that is told of the drain. That is served, whatever else it asks is refused. Where no session waits for a poll, nobody is
 * waited for. */
static bool polls_may_come(const struct io *io)
{
    return io->settings.socketio && (conn_first(&io->conns, LIMIT_POLL) || conn_first(&io->conns, LIMIT_FAREWELL));
}

static bool may_have_asked(const struct io *io, const struct conn *c)
{
    bool unheard = c->limit == LIMIT_HANDSHAKE && c->state != CONN_PROXY;
    bool young = c->deadline > uv_now(io->loop) + HANDSHAKE_MS - FAREWELL_MS;
    return core_draining(io->core) && unheard && young && polls_may_come(io);
}

/* The core closes a connection that speaks no WebSocket yet: it is refused. One that is only now being accepted is let
 * in to hear so; one whose answer is on its way gets that. */
static void refuse(struct io *io, struct conn *c, const char *reason)
{
    if (!c->refused) {
        c->refused = reason;
        c->uncounted = !c->taken;
        io->refused_count += c->uncounted;
    }
    bool answering = c->state == CONN_ANSWER || c->state == CONN_LINGER;
    if (may_have_asked(io, c))
        turn_limit(io, c, LIMIT_FAREWELL);
    else if (c->state == CONN_PROXY || (c->taken && !answering))
        turn_kill(io, c);
}

static void execute_on(struct io *io, struct conn *c, struct core_effect *fx)
{
    bool open = c->state == CONN_OPEN;
    switch (fx->type) {
    case CORE_SEND:
        if (open) {
            turn_queue(io, c, fx->frame);
            fx->frame = NULL;
        }
        break;
    case CORE_CLOSE:
        if (open)
            framing_of(io, c)->close(io, c, fx->close.code, fx->close.reason);
        else if (c->state != CONN_CLOSING)
            refuse(io, c, fx->close.reason);
        break;
    case CORE_PING:
        if (open)
            framing_of(io, c)->ping(io, c, fx->ping);
        break;
    case CORE_PAUSE:
    case CORE_RESUME:
        if (open)
            transport_of(c)->read(io, c, fx->type == CORE_RESUME);
        break;
    case CORE_AGAIN:
        io->put_off = true;
        break;
    case CORE_RESPONSE:
        http_respond(io, c, fx->response.status, fx->response.body, fx->response.retry_after_ms);
        fx->response.body = NULL;
        break;
    case CORE_HASH:
    case CORE_STORE:
    case CORE_WEBHOOK:
    case CORE_BUS:
    case CORE_LOG:
    case CORE_DRAINED:
        break;
    }
}

static void drain_webhooks(struct io *io)
{
    webhooks_drain(io->webhooks, io->webhooks_until, io->drained, io->ctx);
}

static void execute(struct io *io, struct core_effect *fx)
{
    if (fx->type == CORE_LOG) {
        logger_write(io->logger, fx->log);
    } else if (fx->type == CORE_HASH) {
        hash_password(io, fx->hash);
        fx->hash = NULL;
    } else if (fx->type == CORE_STORE) {
        work_store(io, fx->store);
        fx->store = NULL;
    } else if (fx->type == CORE_WEBHOOK) {
        webhooks_put(io->webhooks, fx->webhook);
        fx->webhook = NULL;
    } else if (fx->type == CORE_BUS) {
        bus_put(io, fx->bus);
        fx->bus = NULL;
    } else if (fx->type == CORE_DRAINED) {
        bus_drain(io, drain_webhooks);
    } else {
        struct conn *c = conn_find(&io->conns, fx->conn);
        if (c)
            execute_on(io, c, fx);
    }
}

static void step_once(struct io *io, struct core_event *event)
{
    core_step(io->core, event, &io->effects);
    for (size_t i = 0; i < io->effects.n; i++)
        execute(io, &io->effects.v[i]);
    core_effects_clear(&io->effects);
}

/* A room that talks to one member at once brings more than max_queue in one turn, before anything was written, and
 * that member may be reading well. So the socket gets what it takes before anybody is called slow. */
static bool is_slow(struct io *io, struct conn *c)
{
    if (c->doomed || c->state != CONN_OPEN)
        return false;
    if (!flush(io, c))
        turn_kill(io, c);
    return !c->doomed && over_queue(io, c);
}

void io_step(struct io *io, struct core_event *event)
{
    assert(!io->stepping);
    io->stepping = true;
    step_once(io, event);
    while (io->slow != CONN_NONE) {
        struct conn *c = conn_at(&io->conns, io->slow);
        io->slow = c->slow_next;
        struct core_event slow = io_event(io, CORE_SLOW, c);
        c->slow = is_slow(io, c);
        if (c->slow) {
            forget(io, c); /* the Close is all that it is still to read */
            step_once(io, &slow);
        }
    }
    io->stepping = false;
}

/* ---- the end of the turn ---- */

static void tell_gone(struct io *io, const struct conn *c)
{
    if (io->freeing)
        return;
    struct core_event e = io_event(io, CORE_GONE, c);
    e.close_code = ws_close_code(c);
    io_step(io, &e);
}

static size_t worth(const struct conn *c)
{
    return c->secure && c->state != CONN_PROXY && c->state != CONN_TLS ? TRIM_SECURE : TRIM_CONNECTION;
}

static void end(struct io *io, struct conn *c)
{
    malloc_trim_freed(&io->trim, queue_bytes(c->queue), uv_now(io->loop));
    transport_of(c)->close(io, c);
    polling_request_gone(io, c);
    tell_gone(io, c);
    io->refused_count -= c->uncounted;
    malloc_trim_freed(&io->trim, worth(c), uv_now(io->loop));
    c->doomed = c->slow = false;
    hosts_drop(&io->hosts, c->host);
    c->host = HOST_NONE;
    conn_release(&io->conns, c);
    if (io->exhausted && !io->freeing)
        listen_resume(io);
}

void turn_write_all(struct io *io)
{
    io->reads_count = 0;
    while (io->dirty != CONN_NONE) {
        struct conn *c = conn_at(&io->conns, io->dirty);
        io->dirty = c->dirty_next;
        io->dirty_count--;
        c->dirty = false;
        if (!c->doomed && !flush(io, c))
            turn_kill(io, c);
    }
}

uint64_t turn_share(void)
{
    return uv_hrtime() + SHARE_US * 1000;
}

bool turn_share_is_over(uint64_t end)
{
    return uv_hrtime() >= end;
}

/* What is written may end connections, and what ends may bring others something to write. */
static void settle(struct io *io)
{
    turn_write_all(io);
    for (uint64_t end_at = turn_share(); io->doomed != CONN_NONE;) {
        struct conn *c = conn_at(&io->conns, io->doomed);
        io->doomed = c->doomed_next;
        end(io, c);
        if (io->dirty_count >= DIRTY_MAX)
            turn_write_all(io);
        if (turn_share_is_over(end_at))
            break;
    }
    turn_write_all(io);
}

void turn_read(struct io *io)
{
    io->reads_count++;
    if (io->turn_began == 0)
        io->turn_began = uv_hrtime();
}

/* All that was relayed since the last write waited at most since `turn_began`: two looks at the clock for a turn, none
 * for a message. What a socket did not take waits longer; that shows in the queues. */
static void measure_relay(struct io *io, bool turn_ends)
{
    uint64_t relayed = core_stats(io->core)->relayed_total, n = relayed - io->relayed_seen;
    if (n > 0 && io->turn_began != 0) {
        uint64_t now = uv_hrtime();
        histogram_add(&io->stats.relay, &METRICS_RELAY_BOUNDS, (now - io->turn_began) / 1000, n);
        io->turn_began = now;
    }
    io->relayed_seen = relayed;
    if (turn_ends) {
        io->turn_began = 0;
        io->relayed_before = relayed;
    }
}

/* A turn is long enough for a socket to fall out of the processor's caches between the read that concerns it and its
 * write, so writing soon is worth more than frames that gather. But frames do gather where many members write to one (few
 * are dirty), or one writes to all of a room (few were read): docs/decisions/0002-relay-hot-path.md has the figures. */
void turn_relieve(struct io *io)
{
    if (io->dirty_count < DIRTY_MAX || io->reads_count < READS_MAX)
        return;
    turn_write_all(io);
    measure_relay(io, false);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A deadline that moved away stays as it is: the core is woken for nothing, which costs less than a timer set each turn. */
static void set_timer(struct io *io)
{
    io->core_at = earlier(io->core_at, core_deadline(io->core));
    uint64_t at = earlier(io->core_at, io->trim.at);
    for (enum conn_limit l = LIMIT_NONE + 1; l < CONN_LIMITS; l++) {
        const struct conn *first = conn_first(&io->conns, l);
        at = first ? earlier(at, first->deadline) : at;
    }
    if (io->exhausted)
        at = earlier(at, io->accept_at);
    if (at == io->timer_at)
        return;
    io->timer_at = at;
    uint64_t now = uv_now(io->loop);
    if (at == UINT64_MAX)
        uv_timer_stop(&io->timer);
    else
        uv_timer_start(&io->timer, turn_timer, at > now ? at - now : 0, 0);
}

void turn_end(uv_prepare_t *prepare)
{
    struct io *io = prepare->data;
    settle(io);
    bus_flush(io);
    measure_relay(io, true);
    set_timer(io);
    io->http_now = 0;
    io->deferred = io->poller.more = false;
    if (io->doomed != CONN_NONE || io->ready_first != CONN_NONE || io->late || io->dirty != CONN_NONE)
        turn_again(io);
    else
        uv_idle_stop(&io->idle);
}

/* ---- who is late ---- */

void turn_timer(uv_timer_t *timer)
{
    struct io *io = timer->data;
    uint64_t now = uv_now(io->loop);
    bool frozen = now > io->timer_at + LATE_MS;
    io->timer_at = UINT64_MAX;
    if (!io->late)
        io->late_end = now + (frozen ? LATE_FROZEN_MS : LATE_MS);
    io->late = true;
}

static void judge_late(struct io *io, struct conn *c)
{
    if (c->limit == LIMIT_ANSWER && flush_taken(c)) {
        turn_limit(io, c, LIMIT_ANSWER);
        return;
    }
    if (c->limit == LIMIT_PROXY)
        proxy_wait_late(io, c);
    turn_kill(io, c);
}

static void kill_late(struct io *io, uint64_t now)
{
    unsigned most = LATE_A_TURN;
    for (enum conn_limit l = LIMIT_NONE + 1; l < CONN_LIMITS; l++) {
        struct conn *c;
        for (; most > 0 && (c = conn_first(&io->conns, l)) && c->deadline <= now; most--)
            judge_late(io, c);
    }
}

/* What the core keeps for those who may come. */
static uint64_t kept_bytes(const struct io *io)
{
    return core_stats(io->core)->held_bytes + core_stats(io->core)->letter_bytes;
}

static void tell_time(struct io *io, uint64_t now)
{
    uint64_t kept = kept_bytes(io);
    io->core_at = UINT64_MAX;
    struct core_event e = io_event(io, CORE_TIME, NULL);
    io_step(io, &e);
    malloc_trim_freed(&io->trim, kept - kept_bytes(io), now);
}

/* All that could be read has been; or there was time enough for it, since under full load there is always more. */
static bool have_read(const struct io *io)
{
    bool more = io->poller.more || io->ready_first != CONN_NONE || io->deferred;
    return !more || uv_now(io->loop) >= io->late_end;
}

void turn_check(uv_check_t *check)
{
    struct io *io = check->data;
    ready_serve(io);
    if (!io->late || !have_read(io))
        return;
    io->late = false;
    uint64_t now = uv_now(io->loop);
    kill_late(io, now);
    if (io->exhausted && io->accept_at <= now)
        listen_look(io);
    if (io->core_at <= now)
        tell_time(io, now);
    if (malloc_trim_due(&io->trim, now))
        malloc_trim_memory();
}
