/* SPDX-License-Identifier: MIT
 *
 * All letters wait equally long, so they are one queue in the order in which they were said; whoever takes a name or goes
 * walks it, which LETTERS_MAX bounds.
 */
#include "server/core/named.h"

#include <assert.h>
#include <stdlib.h>

#include "base/secret.h"
#include "protocol/write.h"
#include "server/core/address_limits.h"
#include "server/core/batch.h"
#include "server/core/bus_names.h"
#include "server/core/cluster.h"
#include "server/core/notice.h"
#include "server/core/on.h"
#include "server/core/say.h"
#include "server/core/session.h"

enum {
    LIST_MAX = 10000,
    NO_NAME = 1008 /* RFC 6455 section 7.4.1: policy violation */
};

struct key_and_id {
    struct span key, id;
};

uint32_t named_hash(const void *named)
{
    return ((const struct named *)named)->hash;
}

static struct span key_of(const struct named *n)
{
    return (struct span){n->text, n->key_n};
}

static struct span id_of(const struct named *n)
{
    return (struct span){n->text + n->key_n, n->id_n};
}

static bool is_named(const void *named, const void *name)
{
    const struct key_and_id *k = name;
    return span_eq(key_of(named), k->key) && span_eq(id_of(named), k->id);
}

static uint32_t hash_name(const struct core *c, struct span key, struct span id)
{
    char text[CHOSEN_KEY_MAX + CHOSEN_ID_MAX];
    assert(key.n <= CHOSEN_KEY_MAX && id.n <= CHOSEN_ID_MAX);
    memcpy(text, key.p, key.n);
    memcpy(text + key.n, id.p, id.n);
    return hash_keyed(c->hash_key, text, key.n + id.n);
}

static struct named *find(const struct core *c, struct span key, struct span id)
{
    const struct key_and_id name = {key, id};
    return table_find(&c->named, hash_name(c, key, id), is_named, &name);
}

/* ---- letters ---- */

static struct letter *letter_of(struct wait *w)
{
    return WAIT_OF(w, struct letter, wait);
}

static struct letter *letter_first(const struct core *c)
{
    struct wait *w = waiting_first(&c->letters);
    return w ? letter_of(w) : NULL;
}

/* The one behind it; NULL: it is the last. */
static struct letter *letter_next(const struct core *c, const struct letter *l)
{
    return l->wait.next == &c->letters.ends ? NULL : letter_of(l->wait.next);
}

static struct span letter_to(const struct letter *l)
{
    return (struct span){l->text + l->key_n, l->to_n};
}

static bool is_for(const struct letter *l, struct span key, struct span id)
{
    return span_eq((struct span){l->text, l->key_n}, key) && span_eq(letter_to(l), id);
}

/* What it takes of the bounds. */
static uint32_t cost_of(const struct frame *frame)
{
    return (uint32_t)(frame->len + sizeof(struct letter));
}

/* Its frame is the caller's. */
static struct frame *letter_take(struct core *c, struct letter *l)
{
    struct frame *frame = l->frame;
    uint32_t cost = cost_of(frame);
    waiting_remove(&l->wait);
    if (l->from)
        l->from->letters--;
    c->stats.letters--;
    c->stats.letter_bytes -= cost;
    address_limits_letter_gone(c, l->address, cost);
    free(l);
    return frame;
}

/* What waits for the name and would reach its client at once. */
static uint32_t letter_bytes_for(const struct core *c, struct span key, struct span to)
{
    uint32_t n = 0;
    for (const struct letter *l = letter_first(c); l; l = letter_next(c, l))
        n += is_for(l, key, to) ? cost_of(l->frame) : 0;
    return n;
}

static bool may_keep(const struct core *c, const struct named *from, struct span to, uint32_t cost)
{
    return c->stats.letters < LETTERS_MAX && from->letters < LETTERS_EACH && !c->draining &&
           c->stats.letter_bytes + cost <= LETTERS_BYTES_MAX &&
           letter_bytes_for(c, key_of(from), to) + cost <= LETTERS_TO_BYTES_MAX;
}

/* Takes the frame if it is kept. */
static bool letter_keep(struct core *c, struct named *from, struct span to, struct frame *frame)
{
    struct address_state *address = from->session->address;
    uint32_t cost = cost_of(frame);
    struct letter *l = may_keep(c, from, to, cost) ? malloc(sizeof *l + from->key_n + to.n) : NULL;
    if (!l || !address_limits_letter_kept(address, cost)) {
        free(l);
        return false;
    }
    *l = (struct letter){.from = from, .address = address, .frame = frame, .key_n = from->key_n, .to_n = (uint8_t)to.n};
    memcpy(l->text, from->text, from->key_n);
    memcpy(l->text + from->key_n, to.p, to.n);
    waiting_add(&c->letters, &l->wait, c->now);
    from->letters++;
    c->stats.letters++;
    c->stats.letter_bytes += cost;
    return true;
}

static void say_expired(struct core *c, const struct named *from, struct span to)
{
    say(c, from->session, &(struct reply){.type = REPLY_EXPIRED, .expired = {.to = to, .from = id_of(from)}});
}

/* All letters of one sender to one name go with the first, in one word. */
static void expire(struct core *c, struct letter *first)
{
    const struct named *from = first->from;
    char text[CHOSEN_ID_MAX];
    struct span to = {text, first->to_n};
    memcpy(text, letter_to(first).p, to.n);
    struct letter *next = letter_next(c, first);
    frame_unref(letter_take(c, first));
    if (!from)
        return;
    for (struct letter *l = next; l; l = next) {
        next = letter_next(c, l);
        if (l->from == from && span_eq(letter_to(l), to))
            frame_unref(letter_take(c, l));
    }
    say_expired(c, from, to);
}

void named_tick(struct core *c)
{
    for (uint32_t n = 0; batch_allows(c, n) && named_due(c) <= c->now; n++)
        expire(c, letter_first(c));
}

uint64_t named_due(const struct core *c)
{
    return waiting_due(&c->letters, LETTER_MS);
}

void named_done(struct core *c)
{
    struct letter *l;
    while ((l = letter_first(c)))
        frame_unref(letter_take(c, l));
    table_done(&c->named);
}

static void deliver(struct core *c, const struct named *to)
{
    struct letter *next;
    for (struct letter *l = letter_first(c); l; l = next) {
        next = letter_next(c, l);
        if (is_for(l, key_of(to), id_of(to)))
            say_send(c, to->session, letter_take(c, l));
    }
}

/* ---- names ---- */

/* As peerjs has it (lib/util.ts, validateId): letters and digits, and between them one of space, _ and - at a time. */
static bool is_id(struct span id)
{
    bool letter = false;
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];
        bool between = letter && (ch == ' ' || ch == '_' || ch == '-');
        letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
        if (!letter && !between)
            return false;
    }
    return letter && id.n <= CHOSEN_ID_MAX;
}

static const char *problem_of(const struct core *c, const struct client_name *name)
{
    if (name->problem)
        return name->problem;
    if (name->key.n == 0 || name->id.n == 0 || name->secret.n == 0)
        return "No id, token, or key supplied to websocket server";
    if (!is_id(name->id))
        return "the id must be 1 to 128 letters and digits, with single spaces, _ or - between them";
    if (name->secret.n > CHOSEN_SECRET_MAX)
        return "the token has more than 64 bytes";
    return c->settings.token_required ? "tokens are required here, and clients of peerjs bring none" : NULL;
}

static struct named *named_new(struct core *c, struct session *s, const struct client_name *name)
{
    struct named *n = malloc(sizeof *n + name->key.n + name->id.n + name->secret.n);
    if (!n)
        return NULL;
    *n = (struct named){.session = s,
        .hash = hash_name(c, name->key, name->id),
        .key_n = (uint8_t)name->key.n,
        .id_n = (uint8_t)name->id.n,
        .secret_n = (uint8_t)name->secret.n};
    memcpy(n->text, name->key.p, name->key.n);
    memcpy(n->text + n->key_n, name->id.p, name->id.n);
    memcpy(n->text + n->key_n + n->id_n, name->secret.p, name->secret.n);
    if (table_add(&c->named, n))
        return n;
    free(n);
    return NULL;
}

void named_refuse(struct core *c, struct session *s, const struct reply *r)
{
    say(c, s, r);
    session_end(c, s, NO_NAME, "no name", DEPARTURE_DISCONNECTED);
}

static bool is_secret_of(const struct named *n, struct span secret)
{
    return n->secret_n == secret.n && secret_equal(n->text + n->key_n + n->id_n, secret.p, secret.n);
}

/* Its client comes again: the old connection, which may look alive still, is closed when the new one was told. */
static void take_over(struct core *c, struct named *n, struct session *s)
{
    struct session *old = n->session;
    session_move(c, s, SESSION_NAMED);
    s->named = n;
    n->session = s;
    old->named = NULL;
    say(c, s, &(struct reply){.type = REPLY_NAMED});
    session_await_gone(c, old, say_close(c, old, CLOSE_TAKEN_OVER, "the same client came again"));
}

void named_give(struct core *c, struct session *s, const struct client_name *name)
{
    struct named *n = find(c, name->key, name->id);
    if (n) { /* somebody took it while it was asked for */
        named_refuse(c, s, &(struct reply){.type = REPLY_NAME_TAKEN});
        return;
    }
    n = named_new(c, s, name);
    if (!n) {
        session_end(c, s, error_close_code(ERROR_SERVER_FULL), error_code(ERROR_SERVER_FULL), DEPARTURE_DISCONNECTED);
        return;
    }
    session_move(c, s, SESSION_NAMED);
    s->named = n;
    c->stats.named++;
    say(c, s, &(struct reply){.type = REPLY_NAMED});
    deliver(c, n);
}

void named_take(struct core *c, struct session *s, const struct client_name *name)
{
    assert(s->state == SESSION_READY && name->key.n <= CHOSEN_KEY_MAX);
    uint64_t ms = 0;
    const char *problem = problem_of(c, name);
    if (!problem && !address_limits_join(c, s->address, &ms)) {
        problem = "too many clients from this address: come again later";
        notice_limit(c, LIMIT_JOIN_RATE, NOTICE_JOINS, s);
    }
    struct named *n = problem ? NULL : find(c, name->key, name->id);
    if (problem)
        named_refuse(c, s, &(struct reply){.type = REPLY_UNNAMED, .problem = problem});
    else if (!n && cluster_is_up(c))
        bus_name_take(c, s, name);
    else if (!n)
        named_give(c, s, name);
    else if (is_secret_of(n, name->secret))
        take_over(c, n, s);
    else
        named_refuse(c, s, &(struct reply){.type = REPLY_NAME_TAKEN});
}

void named_leave(struct core *c, struct session *s)
{
    struct named *n = s->state == SESSION_NAMED ? s->named : NULL;
    if (!n)
        return;
    assert(n->session == s);
    for (struct letter *l = n->letters > 0 ? letter_first(c) : NULL; l; l = letter_next(c, l))
        if (l->from == n)
            l->from = NULL;
    if (c->cluster)
        bus_name_free(c, key_of(n), id_of(n));
    table_remove(&c->named, n);
    c->stats.named--;
    free(n);
    s->named = NULL;
}

static void hand_over(struct core *c, const struct named *to, struct frame *frame)
{
    c->stats.relayed_total++;
    c->stats.relayed[MESSAGE_FORWARD]++;
    c->stats.relayed_bytes[MESSAGE_FORWARD] += frame_text(frame).n;
    say_send(c, to->session, frame);
}

void named_forward(struct core *c, struct session *s, const struct request *r)
{
    const struct named *from = s->named;
    bool here = !cluster_is_up(c) || find(c, key_of(from), r->forward.to);
    if (here || !bus_name_forward(c, s, r, key_of(from), id_of(from)))
        named_forward_here(c, s, r);
}

void named_hear(struct core *c, struct span key, struct span to, struct span from, struct span bytes)
{
    const struct named *n = find(c, key, to);
    struct request r;
    if (!n || on_read(c, n->session, bytes, &r) != ERROR_NONE || r.type != MESSAGE_FORWARD || r.forward.to.n == 0)
        return;
    struct frame *frame = say_dialect(c, n->session->dialect)->relay(&r, from);
    if (frame)
        hand_over(c, n, frame);
}

void named_lose(struct core *c, struct span key, struct span id)
{
    const struct named *n = find(c, key, id);
    if (!n)
        return;
    struct session *s = n->session;
    session_await_gone(c, s, say_close(c, s, CLOSE_TAKEN_OVER, "the same client came again"));
}

struct client_name named_of(const struct session *s)
{
    const struct named *n = s->named;
    assert(s->state == SESSION_NAMED);
    return (struct client_name){
        .key = key_of(n), .id = id_of(n), .secret = {n->text + n->key_n + n->id_n, n->secret_n}};
}

void named_forward_here(struct core *c, struct session *s, const struct request *r)
{
    assert(s->state == SESSION_NAMED && r->forward.to.n >= 1 && r->forward.to.n <= CHOSEN_ID_MAX);
    struct named *from = s->named;
    const struct named *to = find(c, key_of(from), r->forward.to);
    if (!to && !r->forward.kept)
        return;
    struct frame *frame = say_dialect(c, s->dialect)->relay(r, id_of(from));
    if (frame && to) {
        hand_over(c, to, frame);
    } else if (!frame || !letter_keep(c, from, r->forward.to, frame)) {
        frame_unref(frame);
        say_expired(c, from, r->forward.to);
    }
}

void named_list(const struct core *c, struct span key, struct buf *out)
{
    const struct named *n;
    uint32_t count = 0;
    buf_byte(out, '[');
    for (uint64_t at = 0; count < LIST_MAX && (n = table_next(&c->named, &at));) {
        if (!span_eq(key_of(n), key))
            continue;
        if (count++ > 0)
            buf_byte(out, ',');
        write_string(out, id_of(n));
    }
    buf_byte(out, ']');
}
