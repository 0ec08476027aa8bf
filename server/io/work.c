/* SPDX-License-Identifier: MIT
 *
 * rooms.json is written on uv's thread pool, one writing at a time (the core asks for no more), so that a slow disk
 * keeps nobody waiting. A writing that ends while the daemon is freed is told to nobody. Why one failed is said once a
 * second at most: on a full disk any client can have it fail at will.
 *
 * libuv starts its threads with the first work, and aborts if it gets none: so the first is at the start, when there
 * were some a moment ago (server/limits.h), and not years later with rooms that would be lost.
 */
#include "server/io/turn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/os_file.h"
#include "server/adapters/state_dir.h"

enum {
    NOTICE_EVERY_MS = 1000
};

struct store_work {
    uv_work_t first, work;
    struct io *io;
    struct frame *frame; /* owned; its text is what is written */
    bool ok;
    struct err problem;
    struct log_pace failures;
};

static void store(uv_work_t *work)
{
    struct store_work *w = work->data;
    w->ok = os_file_replace(w->io->state_dir, ROOMS_FILE, frame_text(w->frame), &w->problem);
}

static void tell_stored(struct io *io, bool ok)
{
    struct core_event e = io_event(io, CORE_STORED, NULL);
    e.stored = ok;
    io_step(io, &e);
}

static void say_failed(struct io *io, struct store_work *w)
{
    struct log_record r;
    uint64_t n = log_pace(&w->failures, uv_now(io->loop), NOTICE_EVERY_MS);
    if (n == 0)
        return;
    log_record_init(&r, LOG_LEVEL_ERROR, "store-failed", w->problem.text);
    log_record_addf(&r, "count", "%" PRIu64, n);
    logger_write(io->logger, &r);
}

static void stored(uv_work_t *work, int status)
{
    struct store_work *w = work->data;
    struct io *io = w->io;
    bool ok = status == 0 && w->ok;
    if (!ok)
        say_failed(io, w);
    frame_unref(w->frame);
    w->frame = NULL;
    if (!io->freeing)
        tell_stored(io, ok);
}

void work_store(struct io *io, struct frame *frame)
{
    struct store_work *w = io->store;
    assert(!w->frame);
    w->frame = frame;
    int started = uv_queue_work(io->loop, &w->work, store, stored);
    assert(started == 0);
    (void)started;
}

static void rest(uv_work_t *work)
{
    (void)work;
}

static void rested(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

bool work_open(struct io *io)
{
    struct store_work *w = io->store = calloc(1, sizeof *io->store);
    if (!w)
        return false;
    w->io = io;
    w->work.data = w;
    return uv_queue_work(io->loop, &w->first, rest, rested) == 0;
}

void work_close(struct io *io)
{
    free(io->store);
}
