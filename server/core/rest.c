/* SPDX-License-Identifier: MIT
 *
 * Rooms over HTTP: list, make, show, close, and what a join would be answered. A room made here has terms (a password,
 * a size, a place in the list), stays for room_ttl without members, and survives a restart. Whoever made it holds the
 * only copy of its owner token, which is a MAC over the room's id and incarnation: nothing of it is stored, and the
 * token of a room that was closed does not open the next one of that name.
 */
#include "server/core/rest.h"

#include <stdlib.h>

#include "base/secret.h"
#include "protocol/write.h"
#include "server/core/access.h"
#include "server/core/effects.h"
#include "server/core/on.h"
#include "server/core/room.h"
#include "server/core/say.h"

enum {
    RETRY_MS = 2000,
    OWNER_TOKEN_CHARS = BASE32_LEN(OWNER_TOKEN_BYTES)
};

void rest_respond(struct core *c, struct conn_id conn, uint16_t status, struct frame *body)
{
    effects_add(c->fx, &(struct core_effect){.type = CORE_RESPONSE, .conn = conn, .response = {body, status}});
}

void rest_refuse(struct core *c, struct conn_id conn, uint16_t status, const char *code, const char *message)
{
    struct buf *text = say_text(c);
    buf_text(text, "{\"error\":{");
    write_member_string(text, "code", span_of(code));
    write_member_string(text, "message", span_of(message));
    if (status == 429)
        write_member_u64(text, "retryAfterMs", RETRY_MS);
    buf_text(text, "}}\n");
    rest_respond(c, conn, status, say_frame(c));
}

static void refuse(struct core *c, struct conn_id conn, enum error e, const char *problem)
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
    rest_refuse(c, conn, STATUS[e] ? STATUS[e] : 400, error_code(e), problem ? problem : error_text(e));
}

static void refuse_unknown(struct core *c, struct conn_id conn)
{
    rest_refuse(c, conn, 404, "no-such-room", "there is no such room");
}

/* ---- showing ---- */

static void write_room(const struct core *c, struct buf *out, const struct room *room)
{
    struct span id = {room->id, room->id_n};
    const struct room_terms *t = room->terms;
    room_view_write(out, &(struct room_view){
                             .id = id,
                             .name = t && t->name_n ? (struct span){t->name, t->name_n} : id,
                             .peers = room->count,
                             .max_peers = room_capacity(c, room),
                             .created_ms = room->created_ms,
                             .locked = t && t->locked,
                         });
}

static void show_all(struct core *c, struct conn_id conn)
{
    struct buf *text = say_text(c);
    size_t n = 0;
    buf_text(text, "{\"rooms\":[");
    const struct room *room, *next;
    HASH_ITER (hh, c->rooms, room, next) {
        if (n == ROOMS_LISTED_MAX)
            break;
        if (room->terms ? !room->terms->listed : !c->settings.list_joined)
            continue;
        buf_text(text, n++ ? "," : "");
        write_room(c, text, room);
    }
    buf_text(text, "]}\n");
    rest_respond(c, conn, 200, say_frame(c));
}

static void show_one(struct core *c, struct conn_id conn, struct span id)
{
    const struct room *room = room_find(c, id);
    if (!room) {
        refuse_unknown(c, conn);
        return;
    }
    struct buf *text = say_text(c);
    write_room(c, text, room);
    buf_byte(text, '\n');
    rest_respond(c, conn, 200, say_frame(c));
}

/* ---- making ---- */

static bool owner_token(const struct core *c, const struct room *room, char out[OWNER_TOKEN_CHARS + 1])
{
    const struct core_ports *ports = &c->settings.ports;
    uint8_t token[OWNER_TOKEN_BYTES];
    struct span id = {room->id, room->id_n};
    if (!ports->owner_token || !ports->owner_token(ports->owner_ctx, id, room->incarnation, token))
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
    uint8_t random[ID_BYTES];
    char code[ID_CHARS + 1];
    c->rng->fill(c->rng->ctx, random, sizeof random);
    base32_encode(random, sizeof random, code);
    memcpy(t->id, code, ID_CHARS);
    t->id_n = ID_CHARS;
}

/* Whether the room can be made now; the request is answered if not. */
static bool may_create(struct core *c, struct conn_id conn, const struct room_terms *t)
{
    const struct core_settings *set = &c->settings;
    bool full = (set->max_rooms && c->stats.rooms >= set->max_rooms) || c->kept_count >= ROOMS_KEPT_MAX;
    if (c->draining)
        refuse(c, conn, ERROR_DRAINING, NULL);
    else if (set->max_room_members && t->max_peers > set->max_room_members)
        refuse(c, conn, ERROR_BAD_MESSAGE, "`maxPeers` is above what this server allows");
    else if (room_find(c, (struct span){t->id, t->id_n}))
        rest_refuse(c, conn, 409, "room-exists", "there is a room of this name");
    else if (full)
        refuse(c, conn, ERROR_SERVER_FULL, NULL);
    else
        return true;
    return false;
}

static void create(struct core *c, struct conn_id conn, struct room_terms *t)
{
    char token[OWNER_TOKEN_CHARS + 1];
    t->created_ms = c->unix_ms;
    t->incarnation = rng_u64(c->rng);
    struct room *room = room_restore(c, t);
    if (!room || !owner_token(c, room, token)) {
        if (room)
            room_close(c, room);
        refuse(c, conn, ERROR_SERVER_FULL, NULL);
        return;
    }
    struct buf *text = say_text(c);
    write_room(c, text, room);
    text->len--; /* the brace: one more member */
    write_member_string(text, "ownerToken", span_of(token));
    buf_text(text, "}\n");
    errand_store(
        c, &(struct errand){.kind = ERRAND_STORE, .conn = conn, .terms = *t, .answer = say_frame(c), .status = 201});
}

static void ask_create(struct core *c, struct conn_id conn, const struct core_request *r)
{
    struct errand why = {.kind = ERRAND_CREATE, .conn = conn};
    char password[PASSWORD_MAX];
    size_t password_n;
    const char *problem = room_terms_parse(r->body, &why.terms, password, &password_n);
    if (problem) {
        refuse(c, conn, ERROR_BAD_MESSAGE, problem);
        return;
    }
    choose_id(c, &why.terms);
    struct claims claims;
    enum error e = access_decide(
        &c->settings, r->token, (struct span){why.terms.id, why.terms.id_n}, c->unix_ms / 1000, &claims, &problem);
    if (e != ERROR_NONE) {
        refuse(c, conn, e, problem);
        return;
    }
    if (!may_create(c, conn, &why.terms))
        return;
    if (password_n == 0) {
        create(c, conn, &why.terms);
        return;
    }
    why.terms.locked = true;
    c->rng->fill(c->rng->ctx, why.terms.salt, sizeof why.terms.salt);
    e = errand_hash(c, &why, (struct span){password, password_n}, why.terms.salt);
    if (e != ERROR_NONE)
        refuse(c, conn, e, NULL);
}

void rest_create_hashed(struct core *c, struct errand *e, const uint8_t *hash)
{
    if (!hash) {
        refuse(c, e->conn, ERROR_SERVER_FULL, NULL);
        return;
    }
    memcpy(e->terms.hash, hash, sizeof e->terms.hash);
    if (may_create(c, e->conn, &e->terms))
        create(c, e->conn, &e->terms);
}

/* ---- closing ---- */

static bool is_owner(const struct core *c, const struct room *room, struct span token)
{
    char expected[OWNER_TOKEN_CHARS + 1];
    return room->terms && token.n == OWNER_TOKEN_CHARS && owner_token(c, room, expected) &&
           secret_equal(token.p, expected, OWNER_TOKEN_CHARS);
}

static bool is_admin(const struct core *c, struct span token)
{
    const struct core_ports *ports = &c->settings.ports;
    struct claims claims;
    return ports->verify && !ports->verify(ports->verify_ctx, token, c->unix_ms / 1000, &claims) && claims.admin;
}

static void close_room(struct core *c, struct conn_id conn, const struct core_request *r)
{
    struct room *room = room_find(c, r->room);
    if (r->token.n == 0) {
        refuse(c, conn, ERROR_UNAUTHORIZED, "send the owner token as Authorization: Bearer");
        return;
    }
    if (!room) {
        refuse_unknown(c, conn);
        return;
    }
    if (!is_owner(c, room, r->token) && !is_admin(c, r->token)) {
        refuse(c, conn, ERROR_FORBIDDEN, NULL);
        return;
    }
    room_close(c, room);
    errand_store(c, &(struct errand){.kind = ERRAND_STORE, .conn = conn, .status = 204});
}

/* ---- all of it ---- */

static void validate(struct core *c, struct conn_id conn, const struct core_request *r)
{
    struct claims claims;
    const char *problem = NULL;
    if (!room_id_valid(r->room)) {
        refuse(c, conn, ERROR_BAD_MESSAGE, "`room` must be 1 to 64 of A-Z a-z 0-9 _ -");
        return;
    }
    enum error e = c->draining ? ERROR_DRAINING
                               : access_decide(&c->settings, r->token, r->room, c->unix_ms / 1000, &claims, &problem);
    const struct room *room = room_find(c, r->room);
    if (e == ERROR_NONE)
        e = room_admits(c, room, &problem);
    if (e == ERROR_NONE && room && room->terms && room->terms->locked)
        e = ERROR_ROOM_LOCKED;
    if (e != ERROR_NONE) {
        refuse(c, conn, e, problem);
        return;
    }
    struct buf *text = say_text(c);
    buf_printf(text, "{\"status\":\"ok\",\"exists\":%s}\n", room ? "true" : "false");
    rest_respond(c, conn, 200, say_frame(c));
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
        refuse(c, conn, ERROR_UNAUTHORIZED, problem);
        return;
    }
    struct buf *text = say_text(c);
    buf_text(text, "{\"iceServers\":");
    if (ports->ice_servers)
        ports->ice_servers(ports->ice_ctx, SPAN("http"), c->unix_ms / 1000, text);
    else
        buf_text(text, "[]");
    buf_text(text, "}\n");
    rest_respond(c, conn, 200, say_frame(c));
}

void rest_request(struct core *c, const struct session *s, const struct core_request *r)
{
    switch (r->type) {
    case REQUEST_ROOMS:
        show_all(c, s->conn);
        break;
    case REQUEST_CREATE:
        ask_create(c, s->conn, r);
        break;
    case REQUEST_ROOM:
        show_one(c, s->conn, r->room);
        break;
    case REQUEST_CLOSE:
        close_room(c, s->conn, r);
        break;
    case REQUEST_VALIDATE:
        validate(c, s->conn, r);
        break;
    case REQUEST_ICE:
        show_ice_servers(c, s->conn, r->token);
        break;
    }
}
