/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: which answers are right, and when; what is written to the disk, and what comes back from it.
 */
#include <utlist.h>

#include "tests/sim/server_oracle_inner.h"
#include "tests/sim/ports.h"

enum {
    RETRY_MS = 5000 /* after a file could not be written */
};

static void copy(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)(text.n < size ? text.n : size - 1), text.n ? text.p : "");
}

static bool is_room_id(const char *id)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(id);
    return n >= 1 && n <= ROOM_ID_MAX && strspn(id, ALPHABET) == n;
}

/* 0, or the status for a token that does not open this room; [S-29] */
static unsigned refused(const struct server_oracle *j, struct span token, const char *room)
{
    struct claims claims;
    if (token.n == 0)
        return j->settings.token_required ? 401 : 0;
    if (ports_verify(NULL, token, j->event->unix_ms / 1000, &claims))
        return 401;
    size_t n = strlen(claims.room);
    bool prefix = n > 0 && claims.room[n - 1] == '*';
    return (prefix ? strncmp(claims.room, room, n - 1) : strcmp(claims.room, room)) != 0 ? 403 : 0;
}

/* ---- making ---- */

static void may_make(struct server_oracle *j, struct asked *a)
{
    uint32_t most = j->settings.max_room_members;
    if (j->draining)
        pending_may(a, 503);
    if (most && a->terms.max_peers > most)
        pending_may(a, 400);
    if (seats_room(&j->seats, a->room))
        pending_may(a, 409);
    if (j->settings.max_rooms && HASH_COUNT(j->seats.rooms) >= j->settings.max_rooms)
        pending_may(a, 503);
}

static void make(struct server_oracle *j, struct asked *a)
{
    struct room *r = seats_room_new(&j->seats, a->room, 0);
    r->made = true;
    r->locked = a->terms.locked;
    r->listed = a->terms.listed;
    r->max_peers = a->terms.max_peers;
    r->empty_since = world_now(j->w);
    memcpy(r->password, a->terms.password, sizeof r->password);
    a->incarnation = r->incarnation;
    a->version = ++j->pending.changed;
}

static void ask_create(struct server_oracle *j, struct asked *a, const struct core_request *q)
{
    json_t *body = q->body.n ? json_loadb(q->body.p, q->body.n, JSON_REJECT_DUPLICATES, NULL) : json_object();
    const char *name = json_string_value(json_object_get(body, "name")),
               *password = json_string_value(json_object_get(body, "password"));
    a->terms.locked = password != NULL;
    a->terms.listed = json_is_true(json_object_get(body, "listed"));
    a->terms.max_peers = (uint32_t)json_integer_value(json_object_get(body, "maxPeers"));
    copy(a->terms.password, sizeof a->terms.password, password ? span_of(password) : (struct span){NULL, 0});
    if (name && is_room_id(name))
        copy(a->room, sizeof a->room, span_of(name));
    else
        snprintf(a->room, sizeof a->room, "?%llu", (unsigned long long)++j->pending.unnamed);
    bool sound = json_is_object(body);
    json_decref(body);
    unsigned status = refused(j, q->token, a->room);
    if (!sound)
        pending_may(a, 400);
    if (status)
        pending_may(a, status);
    may_make(j, a);
    if (password && j->hashing >= HASHES_MAX)
        pending_may(a, 429);
    if (a->due)
        return;
    if (password)
        j->pending.hashes = a;
    else
        make(j, a);
}

void server_oracle_create_hashed(struct server_oracle *j, struct asked *a)
{
    a->job = 0;
    if (!j->event->hashed.hash)
        pending_may(a, 503);
    may_make(j, a);
    if (!a->due)
        make(j, a);
}

/* ---- closing ---- */

static void close_room(struct server_oracle *j, struct room *r)
{
    while (r->n > 0) {
        struct seat *s = r->v[0];
        if (s->caller && !s->caller->closing) {
            memcpy(s->caller->expelled, r->id, sizeof r->id);
            j->seats.owed++;
        }
        server_oracle_left(j, s);
        seats_leave(&j->seats, s, world_now(j->w));
    }
    j->pending.changed += r->made;
    j->pending.closed =
        world_grow(j->pending.closed, j->pending.closed_n, &j->pending.closed_cap, sizeof *j->pending.closed);
    j->pending.closed[j->pending.closed_n++] = r->incarnation;
    seats_room_free(&j->seats, r);
}

static bool may_close(const struct server_oracle *j, const struct room *r, struct span token)
{
    char text[PORTS_TOKEN_MAX];
    struct owner *o;
    struct claims claims;
    copy(text, sizeof text, token);
    HASH_FIND_STR(j->pending.owners, text, o);
    if (o && r->made && o->incarnation == r->incarnation)
        return true;
    return !ports_verify(NULL, token, j->event->unix_ms / 1000, &claims) && claims.admin;
}

static void ask_close(struct server_oracle *j, struct asked *a, const struct core_request *q)
{
    struct room *r = seats_room(&j->seats, a->room);
    if (q->token.n == 0)
        pending_may(a, 401);
    if (!r)
        pending_may(a, 404);
    if (!r && j->pending.behind)
        pending_may(a, 503); /* the file may still have it */
    if (r && q->token.n && !may_close(j, r, q->token))
        pending_may(a, 403);
    if (a->due)
        return;
    bool made = r->made;
    close_room(j, r);
    a->version = made ? j->pending.changed : 0;
    if (!made) /* nothing is to be written */
        pending_may(a, 204);
}

/* ---- asking ---- */

static void ask_validate(struct server_oracle *j, struct asked *a, const struct core_request *q)
{
    const struct room *r = seats_room(&j->seats, a->room);
    size_t capacity = r ? server_oracle_capacity(j, r) : 0;
    unsigned status = refused(j, q->token, a->room);
    if (!is_room_id(a->room))
        pending_may(a, 400);
    if (j->draining)
        pending_may(a, 503);
    if (status)
        pending_may(a, status);
    if (!r && !j->settings.auto_create)
        pending_may(a, 403);
    if (!r && j->settings.max_rooms && HASH_COUNT(j->seats.rooms) >= j->settings.max_rooms)
        pending_may(a, 503);
    if (capacity && r->n >= capacity)
        pending_may(a, 409);
    if (r && r->locked)
        pending_may(a, 401);
    if (!a->due)
        pending_may(a, 200);
}

void server_oracle_request(struct server_oracle *j)
{
    const struct core_request *q = j->event->request;
    if (!j->self || j->self->ready || j->self->closing)
        return;
    struct asked *a = pending_add(&j->pending, j->event->conn, q->type);
    copy(a->room, sizeof a->room, q->room);
    if (q->type == REQUEST_CREATE)
        ask_create(j, a, q);
    else if (q->type == REQUEST_CLOSE)
        ask_close(j, a, q);
    else if (q->type == REQUEST_VALIDATE)
        ask_validate(j, a, q);
    else
        pending_may(a, q->type == REQUEST_ROOM && !seats_room(&j->seats, a->room) ? 404 : 200);
}

/* ---- the disk ---- */

/* Who waits longest of those whose change was to be in the file that was written; NULL if nobody does. */
static struct asked *first_stored(const struct server_oracle *j)
{
    struct asked *a, *first = NULL;
    DL_FOREACH (j->pending.asked, a)
        if (a->version > 0 && a->version <= j->pending.written_of && (!first || a->version < first->version))
            first = a;
    return first;
}

void server_oracle_answer_stored(struct server_oracle *j)
{
    bool stored = j->pending.stored;
    struct asked *a;
    for (size_t i = 0; j->pending.answering && i < server_oracle_batch(j) && (a = first_stored(j)); i++) {
        struct room *r = seats_room(&j->seats, a->room);
        if (!stored && a->incarnation && r && r->incarnation == a->incarnation)
            close_room(j, r);
        a->version = 0;
        pending_may(a, !stored ? 503 : a->incarnation ? 201 : 204);
    }
    if (j->pending.answering && !first_stored(j))
        j->pending.answering = j->pending.storing = false;
}

void server_oracle_stored(struct server_oracle *j)
{
    j->pending.answering = true;
    j->pending.stored = j->event->stored;
    j->pending.behind = !j->event->stored;
    j->pending.retry_at = world_now(j->w) + RETRY_MS;
    server_oracle_answer_stored(j);
}

/* A room that was begun to be made without an id of its own, under the id that the daemon chose for it. */
static void name_room(struct server_oracle *j, struct filed *f, const char *id)
{
    struct room *r = seats_room(&j->seats, f->id);
    struct asked *a;
    DL_FOREACH (j->pending.asked, a)
        if (strcmp(a->room, f->id) == 0)
            snprintf(a->room, sizeof a->room, "%s", id);
    snprintf(f->id, sizeof f->id, "%s", id);
    if (!r)
        return;
    HASH_DEL(j->seats.rooms, r);
    snprintf(r->id, sizeof r->id, "%s", id);
    HASH_ADD_STR(j->seats.rooms, id, r);
}

/* The room of this line, as it was when the text was begun; one of those without an id if it has none of this id. */
static struct filed *filed_as(struct server_oracle *j, const json_t *line, const char *id)
{
    struct file *file = &j->pending.writing;
    for (size_t i = 0; i < file->n; i++)
        if (strcmp(file->v[i].id, id) == 0)
            return &file->v[i];
    for (size_t i = 0; i < file->n; i++) {
        struct filed *f = &file->v[i];
        bool alike = json_is_true(json_object_get(line, "locked")) == f->locked &&
                     json_is_true(json_object_get(line, "listed")) == f->listed &&
                     (uint32_t)json_integer_value(json_object_get(line, "maxPeers")) == f->max_peers;
        if (f->id[0] == '?' && alike) {
            name_room(j, f, id);
            return f;
        }
    }
    return NULL;
}

static void begin_file(struct server_oracle *j)
{
    pending_file(&j->pending.writing, &j->seats);
    j->pending.written_of = j->pending.changed;
}

void server_oracle_store(struct server_oracle *j, const struct core_effect *e)
{
    struct span text = frame_text(e->store);
    json_t *file = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL), *rooms = json_object_get(file, "rooms");
    json_t *line;
    size_t i;
    world_check(j->w, !j->pending.storing, "two files are written at once");
    if (!j->pending.filing)
        begin_file(j);
    json_array_foreach(rooms, i, line)
    {
        const char *id = json_string_value(json_object_get(line, "id"));
        struct filed *f = filed_as(j, line, id), *at = &j->pending.writing.v[i];
        world_check(j->w, f >= at, "rooms.json has %s, which nobody made", id);
        world_check(j->w, json_is_true(json_object_get(line, "locked")) == f->locked, "rooms.json has another %s", id);
        struct filed was = *at;
        *at = *f; /* in the order of the lines, in which they are there again after a restart, and go */
        *f = was;
    }
    world_check(j->w, json_array_size(rooms) == j->pending.writing.n, "rooms.json has %zu rooms of %zu",
        json_array_size(rooms), j->pending.writing.n);
    j->pending.storing = true;
    j->pending.filing = false;
    json_decref(file);
}

/* At the end of a step the next file is begun, if there is something new or the last one failed a while ago, and every
 * turn of the core puts more of it together. */
static void server_oracle_filing(struct server_oracle *j)
{
    struct pending *d = &j->pending;
    size_t batch = server_oracle_batch(j);
    bool again = d->behind && world_now(j->w) >= d->retry_at, begins = false;
    if (!d->storing && !d->filing && (d->changed != d->written_of || again)) {
        begin_file(j);
        d->filing = begins = true;
        d->filing_n = d->writing.n;
    }
    if (!d->filing || !(begins || j->event->type == CORE_TIME))
        return;
    world_check(j->w, d->filing_n > batch, "rooms.json of %zu rooms is not written", d->writing.n);
    d->filing_n -= batch;
}

void server_oracle_written(struct server_oracle *j)
{
    struct file was = j->pending.disk;
    j->pending.disk = j->pending.writing;
    j->pending.writing = was;
}

void server_oracle_restore(struct server_oracle *j)
{
    pending_restore(&j->pending, &j->seats, world_now(j->w));
    server_oracle_webhooks_restore(j);
}

/* ---- answers ---- */

static void check_view(struct server_oracle *j, const json_t *view)
{
    const char *id = json_string_value(json_object_get(view, "id"));
    const struct room *r = seats_room(&j->seats, id);
    world_check(j->w, r, "room %s is shown, and there is none", id ? id : "?");
    world_check(j->w, (size_t)json_integer_value(json_object_get(view, "peers")) == r->n,
        "room %s is shown with another number of members", id);
    world_check(j->w, json_is_true(json_object_get(view, "locked")) == r->locked, "room %s is shown %s locked", id,
        r->locked ? "not" : "");
}

static void check_list(struct server_oracle *j, const json_t *body)
{
    json_t *rooms = json_object_get(body, "rooms"), *view;
    const struct room *r, *next;
    size_t i, listed = 0;
    HASH_ITER (hh, j->seats.rooms, r, next)
        listed += r->made ? r->listed : j->settings.list_joined;
    world_check(j->w, json_array_size(rooms) == listed, "%zu rooms are listed of %zu", json_array_size(rooms), listed);
    json_array_foreach(rooms, i, view)
    {
        const char *id = json_string_value(json_object_get(view, "id"));
        r = seats_room(&j->seats, id);
        if (!r || r->id[0] == '?')
            continue; /* a code that the server oracle does not know yet */
        check_view(j, view);
        world_check(j->w, r->made ? r->listed : j->settings.list_joined, "room %s is listed", id);
    }
}

static void note_owner(struct server_oracle *j, const struct asked *a, const json_t *body)
{
    const char *token = json_string_value(json_object_get(body, "ownerToken"));
    world_check(j->w, token && strlen(token) < sizeof(((struct owner *)0)->token), "room %s has no owner", a->room);
    struct owner *o = world_alloc(sizeof *o);
    snprintf(o->token, sizeof o->token, "%s", token);
    o->incarnation = a->incarnation;
    HASH_ADD_STR(j->pending.owners, token, o);
}

void server_oracle_response(struct server_oracle *j, const struct core_effect *e)
{
    struct asked *a;
    bool right = false;
    DL_FOREACH (j->pending.asked, a)
        if (a->due && a->conn.slot == e->conn.slot && a->conn.generation == e->conn.generation)
            break;
    world_check(j->w, a, "conn %u gets %u for nothing, or too early", e->conn.slot, e->response.status);
    for (size_t i = 0; i < a->may_n; i++)
        right |= a->may[i] == e->response.status;
    world_check(j->w, right, "conn %u: request %u about %s gets %u, not %u", e->conn.slot, a->type, a->room,
        e->response.status, a->may[0]);
    struct span text = e->response.body ? frame_text(e->response.body) : (struct span){NULL, 0};
    json_t *body = text.n ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    world_trace(j->w, "  -> conn %u: %u %.*s", e->conn.slot, e->response.status, (int)(text.n < 160 ? text.n : 160),
        text.n ? text.p : "");
    world_check(j->w, !text.n || body, "conn %u gets something that is not JSON", e->conn.slot);
    if (e->response.status == 201)
        note_owner(j, a, body);
    else if (e->response.status == 200 && a->type == REQUEST_ROOM)
        check_view(j, body);
    else if (e->response.status == 200 && a->type == REQUEST_ROOMS)
        check_list(j, body);
    json_decref(body);
    pending_remove(&j->pending, a);
}

/* At the end of a step: what was due is answered, unless nobody waits for it, and what changed is being written. */
void server_oracle_pending(struct server_oracle *j)
{
    struct asked *a, *next;
    DL_FOREACH_SAFE (j->pending.asked, a, next) {
        if (!a->due)
            continue;
        world_check(j->w, !seats_at(&j->seats, a->conn), "conn %u is not answered", a->conn.slot);
        pending_remove(&j->pending, a);
    }
    world_check(j->w, !j->pending.hashes, "a password is not hashed");
    server_oracle_filing(j);
}
