/* SPDX-License-Identifier: MIT
 *
 * What shared.c and shared_news.c share.
 */
#ifndef SERVER_CORE_SHARED_INNER_H
#define SERVER_CORE_SHARED_INNER_H

#include "server/core/cluster.h"
#include "server/core/shared.h"

/* The terms of a room made over HTTP on another node. */
struct made_there {
    struct room_terms terms;
    uint8_t keeper_n;
    char keeper[NODE_MAX];
};

/* The BUS_SYNC of the room is answered, or never will be. */
void shared_job_end(struct core *c, struct shared *sh);

#endif
