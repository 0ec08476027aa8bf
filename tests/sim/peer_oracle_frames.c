/* SPDX-License-Identifier: MIT
 *
 * What one sends another, as a wire tap sees it: nothing in the clear, nothing of one's own that a crash could take back,
 * and no receipt for what is not on the disk.
 */
#include <stdlib.h>

#include "tests/sim/peer_oracle_inner.h"

static const char *find(struct span text, const char *what)
{
    return memmem(text.p, text.n, what, strlen(what));
}

static bool has(struct span text, const char *what)
{
    return find(text, what) != NULL;
}

/* The string that begins behind `from`'s next quotation mark, and *from behind its end; n = 0: there is none. */
static struct span next_string(struct span text, const char **from)
{
    const char *end = text.p + text.n, *first = memchr(*from, '"', (size_t)(end - *from));
    const char *last = first ? memchr(first + 1, '"', (size_t)(end - first) - 1) : NULL;
    if (!last)
        return (struct span){0};
    *from = last + 1;
    return (struct span){first + 1, (size_t)(last - first) - 1};
}

/* ---- what may be said ---- */

/* One of ours: a crash that took it would leave others with what we never said, or say again in other words. */
static void check_talk(const struct peer_oracle *p, unsigned who, struct span frame)
{
    const char *at = find(frame, "\"id\":");
    size_t number;
    at = at ? at + 5 : frame.p + frame.n;
    const struct sent *s = peer_oracle_by_id(p, next_string(frame, &at), &number);
    world_check(p->w, !s || s->sender != who || s->lost || peer_oracle_keeps(p, who, number),
        "%u sends m%zu, which a crash can take", who, number);
}

/* It waits here for what comes before it, or for its reader. */
static bool is_stored(const struct peer_oracle *p, unsigned who, const struct sent *s)
{
    char key[ROW_KEY_MAX + 1];
    for (unsigned i = 0; i < PEOPLE_MAX; i++) {
        snprintf(key, sizeof key, "%s/%s/%s", p->people[i].id, p->people[s->sender].id, s->id);
        if (s->readers[i] != NOT_ASKED && memory_store_survives(p->people[who].store, TABLE_CUSTODY, span_of(key)))
            return true;
    }
    return peer_oracle_waits(p, who, s);
}

/* Its readers have it, or never will: a custodian may have heard that before it says that it keeps a copy. */
static bool is_needless(const struct peer_oracle *p, const struct sent *s, size_t number)
{
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        if (s->readers[i] == ASKED && !peer_oracle_keeps(p, i, number) && !marks_has(&p->people[i].lost, number) &&
            !s->stale[i] && !peer_oracle_passed(p, i, number))
            return false;
    return true;
}

/* message_ack: stored; message_delivered, message_read: in the record; message_missed: not there, and it never will be. */
static void check_receipt(const struct peer_oracle *p, unsigned who, struct span frame)
{
    static const char begin[] = "\"of\":[";
    bool stored = has(frame, "\"type\":\"message_ack\""), missed = has(frame, "\"type\":\"message_missed\"");
    const char *at = find(frame, begin);
    at = at ? at + sizeof begin - 2 : NULL;
    while (at && *at != ']') {
        size_t number;
        const struct sent *s = peer_oracle_by_id(p, next_string(frame, &at), &number);
        if (!s)
            continue;
        if (missed) {
            world_check(p->w, peer_oracle_passed(p, who, number), "%u says that it missed m%zu, and may have it yet",
                who, number);
            continue;
        }
        world_check(p->w,
            peer_oracle_keeps(p, who, number) || (stored && (is_stored(p, who, s) || is_needless(p, s, number))),
            "%u says that m%zu is %s, and a crash can take it", who, number, stored ? "stored" : "delivered");
    }
}

/* ---- counted ---- */

static void count_talk(struct traffic *t, struct span frame)
{
    static const char hops[] = "{\"hops\":";
    bool alone = has(frame, "\"retryCount\":") || has(frame, "\"route\":");
    unsigned depth = 1;
    if (frame.n > sizeof hops && memcmp(frame.p, hops, sizeof hops - 1) == 0)
        depth += (unsigned)strtoul(frame.p + sizeof hops - 1, NULL, 10);
    t->depth = !alone && depth > t->depth ? depth : t->depth;
    t->pushed += !alone;
    t->alone += alone;
}

void peer_oracle_frame(struct peer_oracle *p, unsigned who, struct span frame)
{
    struct traffic *t = &p->traffic;
    world_check(p->w, p->strangers || diary_number(frame) == SIZE_MAX, "%u sends in the clear: %.*s", who,
        (int)(frame.n < 300 ? frame.n : 300), frame.p);
    if (has(frame, "\"type\":\"group_message\"")) {
        check_talk(p, who, frame);
        count_talk(t, frame);
    } else if (has(frame, "\"type\":\"broadcast_announce\"")) {
        t->announcements++;
    } else if (has(frame, "\"type\":\"message_query\"")) {
        t->others++;
    } else if (has(frame, "\"type\":\"message_")) {
        check_receipt(p, who, frame);
        t->receipts++;
    } else if (has(frame, "\"type\":\"presence_update\"")) {
        t->news++;
    } else if (has(frame, "\"type\":\"heartbeat\"")) {
        t->pings++;
    } else {
        check_talk(p, who, frame);
        t->others++;
    }
}
