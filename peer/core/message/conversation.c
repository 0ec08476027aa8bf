/* SPDX-License-Identifier: MIT
 *
 * Conversations: the room's, and those of fixed sets of people. Each keeps the order of what is said in it (causal.h)
 * and is stored with its people and its clock, one row an author, so that a message costs one small row.
 *
 * Anybody may begin a conversation with us by naming people that never were, so what one person may begin is bounded.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "peer/core/state.h"
#include "peer/core/message/conversation.h"
#include "peer/core/message/waiting.h"
#include "peer/core/order/causal.h"
#include "peer/core/port/effects.h"
#include "peer/core/port/storage.h"
#include "protocol/write.h"

/* What stands for the people of a room whose clock is not learned yet, though some of it was delivered. */
#define UNSTARTED "-"

struct conversation *conversation_find(const struct peer *p, struct span name)
{
    struct conversation *c = NULL;
    if (name.n)
        HASH_FIND(hh, p->conversations, name.p, (unsigned)name.n, c);
    return c;
}

static void free_waiting(void *ctx, void *item)
{
    (void)ctx;
    waiting_free(item);
}

static void conversation_free(struct conversation *c)
{
    if (!c)
        return;
    causal_free(c->order);
    free(c->people);
    free(c);
}

static struct conversation *conversation_new(struct peer *p, struct span name)
{
    struct conversation *c = HASH_COUNT(p->conversations) < CONVERSATIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || !text_copy(c->name, sizeof c->name, name))
        goto fail;
    c->ask_at = c->tell_at = NEVER;
    c->order = causal_new(span_of(p->id), free_waiting, NULL);
    if (!c->order)
        goto fail;
    HASH_ADD_STR(p->conversations, name, c);
    if (!c->hh.tbl)
        goto fail;
    return c;
fail:
    conversation_free(c);
    return NULL;
}

static bool add_person(struct conversation *c, struct span id)
{
    for (size_t i = 0; i < c->people_count; i++)
        if (span_is(id, c->people[i]))
            return true;
    return text_copy(c->people[c->people_count++], sizeof c->people[0], id);
}

static struct conversation *of_room(struct peer *p, struct span name)
{
    struct conversation *c = conversation_new(p, name);
    if (c)
        c->room = true;
    return p->room = c;
}

/* How many conversations besides the room's somebody takes part in, ourselves and one other apart. */
static bool may_begin(const struct peer *p, struct span from)
{
    size_t n = 0, all = HASH_COUNT(p->conversations), most = CONVERSATIONS_MAX - OWN_CONVERSATIONS;
    if (span_is(from, p->id))
        return true;
    for (const struct conversation *c = p->conversations; c; c = c->hh.next)
        for (size_t i = 0; i < c->people_count; i++)
            n += span_is(from, c->people[i]);
    return all < most && n <= (most - all) / 4;
}

static void store(struct peer *p, struct conversation *c)
{
    struct buf value;
    c->stored = true;
    buf_init(&value, PEER_MESSAGE_MAX);
    if (!c->started)
        buf_text(&value, UNSTARTED);
    for (size_t i = 0; i < c->people_count; i++) {
        if (i > 0)
            buf_byte(&value, ' ');
        buf_text(&value, c->people[i]);
    }
    if (!value.failed)
        storage_put(p, TABLE_CONVERSATION, span_of(c->name), buf_view(&value));
    buf_done(&value);
}

static struct conversation *of_people(
    struct peer *p, struct span name, struct span from, const struct span *to, size_t n)
{
    struct conversation *c = may_begin(p, from) ? conversation_new(p, name) : NULL;
    if (!c)
        return NULL;
    c->people = calloc(n + 1, sizeof *c->people);
    bool ok = c->people && add_person(c, from);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_person(c, to[i]);
    if (!ok) {
        HASH_DEL(p->conversations, c);
        conversation_free(c);
        return NULL;
    }
    c->started = true;
    store(p, c);
    return c;
}

struct conversation *conversation_of(
    struct peer *p, const char *name, struct span from, const struct span *to, size_t n)
{
    assert(name[0] && n <= ENVELOPE_TO_MAX);
    struct conversation *c = conversation_find(p, span_of(name));
    if (!c)
        c = n == 0 ? of_room(p, span_of(name)) : of_people(p, span_of(name), from, to, n);
    if (c)
        c->used = ++p->conversation_uses;
    return c;
}

bool conversation_has(const struct conversation *c, const struct person *who)
{
    if (c->room)
        return who->keyed;
    for (size_t i = 0; i < c->people_count; i++)
        if (strcmp(c->people[i], who->id) == 0)
            return true;
    return false;
}

/* ---- stored ---- */

void conversation_start(struct peer *p, struct conversation *c)
{
    if (c->started)
        return;
    c->started = true;
    store(p, c);
    for (size_t i = 0; i < causal_size(c->order); i++)
        if (causal_at(c->order, i).count > 0)
            conversation_store_clock(p, c, causal_at(c->order, i).who);
}

void conversation_store_clock(struct peer *p, struct conversation *c, struct span author)
{
    assert(author.n > 0);
    if (!c->stored)
        store(p, c); /* else the next start would not know whose clock it is */
    char key[ENVELOPE_CONVERSATION_MAX + PERSON_MAX + 2], number[17];
    size_t n = strlen(c->name);
    memcpy(key, c->name, n);
    key[n] = '/';
    if (!text_copy(key + n + 1, sizeof key - n - 1, author))
        return;
    storage_number(number, causal_get(c->order, author));
    storage_put(p, TABLE_CLOCK, span_of(key), span_of(number));
}

void conversation_keep(
    struct peer *p, const struct conversation *c, struct span author, uint64_t sequence, struct span text)
{
    assert(sequence > 0 && text.n > 0);
    struct row_key key = storage_message_key(c->name, author, sequence);
    storage_put(p, TABLE_MESSAGE, span_of(key.text), text);
    if (c->room && sequence > AUTHOR_ROWS_MAX) {
        key = storage_message_key(c->name, author, sequence - AUTHOR_ROWS_MAX);
        storage_delete(p, TABLE_MESSAGE, span_of(key.text));
    }
}

static bool begins(struct span name, const char *with)
{
    size_t n = strlen(with);
    return name.n > n && memcmp(name.p, with, n) == 0;
}

struct conversation *conversation_restored(struct peer *p, struct span name, struct span value)
{
    bool room = begins(name, "room:");
    size_t n = 1;
    if ((!room && !begins(name, "p:")) || span_find(name, '\0') || conversation_find(p, name))
        return NULL;
    struct conversation *c = conversation_new(p, name);
    if (!c)
        return NULL;
    c->started = !span_is(value, UNSTARTED);
    c->stored = true;
    c->room = room;
    if (room)
        return c;
    for (size_t i = 0; i < value.n; i++)
        n += value.p[i] == ' ';
    c->people = calloc(n, sizeof *c->people);
    bool ok = c->people != NULL;
    while (ok && value.n > 0) {
        const char *space = span_find(value, ' ');
        struct span id = {value.p, space ? (size_t)(space - value.p) : value.n};
        size_t skip = id.n + (space != NULL);
        ok = add_person(c, id);
        value = (struct span){value.p + skip, value.n - skip};
    }
    if (ok)
        return c;
    HASH_DEL(p->conversations, c);
    conversation_free(c);
    return NULL;
}

/* ---- what will never be shown ---- */

struct missing *conversation_missing(struct conversation *c, struct span author, uint64_t sequence)
{
    assert(c->missing_count <= MISSING_MAX);
    for (size_t i = 0; i < c->missing_count; i++)
        if (c->missing[i].from <= sequence && sequence <= c->missing[i].to && span_is(author, c->missing[i].author))
            return &c->missing[i];
    return NULL;
}

/* The stretch that this one goes on, or a new place. */
static struct missing *place_of(struct peer *p, struct conversation *c, const struct missing *like)
{
    struct missing *before = like->from > 1 ? conversation_missing(c, span_of(like->author), like->from - 1) : NULL;
    if (before && before->expired == like->expired)
        return before;
    if (c->missing_count == MISSING_MAX) {
        struct row_key key = storage_message_key(c->name, span_of(c->missing[0].author), c->missing[0].from);
        storage_delete(p, TABLE_CLOCK, span_of(key.text));
        memmove(c->missing, c->missing + 1, --c->missing_count * sizeof c->missing[0]);
    }
    c->missing[c->missing_count] = *like;
    return &c->missing[c->missing_count++];
}

bool conversation_bury(struct peer *p, struct conversation *c, struct span author, struct missing like)
{
    char to[17], value[sizeof to + sizeof CONVERSATION_EXPIRED];
    if (!text_copy(like.author, sizeof like.author, author))
        return false;
    struct missing *m = place_of(p, c, &like);
    m->to = like.to;
    struct row_key key = storage_message_key(c->name, span_of(m->author), m->from);
    storage_number(to, m->to);
    snprintf(value, sizeof value, "%s%s", to, m->expired ? CONVERSATION_EXPIRED : "");
    storage_put(p, TABLE_CLOCK, span_of(key.text), span_of(value));
    if (like.unreported)
        conversation_tell(p, c, m);
    return true;
}

void conversation_tell(struct peer *p, struct conversation *c, struct missing *m)
{
    assert(m >= c->missing && m < c->missing + c->missing_count);
    m->unreported = true;
    if (c->tell_at == NEVER)
        c->tell_at = p->now + ASK_DELAY_MS;
    if (c->tell_at < c->clock_sent_at + ASK_AGAIN_MS)
        c->tell_at = c->clock_sent_at + ASK_AGAIN_MS;
    effect_wake(p, c->tell_at);
}

void conversation_clear(struct peer *p)
{
    struct conversation *c, *next;
    HASH_ITER (hh, p->conversations, c, next) {
        HASH_DEL(p->conversations, c);
        conversation_free(c);
    }
    p->room = NULL;
}

void conversation_name(
    const struct peer *p, struct span from, const struct span *to, size_t n, char out[ENVELOPE_CONVERSATION_MAX + 1])
{
    struct span ids[ENVELOPE_TO_MAX + 1];
    if (n == 0) {
        envelope_room_conversation(span_of(p->settings.room), out);
        return;
    }
    assert(n <= ENVELOPE_TO_MAX);
    ids[0] = from;
    memcpy(ids + 1, to, n * sizeof *to);
    envelope_people_conversation(ids, n + 1, p->crypto.sha256, p->crypto.ctx, out);
}
