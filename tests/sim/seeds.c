/* SPDX-License-Identifier: MIT
 *
 * The random runs of the daemon. A seed draws its own settings, crowd and misfortunes; then everything heals, everybody
 * rests for a bounded virtual time, and what was promised must be so. Of 1,000 crowds 750 are of 2 to 31 clients, 220 of
 * 30 to 89 and 30 of 100 to 300: most faults need few who meet, and the limits a crowd.
 */
#include "tests/sim/server_oracle.h"
#include "tests/sim/run.h"

enum {
    MISFORTUNE_MS = 4000,
    CUT_MAX = 20, /* of a crowd: so in a large one the same ones are cut off, and let in again */
};

/* ---- the daemon among hundreds ---- */

static struct core_settings random_settings(struct world *w)
{
    struct core_settings s = daemon_settings();
    s.ping_interval_ms = world_chance(w, 300) ? 1000 + world_below(w, 9000) : s.ping_interval_ms;
    s.ping_timeout_ms = world_chance(w, 300) ? 1000 + world_below(w, 9000) : s.ping_timeout_ms;
    s.max_connections = world_chance(w, 200) ? 10 + world_below(w, 100) : 0;
    s.max_connections_per_address = world_chance(w, 100) ? 1 : 0;
    s.max_rooms = world_chance(w, 200) ? 1 + world_below(w, 10) : 0;
    s.max_room_members = world_chance(w, 300) ? 2 + world_below(w, 20) : s.max_room_members;
    s.message_rate = world_chance(w, 300) ? 5 + world_below(w, 50) : s.message_rate;
    s.resume_grace_ms = world_chance(w, 250)   ? 0
                        : world_chance(w, 500) ? 1000 + world_below(w, 30000)
                                               : s.resume_grace_ms;
    s.message_burst = world_chance(w, 300) ? 5 + world_below(w, 100) : s.message_burst;
    s.auto_create = !world_chance(w, 100);
    s.list_joined = world_chance(w, 300);
    s.room_linger_ms = world_chance(w, 300) ? 1 + world_below(w, 20000) : 0;
    s.room_ttl_ms = world_chance(w, 500) ? 1000 + world_below(w, 20000) : 0;
    s.token_required = world_chance(w, 150);
    s.join_timeout_ms = world_chance(w, 200) ? 2000 + world_below(w, 6000) : s.join_timeout_ms;
    s.connection_rate = world_chance(w, 200) ? 1 + world_below(w, 3) : s.connection_rate;
    s.connection_burst = world_chance(w, 200) ? 1 + world_below(w, 5) : s.connection_burst;
    s.batch = world_chance(w, 500) ? 2 + world_below(w, 8) : 0;
    s.ice_refresh_ms = world_chance(w, 500) ? 8000 + world_below(w, 30000) : 0;
    s.webhooks = s.batch % 2 == 0; /* without a draw, so that each seed is the history that it was */
    return s;
}

/* Most steps are of seconds, as a time server makes them, some of hours, as people do; forth as often as back. */
static void step_clock(struct world *w, unsigned host)
{
    int64_t ms = world_chance(w, 600) ? world_below(w, 60000) : world_below(w, 4 * 3600 * 1000);
    world_clock_step(w, host, world_chance(w, 500) ? ms : -ms);
}

static void trouble(void *who, uint64_t arg)
{
    struct run *r = who;
    struct world *w = r->w;
    struct daemon *d = r->daemons[0];
    (void)arg;
    if (!r->restless)
        return;
    uint32_t lot = world_below(w, 20);
    if (!daemon_is_up(d))
        daemon_start(d);
    else if (lot == 0)
        daemon_crash(d, world_chance(w, 500));
    else if (lot >= 17)
        step_clock(w, daemon_host(d));
    else if (lot < 4) {
        unsigned island = world_below(w, 2);
        world_island(w, daemon_host(d) + 1 + world_below(w, crowd_size(r->crowd)) % CUT_MAX, island);
    }
    world_at(w, world_now(w) + 1 + world_below(w, 2 * MISFORTUNE_MS), trouble, r, 0);
}

static void end_of_day(struct run *r, const struct core_settings *s)
{
    struct daemon *d = r->daemons[0];
    r->restless = false;
    crowd_calm(r->crowd);
    if (r->rest_client)
        rest_client_calm(r->rest_client);
    world_heal(r->w);
    if (!daemon_is_up(d))
        daemon_start(d);
    /* The last minute is for what was sent faster than message_rate lets it be read: pings, too, by those who are gone. */
    run_for(r, s->ping_interval_ms + s->ping_timeout_ms + s->resume_grace_ms + 60000);
    crowd_check(r->crowd);
    daemon_drain(d);
    run_for(r, s->drain_timeout_ms + 10000);
    world_check(
        r->w, daemon_is_drained(d), "not drained after %llu ms", (unsigned long long)s->drain_timeout_ms + 10000);
}

static unsigned size_of_crowd(struct world *w)
{
    unsigned lot = world_below(w, 1000);
    return lot < 750 ? 2 + world_below(w, 30) : lot < 970 ? 30 + world_below(w, 60) : 100 + world_below(w, 201);
}

void seed_server(struct run *r, const struct world_options *options)
{
    run_init(r, options);
    struct world *w = r->w;
    struct core_settings settings = random_settings(w);
    unsigned clients = size_of_crowd(w);
    struct crowd_options crowd = {.clients = clients,
        .rooms = 1 + world_below(w, clients / 6 + 2),
        .pace_ms = 400 + 20 * clients,
        .halls = world_chance(w, 500) ? 1 + world_below(w, HALLS) : 0,
        .tokens = settings.token_required ? 900
                  : world_chance(w, 300)  ? 300
                                          : 0,
        .mischief = world_below(w, 4) * 60};
    run_add_daemon(r, &settings);
    r->crowd = crowd_new(w, r->wires, r->daemons[0], &crowd);
    if (crowd.halls)
        r->rest_client = rest_client_new(w, r->daemons[0], 300 + world_below(w, 3000));
    daemon_failing(r->daemons[0], world_below(w, 3) * 100);
    r->restless = true;
    if (world_chance(w, 700))
        world_at(w, world_now(w) + MISFORTUNE_MS, trouble, r, 0);
    run_for(r, 30000 + world_below(w, 40000));
    end_of_day(r, &settings);
}
