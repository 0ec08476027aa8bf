/* SPDX-License-Identifier: MIT
 *
 * errno is looked at where it matters and then cleared, so that no later call can hide what it said.
 */
#include <assert.h>
#include <errno.h>

#include "peer/core/state.h"
#include "peer/core/port/memory.h"

void memory_begin(struct peer *p)
{
    p->memory_short = false;
    errno = 0;
}

bool memory_short(struct peer *p)
{
    if (errno == ENOMEM)
        p->memory_short = true;
    errno = 0;
    return p->memory_short;
}

bool memory_spared(struct peer *p, bool before)
{
    bool lost = memory_short(p) && !before;
    assert(!before || p->memory_short);
    p->memory_short = before;
    return lost;
}
