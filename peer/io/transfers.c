/* SPDX-License-Identifier: MIT
 *
 * A stretch that is to be given waits here until its block was read; its effect is kept under its ticket. A problem of one read
 * refuses that stretch; one of a source that changed, or of a part that cannot be written, ends the file.
 */
#include "peer/io/transfers.h"

#include <stdlib.h>
#include <utlist.h>

#define HASH_FUNCTION HASH_OAT /* the default one falls through its cases, which clang warns of */
#include <uthash.h>

#include "peer/io/files.h"

struct reading {
    uint64_t ticket;
    struct peer_effect effect; /* PEER_FX_FILE_GIVE, or PEER_FX_FILE_READ */
    UT_hash_handle hh;
};

struct answer { /* what an effect gave rise to at once */
    struct answer *next;
    struct peer_event event;
};

struct transfers {
    struct files *files;
    struct links *links; /* borrowed */
    const struct transfers_callbacks *callbacks;
    void *user;
    struct reading *readings; /* by ticket */
    struct answer *answers;   /* in order */
};

static void tell(struct transfers *t, struct peer_event event)
{
    t->callbacks->on_event(t->user, &event);
}

/* ---- what is answered at once ---- */

static void answer(struct transfers *t, struct peer_event event)
{
    struct answer *a = g_new(struct answer, 1);
    *a = (struct answer){.event = event};
    LL_APPEND(t->answers, a);
}

static uint64_t reading_file(const struct reading *r)
{
    return r->effect.type == PEER_FX_FILE_READ ? r->effect.read_file.file : r->effect.give.file;
}

static struct peer_event not_read(const struct reading *r)
{
    if (r->effect.type == PEER_FX_FILE_READ)
        return (struct peer_event){.type = PEER_FILE_READ, .read_file = {.ticket = r->ticket}};
    return (struct peer_event){.type = PEER_FILE_GIVEN, .rtc = r->effect.rtc, .given = {r->ticket, false}};
}

/* files.h tells nothing more of a file that is closed, and whoever asked for a stretch of it is to be answered. */
static void drop_readings(struct transfers *t, uint64_t file)
{
    struct reading *r, *next;
    HASH_ITER (hh, t->readings, r, next)
        if (reading_file(r) == file) {
            answer(t, not_read(r));
            HASH_DEL(t->readings, r);
            peer_effect_done(&r->effect);
            g_free(r);
        }
}

/* ---- what the disks answer ---- */

static void on_opened(void *user, uint64_t file, const struct files_opened *o)
{
    tell(user, (struct peer_event){.type = PEER_FILE_OPENED,
                   .opened_file = {
                       .file = file, .size = o->size, .name = span_of(o->name), .hashes = o->hashes, .tree = o->tree}});
}

static void on_hashing(void *user, uint64_t file, uint64_t done, uint64_t total)
{
    (void)user;
    (void)file;
    (void)done;
    (void)total;
}

static void on_notice(void *user, uint64_t file, const char *sentence)
{
    struct transfers *t = user;
    (void)file;
    t->callbacks->on_notice(t->user, sentence);
}

/* Taken out of those that are read; false: it is not wanted any more. */
static bool take_reading(struct transfers *t, uint64_t ticket, struct peer_effect *effect)
{
    struct reading *r;
    HASH_FIND(hh, t->readings, &ticket, sizeof ticket, r);
    if (!r)
        return false;
    HASH_DEL(t->readings, r);
    *effect = r->effect;
    g_free(r);
    return true;
}

static void tell_read(struct transfers *t, struct peer_effect *effect, const struct file_block *b)
{
    struct peer_event event = {.type = PEER_FILE_READ, .read_file = {.ticket = effect->read_file.ticket}};
    if ((uint64_t)effect->read_file.offset + effect->read_file.n <= b->n)
        event.read_file.bytes = (struct span){(const char *)b->bytes + effect->read_file.offset, effect->read_file.n};
    peer_effect_done(effect);
    tell(t, event);
}

static void on_block(void *user, uint64_t file, uint32_t block, uint64_t ticket, struct file_block *b)
{
    struct transfers *t = user;
    struct peer_effect effect;
    (void)file;
    (void)block;
    if (!take_reading(t, ticket, &effect))
        return;
    if (effect.type == PEER_FX_FILE_GIVE)
        links_give(t->links, &effect, b);
    else
        tell_read(t, &effect, b);
}

static void on_part(void *user, uint64_t file, uint32_t blocks, const uint8_t *have, const uint8_t *hashes)
{
    (void)blocks;
    tell(user, (struct peer_event){.type = PEER_PART_OPENED, .opened_part = {file, hashes, hashes ? have : NULL}});
}

static void on_block_written(void *user, uint64_t file, uint32_t block, const uint8_t hash[FILE_HASH_BYTES])
{
    struct peer_event event = {.type = PEER_PART_BLOCK, .part_block = {.file = file, .block = block}};
    memcpy(event.part_block.hash, hash, HASH_BYTES);
    tell(user, event);
}

static void on_done(void *user, uint64_t file, const char *path)
{
    tell(user, (struct peer_event){.type = PEER_PART_DONE, .part_done = {file, span_of(path)}});
}

static void on_problem(void *user, uint64_t file, const struct files_problem *p)
{
    struct transfers *t = user;
    struct peer_effect effect;
    if (p->call == FILES_READ && take_reading(t, p->ticket, &effect)) {
        if (effect.type == PEER_FX_FILE_GIVE)
            links_give_nothing(t->links, &effect);
        else
            tell(t, (struct peer_event){.type = PEER_FILE_READ, .read_file = {.ticket = p->ticket}});
    }
    if (p->call == FILES_NOTE || (p->call == FILES_READ && strcmp(p->code, "file-changed") != 0))
        return;
    drop_readings(t, file);
    /* All of its bytes are what was offered: another try would end no better. */
    files_close(t->files, file, strcmp(p->code, "bad-folder") != 0);
    tell(t,
        (struct peer_event){.type = PEER_FILE_FAILED, .failed_file = {file, span_of(p->code), span_of(p->sentence)}});
}

/* ---- what the core asks for ---- */

static void fail_at_once(struct transfers *t, uint64_t file)
{
    answer(t, (struct peer_event){.type = PEER_FILE_FAILED,
                  .failed_file = {file, SPAN("memory"), SPAN("there is no memory for one more file")}});
}

bool transfers_next(struct transfers *t, struct peer_event *event)
{
    struct answer *a = t->answers;
    if (!a)
        return false;
    *event = a->event;
    LL_DELETE(t->answers, a);
    g_free(a);
    return true;
}

/* The block is read whole: it stays in the cache for the next stretch of it. */
static void begin_reading(struct transfers *t, struct peer_effect *effect)
{
    struct reading *r = g_new0(struct reading, 1);
    bool given = effect->type == PEER_FX_FILE_GIVE;
    r->ticket = given ? effect->give.ticket : effect->read_file.ticket;
    r->effect = peer_effect_take(effect);
    HASH_ADD(hh, t->readings, ticket, sizeof r->ticket, r);
    files_read(t->files, reading_file(r), given ? r->effect.give.block : r->effect.read_file.block, r->ticket);
}

void transfers_effect(struct transfers *t, struct peer_effect *e)
{
    switch (e->type) {
    case PEER_FX_FILE_OPEN:
        if (!files_open(t->files, e->open_file.file, e->open_file.path))
            fail_at_once(t, e->open_file.file);
        break;
    case PEER_FX_FILE_GIVE:
    case PEER_FX_FILE_READ:
        begin_reading(t, e);
        break;
    case PEER_FX_FILE_CLOSE:
        drop_readings(t, e->close_file.file);
        files_close(t->files, e->close_file.file, e->close_file.keep);
        break;
    case PEER_FX_PART_OPEN:
        if (!files_receive(t->files, e->open_part.file, e->open_part.folder, span_of(e->open_part.name),
                e->open_part.size, e->open_part.root, e->open_part.tree))
            fail_at_once(t, e->open_part.file);
        break;
    case PEER_FX_PART_HASHES:
        files_hashes(t->files, e->part_hashes.file, (const uint8_t *)e->part_hashes.hashes.p,
            (uint32_t)(e->part_hashes.hashes.n / HASH_BYTES));
        break;
    case PEER_FX_PART_WRITE:
        files_write(t->files, e->part_write.file, e->part_write.block, e->part_write.offset, e->part_write.bytes);
        break;
    case PEER_FX_PART_VERIFIED:
        files_verified(t->files, e->part_verified.file, e->part_verified.block);
        break;
    default:
        g_assert(e->type == PEER_FX_PART_FINISH);
        files_finish(t->files, e->part_finish.file);
        break;
    }
}

/* ---- life ---- */

struct transfers *transfers_new(GMainContext *context, struct links *links, const struct transfers_callbacks *callbacks,
    void *user, struct err *err)
{
    static const struct files_callbacks FILES = {
        .opened = on_opened,
        .hashing = on_hashing,
        .notice = on_notice,
        .block = on_block,
        .part = on_part,
        .block_written = on_block_written,
        .done = on_done,
        .problem = on_problem,
    };
    struct transfers *t = g_new0(struct transfers, 1);
    t->links = links;
    t->callbacks = callbacks;
    t->user = user;
    t->files = files_new(context, &FILES, t, err);
    if (t->files)
        return t;
    g_free(t);
    return NULL;
}

void transfers_free(struct transfers *t)
{
    struct reading *r, *next;
    struct peer_event event;
    if (!t)
        return;
    files_free(t->files);
    HASH_ITER (hh, t->readings, r, next) {
        HASH_DEL(t->readings, r);
        peer_effect_done(&r->effect);
        g_free(r);
    }
    while (transfers_next(t, &event))
        ;
    g_free(t);
}
