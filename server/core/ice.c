/* SPDX-License-Identifier: MIT
 *
 * ICE servers, with credentials of each connection's own that lapse. They are told in `welcome`, and again by
 * `ice-servers` well before they lapse: a connection may stay for days, and a call that it begins then needs a relay
 * that still takes it. All wait equally long, so one queue in order serves everybody (server/core/waiting.h); a reload
 * may change how long, and counts for those who wait already.
 *
 * They lapse by the wall clock, which their time is written in and TURN servers compare it with, while the queue goes by
 * a clock that nobody sets and that stands still while the machine is suspended. So each step looks how far the one is
 * ahead of the other. When that has grown by more than a 16th of the interval since it was least, whoever was told before
 * may hold what has lapsed: they are all told anew, a batch at a time. A clock that was set back makes nobody's lapse
 * sooner.
 */
#include "server/core/ice.h"

#include <assert.h>

#include "server/core/batch.h"
#include "server/core/say.h"

enum {
    ICE_TEXT_MAX = 512 * 1024, /* two lists of options, every byte of them escaped */
    SLACK_PARTS = 16,
    CLOCK_LOOK_MS = 10000
};

void ice_take(struct core *c, struct session *s, const struct member *m, struct buf *out)
{
    const struct core_ports *ports = &c->settings.ports;
    char id[PEER_ID_MAX];
    buf_init(out, ICE_TEXT_MAX);
    if (ports->ice_servers)
        ports->ice_servers(ports->ice_ctx, s->conn, say_peer_id(c, m, id), c->unix_ms / 1000, out);
    else
        buf_text(out, "[]");
    waiting_remove(&s->ice);
    waiting_add(&c->ice, &s->ice, c->now);
}

static uint64_t slack(const struct core *c)
{
    return c->settings.ice_refresh_ms / SLACK_PARTS;
}

void ice_clock(struct core *c)
{
    int64_t lead = (int64_t)(c->unix_ms - c->now);
    bool jumped = c->started && lead > c->wall_least && (uint64_t)(lead - c->wall_least) > slack(c);
    if (jumped)
        waiting_move_all(&c->ice, &c->ice_stale);
    if (jumped || !c->started || lead < c->wall_least)
        c->wall_least = lead;
}

/* The next that is to be told anew; NULL if there is none yet. */
static struct session *next_due(const struct core *c)
{
    struct wait *w = waiting_first(&c->ice_stale);
    if (!w && waiting_due(&c->ice, c->settings.ice_refresh_ms) <= c->now)
        w = waiting_first(&c->ice);
    return w && c->settings.ice_refresh_ms ? WAIT_OF(w, struct session, ice) : NULL;
}

void ice_tick(struct core *c)
{
    struct session *s;
    for (uint32_t n = 0; batch_allows(c, n) && (s = next_due(c)); n++) {
        struct buf servers;
        ice_take(c, s, s->member, &servers);
        if (servers.failed)
            say_send(c, s, NULL);
        else
            say(c, s, &(struct reply){.type = REPLY_ICE_SERVERS, .ice_servers = buf_view(&servers)});
        buf_done(&servers);
    }
}

/* While somebody has what lapses, the wall clock is looked at though nothing else happens. */
uint64_t ice_due(const struct core *c)
{
    if (next_due(c))
        return c->now;
    uint64_t due = waiting_due(&c->ice, c->settings.ice_refresh_ms);
    if (due == UINT64_MAX)
        return due;
    uint64_t look = c->now + (slack(c) < CLOCK_LOOK_MS ? slack(c) + 1 : CLOCK_LOOK_MS);
    return due < look ? due : look;
}
