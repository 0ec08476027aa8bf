/* SPDX-License-Identifier: MIT
 *
 * From a sender alone blocks come in their order. In a room, where several have some, each asks its sender for a few blocks by
 * chance, the rarest first, and gets from the others what they have: so each block leaves the sender hardly more than once.
 *
 * Who asks bounds what is under way, so nobody is sent more than it can write; whoever gives only answers (serve.c).
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/link/files_channel.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/port/effects.h"
#include "peer/core/transfer/block_map.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/fetch.h"
#include "peer/core/transfer/stall.h"

#define NO_BLOCK UINT32_MAX

/* ---- partners ---- */

struct partner *fetch_find_partner(const struct download *d, struct span who)
{
    struct partner *partner = d->partners;
    while (partner && !span_is(who, partner->who))
        partner = partner->next;
    return partner;
}

static void partner_free(struct download *d, struct partner *partner)
{
    DL_DELETE(d->partners, partner);
    free(partner->map);
    free(partner->coming);
    free(partner);
}

static struct partner *partner_of(struct download *d, struct person *who)
{
    struct partner *partner = fetch_find_partner(d, person_id(who));
    if (partner || !(partner = calloc(1, sizeof *partner)))
        return partner;
    text_copy(partner->who, sizeof partner->who, person_id(who));
    DL_APPEND(d->partners, partner);
    return partner;
}

void fetch_all_of(struct peer *p, struct person *who, struct download *d)
{
    assert(download_is_from(d, who));
    if (partner_of(d, who))
        fetch_more(p, d);
}

void fetch_partner(struct peer *p, struct person *who, struct download *d, struct span map)
{
    struct partner *partner = partner_of(d, who);
    if (!partner)
        return;
    size_t bytes = block_map_bytes(d->blocks) + 1;
    if (!partner->map) {
        partner->map = calloc(bytes, 1);
        partner->coming = calloc(bytes, 1);
    }
    if (!partner->map || !partner->coming)
        partner_free(d, partner);
    else if (!block_map_read(map, partner->map, d->blocks))
        guard_refuse(p, who, "a map of blocks that the file has not");
    if (d->state == DOWNLOAD_FETCHING)
        fetch_more(p, d);
}

/* ---- what is under way ---- */

static struct fetch *find_fetch(const struct download *d, uint32_t block)
{
    struct fetch *f = d->fetches;
    while (f && f->block != block)
        f = f->next;
    return f;
}

/* Of this one it is. */
static bool is_awaited(const struct fetch *f, const struct person *who)
{
    return f->awaited && span_is(person_id(who), f->giver);
}

/* Whoever was asked is awaited no more. */
static void let_go(struct peer *p, struct fetch *f)
{
    struct person *who = f->awaited ? roster_find(p, span_of(f->giver)) : NULL;
    if (who) {
        assert(who->fetching > 0);
        who->fetching--;
    }
    f->awaited = false;
}

/* The block is to be asked for again, if it is not there. */
static void drop_fetch(struct peer *p, struct download *d, struct fetch *f)
{
    if (f->awaited)
        block_map_add(d->given_up, f->block);
    let_go(p, f);
    block_map_remove(d->asked, f->block);
    if (f->block < d->next)
        d->next = f->block;
    DL_DELETE(d->fetches, f);
    free(f);
    assert(p->fetches > 0);
    p->fetches--;
}

void fetch_drop_of(struct peer *p, struct download *d, struct span who)
{
    struct fetch *f, *next;
    DL_FOREACH_SAFE (d->fetches, f, next)
        if (f->awaited && span_is(who, f->giver))
            drop_fetch(p, d, f);
}

void fetch_drop_partner(struct peer *p, struct download *d, struct span who)
{
    struct partner *partner = fetch_find_partner(d, who);
    fetch_drop_of(p, d, who);
    if (partner)
        partner_free(d, partner);
}

void fetch_stop(struct peer *p, struct download *d)
{
    struct file_frame stop = {.type = FILE_FRAME_STOP, .file_id = span_of(d->id)};
    struct fetch *f = d->fetches;
    while (f) {
        struct person *who = f->awaited ? roster_find(p, span_of(f->giver)) : NULL;
        if (!who) {
            f = f->next;
            continue;
        }
        files_send(p, who, &stop, f->relayed);
        fetch_drop_of(p, d, person_id(who));
        f = d->fetches;
    }
}

void fetch_clear(struct peer *p, struct download *d)
{
    fetch_stop(p, d);
    while (d->fetches)
        drop_fetch(p, d, d->fetches);
    while (d->partners)
        partner_free(d, d->partners);
}

/* ---- which block, of whom ---- */

static bool is_missing(const struct download *d, uint32_t block)
{
    return !block_map_has(d->have, block) && !block_map_has(d->asked, block);
}

static bool partner_has(const struct partner *partner, uint32_t block)
{
    return !partner->map || block_map_has(partner->map, block);
}

/* Those who have it, or will soon. */
static unsigned holders(const struct download *d, uint32_t block)
{
    unsigned n = 0;
    for (const struct partner *partner = d->partners; partner; partner = partner->next)
        n += partner_has(partner, block) || (partner->coming && block_map_has(partner->coming, block));
    return n;
}

/* In order; NO_BLOCK: none is missing. */
static uint32_t first_missing(struct download *d)
{
    while (d->next < d->blocks && !is_missing(d, d->next))
        d->next++;
    return d->next < d->blocks ? d->next : NO_BLOCK;
}

/* The rarest of some that this one has, from a place by chance on. */
static uint32_t rare_missing(struct peer *p, struct download *d, const struct partner *partner)
{
    uint32_t best = NO_BLOCK, seen = 0, start = rng_below(&p->rng, d->blocks);
    unsigned fewest = UINT32_MAX;
    for (uint32_t i = 0; i < d->blocks && seen < RARE_SEEN_MAX; i++) {
        uint32_t block = start + i < d->blocks ? start + i : start + i - d->blocks;
        if (!is_missing(d, block) || !partner_has(partner, block))
            continue;
        seen++;
        unsigned n = holders(d, block);
        if (n < fewest) {
            fewest = n;
            best = block;
        }
    }
    return best;
}

/* Others have some of it too, or will soon. */
static bool is_shared(const struct peer *p, const struct download *d)
{
    return (d->partners && d->partners->next) || (d->room && p->now < d->began + OTHERS_SOON_MS);
}

/* Who gave a wrong block is asked for none of a file of somebody else. */
static bool can_be_asked(struct peer *p, const struct download *d, struct person *who, unsigned window)
{
    if (!who || (who->lied && !download_is_from(d, who)) || p->now < who->fetch_after || who->fetching >= window)
        return false;
    return link_is_up(who) ? files_channel(p, who) != NULL
                           : who->fetching < FETCH_RELAYED_MAX && files_relay_reaches(p, who);
}

static void tell_others(struct peer *p, const struct download *d, enum file_frame_type type, uint32_t block)
{
    struct file_frame f = {.type = type, .file_id = span_of(d->id), .block = block};
    for (const struct partner *partner = d->partners; partner; partner = partner->next) {
        struct person *who = partner->map ? roster_find(p, span_of(partner->who)) : NULL;
        if (who && link_is_up(who))
            files_channel_send(p, who, &f);
    }
}

/* All that is missing of the block; through others its next stretch. */
static bool ask_stretch(struct peer *p, struct download *d, struct person *who, struct fetch *f)
{
    uint32_t rest = f->bytes - f->next_byte, n = f->relayed && rest > RELAYED_STRETCH ? RELAYED_STRETCH : rest;
    struct file_frame wanted = {
        .type = FILE_FRAME_WANTED, .file_id = span_of(d->id), .block = f->block, .offset = f->next_byte, .n = n};
    f->asked_to = f->next_byte + n;
    stall_wanted(p, d);
    f->stuck_at = p->now + (f->relayed ? (uint64_t)RELAYED_AGAIN_MS << f->tries : STUCK_MS);
    effect_wake(p, f->stuck_at);
    return files_send(p, who, &wanted, f->relayed);
}

static bool ask(struct peer *p, struct download *d, struct person *who, uint32_t block)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (f)
        *f = (struct fetch){
            .awaited = true, .relayed = !link_is_up(who), .block = block, .bytes = file_block_bytes(d->size, block)};
    if (!f || !ask_stretch(p, d, who, f)) {
        free(f);
        return false;
    }
    text_copy(f->giver, sizeof f->giver, person_id(who));
    DL_APPEND(d->fetches, f);
    block_map_add(d->asked, block);
    who->fetching++;
    p->fetches++;
    return true;
}

/* One block of somebody: of the others first; of its sender what none of them has, or if nothing is awaited of them. */
static bool ask_one(struct peer *p, struct download *d)
{
    struct partner *partner;
    bool awaited = false;
    DL_FOREACH (d->partners, partner) {
        struct person *who = partner->map ? roster_find(p, span_of(partner->who)) : NULL;
        if (!who)
            continue;
        uint32_t block = can_be_asked(p, d, who, FETCH_MAX) ? rare_missing(p, d, partner) : NO_BLOCK;
        if (block != NO_BLOCK)
            return ask(p, d, who, block);
        awaited = awaited || who->fetching > 0;
    }
    struct person *from = roster_find(p, span_of(d->from));
    bool shared = is_shared(p, d);
    if (!(partner = fetch_find_partner(d, span_of(d->from))) || p->now < d->ask_after || d->sender_paused ||
        !can_be_asked(p, d, from, shared ? FETCH_SHARED_MAX : FETCH_MAX))
        return false;
    uint32_t block = shared ? rare_missing(p, d, partner) : first_missing(d);
    if (block == NO_BLOCK)
        return false;
    if (shared && holders(d, block) > 1) {
        /* Others have it, or get it now: it is better had of them, unless nothing moves. */
        if (awaited || p->now < d->moved_at + BLOCK_PATIENCE_MS) {
            effect_wake(p, d->moved_at + BLOCK_PATIENCE_MS > p->now ? d->moved_at + BLOCK_PATIENCE_MS : NEVER);
            return false;
        }
        d->moved_at = p->now;
    }
    if (!ask(p, d, from, block))
        return false;
    tell_others(p, d, FILE_FRAME_COMING, block);
    return true;
}

static void ask_hashes(struct peer *p, struct download *d)
{
    struct person *who = roster_find(p, span_of(d->from));
    struct file_frame wanted = {.type = FILE_FRAME_HASHES_WANTED, .file_id = span_of(d->id), .block = d->known};
    effect_wake(p, d->hashes_at > p->now ? d->hashes_at : NEVER);
    if (!who || !who->keyed || !fetch_find_partner(d, person_id(who)) || p->now < d->hashes_at)
        return;
    if (!link_is_up(who) && !files_relay_reaches(p, who))
        return;
    stall_wanted(p, d);
    if (files_send(p, who, &wanted, !link_is_up(who)))
        d->hashes_at = p->now + (link_is_up(who) ? ASK_FILE_AGAIN_MS : RELAYED_AGAIN_MS);
    effect_wake(p, d->hashes_at > p->now ? d->hashes_at : NEVER);
}

void fetch_more(struct peer *p, struct download *d)
{
    assert(d->state == DOWNLOAD_FETCHING);
    if (d->have_count == d->blocks || d->paused)
        return;
    if (!d->proved) {
        ask_hashes(p, d);
        return;
    }
    struct person *from = roster_find(p, span_of(d->from));
    if (from && link_is_up(from) && !d->fetches && !files_channel(p, from))
        stall_wanted(p, d); /* they let no channel open */
    while (p->fetches < FETCHES_MAX && ask_one(p, d))
        ;
}

/* ---- what comes ---- */

/* Of what was asked for and is awaited no more; or of a file that is at its end. */
static bool is_late(const struct download *d, uint32_t block)
{
    if (d->state != DOWNLOAD_FETCHING)
        return d->accepted;
    return d->paused || d->sender_paused || (block < d->blocks && block_map_has(d->given_up, block));
}

/* Over a link nothing is lost or changed: what was not asked for shows that its sender will not do as it should. */
void fetch_misfit(struct peer *p, struct person *who, struct download *d)
{
    if (d->state == DOWNLOAD_FETCHING && download_is_from(d, who) && ++d->wrong >= WRONG_MAX)
        download_cannot(p, d, "wrong-data", "its sender gives what was not asked for, and not what was");
}

/* Hashes that are asked for again, for they were slow, come twice. */
static bool are_late(const struct download *d, const struct file_frame *f, uint32_t n)
{
    return d->accepted && (d->state != DOWNLOAD_FETCHING || d->proved || f->block + n <= d->known);
}

void fetch_hashes(struct peer *p, struct person *who, struct download *d, const struct file_frame *f, bool relayed)
{
    uint8_t root[HASH_BYTES];
    uint32_t n = (uint32_t)(f->bytes.n / HASH_BYTES);
    if (d->state != DOWNLOAD_FETCHING || d->proved || !download_is_from(d, who) || f->block != d->known ||
        n > d->blocks - d->known) {
        if (!relayed &&
            !(download_is_from(d, who) && are_late(d, f, n))) /* there some may be lost, and others come twice */
            guard_refuse(p, who, "hashes that were not asked for");
        return;
    }
    assert(d->hashes && f->bytes.p);
    stall_heard(p, d, who);
    memcpy(d->hashes + (size_t)d->known * HASH_BYTES, f->bytes.p, f->bytes.n);
    d->known += n;
    d->hashes_at = p->now + ASK_FILE_AGAIN_MS;
    if (d->known % HASHES_AT_ONCE == 0)
        d->hashes_at = p->now;
    if (d->known == d->blocks) {
        struct span list = {(const char *)d->hashes, (size_t)d->blocks * HASH_BYTES};
        p->crypto.sha256(p->crypto.ctx, list, root);
        if (memcmp(root, d->root, sizeof root) != 0) {
            download_cannot(p, d, "wrong-hashes", "its hashes do not agree with the file's");
            return;
        }
        d->proved = true;
        effect_part_hashes(p, d->file, list);
    }
    fetch_more(p, d);
}

/* Not what comes next. The end of a stretch tells that some before it was lost. */
static void odd_chunk(struct peer *p, struct person *who, struct download *d, struct fetch *fetch,
    const struct file_frame *f, bool relayed)
{
    bool ours = fetch && is_awaited(fetch, who) && fetch->relayed;
    if (!relayed && !is_late(d, f->block)) {
        guard_refuse(p, who, "bytes of a file that were not asked for");
        fetch_misfit(p, who, d);
    } else if (ours && f->offset > fetch->next_byte && f->offset + f->bytes.n == fetch->asked_to &&
               ++fetch->tries < RELAYED_TRIES_MAX) {
        ask_stretch(p, d, who, fetch);
    }
}

void fetch_chunk(struct peer *p, struct person *who, struct download *d, const struct file_frame *f, bool relayed)
{
    struct fetch *fetch = d->state == DOWNLOAD_FETCHING ? find_fetch(d, f->block) : NULL;
    if (!fetch || !is_awaited(fetch, who) || fetch->relayed != relayed || f->offset != fetch->next_byte ||
        f->bytes.n > fetch->asked_to - fetch->next_byte) {
        odd_chunk(p, who, d, fetch, f, relayed);
        return;
    }
    effect_part_write(p, d->file, f->block, f->offset, f->bytes, relayed);
    fetch->next_byte += (uint32_t)f->bytes.n;
    fetch->tries = 0;
    stall_heard(p, d, who);
    fetch->stuck_at = p->now + (relayed ? RELAYED_AGAIN_MS : STUCK_MS);
    if (fetch->next_byte < fetch->asked_to)
        return;
    if (fetch->next_byte < fetch->bytes) {
        ask_stretch(p, d, who, fetch);
        return;
    }
    let_go(p, fetch);
    fetch_more(p, d);
}

void fetch_refused(struct peer *p, struct person *who, struct download *d, uint32_t block)
{
    struct fetch *f = find_fetch(d, block);
    struct partner *partner = fetch_find_partner(d, person_id(who));
    if (!f || !partner || !is_awaited(f, who))
        return;
    drop_fetch(p, d, f);
    if (partner->map) {
        block_map_remove(partner->map, block);
    } else {
        d->ask_after = p->now + ASK_FILE_AGAIN_MS;
        effect_wake(p, d->ask_after);
        download_say_state(p, d); /* if it knows nothing of it any more, it says so */
    }
    fetch_more(p, d);
}

void fetch_had(struct peer *p, struct person *who, struct download *d, uint32_t block)
{
    struct partner *partner = fetch_find_partner(d, person_id(who));
    if (!partner || !partner->map || block >= d->blocks)
        return;
    block_map_add(partner->map, block);
    d->moved_at = p->now;
    if (d->state == DOWNLOAD_FETCHING)
        fetch_more(p, d);
}

void fetch_coming(struct person *who, struct download *d, uint32_t block)
{
    struct partner *partner = fetch_find_partner(d, person_id(who));
    if (partner && partner->map && block < d->blocks)
        block_map_add(partner->coming, block);
}

static void wrong_block(struct peer *p, struct download *d, struct span giver)
{
    struct person *who = roster_find(p, giver);
    p->stats.blocks_wrong_total++;
    if (who)
        guard_refuse(p, who, "a block that is not what its hash says");
    if (span_is(giver, d->from)) {
        if (++d->wrong >= WRONG_MAX)
            download_cannot(p, d, "wrong-data", "what its sender gives is not what it offered");
        return;
    }
    if (who)
        who->lied = true;
    fetch_drop_partner(p, d, giver);
}

void fetch_written(struct peer *p, struct download *d, uint32_t block, const uint8_t hash[HASH_BYTES])
{
    char giver[PERSON_MAX + 1];
    struct fetch *f = d->state == DOWNLOAD_FETCHING ? find_fetch(d, block) : NULL;
    if (!f || f->awaited) /* asked for again meanwhile: those bytes come anew */
        return;
    memcpy(giver, f->giver, sizeof giver);
    drop_fetch(p, d, f);
    assert(d->hashes);
    if (memcmp(hash, d->hashes + (size_t)block * HASH_BYTES, HASH_BYTES) == 0)
        download_block_there(p, d, block);
    else
        wrong_block(p, d, span_of(giver));
    if (d->state == DOWNLOAD_FETCHING)
        fetch_more(p, d);
}

/* ---- links and time ---- */

void fetch_drop_relayed(struct peer *p, struct person *who)
{
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next) {
        struct fetch *f, *next_fetch;
        DL_FOREACH_SAFE (d->fetches, f, next_fetch)
            if (f->relayed && is_awaited(f, who))
                drop_fetch(p, d, f);
    }
}

void fetch_link_down(struct peer *p, struct person *who)
{
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next) {
        fetch_drop_partner(p, d, person_id(who));
        if (d->state == DOWNLOAD_FETCHING)
            fetch_more(p, d);
    }
    assert(who->fetching == 0 || who->left); /* who was forgotten is not found by its id any more */
    who->fetching = 0;
    who->fetch_after = who->gave_at = 0;
}

/* Through others something may have been lost. False: it was tried often enough, or nobody leads there. */
static bool ask_again(struct peer *p, struct download *d, struct fetch *f)
{
    struct person *who = f->relayed ? roster_find(p, span_of(f->giver)) : NULL;
    return who && ++f->tries < RELAYED_TRIES_MAX && ask_stretch(p, d, who, f);
}

/* Blocks come in the order in which they were asked for: while others come, it is not this one's turn yet. */
static uint64_t stuck_at(struct peer *p, const struct fetch *f)
{
    const struct person *who = f->relayed ? NULL : roster_find(p, span_of(f->giver));
    return who && who->gave_at + STUCK_MS > f->stuck_at ? who->gave_at + STUCK_MS : f->stuck_at;
}

/* Whoever leaves one block waiting is asked for none for a while. */
static void drop_stuck(struct peer *p, struct download *d)
{
    char giver[PERSON_MAX + 1];
    struct fetch *f = d->fetches;
    while (f) {
        if (f->awaited && p->now >= stuck_at(p, f) && !ask_again(p, d, f)) {
            struct person *who = roster_find(p, span_of(f->giver));
            memcpy(giver, f->giver, sizeof giver);
            fetch_drop_of(p, d, span_of(giver));
            if (who) {
                who->fetch_after = p->now + ASK_FILE_AGAIN_MS;
                effect_wake(p, who->fetch_after);
            }
            f = d->fetches;
        } else {
            effect_wake(p, f->awaited ? stuck_at(p, f) : NEVER);
            f = f->next;
        }
    }
}

void fetch_due(struct peer *p)
{
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next)
        if (d->state == DOWNLOAD_FETCHING) {
            struct person *from = roster_find(p, span_of(d->from));
            drop_stuck(p, d);
            if (from && files_reach(p, from))
                partner_of(d, from);
            if (stall_due(p, d))
                download_cannot(p, d, "stalled",
                    "nothing of it has come for a minute, while its sender could be reached: what came stays, and the "
                    "next "
                    "try goes on with it");
            else
                fetch_more(p, d);
        }
}
