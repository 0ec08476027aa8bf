/* SPDX-License-Identifier: MIT
 *
 * What effects own, each type's said in one place; it calls no other file.
 */
#include <assert.h>
#include <stdlib.h>

#include "peer/core/peer.h"

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        free(texts[i]);
    free(texts);
}

void peer_notice_free(struct peer_notice *n)
{
    if (!n)
        return;
#define X(text) free(n->text);
    PEER_NOTICE_TEXTS(X)
#undef X
    free_texts(n->to, n->to_count);
    free_texts(n->names, n->to_count);
    free(n);
}

void peer_effect_done(struct peer_effect *e)
{
    assert(e);
    switch (e->type) {
    case PEER_FX_SIGNAL:
        free(e->frame.p);
        break;
    case PEER_FX_ICE_SERVERS:
        free(e->ice_servers.p);
        break;
    case PEER_FX_RTC_REMOTE:
        free(e->description.sdp.p);
        break;
    case PEER_FX_RTC_CANDIDATE:
        free(e->candidate.p);
        break;
    case PEER_FX_RTC_SEND:
        free(e->message.bytes.p);
        break;
    case PEER_FX_FILE_GIVE:
        free(e->give.id);
        break;
    case PEER_FX_FILE_OPEN:
        free(e->open_file.path);
        break;
    case PEER_FX_PART_OPEN:
        free(e->open_part.folder);
        free(e->open_part.name);
        break;
    case PEER_FX_PART_HASHES:
        free(e->part_hashes.hashes.p);
        break;
    case PEER_FX_PART_WRITE:
        free(e->part_write.copy);
        break;
    case PEER_FX_PUT:
        free(e->put.key);
        free(e->put.value.p);
        break;
    case PEER_FX_DELETE:
        free(e->delete.key);
        break;
    case PEER_FX_LOAD:
        free(e->load.from);
        free(e->load.to);
        break;
    case PEER_FX_REMEMBER:
        free(e->remember.name);
        free(e->remember.id);
        break;
    case PEER_FX_NOTICE:
        peer_notice_free(e->notice);
        break;
    case PEER_FX_LOG:
        free(e->log);
        break;
    case PEER_FX_NONE:
    case PEER_FX_CONNECT:
    case PEER_FX_DISCONNECT:
    case PEER_FX_PROBE:
    case PEER_FX_RTC_NEW:
    case PEER_FX_RTC_OFFER:
    case PEER_FX_RTC_FREE:
    case PEER_FX_DEADLINE:
    case PEER_FX_COMMIT:
    case PEER_FX_RTC_CHANNEL:
    case PEER_FX_FILE_CLOSE:
    case PEER_FX_FILE_READ:
    case PEER_FX_PART_VERIFIED:
    case PEER_FX_PART_FINISH:
        break;
    }
    *e = (struct peer_effect){.type = PEER_FX_NONE};
}

struct peer_effect peer_effect_take(struct peer_effect *effect)
{
    assert(effect && effect->type != PEER_FX_NONE);
    struct peer_effect taken = *effect;
    *effect = (struct peer_effect){.type = PEER_FX_NONE};
    return taken;
}

void peer_effects_clear(struct peer_effects *fx)
{
    for (size_t i = 0; i < fx->n; i++)
        peer_effect_done(&fx->v[i]);
    fx->n = 0;
    peer_notice_free(fx->out_of_memory);
    fx->out_of_memory = NULL;
}

void peer_effects_done(struct peer_effects *fx)
{
    peer_effects_clear(fx);
    free(fx->v);
    *fx = (struct peer_effects){0};
}
