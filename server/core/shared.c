/* SPDX-License-Identifier: MIT */
#include "server/core/shared_inner.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "server/core/batch.h"
#include "server/core/bus_rest.h"
#include "server/core/cluster.h"
#include "server/core/member.h"
#include "server/core/pending.h"
#include "server/core/remote.h"
#include "server/core/room.h"
#include "server/core/say.h"

/* ---- the room comes and goes ---- */

bool shared_begin(struct core *c, struct room *room)
{
    struct shared *sh = c->cluster ? calloc(1, sizeof *sh) : NULL;
    if (!c->cluster)
        return true;
    if (!sh)
        return false;
    sh->room = room;
    room->shared = sh;
    DL_APPEND(c->cluster->rooms, sh);
    return true;
}

void shared_free(struct shared *sh)
{
    if (!sh)
        return;
    free(sh->there);
    free(sh);
}

static void stale_end(struct core *c, struct shared *sh)
{
    if (sh->stale)
        DL_DELETE2(c->cluster->stale, sh, stale_prev, stale_next);
    sh->stale = false;
}

void shared_job_end(struct core *c, struct shared *sh)
{
    if (!sh->job)
        return;
    DL_DELETE2(c->cluster->syncing, sh, stale_prev, stale_next);
    c->cluster->syncing_n--;
    sh->job = 0;
}

void shared_end(struct core *c, struct room *room)
{
    struct shared *sh = room->shared;
    if (!sh)
        return;
    stale_end(c, sh);
    shared_job_end(c, sh);
    if (c->cluster->cursor == sh)
        c->cluster->cursor = sh->next;
    DL_DELETE(c->cluster->rooms, sh);
    shared_free(sh);
    room->shared = NULL;
}

const struct room_terms *shared_terms(const struct shared *sh)
{
    return sh->there ? &sh->there->terms : NULL;
}

/* ---- what is written of a room and its members ---- */

void shared_entry(const struct core *c, const struct member *m, bool away, struct buf *out)
{
    bus_entry_write(out, &(struct bus_entry){.away = away,
                             .dialect = say_dialect(c, m->dialect)->mark,
                             .generation = m->generation,
                             .previous = member_previous(m),
                             .introduction = member_introduction(m)});
}

void shared_new_terms(const struct core *c, uint64_t incarnation, struct buf *out)
{
    struct bus_terms t = {.made = false};
    t.room.incarnation = incarnation;
    t.room.created_ms = c->unix_ms;
    t.room.listed = c->settings.list_joined;
    bus_terms_write(out, &t);
}

void shared_write_terms(const struct core *c, const struct room *room, struct buf *out)
{
    struct bus_terms t = {.made = false};
    const struct made_there *there = room->shared->there;
    if (room->made) {
        t = (struct bus_terms){room->made->terms, true, cluster_self(c)};
    } else if (there) {
        t = (struct bus_terms){there->terms, true, {there->keeper, there->keeper_n}};
    } else {
        t.room.created_ms = room->created_ms;
        t.room.listed = c->settings.list_joined;
    }
    t.room.incarnation = room->incarnation;
    bus_terms_write(out, &t);
}

/* ---- what becomes of ours ---- */

static bool has_ours(const struct room *room)
{
    const struct member *m = room->members;
    while (m && member_is_remote(m))
        m = m->next;
    return m != NULL;
}

/* A server that stops leaves the seats of those who did not mean to leave: they come back elsewhere. */
static bool stays_behind(const struct core *c, enum departure why)
{
    return c->draining && why != DEPARTURE_LEFT && c->settings.crypto && c->settings.resume_grace_ms > 0;
}

static void mark(struct core *c, const struct member *m, bool away)
{
    char id[PEER_ID_MAX];
    struct buf entry;
    buf_init(&entry, BUS_ENTRY_MAX);
    shared_entry(c, m, away, &entry);
    if (entry.failed ||
        !cluster_do(c,
            &(struct core_bus){
                .op = BUS_MARK, .room = room_id_of(m->room), .peer = say_own_id(c, m, id), .entry = buf_view(&entry)}))
        shared_stale(c, m->room->shared);
    buf_done(&entry);
}

void shared_marks(struct core *c, const struct member *m)
{
    if (cluster_is_up(c))
        mark(c, m, member_is_away(m));
}

void shared_take_off(struct core *c, struct span room, struct span peer, enum departure why)
{
    if (cluster_is_up(c))
        cluster_do(c, &(struct core_bus){.op = BUS_LEAVE,
                          .room = room,
                          .peer = peer,
                          .why = (uint8_t)why,
                          .linger_ms = c->settings.room_linger_ms,
                          .ttl_ms = c->settings.room_ttl_ms});
}

void shared_leaves(struct core *c, const struct member *m, enum departure why)
{
    char id[PEER_ID_MAX];
    if (!cluster_is_up(c))
        return;
    if (stays_behind(c, why) && !m->room->closing)
        mark(c, m, true);
    else
        shared_take_off(c, room_id_of(m->room), say_own_id(c, m, id), why);
}

void shared_rests(struct core *c, struct room *room)
{
    struct shared *sh = room->shared;
    sh->known = false;
    stale_end(c, sh);
    shared_job_end(c, sh);
}

void shared_thins(struct core *c, struct room *room)
{
    if (room->made || has_ours(room))
        return;
    room->silent = room->count > 0;
    shared_rests(c, room);
    if (room->count == 0) {
        room_abandon(c, room);
        return;
    }
    for (bool last = false; !last;) {
        last = room->count == 1;
        remote_leave(c, room->members);
    }
}

void shared_closes(struct core *c, struct room *room, bool only_empty)
{
    if (room->made && cluster_is_up(c))
        cluster_do(c,
            &(struct core_bus){
                .op = BUS_CLOSE, .room = room_id_of(room), .incarnation = room->incarnation, .only_empty = only_empty});
}

/* ---- in line ---- */

void shared_stale(struct core *c, struct shared *sh)
{
    sh->again = sh->job != 0;
    if (sh->stale || sh->job || !cluster_is_up(c))
        return;
    sh->stale = true;
    DL_APPEND2(c->cluster->stale, sh, stale_prev, stale_next);
}

void shared_all_stale(struct core *c)
{
    c->cluster->cursor = c->cluster->rooms;
}

void shared_forget_jobs(struct core *c)
{
    struct cluster *cl = c->cluster;
    while (cl->syncing)
        shared_job_end(c, cl->syncing);
    while (cl->stale)
        stale_end(c, cl->stale);
    cl->cursor = NULL;
}

/* A list of ours, each with its entry. */
struct ours {
    struct core_bus_seat *seats;
    size_t n;
    struct buf text;
};

static bool add_ours(const struct core *c, const struct member *m, struct ours *o)
{
    char id[PEER_ID_MAX];
    struct span peer = say_own_id(c, m, id);
    size_t at = o->text.len;
    buf_span(&o->text, peer);
    shared_entry(c, m, member_is_away(m), &o->text);
    o->seats[o->n++] = (struct core_bus_seat){.peer = {NULL, peer.n}, .entry = {NULL, o->text.len - at - peer.n}};
    return !o->text.failed;
}

static bool write_ours(const struct core *c, const struct room *room, struct ours *o)
{
    buf_init(&o->text, (size_t)room->count * (PEER_ID_MAX + BUS_ENTRY_MAX));
    o->n = 0;
    o->seats = calloc(room->count + 1, sizeof *o->seats);
    if (!o->seats)
        return false;
    for (const struct member *m = room->members; m; m = m->next)
        if (!member_is_remote(m) && !add_ours(c, m, o))
            return false;
    const char *at = o->text.p;
    for (size_t i = 0; i < o->n; i++) {
        o->seats[i].peer.p = at;
        o->seats[i].entry.p = at + o->seats[i].peer.n;
        at = o->seats[i].entry.p + o->seats[i].entry.n;
    }
    return true;
}

/* A room made here is to be there first. */
static bool ask_create(struct core *c, const struct room *room, struct span terms)
{
    uint64_t job;
    if (!room->made)
        return true;
    struct pending why = {.kind = PENDING_BUS_REST, .step = BUS_REST_AGAIN, .conn = {UINT32_MAX, 0}};
    memcpy(why.room, room->id, room->id_n);
    why.room_n = room->id_n;
    return pending_bus(c, &why, &job) == ERROR_NONE && cluster_do(c, &(struct core_bus){.op = BUS_CREATE,
                                                                         .job = job,
                                                                         .room = room_id_of(room),
                                                                         .terms = terms,
                                                                         .life = rng_u64(c->rng),
                                                                         .again = true,
                                                                         .ttl_ms = c->settings.room_ttl_ms});
}

static bool ask_sync(struct core *c, const struct room *room, struct span terms, const struct ours *o, uint64_t job)
{
    return cluster_do(c, &(struct core_bus){.op = BUS_SYNC,
                             .job = job,
                             .room = room_id_of(room),
                             .terms = terms,
                             .life = rng_u64(c->rng),
                             .incarnation = room->incarnation,
                             .capacity = c->settings.max_room_members,
                             .seats = o->seats,
                             .seats_n = o->n});
}

static void sync_room(struct core *c, struct shared *sh)
{
    struct room *room = sh->room;
    struct ours o;
    struct buf terms;
    stale_end(c, sh);
    if (sh->job || (!room->made && !has_ours(room)))
        return;
    buf_init(&terms, BUS_TERMS_MAX);
    shared_write_terms(c, room, &terms);
    uint64_t job = ++c->last_job;
    bool ok = write_ours(c, room, &o) && !terms.failed && ask_create(c, room, buf_view(&terms)) &&
              ask_sync(c, room, buf_view(&terms), &o, job);
    free(o.seats);
    buf_done(&o.text);
    buf_done(&terms);
    if (!ok) {
        shared_stale(c, sh);
        return;
    }
    sh->job = job;
    sh->again = false;
    sh->seen = 0;
    DL_APPEND2(c->cluster->syncing, sh, stale_prev, stale_next);
    c->cluster->syncing_n++;
    c->stats.bus_synced_total++;
    for (struct member *m = room->members; m; m = m->next)
        m->awaited = !member_is_remote(m);
}

bool shared_is_due(const struct core *c)
{
    const struct cluster *cl = c->cluster;
    return cl->syncing_n < SYNCS_MAX && (cl->stale || cl->cursor);
}

void shared_tick(struct core *c)
{
    struct cluster *cl = c->cluster;
    for (uint32_t n = batch_size(c); n > 0 && shared_is_due(c); n--) {
        struct shared *sh = cl->stale;
        if (!sh) {
            sh = cl->cursor;
            cl->cursor = sh->next;
        }
        sync_room(c, sh);
    }
}
