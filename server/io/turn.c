/* SPDX-License-Identifier: MIT
 *
 * One turn of the loop. Events come in one at a time and their effects are done at once, but two of them only take
 * note: what is to be written waits until all of the turn's events are in, so that each socket gets one write a turn
 * however many frames came for it, and what is to be killed waits until no callback of libwebsockets is on the stack,
 * and for its share of a turn. Meanwhile nothing is taken from it any more.
 *
 * Asking libwebsockets for a writeable callback instead costs two epoll changes and a wake-up a message. Timers of
 * libwebsockets are not used: it keeps them in one sorted list, so each costs as many steps as there are connections.
 * Ours have one length a list, so the oldest is always first.
 */
#include "server/io/greet.h"

#include <assert.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

struct core_event io_event(const struct io *io, enum core_event_type type, const struct conn *c)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    struct core_event e = {
        .type = type,
        .now = uv_now(io->loop),
        .unix_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
    };
    if (c)
        e.conn = c->id;
    return e;
}

void turn_write(struct io *io, struct conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    DL_PREPEND2(io->dirty, c, prev_dirty, next_dirty);
    io->dirty_count++;
}

static void unmark_dirty(struct io *io, struct conn *c)
{
    DL_DELETE2(io->dirty, c, prev_dirty, next_dirty);
    io->dirty_count--;
    c->dirty = false;
}

/* Off the list that it is in through prev and next. */
static void unlist(struct io *io, struct conn *c)
{
    if (!c->prev)
        return;
    if (c->doomed)
        DL_DELETE(io->doomed, c);
    else if (c->state == CONN_GREETING)
        DL_DELETE(io->greeting, c);
    else if (c->state == CONN_HANDSHAKE)
        DL_DELETE(io->handshaking, c);
    else
        DL_DELETE(io->closing, c);
    c->prev = c->next = NULL;
}

void turn_leave(struct io *io, struct conn *c)
{
    unlist(io, c);
    if (c->dirty)
        unmark_dirty(io, c);
}

void conn_limit(struct io *io, struct conn *c, struct conn **list, uint64_t ms)
{
    assert(!c->gone);
    if (c->doomed)
        return;
    unlist(io, c);
    c->deadline = uv_now(io->loop) + ms;
    DL_APPEND(*list, c);
}

void conn_unlimit(struct io *io, struct conn *c)
{
    if (!c->doomed)
        unlist(io, c);
}

void turn_forget(struct io *io, struct conn *c)
{
    trim_freed(&io->trim, c->queue.bytes, uv_now(io->loop));
    queue_clear(&c->queue);
}

void turn_kill(struct io *io, struct conn *c)
{
    if (c->gone || c->doomed)
        return;
    unlist(io, c);
    c->doomed = true;
    DL_APPEND(io->doomed, c);
}

static bool over_queue(const struct io *io, const struct conn *c)
{
    return io->settings.max_queue > 0 && conn_waiting(c) > io->settings.max_queue;
}

/* Takes the frame. */
static void enqueue(struct io *io, struct conn *c, struct frame *f)
{
    if (!queue_push(&c->queue, f)) {
        turn_kill(io, c);
        return;
    }
    turn_write(io, c);
    if (over_queue(io, c) && !c->slow && c->state == CONN_OPEN) {
        c->slow = true;
        c->next_slow = io->slow;
        io->slow = c;
    }
}

enum {
    OPCODE_CLOSE = 0x8,
    OPCODE_PING = 0x9
};

/* RFC 6455 section 5.5: a control frame is one frame of at most 125 bytes, so its header is two. */
static struct frame *control_frame(unsigned char opcode, const void *payload, size_t n)
{
    assert(n <= CLOSE_REASON_MAX + 2);
    struct frame *f = frame_of((struct span){payload, n});
    if (f)
        f->bytes[0] = (char)(0x80 | opcode);
    return f;
}

static void send_control(struct io *io, struct conn *c, unsigned char opcode, const void *payload, size_t n)
{
    struct frame *f = control_frame(opcode, payload, n);
    if (f)
        enqueue(io, c, f);
    else
        turn_kill(io, c);
}

static void send_ping(struct io *io, struct conn *c, uint32_t number)
{
    const unsigned char payload[] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
        (unsigned char)(number >> 8), (unsigned char)number};
    send_control(io, c, OPCODE_PING, payload, sizeof payload);
}

/* Our own Close frame behind what is queued. libwebsockets' way would overtake a batch that is half written, and
 * give every closing connection one of its timers. */
static void start_close(struct io *io, struct conn *c, uint16_t code, const char *reason)
{
    bool early = c->state == CONN_GREETING || c->state == CONN_HANDSHAKE;
    if (early && !c->refused) {
        c->refused = reason;
        io->refused_count++;
    }
    if (early && (c->wsi || c->greeting))
        turn_kill(io, c);
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_CLOSING;
    conn_forget_partial(c);
    unsigned char payload[2 + CLOSE_REASON_MAX];
    size_t n = strlen(reason);
    assert(n <= CLOSE_REASON_MAX);
    payload[0] = (unsigned char)(code >> 8);
    payload[1] = (unsigned char)code;
    memcpy(payload + 2, reason, n);
    send_control(io, c, OPCODE_CLOSE, payload, n + 2);
    lws_rx_flow_control(c->wsi, 1);
    conn_limit(io, c, &io->closing, CLOSE_MS);
}

static void execute_on(struct io *io, struct conn *c, struct core_effect *fx)
{
    switch (fx->type) {
    case CORE_SEND:
        if (c->state == CONN_OPEN) {
            struct frame *f = fx->frame;
            fx->frame = NULL;
            enqueue(io, c, f);
        }
        break;
    case CORE_CLOSE:
        start_close(io, c, fx->close.code, fx->close.reason);
        break;
    case CORE_PING:
        if (c->state == CONN_OPEN)
            send_ping(io, c, fx->ping);
        break;
    case CORE_PAUSE:
    case CORE_RESUME:
        if (c->state == CONN_OPEN)
            lws_rx_flow_control(c->wsi, fx->type == CORE_RESUME);
        break;
    case CORE_RESPONSE:
        http_respond(c, fx->response.status, fx->response.body ? frame_text(fx->response.body) : (struct span){NULL, 0},
            fx->response.retry_after_ms);
        break;
    case CORE_HASH:
    case CORE_STORE:
    case CORE_DEADLINE:
    case CORE_LOG:
    case CORE_DRAINED:
        break;
    }
}

static void execute(struct io *io, struct core_effect *fx)
{
    if (fx->type == CORE_DEADLINE) {
        io->core_at = fx->at;
    } else if (fx->type == CORE_LOG) {
        logger_write(io->logger, fx->log);
    } else if (fx->type == CORE_HASH) {
        hash_password(io, fx->hash);
        fx->hash = NULL;
    } else if (fx->type == CORE_STORE) {
        work_store(io, fx->store);
        fx->store = NULL;
    } else if (fx->type == CORE_DRAINED) {
        io->drained(io->ctx);
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
    if (c->gone || c->doomed || c->state != CONN_OPEN)
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
    while (io->slow) {
        struct conn *c = io->slow;
        io->slow = c->next_slow;
        struct core_event slow = io_event(io, CORE_SLOW, c);
        c->slow = is_slow(io, c);
        if (c->slow) {
            turn_forget(io, c); /* the Close is all that it is still to read */
            step_once(io, &slow);
        }
    }
    io->stepping = false;
}

/* A shut-down socket fails libwebsockets' next read or write, so a connection with half a batch buffered ends as
 * well, without the five seconds that libwebsockets would give it to flush. Without SO_LINGER the kernel would go on
 * sending what a dead reader never reads. */
static void kill_now(struct io *io, struct conn *c)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (c->queue.count > 0 || lws_partial_buffered(c->wsi))
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(c->fd, SHUT_RDWR);
    turn_forget(io, c);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

/* A turn's share of them. libwebsockets walks over all connections that have sent no request yet, and over its table of
 * descriptors, for each that it lets go of: thousands whose time is over together would hold up everybody for seconds.
 * Those that are left wait for the next turns, which set_timer has begin at once. */
static void kill_doomed(struct io *io)
{
    uint64_t until = uv_hrtime() + KILL_NS;
    for (int n = 0; io->doomed && n < KILLS_A_TURN && (n == 0 || uv_hrtime() < until); n++) {
        struct conn *c = io->doomed;
        unlist(io, c);
        if (c->greeting)
            greet_end(io, c);
        else if (c->wsi && !c->gone)
            kill_now(io, c);
    }
}

static void write_dirty(struct io *io)
{
    while (io->dirty) {
        struct conn *c = io->dirty;
        unmark_dirty(io, c);
        if (c->wsi && !c->gone && !c->doomed && !flush(io, c))
            turn_kill(io, c);
    }
}

void turn_read(struct io *io)
{
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
    if (turn_ends)
        io->turn_began = 0;
}

/* With thousands of busy connections a turn is long enough for a socket to fall out of the processor's caches between
 * the read that concerns it and its write. Writing in between, two fifths more is relayed (bench/relay.sh, N 2000,
 * W 1); much earlier, frames for one socket would no longer gather, which is worth more. */
void turn_relieve(struct io *io)
{
    if (io->dirty_count < DIRTY_MAX)
        return;
    write_dirty(io);
    measure_relay(io, false);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void set_timer(struct io *io)
{
    uint64_t at = io->core_at;
    if (io->doomed)
        at = uv_now(io->loop);
    if (io->greeting)
        at = earlier(at, io->greeting->deadline);
    if (io->handshaking)
        at = earlier(at, io->handshaking->deadline);
    if (io->closing)
        at = earlier(at, io->closing->deadline);
    if (io->exhausted)
        at = earlier(at, io->accept_at);
    at = earlier(at, io->trim.at);
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
    if (io->doomed)
        kill_doomed(io);
    write_dirty(io);
    measure_relay(io, true);
    set_timer(io);
}

static void kill_late(struct io *io, struct conn *const *list, uint64_t now)
{
    while (*list && (*list)->deadline <= now)
        turn_kill(io, *list);
}

void turn_timer(uv_timer_t *timer)
{
    struct io *io = timer->data;
    uint64_t now = uv_now(io->loop);
    io->timer_at = UINT64_MAX;
    greet_late(io, now);
    kill_late(io, &io->handshaking, now);
    kill_late(io, &io->closing, now);
    if (io->exhausted && io->accept_at <= now)
        listen_look(io);
    if (io->core_at <= now) {
        io->core_at = UINT64_MAX;
        uint64_t held = core_stats(io->core)->held_bytes;
        struct core_event e = io_event(io, CORE_TIME, NULL);
        io_step(io, &e);
        trim_freed(&io->trim, held - core_stats(io->core)->held_bytes, now);
    }
    if (trim_due(&io->trim, now))
        trim_memory();
}
