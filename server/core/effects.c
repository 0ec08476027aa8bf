/* SPDX-License-Identifier: MIT
 *
 * The list of effects. It keeps its memory from step to step, so that after the first few nothing is allocated for it;
 * its length is bounded by what one step may do: server/core/batch.h, and a few effects for each member of a room.
 */
#include "server/core/effects.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FIRST_CAP = 64
};

static void effect_drop(const struct core_effect *e)
{
    if (e->type == CORE_SEND)
        frame_unref(e->frame);
    else if (e->type == CORE_LOG)
        free(e->log);
    else if (e->type == CORE_RESPONSE)
        frame_unref(e->response.body);
    else if (e->type == CORE_STORE)
        frame_unref(e->store);
    else if (e->type == CORE_WEBHOOK)
        frame_unref(e->webhook);
    else if (e->type == CORE_HASH)
        free(e->hash);
    else if (e->type == CORE_BUS)
        free(e->bus);
}

bool effects_reserve(struct core_effects *fx)
{
    if (fx->n < fx->cap)
        return true;
    size_t cap = fx->cap ? fx->cap * 2 : FIRST_CAP;
    struct core_effect *v = realloc(fx->v, cap * sizeof *v);
    if (!v)
        return false;
    fx->v = v;
    fx->cap = cap;
    return true;
}

bool effects_add(struct core_effects *fx, const struct core_effect *e)
{
    assert(e->type <= CORE_DRAINED);
    if (!effects_reserve(fx)) {
        effect_drop(e);
        return false;
    }
    fx->v[fx->n++] = *e;
    return true;
}

void core_effects_clear(struct core_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++)
        effect_drop(&fx->v[i]);
    fx->n = 0;
}

void core_effects_done(struct core_effects *fx)
{
    core_effects_clear(fx);
    free(fx->v);
    *fx = (struct core_effects){0};
}
