/* SPDX-License-Identifier: MIT
 *
 * Stories of the daemon and its crowd that must go alike each time.
 */
#include "tests/sim/stories.h"

#include "tests/sim/server_oracle.h"

static struct daemon *open_house(
    struct run *r, const struct world_options *options, struct core_settings settings, struct crowd_options crowd)
{
    run_init(r, options);
    run_add_daemon(r, &settings);
    r->crowd = crowd_new(r->w, r->wires, r->daemons[0], &crowd);
    return r->daemons[0];
}

void story_one_full_room(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.max_room_members = 10;
    s.message_rate = 0;
    struct daemon *d = open_house(r, options, s, (struct crowd_options){.clients = 30, .rooms = 1, .pace_ms = 500});
    run_for(r, 60000);
    crowd_calm(r->crowd);
    run_for(r, 5000);
    crowd_check(r->crowd);
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) <= 10, "more than ten");
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) >= 5, "almost nobody: %zu",
        server_oracle_members(daemon_server_oracle(d)));
}

void story_crowd_is_cut_off(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    struct daemon *d = open_house(r, options, s, (struct crowd_options){.clients = 40, .rooms = 5, .pace_ms = 500});
    run_for(r, 30000);
    crowd_calm(r->crowd);
    run_for(r, 2000);
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) > 10, "few came: %zu",
        server_oracle_members(daemon_server_oracle(d)));
    world_island(r->w, daemon_host(d), 1);
    run_for(r, s.ping_interval_ms + s.ping_timeout_ms + s.resume_grace_ms + 10000);
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) == 0, "%zu unreachable members stay",
        server_oracle_members(daemon_server_oracle(d)));
}

void story_drain(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    struct daemon *d =
        open_house(r, options, s, (struct crowd_options){.clients = 60, .rooms = 6, .pace_ms = 500, .mischief = 100});
    run_for(r, 30000);
    crowd_calm(r->crowd);
    world_island(r->w, daemon_host(d) + 3, 1); /* one does not answer the close */
    uint64_t began = world_now(r->w);
    daemon_drain(d);
    while (!daemon_is_drained(d)) {
        world_check(r->w, world_now(r->w) - began <= s.drain_timeout_ms + 6000, "the drain does not end");
        run_for(r, 100);
    }
}

void story_daemon_of_no_limits(struct run *r, const struct world_options *options)
{
    struct core_settings s = {.node = "n1", .server_name = "usherd/sim", .auto_create = true, .max_frame = 0};
    open_house(r, options, s, (struct crowd_options){.clients = 40, .rooms = 3, .pace_ms = 300, .mischief = 200});
    run_for(r, 60000);
    crowd_calm(r->crowd);
    run_for(r, 5000);
    crowd_check(r->crowd);
}

/* The steps are longer than credentials hold; the server oracle looks at what each client holds. */
void story_clock_of_the_server(struct run *r, const struct world_options *options)
{
    static const int64_t HOUR_MS = 3600 * 1000;
    struct core_settings s = daemon_settings();
    s.ice_refresh_ms = 40000;
    struct daemon *d = open_house(r, options, s, (struct crowd_options){.clients = 12, .rooms = 2, .pace_ms = 4000});
    const int64_t steps[] = {-HOUR_MS, HOUR_MS, HOUR_MS, -2 * HOUR_MS, HOUR_MS / 2};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        run_for(r, s.ice_refresh_ms + 5000);
        world_clock_step(r->w, daemon_host(d), steps[i]);
    }
    run_for(r, s.ice_refresh_ms / 2);
}
