/* SPDX-License-Identifier: MIT
 *
 * The threads are libuv's own and cannot be cancelled. What they write is a file beside the one that it is to replace
 * (base/os_file.h), so leaving in the midst of it is what a crash would be: the old one is whole.
 */
#include "server/ending.h"

#include <stdlib.h>
#include <unistd.h>

static void on_time(uv_timer_t *timer)
{
    ending_now(timer->data);
}

void ending_begin(struct ending *e, uv_loop_t *loop, struct logger *logger, uint64_t ms)
{
    e->logger = logger;
    uv_timer_init(loop, &e->timer);
    e->timer.data = e;
    uv_update_time(loop);
    uv_timer_start(&e->timer, on_time, ms, 0);
    uv_unref((uv_handle_t *)&e->timer); /* so that the end is not later for it */
}

void ending_now(struct ending *e)
{
    logger_say(e->logger, LOG_LEVEL_WARNING, "disk-not-waited-for",
        "the disk does not answer: ending without what was still to be written or read");
    logger_close(e->logger);
    _exit(EXIT_FAILURE);
}

void ending_over(struct ending *e)
{
    uv_close((uv_handle_t *)&e->timer, NULL);
}
