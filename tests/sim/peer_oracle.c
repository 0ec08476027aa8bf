/* SPDX-License-Identifier: MIT
 *
 * Texts hold a number: it finds the record of who sent it to whom, so a message that is doubled, forged, misdirected or
 * out of order shows at its reader at once, and a lost one at the end.
 */
#include <stdlib.h>

#include "protocol/envelope.h"
#include "tests/sim/peer_oracle_inner.h"

enum {
    SMALL_ROOM = 8,
    SEEN_MS = ENVELOPE_TTL_DEFAULT_MS - 60000, /* whoever was linked so lately reads what the room is sent */
    /* A message may be this much older than its time when it is recorded: clocks of people who never heard each other may
     * be five minutes apart, and what is said on a link is half a minute old at most. To which comes how far clocks were set. */
    LATE_MS = 330000
};

struct peer_oracle *peer_oracle_new(struct world *w)
{
    struct peer_oracle *p = world_alloc(sizeof *p);
    p->w = w;
    return p;
}

void peer_oracle_free(struct peer_oracle *p)
{
    if (!p)
        return;
    HASH_CLEAR(hh, p->by_id);
    for (size_t i = 0; i < p->n; i++) {
        marks_done(&p->sent[i]->before);
        free(p->sent[i]);
    }
    for (unsigned i = 0; i < PEOPLE_MAX; i++) {
        diary_free(p->people[i].diary);
        order_done(&p->people[i]);
    }
    free(p->sent);
    free(p);
}

void peer_oracle_person(
    struct peer_oracle *p, unsigned who, const char *id, unsigned host, const struct memory_store *store)
{
    snprintf(p->people[who].id, sizeof p->people[who].id, "%s", id);
    p->people[who].host = host;
    p->people[who].store = store;
    p->people[who].diary = diary_new(p->w, who);
    p->people_count++;
}

unsigned peer_oracle_who(const struct peer_oracle *p, struct span id)
{
    for (unsigned i = 0; id.n && i < PEOPLE_MAX; i++)
        if (span_is(id, p->people[i].id))
            return i;
    return PEOPLE_MAX;
}

struct sent *peer_oracle_by_ref(const struct peer_oracle *p, struct span ref)
{
    char text[DIARY_TEXT_MAX];
    if (ref.n < 2 || ref.n >= sizeof text || ref.p[0] != 'm')
        return NULL;
    memcpy(text, ref.p + 1, ref.n - 1);
    text[ref.n - 1] = '\0';
    size_t i = strtoul(text, NULL, 10);
    return i < p->n ? p->sent[i] : NULL;
}

struct sent *peer_oracle_by_id(const struct peer_oracle *p, struct span id, size_t *number)
{
    struct sent *s = NULL;
    if (id.n)
        HASH_FIND(hh, p->by_id, id.p, (unsigned)id.n, s);
    if (s)
        *number = diary_number(span_of(s->ask.text));
    return s;
}

bool peer_oracle_keeps(const struct peer_oracle *p, unsigned who, size_t number)
{
    const struct person *x = &p->people[who];
    return diary_keeps(x->diary, x->store, number);
}

bool peer_oracle_waits(const struct peer_oracle *p, unsigned who, const struct sent *s)
{
    char key[ROW_KEY_MAX + 1];
    struct span value;
    snprintf(
        key, sizeof key, "%s/%s/%016llx", s->conversation, p->people[s->sender].id, (unsigned long long)s->sequence);
    return memory_store_value(p->people[who].store, TABLE_WAIT, span_of(key), &value) &&
           memmem(value.p, value.n, s->id, strlen(s->id));
}

bool peer_oracle_is_open(const struct peer_oracle *p, size_t number, unsigned reader)
{
    const struct sent *s = p->sent[number];
    char key[ROW_KEY_MAX + 1];
    struct span value;
    snprintf(key, sizeof key, "%s/%s", s->id, p->people[reader].id);
    return memory_store_value(p->people[s->sender].store, TABLE_DELIVERY, span_of(key), &value) && value.n == 0;
}

bool peer_oracle_passed(const struct peer_oracle *p, unsigned who, size_t number)
{
    const struct sent *s = p->sent[number];
    char key[ROW_KEY_MAX + 1];
    struct span value;
    snprintf(key, sizeof key, "%s/%s", s->conversation, p->people[s->sender].id);
    return !diary_has(p->people[who].diary, number) &&
           memory_store_value(p->people[who].store, TABLE_CLOCK, span_of(key), &value) &&
           strtoull(value.p, NULL, 16) >= s->sequence;
}

/* ---- asking ---- */

void peer_oracle_send(struct peer_oracle *p, unsigned who, struct ask *ask)
{
    struct sent *s = world_alloc(sizeof *s);
    p->sent = world_grow(p->sent, p->n, &p->cap, sizeof *p->sent);
    diary_text(p->n, ask->text);
    snprintf(ask->ref, sizeof ask->ref, "m%zu", p->n);
    *s = (struct sent){.sender = who, .ask = *ask};
    p->sent[p->n++] = s;
}

bool peer_oracle_again(const struct peer_oracle *p, unsigned who, size_t *next, struct ask *ask)
{
    for (; *next < p->n; ++*next) {
        const struct sent *s = p->sent[*next];
        if (s->sender != who || s->accepted || s->refused || s->lost)
            continue;
        *ask = s->ask;
        ++*next;
        return true;
    }
    return false;
}

void peer_oracle_drop(struct peer_oracle *p, unsigned who)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->sent[i]->sender == who && !p->sent[i]->accepted)
            p->sent[i]->refused = true;
}

/* ---- rows ---- */

/* Whom a message to the room must reach: who can be reached, and who could lately. */
static void expect_readers(const struct peer_oracle *p, unsigned who, struct sent *s)
{
    const struct person *x = &p->people[who];
    bool clock = !world_clock_stepped(p->w, x->host);
    for (unsigned i = 0; s->ask.to_count == 0 && i < PEOPLE_MAX; i++)
        s->expected[i] = i != who && p->people[i].store &&
                         (x->up[i] || (x->met[i] && clock && world_now(p->w) < x->since[i] + SEEN_MS));
}

static void spoken(struct peer_oracle *p, unsigned who, struct sent *s, struct span row)
{
    static const char name[] = "\"conversation\":\"";
    const char *at = memmem(row.p, row.n, name, sizeof name - 1);
    const char *end = at ? memchr(at + sizeof name, '"', (size_t)(row.p + row.n - at) - sizeof name) : NULL;
    world_check(p->w, end, "a record without a conversation");
    at += sizeof name - 1;
    snprintf(s->conversation, sizeof s->conversation, "%.*s", (int)(end - at), at);
    s->written = true;
    s->record = world_digest(0, row.p, row.n);
    expect_readers(p, who, s);
    order_spoken(p, who, s);
}

static void recorded(struct peer_oracle *p, unsigned who, size_t number, struct span row)
{
    world_check(p->w, number < p->n, "%u records what nobody sent", who);
    struct sent *s = p->sent[number];
    if (s->sender == who) {
        spoken(p, who, s, row);
        return;
    }
    world_check(p->w, s->written && s->readers[who] != NOT_ASKED, "%u records m%zu, which is not for it", who, number);
    world_check(p->w, s->record == world_digest(0, row.p, row.n), "%u records m%zu in other words than %u: %.*s", who,
        number, s->sender, (int)row.n, row.p);
    world_check(p->w, s->readers[who] != MISSED && !marks_has(&p->people[who].lost, number),
        "%u records m%zu, which it had given up", who, number);
    world_check(p->w, world_now(p->w) <= s->until + LATE_MS + world_clock_steps(p->w),
        "%u records m%zu %llu ms after its time", who, number, (unsigned long long)(world_now(p->w) - s->until));
    order_recorded(p, who, number);
}

/* key: id/reader. */
static struct sent *of_delivery(const struct peer_oracle *p, struct span key, size_t *number, unsigned *reader)
{
    const char *slash = memchr(key.p, '/', key.n);
    size_t n = slash ? (size_t)(slash - key.p) : 0;
    struct sent *s = slash ? peer_oracle_by_id(p, (struct span){key.p, n}, number) : NULL;
    *reader = s ? peer_oracle_who(p, (struct span){slash + 1, key.n - n - 1}) : PEOPLE_MAX;
    return *reader < PEOPLE_MAX ? s : NULL;
}

/* ended: how it did, or empty. */
static void delivery_written(struct peer_oracle *p, unsigned who, struct span key, struct span ended)
{
    size_t number;
    unsigned reader;
    struct sent *s = of_delivery(p, key, &number, &reader);
    if (!s || s->sender != who || ended.n > 0)
        return;
    s->readers[reader] = ASKED;
    marks_add(&p->people[reader].asked, number);
}

/* The row of a ref has the message's id, and behind it when it was. */
static struct span ref_id(struct span value)
{
    return (struct span){value.p, value.n > MESSAGE_ID_CHARS ? MESSAGE_ID_CHARS : value.n};
}

/* An own message has its id before anything else is written of it. */
static void ref_written(struct peer_oracle *p, unsigned who, struct span ref, struct span value)
{
    struct sent *s = peer_oracle_by_ref(p, ref);
    struct span id = ref_id(value);
    if (!s || s->sender != who || s->id[0])
        return;
    snprintf(s->id, sizeof s->id, "%.*s", (int)id.n, id.p);
    HASH_ADD_STR(p->by_id, id, s);
}

static void outgoing_written(const struct peer_oracle *p, struct span id, struct span text)
{
    static const char name[] = "\"ttl\":";
    size_t number;
    struct sent *s = peer_oracle_by_id(p, id, &number);
    const char *at = memmem(text.p, text.n, name, sizeof name - 1);
    uint64_t ttl = at ? strtoull(at + sizeof name - 1, NULL, 10) : ENVELOPE_TTL_DEFAULT_MS;
    if (s)
        s->until = world_now(p->w) + ttl;
}

/* conversation/author/sequence: what it says next has this one. */
static void message_written(struct person *x, struct span key)
{
    size_t n = strlen(x->id);
    if (key.n > n + 18 && memcmp(key.p + key.n - n - 17, x->id, n) == 0)
        x->sequence = strtoull(key.p + key.n - 16, NULL, 16);
}

void peer_oracle_row(struct peer_oracle *p, unsigned who, const struct peer_effect *put)
{
    enum peer_table table = put->put.table;
    struct span key = span_of(put->put.key), value = peer_text_view(put->put.value);
    size_t number;
    if (table == TABLE_LOG) {
        number = diary_put(p->people[who].diary, key, value);
        if (number != SIZE_MAX)
            recorded(p, who, number, value);
        return;
    }
    world_check(p->w, diary_number(value) == SIZE_MAX, "%u writes %s in the clear", who, put->put.key);
    if (table == TABLE_DELIVERY)
        delivery_written(p, who, key, value);
    else if (table == TABLE_REF)
        ref_written(p, who, key, value);
    else if (table == TABLE_OUTGOING)
        outgoing_written(p, key, value);
    else if (table == TABLE_MESSAGE)
        message_written(&p->people[who], key);
    else if (table == TABLE_CLOCK)
        order_row(p, who, key, value);
}

/* Nobody needs to keep it for this reader: he has it, or never will. */
static bool is_settled(const struct peer_oracle *p, size_t number, unsigned reader)
{
    const struct sent *s = p->sent[number];
    return s->readers[reader] != ASKED || peer_oracle_keeps(p, reader, number) || s->stale[reader] ||
           peer_oracle_passed(p, reader, number) || marks_has(&p->people[reader].lost, number) ||
           world_now(p->w) + world_clock_steps(p->w) >= s->until;
}

void peer_oracle_gone(const struct peer_oracle *p, unsigned who, const struct peer_effect *gone)
{
    enum peer_table table = gone->delete.table;
    struct span key = span_of(gone->delete.key);
    size_t number;
    unsigned reader;
    if (table == TABLE_DELIVERY && of_delivery(p, key, &number, &reader))
        world_check(
            p->w, is_settled(p, number, reader), "%u forgets m%zu, which %u does not have", who, number, reader);
    if (table == TABLE_CUSTODY && key.n > MESSAGE_ID_CHARS &&
        peer_oracle_by_id(p, (struct span){key.p + key.n - MESSAGE_ID_CHARS, MESSAGE_ID_CHARS}, &number)) {
        const char *slash = memchr(key.p, '/', key.n);
        reader = slash ? peer_oracle_who(p, (struct span){key.p, (size_t)(slash - key.p)}) : PEOPLE_MAX;
        world_check(p->w,
            reader < PEOPLE_MAX && (is_settled(p, number, reader) || peer_oracle_waits(p, reader, p->sent[number])),
            "%u forgets the copy of m%zu, which %u does not have", who, number, reader);
    }
}

/* ---- the end of a process ---- */

static void unwrite(struct peer_oracle *p, size_t number)
{
    struct sent *s = p->sent[number];
    world_check(p->w, !s->accepted, "m%zu of %u was accepted, and its disk lost it", number, s->sender);
    if (s->id[0])
        HASH_DEL(p->by_id, s);
    for (unsigned i = 0; i < PEOPLE_MAX; i++)
        marks_remove(&p->people[i].asked, number);
    marks_done(&s->before);
    *s = (struct sent){.sender = s->sender, .refused = s->refused, .ask = s->ask};
}

struct disk_of {
    struct peer_oracle *p;
    unsigned who;
};

/* A message is there with all that belongs to it, or not at all. */
static void found(void *user, enum peer_table table, const struct peer_row *row)
{
    const struct disk_of *d = user;
    const struct peer_oracle *p = d->p;
    const char *slash = memchr(row->key.p, '/', row->key.n);
    struct span id = row->key;
    size_t number = 0;
    if (table == TABLE_CLOCK)
        order_row(d->p, d->who, row->key, row->value);
    if (table != TABLE_OUTGOING && table != TABLE_DELIVERY && table != TABLE_REF && table != TABLE_ID)
        return;
    if (table == TABLE_REF)
        id = ref_id(row->value);
    else if (table == TABLE_DELIVERY && slash)
        id.n = (size_t)(slash - id.p);
    world_check(p->w, peer_oracle_by_id(p, id, &number) && diary_has(p->people[d->who].diary, number),
        "%u: its disk has %.*s of a message that is not in its record", d->who, (int)row->key.n, row->key.p);
}

void peer_oracle_end(struct peer_oracle *p, unsigned who)
{
    struct person *x = &p->people[who];
    struct disk_of disk = {p, who};
    x->life++;
    diary_restore(x->diary, x->store);
    for (size_t i = 0; i < p->n; i++)
        if (p->sent[i]->sender == who && p->sent[i]->written && !p->sent[i]->lost && !diary_has(x->diary, i))
            unwrite(p, i);
    for (unsigned i = 0; i < PEOPLE_MAX; i++) {
        x->since[i] = x->up[i] ? world_now(p->w) : x->since[i];
        x->met[i] = x->met[i] && memory_store_survives(x->store, TABLE_PERSON, span_of(p->people[i].id));
        x->up[i] = false;
    }
    order_end(p, who);
    memory_store_each(x->store, true, found, &disk);
    marks_join(&x->missed, &x->lost);
}

void peer_oracle_takes(struct peer_oracle *p, unsigned who, uint32_t bytes)
{
    p->people[who].message_max = bytes;
}

/* ---- lost ---- */

void peer_oracle_lose(struct peer_oracle *p, unsigned who)
{
    const struct person *x = &p->people[who];
    p->losses = true;
    for (size_t i = 0; i < p->n; i++) {
        struct sent *s = p->sent[i];
        s->stale[who] = s->written;
        s->had[who] = s->had[who] || diary_has(x->diary, i);
    }
}

/* What its disk says of a message of its own is where it goes on from. */
static void go_on(struct peer_oracle *p, unsigned who, size_t number)
{
    struct sent *s = p->sent[number];
    char key[ROW_KEY_MAX + 1];
    s->lost = !diary_has(p->people[who].diary, number);
    s->refused = s->refused || (s->lost && !s->accepted);
    for (unsigned i = 0; i < PEOPLE_MAX && !s->lost; i++) {
        snprintf(key, sizeof key, "%s/%s", s->id, p->people[i].id);
        if (s->readers[i] != NOT_ASKED && memory_store_survives(p->people[who].store, TABLE_DELIVERY, span_of(key)))
            s->readers[i] = ASKED;
    }
}

void peer_oracle_lost(struct peer_oracle *p, unsigned who)
{
    struct person *x = &p->people[who];
    struct disk_of disk = {p, who};
    diary_replace(x->diary, x->store);
    for (size_t i = 0; i < p->n; i++) {
        if (p->sent[i]->sender == who && p->sent[i]->written)
            go_on(p, who, i);
        if (p->sent[i]->readers[who] == MISSED)
            p->sent[i]->readers[who] = FAILED;
    }
    memset(x->met, 0, sizeof x->met);
    order_lost(x);
    memory_store_each(x->store, true, found, &disk);
}

/* ---- the end ---- */

/* What is still owed for one message; NULL if nothing is. */
static const char *owed(const struct peer_oracle *p, size_t number, unsigned *reader)
{
    const struct sent *s = p->sent[number];
    *reader = s->sender;
    if (s->lost)
        return NULL;
    if (!s->accepted && !s->written)
        return s->refused ? NULL : "was neither accepted nor refused";
    for (*reader = 0; *reader < PEOPLE_MAX; ++*reader)
        if (s->readers[*reader] == ASKED)
            return diary_has(p->people[*reader].diary, number) ? "arrived and its sender was not told"
                                                               : "did not arrive";
    return NULL;
}

bool peer_oracle_kept(const struct peer_oracle *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++)
        if (owed(p, i, &reader))
            return false;
    return true;
}

void peer_oracle_check(const struct peer_oracle *p)
{
    unsigned reader;
    for (size_t i = 0; i < p->n; i++) {
        const char *what = owed(p, i, &reader);
        world_check(p->w, !what, "m%zu of %u to %u %s", i, p->sent[i]->sender, reader, what);
    }
}

bool peer_oracle_up(const struct peer_oracle *p, unsigned who, unsigned other)
{
    return p->people[who].up[other];
}

unsigned peer_oracle_flaps(const struct peer_oracle *p, unsigned who, unsigned other)
{
    return p->people[who].flaps[other];
}

struct traffic *peer_oracle_traffic(struct peer_oracle *p)
{
    return &p->traffic;
}

void peer_oracle_strangers(struct peer_oracle *p)
{
    p->strangers = true;
}

size_t peer_oracle_size(const struct peer_oracle *p)
{
    size_t n = p->people_count;
    return n > SMALL_ROOM ? n * n / 8 + p->n : 0;
}

uint64_t peer_oracle_delivered(const struct peer_oracle *p)
{
    return p->delivered;
}

uint64_t peer_oracle_failed(const struct peer_oracle *p)
{
    return p->failed;
}

size_t peer_oracle_heard(const struct peer_oracle *p, unsigned who)
{
    return diary_count(p->people[who].diary);
}

size_t peer_oracle_missing(const struct peer_oracle *p, unsigned who)
{
    size_t n = 0;
    for (size_t i = 0; (i = marks_next(&p->people[who].missed, i)) != SIZE_MAX; i++)
        n++;
    return n;
}
