/* SPDX-License-Identifier: MIT
 *
 * rooms.json is written on uv's thread pool, one writing at a time (the core asks for no more), so that a slow disk
 * keeps nobody waiting. A writing that ends while the daemon is freed is told to nobody. Why one failed is said once a
 * second at most: on a full disk any client can have it fail at will.
 *
 * Before each writing, and every LOOK_EVERY_MS, the state folder is looked at (state_hold.h): one that was made again gets its
 * keys and all rooms, so that a restart finds what was promised. There is one look or writing at a time; a writing waits for
 * the look that is under way.
 *
 * libuv starts its threads with the first work, and aborts if it gets none: so the first is at the start, when there
 * were some a moment ago (server/limits.h), and not years later with rooms that would be lost.
 */
#include "server/io/turn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/os_file.h"
#include "server/adapters/state_hold.h"

enum {
    NOTICE_EVERY_MS = 1000,
    LOOK_EVERY_MS = 10000
};

struct store_work {
    uv_work_t first, work, look;
    uv_timer_t timer;
    bool timed; /* the timer is open */
    struct io *io;
    struct frame *frame; /* owned; its text is what is written, or is to be once looking is over */
    bool looking;
    bool ok, again;     /* of the last look or writing: how it ended, and whether the folder was made again */
    bool lost;          /* the last look failed, which was said */
    struct err problem; /* unless ok */
    struct log_pace failures;
};

static void look(uv_work_t *work)
{
    struct store_work *w = work->data;
    w->ok = state_hold_look(w->io->state, &w->again, &w->problem);
}

static void store(uv_work_t *work)
{
    struct store_work *w = work->data;
    look(work);
    if (w->ok)
        w->ok = os_file_replace(w->io->state->dir, ROOMS_FILE, frame_text(w->frame), &w->problem);
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

static void say_again(struct io *io, struct store_work *w)
{
    if (w->again)
        logger_say(io->logger, LOG_LEVEL_WARNING, "state-restored",
            "the state folder was made again while this daemon ran: its lock, its keys and all rooms are put there");
    w->again = false;
}

static void stored(uv_work_t *work, int status)
{
    struct store_work *w = work->data;
    struct io *io = w->io;
    bool ok = status == 0 && w->ok;
    say_again(io, w);
    if (!ok)
        say_failed(io, w);
    frame_unref(w->frame);
    w->frame = NULL;
    if (!io->freeing)
        tell_stored(io, ok);
}

static void begin(struct io *io, uv_work_t *work, uv_work_cb job, uv_after_work_cb done)
{
    int started = uv_queue_work(io->loop, work, job, done);
    assert(started == 0);
    (void)started;
}

static void say_lost(struct io *io, struct store_work *w)
{
    struct log_record r;
    log_record_init(&r, LOG_LEVEL_ERROR, "state-lost", w->problem.text);
    logger_write(io->logger, &r);
}

static void looked(uv_work_t *work, int status)
{
    struct store_work *w = work->data;
    struct io *io = w->io;
    bool again = w->again;
    (void)status; /* nothing of ours is cancelled */
    w->looking = false;
    say_again(io, w);
    if (!w->ok && !w->lost)
        say_lost(io, w);
    w->lost = !w->ok;
    if (w->frame) {
        begin(io, &w->work, store, stored);
    } else if (again && !io->freeing) {
        struct core_event e = io_event(io, CORE_UNSTORED, NULL);
        io_step(io, &e);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct store_work *w = timer->data;
    if (w->looking || w->frame)
        return;
    w->looking = true;
    begin(w->io, &w->look, look, looked);
}

void work_store(struct io *io, struct frame *frame)
{
    struct store_work *w = io->store;
    assert(!w->frame);
    w->frame = frame;
    if (!w->looking)
        begin(io, &w->work, store, stored);
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
    w->work.data = w->look.data = w->timer.data = w;
    w->timed = uv_timer_init(io->loop, &w->timer) == 0;
    if (w->timed)
        uv_unref((uv_handle_t *)&w->timer); /* it keeps no loop going */
    return w->timed && uv_timer_start(&w->timer, on_timer, LOOK_EVERY_MS, LOOK_EVERY_MS) == 0 &&
           uv_queue_work(io->loop, &w->first, rest, rested) == 0;
}

void work_stop(struct io *io)
{
    if (io->store && io->store->timed)
        uv_close((uv_handle_t *)&io->store->timer, NULL);
}

void work_close(struct io *io)
{
    free(io->store);
}
