/* SPDX-License-Identifier: MIT
 *
 * Liveness without a timer for each connection. Whoever was silent for ping_interval is pinged; who stays silent for
 * ping_timeout after that is closed with 1001 (RFC 6455 section 7.4.1, "going away": most likely it has) and the room
 * is told at once. Any frame and any pong counts. All who wait for one thing wait equally long, so each queue is in
 * order of what is due (server/core/waiting.h) and the nearest deadline is that of one of its heads. The time for the
 * pong runs from the ping, not from the last sign of life: a server that was stopped for a minute must not drop
 * everybody when it wakes.
 *
 * The clients of some dialects look for our pings (`asks_always`): they are pinged each ping_interval, whatever they say
 * and though they are read slower for a while; whoever is not read meanwhile has not to answer.
 *
 * A connection outside a room is closed after join_timeout, counted from its arrival or from when it left a room, but
 * for one that asks something over HTTP: its answer may be a long one; and for one whose dialect `connects`: that has
 * to come in time.
 */
#include "server/core/alive.h"

#include <assert.h>

#include "server/core/batch.h"
#include "server/core/effects.h"
#include "server/core/rate_limit.h"
#include "server/core/say.h"
#include "server/core/session.h"

static void end_pause(struct session *s)
{
    waiting_remove(&s->pause);
    s->paused = false;
}

void alive_watch(struct core *c, struct session *s, enum watch watch)
{
    assert(watch <= WATCH_NONE);
    if (s->paused && watch >= WATCH_PAUSED)
        end_pause(s);
    waiting_remove(&s->alive);
    s->watch = watch & 7;
    if (watch != WATCH_NONE)
        waiting_add(&c->watch[watch], &s->alive, c->now);
}

bool alive_is_read(const struct session *s)
{
    return !s->paused && (s->watch == WATCH_QUIET || s->watch == WATCH_PINGED);
}

void alive_pause(struct core *c, struct session *s)
{
    if (!s->steady || !s->connected) {
        alive_watch(c, s, WATCH_PAUSED);
        return;
    }
    if (s->watch == WATCH_PAUSED) /* since before it was connected */
        alive_watch(c, s, WATCH_QUIET);
    if (s->paused)
        waiting_remove(&s->pause);
    s->paused = true;
    waiting_add(&c->paused, &s->pause, c->now);
}

void alive_go_on(struct core *c, struct session *s)
{
    if (s->paused)
        end_pause(s);
    else
        alive_watch(c, s, WATCH_QUIET);
}

bool alive_pong(struct core *c, struct session *s, uint32_t number)
{
    assert(s->state != SESSION_OPENED);
    bool answers = s->ping != 0 && number == s->ping;
    if (answers) {
        if (s->member)
            s->member->proved = s->member->pinged;
        s->ping = 0;
    }
    alive_heard(c, s);
    return answers;
}

void alive_heard(struct core *c, struct session *s)
{
    assert(s->state != SESSION_OPENED && s->state != SESSION_CLOSING);
    if (s->watch == WATCH_PINGED || (s->watch == WATCH_QUIET && s->alive.since != c->now && !s->steady))
        alive_watch(c, s, WATCH_QUIET);
}

static uint64_t interval_of(const struct core *c, enum watch watch)
{
    switch (watch) {
    case WATCH_QUIET:
        return c->settings.ping_interval_ms;
    case WATCH_PINGED:
        return c->settings.ping_timeout_ms;
    case WATCH_PAUSED:
        return PAUSE_MS;
    case WATCH_OWED:
        return OWED_RETRY_MS;
    case WATCH_NONE:
        break;
    }
    return 0;
}

/* The one that waits longest; NULL if nobody does. */
static struct session *first(const struct core *c, enum watch watch)
{
    struct wait *w = waiting_first(&c->watch[watch]);
    return w ? WAIT_OF(w, struct session, alive) : NULL;
}

/* The next session for which this watch is over; NULL if there is none yet. */
static struct session *next_due(const struct core *c, enum watch watch)
{
    return waiting_due(&c->watch[watch], interval_of(c, watch)) <= c->now ? first(c, watch) : NULL;
}

/* Nobody can answer a ping that did not reach him. */
static uint32_t ping_number(const struct core *c)
{
    return rng_below(c->rng, UINT32_MAX) + 1;
}

static void end_silent(struct core *c)
{
    struct session *s;
    for (uint32_t n = 0; batch_allows(c, n) && (s = next_due(c, WATCH_PINGED)); n++)
        session_end(c, s, 1001, "no answer to ping", DEPARTURE_TIMEOUT);
}

static void ping_quiet(struct core *c)
{
    struct session *s;
    for (uint32_t n = 0; batch_allows(c, n) && (s = next_due(c, WATCH_QUIET)); n++)
        if (say_ping(c, s, ping_number(c))) {
            s->member->pinged = s->member->relayed;
            alive_watch(c, s, c->settings.ping_timeout_ms && !s->paused ? WATCH_PINGED : WATCH_QUIET);
        }
}

static void end_unjoined(struct core *c)
{
    static const char ROOM[] = "no room was joined in time", CONNECT[] = "no CONNECT came in time";
    uint64_t timeout = c->settings.join_timeout_ms;
    for (uint32_t n = 0; batch_allows(c, n) && waiting_due(&c->unjoined, timeout) <= c->now; n++) {
        struct session *s = WAIT_OF(waiting_first(&c->unjoined), struct session, unjoined);
        c->stats.limited[LIMIT_JOIN_TIMEOUT]++;
        session_fail(c, s,
            &(struct reply_error){
                .error = ERROR_NOT_IN_ROOM, .problem = s->expects == EXPECTS_CONNECT ? CONNECT : ROOM, .fatal = true},
            DEPARTURE_DISCONNECTED);
    }
}

void alive_tick(struct core *c)
{
    struct session *s;
    end_silent(c);
    ping_quiet(c);
    for (uint32_t n = 0; batch_allows(c, n) && (s = next_due(c, WATCH_PAUSED)); n++)
        rate_limit_look(c, s);
    for (uint32_t n = 0; batch_allows(c, n) && waiting_due(&c->paused, PAUSE_MS) <= c->now; n++)
        rate_limit_look(c, WAIT_OF(waiting_first(&c->paused), struct session, pause));
    end_unjoined(c);
}

void alive_pay(struct core *c)
{
    struct session *s;
    for (uint32_t n = 0; batch_allows(c, n) && (s = first(c, WATCH_OWED)) && effects_reserve(c->fx); n++) {
        if (s->state != SESSION_CLOSING)
            session_end(c, s, error_close_code(ERROR_SERVER_FULL), "out of memory", DEPARTURE_DISCONNECTED);
        else if (say_close(c, s, error_close_code(ERROR_SERVER_FULL), "out of memory"))
            alive_watch(c, s, WATCH_NONE);
    }
}

uint64_t alive_due(const struct core *c)
{
    uint64_t due = waiting_due(&c->unjoined, c->settings.join_timeout_ms), paused = waiting_due(&c->paused, PAUSE_MS);
    due = paused < due ? paused : due;
    for (enum watch w = 0; w < WATCHES; w++) {
        uint64_t at = waiting_due(&c->watch[w], interval_of(c, w));
        due = at < due ? at : due;
    }
    return due;
}
