/* SPDX-License-Identifier: MIT
 *
 * An offer is shown to the application, which accepts or declines. Then io looks what is there of a file with that root hash
 * (an earlier try's, even of another offer), the sender is told, and fetch.c asks for the rest.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/state.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/transfer/block_map.h"
#include "peer/core/transfer/download.h"
#include "peer/core/transfer/fetch.h"
#include "peer/core/transfer/reason.h"
#include "peer/core/transfer/say_file.h"
#include "peer/core/transfer/stall.h"

struct download *download_find(const struct peer *p, struct span id)
{
    struct download *d;
    HASH_FIND(hh, p->downloads, id.p, id.n, d);
    return d;
}

struct download *download_of_file(const struct peer *p, uint64_t file)
{
    struct download *d = p->downloads;
    while (d && d->file != file)
        d = d->hh.next;
    return d;
}

bool download_serves(const struct download *d, const struct person *who, uint32_t block, uint32_t end)
{
    bool there = d->state == DOWNLOAD_FETCHING || d->state == DOWNLOAD_DONE;
    return there && d->room && block < d->blocks && end <= file_block_bytes(d->size, block) &&
           block_map_has(d->have, block) && fetch_find_partner(d, person_id(who));
}

bool download_is_from(const struct download *d, const struct person *who)
{
    return strcmp(d->from, who->id) == 0;
}

static struct person *sender(const struct peer *p, const struct download *d)
{
    return roster_find(p, span_of(d->from));
}

static void free_maps(struct download *d)
{
    free(d->hashes);
    free(d->have);
    free(d->asked);
    free(d->given_up);
    d->hashes = d->have = d->asked = d->given_up = NULL;
}

static void download_free(struct peer *p, struct download *d)
{
    fetch_clear(p, d);
    HASH_DEL(p->downloads, d);
    free_maps(d);
    free(d);
}

void download_clear(struct peer *p)
{
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next)
        download_free(p, d);
}

/* How it stands, to its sender; later if it cannot be said now. */
void download_say_state(struct peer *p, struct download *d)
{
    struct person *who = sender(p, d);
    bool said = who && who->keyed;
    switch (d->state) {
    case DOWNLOAD_FETCHING:
        said = said && say_file_accept(p, who, span_of(d->id), d->have, d->blocks, d->paused);
        break;
    case DOWNLOAD_DONE:
        said = said && say_file_accept(p, who, span_of(d->id), d->have, d->blocks, d->paused) &&
               say_file_complete(p, who, span_of(d->id));
        break;
    case DOWNLOAD_ENDED:
        said = said && say_file_decline(p, who, span_of(d->id), span_of(d->end_code));
        break;
    case DOWNLOAD_OFFERED:
    case DOWNLOAD_OPENING:
    case DOWNLOAD_FINISHING:
        said = true;
        break;
    }
    d->unsaid = !said;
    if (d->unsaid && who && files_reach(p, who))
        effect_wake(p, p->now + SAY_AGAIN_MS);
}

/* It stays known, so that an offer that is repeated is answered as this one was. */
static void end(struct peer *p, struct download *d, const char *code)
{
    fetch_clear(p, d);
    if (d->file) /* without hashes there are no blocks */
        effect_file_close(p, d->file, strcmp(code, "wrong-hashes") != 0);
    d->file = 0;
    free_maps(d);
    d->state = DOWNLOAD_ENDED;
    d->end_code = code;
    download_say_state(p, d);
}

static void tell_failed(struct peer *p, const struct download *d, struct span code, struct span why)
{
    notice_add(p,
        &(struct notice){
            .type = NOTICE_FILE_FAILED, .id = span_of(d->id), .from = span_of(d->from), .reason = code, .text = why});
}

/* ---- offers ---- */

/* The oldest that nothing happens with any more. */
static bool make_room(struct peer *p)
{
    struct download *oldest = NULL;
    if (HASH_COUNT(p->downloads) < DOWNLOADS_MAX)
        return true;
    for (struct download *d = p->downloads; d; d = d->hh.next)
        if (d->state >= DOWNLOAD_DONE && (!oldest || d->order < oldest->order))
            oldest = d;
    if (!oldest)
        return false;
    if (oldest->file)
        effect_file_close(p, oldest->file, true);
    download_free(p, oldest);
    return true;
}

static unsigned open_offers_of(const struct peer *p, struct span who)
{
    unsigned n = 0;
    for (const struct download *d = p->downloads; d; d = d->hh.next)
        n += d->state < DOWNLOAD_DONE && span_is(who, d->from);
    return n;
}

/* The same file from the same person under another id: its sender has begun anew, and knows the former no more. */
static void end_former(struct peer *p, const struct download *d)
{
    for (struct download *f = p->downloads; f; f = f->hh.next)
        if (f != d && f->state < DOWNLOAD_FINISHING && strcmp(f->from, d->from) == 0 &&
            memcmp(f->root, d->root, sizeof d->root) == 0 && strcmp(f->name, d->name) == 0) {
            end(p, f, "offered-again");
            tell_failed(p, f, SPAN("offered-again"), SPAN("its sender offers the same file anew"));
        }
}

static void show_offer(struct peer *p, struct person *who, struct download *d, bool room)
{
    char conversation[ENVELOPE_CONVERSATION_MAX + 1];
    envelope_room_conversation(span_of(p->settings.room), conversation);
    d->room = room;
    d->state = DOWNLOAD_OFFERED;
    d->order = ++p->download_order;
    end_former(p, d);
    notice_add(p, &(struct notice){.type = NOTICE_FILE_OFFER,
                      .id = span_of(d->id),
                      .from = person_id(who),
                      .name = span_of(d->name),
                      .conversation = room ? span_of(conversation) : (struct span){0},
                      .kind = d->tree ? "folder" : "file",
                      .size = d->size,
                      .verified = true});
}

/* Both hear why; the application of few at a time, since there may be many. */
void download_refuse(
    struct peer *p, struct person *who, struct span id, struct span name, const char *code, const char *why)
{
    if (guard_affords(p, &who->bad_offers, BAD_OFFERS_MS, BAD_OFFERS_BURST))
        notice_add(p, &(struct notice){.type = NOTICE_FILE_FAILED,
                          .id = id,
                          .from = person_id(who),
                          .name = name.n ? name : (struct span){0},
                          .reason = span_of(code),
                          .text = span_of(why)});
    if (id.n)
        say_file_decline(p, who, id, span_of(code));
}

struct offer_problem {
    const char *code, *why;
};

static const struct offer_problem TOO_LARGE = {"too-large", "it is larger than 256 GiB: it cannot be received"},
                                  BAD_CHUNK_SIZE = {"bad-chunk-size",
                                      "its `chunkSize` must be an integer from 1 to 65536"},
                                  TOO_MANY = {"too-many-offers",
                                      "more files are offered than are taken at once, 256 of one sender"};

static const struct offer_problem *offer_problem(
    struct peer *p, const struct person *who, const struct body_file_offer *b)
{
    if (file_blocks(b->size) > FILE_BLOCKS_MAX)
        return &TOO_LARGE;
    if (b->chunk_size == 0 || b->chunk_size > FILE_CHUNK_MAX)
        return &BAD_CHUNK_SIZE;
    if (open_offers_of(p, person_id(who)) >= OFFERS_OF_ONE_MAX || !make_room(p))
        return &TOO_MANY;
    return NULL;
}

static void tell_paused(struct peer *p, const struct download *d, struct span by, bool paused)
{
    notice_add(
        p, &(struct notice){.type = paused ? NOTICE_FILE_PAUSED : NOTICE_FILE_RESUMED, .id = span_of(d->id), .by = by});
}

static void sender_pauses(struct peer *p, struct download *d, bool paused)
{
    if (d->sender_paused == paused || d->state >= DOWNLOAD_FINISHING)
        return;
    d->sender_paused = paused;
    tell_paused(p, d, span_of(d->from), paused);
    if (paused)
        fetch_drop_of(p, d, span_of(d->from));
    else
        d->ask_after = 0; /* what it refused meanwhile it gives now */
    if (d->state == DOWNLOAD_FETCHING)
        fetch_more(p, d);
}

static struct download *begin(struct peer *p, struct person *who, const struct body_file_offer *b, bool room)
{
    struct download *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    text_copy(d->id, sizeof d->id, b->file_id);
    text_copy(d->from, sizeof d->from, person_id(who));
    text_copy(d->name, sizeof d->name, b->name);
    d->size = b->size;
    d->blocks = (uint32_t)file_blocks(b->size);
    d->tree = b->tree;
    memcpy(d->root, b->hash, sizeof d->root);
    HASH_ADD_STR(p->downloads, id, d);
    if (!d->hh.tbl) {
        free(d);
        return NULL;
    }
    show_offer(p, who, d, room);
    return d;
}

static bool is_of_room(const struct peer *p, const struct envelope *e)
{
    char room[ENVELOPE_CONVERSATION_MAX + 1];
    envelope_room_conversation(span_of(p->settings.room), room);
    return span_is(e->conversation, room);
}

void download_attached(struct peer *p, struct person *who, const struct body_file_offer *b, bool room)
{
    if (!download_find(p, b->file_id) && !upload_find(p, b->file_id) && !offer_problem(p, who, b))
        begin(p, who, b, room);
}

void download_offered(struct peer *p, struct person *who, const struct envelope *e)
{
    struct body_file_offer b;
    body_read_file_offer(e, &b);
    struct download *d = download_find(p, b.file_id);
    if (d && !download_is_from(d, who)) {
        guard_refuse(p, who, "an offer with the id of somebody else's");
        return;
    }
    if (d && (d->size != b.size || memcmp(d->root, b.hash, sizeof d->root) != 0)) {
        guard_refuse(p, who, "two offers with one id");
        return;
    }
    if (d) {
        download_say_state(p, d);
        sender_pauses(p, d, b.paused);
        return;
    }
    const struct offer_problem *problem = offer_problem(p, who, &b);
    if (problem) {
        download_refuse(p, who, b.file_id, b.name, problem->code, problem->why);
        return;
    }
    if ((d = begin(p, who, &b, is_of_room(p, e))))
        sender_pauses(p, d, b.paused);
}

void download_withdrawn(struct peer *p, struct person *who, struct download *d, struct span reason)
{
    if (!download_is_from(d, who)) {
        fetch_drop_partner(p, d, person_id(who)); /* somebody else of the room gave it up */
        return;
    }
    if (d->state >= DOWNLOAD_FINISHING)
        return;
    tell_failed(p, d, reason.n ? reason : SPAN("ended"), reason_of_sender(reason));
    fetch_clear(p, d);
    /* Nobody has this content any more; but what was there before came of somebody else, perhaps. */
    bool keep = !span_is(reason, "file-changed") || d->there > 0 || d->state < DOWNLOAD_FETCHING;
    if (d->file)
        effect_file_close(p, d->file, keep);
    download_free(p, d);
}

/* ---- what the application says ---- */

/* As when it was offered; what came of it is on the disk. */
static bool begin_anew(struct download *d)
{
    size_t map = block_map_bytes(d->blocks) + 1;
    d->hashes = malloc((size_t)d->blocks * HASH_BYTES + 1);
    d->have = calloc(map, 1);
    d->asked = calloc(map, 1);
    d->given_up = calloc(map, 1);
    d->known = d->have_count = d->next = 0;
    d->wrong = 0;
    d->proved = d->paused = false;
    d->ask_after = d->hashes_at = d->moved_at = 0;
    stall_reset(d);
    return d->hashes && d->have && d->asked && d->given_up;
}

/* Of one that was broken off the sender keeps the offer for a while. */
static bool may_accept(const struct download *d)
{
    return d->state == DOWNLOAD_OFFERED || (d->state == DOWNLOAD_ENDED && reason_may_return(span_of(d->end_code)));
}

void download_accept(struct peer *p, struct span id, struct span folder)
{
    struct download *d = download_find(p, id);
    if (!d || !may_accept(d)) {
        notice_add(p,
            &(struct notice){.type = NOTICE_ERROR,
                .id = id,
                .code = SPAN("no-such-file"),
                .text = d ? SPAN("this file was accepted or declined before") : SPAN("no file of that id is offered")});
        return;
    }
    d->state = DOWNLOAD_OFFERED;
    if (!begin_anew(d)) {
        free_maps(d);
        return;
    }
    d->accepted = true;
    d->file = ++p->last_file;
    d->state = DOWNLOAD_OPENING;
    d->began = p->now;
    effect_part_open(p, d->file, folder, span_of(d->name), d->size, d->root, d->tree);
}

bool download_decline(struct peer *p, struct download *d, const char *code)
{
    if (d->state >= DOWNLOAD_FINISHING)
        return false;
    end(p, d, code);
    return true;
}

bool download_pause(struct peer *p, struct download *d, bool paused)
{
    if (d->state != DOWNLOAD_OPENING && d->state != DOWNLOAD_FETCHING)
        return false;
    if (d->paused == paused)
        return true;
    d->paused = paused;
    tell_paused(p, d, span_of(p->id), paused);
    if (paused)
        fetch_stop(p, d);
    download_say_state(p, d);
    if (d->state == DOWNLOAD_FETCHING)
        fetch_more(p, d);
    return true;
}

/* ---- what io answers ---- */

static uint64_t bytes_there(const struct download *d)
{
    uint64_t bytes = (uint64_t)d->have_count * FILE_BLOCK_BYTES;
    if (d->blocks > 0 && block_map_has(d->have, d->blocks - 1))
        bytes -= FILE_BLOCK_BYTES - file_block_bytes(d->size, d->blocks - 1);
    return bytes;
}

static void tell_progress(struct peer *p, struct download *d)
{
    if (p->now < d->told_at)
        return;
    d->told_at = p->now + PROGRESS_MS;
    notice_add(p, &(struct notice){.type = NOTICE_FILE_PROGRESS,
                      .id = span_of(d->id),
                      .from = span_of(d->from),
                      .count = bytes_there(d),
                      .size = d->size});
}

/* Who takes part hears what we have: of a file for the room everybody who may have or want some. */
static void tell_partner(struct peer *p, struct download *d, struct person *who)
{
    struct partner *partner = fetch_find_partner(d, person_id(who));
    bool told = say_file_accept(p, who, span_of(d->id), d->have, d->blocks, d->paused);
    if (partner)
        partner->told = told;
    if (!told)
        effect_wake(p, p->now + SAY_AGAIN_MS);
}

void download_joined(struct peer *p, struct person *who, struct download *d, const struct body_file_accept *b)
{
    if (!d->room || download_is_from(d, who) || d->state == DOWNLOAD_OFFERED || d->state == DOWNLOAD_ENDED)
        return;
    fetch_partner(p, who, d, b->have);
    const struct partner *partner = fetch_find_partner(d, person_id(who));
    if (partner && !partner->told && (d->state == DOWNLOAD_FETCHING || d->state == DOWNLOAD_DONE))
        tell_partner(p, d, who);
}

static void finish_if_whole(struct peer *p, struct download *d)
{
    if (d->state != DOWNLOAD_FETCHING || !d->proved || d->have_count < d->blocks)
        return;
    d->state = DOWNLOAD_FINISHING;
    effect_part_finish(p, d->file);
}

void download_opened(struct peer *p, struct download *d, const struct peer_event *ev)
{
    uint8_t root[HASH_BYTES];
    assert(d->state == DOWNLOAD_OPENING && d->hashes && d->have);
    struct span list = {(const char *)ev->opened_part.hashes, (size_t)d->blocks * HASH_BYTES};
    d->state = DOWNLOAD_FETCHING;
    if (list.p || d->blocks == 0) {
        p->crypto.sha256(p->crypto.ctx, list.p ? list : SPAN(""), root);
        if (memcmp(root, d->root, sizeof root) != 0) {
            download_cannot(p, d, "wrong-hashes", "its hashes do not agree with the file's");
            return;
        }
        if (list.p && list.n)
            memcpy(d->hashes, list.p, list.n);
        if (list.p && list.n && ev->opened_part.have)
            memcpy(d->have, ev->opened_part.have, block_map_bytes(d->blocks));
        d->known = d->blocks;
        d->proved = true;
        d->have_count = block_map_count(d->have, d->blocks);
    }
    d->there = bytes_there(d);
    d->told_at = 0;
    tell_progress(p, d);
    for (struct person *who = p->people; who; who = who->hh.next)
        if (who->keyed && link_is_up(who) && d->room && !download_is_from(d, who))
            tell_partner(p, d, who);
    download_say_state(p, d);
    struct person *from = sender(p, d);
    if (from && files_reach(p, from))
        fetch_all_of(p, from, d);
    if (from && from->keyed && !link_is_up(from))
        link_wanted(p, from);
    finish_if_whole(p, d);
}

void download_done(struct peer *p, struct download *d, struct span path)
{
    assert(d->state == DOWNLOAD_FINISHING);
    d->state = DOWNLOAD_DONE;
    download_say_state(p, d);
    notice_add(p, &(struct notice){.type = NOTICE_FILE_COMPLETE,
                      .id = span_of(d->id),
                      .from = span_of(d->from),
                      .name = span_of(d->name),
                      .text = path,
                      .count = d->size - d->there,
                      .size = d->size,
                      .took_ms = p->now - d->began});
    if (!d->room) { /* nobody else may have it of us */
        effect_file_close(p, d->file, true);
        d->file = 0;
    }
}

/* The folder is none, or not to be written to: another may be chosen. */
static bool is_of_folder(struct span code)
{
    return span_is(code, "no-such-file") || span_is(code, "not-a-file") || span_is(code, "no-permission");
}

void download_failed(struct peer *p, struct download *d, struct span code, struct span why)
{
    d->file = 0; /* io has closed it */
    if (d->state == DOWNLOAD_OPENING && is_of_folder(code)) {
        free_maps(d);
        d->state = DOWNLOAD_OFFERED;
        d->accepted = false;
        notice_add(
            p, &(struct notice){.type = NOTICE_ERROR, .id = span_of(d->id), .code = SPAN("no-folder"), .text = why});
        return;
    }
    tell_failed(p, d, code, why);
    end(p, d, span_is(code, "disk-full") ? "disk-full" : "failed");
}

/* ---- what fetch.c finds out ---- */

void download_block_there(struct peer *p, struct download *d, uint32_t block)
{
    assert(!block_map_has(d->have, block));
    block_map_add(d->have, block);
    d->have_count++;
    d->moved_at = p->now;
    p->stats.blocks_had_total++;
    effect_part_verified(p, d->file, block);
    struct file_frame had = {.type = FILE_FRAME_HAVE, .file_id = span_of(d->id), .block = block};
    for (struct partner *partner = d->partners; partner; partner = partner->next) {
        struct person *who = roster_find(p, span_of(partner->who));
        bool relayed = who && !link_is_up(who) && !partner->map;
        if (who && (link_is_up(who) || relayed) && !files_send(p, who, &had, relayed))
            partner->told = false; /* it hears of all at once, later */
    }
    tell_progress(p, d);
    finish_if_whole(p, d);
}

void download_cannot(struct peer *p, struct download *d, const char *code, const char *why)
{
    tell_failed(p, d, span_of(code), span_of(why));
    end(p, d, code);
}

void download_link_up(struct peer *p, struct person *who)
{
    assert(who->keyed);
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next) {
        if (download_is_from(d, who)) {
            download_say_state(p, d);
            if (d->state == DOWNLOAD_FETCHING)
                fetch_all_of(p, who, d);
        } else if (d->room && d->state == DOWNLOAD_FETCHING && link_is_up(who)) {
            tell_partner(p, d, who);
        }
    }
}

void download_due(struct peer *p)
{
    struct download *d, *next;
    HASH_ITER (hh, p->downloads, d, next) {
        if (d->unsaid)
            download_say_state(p, d);
        if (d->state != DOWNLOAD_FETCHING && d->state != DOWNLOAD_DONE)
            continue;
        for (struct partner *partner = d->partners; partner; partner = partner->next) {
            struct person *who = partner->map && !partner->told ? roster_find(p, span_of(partner->who)) : NULL;
            if (who && link_is_up(who))
                tell_partner(p, d, who);
        }
    }
}
