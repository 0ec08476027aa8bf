/* SPDX-License-Identifier: MIT
 *
 * The random runs of files: two to five people, of whom some offer files to others or to the room while links are lost,
 * processes die and disks lose what was not synced. Whoever begins again offers its files again; whoever is offered a file that it
 * has not takes it. In some runs one of them lies about what it gives, and tells and asks what it may not. Then everything
 * heals, and everybody has all that he was offered; filedisk.c judges every byte on the way.
 */
#include "tests/sim/filedisk.h"
#include "tests/sim/run.h"

enum {
    LOSS_MAX = 60,     /* of 1,000 at each end of a path */
    FILES_MAX = 4,     /* of a run */
    BLOCKS_MAX = 6,    /* of a file */
    LIARS = 400,       /* of 1,000 runs: one of them lies, until everything heals */
    KEEPS = 400,       /* of 1,000 people: their offers outlive their process, and are not made again */
    LATE = 300,        /* of 1,000 runs: one of them is there only after the troubles */
    APART = 400,       /* of 1,000 runs of three or more: two of them can never be linked */
    TROUBLES_MAX = 8,  /* of a run */
    TROUBLE_MS = 6000, /* between two, at most */
    DONE_MS = 600000,  /* for all files to be there, once everything has healed */
    HEALED_MS = 20000, /* for links to be there again before the liar is honest */
    LOOK_MS = 500
};

static void offer_some(struct run *r)
{
    struct world *w = r->w;
    for (unsigned n = 1 + world_below(w, FILES_MAX); n > 0; n--) {
        struct peerhost *from = r->people[world_below(w, r->people_count)];
        struct peerhost *to = r->people[world_below(w, r->people_count)];
        char name[64];
        uint64_t size = world_chance(w, 200) ? world_below(w, 3) : world_below(w, BLOCKS_MAX * FILE_BLOCK_BYTES);
        snprintf(name, sizeof name, "%llu-%u", (unsigned long long)size, world_below(w, 1000000));
        peerhost_offer(from, to == from ? NULL : to, name);
    }
}

static void trouble(struct run *r)
{
    struct world *w = r->w;
    struct peerhost *h = r->people[world_below(w, r->people_count)];
    if (!peerhost_is_up(h)) {
        peerhost_start(h);
        return;
    }
    switch (world_below(w, 5)) {
    case 0:
    case 1:
        world_note(w, WORLD_CRASH);
        peerhost_crash(h);
        break;
    case 2:
        world_note(w, WORLD_MOVE);
        peerhost_move(h);
        break;
    case 3:
        world_note(w, WORLD_CUT);
        world_island(w, peerhost_host(h), 1 + world_below(w, 2));
        break;
    default:
        world_heal(w);
    }
}

static bool all_have_all(const struct run *r)
{
    for (unsigned i = 0; i < r->people_count; i++)
        if (!peerhost_files_done(r->people[i]))
            return false;
    return true;
}

void seed_files(struct run *r, const struct world_options *options)
{
    struct core_settings settings = daemon_settings();
    run_init(r, options);
    struct world *w = r->w;
    unsigned people = 2 + world_below(w, 4);
    run_add_daemon(r, &settings);
    for (unsigned i = 0; i < people; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", i);
        struct peerhost *h = run_add_person(r, "room", name);
        world_weather(w, peerhost_host(h), world_draw_weather(w, 40, 0, LOSS_MAX));
        if (world_chance(w, KEEPS))
            peerhost_keep_offers(h);
        if (i > 0 || !world_chance(w, LATE))
            peerhost_start(h);
    }
    rtc_net_congestion(r->rtcs, world_below(w, 3) * 10);
    if (people > 2 && world_chance(w, APART)) /* their files go through others */
        rtc_net_forbid(r->rtcs, peerhost_host(r->people[0]), peerhost_host(r->people[1]));
    offer_some(r);
    struct peerhost *liar = world_chance(w, LIARS) ? r->people[world_below(w, people)] : NULL;
    if (liar)
        peerhost_lie(liar, true);
    for (unsigned n = world_below(w, TROUBLES_MAX); n > 0; n--) {
        run_for(r, 1 + world_below(w, TROUBLE_MS));
        trouble(r);
    }
    world_heal(w);
    for (unsigned i = 0; i < people; i++)
        if (!peerhost_is_up(r->people[i]))
            peerhost_start(r->people[i]);
    if (liar) {
        run_for(r, HEALED_MS);
        peerhost_lie(liar, false);
    }
    for (uint64_t end = world_now(w) + DONE_MS; !all_have_all(r); run_for(r, LOOK_MS))
        world_check(w, world_now(w) < end, "somebody has not got a file");
    world_count(w);
}
