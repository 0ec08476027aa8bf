/* SPDX-License-Identifier: MIT
 *
 * How long the end may take, once nobody is served any more: a thread may be in the midst of a write or read of a disk that
 * does not answer, and joining it would wait for as long.
 */
#ifndef SERVER_ENDING_H
#define SERVER_ENDING_H

#include <uv.h>

#include "server/adapters/logger.h"

struct ending {
    struct logger *logger; /* borrowed */
    uv_timer_t timer;
};

/* From here on, while the loop runs until nothing is left to be done, it may do so for ms: then the process ends, with 1
 * and a record that says so. */
void ending_begin(struct ending *e, uv_loop_t *loop, struct logger *logger, uint64_t ms);
/* Ends the process at once, with 1. What is said is written, and nothing else. */
_Noreturn void ending_now(struct ending *e);
/* All is done. The loop has to run once more. */
void ending_over(struct ending *e);

#endif
