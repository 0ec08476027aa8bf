/* SPDX-License-Identifier: MIT
 *
 * Rooms made over HTTP survive the daemon. The file holds all of them and is written whole, away from the loop, one
 * writing at a time: what changes meanwhile goes into the next one. Its text is put together a batch of lines a step, and
 * says what there was when it was begun: a room that comes later is not in it, and one that goes before its line was
 * written leaves the line. A client is told that its room was made, or is
 * closed, when that is on the disk. A room that could not be stored is closed again: it would come back unlocked after
 * a restart. A room that was closed stays closed when that could not be stored, but its owner is not told that it is
 * gone, since a restart would bring it back; the writing is tried again until it succeeds. Writing a journal of changes was
 * rejected: ROOMS_KEPT_MAX rooms are a few megabytes.
 */
#include "server/core/room_store.h"

#include <assert.h>

#include "server/core/batch.h"
#include "server/core/effects.h"
#include "server/core/pending.h"
#include "server/core/notice.h"
#include "server/core/rest.h"
#include "server/core/room.h"
#include "server/core/say.h"

/* The first of these rooms if the file is to have it; else the first of the next list, or NULL. */
static const struct room *first_from(const struct core *c, const struct room *room, enum room_kind kind)
{
    if (room && room->made->version <= c->room_store.version)
        return room;
    return kind == ROOM_LISTED ? first_from(c, c->rooms[ROOM_UNLISTED], ROOM_UNLISTED) : NULL;
}

static void write_line(struct buf *out, const struct made *made)
{
    roomfile_add(out, &made->terms, (struct span){made->names, made->names_n});
}

/* Appends what was written to core->text. When memory ran out for that the file is begun anew. */
static void append(struct core *c)
{
    struct room_store *k = &c->room_store;
    if (c->text.failed) {
        frame_unref(k->file);
        k->file = NULL;
        return;
    }
    assert(c->text.len <= frame_text(k->file).n - k->at);
    memcpy(frame_payload(k->file) + k->at, c->text.p, c->text.len);
    k->at += c->text.len;
}

static void hand_over(struct core *c)
{
    assert(c->room_store.file && !c->room_store.storing);
    struct room_store *k = &c->room_store;
    assert(k->at == frame_text(k->file).n);
    struct frame *file = k->file;
    k->file = NULL;
    if (!effects_add(c->fx, &(struct core_effect){.type = CORE_STORE, .store = file}))
        return;
    k->storing = true;
    k->asked = k->version;
}

/* Appends a batch of lines behind what is in core->text. */
static void write_some(struct core *c)
{
    struct room_store *k = &c->room_store;
    for (uint32_t n = batch_size(c); n > 0 && k->next; n--) {
        write_line(&c->text, k->next->made);
        k->next = first_from(c, k->next->next, k->next->kind);
    }
    bool whole = !k->next;
    if (whole)
        roomfile_end(&c->text);
    append(c);
    if (whole && k->file)
        hand_over(c);
}

/* The size of the whole is known before its first line is written, so nothing of it is ever moved. */
static void begin(struct core *c)
{
    assert(!c->room_store.file && !c->room_store.storing);
    struct room_store *k = &c->room_store;
    roomfile_begin(say_text(c));
    roomfile_end(&c->text);
    size_t size = c->text.len + k->bytes - (k->bytes > 0); /* the first line has no comma before it */
    assert(size <= ROOMFILE_MAX);
    k->file = c->text.failed ? NULL : frame_new(size);
    if (!k->file)
        return;
    k->at = 0;
    k->version = k->changed;
    k->next = first_from(c, c->rooms[ROOM_LISTED], ROOM_LISTED);
    roomfile_begin(say_text(c));
    write_some(c);
}

void room_store_settle(struct core *c)
{
    struct room_store *k = &c->room_store;
    bool again = k->failed && c->now >= k->retry_at;
    if (!k->storing && !k->file && (k->changed != k->asked || again))
        begin(c);
}

bool room_store_measure(struct core *c, struct made *made)
{
    write_line(say_text(c), made);
    made->line_n = (uint16_t)c->text.len;
    return !c->text.failed;
}

void room_store_comes(struct core *c, struct room *room)
{
    assert(room->made && room->made->line_n > 0);
    room->made->version = ++c->room_store.changed;
    c->room_store.bytes += room->made->line_n;
}

static bool is_written(const struct room_store *k, const struct room *room)
{
    const struct room *next = k->next;
    return !next || room->kind < next->kind || (room->kind == next->kind && room->made->version < next->made->version);
}

void room_store_goes(struct core *c, const struct room *room)
{
    struct room_store *k = &c->room_store;
    k->changed++;
    k->bytes -= room->made->line_n;
    if (!k->file || room->made->version > k->version || is_written(k, room))
        return;
    if (room == k->next)
        k->next = first_from(c, room->next, room->kind);
    write_line(say_text(c), room->made);
    append(c);
}

/* The same room as when the wait began, not another one under its name. */
static struct room *room_of(const struct core *c, const struct room_terms *t)
{
    struct room *room = t->id_n ? room_find(c, (struct span){t->id, t->id_n}) : NULL;
    return room && room->incarnation == t->incarnation ? room : NULL;
}

static void fail(struct core *c, struct pending *e)
{
    struct room *room = room_of(c, &e->terms);
    if (room)
        room_close(c, room);
    if (e->terms.id_n)
        rest_refuse_unmade(c, e->conn);
    else
        rest_refuse_unstored(c, e->conn);
}

static void answer(struct core *c, struct pending *e)
{
    if (c->room_store.stored) {
        rest_respond(c, e->conn, e->status, e->answer);
        e->answer = NULL;
    } else {
        fail(c, e);
    }
    pending_free(e);
}

/* Until all are told what became of this writing, the next one, which others wait for, does not begin. */
void room_store_tick(struct core *c)
{
    struct room_store *k = &c->room_store;
    if (k->file) {
        say_text(c);
        write_some(c);
    }
    if (!k->answering)
        return;
    struct pending *e;
    for (uint32_t n = 0; batch_allows(c, n) && (e = pending_take_stored(c)); n++)
        answer(c, e);
    k->answering = k->storing = pending_stored(c) != NULL;
}

void room_store_stored(struct core *c, bool stored)
{
    assert(c->room_store.storing);
    struct room_store *k = &c->room_store;
    if (!stored)
        notice(c, NOTICE_STORE, "rooms.json could not be written", NULL);
    k->failed = !stored;
    k->retry_at = c->now + ROOM_STORE_RETRY_MS;
    k->answering = true;
    k->stored = stored;
    room_store_tick(c);
}

void room_store_lost(struct core *c)
{
    c->room_store.changed++;
}

uint64_t room_store_due(const struct core *c)
{
    const struct room_store *k = &c->room_store;
    if (k->answering || k->file)
        return c->now;
    return k->failed && !k->storing ? k->retry_at : UINT64_MAX;
}
