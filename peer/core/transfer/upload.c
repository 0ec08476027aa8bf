/* SPDX-License-Identifier: MIT
 *
 * The normal path: the application names a file, io reads it once for its hashes, and it is offered to each reader whose link
 * is up. Who accepts asks for hashes and blocks (serve.c) until it says that the file is complete.
 */
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/link/files_relay.h"
#include "peer/core/link/link.h"
#include "peer/core/people/guard.h"
#include "peer/core/people/roster.h"
#include "peer/core/port/after_commit.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/notice.h"
#include "peer/core/transfer/block_map.h"
#include "peer/core/transfer/reason.h"
#include "peer/core/transfer/say_file.h"
#include "peer/core/transfer/serve.h"
#include "peer/core/transfer/upload.h"
#include "peer/core/transfer/upload_store.h"

struct upload *upload_find(const struct peer *p, struct span id)
{
    struct upload *u;
    HASH_FIND(hh, p->uploads, id.p, id.n, u);
    return u;
}

struct upload *upload_of_file(const struct peer *p, uint64_t file)
{
    struct upload *u = p->uploads;
    while (u && u->file != file)
        u = u->hh.next;
    return u;
}

struct upload_reader *upload_reader(const struct upload *u, struct span who)
{
    struct upload_reader *r = u->readers;
    while (r && !span_is(who, r->who))
        r = r->next;
    return r;
}

struct upload_reader *upload_add_reader(struct upload *u, struct span who)
{
    struct upload_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    text_copy(r->who, sizeof r->who, who);
    DL_APPEND(u->readers, r);
    return r;
}

static void upload_free(struct peer *p, struct upload *u)
{
    struct upload_reader *r, *next;
    DL_FOREACH_SAFE (u->readers, r, next)
        free(r);
    HASH_DEL(p->uploads, u);
    free(u->hashes);
    free(u->path);
    free(u);
}

static void upload_close(struct peer *p, struct upload *u)
{
    upload_store_delete(p, u);
    effect_file_close(p, u->file, true);
    upload_free(p, u);
}

void upload_clear(struct peer *p)
{
    struct upload *u, *next;
    HASH_ITER (hh, p->uploads, u, next)
        upload_free(p, u);
}

/* ---- what the application asks for ---- */

static void refuse_file(struct peer *p, struct span code, struct span text, struct span ref)
{
    notice_add(p, &(struct notice){.type = NOTICE_ERROR, .code = code, .text = text, .ref = ref});
}

struct upload *upload_new(struct peer *p, struct span id, struct span path)
{
    struct upload *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->path = malloc(path.n + 1);
    if (u->path && text_copy(u->path, path.n + 1, path) && text_copy(u->id, sizeof u->id, id)) {
        u->file = ++p->last_file;
        HASH_ADD_STR(p->uploads, id, u);
        if (u->hh.tbl)
            return u;
    }
    free(u->path);
    free(u);
    return NULL;
}

void upload_start(struct peer *p)
{
    for (const struct upload *u = p->uploads; u; u = u->hh.next)
        effect_file_open(p, u->file, span_of(u->path));
}

static bool is_done(const struct upload *u)
{
    const struct upload_reader *r = u->readers;
    while (r && r->state == READER_ENDED)
        r = r->next;
    return !u->room && !r;
}

static bool may_return(const struct upload *u)
{
    const struct upload_reader *r = u->readers;
    while (r && !r->may_return)
        r = r->next;
    return r;
}

/* The oldest that is only kept for those who broke off. */
static void drop_one_kept(struct peer *p)
{
    struct upload *u, *next;
    HASH_ITER (hh, p->uploads, u, next)
        if (u->open && !u->attached && is_done(u)) {
            upload_close(p, u);
            return;
        }
}

struct upload *upload_begin(struct peer *p, const struct peer_event *ev)
{
    struct span ref = ev->send_file.ref.n ? ev->send_file.ref : (struct span){0};
    if (HASH_COUNT(p->uploads) >= UPLOADS_MAX)
        drop_one_kept(p);
    if (HASH_COUNT(p->uploads) >= UPLOADS_MAX) {
        refuse_file(p, SPAN("too-many-files"), SPAN("256 files are offered already: end some, or wait"), ref);
        return NULL;
    }
    for (size_t i = 0; i < ev->send_file.to_count; i++)
        if (!person_id_valid(ev->send_file.to[i]) || span_is(ev->send_file.to[i], p->id)) {
            refuse_file(p, SPAN("no-such-peer"), SPAN("a file goes to others, by their ids"), ref);
            return NULL;
        }
    char id[ID_CHARS + 1];
    id_random(&p->rng, id);
    struct upload *u = upload_new(p, span_of(id), ev->send_file.path);
    if (!u)
        return NULL;
    u->room = ev->send_file.to_count == 0;
    text_copy(u->ref, sizeof u->ref, ev->send_file.ref);
    for (size_t i = 0; i < ev->send_file.to_count; i++)
        if (!upload_reader(u, ev->send_file.to[i]))
            upload_add_reader(u, ev->send_file.to[i]);
    effect_file_open(p, u->file, ev->send_file.path);
    return u;
}

void upload_end(struct peer *p, struct upload *u, const char *reason)
{
    struct upload_reader *r;
    DL_FOREACH (u->readers, r) {
        struct person *who = roster_find(p, span_of(r->who));
        if (!who)
            continue;
        serve_stop(who, span_of(u->id));
        if (r->state != READER_ENDED && who->keyed && !u->attached)
            say_file_decline(p, who, span_of(u->id), span_of(reason));
    }
    upload_close(p, u);
}

/* ---- what io answers ---- */

/* Over a link nothing is lost. Through others what it answers may be, its end too: so it is asked now and then how it stands. */
static uint64_t offer_next(const struct peer *p, const struct person *who)
{
    return link_is_up(who) ? NEVER : p->now + PAUSED_RETRY_MS;
}

static void offer(struct peer *p, const struct upload *u, struct upload_reader *r)
{
    struct person *who = roster_find(p, span_of(r->who));
    struct body_file_offer b = {.file_id = span_of(u->id),
        .name = span_of(u->name),
        .size = u->size,
        .chunk_size = FILE_CHUNK_BYTES,
        .paused = u->paused,
        .tree = u->tree};
    memcpy(b.hash, u->root, sizeof b.hash);
    r->offer_at = NEVER;
    if (who && !who->keyed) {
        r->state = READER_ENDED;
        notice_add(p, &(struct notice){.type = NOTICE_FILE_FAILED,
                          .id = span_of(u->id),
                          .by = person_id(who),
                          .reason = SPAN("plain-peer"),
                          .text = SPAN("that peer has no key: it takes no files")});
        return;
    }
    if (!who)
        return;
    if (!say_file_offer(p, who, &b, u->room)) {
        if (!u->room)
            link_wanted(p, who);
        if (files_reach(p, who)) /* congested, or it is restarting */
            r->offer_at = p->now + SAY_AGAIN_MS;
        effect_wake(p, r->offer_at);
        return;
    }
    if (++r->tries < TRIES_MAX && r->state == READER_OFFERED)
        r->offer_at = p->now + ACK_TIMEOUT_MS;
    else
        r->offer_at = offer_next(p, who);
    effect_wake(p, r->offer_at);
}

static void offer_due(struct peer *p, struct upload *u)
{
    struct upload_reader *r;
    DL_FOREACH (u->readers, r) {
        if (r->state != READER_ENDED && p->now >= r->offer_at)
            offer(p, u, r);
        effect_wake(p, r->state != READER_ENDED ? r->offer_at : NEVER);
    }
}

static void tell_paused(struct peer *p, const struct upload *u, struct span by, bool paused)
{
    notice_add(
        p, &(struct notice){.type = paused ? NOTICE_FILE_PAUSED : NOTICE_FILE_RESUMED, .id = span_of(u->id), .by = by});
}

/* All readers are offered it again: that says how it stands. */
void upload_pause(struct peer *p, struct upload *u, bool paused)
{
    struct upload_reader *r;
    if (u->paused == paused)
        return;
    u->paused = paused;
    upload_store_write(p, u);
    tell_paused(p, u, span_of(p->id), paused);
    DL_FOREACH (u->readers, r) {
        struct person *who = roster_find(p, span_of(r->who));
        if (who && paused)
            serve_stop(who, span_of(u->id));
        r->tries = 0;
        r->offer_at = p->now;
    }
    if (u->open)
        offer_due(p, u);
}

void upload_opened(struct peer *p, struct upload *u, const struct peer_event *ev)
{
    size_t n = (size_t)file_blocks(ev->opened_file.size) * HASH_BYTES;
    uint8_t offered[HASH_BYTES];
    assert(!u->open && file_blocks(ev->opened_file.size) <= FILE_BLOCKS_MAX);
    u->hashes = malloc(n + 1);
    if (!u->hashes)
        return;
    if (n)
        memcpy(u->hashes, ev->opened_file.hashes, n);
    u->open = true;
    u->size = ev->opened_file.size;
    u->blocks = (uint32_t)file_blocks(u->size);
    u->tree = ev->opened_file.tree;
    memcpy(offered, u->root, sizeof offered);
    p->crypto.sha256(p->crypto.ctx, (struct span){(const char *)u->hashes, n}, u->root);
    if (u->restored && memcmp(offered, u->root, sizeof offered) != 0) {
        effect_file_close(p, u->file, true);
        upload_failed(p, u, SPAN("file-changed"), SPAN("it has changed since it was offered: offer it anew"));
        return;
    }
    if (!text_copy(u->name, sizeof u->name, ev->opened_file.name) || u->name[0] == '\0')
        text_copy(u->name, sizeof u->name, SPAN("file"));
    if (u->attached)
        return;
    struct notice accepted = {
        .type = NOTICE_ACCEPTED, .ref = u->ref[0] ? span_of(u->ref) : (struct span){0}, .id = span_of(u->id)};
    bool restored = u->restored;
    upload_release(p, u);
    if (!restored && p->settings.keep_offers)
        after_commit_notice(p, &accepted);
    else if (!restored)
        notice_add(p, &accepted);
}

void upload_release(struct peer *p, struct upload *u)
{
    assert(u->open);
    u->attached = false;
    for (struct person *who = p->people; u->room && who; who = who->hh.next)
        if (who->keyed && files_reach(p, who) && !upload_reader(u, person_id(who)))
            upload_add_reader(u, person_id(who));
    upload_store_write(p, u);
    offer_due(p, u);
}

void upload_failed(struct peer *p, struct upload *u, struct span code, struct span why)
{
    struct upload_reader *r;
    assert(!u->attached);
    notice_add(p, &(struct notice){.type = NOTICE_FILE_FAILED,
                      .id = span_of(u->id),
                      .ref = u->ref[0] ? span_of(u->ref) : (struct span){0},
                      .reason = code,
                      .text = why});
    DL_FOREACH (u->readers, r) {
        struct person *who = roster_find(p, span_of(r->who));
        if (who && u->open && r->state != READER_ENDED && who->keyed)
            say_file_decline(p, who, span_of(u->id), code);
    }
    upload_store_delete(p, u);
    upload_free(p, u);
}

/* ---- what readers say ---- */

/* One has ended. Of a file that goes to people: it is closed when nobody is left, and nobody may come back to it. */
static void end_if_done(struct peer *p, struct upload *u)
{
    if (!is_done(u))
        upload_store_write(p, u);
    else if (may_return(u))
        upload_store_delete(p, u);
    else
        upload_close(p, u);
}

static uint64_t bytes_of(const struct upload *u, uint32_t blocks)
{
    uint64_t bytes = (uint64_t)blocks * FILE_BLOCK_BYTES;
    return bytes < u->size ? bytes : u->size;
}

static void tell_progress(struct peer *p, const struct upload *u, struct upload_reader *r)
{
    if (p->now < r->told_at)
        return;
    r->told_at = p->now + PROGRESS_MS;
    notice_add(p, &(struct notice){.type = NOTICE_FILE_PROGRESS,
                      .id = span_of(u->id),
                      .by = span_of(r->who),
                      .count = bytes_of(u, r->have),
                      .size = u->size});
}

void upload_accepted(struct peer *p, struct person *who, struct upload *u, const struct body_file_accept *b)
{
    struct upload_reader *r = upload_reader(u, person_id(who));
    if (r && !u->open) /* of a former process: it is offered again when it was read */
        return;
    uint8_t *map = r ? calloc(block_map_bytes(u->blocks) + 1, 1) : NULL;
    if (!map) {
        say_file_decline(p, who, span_of(u->id), SPAN("not-offered"));
        return;
    }
    if (r->state == READER_ENDED && !r->may_return) {
        free(map);
        return;
    }
    if (block_map_read(b->have, map, u->blocks)) {
        if (r->state != READER_TAKES)
            r->began = p->now;
        r->state = READER_TAKES;
        if (r->may_return) {
            r->may_return = false;
            upload_store_write(p, u);
        }
        r->offer_at = offer_next(p, who);
        effect_wake(p, r->offer_at);
        r->have = block_map_count(map, u->blocks);
        if (!r->has_asked)
            r->there = bytes_of(u, r->have);
        r->has_asked = true;
        if (r->paused != b->paused)
            tell_paused(p, u, person_id(who), b->paused);
        r->paused = b->paused;
        r->told_at = 0;
        tell_progress(p, u, r);
    } else {
        guard_refuse(p, who, "a map of blocks that the file has not");
    }
    free(map);
}

void upload_declined(struct peer *p, struct person *who, struct upload *u, struct span reason)
{
    struct upload_reader *r = upload_reader(u, person_id(who));
    if (!r || r->state == READER_ENDED)
        return;
    r->state = READER_ENDED;
    r->may_return = reason_may_return(reason);
    serve_stop(who, span_of(u->id));
    notice_add(p, &(struct notice){.type = NOTICE_FILE_FAILED,
                      .id = span_of(u->id),
                      .by = person_id(who),
                      .reason = reason.n ? reason : SPAN("declined"),
                      .text = reason_of_reader(reason)});
    end_if_done(p, u);
}

void upload_completed(struct peer *p, struct person *who, struct upload *u)
{
    struct upload_reader *r = upload_reader(u, person_id(who));
    if (!r || r->state != READER_TAKES)
        return;
    r->state = READER_ENDED;
    notice_add(p, &(struct notice){.type = NOTICE_FILE_COMPLETE,
                      .id = span_of(u->id),
                      .by = person_id(who),
                      .count = u->size - r->there,
                      .size = u->size,
                      .took_ms = p->now - r->began});
    end_if_done(p, u);
}

void upload_had(struct peer *p, struct person *who, struct upload *u)
{
    struct upload_reader *r = upload_reader(u, person_id(who));
    if (!r || r->state != READER_TAKES || r->have == u->blocks)
        return;
    r->have++;
    tell_progress(p, u, r);
}

void upload_hashes_wanted(struct peer *p, struct person *who, const struct upload *u, uint32_t first, bool relayed)
{
    const struct upload_reader *r = upload_reader(u, person_id(who));
    if (!r || r->state != READER_TAKES)
        return;
    uint32_t last = u->blocks - first < HASHES_AT_ONCE ? u->blocks : first + HASHES_AT_ONCE;
    for (uint32_t block = first; block < last; block += FILE_HASHES_MAX) {
        uint32_t n = last - block < FILE_HASHES_MAX ? last - block : FILE_HASHES_MAX;
        files_send(p, who,
            &(struct file_frame){.type = FILE_FRAME_HASHES,
                .file_id = span_of(u->id),
                .block = block,
                .bytes = {(const char *)u->hashes + (size_t)block * HASH_BYTES, (size_t)n * HASH_BYTES}},
            relayed);
    }
}

/* ---- links and time ---- */

void upload_link_up(struct peer *p, struct person *who)
{
    assert(who->keyed);
    struct upload *u, *next;
    HASH_ITER (hh, p->uploads, u, next) {
        struct upload_reader *r = upload_reader(u, person_id(who));
        if (u->attached)
            continue;
        if (!r && u->room && u->open)
            r = upload_add_reader(u, person_id(who));
        if (!r || r->state == READER_ENDED)
            continue;
        /* It may have lost what it knew of the offer. */
        r->tries = 0;
        r->offer_at = p->now;
        if (r->state == READER_TAKES)
            r->state = READER_OFFERED;
        if (u->open)
            offer_due(p, u);
    }
}

void upload_due(struct peer *p)
{
    struct upload *u, *next;
    HASH_ITER (hh, p->uploads, u, next)
        if (u->open && !u->attached)
            offer_due(p, u);
}
