/* SPDX-License-Identifier: MIT
 *
 * The signaling session. The normal path: connect, welcome, join-room, peers; then signals in both directions, with a `ping`
 * when the daemon has been silent, so that a path that died without a word is noticed. Whatever ends it, the servers
 * are tried in rounds, for ever: each of them once, a second apart, and the next round after 1, 2, 4 … 30 s, all and up
 * to a quarter more by chance; a daemon that names a time (draining, rate-limited) is obeyed. Only what cannot get better
 * by waiting is fatal: a token or password that is not accepted, a room that its owner closed. Which server is next, and
 * whether a better one than ours is there, is found out in session_servers.c.
 *
 * Losing the session is not losing anybody: links, people and their roster entries stay as they are until the next list
 * of peers says who is there (roster.c). The daemon keeps our roster entry for a while, too: the first server tried
 * after a loss is the one that has it, and whichever answers is shown our token. Who refuses it is asked for a new
 * roster entry on the same connection; the token is kept then only if another server gave it, which may yet be reached.
 * A server that belongs to no cluster with the one that gave the token, and could, is not shown it.
 *
 * A move goes from a server that works to a better one, and back at once if that one does not take us, whatever it says:
 * what it was in the middle of is lost, links are not. The former socket breaks without a Close, so that the daemon keeps
 * the seat, for its cluster or for the way back; a good-bye would end links. The application is not told.
 *
 * A roster entry that somebody else took over is his: we say so, and join anew. The notice JOINED goes out each time
 * the room was entered, which a roster entry resumed is not; READY only the first time.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/link/session.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "protocol/error.h"
#include "protocol/signaling.h"

static const char *const SHOWN[SESSION_STATES_COUNT] = {
#define X(name, shown, sentence) [SESSION_##name] = shown,
    SESSION_STATES(X)
#undef X
};

#define MOVE(to) (1u << SESSION_##to)
static const unsigned LEGAL[SESSION_STATES_COUNT] = {
    [SESSION_IDLE] = MOVE(CONNECTING) | MOVE(IDLE),
    [SESSION_PAUSED] = MOVE(CONNECTING) | MOVE(IDLE),
    [SESSION_CONNECTING] = MOVE(CONNECTED) | MOVE(CONNECTING) | MOVE(PAUSED) | MOVE(IDLE),
    [SESSION_CONNECTED] = MOVE(RESUMING) | MOVE(JOINING) | MOVE(CONNECTING) | MOVE(PAUSED) | MOVE(IDLE),
    [SESSION_RESUMING] = MOVE(JOINING) | MOVE(JOINED) | MOVE(CONNECTING) | MOVE(PAUSED) | MOVE(IDLE),
    [SESSION_JOINING] = MOVE(JOINED) | MOVE(CONNECTING) | MOVE(PAUSED) | MOVE(IDLE),
    [SESSION_JOINED] = MOVE(CONNECTING) | MOVE(PAUSED) | MOVE(IDLE),
};

static void show(struct peer *p, const char *state)
{
    if (p->session.shown == state)
        return;
    p->session.shown = state;
    notice_add(p, &(struct notice){.type = NOTICE_STATE, .text = span_of(state)});
    effect_log(p, LOG_LEVEL_INFO, "session-state", "the session changed its state", "state", span_of(state));
}

static void move(struct peer *p, enum session_state to, uint64_t at)
{
    struct session *s = &p->session;
    assert(LEGAL[s->state] & (1u << to));
    s->state = to;
    s->at = at;
    s->ping_out = false;
    effect_wake(p, at);
    if (!s->moving)
        show(p, SHOWN[to]);
}

void session_show(struct peer *p)
{
    if (p->session.state != SESSION_JOINED)
        return;
    if (p->stats.links_up)
        show(p, "p2p-connected");
    else
        show(p, HASH_COUNT(p->entries) ? "discovering" : SHOWN[SESSION_JOINED]);
}

void session_init(struct peer *p)
{
    p->session.at = NEVER;
    servers_init(&p->session.servers, p->settings.servers);
}

/* To s->server, whatever there was before. */
static void connect(struct peer *p, uint64_t patience_ms)
{
    struct session *s = &p->session;
    effect_connect(p, s->server);
    p->stats.reconnects_total += s->connected_once;
    s->connected_once = true;
    s->pause_ms = 0;
    s->began = p->now;
    session_look_at(p, p->now + HEDGE_PROBE_MS);
    move(p, SESSION_CONNECTING, p->now + patience_ms);
}

static void connect_next(struct peer *p)
{
    struct session *s = &p->session;
    if (!s->stay)
        s->server = servers_next(&s->servers, p->now);
    s->stay = false;
    connect(p, OPEN_MS);
}

void session_start(struct peer *p)
{
    if (p->session.state == SESSION_IDLE && !p->session.stopped)
        connect_next(p);
}

void session_move(struct peer *p, unsigned server)
{
    struct session *s = &p->session;
    assert(s->state == SESSION_JOINED && server != s->server);
    s->moving = true;
    s->home = s->server;
    s->near = servers_are_one(&s->servers, server, s->server);
    s->server = server;
    connect(p, MOVE_MS);
}

/* The server that was moved to does not take us. */
static void go_home(struct peer *p)
{
    struct session *s = &p->session;
    effect_log(
        p, LOG_LEVEL_NOTICE, "move-failed", "the other server did not take us: back to the former", NULL, SPAN(""));
    servers_failed_move(&s->servers, s->server, s->refused, p->now);
    s->moving = s->refused = false;
    s->server = s->home;
    connect(p, OPEN_MS);
}

void session_hop(struct peer *p)
{
    struct session *s = &p->session;
    assert(!s->moving && (s->state == SESSION_CONNECTING || s->state == SESSION_CONNECTED));
    servers_failed(&s->servers, s->server, p->now);
    connect_next(p);
}

/* The next round begins later each time. */
static uint64_t round_pause(struct session *s)
{
    uint64_t base = s->rounds < 5 ? (uint64_t)RETRY_FIRST_MS << s->rounds : RETRY_LAST_MS;
    s->rounds++;
    servers_new_round(&s->servers);
    return base;
}

/* When the next try is due: what a server asked for counts for it alone, if there are others. */
static uint64_t pause_end(struct peer *p, uint64_t base)
{
    struct session *s = &p->session;
    uint64_t at = p->now + (s->pause_ms ? s->pause_ms : effect_jitter(p, base));
    uint64_t wait = servers_waits_until(&s->servers);
    return wait > at && !s->stay ? wait : at;
}

/* The socket is gone, or of no use any more: the next server after a pause. */
static void pause_session(struct peer *p)
{
    struct session *s = &p->session;
    if (s->moving) {
        go_home(p);
        return;
    }
    bool lost = s->state == SESSION_JOINED && s->resume_token[0];
    s->stay = lost && !servers_is_avoided(&s->servers, s->server, p->now);
    if (!s->stay) {
        servers_failed(&s->servers, s->server, p->now);
        session_look_for_another(p);
    }
    bool over = s->stay || servers_all_tried(&s->servers);
    move(p, SESSION_PAUSED, pause_end(p, over ? round_pause(s) : RETRY_FIRST_MS));
}

static bool has_socket(const struct session *s)
{
    return s->state >= SESSION_CONNECTING;
}

static void stop(struct peer *p)
{
    if (has_socket(&p->session))
        effect_disconnect(p);
    p->session.stopped = true;
    p->session.moving = false;
    move(p, SESSION_IDLE, NEVER);
}

void session_opened(struct peer *p)
{
    if (p->session.state == SESSION_CONNECTING)
        move(p, SESSION_CONNECTED, p->now + ANSWER_MS);
}

static void tell_error(struct peer *p, struct span code, struct span text, bool fatal)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR, .code = code, .text = text, .fatal = fatal});
}

void session_closed(struct peer *p, uint16_t close_code, struct span why)
{
    struct session *s = &p->session;
    if (!has_socket(s))
        return;
    effect_log(p, LOG_LEVEL_NOTICE, "signaling-closed", "the connection to the server ended", "why", why);
    if (close_code == CLOSE_TAKEN_OVER) { /* it is another's roster entry now, and to resume would be a duel */
        s->resume_token[0] = '\0';
        tell_error(
            p, SPAN("taken-over"), SPAN("somebody else took our seat, with our token: it is not taken back"), false);
    }
    pause_session(p);
}

void session_network(struct peer *p, bool cut)
{
    struct session *s = &p->session;
    if (cut && has_socket(s)) {
        effect_log(
            p, LOG_LEVEL_NOTICE, "signaling-cut", "the address that the server knew us by is gone", NULL, SPAN(""));
        pause_session(p);
    }
    /* Nothing is wrong with the server, unless it named a time. */
    if (s->state == SESSION_PAUSED && s->pause_ms == 0)
        connect_next(p);
    if (s->state == SESSION_JOINED)
        session_measure(p);
}

/* Gives this server up and says so. */
static void abandon(struct peer *p, const char *why)
{
    effect_log(p, LOG_LEVEL_NOTICE, "signaling-abandoned", "the server did not do its part", "why", span_of(why));
    effect_disconnect(p);
    pause_session(p);
}

void session_lost(struct peer *p)
{
    effect_log(p, LOG_LEVEL_WARNING, "frame-lost", "there was no memory to read what the server said", NULL, SPAN(""));
    effect_disconnect(p);
    pause_session(p);
}

void session_due(struct peer *p)
{
    struct session *s = &p->session;
    if (p->now < s->at) {
        effect_wake(p, s->at);
        return;
    }
    if (s->state == SESSION_PAUSED) {
        connect_next(p);
    } else if (s->state != SESSION_JOINED || s->ping_out) {
        abandon(p, s->state == SESSION_CONNECTING ? "it did not answer in time" : "it fell silent");
    } else {
        struct buf ping;
        buf_init(&ping, 64);
        signaling_write_ping(&ping);
        session_send(p, &ping);
        buf_done(&ping);
        s->ping_out = true;
        s->at = p->now + ANSWER_MS;
        effect_wake(p, s->at);
    }
}

bool session_send(struct peer *p, struct buf *frame)
{
    return p->session.state == SESSION_JOINED && !frame->failed && effect_signal(p, buf_view(frame));
}

static void take_ice_servers(struct peer *p, const struct signaling_message *m)
{
    struct span servers = span_of(m->ice_servers);
    if (m->ice_servers && servers.n <= ICE_SERVERS_MAX)
        effect_ice_servers(p, servers);
}

static void join(struct peer *p)
{
    struct buf join;
    buf_init(&join, FRAME_MAX_DEFAULT);
    signaling_write_join(&join, &(struct signaling_join){.room = span_of(p->settings.room),
                                    .name = span_of(p->settings.name),
                                    .password = span_of(p->settings.password),
                                    .token = span_of(p->settings.token),
                                    .key = p->settings.key,
                                    .box = p->settings.box,
                                    .sig = p->settings.box_signature});
    if (!join.failed)
        effect_signal(p, buf_view(&join));
    buf_done(&join);
    move(p, SESSION_JOINING, p->now + ANSWER_MS);
}

static void resume(struct peer *p)
{
    struct buf resume;
    buf_init(&resume, FRAME_MAX_DEFAULT);
    signaling_write_resume(&resume, span_of(p->session.resume_token));
    if (!resume.failed)
        effect_signal(p, buf_view(&resume));
    buf_done(&resume);
    move(p, SESSION_RESUMING, p->now + ANSWER_MS);
}

static void on_welcome(struct peer *p, const struct signaling_message *m)
{
    struct session *s = &p->session;
    if (s->state != SESSION_CONNECTED)
        return;
    servers_welcomed(&s->servers, s->server, m->cluster);
    if (s->moving && s->near && !servers_are_one(&s->servers, s->server, s->home)) {
        abandon(p, "it names another cluster than before");
        return;
    }
    s->ping_ms = m->ping_interval_ms ? m->ping_interval_ms : PING_INTERVAL_DEFAULT_MS;
    take_ice_servers(p, m);
    if (s->resume_token[0] && servers_may_share(&s->servers, s->server, s->resume_server))
        resume(p);
    else
        join(p);
}

/* In the room, on this roster entry. */
static void enter_room(struct peer *p, const struct signaling_message *m)
{
    assert(p->session.state == SESSION_JOINING || p->session.state == SESSION_RESUMING);
    struct session *s = &p->session;
    text_copy(s->peer_id, sizeof s->peer_id, m->peer_id);
    text_copy(s->resume_token, sizeof s->resume_token, m->resume_token);
    s->resume_server = s->server;
    s->rounds = 0;
    servers_settled(&s->servers, s->server, p->now);
    move(p, SESSION_JOINED, p->now + s->ping_ms);
    s->moving = false;
    session_measure(p);
}

/* Not by this server, whether it does not know the roster entry any more or never heard of roster entries. */
static void on_resume_refused(struct peer *p)
{
    struct session *s = &p->session;
    if (s->resume_server == s->server)
        s->resume_token[0] = '\0';
    join(p);
}

static uint64_t bounded_pause(const struct signaling_message *m)
{
    return m->retry_after_ms < RETRY_AFTER_MAX_MS ? m->retry_after_ms : RETRY_AFTER_MAX_MS;
}

static bool is_fatal(struct span code)
{
    return span_is(code, "unauthorized") || span_is(code, "forbidden") || span_is(code, "room-locked");
}

/* Errors about single signals (no-such-peer: the reader just left) change nothing here: links have their own clocks. */
static void on_error(struct peer *p, const struct signaling_message *m)
{
    struct session *s = &p->session;
    effect_log(p, LOG_LEVEL_NOTICE, "signaling-error", "the server refused a message", "code", m->code);
    if (s->state == SESSION_JOINED && !m->fatal)
        return;
    if (s->state == SESSION_RESUMING && (span_is(m->code, "resume-failed") || span_is(m->code, "unknown-type"))) {
        on_resume_refused(p);
        return;
    }
    if (s->moving) {
        s->refused = is_fatal(m->code);
        abandon(p, "it refused us");
        return;
    }
    if (s->servers.n > 1)
        servers_wait(&s->servers, s->server, p->now + bounded_pause(m));
    else
        s->pause_ms = bounded_pause(m);
    bool fatal = is_fatal(m->code);
    tell_error(p, m->code, m->message, fatal);
    if (fatal)
        stop(p);
    else if (has_socket(s) && s->state != SESSION_CONNECTING)
        abandon(p, "it refused us");
}

/* The socket is closed after this; the time is ours alone, so that a fleet does not come back at once, here or to another
 * server. */
static void on_draining(struct peer *p, const struct signaling_message *m)
{
    struct session *s = &p->session;
    s->pause_ms = bounded_pause(m);
    if (s->servers.n > 1)
        servers_avoid(&s->servers, s->server, p->now + DRAIN_AVOID_MS);
}

enum session_outcome session_handle(struct peer *p, const struct signaling_message *m)
{
    assert(has_socket(&p->session));
    enum session_state before = p->session.state;
    switch (m->type) {
    case SIGNALING_WELCOME:
        on_welcome(p, m);
        break;
    case SIGNALING_ICE_SERVERS:
        take_ice_servers(p, m);
        break;
    case SIGNALING_PEERS:
        if (before == SESSION_JOINING)
            enter_room(p, m);
        return before == SESSION_JOINING ? SESSION_ENTERED : SESSION_DONE;
    case SIGNALING_RESUMED:
        if (before == SESSION_RESUMING)
            enter_room(p, m);
        return before == SESSION_RESUMING ? SESSION_KEPT : SESSION_DONE;
    case SIGNALING_ROOM_CLOSED:
        tell_error(p, SPAN("room-closed"), SPAN("the room was closed by its owner"), true);
        stop(p);
        break;
    case SIGNALING_DRAINING:
        on_draining(p, m);
        break;
    case SIGNALING_ERROR:
        on_error(p, m);
        break;
    default:
        return before == SESSION_JOINED ? SESSION_OF_ROOM : SESSION_DONE;
    }
    return SESSION_DONE;
}

void session_ready(struct peer *p)
{
    assert(p->session.state == SESSION_JOINED);
    struct session *s = &p->session;
    if (!s->joined_once)
        notice_add(p, &(struct notice){.type = NOTICE_READY, .id = span_of(p->id)});
    s->joined_once = true;
}

bool session_hears(struct peer *p)
{
    struct session *s = &p->session;
    if (s->state < SESSION_CONNECTED)
        return false;
    if (s->state == SESSION_JOINED) {
        s->ping_out = false;
        s->at = p->now + s->ping_ms;
        effect_wake(p, s->at);
    }
    return true;
}

static void leave_room(struct peer *p)
{
    struct buf leave;
    buf_init(&leave, 64);
    signaling_write_leave(&leave);
    session_send(p, &leave); /* if we are in it */
    buf_done(&leave);
}

void session_leave(struct peer *p)
{
    leave_room(p);
    stop(p);
}

void session_rest(struct peer *p)
{
    assert(has_socket(&p->session));
    struct session *s = &p->session;
    leave_room(p);
    s->resume_token[0] = '\0';
    s->pause_ms = TWIN_REST_MS;
    effect_disconnect(p);
    s->stay = true;
    s->rounds = 0;
    session_look_at(p, NEVER);
    move(p, SESSION_PAUSED, p->now + TWIN_REST_MS);
}
