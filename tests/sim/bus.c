/* SPDX-License-Identifier: MIT */
#include "tests/sim/bus.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "protocol/bus.h"
#include "tests/sim/bus_inner.h"

/* ---- texts ---- */

struct text text_of(struct span s)
{
    struct text t = {malloc(s.n + 1), s.n};
    if (s.n)
        memcpy(t.p, s.p, s.n);
    t.p[s.n] = '\0';
    return t;
}

static void text_set(struct text *t, struct span s)
{
    struct text now = text_of(s);
    free(t->p);
    *t = now;
}

static struct span view(const struct text *t)
{
    return (struct span){t->p, t->n};
}

static uint64_t number_at(struct span s, size_t at, unsigned bytes)
{
    uint64_t value = 0;
    assert(at + bytes <= s.n);
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)s.p[at + i];
    return value;
}

/* ---- leases and registrations ---- */

static struct lease *lease_of(struct bus *b, struct span node)
{
    struct lease *l;
    DL_FOREACH (b->leases, l)
        if (span_eq(view(&l->node), node))
            return l->until > b->now ? l : NULL;
    return NULL;
}

static void lease_set(struct bus *b, struct span node, uint64_t epoch, uint64_t until)
{
    struct lease *l;
    DL_FOREACH (b->leases, l)
        if (span_eq(view(&l->node), node))
            break;
    if (!l) {
        l = calloc(1, sizeof *l);
        l->node = text_of(node);
        DL_APPEND(b->leases, l);
    }
    l->epoch = epoch;
    l->until = until;
}

static bool is_alive(struct bus *b, struct span node, uint64_t epoch)
{
    const struct lease *l = lease_of(b, node);
    return l && l->epoch == epoch;
}

static struct registration *registration_of(struct bus *b, struct span node, uint64_t epoch)
{
    struct registration *r;
    DL_FOREACH (b->registrations, r)
        if (span_eq(view(&r->node), node) && r->epoch == epoch)
            return r;
    return NULL;
}

static struct item *item_of(const struct registration *r, const char *text, size_t n)
{
    struct item *i;
    DL_FOREACH (r->items, i)
        if (span_eq(view(&i->text), (struct span){text, n}))
            return i;
    return NULL;
}

static size_t item_text(char *out, char kind, struct span a, struct span b)
{
    int n =
        snprintf(out, ITEM_MAX, "%c%.*s%s%.*s", kind, (int)a.n, a.p, kind == 't' ? "" : " ", (int)b.n, b.p ? b.p : "");
    assert(n > 0 && n < ITEM_MAX);
    return (size_t)n;
}

static void item_add(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second)
{
    char text[ITEM_MAX];
    size_t n = item_text(text, kind, first, second);
    struct registration *r = registration_of(b, op->node, op->epoch);
    if (!r || item_of(r, text, n))
        return;
    struct item *i = calloc(1, sizeof *i);
    i->text = text_of((struct span){text, n});
    DL_APPEND(r->items, i);
}

static void item_free(struct registration *r, struct item *i)
{
    DL_DELETE(r->items, i);
    free(i->text.p);
    free(i);
}

static void item_remove(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second)
{
    char text[ITEM_MAX];
    size_t n = item_text(text, kind, first, second);
    struct registration *r = registration_of(b, op->node, op->epoch);
    struct item *i = r ? item_of(r, text, n) : NULL;
    if (i)
        item_free(r, i);
}

static void registration_free(struct bus *b, struct registration *r)
{
    while (r->items)
        item_free(r, r->items);
    DL_DELETE(b->registrations, r);
    free(r->node.p);
    free(r);
}

/* ---- rooms ---- */

static void entry_free(struct bus_room *room, struct seat_entry *e)
{
    DL_DELETE(room->entries, e);
    room->count--;
    free(e->peer.p);
    free(e->entry.p);
    free(e);
}

static void room_free(struct bus *b, struct bus_room *room)
{
    while (room->entries)
        entry_free(room, room->entries);
    DL_DELETE(b->rooms, room);
    free(room->id.p);
    free(room->at.p);
    free(room);
}

static struct bus_room *room_of(struct bus *b, struct span id)
{
    struct bus_room *r, *next;
    DL_FOREACH_SAFE (b->rooms, r, next)
        if (span_eq(view(&r->id), id)) {
            if (r->until > b->now)
                return r;
            room_free(b, r);
        }
    return NULL;
}

static struct seat_entry *entry_of(const struct bus_room *room, struct span peer)
{
    struct seat_entry *e;
    DL_FOREACH (room->entries, e)
        if (span_eq(view(&e->peer), peer))
            return e;
    return NULL;
}

static struct span terms_of(const struct bus_room *room)
{
    return (struct span){room->at.p + 8, room->at.n - 8};
}

static uint64_t incarnation_of(const struct bus_room *room)
{
    return number_at(terms_of(room), 0, 8);
}

static unsigned flags_of(const struct bus_room *room)
{
    return (unsigned)number_at(terms_of(room), 20, 1);
}

static void set_at(struct bus_room *room, uint64_t life, struct span terms)
{
    struct buf at;
    buf_init(&at, BUS_TERMS_MAX + 8);
    for (unsigned i = 8; i-- > 0;)
        buf_byte(&at, (char)(uint8_t)(life >> (8 * i)));
    buf_span(&at, terms);
    text_set(&room->at, buf_view(&at));
    buf_done(&at);
}

static struct bus_room *room_make(struct bus *b, const struct core_bus *op)
{
    struct bus_room *r = calloc(1, sizeof *r);
    r->id = text_of(op->room);
    r->until = UINT64_MAX;
    set_at(r, op->life, op->terms);
    DL_APPEND(b->rooms, r);
    return r;
}

static void entry_put(struct bus_room *room, struct span peer, struct span entry)
{
    struct seat_entry *e = entry_of(room, peer);
    room->until = UINT64_MAX;
    if (!e) {
        e = calloc(1, sizeof *e);
        e->peer = text_of(peer);
        DL_APPEND(room->entries, e);
        room->count++;
    }
    text_set(&e->entry, entry);
}

static bool is_full(const struct bus_room *room, uint32_t capacity)
{
    uint64_t own = number_at(terms_of(room), 16, 4);
    return (capacity && room->count >= capacity) || (own && room->count >= own);
}

/* The last member left: false if it is gone. */
static bool keep(struct bus *b, struct bus_room *room, uint64_t linger_ms, uint64_t ttl_ms)
{
    if (room->count > 0)
        return true;
    if (flags_of(room) & 4) {
        room->until = ttl_ms ? b->now + ttl_ms : UINT64_MAX;
    } else if (linger_ms) {
        room->until = b->now + linger_ms;
    } else {
        room_free(b, room);
        return false;
    }
    return true;
}

static struct seat_entry *successor_of(const struct bus_room *room, struct span peer)
{
    struct seat_entry *e;
    struct bus_entry entry;
    DL_FOREACH (room->entries, e)
        if (bus_entry_read(view(&e->entry), &entry) && span_eq(entry.previous, peer))
            return e;
    return NULL;
}

/* ---- announcing ---- */

static struct span node_of(struct span peer)
{
    const char *dot = span_find(peer, '.');
    return (struct span){peer.p, dot ? (size_t)(dot - peer.p) : 0};
}

static uint64_t next_sent(struct bus *b, struct span node)
{
    struct sent *s;
    DL_FOREACH (b->sent, s)
        if (span_eq(view(&s->node), node))
            return ++s->n;
    s = calloc(1, sizeof *s);
    s->node = text_of(node);
    DL_APPEND(b->sent, s);
    return ++s->n;
}

static uint64_t sent_to(const struct bus *b, struct span node)
{
    const struct sent *s;
    DL_FOREACH (b->sent, s)
        if (span_eq(view(&s->node), node))
            return s->n;
    return 0;
}

enum {
    HEARERS_MAX = 256
};
struct hearers {
    struct span v[HEARERS_MAX];
    size_t n;
};

static void hearer(struct hearers *h, struct span node)
{
    for (size_t i = 0; i < h->n; i++)
        if (span_eq(h->v[i], node))
            return;
    assert(h->n < HEARERS_MAX);
    if (node.n)
        h->v[h->n++] = node;
}

static void announce(struct bus *b, struct bus_room *room, struct bus_announce a)
{
    struct hearers h = {.n = 0};
    const struct seat_entry *e;
    DL_FOREACH (room->entries, e)
        hearer(&h, node_of(view(&e->peer)));
    hearer(&h, node_of(a.peer));
    hearer(&h, node_of(a.previous));
    if (flags_of(room) & 4)
        hearer(&h, (struct span){terms_of(room).p + 22, (size_t)number_at(terms_of(room), 21, 1)});
    a.life = number_at(view(&room->at), 0, 8);
    a.version = ++room->version;
    a.room = view(&room->id);
    for (size_t i = 0; i < h.n; i++) {
        struct buf text;
        buf_init(&text, BUS_RECORD_MAX + 4);
        a.sent = next_sent(b, h.v[i]);
        bus_record_write(&text, &(struct bus_record){.type = BUS_RECORD_ANNOUNCE, .announce = a});
        b->publish(b->ctx, h.v[i], buf_view(&text));
        buf_done(&text);
    }
}

static void close_it(struct bus *b, struct bus_room *room)
{
    announce(b, room, (struct bus_announce){.change = BUS_CLOSED});
    if (flags_of(room) & 4) {
        struct gone *g = calloc(1, sizeof *g);
        g->incarnation = incarnation_of(room);
        DL_APPEND(b->gone, g);
    }
    room_free(b, room);
}

/* ---- answers ---- */

static void whole(const struct bus_room *room, struct bus_reply *out)
{
    size_t n = room->at.n, i = 0;
    const struct seat_entry *e;
    DL_FOREACH (room->entries, e)
        n += e->peer.n + e->entry.n;
    out->memory = malloc(n + 1);
    out->seats = calloc(room->count + 1, sizeof *out->seats);
    char *at = out->memory;
    memcpy(at, room->at.p, room->at.n);
    out->answer.terms = (struct span){at, room->at.n};
    at += room->at.n;
    DL_FOREACH (room->entries, e) {
        memcpy(at, e->peer.p, e->peer.n);
        memcpy(at + e->peer.n, e->entry.p, e->entry.n);
        out->seats[i++] = (struct core_bus_seat){.peer = {at, e->peer.n}, .entry = {at + e->peer.n, e->entry.n}};
        at += e->peer.n + e->entry.n;
    }
    out->answer.seats = out->seats;
    out->answer.seats_n = room->count;
    out->answer.version = room->version;
}

static void say_text_of(struct bus_reply *out, struct span text)
{
    assert(!out->memory || out->answer.text.n == 0);
    struct text copy = text_of(text);
    free(out->text);
    out->text = copy.p;
    out->answer.text = (struct span){copy.p, copy.n};
}

void bus_reply_done(struct bus_reply *r)
{
    free(r->memory);
    free(r->seats);
    free(r->text);
    *r = (struct bus_reply){.memory = NULL};
}

/* ---- operations ---- */

static enum core_bus_outcome do_register(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    const struct lease *l = lease_of(b, op->node);
    if (l && l->epoch != op->former && l->epoch != op->epoch && l->epoch != 0)
        return BUS_TAKEN;
    lease_set(b, op->node, op->epoch, b->now + op->lease_ms);
    if (!registration_of(b, op->node, op->epoch)) {
        struct registration *r = calloc(1, sizeof *r);
        r->node = text_of(op->node);
        r->epoch = op->epoch;
        DL_APPEND(b->registrations, r);
    }
    out->answer.number = sent_to(b, op->node);
    return BUS_OK;
}

static enum core_bus_outcome do_renew(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    lease_set(b, op->node, op->epoch, b->now + op->lease_ms);
    out->answer.number = sent_to(b, op->node);
    const struct registration *r;
    DL_FOREACH (b->registrations, r) {
        bool own = span_eq(view(&r->node), op->node);
        if (own ? r->epoch == op->epoch : lease_of(b, view(&r->node)) != NULL)
            continue;
        char text[NODE_MAX + 20];
        int n = snprintf(text, sizeof text, "%s %016" PRIx64, r->node.p, r->epoch);
        say_text_of(out, (struct span){text, (size_t)n});
        break;
    }
    return BUS_OK;
}

/* What of an item is cleared: a seat goes into the answer. */
static void clear_seat(struct bus *b, const struct core_bus *op, struct span text, struct buf *said)
{
    const char *space = span_find(text, ' ');
    struct span room_id = {text.p, (size_t)(space - text.p)}, peer = {space + 1, text.n - room_id.n - 1};
    struct bus_room *room = room_of(b, room_id);
    struct seat_entry *e = room ? entry_of(room, peer) : NULL;
    if (!e)
        return;
    buf_printf(said, "%.*s %.*s\n", (int)room_id.n, room_id.p, (int)peer.n, peer.p);
    entry_free(room, e);
    announce(b, room, (struct bus_announce){.change = BUS_LEFT, .why = op->why, .peer = peer});
    keep(b, room, op->linger_ms, op->ttl_ms);
}

static void seats_said(struct bus_reply *out, const char *said, size_t lines)
{
    out->seats = calloc(lines + 1, sizeof *out->seats);
    for (const char *at = said; at && *at;) {
        size_t room_n = strcspn(at, " "), peer_n = strcspn(at + room_n + 1, "\n");
        out->seats[out->answer.seats_n++] =
            (struct core_bus_seat){.room = {at, room_n}, .peer = {at + room_n + 1, peer_n}};
        at += room_n + peer_n + 2;
    }
    out->answer.seats = out->seats;
}

/* As the script does it. */
static int earlier_item(const struct item *a, const struct item *b)
{
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int c = memcmp(a->text.p, b->text.p, n);
    return c ? c : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static enum core_bus_outcome do_clear(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    struct registration *r = registration_of(b, op->other, op->former), *own = registration_of(b, op->node, op->epoch);
    bool self = span_eq(op->other, op->node);
    if (!r || (!self && lease_of(b, op->other)))
        return BUS_OK;
    struct buf said;
    size_t n = 0;
    buf_init(&said, 1 << 20);
    DL_SORT(r->items, earlier_item);
    for (struct item *i; n < op->count && (i = r->items); n++) {
        struct text text = i->text;
        i->text.p = NULL;
        item_free(r, i);
        bool kept = self && own && item_of(own, text.p, text.n);
        struct span rest = {text.p + 1, text.n - 1};
        if (!kept && *text.p == 'r')
            clear_seat(b, op, rest, &said);
        else if (!kept)
            bus_names_clear(b, op, *text.p, rest);
        free(text.p);
    }
    out->answer.number = r->items != NULL;
    if (!r->items)
        registration_free(b, r);
    out->memory = buf_take(&said, &(size_t){0});
    seats_said(out, out->memory, n);
    return BUS_OK;
}

static enum core_bus_outcome do_join(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room && !op->create)
        return BUS_NO_ROOM;
    if (!room)
        room = room_make(b, op);
    out->answer.terms = (struct span){NULL, 0};
    bool locked = flags_of(room) & 2 && op->incarnation != incarnation_of(room);
    if (locked || is_full(room, op->capacity)) {
        whole(room, out);
        out->answer.seats_n = 0;
        return locked ? BUS_LOCKED : BUS_FULL;
    }
    entry_put(room, op->peer, op->entry);
    item_add(b, op, 'r', op->room, op->peer);
    announce(b, room, (struct bus_announce){.change = BUS_JOINED, .peer = op->peer, .entry = op->entry});
    whole(room, out);
    return BUS_OK;
}

static enum core_bus_outcome do_leave(struct bus *b, const struct core_bus *op)
{
    struct bus_room *room = room_of(b, op->room);
    struct seat_entry *e = room ? entry_of(room, op->peer) : NULL;
    item_remove(b, op, 'r', op->room, op->peer);
    if (!e)
        return BUS_NO_SEAT;
    entry_free(room, e);
    announce(b, room, (struct bus_announce){.change = BUS_LEFT, .why = op->why, .peer = op->peer});
    keep(b, room, op->linger_ms, op->ttl_ms);
    return BUS_OK;
}

static enum bus_change change_of(struct span entry)
{
    return (uint8_t)entry.p[0] & 1 ? BUS_AWAY : BUS_BACK;
}

static enum core_bus_outcome do_mark(struct bus *b, const struct core_bus *op)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room || !entry_of(room, op->peer))
        return BUS_NO_SEAT;
    entry_put(room, op->peer, op->entry);
    announce(b, room, (struct bus_announce){.change = change_of(op->entry), .peer = op->peer, .entry = op->entry});
    return BUS_OK;
}

static enum core_bus_outcome do_resume(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room && !op->create)
        return BUS_NO_ROOM;
    if (!room)
        room = room_make(b, op);
    if (incarnation_of(room) != op->incarnation)
        return BUS_NO_SEAT;
    struct seat_entry *old = entry_of(room, op->previous);
    if (!old)
        old = successor_of(room, op->previous);
    struct bus_entry e;
    if (old && bus_entry_read(view(&old->entry), &e) && e.generation > op->generation)
        return BUS_NO_SEAT;
    if (!old && is_full(room, op->capacity))
        return BUS_FULL;
    out->answer.number = old != NULL;
    say_text_of(out, old ? view(&old->peer) : op->previous);
    if (old)
        entry_free(room, old);
    entry_put(room, op->peer, op->entry);
    item_add(b, op, 'r', op->room, op->peer);
    announce(b, room,
        (struct bus_announce){.change = BUS_MOVED, .peer = op->peer, .previous = out->answer.text, .entry = op->entry});
    whole(room, out);
    return BUS_OK;
}

static void sync_one(struct bus *b, const struct core_bus *op, struct bus_room *room, const struct core_bus_seat *seat)
{
    struct seat_entry *e = entry_of(room, seat->peer);
    if (e && span_eq(view(&e->entry), seat->entry)) {
        item_add(b, op, 'r', op->room, seat->peer);
        return;
    }
    struct bus_entry own;
    bool moved = successor_of(room, seat->peer) != NULL;
    if (bus_entry_read(seat->entry, &own) && own.previous.n)
        moved = moved || successor_of(room, own.previous) || entry_of(room, own.previous);
    if (!e && (moved || is_full(room, op->capacity)))
        return;
    entry_put(room, seat->peer, seat->entry);
    item_add(b, op, 'r', op->room, seat->peer);
    announce(b, room,
        (struct bus_announce){
            .change = e ? change_of(seat->entry) : BUS_JOINED, .peer = seat->peer, .entry = seat->entry});
}

static enum core_bus_outcome do_sync(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room && op->seats_n == 0)
        return BUS_NO_ROOM;
    if (!room)
        room = room_make(b, op);
    if (flags_of(room) & 2 && number_at(op->terms, 0, 8) != incarnation_of(room)) {
        whole(room, out);
        return BUS_LOCKED;
    }
    for (size_t i = 0; i < op->seats_n; i++)
        sync_one(b, op, room, &op->seats[i]);
    whole(room, out);
    return BUS_OK;
}

static enum core_bus_outcome do_create(struct bus *b, const struct core_bus *op)
{
    struct bus_room *room = room_of(b, op->room);
    const struct gone *g;
    uint64_t incarnation = number_at(op->terms, 0, 8);
    DL_FOREACH (b->gone, g)
        if (op->again && g->incarnation == incarnation)
            return BUS_GONE;
    if (room && op->again && incarnation_of(room) == incarnation) {
        set_at(room, number_at(view(&room->at), 0, 8), op->terms);
        return BUS_OK;
    }
    if (room && !(op->again && !(flags_of(room) & 4)))
        return BUS_EXISTS;
    if (room)
        close_it(b, room);
    keep(b, room_make(b, op), op->linger_ms, op->ttl_ms);
    return BUS_OK;
}

static enum core_bus_outcome do_close(struct bus *b, const struct core_bus *op)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room || (op->incarnation && incarnation_of(room) != op->incarnation))
        return BUS_NO_ROOM;
    if (op->only_empty && room->count > 0)
        return BUS_EXISTS;
    close_it(b, room);
    return BUS_OK;
}

static enum core_bus_outcome do_show(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    struct bus_room *room = room_of(b, op->room);
    if (!room)
        return BUS_NO_ROOM;
    whole(room, out);
    out->answer.seats_n = 0;
    out->answer.number = room->count;
    return BUS_OK;
}

static int by_age(const void *a, const void *b)
{
    const struct core_bus_seat *x = a, *y = b;
    uint64_t at = number_at(x->entry, 16, 8), other = number_at(y->entry, 16, 8);
    return at < other ? -1 : at > other;
}

static enum core_bus_outcome do_list(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    size_t n = 0;
    const struct bus_room *r;
    DL_FOREACH (b->rooms, r)
        n += r->until > b->now && flags_of(r) & 1;
    out->seats = calloc(n + 1, sizeof *out->seats);
    n = 0;
    DL_FOREACH (b->rooms, r)
        if (r->until > b->now && flags_of(r) & 1)
            out->seats[n++] = (struct core_bus_seat){.room = view(&r->id), .entry = view(&r->at), .number = r->count};
    qsort(out->seats, n, sizeof *out->seats, by_age);
    out->answer.seats = out->seats;
    out->answer.seats_n = n < op->count ? n : op->count;
    return BUS_OK;
}

static enum core_bus_outcome of_room(struct bus *b, const struct core_bus *op, struct bus_reply *out)
{
    switch (op->op) {
    case BUS_CLEAR:
        return do_clear(b, op, out);
    case BUS_JOIN:
        return do_join(b, op, out);
    case BUS_LEAVE:
        return do_leave(b, op);
    case BUS_MARK:
        return do_mark(b, op);
    case BUS_RESUME:
        return do_resume(b, op, out);
    case BUS_SYNC:
        return do_sync(b, op, out);
    case BUS_CREATE:
        return do_create(b, op);
    case BUS_CLOSE:
        return do_close(b, op);
    case BUS_SHOW:
        return do_show(b, op, out);
    case BUS_LIST:
        return do_list(b, op, out);
    default:
        return bus_names_do(b, op, out);
    }
}

void bus_do(struct bus *b, const struct core_bus *op, uint64_t now, struct bus_reply *out)
{
    *out = (struct bus_reply){.answer = {.job = op->job}};
    b->now = now;
    if (op->op == BUS_SEND)
        out->unheard = !b->publish(b->ctx, op->other, op->bytes);
    else if (op->op == BUS_REGISTER)
        out->answer.outcome = do_register(b, op, out);
    else if (!is_alive(b, op->node, op->epoch))
        out->answer.outcome = BUS_EPOCH;
    else if (op->op == BUS_RENEW)
        out->answer.outcome = do_renew(b, op, out);
    else if (op->op == BUS_UNREGISTER)
        lease_set(b, op->node, 0, now + op->lease_ms);
    else
        out->answer.outcome = of_room(b, op, out);
}

/* ---- for bus_names.c ---- */

bool bus_is_alive(struct bus *b, struct span node, uint64_t epoch)
{
    return is_alive(b, node, epoch);
}

void bus_item_add(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second)
{
    item_add(b, op, kind, first, second);
}

void bus_item_remove(struct bus *b, const struct core_bus *op, char kind, struct span first, struct span second)
{
    item_remove(b, op, kind, first, second);
}

/* ---- all of it ---- */

struct bus *bus_new(bus_publish *publish, void *ctx)
{
    struct bus *b = calloc(1, sizeof *b);
    b->publish = publish;
    b->ctx = ctx;
    return b;
}

void bus_forget_all(struct bus *b)
{
    while (b->rooms)
        room_free(b, b->rooms);
    while (b->registrations)
        registration_free(b, b->registrations);
    for (struct lease *l; (l = b->leases);) {
        DL_DELETE(b->leases, l);
        free(l->node.p);
        free(l);
    }
    for (struct sent *s; (s = b->sent);) {
        DL_DELETE(b->sent, s);
        free(s->node.p);
        free(s);
    }
    for (struct gone *g; (g = b->gone);) {
        DL_DELETE(b->gone, g);
        free(g);
    }
    bus_names_forget(b);
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    bus_forget_all(b);
    free(b);
}

size_t bus_members(const struct bus *b, struct span room)
{
    const struct bus_room *r;
    DL_FOREACH (b->rooms, r)
        if (span_eq(view(&r->id), room))
            return r->count;
    return 0;
}

bool bus_has_member(const struct bus *b, struct span room, struct span peer)
{
    const struct bus_room *r;
    DL_FOREACH (b->rooms, r)
        if (span_eq(view(&r->id), room))
            return entry_of(r, peer) != NULL;
    return false;
}

void bus_each_seat(const struct bus *b, bool (*each)(void *ctx, struct span room, struct span peer), void *ctx)
{
    const struct bus_room *r;
    const struct seat_entry *e;
    DL_FOREACH (b->rooms, r)
        DL_FOREACH (r->entries, e)
            if (!each(ctx, view(&r->id), view(&e->peer)))
                return;
}
