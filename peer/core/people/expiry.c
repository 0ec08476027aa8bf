/* SPDX-License-Identifier: MIT
 *
 * How old a message is: whether its time to live was over when it came. Its author wrote down the time by a clock that
 * may be wrong by years, so that clock is what its age is read from. What somebody says now is no older than it is:
 *
 *     timestamp - our monotonic clock at its arrival  ≤  how far that clock is ahead of ours
 *
 * and the quickest of all such shows the most. Heartbeats tell, every 2 s; they are the first that is said on a link,
 * and whoever finds its own clock set says one at once, before anything else. A pong cannot be older than our ping, so
 * it also bounds from above: a clock that is set back is found out. Introductions do not tell: their timestamps never
 * go back.
 *
 * Who has no link with us is judged by the messages that come from there through others without having rested
 * anywhere: the latest counts, unless a later message has an earlier time. Such messages are believed to be new
 * unless their presence (presence_gossip.c), which is as old as it was when it came, says otherwise; but they may
 * have rested with their author. So they bound the clock from below only: what shows it to be further ahead later
 * does not show that it was set. Of whom we heard nothing but presence, what rested somewhere must be in time, too,
 * by what most of the clocks say that we know, our own among them, with five minutes' allowance: one that is wrong
 * decides nothing. Or whoever hands it over has heard the author, and vouches for it: a lie makes something late.
 * What a custodian has kept is in time by that custodian's monotonic clock, and is not judged again (deliver.c).
 *
 * What was written before a clock was set is judged by that clock as it was then, as far as we heard it. Rejected: our
 * own wall clock for everybody (one wrong clock would drop all that its owner hears), and the author's word alone,
 * which a custodian or a relay may carry for as long as it likes.
 */
#include <assert.h>

#include "peer/core/state.h"
#include "peer/core/people/expiry.h"

static int64_t ahead(uint64_t timestamp, uint64_t now)
{
    return (int64_t)timestamp - (int64_t)now;
}

/* Its clock was set: what it wrote until now is judged as before. */
static void set(struct peer *p, struct clock_estimate *w, int64_t to)
{
    w->was = w->ahead;
    w->until = (int64_t)p->now;
    w->ahead = to;
    w->was_set = true;
    w->bounded = false;
}

/* At least so far ahead, and at most by `late` more. If it is further ahead than we knew it was set forward only if we
 * knew how far at most: a message may have rested with its author. */
static void learn(struct peer *p, struct clock_estimate *w, int64_t least, int64_t late)
{
    if (!w->known) {
        w->known = true;
        w->ahead = least;
    } else if ((w->bounded && least > w->ahead + CLOCK_SLACK_MS) || least + CLOCK_SLACK_MS < w->ahead) {
        set(p, w, least);
    } else if (least > w->ahead || least + late < w->ahead) {
        w->ahead = least;
    }
}

void expiry_heartbeat_heard(struct peer *p, struct person *who, uint64_t timestamp, uint64_t since)
{
    uint64_t late = since <= p->now && p->now - since < CLOCK_SLACK_MS ? p->now - since : CLOCK_SLACK_MS;
    learn(p, &who->clock_estimate, ahead(timestamp, p->now), (int64_t)late);
    who->clock_estimate.bounded = true;
}

/* In milliseconds; below 0: it comes from the clock's future. */
static int64_t expiry_age(const struct peer *p, const struct clock_estimate *w, uint64_t timestamp)
{
    int64_t now = (int64_t)p->now, said = (int64_t)timestamp - w->ahead, before = (int64_t)timestamp - w->was;
    if (w->was_set && before <= w->until && (said < w->until || said > now))
        said = before;
    return now - said;
}

/* What comes from too far in the future was written by a clock that was wrong, nobody knows how long ago. */
static bool is_over(int64_t age, uint64_t limit)
{
    return age > (int64_t)limit || age < -(int64_t)CLOCK_AHEAD_MS;
}

static bool most_say_over(const struct peer *p, const struct envelope *e)
{
    uint64_t timestamp = e->timestamp, limit = envelope_ttl(e) + CLOCK_ALLOWANCE_MS;
    size_t clocks = 1, over = is_over(ahead(p->unix_ms, timestamp), limit);
    for (const struct person *who = p->people; who; who = who->hh.next)
        if (who->clock_estimate.known) {
            clocks++;
            over += is_over(expiry_age(p, &who->clock_estimate, timestamp), limit);
        }
    return 2 * over > clocks;
}

/* By their presence, which may be older than we think; false if we have none. */
static bool gossip_says_over(const struct peer *p, const struct person *author, const struct envelope *e)
{
    const struct clock_estimate *w = &author->clock_estimate;
    int64_t least = (int64_t)p->now + w->presence - (int64_t)e->timestamp;
    return w->has_gossip && least > (int64_t)envelope_ttl(e);
}

/* Who hands it over has heard its author, and says that it is in time. */
static bool is_vouched_for(const struct peer *p, const struct person *author, const struct envelope *e)
{
    const struct clock_estimate *w = &author->clock_estimate;
    return w->vouched && !is_over((int64_t)p->now + w->vouch - (int64_t)e->timestamp, envelope_ttl(e));
}

/* A message of somebody who was not heard before counts as in flight since it was written. */
static bool seems_late(const struct peer *p, const struct person *author, const struct envelope *e)
{
    return author->clock_estimate.has_gossip ? gossip_says_over(p, author, e) : most_say_over(p, e);
}

void expiry_message_heard(struct peer *p, struct person *author, const struct envelope *e)
{
    assert(author->keyed && e->is_signed);
    struct clock_estimate *w = &author->clock_estimate;
    uint32_t conversation = hash_bytes(e->conversation.p, e->conversation.n);
    int64_t least = ahead(e->timestamp, p->now);
    bool same = w->conversation == conversation, later = !same || e->sequence > w->sequence;
    if (!w->known && seems_late(p, author, e))
        return;
    /* It may have rested all the same, and for as long as their presence is newer. */
    if (!w->known && w->has_gossip && w->presence > least)
        least = w->presence;
    if (!w->known || least > w->ahead)
        learn(p, w, least, 0);
    else if (same && later && e->timestamp < w->timestamp)
        set(p, w, least);
    if (!later)
        return;
    w->conversation = conversation;
    w->sequence = e->sequence;
    w->timestamp = e->timestamp;
}

void expiry_gossip_heard(struct peer *p, struct person *who, uint64_t timestamp)
{
    assert(who->keyed);
    struct clock_estimate *w = &who->clock_estimate;
    int64_t least = ahead(timestamp, p->now);
    if (!w->has_gossip || least > w->presence || timestamp < w->gossip_timestamp)
        w->presence = least;
    w->has_gossip = true;
    w->gossip_timestamp = timestamp;
    if (w->known && !w->bounded && w->presence > w->ahead)
        w->ahead = w->presence;
}

uint64_t expiry_clock_of(const struct peer *p, const struct person *who)
{
    int64_t clock = (int64_t)p->now + who->clock_estimate.ahead;
    return who->clock_estimate.known && clock > 0 ? (uint64_t)clock : 0;
}

void expiry_vouched(struct peer *p, struct person *who, uint64_t clock)
{
    who->clock_estimate.vouched = true;
    who->clock_estimate.vouch = ahead(clock, p->now);
}

bool expiry_is_over(const struct peer *p, const struct person *author, const struct envelope *e)
{
    assert(author->keyed);
    if (author->clock_estimate.known)
        return is_over(expiry_age(p, &author->clock_estimate, e->timestamp), envelope_ttl(e));
    return gossip_says_over(p, author, e) || (most_say_over(p, e) && !is_vouched_for(p, author, e));
}

uint64_t expiry_left(const struct peer *p, const struct person *author, const struct envelope *e)
{
    uint64_t ttl = envelope_ttl(e);
    int64_t age = author->clock_estimate.known ? expiry_age(p, &author->clock_estimate, e->timestamp) : 0;
    if (expiry_is_over(p, author, e))
        return 0;
    return age > 0 ? ttl - (uint64_t)age : ttl;
}

bool expiry_watch(struct peer *p)
{
    int64_t clock = ahead(p->unix_ms, p->now);
    int64_t step = clock - p->clock_ahead;
    if (step < CLOCK_STEP_MS && step > -CLOCK_STEP_MS)
        return false;
    p->clock_ahead = clock;
    return true;
}
