/* SPDX-License-Identifier: MIT
 *
 * One table says for each operation which words its script takes, in order, and what lies in its answer's seats.
 */
#include "server/io/bus_script.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRIPT(name)                                                                                  \
    __asm__(".section .rodata\nlua_" #name ":\n.incbin \"server/io/redis/" #name ".lua\"\nlua_" #name \
            "_end:\n.byte 0\n.previous\n");                                                           \
    extern const char lua_##name[] __attribute__((visibility("hidden")));                             \
    extern const char lua_##name##_end[] __attribute__((visibility("hidden")));
SCRIPT(prelude)
SCRIPT(check)
SCRIPT(register)
SCRIPT(renew)
SCRIPT(unregister)
SCRIPT(clear)
SCRIPT(join)
SCRIPT(leave)
SCRIPT(mark)
SCRIPT(resume)
SCRIPT(sync)
SCRIPT(create)
SCRIPT(close)
SCRIPT(show)
SCRIPT(list)
SCRIPT(name_take)
SCRIPT(name_free)
SCRIPT(name_send)
SCRIPT(name_list)
SCRIPT(topic_join)
SCRIPT(topic_leave)
SCRIPT(topic_send)
#undef SCRIPT

enum word {
    WORD_END,
    WORD_OTHER,
    WORD_ROOM,
    WORD_PEER,
    WORD_PREVIOUS,
    WORD_ENTRY,
    WORD_TERMS,
    WORD_NAME,
    WORD_TEXT,
    WORD_BYTES,
    WORD_EPOCH,       /* 16 hexadecimal digits */
    WORD_FORMER,      /* likewise */
    WORD_LIFE,        /* 8 bytes */
    WORD_INCARNATION, /* likewise */
    WORD_LEASE,
    WORD_LINGER,
    WORD_TTL,
    WORD_CAPACITY,
    WORD_GENERATION,
    WORD_COUNT,
    WORD_WHY,
    WORD_CREATE,
    WORD_AGAIN,
    WORD_ONLY_EMPTY,
    WORD_SEATS, /* peer and entry of each */
};

/* What lies in an answer behind its text, again and again. */
enum shape {
    SHAPE_NONE,
    SHAPE_ENTRIES, /* peer, entry */
    SHAPE_CLEARED, /* room, peer, entry */
    SHAPE_ROOMS,   /* room, terms, members */
    SHAPE_NAMES,   /* peer */
    SHAPES
};
static const unsigned char SHAPE_SIZE[SHAPES] = {
    [SHAPE_NONE] = 0, [SHAPE_ENTRIES] = 2, [SHAPE_CLEARED] = 3, [SHAPE_ROOMS] = 3, [SHAPE_NAMES] = 1};

struct operation {
    const char *text, *end;
    unsigned char words[11]; /* enum word, behind self and epoch */
    unsigned char shape;     /* enum shape */
};

#define OPERATION(name, lua, shape, ...) [BUS_##name] = {lua, lua##_end, {__VA_ARGS__, WORD_END}, shape}
static const struct operation OPERATIONS[BUS_OPS] = {
    OPERATION(REGISTER, lua_register, SHAPE_NONE, WORD_FORMER, WORD_LEASE),
    OPERATION(RENEW, lua_renew, SHAPE_NONE, WORD_LEASE),
    OPERATION(UNREGISTER, lua_unregister, SHAPE_NONE, WORD_LEASE),
    OPERATION(CLEAR, lua_clear, SHAPE_CLEARED, WORD_OTHER, WORD_FORMER, WORD_COUNT, WORD_WHY, WORD_LINGER, WORD_TTL),
    OPERATION(JOIN, lua_join, SHAPE_ENTRIES, WORD_ROOM, WORD_PEER, WORD_ENTRY, WORD_TERMS, WORD_LIFE, WORD_CAPACITY,
        WORD_INCARNATION, WORD_CREATE),
    OPERATION(LEAVE, lua_leave, SHAPE_NONE, WORD_ROOM, WORD_PEER, WORD_WHY, WORD_LINGER, WORD_TTL),
    OPERATION(MARK, lua_mark, SHAPE_NONE, WORD_ROOM, WORD_PEER, WORD_ENTRY),
    OPERATION(RESUME, lua_resume, SHAPE_ENTRIES, WORD_ROOM, WORD_PREVIOUS, WORD_PEER, WORD_ENTRY, WORD_TERMS, WORD_LIFE,
        WORD_CAPACITY, WORD_INCARNATION, WORD_GENERATION, WORD_CREATE),
    OPERATION(SYNC, lua_sync, SHAPE_ENTRIES, WORD_ROOM, WORD_TERMS, WORD_LIFE, WORD_CAPACITY, WORD_SEATS),
    OPERATION(CREATE, lua_create, SHAPE_NONE, WORD_ROOM, WORD_TERMS, WORD_LIFE, WORD_AGAIN, WORD_LINGER, WORD_TTL),
    OPERATION(CLOSE, lua_close, SHAPE_NONE, WORD_ROOM, WORD_INCARNATION, WORD_ONLY_EMPTY),
    OPERATION(SHOW, lua_show, SHAPE_NONE, WORD_ROOM),
    OPERATION(LIST, lua_list, SHAPE_ROOMS, WORD_COUNT),
    OPERATION(NAME_TAKE, lua_name_take, SHAPE_NONE, WORD_NAME, WORD_PEER, WORD_TEXT, WORD_BYTES),
    OPERATION(NAME_FREE, lua_name_free, SHAPE_NONE, WORD_NAME, WORD_PEER),
    OPERATION(NAME_SEND, lua_name_send, SHAPE_NONE, WORD_NAME, WORD_PEER, WORD_BYTES),
    OPERATION(NAME_LIST, lua_name_list, SHAPE_NAMES, WORD_NAME, WORD_COUNT),
    OPERATION(TOPIC_JOIN, lua_topic_join, SHAPE_NONE, WORD_NAME),
    OPERATION(TOPIC_LEAVE, lua_topic_leave, SHAPE_NONE, WORD_NAME),
    OPERATION(TOPIC_SEND, lua_topic_send, SHAPE_NONE, WORD_NAME, WORD_BYTES),
};
#undef OPERATION

bool bus_script_text(enum core_bus_op op, struct buf *out)
{
    const struct operation *o = &OPERATIONS[op];
    assert(o->text);
    buf_add(out, lua_prelude, (size_t)(lua_prelude_end - lua_prelude));
    if (op != BUS_REGISTER)
        buf_add(out, lua_check, (size_t)(lua_check_end - lua_check));
    return buf_add(out, o->text, (size_t)(o->end - o->text));
}

/* ---- commands ---- */

static struct span hex(uint64_t value, char out[24])
{
    return (struct span){out, (size_t)snprintf(out, 24, "%016" PRIx64, value)};
}

static struct span decimal(uint64_t value, char out[24])
{
    return (struct span){out, (size_t)snprintf(out, 24, "%" PRIu64, value)};
}

static struct span bytes(uint64_t value, char out[24])
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (char)(value >> (56 - 8 * i));
    return (struct span){out, 8};
}

/* A number is written into `space`. */
static struct span word(const struct core_bus *op, enum word w, char space[24])
{
    switch (w) {
    case WORD_OTHER:
        return op->other;
    case WORD_ROOM:
        return op->room;
    case WORD_PEER:
        return op->peer;
    case WORD_PREVIOUS:
        return op->previous;
    case WORD_ENTRY:
        return op->entry;
    case WORD_TERMS:
        return op->terms;
    case WORD_NAME:
        return op->name;
    case WORD_TEXT:
        return op->text;
    case WORD_BYTES:
        return op->bytes;
    case WORD_EPOCH:
        return hex(op->epoch, space);
    case WORD_FORMER:
        return hex(op->former, space);
    case WORD_LIFE:
        return bytes(op->life, space);
    case WORD_INCARNATION:
        return bytes(op->incarnation, space);
    case WORD_LEASE:
        return decimal(op->lease_ms, space);
    case WORD_LINGER:
        return decimal(op->linger_ms, space);
    case WORD_TTL:
        return decimal(op->ttl_ms, space);
    case WORD_CAPACITY:
        return decimal(op->capacity, space);
    case WORD_GENERATION:
        return decimal(op->generation, space);
    case WORD_COUNT:
        return decimal(op->count, space);
    case WORD_WHY:
        return decimal(op->why, space);
    case WORD_CREATE:
        return decimal(op->create, space);
    case WORD_AGAIN:
        return decimal(op->again, space);
    case WORD_ONLY_EMPTY:
        return decimal(op->only_empty, space);
    case WORD_END:
    case WORD_SEATS:
        break;
    }
    return SPAN("");
}

size_t bus_words_count(const struct core_bus *op)
{
    return BUS_WORDS_FIXED + 2 * op->seats_n;
}

void bus_words_write(const struct core_bus *op, const char *sha, struct bus_words *w)
{
    const unsigned char *words = OPERATIONS[op->op].words;
    w->n = 0;
    w->v[w->n++] = SPAN("EVALSHA");
    w->v[w->n++] = (struct span){sha, BUS_SHA_CHARS};
    w->v[w->n++] = SPAN("0");
    w->v[w->n++] = op->node;
    w->v[w->n] = word(op, WORD_EPOCH, w->numbers[w->n]);
    w->n++;
    for (size_t i = 0; words[i] != WORD_END && words[i] != WORD_SEATS; i++) {
        assert(w->n < BUS_WORDS_FIXED);
        w->v[w->n] = word(op, (enum word)words[i], w->numbers[w->n]);
        w->n++;
    }
    for (size_t i = 0; i < op->seats_n; i++) {
        w->v[w->n++] = op->seats[i].peer;
        w->v[w->n++] = op->seats[i].entry;
    }
}

/* ---- answers ---- */

enum {
    AT_OUTCOME,
    AT_TERMS,
    AT_VERSION,
    AT_NUMBER,
    AT_TEXT,
    AT_SEATS
};

static const char *const OUTCOMES_OF[BUS_OUTCOMES] = {
    [BUS_OK] = "ok",
    [BUS_EPOCH] = "epoch",
    [BUS_TAKEN] = "taken",
    [BUS_NO_ROOM] = "no-room",
    [BUS_NO_SEAT] = "no-seat",
    [BUS_LOCKED] = "locked",
    [BUS_FULL] = "full",
    [BUS_EXISTS] = "exists",
    [BUS_GONE] = "gone",
    [BUS_NO_NAME] = "no-name",
};

static bool read_text(const struct redisReply *r, struct span *text)
{
    *text = (struct span){r->str, r->len};
    return r->type == REDIS_REPLY_STRING;
}

static bool read_number(const struct redisReply *r, uint64_t *number)
{
    *number = (uint64_t)r->integer;
    return r->type == REDIS_REPLY_INTEGER && r->integer >= 0;
}

static bool read_outcome(const struct redisReply *r, enum core_bus_outcome *outcome)
{
    struct span text;
    if (!read_text(r, &text))
        return false;
    for (*outcome = 0; *outcome < BUS_OUTCOMES; ++*outcome)
        if (OUTCOMES_OF[*outcome] && span_is(text, OUTCOMES_OF[*outcome]))
            return true;
    return false;
}

static bool read_seat(enum shape shape, struct redisReply *const *r, struct core_bus_seat *seat)
{
    *seat = (struct core_bus_seat){0};
    switch (shape) {
    case SHAPE_ENTRIES:
        return read_text(r[0], &seat->peer) && read_text(r[1], &seat->entry);
    case SHAPE_CLEARED:
        return read_text(r[0], &seat->room) && read_text(r[1], &seat->peer) && read_text(r[2], &seat->entry);
    case SHAPE_ROOMS:
        return read_text(r[0], &seat->room) && read_text(r[1], &seat->entry) && read_number(r[2], &seat->number);
    case SHAPE_NAMES:
        return read_text(r[0], &seat->peer);
    case SHAPE_NONE:
    case SHAPES:
        break;
    }
    return false;
}

static bool read_seats(
    enum shape shape, const struct redisReply *r, struct bus_seats *seats, struct core_bus_answer *answer)
{
    size_t size = SHAPE_SIZE[shape], n = r->elements - AT_SEATS;
    if (n == 0)
        return true;
    if (size == 0 || n % size != 0)
        return false;
    n /= size;
    if (n > seats->cap) {
        struct core_bus_seat *v = realloc(seats->v, n * sizeof *v);
        if (!v)
            return false;
        seats->v = v;
        seats->cap = n;
    }
    for (size_t i = 0; i < n; i++)
        if (!read_seat(shape, r->element + AT_SEATS + i * size, &seats->v[i]))
            return false;
    answer->seats = seats->v;
    answer->seats_n = n;
    return true;
}

bool bus_answer_read(
    const struct core_bus *op, const struct redisReply *r, struct bus_seats *seats, struct core_bus_answer *answer)
{
    *answer = (struct core_bus_answer){.job = op->job};
    if (r->type != REDIS_REPLY_ARRAY || r->elements == 0 || !read_outcome(r->element[AT_OUTCOME], &answer->outcome))
        return false;
    if (r->elements == 1)
        return answer->outcome != BUS_OK;
    return r->elements >= AT_SEATS && read_text(r->element[AT_TERMS], &answer->terms) &&
           read_number(r->element[AT_VERSION], &answer->version) &&
           read_number(r->element[AT_NUMBER], &answer->number) && read_text(r->element[AT_TEXT], &answer->text) &&
           read_seats((enum shape)OPERATIONS[op->op].shape, r, seats, answer);
}
