/* SPDX-License-Identifier: MIT
 *
 * Waiting is letting the world run until the answer came.
 */
#include "tests/sim/actor.h"

#include <stdlib.h>

#include "protocol/write.h"

static void on_nothing(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static bool is_move(const char *type)
{
    return strncmp(type, "peer-", 5) == 0;
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct actor *a = who;
    if (wire != a->wire)
        return;
    json_t *said = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(said, "type"));
    if (json_object_get(said, "from")) {
        json_int_t tag = json_integer_value(json_object_get(said, "tag"));
        world_check(a->r->w, tag > a->tag, "frame %lld came after %lld", (long long)tag, (long long)a->tag);
        a->tag = tag;
        a->heard++;
    } else if (is_move(type)) {
        a->moves++;
    } else {
        json_decref(a->said);
        a->said = json_incref(said);
        a->open = true;
        const char *id = actor_text(a, "peerId"), *token = actor_text(a, "resumeToken");
        if (id)
            snprintf(a->id, sizeof a->id, "%s", id);
        if (token)
            snprintf(a->token, sizeof a->token, "%s", token);
    }
    json_decref(said);
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    struct actor *a = who;
    a->ping = number;
    a->pings += a->mute;
    if (!a->mute)
        wire_pong(wire, WIRE_CLIENT, number);
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct actor *a = who;
    if (wire != a->wire)
        return;
    a->wire = NULL;
    a->open = false;
    a->closed = code;
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static const struct wire_face FACE = {on_nothing, on_frame, on_nothing, on_nothing, on_ping, on_pong, on_closed};

void actor_init(struct actor *a, struct run *r)
{
    *a = (struct actor){.r = r, .host = world_host(r->w)};
}

void actor_done(struct actor *a)
{
    json_decref(a->said);
}

const char *actor_text(const struct actor *a, const char *name)
{
    return json_string_value(json_object_get(a->said, name));
}

/* ---- asking and waiting ---- */

static void forget_said(struct actor *a)
{
    json_decref(a->said);
    a->said = NULL;
}

static const json_t *wait_said(struct actor *a)
{
    for (uint64_t end = world_now(a->r->w) + ACTOR_WAIT_MS; !a->said;) {
        world_check(a->r->w, a->wire && world_now(a->r->w) < end, "host %u is not answered", a->host);
        run_for(a->r, 1);
    }
    return a->said;
}

void actor_connect(struct actor *a)
{
    world_check(a->r->w, !a->wire, "host %u is connected", a->host);
    forget_said(a);
    a->heard = a->moves = 0;
    a->wire = wire_open(a->r->wires, a->host, daemon_listener(a->r->daemons[0]), &FACE, a, false);
    wait_said(a);
    world_check(a->r->w, strcmp(actor_text(a, "type"), "welcome") == 0, "host %u is not welcomed", a->host);
}

void actor_say(struct actor *a, struct span text)
{
    wire_send(a->wire, WIRE_CLIENT, frame_of(text));
}

static void say_buf(struct actor *a, struct buf *b)
{
    buf_byte(b, '}');
    actor_say(a, buf_view(b));
    buf_done(b);
}

const json_t *actor_ask_join(struct actor *a, const char *room, const char *password, const char *token)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "{\"type\":\"join-room\",\"displayName\":\"actor %u\"", a->host);
    write_member_string(&b, "roomId", span_of(room));
    if (password)
        write_member_string(&b, "password", span_of(password));
    if (token)
        write_member_string(&b, "token", span_of(token));
    forget_said(a);
    say_buf(a, &b);
    return wait_said(a);
}

void actor_join(struct actor *a, const char *room)
{
    actor_ask_join(a, room, NULL, NULL);
    world_check(a->r->w, strcmp(actor_text(a, "type"), "peers") == 0, "host %u may not join %s", a->host, room);
}

const json_t *actor_ask_resume(struct actor *a, const char *token)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_text(&b, "{\"type\":\"resume\"");
    write_member_string(&b, "resumeToken", span_of(token));
    forget_said(a);
    say_buf(a, &b);
    return wait_said(a);
}

const json_t *actor_resume(struct actor *a)
{
    char token[RESUME_TOKEN_MAX + 1];
    memcpy(token, a->token, sizeof token);
    if (!a->wire)
        actor_connect(a);
    actor_ask_resume(a, token);
    world_check(a->r->w, strcmp(actor_text(a, "type"), "resumed") == 0, "host %u may not resume", a->host);
    return a->said;
}

void actor_relay(struct actor *a, const struct actor *to, json_int_t tag, size_t bytes)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "{\"type\":\"signal\",\"to\":\"%s\",\"tag\":%lld,\"data\":\"", to->id, (long long)tag);
    for (size_t i = 0; i < bytes; i++)
        buf_byte(&b, 'x');
    buf_byte(&b, '"');
    say_buf(a, &b);
}

void actor_vanish(struct actor *a, bool gone)
{
    wire_vanish(a->wire, WIRE_CLIENT, gone);
    a->wire = NULL;
    a->open = false;
}

void actor_wait_closed(struct actor *a)
{
    for (uint64_t end = world_now(a->r->w) + ACTOR_WAIT_MS; a->wire;) {
        world_check(a->r->w, world_now(a->r->w) < end, "host %u is not closed", a->host);
        run_for(a->r, 1);
    }
}
