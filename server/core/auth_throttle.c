/* SPDX-License-Identifier: MIT
 *
 * auth_failures. An address may be wrong GUESSES_FREE times for nothing; from then on whatever brings a password or a
 * token, right or wrong, waits before it is looked at, longer with each that was wrong, and at the limit it is refused
 * unheard, so that it costs no scrypt and tells nothing. One failure is forgiven every window / limit, so an address is
 * never shut for longer than that at a time, and only an attacker who goes on behind the same address keeps his
 * neighbours out. Being right forgives nothing: who owns one room would wash himself clean with its password.
 *
 * Passwords that are being hashed count as if they were wrong, or as many could be tried at once as may wait; those that
 * would be one too many wait their turn instead of being refused: a class that opens its room at nine is no attack. Those
 * of rooms that are being made count with them, and wait likewise, for all addresses share the places: they go by the
 * address alone, since the work goes on when the connection that asked for it is gone.
 *
 * The whole memory of it is one time for each address: when the last failure is forgiven (a leaky bucket, as in ATM's
 * generic cell rate algorithm). Delaying answers instead of looks was rejected: who hears nothing within a few
 * milliseconds would know that he was wrong.
 */
#include "server/core/auth_throttle.h"

#include <assert.h>

#include "server/core/pending.h"
#include "server/core/notice.h"

enum {
    GUESSES_FREE = 3,
    FAILURE_DELAY_MS = 250, /* doubled by each failure up to: */
    FAILURE_DELAY_MAX_MS = 4000,
    FAILURE_DOUBLINGS_MAX = 4
};

static uint64_t forgiven_each(const struct core *c)
{
    uint32_t limit = c->settings.auth_failures;
    return limit < AUTH_WINDOW_MS ? AUTH_WINDOW_MS / limit : 1;
}

static uint64_t blamed_for(const struct core *c, const struct address_state *o)
{
    return o->blamed_until > c->now ? o->blamed_until - c->now : 0;
}

static uint64_t delay_after(uint64_t failed)
{
    uint64_t doublings = failed - GUESSES_FREE;
    return doublings < FAILURE_DOUBLINGS_MAX ? (uint64_t)FAILURE_DELAY_MS << doublings : FAILURE_DELAY_MAX_MS;
}

bool auth_throttle_may_hash(const struct core *c, const struct session *s, uint64_t *ms)
{
    uint32_t limit = c->settings.auth_failures;
    *ms = FAILURE_DELAY_MS;
    return !limit || !s->address || pending_of(c->hashes, s->address) < limit;
}

enum auth_verdict auth_throttle_look(const struct core *c, const struct session *s, bool waited, uint64_t *ms)
{
    uint32_t limit = c->settings.auth_failures;
    if (!limit || !s->address)
        return AUTH_ALLOWED;
    uint64_t each = forgiven_each(c), blamed = blamed_for(c, s->address), failed = (blamed + each - 1) / each;
    if (failed >= limit) {
        *ms = blamed - (limit - 1) * each;
        return AUTH_REFUSED;
    }
    if (!waited && failed >= GUESSES_FREE) {
        *ms = delay_after(failed);
        return AUTH_DELAYED;
    }
    *ms = FAILURE_DELAY_MS;
    return failed + pending_of(c->hashes, s->address) >= limit ? AUTH_DELAYED : AUTH_ALLOWED;
}

void auth_throttle_failed(struct core *c, struct session *s, const char *reason)
{
    assert(reason && s);
    c->stats.auth_failed_total++;
    notice_session(c, NOTICE_WRONG, reason, s);
    if (!c->settings.auth_failures || !s->address)
        return;
    uint64_t blamed = blamed_for(c, s->address) + forgiven_each(c);
    s->address->blamed_until = c->now + (blamed < AUTH_WINDOW_MS ? blamed : AUTH_WINDOW_MS);
}
