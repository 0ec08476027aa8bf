/* SPDX-License-Identifier: MIT */
#include "protocol/bus.h"

#include <assert.h>

#include "protocol/message.h"

enum {
    FLAG_LISTED = 1,
    FLAG_LOCKED = 2,
    FLAG_MADE = 4,
    FLAG_AWAY = 1,
    LENGTH_BYTES = 4,
};

/* ---- writing ---- */

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        buf_byte(out, (char)(uint8_t)(value >> (bytes * 8)));
}

static void put_text(struct buf *out, struct span text)
{
    assert(text.n <= UINT8_MAX);
    put(out, text.n, 1);
    buf_span(out, text);
}

static void put_long(struct buf *out, struct span text)
{
    assert(text.n <= UINT16_MAX);
    put(out, text.n, 2);
    buf_span(out, text);
}

/* ---- reading: what is not there leaves `bad`, and is 0 or empty ---- */

struct reader {
    struct span rest;
    bool bad;
};

static struct span take(struct reader *r, size_t n)
{
    if (n > r->rest.n) {
        r->bad = true;
        return (struct span){NULL, 0};
    }
    struct span taken = {r->rest.p, n};
    r->rest = (struct span){r->rest.p + n, r->rest.n - n};
    return taken;
}

static uint64_t get(struct reader *r, unsigned bytes)
{
    struct span s = take(r, bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < s.n; i++)
        value = value << 8 | (uint8_t)s.p[i];
    return value;
}

static struct span get_text(struct reader *r, size_t max)
{
    struct span s = take(r, (size_t)get(r, 1));
    r->bad = r->bad || s.n > max;
    return s;
}

static struct span get_long(struct reader *r, size_t max)
{
    struct span s = take(r, (size_t)get(r, 2));
    r->bad = r->bad || s.n > max;
    return s;
}

static struct span get_rest(struct reader *r, size_t max)
{
    r->bad = r->bad || r->rest.n > max;
    return take(r, r->rest.n);
}

/* ---- terms ---- */

void bus_terms_write(struct buf *out, const struct bus_terms *t)
{
    assert(t->keeper.n <= NODE_MAX && t->room.name_n <= DISPLAY_NAME_MAX);
    put(out, t->room.incarnation, 8);
    put(out, t->room.created_ms, 8);
    put(out, t->room.max_peers, 4);
    put(out,
        (t->room.listed ? (unsigned)FLAG_LISTED : 0U) | (t->room.locked ? (unsigned)FLAG_LOCKED : 0U) |
            (t->made ? (unsigned)FLAG_MADE : 0U),
        1);
    put_text(out, t->keeper);
    if (t->room.locked) {
        buf_add(out, t->room.salt, sizeof t->room.salt);
        buf_add(out, t->room.hash, sizeof t->room.hash);
    }
    put_text(out, (struct span){t->room.name, t->room.name_n});
}

static void get_bytes(struct reader *r, uint8_t *out, size_t n)
{
    struct span s = take(r, n);
    if (s.n)
        memcpy(out, s.p, s.n);
}

bool bus_terms_read(struct span bytes, struct bus_terms *t)
{
    struct reader r = {bytes, false};
    *t = (struct bus_terms){.made = false};
    t->room.incarnation = get(&r, 8);
    t->room.created_ms = get(&r, 8);
    uint64_t max_peers = get(&r, 4), flags = get(&r, 1);
    t->room.max_peers = (uint32_t)max_peers;
    t->room.listed = flags & FLAG_LISTED;
    t->room.locked = flags & FLAG_LOCKED;
    t->made = flags & FLAG_MADE;
    t->keeper = get_text(&r, NODE_MAX);
    if (t->room.locked) {
        get_bytes(&r, t->room.salt, sizeof t->room.salt);
        get_bytes(&r, t->room.hash, sizeof t->room.hash);
    }
    struct span name = get_text(&r, DISPLAY_NAME_MAX);
    if (r.bad || r.rest.n || max_peers > ROOM_PEERS_CEILING || flags > 7)
        return false;
    if (name.n)
        memcpy(t->room.name, name.p, name.n);
    t->room.name_n = (uint8_t)name.n;
    return true;
}

bool bus_room_read(struct span kept, uint64_t *life, struct bus_terms *t)
{
    struct reader r = {kept, false};
    *life = get(&r, BUS_LIFE_BYTES);
    return bus_terms_read(r.rest, t);
}

/* ---- entries ---- */

void bus_entry_write(struct buf *out, const struct bus_entry *e)
{
    put(out, e->away ? FLAG_AWAY : 0, 1);
    buf_byte(out, e->dialect);
    put(out, e->generation, 4);
    put_text(out, e->previous);
    put_long(out, e->introduction.display_name);
    buf_span(out, e->introduction.metadata);
}

bool bus_entry_read(struct span bytes, struct bus_entry *e)
{
    struct reader r = {bytes, false};
    uint64_t flags = get(&r, 1);
    e->away = flags & FLAG_AWAY;
    e->dialect = (char)(uint8_t)get(&r, 1);
    e->generation = (uint32_t)get(&r, 4);
    e->previous = get_text(&r, PEER_ID_MAX);
    e->introduction.display_name = get_long(&r, DISPLAY_NAME_MAX * 6 + 2);
    e->introduction.metadata = get_rest(&r, METADATA_MAX);
    return !r.bad && flags <= FLAG_AWAY;
}

/* ---- records ---- */

static void write_announce(struct buf *out, const struct bus_announce *a)
{
    put(out, a->sent, 8);
    put(out, a->life, 8);
    put(out, a->version, 8);
    buf_byte(out, (char)a->change);
    put(out, a->why, 1);
    put_text(out, a->room);
    put_text(out, a->peer);
    put_text(out, a->previous);
    buf_span(out, a->entry);
}

static void write_signal(struct buf *out, const struct bus_signal *s)
{
    put_text(out, s->node);
    put(out, s->epoch, 8);
    put(out, s->sequence, 8);
    buf_byte(out, s->dialect);
    put_text(out, s->from);
    put_text(out, s->to);
    buf_span(out, s->bytes);
}

static void write_body(struct buf *out, const struct bus_record *r)
{
    switch (r->type) {
    case BUS_RECORD_ANNOUNCE:
        write_announce(out, &r->announce);
        break;
    case BUS_RECORD_SIGNAL:
    case BUS_RECORD_HELD:
        write_signal(out, &r->signal);
        break;
    case BUS_RECORD_NAME:
    case BUS_RECORD_NAME_GONE:
        put_text(out, r->name.key);
        put_text(out, r->name.to);
        put_text(out, r->name.from);
        buf_span(out, r->name.bytes);
        break;
    case BUS_RECORD_TOPIC:
        put_long(out, r->topic.topic);
        buf_span(out, r->topic.bytes);
        break;
    }
}

void bus_record_write(struct buf *out, const struct bus_record *r)
{
    size_t at = out->len;
    put(out, 0, LENGTH_BYTES);
    put(out, BUS_VERSION, 1);
    buf_byte(out, (char)r->type);
    write_body(out, r);
    if (out->failed)
        return;
    size_t n = out->len - at - LENGTH_BYTES;
    assert(n <= BUS_RECORD_MAX);
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        out->p[at + i] = (char)(uint8_t)(n >> (8 * (LENGTH_BYTES - 1 - i)));
}

/* Whether it has what a change of this kind must have. */
static bool is_whole(const struct bus_announce *a)
{
    switch (a->change) {
    case BUS_JOINED:
    case BUS_AWAY:
    case BUS_BACK:
        return a->peer.n > 0 && a->entry.n > 0;
    case BUS_MOVED:
        return a->peer.n > 0 && a->previous.n > 0 && a->entry.n > 0;
    case BUS_LEFT:
        return a->peer.n > 0;
    case BUS_CLOSED:
        return true;
    }
    return false;
}

static void read_announce(struct reader *r, struct bus_announce *a)
{
    a->sent = get(r, 8);
    a->life = get(r, 8);
    a->version = get(r, 8);
    a->change = (enum bus_change)(char)(uint8_t)get(r, 1);
    a->why = (uint8_t)get(r, 1);
    a->room = get_text(r, ROOM_ID_MAX);
    a->peer = get_text(r, PEER_ID_MAX);
    a->previous = get_text(r, PEER_ID_MAX);
    a->entry = get_rest(r, BUS_ENTRY_MAX);
    r->bad = r->bad || !is_whole(a) || !room_id_valid(a->room);
}

static void read_signal(struct reader *r, struct bus_signal *s)
{
    s->node = get_text(r, NODE_MAX);
    s->epoch = get(r, 8);
    s->sequence = get(r, 8);
    s->dialect = (char)(uint8_t)get(r, 1);
    s->from = get_text(r, PEER_ID_MAX);
    s->to = get_text(r, PEER_ID_MAX);
    s->bytes = get_rest(r, FRAME_MAX_CEILING);
    r->bad = r->bad || s->node.n == 0 || s->to.n == 0 || s->bytes.n == 0;
}

static const char *read_body(struct reader *r, struct bus_record *record)
{
    switch (record->type) {
    case BUS_RECORD_ANNOUNCE:
        read_announce(r, &record->announce);
        break;
    case BUS_RECORD_SIGNAL:
    case BUS_RECORD_HELD:
        read_signal(r, &record->signal);
        break;
    case BUS_RECORD_NAME:
    case BUS_RECORD_NAME_GONE:
        record->name.key = get_text(r, CHOSEN_KEY_MAX);
        record->name.to = get_text(r, CHOSEN_ID_MAX);
        record->name.from = get_text(r, CHOSEN_ID_MAX);
        record->name.bytes = get_rest(r, FRAME_MAX_CEILING);
        break;
    case BUS_RECORD_TOPIC:
        record->topic.topic = get_long(r, TOPIC_MAX);
        record->topic.bytes = get_rest(r, FRAME_MAX_CEILING);
        break;
    default:
        return "a record of an unknown kind";
    }
    return r->bad ? "a record that is too short, or has what must not be there" : NULL;
}

enum bus_read bus_record_read(struct span *message, struct bus_record *record, const char **problem)
{
    if (message->n == 0)
        return BUS_READ_END;
    struct reader whole = {*message, false};
    uint64_t n = get(&whole, LENGTH_BYTES);
    struct reader r = {n <= BUS_RECORD_MAX ? take(&whole, (size_t)n) : (struct span){NULL, 0}, false};
    if (whole.bad || n > BUS_RECORD_MAX) {
        *problem = "a record whose length is not what came";
        *message = (struct span){message->p, 0};
        return BUS_READ_CUT;
    }
    *message = whole.rest;
    uint64_t version = get(&r, 1);
    record->type = (enum bus_record_type)(char)(uint8_t)get(&r, 1);
    *problem = version == BUS_VERSION ? read_body(&r, record) : "a record of another version";
    return *problem ? BUS_READ_BAD : BUS_READ_ONE;
}
