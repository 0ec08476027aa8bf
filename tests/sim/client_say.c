/* SPDX-License-Identifier: MIT
 *
 * What a client says, drawn by lot from what its state allows.
 */
#include "protocol/write.h"
#include "tests/sim/client_inner.h"
#include "tests/sim/ports.h"

enum {
    FLOOD_FRAMES = 1500,
    RIVALS = 5,
    TEXT_MAX = 2000
};

static void say(struct client *c, struct span text)
{
    wire_send(c->wire, WIRE_CLIENT, frame_of(text));
}

static void say_buf(struct client *c, struct buf *b)
{
    world_check(c->crowd->w, !b->failed, "client %u says more than it may", c->number);
    say(c, buf_view(b));
    buf_done(b);
}

static void add_ref(struct client *c, struct buf *b)
{
    if (world_chance(c->crowd->w, 300))
        buf_printf(b, ",\"ref\":\"r%u\\u00e9\"", world_below(c->crowd->w, 1000));
}

/* A token for this room, for all of its kind, for another, of yesterday or of nobody. */
static void add_token(struct client *c, struct buf *b, const char *room)
{
    struct world *w = c->crowd->w;
    uint64_t now = world_unix(w, daemon_host(c->crowd->d)) / 1000;
    static const char *const ROOMS[] = {"*", "hall-*", "room-*", "elsewhere", ""};
    char token[PORTS_TOKEN_MAX];
    uint32_t lot = world_below(w, 12);
    uint64_t expires = lot == 11 ? now - 1 : lot > 7 ? now + 5 + world_below(w, 60) : UINT64_MAX;
    ports_token(token, lot < 5 ? ROOMS[lot] : room, world_chance(w, 300) ? "Named" : "", expires, false);
    if (world_chance(w, 50))
        token[0] = 'x';
    write_member_string(b, "token", span_of(token));
}

static void add_password(struct client *c, struct buf *b, unsigned hall)
{
    struct world *w = c->crowd->w;
    if (world_chance(w, 800))
        buf_printf(b, ",\"password\":\"secret-%u\"", world_chance(w, 800) ? hall : hall + 1);
}

void client_join(struct client *c)
{
    struct world *w = c->crowd->w;
    const struct crowd_options *o = &c->crowd->options;
    char room[ROOM_ID_MAX + 1];
    bool hall = o->halls && world_chance(w, 500);
    unsigned number = world_below(w, hall ? o->halls : o->rooms);
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    snprintf(room, sizeof room, "%s-%u", hall ? "hall" : "room", number);
    buf_printf(&b, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"displayName\":\"c%u \xc3\xa4\"", room, c->number);
    if (hall)
        add_password(c, &b, number);
    if (world_chance(w, o->tokens))
        add_token(c, &b, room);
    if (world_chance(c->crowd->w, 300))
        buf_text(&b, ",\"metadata\":{\"colour\":\"gr\\u00fcn\",\"n\":[1,2,{}]}");
    add_ref(c, &b);
    buf_byte(&b, '}');
    say_buf(c, &b);
}

static void leave(struct client *c)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_text(&b, "{\"type\":\"leave-room\"");
    add_ref(c, &b);
    buf_byte(&b, '}');
    say_buf(c, &b);
}

static void add_body(struct client *c, struct buf *b)
{
    struct world *w = c->crowd->w;
    char text[TEXT_MAX];
    size_t n = world_below(w, world_chance(w, 50) ? TEXT_MAX : 120);
    memset(text, 'x', n);
    for (size_t i = 0; i < n; i += 7)
        text[i] = "\"\\\n\t {"[i % 6];
    struct span filler = {text, n};
    switch (world_below(w, 4)) {
    case 0:
        buf_text(b, ",\"type\":\"offer\",\"link\":\"l1\"");
        write_member_string(b, "sdp", filler);
        break;
    case 1:
        buf_text(b, ",\"type\":\"answer\"");
        write_member_string(b, "sdp", filler);
        break;
    case 2:
        buf_text(b, ",\"type\":\"ice-candidate\",\"candidate\":");
        buf_text(b, world_chance(w, 200)
                        ? "null"
                        : "{\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 9 typ host\",\"sdpMid\":\"0\"}");
        break;
    default:
        buf_text(b, ",\"type\":\"signal\" , \"extra\":[null,-1e3,\"\\ud83d\\ude00\"]");
        write_member_string(b, "data", filler);
    }
}

static void relay(struct client *c, const char *to)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "{\"tag\":%llu,\"by\":%u,\"to\":\"%s\"", (unsigned long long)++c->crowd->tag, c->number, to);
    add_body(c, &b);
    if (world_chance(c->crowd->w, 100))
        buf_text(&b, ",\"ref\":\"mine\"");
    buf_byte(&b, '}');
    say_buf(c, &b);
}

static void relay_to_member(struct client *c)
{
    if (c->view_n > 0)
        relay(c, c->view[world_below(c->crowd->w, (uint32_t)c->view_n)].id);
}

/* To somebody who is in another room, or offline, or never was. */
static void relay_to_stranger(struct client *c)
{
    const struct client *o = &c->crowd->clients[world_below(c->crowd->w, c->crowd->options.clients)];
    relay(c, o->id[0] && world_chance(c->crowd->w, 800) ? o->id : "n1.aaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void say_nonsense(struct client *c)
{
    static const char *const NONSENSE[] = {"", "{", "null", "[]", "\"join-room\"", "{}", "{\"type\":7}",
        "{\"type\":\"dance\"}", "{\"type\":\"join-room\"}", "{\"type\":\"join-room\",\"roomId\":\"\"}",
        "{\"type\":\"join-room\",\"roomId\":\"a b\"}", "{\"type\":\"join-room\",\"roomId\":5}",
        "{\"type\":\"join-room\",\"roomId\":\"ok\",\"metadata\":[]}", "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"signal\",\"data\":1}", "{\"type\":\"signal\",\"to\":\"x\",\"data\":1,\"from\":\"n1.me\"}",
        "{\"type\":\"offer\",\"to\":\"x\"}", "{\"type\":\"ping\",\"ref\":3}", "{\"type\":\"ping\"} x",
        "{\"type\":\"ping\",}", "{\"type\":\"\xff\xfe\"}", "{\"type\":\"resume\"}"};
    struct buf b;
    struct world *w = c->crowd->w;
    uint32_t pick = world_below(w, sizeof NONSENSE / sizeof NONSENSE[0] + 3);
    buf_init(&b, 2 * FRAME_MAX_DEFAULT);
    if (pick < sizeof NONSENSE / sizeof NONSENSE[0]) {
        buf_text(&b, NONSENSE[pick]);
    } else if (pick % 3 == 0) {
        wire_send_binary(c->wire, WIRE_CLIENT);
        return;
    } else {
        buf_text(&b, "{\"type\":\"ping\",\"x\":");
        for (int i = 0; i < (pick % 3 == 1 ? 40 : FRAME_MAX_DEFAULT); i++)
            buf_byte(&b, '[');
        for (int i = 0; i < (pick % 3 == 1 ? 40 : 1); i++)
            buf_byte(&b, ']');
        buf_byte(&b, '}');
    }
    say_buf(c, &b);
}

static void flood(struct client *c)
{
    for (int i = 0; i < FLOOD_FRAMES; i++)
        say(c, SPAN("{\"type\":\"ping\"}"));
}

void client_resume(struct client *c, const char *token)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_text(&b, "{\"type\":\"resume\"");
    write_member_string(&b, "resumeToken", span_of(token));
    add_ref(c, &b);
    buf_byte(&b, '}');
    say_buf(c, &b);
}

/* A token that is old, altered, somebody else's or none, or the right one twice at once. */
static void resume_wrongly(struct client *c)
{
    struct world *w = c->crowd->w;
    struct client *o = &c->crowd->clients[world_below(w, c->crowd->options.clients)];
    char token[RESUME_TOKEN_MAX + 1];
    if (world_chance(w, 500)) {
        memcpy(token, o->token, sizeof token);
        o->lost = true;
    } else {
        memcpy(token, c->used, sizeof token);
    }
    size_t n = strlen(token);
    uint32_t lot = world_below(w, 5);
    if (lot == 0 && n > 0)
        token[world_below(w, (uint32_t)n)] = "AQgw"[world_below(w, 4)];
    else if (lot == 1 && n > 0)
        token[world_below(w, (uint32_t)n)] = '\0';
    else if (lot == 2)
        memcpy(token, c->token, sizeof token);
    else if (n == 0)
        memcpy(token, "stolen", sizeof "stolen");
    client_resume(c, token);
    if (lot > 3)
        client_resume(c, token);
}

/* Whoever is in no room takes the seat of this one, all with the same token. */
static void duel(struct client *c)
{
    struct crowd *crowd = c->crowd;
    unsigned first = world_below(crowd->w, crowd->options.clients);
    char token[RESUME_TOKEN_MAX + 1];
    memcpy(token, c->token, sizeof token);
    for (unsigned i = 0, rivals = 0; *token && i < crowd->options.clients && rivals < RIVALS; i++) {
        struct client *rival = &crowd->clients[(first + i) % crowd->options.clients];
        if (rival == c || !rival->open || rival->joined || rival->deaf)
            continue;
        client_resume(rival, token);
        c->lost = true;
        rivals++;
    }
}

void client_offline(struct client *c, unsigned how)
{
    struct wire *wire = c->wire;
    client_forget(c);
    if (how == 0)
        c->token[0] = c->used[0] = '\0';
    if (how == 0)
        wire_close(wire, WIRE_CLIENT, 1000);
    else if (how == 1)
        wire_break(wire);
    else
        wire_vanish(wire, WIRE_CLIENT, how == 2);
}

/* Pings, and pongs that nobody asked for, by guessed numbers. */
static void flood_controls(struct client *c, int n)
{
    struct world *w = c->crowd->w;
    for (int i = 0; i < n; i++)
        if (world_chance(w, 500))
            wire_ping(c->wire, WIRE_CLIENT, world_below(w, 9));
        else
            wire_pong(c->wire, WIRE_CLIENT, world_chance(w, 500) ? 0 : c->ping + world_below(w, 9));
}

static void do_mischief(struct client *c)
{
    struct world *w = c->crowd->w;
    switch (world_below(w, 15)) {
    case 0:
        flood(c);
        break;
    case 1:
        c->deaf = true;
        wire_reading(c->wire, WIRE_CLIENT, false);
        break;
    case 2:
        for (int i = 0; i < 30; i++)
            say_nonsense(c);
        break;
    case 3:
    case 4:
        client_offline(c, world_below(w, 4));
        break;
    case 5:
        resume_wrongly(c);
        break;
    case 6:
        client_join(c);
        break;
    case 7:
        relay_to_stranger(c);
        break;
    case 8:
        relay(c, c->id);
        break;
    case 9:
        flood_controls(c, world_chance(w, 300) ? FLOOD_FRAMES : 5);
        break;
    case 10:
        wire_send_garbage(c->wire, WIRE_CLIENT);
        break;
    case 11:
        duel(c);
        break;
    default:
        say_nonsense(c);
    }
}

void client_act(struct client *c)
{
    struct world *w = c->crowd->w;
    if (world_chance(w, c->crowd->options.mischief)) {
        do_mischief(c);
        return;
    }
    uint32_t lot = world_below(w, 100);
    if (!c->joined && *c->token && lot < 90)
        client_resume(c, c->token);
    else if (!c->joined && lot < 80)
        client_join(c);
    else if (lot < 85)
        relay_to_member(c);
    else if (lot < 88)
        say(c, SPAN("{\"type\":\"ping\",\"ref\":\"p\"}"));
    else if (lot < 89)
        say(c, SPAN("{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"direct\",\"connectMs\":40,\"rttMs\":3}"));
    else if (lot < 93)
        leave(c);
    else if (lot < 95)
        client_offline(c, 0);
    else if (lot < 97)
        client_offline(c, 1 + world_below(w, 3)); /* it will be back */
}
