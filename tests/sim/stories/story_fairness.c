/* SPDX-License-Identifier: MIT
 *
 * Stories of what may cost the others nothing: much that is due at once, control frames, and frames that are none.
 */
#include "tests/sim/actor.h"
#include "tests/sim/server_oracle.h"
#include "tests/sim/stories.h"

enum {
    CAST = 60,
    FLOOD = 3000
};

static struct actor cast[CAST];

static void enter(struct run *r, unsigned i, const char *room)
{
    actor_init(&cast[i], r);
    actor_connect(&cast[i]);
    actor_join(&cast[i], room);
}

static void leave_stage(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        actor_done(&cast[i]);
}

/* All but two vanish in the same moment, so that everything of theirs is over in the same moment. The two go on. */
void story_all_vanish_at_once(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.batch = 3;
    s.max_room_members = 0;
    run_init(r, options);
    struct daemon *d = run_add_daemon(r, &s);
    for (unsigned i = 0; i < CAST; i++)
        enter(r, i, "room");
    for (unsigned i = 2; i < CAST; i++)
        wire_break(cast[i].wire);
    run_for(r, 1000);
    world_check(r->w, server_oracle_away(daemon_server_oracle(d)) == CAST - 2, "%zu are away",
        server_oracle_away(daemon_server_oracle(d)));
    unsigned moves = cast[0].moves;
    json_int_t tag = 0;
    for (uint64_t end = world_now(r->w) + s.resume_grace_ms + 1000; world_now(r->w) < end;) {
        actor_relay(&cast[0], &cast[1], ++tag, 10);
        run_for(r, 100);
        world_check(r->w, cast[1].tag == tag, "frame %lld takes longer than 100 ms", (long long)tag);
    }
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) == 2, "%zu members stay",
        server_oracle_members(daemon_server_oracle(d)));
    world_check(r->w, cast[0].moves == moves + CAST - 2, "%u moves are told", cast[0].moves - moves);
    leave_stage(CAST);
}

/* Neither the flood's sender nor anybody else loses anything; it is read as fast as its rate allows. */
void story_flood_of_controls(struct run *r, const struct world_options *options)
{
    run_init(r, options);
    struct core_settings s = daemon_settings();
    run_add_daemon(r, &s);
    for (unsigned i = 0; i < 2; i++)
        enter(r, i, "room");
    for (uint32_t i = 0; i < FLOOD; i++)
        if (i % 2)
            wire_ping(cast[0].wire, WIRE_CLIENT, i);
        else
            wire_pong(cast[0].wire, WIRE_CLIENT, i);
    actor_relay(&cast[0], &cast[1], 1, 10);
    uint64_t least = (FLOOD - s.message_burst) * UINT64_C(1000) / s.message_rate;
    run_for(r, least - 1000);
    world_check(r->w, cast[1].heard == 0, "a frame overtakes what was sent before it");
    run_for(r, 3000);
    world_check(r->w, cast[1].heard == 1 && cast[0].wire, "the flood costs more than time");
    leave_stage(2);
}

/* A pong that nobody asked for does not make a lost frame one that arrived. */
void story_unasked_pongs(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.ping_interval_ms = 2000;
    run_init(r, options);
    run_add_daemon(r, &s);
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    ann->mute = true;
    while (ann->pings == 0)
        run_for(r, 100);
    wire_reading(ann->wire, WIRE_CLIENT, false); /* so that the frame is in flight for ever */
    actor_relay(bob, ann, 1, 10);
    for (uint32_t i = 0; i < 9; i++)
        wire_pong(ann->wire, WIRE_CLIENT, i);
    run_for(r, s.ping_interval_ms - 500); /* the next ping comes 2 s after the last of them, behind the frame */
    for (uint32_t i = 0; i < 9; i++)
        wire_pong(ann->wire, WIRE_CLIENT, i);
    run_for(r, s.ping_interval_ms + 500);
    for (uint32_t i = 0; i < 9; i++)
        wire_pong(ann->wire, WIRE_CLIENT, i);
    run_for(r, 100);
    actor_vanish(ann, false);
    run_for(r, 1000);
    ann->mute = false;
    actor_resume(ann);
    world_check(r->w, json_is_false(json_object_get(ann->said, "recovered")), "what was never read is said to be");
    leave_stage(2);
}

/* Whoever breaks RFC 6455 is closed with its code, and may have its seat again. */
void story_no_frames(struct run *r, const struct world_options *options)
{
    run_init(r, options);
    struct core_settings s = daemon_settings();
    run_add_daemon(r, &s);
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    unsigned moves = bob->moves;
    for (int i = 0; i < 6; i++) {
        wire_send_garbage(ann->wire, WIRE_CLIENT);
        actor_wait_closed(ann);
        world_check(r->w, ann->closed == 1002 || ann->closed == 1007 || ann->closed == 1009, "it is closed with %u",
            ann->closed);
        actor_resume(ann);
    }
    run_for(r, 1000);
    world_check(r->w, bob->moves == moves + 12, "%u moves are told", bob->moves - moves);
    leave_stage(2);
}
