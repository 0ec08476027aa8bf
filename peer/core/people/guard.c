/* SPDX-License-Identifier: MIT
 *
 * What every frame of somebody else must satisfy, whichever part of the core reads it: that its author signed it, that it
 * opens, and that its sender does not do more of it than it may. What is refused is counted, and logged once a second.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/people/guard.h"
#include "peer/core/port/effects.h"
#include "peer/core/people/seal.h"

void guard_refuse(struct peer *p, const struct person *who, const char *why)
{
    assert(who && why);
    p->stats.refused_total++;
    if (p->now < p->refused_log_at)
        return;
    p->refused_log_at = p->now + LOG_REFUSED_MS;
    effect_log(p, LOG_LEVEL_WARNING, "frame-refused", why, "peer", person_id(who));
}

bool guard_affords(const struct peer *p, uint64_t *paid_until, uint64_t each_ms, uint64_t burst)
{
    assert(each_ms > 0 && burst > 0);
    if (*paid_until < p->now)
        *paid_until = p->now;
    if (*paid_until + each_ms > p->now + each_ms * burst)
        return false;
    *paid_until += each_ms;
    return true;
}

bool guard_signed_by(struct peer *p, const uint8_t key[KEY_BYTES], const struct envelope *e)
{
    struct buf bytes;
    buf_init(&bytes, 2 * PEER_MESSAGE_MAX);
    bool ok = e->is_signed && envelope_signed_bytes(e, &bytes) &&
              p->crypto.verify(p->crypto.ctx, key, buf_view(&bytes), e->signature);
    buf_done(&bytes);
    return ok;
}

const char *guard_open(const struct peer *p, const struct person *who, struct envelope *e)
{
    assert(who->keyed && e->encrypted.n > 0);
    struct buf content;
    buf_init(&content, PEER_MESSAGE_MAX);
    const char *wrong = seal_open(&p->crypto, e, span_of(p->id), who->box, &content);
    if (!wrong)
        envelope_open_content(e, buf_view(&content), &wrong);
    buf_done(&content);
    return wrong;
}
