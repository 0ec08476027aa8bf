/* SPDX-License-Identifier: MIT
 *
 * Texts hold a number: it finds the record of who sent it to whom, so a message that is doubled, forged, misdirected or
 * out of order shows at its reader at once, and a lost one at the end.
 */
#include "tests/sim/promises.h"

#include <stdlib.h>

enum reader {
    NOT_ASKED,
    ASKED,
    DELIVERED,
    FAILED,
    MISSED /* failed because the reader said that it will never take it */
};

struct sent {
    unsigned sender;
    bool written, accepted, refused;
    char id[PEER_ID_MAX + 1], conversation[96];
    struct ask ask;
    uint8_t readers[PEOPLE_MAX];
    unsigned told_life[PEOPLE_MAX]; /* the sender's, when it was told the above */
    struct marks before;            /* what its sender knew of the conversation, and what was before that */
};

struct person {
    char id[PEER_ID_MAX + 1];
    const struct shelf *shelf;
    struct diary *diary;
    unsigned life;
    bool up[PEOPLE_MAX],
        untied[PEOPLE_MAX]; /* it was told that something of theirs is missing, and so what that depended on */
    const char *path[PEOPLE_MAX];
    unsigned flaps[PEOPLE_MAX];
};

struct promises {
    struct world *w;
    struct person people[PEOPLE_MAX];
    struct sent **sent;
    size_t n, cap;
    uint64_t delivered, failed;
    bool strangers;
    struct traffic traffic;
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
    for (size_t i = 0; i < p->n; i++) {
        marks_done(&p->sent[i]->before);
        free(p->sent[i]);
    }
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        diary_free(p->people[i].diary);
    free(p->sent);
    free(p);
}

void promises_person(struct promises *p, unsigned who, const char *id, const struct shelf *shelf)
{
    snprintf(p->people[who].id, sizeof p->people[who].id, "%s", id);
    p->people[who].shelf = shelf;
    p->people[who].diary = diary_new(p->w, who);
}

static unsigned person_of(const struct promises *p, struct span id)
{
    for (unsigned i = 0; id.n && i < PEOPLE_MAX; i++)
        if (span_is(id, p->people[i].id))
            return i;
    return PEOPLE_MAX;
}

static unsigned person_named(const struct promises *p, const char *id)
{
    return person_of(p, id ? span_of(id) : (struct span){0});
}

static struct sent *sent_by_ref(struct promises *p, struct span ref)
{
    char text[DIARY_TEXT_MAX];
    if (ref.n < 2 || ref.n >= sizeof text || ref.p[0] != 'm')
        return NULL;
    memcpy(text, ref.p + 1, ref.n - 1);
    text[ref.n - 1] = '\0';
    size_t i = strtoul(text, NULL, 10);
    return i < p->n ? p->sent[i] : NULL;
}

static struct sent *sent_by_id(struct promises *p, unsigned sender, struct span id, size_t *number)
{
    for (*number = p->n; id.n && (*number)-- > 0;)
        if (p->sent[*number]->sender == sender && span_is(id, p->sent[*number]->id))
            return p->sent[*number];
    return NULL;
}

/* ---- asking ---- */

void promises_send(struct promises *p, unsigned who, struct ask *ask)
{
    struct sent *s = world_alloc(sizeof *s);
    p->sent = world_grow(p->sent, p->n, &p->cap, sizeof *p->sent);
    diary_text(p->n, ask->text);
    snprintf(ask->ref, sizeof ask->ref, "m%zu", p->n);
    *s = (struct sent){.sender = who, .ask = *ask};
    p->sent[p->n++] = s;
}

bool promises_again(const struct promises *p, unsigned who, size_t *next, struct ask *ask)
{
    for (; *next < p->n; ++*next) {
        const struct sent *s = p->sent[*next];
        if (s->sender != who || s->accepted || s->refused)
            continue;
        *ask = s->ask;
        ++*next;
        return true;
    }
    return false;
}

/* ---- rows ---- */

/* A message of ours gets its place: behind all that we know of this conversation. */
static void spoken(struct promises *p, unsigned who, struct sent *s, struct span row)
{
    static const char name[] = "\"conversation\":\"";
    const struct diary *r = p->people[who].diary;
    const char *at = memmem(row.p, row.n, name, sizeof name - 1);
    const char *end = at ? memchr(at + sizeof name, '"', (size_t)(row.p + row.n - at) - sizeof name) : NULL;
    world_check(p->w, end, "a record without a conversation");
    at += sizeof name - 1;
    snprintf(s->conversation, sizeof s->conversation, "%.*s", (int)(end - at), at);
    s->written = true;
    for (size_t i = 0; i < diary_count(r); i++) {
        size_t number = diary_at(r, i);
        struct sent *old = number < p->n ? p->sent[number] : NULL;
        if (!old || old == s || strcmp(old->conversation, s->conversation) != 0)
            continue;
        marks_add(&s->before, number);
        for (size_t w = 0; w < old->before.n; w++)
            if (old->before.words[w] & ~(w < s->before.n ? s->before.words[w] : 0)) {
                marks_add(&s->before, w * 64 + (size_t)__builtin_ctzll(old->before.words[w]));
                s->before.words[w] |= old->before.words[w];
            }
    }
}

static void recorded(struct promises *p, unsigned who, size_t number, struct span row)
{
    struct person *x = &p->people[who];
    world_check(p->w, number < p->n, "%u records what nobody sent", who);
    struct sent *s = p->sent[number];
    if (s->sender == who) {
        spoken(p, who, s, row);
        return;
    }
    world_check(p->w, s->written && s->readers[who] != NOT_ASKED, "%u records m%zu, which is not for it", who, number);
    world_check(p->w, s->readers[who] != MISSED, "%u records m%zu, which it had given up", who, number);
    for (size_t i = 0; i < diary_count(x->diary); i++) {
        size_t later = diary_at(x->diary, i);
        if (later < p->n && marks_has(&p->sent[later]->before, number))
            world_check(p->w, x->untied[s->sender] || x->untied[p->sent[later]->sender],
                "%u gets m%zu after m%zu, whose sender knew it", who, number, later);
    }
}

static void delivery_written(struct promises *p, unsigned who, struct span key)
{
    const char *slash = memchr(key.p, '/', key.n);
    size_t n = slash ? (size_t)(slash - key.p) : key.n, number;
    struct sent *s = sent_by_id(p, who, (struct span){key.p, n}, &number);
    unsigned reader = slash ? person_of(p, (struct span){slash + 1, key.n - n - 1}) : PEOPLE_MAX;
    if (s && reader < PEOPLE_MAX)
        s->readers[reader] = ASKED;
}

void promises_row(struct promises *p, unsigned who, const struct peer_effect *put)
{
    struct span key = span_of(put->kind), value = {put->text, put->text_n};
    size_t number;
    struct sent *s;
    if (put->table == TABLE_LOG) {
        number = diary_put(p->people[who].diary, key, value);
        if (number != SIZE_MAX)
            recorded(p, who, number, value);
        return;
    }
    world_check(p->w, diary_number(value) == SIZE_MAX, "%u writes %s in the clear", who, put->kind);
    if (put->table == TABLE_DELIVERY)
        delivery_written(p, who, key);
    else if (put->table == TABLE_REF && (s = sent_by_ref(p, key)) && s->sender == who)
        snprintf(s->id, sizeof s->id, "%.*s", (int)value.n, value.p);
}

void promises_end(struct promises *p, unsigned who)
{
    struct person *x = &p->people[who];
    x->life++;
    memset(x->up, 0, sizeof x->up);
    diary_restore(x->diary, x->shelf);
    for (size_t i = 0; i < p->n; i++) {
        struct sent *s = p->sent[i];
        if (s->sender != who || !s->written || diary_has(x->diary, i))
            continue;
        world_check(p->w, !s->accepted, "m%zu of %u was accepted, and its disk lost it", i, who);
        marks_done(&s->before);
        *s = (struct sent){.sender = who, .ask = s->ask};
    }
}

/* ---- frames ---- */

static bool has(struct span text, const char *what)
{
    return memmem(text.p, text.n, what, strlen(what)) != NULL;
}

void promises_frame(struct promises *p, unsigned who, struct span frame)
{
    static const char hops[] = "{\"hops\":";
    struct traffic *t = &p->traffic;
    world_check(p->w, p->strangers || diary_number(frame) == SIZE_MAX, "%u sends in the clear: %.*s", who,
        (int)(frame.n < 300 ? frame.n : 300), frame.p);
    if (has(frame, "\"type\":\"group_message\"")) {
        bool alone = has(frame, "\"retryCount\":") || has(frame, "\"route\":");
        unsigned depth = 1;
        if (frame.n > sizeof hops && memcmp(frame.p, hops, sizeof hops - 1) == 0)
            depth += (unsigned)strtoul(frame.p + sizeof hops - 1, NULL, 10);
        t->depth = !alone && depth > t->depth ? depth : t->depth;
        t->pushed += !alone;
        t->alone += alone;
    } else if (has(frame, "\"type\":\"broadcast_announce\"")) {
        t->announcements++;
    } else if (has(frame, "\"type\":\"message_")) {
        t->receipts++;
    } else if (has(frame, "\"type\":\"presence_update\"")) {
        t->news++;
    } else if (has(frame, "\"type\":\"heartbeat\"")) {
        t->pings++;
    } else {
        t->others++;
    }
}

struct traffic *promises_traffic(struct promises *p)
{
    return &p->traffic;
}

void promises_strangers(struct promises *p)
{
    p->strangers = true;
}

/* ---- notices ---- */

static void on_peer(struct promises *p, unsigned who, const struct peer_notice *n)
{
    unsigned other = person_named(p, n->id);
    if (other == PEOPLE_MAX)
        return;
    struct person *x = &p->people[who];
    world_check(p->w, other != who, "%u is told of a link to itself", who);
    bool same = x->up[other] == n->up && (!n->up || strcmp(x->path[other], n->path) == 0);
    world_check(p->w, !same, "%u is told twice that %u is %s", who, other, n->up ? n->path : "down");
    x->up[other] = n->up;
    x->path[other] = n->path;
    x->flaps[other]++;
}

static void on_message(struct promises *p, unsigned who, const struct peer_notice *n)
{
    size_t number = diary_number(span_of(n->text));
    const struct person *x = &p->people[who];
    unsigned from = person_named(p, n->from);
    world_check(p->w, number < p->n, "%u gets a message that nobody sent", who);
    const struct sent *s = p->sent[number];
    world_check(p->w, s->sender == from, "%u gets %s from %u, not from %u", who, n->text, from, s->sender);
    diary_show(x->diary, number);
    world_check(p->w, diary_keeps(x->diary, x->shelf, number), "%u is shown m%zu, which a crash can take", who, number);
}

static void on_accepted(struct promises *p, unsigned who, const struct peer_notice *n)
{
    const struct person *x = &p->people[who];
    if (!n->ref)
        return; /* to a plain peer: nothing was promised but the attempt */
    struct sent *s = sent_by_ref(p, span_of(n->ref));
    world_check(p->w, s && s->sender == who && n->id, "%u: accepted without a message", who);
    s->accepted = true;
    if (!s->written && s->ask.to_count == 0)
        return; /* nobody is there to read it */
    world_check(p->w, strcmp(s->id, n->id) == 0, "%u: %s is accepted as %s and was %s", who, n->ref, n->id, s->id);
    world_check(p->w, diary_keeps(x->diary, x->shelf, diary_number(span_of(s->ask.text))),
        "%u: %s is accepted, and a crash can take it", who, n->ref);
    for (size_t i = 0; i < s->ask.to_count; i++)
        world_check(p->w, s->readers[s->ask.to[i]] != NOT_ASKED, "%u: %s is not for %u", who, n->ref, s->ask.to[i]);
}

static void on_delivered(struct promises *p, unsigned who, const struct peer_notice *n)
{
    size_t number;
    struct sent *s = sent_by_id(p, who, span_of(n->id), &number);
    unsigned by = person_named(p, n->by), life = p->people[who].life;
    if (!s)
        return;
    world_check(p->w, by < PEOPLE_MAX && s->readers[by] != NOT_ASKED, "%u: m%zu delivered by a stranger", who, number);
    const struct person *x = &p->people[by];
    world_check(p->w, diary_keeps(x->diary, x->shelf, number), "%u: m%zu is said to be delivered to %u and is not", who,
        number, by);
    world_check(
        p->w, s->readers[by] == ASKED || s->told_life[by] != life, "%u: m%zu is settled twice for %u", who, number, by);
    world_check(p->w, s->readers[by] == ASKED || s->readers[by] == DELIVERED,
        "%u: m%zu is delivered to %u after it failed", who, number, by);
    world_check(
        p->w, s->readers[by] == ASKED || s->told_life[by] != life, "%u: m%zu is settled twice for %u", who, number, by);
    world_check(p->w, s->readers[by] == ASKED || s->readers[by] == DELIVERED,
        "%u: m%zu is delivered to %u after it failed", who, number, by);
    p->delivered += s->readers[by] == ASKED;
    s->readers[by] = DELIVERED;
    s->told_life[by] = life;
}

static void on_failed(struct promises *p, unsigned who, const struct peer_notice *n)
{
    size_t number;
    struct sent *s = sent_by_id(p, who, span_of(n->id), &number);
    bool missed = n->reason && strcmp(n->reason, "missed") == 0;
    if (!s)
        return;
    world_check(p->w, n->to_count > 0, "%u: m%zu failed for nobody", who, number);
    for (size_t i = 0; i < n->to_count; i++) {
        unsigned to = person_named(p, n->to[i]);
        world_check(
            p->w, to < PEOPLE_MAX && s->readers[to] != NOT_ASKED, "%u: m%zu failed for a stranger", who, number);
        world_check(p->w, s->readers[to] != DELIVERED, "%u: m%zu failed after it was delivered to %u", who, number, to);
        world_check(p->w, !missed || !diary_has(p->people[to].diary, number), "%u: %u has m%zu and calls it missed",
            who, to, number);
        p->failed += s->readers[to] == ASKED;
        s->readers[to] = missed ? MISSED : FAILED;
        s->told_life[to] = p->people[who].life;
    }
}

static void on_missing(struct promises *p, unsigned who, const struct peer_notice *n)
{
    unsigned author = person_named(p, n->from);
    if (author < PEOPLE_MAX)
        p->people[who].untied[author] = true;
}

void promises_notice(struct promises *p, unsigned who, const struct peer_notice *n)
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
        on_missing(p, who, n);
        break;
    case NOTICE_ERROR:
        s = n->ref ? sent_by_ref(p, span_of(n->ref)) : NULL;
        if (s)
            s->refused = true;
        break;
    default:
        break;
    }
}

/* ---- the end ---- */

/* What is still owed for one message; NULL if nothing is. */
static const char *owed(const struct promises *p, size_t number, unsigned *reader)
{
    const struct sent *s = p->sent[number];
    *reader = s->sender;
    if (!s->accepted)
        return s->refused ? NULL : "was neither accepted nor refused";
    for (*reader = 0; *reader < PEOPLE_MAX; ++*reader)
        if (s->readers[*reader] == ASKED)
            return diary_has(p->people[*reader].diary, number) ? "arrived and its sender was not told"
                                                               : "did not arrive";
    return NULL;
}

bool promises_kept(const struct promises *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++)
        if (owed(p, i, &reader))
            return false;
    return true;
}

void promises_check(const struct promises *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++) {
        const char *what = owed(p, i, &reader);
        world_check(p->w, !what, "m%zu of %u to %u %s", i, p->sent[i]->sender, reader, what);
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

uint64_t promises_failed(const struct promises *p)
{
    return p->failed;
}

size_t promises_heard(const struct promises *p, unsigned who)
{
    return diary_count(p->people[who].diary);
}
