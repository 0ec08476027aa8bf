/* SPDX-License-Identifier: MIT
 *
 * What applications are told. Nothing of it may be taken back by a crash, be told twice, or be untrue of anybody's disk.
 */
#include "tests/sim/peer_oracle_inner.h"

static unsigned named(const struct peer_oracle *p, const char *id)
{
    return peer_oracle_who(p, id ? span_of(id) : (struct span){0});
}

static struct sent *of_ours(const struct peer_oracle *p, unsigned who, const char *id, size_t *number)
{
    struct sent *s = id ? peer_oracle_by_id(p, span_of(id), number) : NULL;
    return s && s->sender == who ? s : NULL;
}

static void on_peer(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    unsigned other = named(p, n->id);
    if (other == PEOPLE_MAX)
        return;
    struct person *x = &p->people[who];
    world_check(p->w, other != who, "%u is told of a link to itself", who);
    bool same = x->up[other] == n->up && (!n->up || strcmp(x->path[other], n->path) == 0);
    world_check(p->w, !same, "%u is told twice that %u is %s", who, other, n->up ? n->path : "down");
    if (x->up[other] != n->up)
        x->since[other] = world_now(p->w);
    x->up[other] = n->up;
    x->path[other] = n->path;
    x->met[other] |= n->up && strcmp(n->path, "relay") != 0;
    x->flaps[other]++;
}

static void on_message(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    size_t number = diary_number(span_of(n->text));
    const struct person *x = &p->people[who];
    unsigned from = named(p, n->from);
    world_check(p->w, number < p->n, "%u gets a message that nobody sent", who);
    const struct sent *s = p->sent[number];
    world_check(p->w, s->sender == from, "%u gets %s from %u, not from %u", who, n->text, from, s->sender);
    diary_show(x->diary, number);
    world_check(p->w, peer_oracle_keeps(p, who, number), "%u is shown m%zu, which a crash can take", who, number);
    order_shown(p, who, number);
}

static void on_accepted(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    if (!n->ref)
        return; /* to a plain peer: nothing was promised but the attempt */
    struct sent *s = peer_oracle_by_ref(p, span_of(n->ref));
    world_check(p->w, s && s->sender == who && n->id, "%u: accepted without a message", who);
    s->accepted = true;
    if (!s->written && s->ask.to_count == 0)
        return; /* nobody is there to read it */
    world_check(p->w, strcmp(s->id, n->id) == 0, "%u: %s is accepted as %s and was %s", who, n->ref, n->id, s->id);
    world_check(p->w, peer_oracle_keeps(p, who, diary_number(span_of(s->ask.text))),
        "%u: %s is accepted, and a crash can take it", who, n->ref);
    for (size_t i = 0; i < s->ask.to_count; i++)
        world_check(p->w, s->readers[s->ask.to[i]] != NOT_ASKED, "%u: %s is not for %u", who, n->ref, s->ask.to[i]);
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        world_check(p->w, !s->expected[i] || s->readers[i] != NOT_ASKED, "%u: %s is not for %u, who is in the room",
            who, n->ref, i);
}

static void on_delivered(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    size_t number;
    struct sent *s = of_ours(p, who, n->id, &number);
    unsigned by = named(p, n->by), life = p->people[who].life;
    if (!s)
        return;
    world_check(p->w, by < PEOPLE_MAX && s->readers[by] != NOT_ASKED, "%u: m%zu delivered by a stranger", who, number);
    world_check(p->w, peer_oracle_keeps(p, by, number) || s->had[by],
        "%u: m%zu is said to be delivered to %u and is not", who, number, by);
    world_check(
        p->w, s->readers[by] == ASKED || s->told_life[by] != life, "%u: m%zu is settled twice for %u", who, number, by);
    world_check(p->w, s->readers[by] == ASKED || s->readers[by] == DELIVERED,
        "%u: m%zu is delivered to %u after it failed", who, number, by);
    world_check(p->w, !peer_oracle_is_open(p, number, by),
        "%u: m%zu is delivered to %u, and a crash can take that back", who, number, by);
    p->delivered += s->readers[by] == ASKED;
    s->readers[by] = DELIVERED;
    s->told_life[by] = life;
}

/* Its time is over, or its reader has said to his own application that he does without it. */
static void check_reason(const struct peer_oracle *p, unsigned who, const char *reason, size_t number, unsigned to)
{
    const struct sent *s = p->sent[number];
    bool over = world_now(p->w) + world_clock_steps(p->w) >= s->until;
    bool missed = strcmp(reason, "missed") == 0;
    if (strcmp(reason, "too-large") == 0) {
        world_check(p->w, p->people[to].message_max > 0 && !diary_has(p->people[to].diary, number),
            "%u: m%zu is too large for %u, and it is not", who, number, to);
        return;
    }
    world_check(p->w, missed || (strcmp(reason, "expired") == 0 && over), "%u: m%zu for %u failed too early: %s", who,
        number, to, reason);
    if (s->stale[to])
        return;
    world_check(p->w, !missed || !diary_has(p->people[to].diary, number), "%u: %u has m%zu and calls it missed", who,
        to, number);
    world_check(p->w, !missed || marks_has(&p->people[to].missed, number) || peer_oracle_passed(p, to, number),
        "%u: %u did not say that it misses m%zu", who, to, number);
}

static void on_failed(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    size_t number;
    struct sent *s = of_ours(p, who, n->id, &number);
    if (!s)
        return;
    world_check(p->w, n->to_count > 0 && n->reason, "%u: m%zu failed for nobody", who, number);
    for (size_t i = 0; i < n->to_count; i++) {
        unsigned to = named(p, n->to[i]);
        world_check(
            p->w, to < PEOPLE_MAX && s->readers[to] != NOT_ASKED, "%u: m%zu failed for a stranger", who, number);
        world_check(p->w, s->readers[to] != DELIVERED, "%u: m%zu failed after it was delivered to %u", who, number, to);
        world_check(p->w, !peer_oracle_is_open(p, number, to), "%u: m%zu failed for %u, and a crash can take that back",
            who, number, to);
        check_reason(p, who, n->reason, number, to);
        p->failed += s->readers[to] == ASKED;
        s->readers[to] = strcmp(n->reason, "missed") == 0 ? MISSED : FAILED;
        s->told_life[to] = p->people[who].life;
    }
}

void peer_oracle_notice(struct peer_oracle *p, unsigned who, const struct peer_notice *n)
{
    struct sent *s;
    switch (n->type) {
    case NOTICE_PEER:
        on_peer(p, who, n);
        break;
    case NOTICE_MESSAGE:
        on_message(p, who, n);
        break;
    case NOTICE_ACCEPTED:
        on_accepted(p, who, n);
        break;
    case NOTICE_DELIVERED:
        on_delivered(p, who, n);
        break;
    case NOTICE_FAILED:
        on_failed(p, who, n);
        break;
    case NOTICE_MISSING:
        order_missing(p, who, n);
        break;
    case NOTICE_ERROR:
        s = n->ref ? peer_oracle_by_ref(p, span_of(n->ref)) : NULL;
        if (s)
            s->refused = true;
        break;
    default:
        break;
    }
}
