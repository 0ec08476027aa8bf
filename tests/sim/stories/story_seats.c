/* SPDX-License-Identifier: MIT
 *
 * Stories of seats that outlive their connections, and the daemon.
 */
#include "tests/sim/actor.h"
#include "tests/sim/server_oracle.h"
#include "tests/sim/stories.h"

enum {
    CAST_MAX = 300,
    TWENTY = 20,
    ROOMS = 4,
    BIG = 60 * 1024,
    DUEL_LASTS_MS = 10000
};

static struct actor cast[CAST_MAX];

static struct daemon *raise_curtain(struct run *r, const struct world_options *options, struct core_settings settings)
{
    run_init(r, options);
    return run_add_daemon(r, &settings);
}

static void enter(struct run *r, unsigned i, const char *room)
{
    actor_init(&cast[i], r);
    actor_connect(&cast[i]);
    actor_join(&cast[i], room);
}

static void enter_twenty(struct run *r)
{
    static const char *const NAMES[ROOMS] = {"north", "east", "south", "west"};
    for (unsigned i = 0; i < TWENTY; i++)
        enter(r, i, NAMES[i % ROOMS]);
}

static void leave_stage(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        actor_done(&cast[i]);
}

static bool is_true(const struct actor *a, const char *name)
{
    return json_is_true(json_object_get(a->said, name));
}

/* All resume at a daemon that was started again, and the last of each room sees it whole. */
static void resume_twenty(struct run *r)
{
    for (unsigned i = 0; i < TWENTY; i++) {
        size_t here = i / ROOMS;
        actor_resume(&cast[i]);
        world_check(r->w, is_true(&cast[i], "restarted") && !is_true(&cast[i], "recovered"),
            "%u is not told that the server was started again", i);
        world_check(
            r->w, json_array_size(json_object_get(cast[i].said, "peers")) == here, "%u does not see %zu", i, here);
    }
    for (unsigned i = 0; i < TWENTY; i++)
        actor_relay(&cast[i], &cast[(i + ROOMS) % TWENTY], 1, 10);
    run_for(r, 1000);
    for (unsigned i = 0; i < TWENTY; i++)
        world_check(r->w, cast[i].heard == 1, "%u hears nothing", i);
}

void story_crash_with_twenty(struct run *r, const struct world_options *options)
{
    struct daemon *d = raise_curtain(r, options, daemon_settings());
    enter_twenty(r);
    daemon_crash(d, false);
    run_for(r, 1000);
    daemon_start(d);
    resume_twenty(r);
    leave_stage(TWENTY);
}

void story_drain_with_returns(struct run *r, const struct world_options *options)
{
    struct daemon *d = raise_curtain(r, options, daemon_settings());
    enter_twenty(r);
    daemon_drain(d);
    for (unsigned i = 0; i < TWENTY; i++) {
        actor_wait_closed(&cast[i]);
        world_check(r->w, cast[i].closed == 1012, "%u is closed with %u", i, cast[i].closed);
    }
    run_for(r, 1000);
    world_check(r->w, daemon_is_drained(d), "the drain does not end");
    daemon_crash(d, false);
    daemon_start(d);
    resume_twenty(r);
    leave_stage(TWENTY);
}

/* The grace of tokens of an earlier life is over, and nobody took the seats: they are nobody's. */
void story_return_too_late(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    struct daemon *d = raise_curtain(r, options, s);
    enter(r, 0, "room");
    daemon_crash(d, false);
    daemon_start(d);
    run_for(r, s.resume_grace_ms + 1000);
    actor_connect(&cast[0]);
    actor_ask_resume(&cast[0], cast[0].token);
    world_check(r->w, strcmp(actor_text(&cast[0], "code"), "resume-failed") == 0, "a token of long ago holds");
    actor_join(&cast[0], "room");
    leave_stage(1);
}

/* A token is good until its successor was used: an answer may be lost. Then it is good for nothing. */
void story_token_replayed(struct run *r, const struct world_options *options)
{
    char first[RESUME_TOKEN_MAX + 1], lost[RESUME_TOKEN_MAX + 1];
    raise_curtain(r, options, daemon_settings());
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    memcpy(first, ann->token, sizeof first);
    actor_vanish(ann, false);
    actor_resume(ann);
    memcpy(lost, ann->token, sizeof lost);
    actor_vanish(ann, true);
    actor_connect(ann);
    actor_ask_resume(ann, first);
    world_check(r->w, strcmp(actor_text(ann, "type"), "resumed") == 0, "a token whose answer was lost is refused");
    actor_vanish(ann, true);
    run_for(r, 1000); /* or a third connection would be a duel */
    actor_resume(ann);
    actor_init(&cast[2], r);
    actor_connect(&cast[2]);
    actor_ask_resume(&cast[2], first);
    world_check(r->w, strcmp(actor_text(&cast[2], "code"), "resume-failed") == 0, "an old token opens the seat");
    actor_relay(bob, ann, 1, 10);
    run_for(r, 1000);
    world_check(r->w, ann->heard == 1 && ann->wire, "the seat was taken by an old token");
    leave_stage(3);
}

/* The old connection looks alive: it is closed, nobody else is told, and no frame goes to it any more. */
void story_half_open(struct run *r, const struct world_options *options)
{
    struct daemon *d = raise_curtain(r, options, daemon_settings());
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    run_for(r, 1000);
    unsigned moves = bob->moves;
    actor_vanish(ann, true);
    actor_resume(ann);
    world_check(r->w, is_true(ann, "recovered"), "nothing was sent, and it is told that something is lost");
    actor_relay(bob, ann, 1, 10);
    run_for(r, 1000);
    world_check(r->w, ann->heard == 1 && bob->moves == moves, "the resume was not silent");
    world_check(r->w, server_oracle_members(daemon_server_oracle(d)) == 2, "%zu members",
        server_oracle_members(daemon_server_oracle(d)));
    struct actor *other = &cast[2]; /* the same from elsewhere, while the connection is alive indeed */
    actor_init(other, r);
    actor_connect(other);
    actor_ask_resume(other, ann->token);
    world_check(r->w, strcmp(actor_text(other, "type"), "resumed") == 0, "the seat does not move");
    actor_wait_closed(ann);
    world_check(r->w, ann->closed == 4001, "the old connection is closed with %u", ann->closed);
    leave_stage(3);
}

/* What is held for one seat is bounded: the first frames come in order, the rest is lost and said to be. */
void story_held_overflow(struct run *r, const struct world_options *options)
{
    raise_curtain(r, options, daemon_settings());
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    wire_break(ann->wire);
    run_for(r, 1000);
    for (int i = 1; i <= 100; i++)
        actor_relay(bob, ann, i, 1000);
    run_for(r, 1000);
    actor_resume(ann);
    run_for(r, 1000);
    world_check(r->w, !is_true(ann, "recovered"), "it is told that all was held");
    world_check(r->w, ann->heard >= 50 && ann->heard < 66 && ann->tag == ann->heard, "%u frames were held", ann->heard);
    leave_stage(2);
}

/* ... and what is held of one address's frames, so that others have room. */
void story_held_of_one_address(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.max_room_members = s.message_rate = 0;
    raise_curtain(r, options, s);
    for (unsigned i = 0; i < CAST_MAX; i++)
        enter(r, i, "room");
    for (unsigned i = 1; i < CAST_MAX; i++)
        wire_break(cast[i].wire);
    run_for(r, 1000);
    for (unsigned i = 1; i < CAST_MAX; i++)
        actor_relay(&cast[0], &cast[i], 1, BIG);
    run_for(r, 1000);
    size_t recovered = 0;
    for (unsigned i = 1; i < CAST_MAX; i++) {
        actor_resume(&cast[i]);
        recovered += is_true(&cast[i], "recovered");
    }
    world_check(r->w, recovered == 2 * 1024 / 60 - 1 || recovered == 2 * 1024 / 60, "%zu frames were held", recovered);
    leave_stage(CAST_MAX);
}

/* A pong answers its own ping only: it comes late, when another ping is in flight behind a frame that is lost. */
void story_late_pong(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.ping_interval_ms = 2000;
    raise_curtain(r, options, s);
    struct actor *ann = &cast[0], *bob = &cast[1];
    enter(r, 0, "room");
    enter(r, 1, "room");
    ann->mute = true;
    while (ann->pings == 0)
        run_for(r, 100);
    wire_reading(ann->wire, WIRE_CLIENT, false);
    actor_relay(bob, ann, 1, 10);
    run_for(r, 500);
    actor_say(ann, SPAN("{\"type\":\"ping\"}"));
    run_for(r, s.ping_interval_ms + 500); /* there is another ping in flight, behind the frame */
    wire_pong(ann->wire, WIRE_CLIENT, ann->ping);
    run_for(r, 500);
    actor_vanish(ann, false);
    run_for(r, 5000);
    ann->mute = false;
    actor_resume(ann);
    world_check(r->w, !is_true(ann, "recovered") && ann->heard == 0, "a late pong proves what was never read");
    leave_stage(2);
}

/* Two that know no clause take a seat from each other, each at once when it has lost it. The one who has it keeps it for
 * most of the time, and the room hears of nothing. */
void story_duel(struct run *r, const struct world_options *options)
{
    raise_curtain(r, options, daemon_settings());
    struct actor *bob = &cast[2];
    enter(r, 0, "room");
    enter(r, 2, "room");
    actor_init(&cast[1], r);
    char token[RESUME_TOKEN_MAX + 1], seat[PEER_ID_MAX + 1];
    memcpy(token, cast[0].token, sizeof token);
    memcpy(seat, cast[0].id, sizeof seat);
    unsigned moves = bob->moves, taken = 0, refused = 0, holder = 0;
    uint64_t end = world_now(r->w) + DUEL_LASTS_MS;
    while (world_now(r->w) < end) {
        struct actor *rival = &cast[1 - holder], *has = &cast[holder];
        if (!rival->wire)
            actor_connect(rival);
        actor_ask_resume(rival, token);
        if (strcmp(actor_text(rival, "type"), "resumed") == 0) {
            actor_wait_closed(has);
            world_check(r->w, has->closed == 4001, "the old connection is closed with %u", has->closed);
            holder = 1 - holder;
            taken++;
            continue;
        }
        json_int_t wait = json_integer_value(json_object_get(rival->said, "retryAfterMs"));
        world_check(r->w, strcmp(actor_text(rival, "code"), "resume-failed") == 0 && wait > 0 && wait <= 1000,
            "who comes too soon may come after %lld ms", (long long)wait);
        refused++;
        run_for(r, 50);
    }
    world_check(
        r->w, taken >= DUEL_LASTS_MS / 1000 && taken <= 2 * DUEL_LASTS_MS / 1000 + 2, "it is taken %u times", taken);
    world_check(
        r->w, refused > taken && bob->moves == moves, "%u are refused, and %u moves told", refused, bob->moves - moves);
    unsigned heard = cast[holder].heard;
    memcpy(cast[holder].id, seat, sizeof seat);
    actor_relay(bob, &cast[holder], 1, 10);
    run_for(r, 1000);
    world_check(r->w, cast[holder].heard == heard + 1, "who has the seat does not hear");
    leave_stage(3);
}
