/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: list, make, show, close, and what a join would be answered. A room made here has terms (a password,
 * a size, a place in the list), stays for room_ttl without members, and survives a restart. Whoever made it holds the
 * only copy of its owner token, which is a MAC over the room's id and incarnation: nothing of it is stored, and the
 * token of a room that was closed does not open the next one of that name.
 */
#include "server/core/rest.h"

#include <assert.h>
#include <stdlib.h>

#include "base/secret.h"
#include "protocol/write.h"
#include "server/core/access.h"
#include "server/core/address_limits.h"
#include "server/core/bus_names.h"
#include "server/core/bus_rest.h"
#include "server/core/cluster.h"
#include "server/core/effects.h"
#include "server/core/auth_throttle.h"
#include "server/core/name_list.h"
#include "server/core/notice.h"
#include "server/core/on.h"
#include "server/core/room.h"
#include "server/core/room_list.h"
#include "server/core/say.h"
#include "server/core/session.h"
#include "server/core/webhook.h"

enum {
    RETRY_MS = 2000,
    FULL_RETRY_MS = 60000, /* rooms do not go sooner */
    OWNER_TOKEN_CHARS = BASE32_LEN(OWNER_TOKEN_BYTES)
};

void rest_respond(struct core *c, struct conn_id conn, uint16_t status, struct frame *body)
{
    assert(status >= 200 && status < 600);
    effects_add(c->fx, &(struct core_effect){.type = CORE_RESPONSE, .conn = conn, .response = {body, status, 0}});
}

static void say_refusal_of(
    struct core *c, struct conn_id conn, uint16_t status, const char *code, const char *message, uint64_t retry_ms)
{
    struct buf *text = say_text(c);
    buf_text(text, "{\"error\":{");
    write_member_string(text, "code", span_of(code));
    write_member_string(text, "message", span_of(message));
    if (status == 429)
        write_member_u64(text, "retryAfterMs", retry_ms);
    buf_text(text, "}}\n");
    struct frame *body = say_body(c);
    effects_add(c->fx,
        &(struct core_effect){.type = CORE_RESPONSE, .conn = conn, .response = {body, status, (uint32_t)retry_ms}});
}

/* With a code that only HTTP knows. */
static void refuse_as(struct core *c, struct conn_id conn, uint16_t status, const char *code, const char *message)
{
    say_refusal_of(c, conn, status, code, message, 0);
}

static void refuse_for(struct core *c, struct conn_id conn, enum error e, const char *problem, uint64_t retry_ms)
{
    static const uint16_t STATUS[ERRORS] = {
        [ERROR_BAD_MESSAGE] = 400,
        [ERROR_UNAUTHORIZED] = 401,
        [ERROR_ROOM_LOCKED] = 401,
        [ERROR_FORBIDDEN] = 403,
        [ERROR_ROOM_FULL] = 409,
        [ERROR_RATE_LIMITED] = 429,
        [ERROR_SERVER_FULL] = 503,
        [ERROR_DRAINING] = 503,
    };
    c->stats.errors[e]++;
    say_refusal_of(c, conn, STATUS[e] ? STATUS[e] : 400, error_code(e), problem ? problem : error_text(e), retry_ms);
}

void rest_refuse(struct core *c, struct conn_id conn, enum error e, const char *problem)
{
    assert(e != ERROR_NONE);
    refuse_for(
        c, conn, e, problem, e == ERROR_RATE_LIMITED || e == ERROR_SERVER_FULL || e == ERROR_DRAINING ? RETRY_MS : 0);
}

/* As access_decide has it: with a problem, the token was looked at and is none. */
static void refuse_access(struct core *c, struct conn_id conn, enum error e, const char *problem)
{
    struct session *s = session_find(c, conn);
    if (s && e == ERROR_UNAUTHORIZED && problem)
        auth_throttle_failed(c, s, "token");
    rest_refuse(c, conn, e, problem);
}

void rest_refuse_unmade(struct core *c, struct conn_id conn)
{
    refuse_for(c, conn, ERROR_SERVER_FULL, "the room could not be stored, so it was not made: try again later",
        ROOM_STORE_RETRY_MS);
}

void rest_refuse_unstored(struct core *c, struct conn_id conn)
{
    refuse_for(c, conn, ERROR_SERVER_FULL,
        "the change could not be stored, and a restart would undo it: it is tried again, look later",
        ROOM_STORE_RETRY_MS);
}

void rest_refuse_taken(struct core *c, struct conn_id conn)
{
    refuse_as(c, conn, 409, "room-exists", "there is a room of this name");
}

void rest_refuse_unknown(struct core *c, struct conn_id conn)
{
    refuse_as(c, conn, 404, "no-such-room", "there is no such room");
}

/* ---- showing ---- */

static void show_all(struct core *c, struct conn_id conn)
{
    struct frame *list = room_list_get(c);
    if (list)
        rest_respond(c, conn, 200, list);
    else
        rest_refuse(c, conn, ERROR_SERVER_FULL, NULL);
}

static void show_names(struct core *c, struct conn_id conn, struct span key)
{
    struct frame *list = name_list_get(c, key);
    if (list)
        rest_respond(c, conn, 200, list);
    else
        rest_refuse(c, conn, ERROR_SERVER_FULL, NULL);
}

static void show_one(struct core *c, struct conn_id conn, struct span id)
{
    const struct room *room = room_find(c, id);
    if (!room) {
        rest_refuse_unknown(c, conn);
        return;
    }
    struct buf *text = say_text(c);
    room_list_write(c, text, room);
    buf_byte(text, '\n');
    rest_respond(c, conn, 200, say_body(c));
}

/* ---- making ---- */

static bool owner_token(const struct core *c, struct span id, uint64_t incarnation, char out[OWNER_TOKEN_CHARS + 1])
{
    const struct core_ports *ports = &c->settings.ports;
    uint8_t token[OWNER_TOKEN_BYTES];
    if (!ports->owner_token || !ports->owner_token(ports->owner_ctx, id, incarnation, token))
        return false;
    base32_encode(token, sizeof token, out);
    return true;
}

/* The id that the room gets: its name if that is one, else a code that nobody can guess. */
static void choose_id(struct core *c, struct room_terms *t)
{
    if (room_id_valid((struct span){t->name, t->name_n})) {
        memcpy(t->id, t->name, t->name_n);
        t->id_n = t->name_n;
        return;
    }
    char code[ID_CHARS + 1];
    id_random(c->rng, code);
    memcpy(t->id, code, ID_CHARS);
    t->id_n = ID_CHARS;
}

static void refuse_limited(struct core *c, const struct session *s, enum limit limit, enum error e, const char *problem)
{
    assert(limit < LIMITS && e != ERROR_NONE);
    notice_limit(c, limit, NOTICE_FULL, s);
    refuse_for(c, s->conn, e, problem, FULL_RETRY_MS);
}

/* Whether the address of this session keeps as many rooms as one may. */
static bool has_its_share(const struct core *c, const struct session *s)
{
    return s->address && c->settings.join_rate && s->address->rooms >= ROOMS_PER_ADDRESS;
}

/* Whether the room can be made now; the request is answered if not. */
static bool may_create(struct core *c, const struct session *s, const struct room_terms *t)
{
    const struct conn_id conn = s->conn;
    const struct core_settings *set = &c->settings;
    bool full = room_all_are_there(c) || c->made_count >= ROOMS_KEPT_MAX;
    if (c->draining)
        rest_refuse(c, conn, ERROR_DRAINING, NULL);
    else if (set->max_room_members && t->max_peers > set->max_room_members)
        rest_refuse(c, conn, ERROR_BAD_MESSAGE, "`maxPeers` is above what this server allows");
    else if (room_find(c, (struct span){t->id, t->id_n}))
        rest_refuse_taken(c, conn);
    else if (full)
        refuse_limited(c, s, LIMIT_MAX_ROOMS, ERROR_SERVER_FULL, NULL);
    else if (has_its_share(c, s))
        refuse_limited(c, s, LIMIT_ROOMS_PER_ADDRESS, ERROR_RATE_LIMITED,
            "this address keeps as many rooms as one may: close some, or let unused ones lapse");
    else
        return true;
    return false;
}

bool rest_make(struct core *c, struct session *s, struct room_terms *t)
{
    assert(t->id_n > 0 && t->id_n <= ROOM_ID_MAX && !room_find(c, (struct span){t->id, t->id_n}));
    const struct conn_id conn = s->conn;
    char token[OWNER_TOKEN_CHARS + 1];
    struct room *room = room_restore(c, t);
    if (room)
        webhook_room(c, WEBHOOK_ROOM_CREATED, room);
    if (!room || !owner_token(c, (struct span){room->id, room->id_n}, room->incarnation, token)) {
        if (room)
            room_close(c, room);
        rest_refuse(c, conn, ERROR_SERVER_FULL, NULL);
        return false;
    }
    room->made->maker = s->address;
    address_limits_room_made(s->address);
    struct buf *text = say_text(c);
    room_list_write(c, text, room);
    text->len--; /* the brace: one more member */
    write_member_string(text, "ownerToken", span_of(token));
    buf_text(text, "}\n");
    pending_store(
        c, &(struct pending){.kind = PENDING_STORE, .conn = conn, .terms = *t, .answer = say_body(c), .status = 201});
    return true;
}

static void create(struct core *c, struct session *s, struct room_terms *t)
{
    t->created_ms = c->unix_ms;
    t->incarnation = rng_u64(c->rng);
    if (c->cluster)
        bus_rest_create(c, s, t);
    else
        rest_make(c, s, t);
}

static void delay(struct core *c, struct session *s, const struct core_request *r, uint64_t ms)
{
    struct buf bytes;
    buf_init(&bytes, r->room.n + r->token.n + r->body.n);
    buf_span(&bytes, r->room);
    buf_span(&bytes, r->token);
    buf_span(&bytes, r->body);
    const struct pending why = {
        .kind = PENDING_ASK, .conn = s->conn, .bytes = bytes.p, .bytes_n = bytes.len, .request = *r};
    enum error e = bytes.failed ? ERROR_SERVER_FULL : pending_delay(c, s, &why, ms);
    if (e != ERROR_NONE)
        rest_refuse(c, s->conn, e, NULL);
    buf_done(&bytes);
}

static void ask_create(struct core *c, struct session *s, const struct core_request *r)
{
    assert(r->type == REQUEST_CREATE);
    const struct conn_id conn = s->conn;
    struct pending why = {.kind = PENDING_CREATE, .conn = conn};
    char password[PASSWORD_MAX];
    size_t password_n;
    const char *problem = room_terms_parse(r->body, &why.terms, password, &password_n);
    if (problem) {
        rest_refuse(c, conn, ERROR_BAD_MESSAGE, problem);
        return;
    }
    choose_id(c, &why.terms);
    struct claims claims;
    enum error e = access_decide(
        &c->settings, r->token, (struct span){why.terms.id, why.terms.id_n}, c->unix_ms / 1000, &claims, &problem);
    if (e != ERROR_NONE) {
        refuse_access(c, conn, e, problem);
        return;
    }
    if (!may_create(c, s, &why.terms))
        return;
    if (password_n == 0) {
        create(c, s, &why.terms);
        return;
    }
    uint64_t ms;
    if (!auth_throttle_may_hash(c, s, &ms)) {
        delay(c, s, r, ms);
        return;
    }
    why.terms.locked = true;
    c->rng->fill(c->rng->ctx, why.terms.salt, sizeof why.terms.salt);
    e = pending_hash(c, s, &why, (struct span){password, password_n}, why.terms.salt);
    if (e != ERROR_NONE)
        rest_refuse(c, conn, e, NULL);
}

void rest_create_hashed(struct core *c, struct pending *e, const uint8_t *hash)
{
    assert(e->kind == PENDING_CREATE);
    struct session *s = session_find(c, e->conn);
    if (!s)
        return; /* nobody would hold the owner token */
    if (!hash) {
        rest_refuse(c, e->conn, ERROR_SERVER_FULL, NULL);
        return;
    }
    memcpy(e->terms.hash, hash, sizeof e->terms.hash);
    if (may_create(c, s, &e->terms))
        create(c, s, &e->terms);
}

/* ---- closing ---- */

static bool is_owner(const struct core *c, struct span token, struct span room_id, uint64_t incarnation)
{
    char expected[OWNER_TOKEN_CHARS + 1];
    return token.n == OWNER_TOKEN_CHARS && owner_token(c, room_id, incarnation, expected) &&
           secret_equal(token.p, expected, OWNER_TOKEN_CHARS);
}

/* Whether the token is a good one; *admin whether it may close any room. */
static bool is_good(const struct core *c, struct span token, bool *admin)
{
    const struct core_ports *ports = &c->settings.ports;
    struct claims claims = {.admin = false};
    bool good = ports->verify && !ports->verify(ports->verify_ctx, token, c->unix_ms / 1000, &claims);
    *admin = good && claims.admin;
    return good;
}

bool rest_may_close(
    struct core *c, struct session *s, struct span token, struct span room_id, uint64_t incarnation, bool made)
{
    bool admin = false;
    if (made && is_owner(c, token, room_id, incarnation))
        return true;
    if (!is_good(c, token, &admin))
        auth_throttle_failed(c, s, "token");
    if (!admin)
        rest_refuse(c, s->conn, ERROR_FORBIDDEN, NULL);
    return admin;
}

static void close_room(struct core *c, struct session *s, const struct core_request *r)
{
    struct room *room = room_find(c, r->room);
    if (r->token.n == 0) {
        rest_refuse(c, s->conn, ERROR_UNAUTHORIZED, "send the owner token as Authorization: Bearer");
        return;
    }
    if (c->cluster) {
        bus_rest_ask(c, s, r, BUS_REST_OWNED);
        return;
    }
    if (!room) {
        if (c->room_store.failed)
            rest_refuse_unstored(c, s->conn);
        else
            rest_refuse_unknown(c, s->conn);
        return;
    }
    if (!rest_may_close(c, s, r->token, r->room, room->incarnation, room->made))
        return;
    bool kept = room->made;
    room_close(c, room);
    if (kept)
        pending_store(c, &(struct pending){.kind = PENDING_STORE, .conn = s->conn, .status = 204});
    else
        rest_respond(c, s->conn, 204, NULL);
}

/* ---- all of it ---- */

void rest_validated(struct core *c, struct conn_id conn, bool exists, bool locked, enum error e, const char *problem)
{
    if (e == ERROR_NONE && locked)
        e = ERROR_ROOM_LOCKED;
    if (e != ERROR_NONE) {
        refuse_access(c, conn, e, problem);
        return;
    }
    struct buf *text = say_text(c);
    buf_printf(text, "{\"status\":\"ok\",\"exists\":%s}\n", exists ? "true" : "false");
    rest_respond(c, conn, 200, say_body(c));
}

static void validate(struct core *c, struct session *s, const struct core_request *r)
{
    const struct conn_id conn = s->conn;
    struct claims claims;
    const char *problem = NULL;
    if (!room_id_valid(r->room)) {
        rest_refuse(c, conn, ERROR_BAD_MESSAGE, "`room` must be 1 to 64 of A-Z a-z 0-9 _ -");
        return;
    }
    enum error e = c->draining ? ERROR_DRAINING
                               : access_decide(&c->settings, r->token, r->room, c->unix_ms / 1000, &claims, &problem);
    if (e == ERROR_NONE && cluster_is_up(c)) {
        bus_rest_ask(c, s, r, BUS_REST_VALIDATE);
        return;
    }
    const struct room *room = room_find(c, r->room);
    if (e == ERROR_NONE)
        e = room_admits(c, room, &problem);
    rest_validated(c, conn, room, room && room_terms(room) && room_terms(room)->locked, e, problem);
}

/* A relay costs its operator: where a join needs a token, so do credentials for it. */
static void show_ice_servers(struct core *c, struct conn_id conn, struct span token)
{
    const struct core_settings *set = &c->settings;
    const struct core_ports *ports = &set->ports;
    struct claims claims;
    const char *problem = NULL;
    if (token.n > 0 && ports->verify)
        problem = ports->verify(ports->verify_ctx, token, c->unix_ms / 1000, &claims);
    if (problem || (token.n == 0 && set->token_required)) {
        refuse_access(c, conn, ERROR_UNAUTHORIZED, problem);
        return;
    }
    struct buf *text = say_text(c);
    buf_text(text, "{\"iceServers\":");
    if (ports->ice_servers)
        ports->ice_servers(ports->ice_ctx, conn, SPAN("http"), c->unix_ms / 1000, text);
    else
        buf_text(text, "[]");
    buf_text(text, "}\n");
    rest_respond(c, conn, 200, say_body(c));
}

/* Whether it shows a token that would be looked at. */
static bool is_attempt(const struct core *c, const struct core_request *r)
{
    bool asks = r->type == REQUEST_CREATE || r->type == REQUEST_VALIDATE || r->type == REQUEST_ICE;
    return r->token.n > 0 && (r->type == REQUEST_CLOSE || (asks && c->settings.ports.verify));
}

/* Whether the request may be looked at now; else it was answered, or waits. */
static bool gate(struct core *c, struct session *s, const struct core_request *r, bool waited)
{
    uint64_t ms = 0;
    if (r->type == REQUEST_CREATE && !waited && !address_limits_join(c, s->address, &ms)) {
        refuse_for(c, s->conn, ERROR_RATE_LIMITED, "too many joins and rooms from this address", ms);
        notice_limit(c, LIMIT_JOIN_RATE, NOTICE_JOINS, s);
        return false;
    }
    enum auth_verdict g = is_attempt(c, r) ? auth_throttle_look(c, s, waited, &ms) : AUTH_ALLOWED;
    if (g == AUTH_DELAYED) {
        delay(c, s, r, ms);
    } else if (g == AUTH_REFUSED) {
        refuse_for(c, s->conn, ERROR_RATE_LIMITED, "too many wrong passwords or tokens from this address", ms);
        notice_limit(c, LIMIT_AUTH_FAILURES, NOTICE_AUTH, s);
    }
    return g == AUTH_ALLOWED;
}

static void answer(struct core *c, struct session *s, const struct core_request *r)
{
    switch (r->type) {
    case REQUEST_ROOMS:
        if (cluster_is_up(c))
            bus_rest_list(c, s);
        else
            show_all(c, s->conn);
        break;
    case REQUEST_CREATE:
        ask_create(c, s, r);
        break;
    case REQUEST_ROOM:
        if (cluster_is_up(c))
            bus_rest_ask(c, s, r, BUS_REST_SHOW);
        else
            show_one(c, s->conn, r->room);
        break;
    case REQUEST_CLOSE:
        close_room(c, s, r);
        break;
    case REQUEST_VALIDATE:
        validate(c, s, r);
        break;
    case REQUEST_ICE:
        show_ice_servers(c, s->conn, r->token);
        break;
    case REQUEST_NAMES:
        if (cluster_is_up(c))
            bus_name_list(c, s, r->room);
        else
            show_names(c, s->conn, r->room);
        break;
    }
}

void rest_request(struct core *c, struct session *s, const struct core_request *r)
{
    assert(s->state == SESSION_OPENED && !s->member);
    if (gate(c, s, r, false))
        answer(c, s, r);
}

/* Who was told to close while he waited, since the server drains, is still owed an answer: nothing else ends his
 * connection, and a drain waits for it. */
void rest_delayed(struct core *c, const struct pending *e)
{
    assert(e->kind == PENDING_ASK);
    struct session *s = session_find(c, e->conn);
    struct core_request r = e->request;
    if (s && s->state != SESSION_OPENED) {
        rest_refuse(c, e->conn, c->draining ? ERROR_DRAINING : ERROR_SERVER_FULL, NULL);
        return;
    }
    r.room.p = e->bytes;
    r.token.p = r.room.p + r.room.n;
    r.body.p = r.token.p + r.token.n;
    if (s && gate(c, s, &r, true))
        answer(c, s, &r);
}
