/* SPDX-License-Identifier: MIT
 *
 * Texts are "m<index>": the index finds the record of who sent it to whom, so a message that is doubled, forged,
 * misdirected or out of order shows at its reader at once, and a lost one at the end.
 */
#include "tests/sim/promises.h"

#include <stdlib.h>

enum reader {
    NOT_ASKED,
    ASKED,
    DELIVERED,
    FAILED,
    RELEASED
};

struct sent {
    unsigned sender, life; /* which life of its process */
    bool room, accepted, refused;
    char id[PEER_ID_MAX + 1];
    enum reader readers[PEOPLE_MAX];
    unsigned got[PEOPLE_MAX], got_life[PEOPLE_MAX];
};

struct person {
    char id[PEER_ID_MAX + 1];
    unsigned life;
    bool up[PEOPLE_MAX];
    unsigned flaps[PEOPLE_MAX];
    size_t last_room[PEOPLE_MAX], last_direct[PEOPLE_MAX]; /* index + 1 of the newest message from each */
};

struct promises {
    struct world *w;
    struct person people[PEOPLE_MAX];
    struct sent *sent;
    size_t n, cap;
    uint64_t delivered;
};

struct promises *promises_new(struct world *w)
{
    struct promises *p = world_alloc(sizeof *p);
    p->w = w;
    return p;
}

void promises_free(struct promises *p)
{
    if (!p)
        return;
    free(p->sent);
    free(p);
}

void promises_person(struct promises *p, unsigned who, const char *id)
{
    snprintf(p->people[who].id, sizeof p->people[who].id, "%s", id);
}

void promises_crash(struct promises *p, unsigned who)
{
    struct person *x = &p->people[who];
    x->life++;
    memset(x->up, 0, sizeof x->up);
    memset(x->last_room, 0, sizeof x->last_room);
    memset(x->last_direct, 0, sizeof x->last_direct);
    for (size_t i = 0; i < p->n; i++)
        for (unsigned r = 0; r < PEOPLE_MAX; r++)
            if ((p->sent[i].sender == who || r == who) && p->sent[i].readers[r] == ASKED)
                p->sent[i].readers[r] = RELEASED;
}

void promises_send(struct promises *p, unsigned who, const unsigned *to, size_t n, bool room, char out[64])
{
    p->sent = world_grow(p->sent, p->n, &p->cap, sizeof *p->sent);
    struct sent *s = &p->sent[p->n];
    *s = (struct sent){.sender = who, .life = p->people[who].life, .room = room};
    for (size_t i = 0; i < n; i++)
        s->readers[to[i]] = ASKED;
    snprintf(out, 64, "m%zu", p->n++);
}

static unsigned person_of(const struct promises *p, const char *id)
{
    for (unsigned i = 0; id && i < PEOPLE_MAX; i++)
        if (strcmp(p->people[i].id, id) == 0)
            return i;
    return PEOPLE_MAX;
}

static struct sent *sent_of(struct promises *p, const char *text)
{
    if (!text || text[0] != 'm')
        return NULL;
    size_t i = strtoul(text + 1, NULL, 10);
    return i < p->n ? &p->sent[i] : NULL;
}

static struct sent *sent_by_id(struct promises *p, unsigned sender, const char *id)
{
    for (size_t i = p->n; id && i-- > 0;)
        if (p->sent[i].sender == sender && strcmp(p->sent[i].id, id) == 0)
            return &p->sent[i];
    return NULL;
}

static void on_peer(struct promises *p, unsigned who, const struct peer_notice *n)
{
    unsigned other = person_of(p, n->id);
    if (other == PEOPLE_MAX)
        return;
    struct person *x = &p->people[who];
    world_check(p->w, other != who, "%u is told of a link to itself", who);
    world_check(p->w, x->up[other] != n->up, "%u is told twice that %u is %s", who, other, n->up ? "up" : "down");
    x->up[other] = n->up;
    x->flaps[other]++;
}

static void on_message(struct promises *p, unsigned who, const struct peer_notice *n)
{
    struct sent *s = sent_of(p, n->text);
    unsigned from = person_of(p, n->from);
    struct person *x = &p->people[who];
    world_check(p->w, s, "%u gets a message that nobody sent", who);
    world_check(p->w, s->sender == from, "%u gets %s from %u, not from %u", who, n->text, from, s->sender);
    world_check(p->w, s->room || s->readers[who] != NOT_ASKED, "%u gets %s, which is not for it", who, n->text);
    world_check(p->w, !s->got[who] || s->got_life[who] != x->life, "%u gets %s twice", who, n->text);
    s->got[who]++;
    s->got_life[who] = x->life;
    size_t index = (size_t)(s - p->sent) + 1, *last = s->room ? &x->last_room[from] : &x->last_direct[from];
    world_check(p->w, index > *last, "%u gets %s of %u after m%zu", who, n->text, from, *last - 1);
    *last = index;
}

static void on_accepted(struct promises *p, unsigned who, const struct peer_notice *n)
{
    struct sent *s = sent_of(p, n->ref);
    if (!n->ref)
        return; /* to a plain peer: nothing was promised but the attempt */
    world_check(p->w, s && s->sender == who && n->id, "%u: accepted without a message", who);
    world_check(p->w, !s->accepted, "%u: %s is accepted twice", who, n->ref);
    s->accepted = true;
    snprintf(s->id, sizeof s->id, "%s", n->id);
}

static void on_delivered(struct promises *p, unsigned who, const struct peer_notice *n)
{
    struct sent *s = sent_by_id(p, who, n->id);
    unsigned by = person_of(p, n->by);
    if (!s)
        return;
    world_check(p->w, by < PEOPLE_MAX, "%u: delivered by nobody", who);
    world_check(p->w, s->got[by], "%u: m%zu is said to be delivered to %u and is not", who, (size_t)(s - p->sent), by);
    world_check(p->w, s->readers[by] != DELIVERED, "%u: delivered twice by %u", who, by);
    s->readers[by] = DELIVERED;
    p->delivered++;
}

static void on_failed(struct promises *p, unsigned who, const struct peer_notice *n)
{
    struct sent *s = sent_by_id(p, who, n->id);
    world_check(p->w, s, "%u: failed without a message", who);
    world_check(p->w, n->to_count > 0, "%u: m%zu failed for nobody", who, (size_t)(s - p->sent));
    for (size_t i = 0; i < n->to_count; i++) {
        unsigned to = person_of(p, n->to[i]);
        world_check(p->w, to < PEOPLE_MAX && s->readers[to] != DELIVERED, "%u: m%zu failed after it was delivered", who,
            (size_t)(s - p->sent));
        s->readers[to] = FAILED;
    }
}

void promises_notice(struct promises *p, unsigned who, const struct peer_notice *n)
{
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
    case NOTICE_ERROR:
        if (sent_of(p, n->ref))
            sent_of(p, n->ref)->refused = true;
        break;
    default:
        break;
    }
}

/* What is still owed for one message; NULL if nothing is. */
static const char *owed(const struct promises *p, const struct sent *s, unsigned *reader)
{
    *reader = s->sender;
    if (!s->accepted)
        return s->refused || s->life != p->people[s->sender].life ? NULL : "was neither accepted nor refused";
    for (*reader = 0; *reader < PEOPLE_MAX; ++*reader)
        if (s->readers[*reader] == ASKED)
            return s->got[*reader] ? "arrived and its sender was not told" : "did not arrive";
    return NULL;
}

bool promises_kept(const struct promises *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++)
        if (owed(p, &p->sent[i], &reader))
            return false;
    return true;
}

void promises_check(const struct promises *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++) {
        const char *what = owed(p, &p->sent[i], &reader);
        world_check(p->w, !what, "m%zu of %u to %u %s", i, p->sent[i].sender, reader, what);
    }
}

bool promises_up(const struct promises *p, unsigned who, unsigned other)
{
    return p->people[who].up[other];
}

unsigned promises_flaps(const struct promises *p, unsigned who, unsigned other)
{
    return p->people[who].flaps[other];
}

uint64_t promises_delivered(const struct promises *p)
{
    return p->delivered;
}
