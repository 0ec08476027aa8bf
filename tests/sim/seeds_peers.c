/* SPDX-License-Identifier: MIT
 *
 * The random runs of people: a room of 2 to 64, its weather and its misfortunes; then everything heals, and after a
 * bounded virtual time what was promised must be so; each wait ends as soon as it is. Most rooms are small, because in
 * them a history is short and every step can be checked; every fiftieth runs with OpenSSL's crypto.
 *
 * Of 1,000 rooms about 870 have 2 to 5 people, 115 have 6 to 8, 13 have 9 to 23 and 2 have 24 to 64. In 700 the paths
 * lose packets, up to 15 % at each end; in 400 half of the people come late. 900 suffer misfortunes, one after another:
 * crashes, half of them with a write that is not synced, partitions, the daemon's death for a while or until the end, wall
 * clocks that jump by up to an hour, new addresses, broken sockets, people who leave and return. In some 25 somebody is away
 * for longer than a message lives, and in every fifth some find their state lost, or an older copy of it. In every seventh there
 * are two servers, each of which dies now and then; in the end all are on the first. What the runs really
 * met is counted (world_note) and printed below them. A link delivers in order and once, as SCTP does: what comes twice
 * or overtakes comes by several ways, or was sent again.
 */
#include "tests/sim/run.h"

enum {
    NOTICE_MS = 15000, /* for a dead link to be noticed: three pings and a restart */
    NEWS_MS = 3000,    /* and for the others to be told that nobody is reached through it */
    LINK_MS = 120000,  /* after healing: the longest backoff, a socket's give-up and a restart or two */
    DELIVER_MS = 180000,
    MISFORTUNE_MS = 2500,
    LOOK_MS = 500,
    REAL_EVERY = 50,
    APART_EVERY = 8,    /* seeds in which some can never be linked */
    TWO_EVERY = 7,      /* seeds with two servers */
    BACK_MS = 90000,    /* to the first of them */
    LOSSES_EVERY = 5,   /* seeds in which some lose their state */
    LOSS_MAX = 151,     /* of 1,000 at each end of a path */
    STORM = 250,        /* at both together */
    STORM_LOSS = 400,   /* at each end, in seeds of storms */
    IN_TIME = 8,        /* people whom some messages reach without a packet sent again, in any weather but a storm */
    ABSENT_CHANCE = 30, /* of 1,000 */
    ABSENT_OF = 4,      /* hours of pings are many events */
    ABSENT_TURNS = 12,
    ABSENT_MS = 4500000, /* at least */
};

static void say_something(struct run *r, struct peerhost *h)
{
    const struct peerhost *to[PEOPLE_MAX];
    struct world *w = r->w;
    unsigned lot = world_below(w, 100), most = lot < 50 ? 0 : lot < 80 ? 1 : 4;
    size_t n = 0;
    for (unsigned i = 0; i < most; i++) {
        const struct peerhost *other = r->people[world_below(w, r->people_count)];
        bool known = other != h && peer_oracle_flaps(r->peer_oracle, peerhost_who(h), peerhost_who(other)) > 0;
        for (size_t k = 0; k < n; k++)
            known = known && to[k] != other;
        if (known)
            to[n++] = other;
    }
    if (most == 0 || n > 0)
        peerhost_send(h, to, n);
}

/* Whoever crashed finds its files gone, or puts back a copy of some time ago. */
static void lose_state(struct run *r, struct peerhost *h)
{
    bool put_back = world_chance(r->w, 600);
    world_note(r->w, put_back ? WORLD_OLDER : WORLD_LOST);
    peerhost_lose(h, put_back);
}

static void disturb_person(struct run *r, struct peerhost *h)
{
    struct world *w = r->w;
    if (!peerhost_is_up(h)) {
        peerhost_start(h);
        return;
    }
    switch (world_below(w, 10)) {
    case 0:
    case 1:
        world_note(w, WORLD_CRASH);
        if (world_chance(w, 500)) /* in the middle of a write */
            say_something(r, h);
        peerhost_crash(h);
        if (r->losses && world_chance(w, 500))
            lose_state(r, h);
        break;
    case 2:
        world_note(w, WORLD_MOVE);
        peerhost_move(h);
        break;
    case 3:
        peerhost_unplug(h);
        break;
    case 4:
    case 5:
        world_note(w, WORLD_CUT);
        world_island(w, peerhost_host(h), 1 + world_below(w, 2));
        break;
    case 6:
        world_note(w, WORLD_CLOCK);
        world_clock_step(w, peerhost_host(h), (int64_t)world_below(w, 7200000) - 3600000);
        break;
    case 7:
        world_note(w, WORLD_LEAVE);
        peerhost_leave(h);
        break;
    default:
        world_heal(w);
    }
}

/* A dead daemon stays dead for some of them. */
static void misfortune(void *who, uint64_t arg)
{
    struct run *r = who;
    struct world *w = r->w;
    (void)arg;
    if (!r->restless)
        return;
    struct daemon *d = r->daemons[r->daemon_count == 1 ? 0 : world_below(w, r->daemon_count)];
    if (!daemon_is_up(d) && world_chance(w, 200)) {
        daemon_start(d);
    } else if (daemon_is_up(d) && world_chance(w, 120)) {
        world_note(w, WORLD_DAEMON);
        daemon_crash(d, world_chance(w, 300));
    } else {
        disturb_person(r, r->people[world_below(w, r->people_count)]);
    }
    if (r->losses && world_chance(w, 400))
        peerhost_copy(r->people[world_below(w, r->people_count)]);
    if (world_chance(w, 200))
        world_heal(w);
    world_at(w, world_now(w) + 1 + world_below(w, 2 * r->trouble_ms), misfortune, r, 0);
}

static void chatter(void *who, uint64_t arg)
{
    struct run *r = who;
    struct world *w = r->w;
    (void)arg;
    if (!r->restless)
        return;
    struct peerhost *h = r->people[world_below(w, r->people_count)];
    for (unsigned burst = world_chance(w, 50) ? 10 : 1; peerhost_is_up(h) && burst-- > 0;)
        say_something(r, h);
    world_at(w, world_now(w) + 1 + world_below(w, r->pace_ms), chatter, r, 0);
}

static unsigned size_of_room(struct world *w)
{
    unsigned lot = world_below(w, 1000);
    unsigned n = lot < 870   ? 2 + world_below(w, 4)
                 : lot < 985 ? 6 + world_below(w, 3)
                 : lot < 998 ? 9 + world_below(w, lot < 995 ? 4 : 15)
                             : 24 + world_below(w, 1 + world_below(w, PEOPLE_MAX - 23));
    if (n > 4)
        world_note(w, WORLD_FIVE);
    if (n > 8)
        world_note(w, WORLD_NINE);
    if (n > 24)
        world_note(w, WORLD_MANY);
    return n;
}

/* The first can be linked with everybody: there is always a way. */
static void forbid_some(struct run *r)
{
    for (unsigned i = 0; i < r->people_count; i++)
        for (unsigned k = 1; k < i; k++)
            if (world_chance(r->w, 150))
                rtc_net_forbid(r->rtcs, peerhost_host(r->people[i]), peerhost_host(r->people[k]));
}

/* What a run is like beside its seed. */
struct life {
    bool forbidden, losses;
    bool two;      /* servers, which have nothing in common */
    uint32_t loss; /* of 1,000 at each end of every path; 0: as it comes */
};

static void gather(struct run *r, unsigned people, const struct life *life)
{
    struct world *w = r->w;
    uint32_t loss = world_chance(w, 700) ? 1 + world_below(w, LOSS_MAX) : 1;
    uint32_t worst = 0;
    bool late = world_chance(w, 400);
    run_add_daemons(r, life->two ? 2 : 1);
    if (loss > 1)
        world_note(w, WORLD_LOSS);
    for (unsigned i = 0; i < people; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", i);
        struct peerhost *h = run_add_person(r, "room", name);
        struct weather here = world_draw_weather(w, 80, 40, loss);
        here.loss = life->loss ? life->loss : here.loss;
        world_weather(w, peerhost_host(h), here);
        if (here.loss + worst > STORM)
            world_note(w, WORLD_STORM);
        worst = here.loss > worst ? here.loss : worst;
        if (i == 0 || !late || world_chance(w, 500))
            peerhost_start(h);
        else
            world_note(w, WORLD_LATE);
    }
}

/* Somebody stays away for longer than a message lives, and the others go on talking, to him too. */
static void stay_away(struct run *r)
{
    struct world *w = r->w;
    struct peerhost *away = r->people[world_below(w, r->people_count)];
    world_note(w, WORLD_ABSENT);
    r->restless = false;
    if (peerhost_is_up(away))
        peerhost_crash(away);
    for (unsigned i = 0; i < ABSENT_TURNS; i++) {
        struct peerhost *h = r->people[world_below(w, r->people_count)];
        run_for(r, ABSENT_MS / ABSENT_TURNS + world_below(w, ABSENT_MS / ABSENT_TURNS));
        if (peerhost_is_up(h))
            say_something(r, h);
    }
}

static void heal(struct run *r)
{
    r->restless = false;
    world_heal(r->w);
    for (unsigned i = 0; i < r->daemon_count; i++)
        if (!daemon_is_up(r->daemons[i]))
            daemon_start(r->daemons[i]);
    for (unsigned i = 0; i < r->people_count; i++)
        if (!peerhost_is_up(r->people[i]))
            peerhost_start(r->people[i]);
    for (uint64_t end = world_now(r->w) + NOTICE_MS; world_now(r->w) < end && !rtc_net_is_sound(r->rtcs);)
        run_for(r, LOOK_MS);
    run_for(r, NEWS_MS);
    run_until_linked(r, LINK_MS);
    run_until_delivered(r, DELIVER_MS);
}

/* Where a message takes longer than TREE_WAIT_MS behind its announcement, each is followed by grafts: a circle is then the
 * tree's answer to lost packets, as in its paper, and goes with the first messages that are not late. So its shape is judged
 * where there are such messages: with many people whose paths lose packets nearly every message is late for somebody. In a
 * room of 58 (seed 6206) one tree had a circle whenever it was looked at for 180 s; from the same moment on, with nothing
 * lost, all twelve were right within 20 s. */
static bool some_come_in_time(const struct life *life, unsigned people)
{
    return !life->loss && people <= IN_TIME;
}

/* Everybody is linked with everybody, and holds no connection more. */
static void wait_for_mesh(struct run *r)
{
    unsigned others = r->people_count - 1, i = 0;
    for (uint64_t end = world_now(r->w) + LINK_MS; i <= others;) {
        const struct peer_stats *n = peerhost_stats(r->people[i]);
        if (n->links_up == others && peerhost_rtcs(r->people[i]) == others) {
            i++;
            continue;
        }
        world_check(r->w, world_now(r->w) < end, "%u has %llu links and %zu connections for %u others", i,
            (unsigned long long)n->links_up, peerhost_rtcs(r->people[i]), others);
        run_for(r, 1000);
        i = 0;
    }
}

/* Whoever is on the second one goes back: a move that failed may be one minute ago. */
static void wait_for_first_server(struct run *r)
{
    unsigned i = 0;
    for (uint64_t end = world_now(r->w) + BACK_MS; i < r->people_count;) {
        if (peerhost_server(r->people[i]) == 0) {
            i++;
            continue;
        }
        world_check(r->w, world_now(r->w) < end, "%u is not on the first server", i);
        run_for(r, 1000);
    }
    world_check(r->w, run_all_linked(r), "a link went down on the way to the first server");
}

static void live(struct run *r, const struct world_options *options, const struct life *life)
{
    run_init(r, options);
    r->losses = life->losses;
    struct world *w = r->w;
    if (options->seed % REAL_EVERY == 0) {
        world_note(w, WORLD_REAL);
        key_ring_real(r->keys);
    }
    unsigned people = size_of_room(w);
    gather(r, people, life);
    if (life->forbidden)
        forbid_some(r);
    rtc_net_congestion(r->rtcs, world_below(w, 3) * 10);
    r->restless = true;
    r->pace_ms = 100 + world_below(w, 1500);
    r->trouble_ms = MISFORTUNE_MS / (1 + people / 4);
    world_at(w, world_now(w) + 1 + world_below(w, 2000), chatter, r, 0);
    if (world_chance(w, 900))
        world_at(w, world_now(w) + MISFORTUNE_MS, misfortune, r, 0);
    run_for(r, 8000 + world_below(w, 20000));
    if (people <= ABSENT_OF && world_chance(w, ABSENT_CHANCE))
        stay_away(r);
    heal(r);
    if (!some_come_in_time(life, people))
        run_calm(r);
    run_until_tree(r, DELIVER_MS);
    run_until_delivered(r, DELIVER_MS);
    world_check(w, run_all_linked(r), "a link went down in peace");
    if (life->two)
        wait_for_first_server(r);
    if (!life->forbidden && people <= 8)
        wait_for_mesh(r);
    if (peer_oracle_traffic(r->peer_oracle)->alone > 0)
        world_note(w, WORLD_AGAIN);
    world_count(w);
}

void seed_peers(struct run *r, const struct world_options *options)
{
    live(r, options,
        &(struct life){.forbidden = options->seed % APART_EVERY == 0,
            .two = options->seed % TWO_EVERY == 1,
            .losses = options->seed % LOSSES_EVERY == LOSSES_EVERY - 1});
}

void seed_apart(struct run *r, const struct world_options *options)
{
    live(r, options, &(struct life){.forbidden = true});
}

void seed_losses(struct run *r, const struct world_options *options)
{
    live(r, options, &(struct life){.losses = true});
}

void seed_storms(struct run *r, const struct world_options *options)
{
    live(r, options, &(struct life){.loss = STORM_LOSS});
}
