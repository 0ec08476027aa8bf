/* SPDX-License-Identifier: MIT
 *
 * One timer per client: each time it fires the client does one thing, drawn by lot from what its state allows.
 */
#include "tests/sim/client.h"

#include <stdlib.h>

#include <jansson.h>

#include "protocol/write.h"
#include "tests/sim/judge.h"

enum {
    VIEW_MAX = 128,
    FLOOD_FRAMES = 1500,
    TEXT_MAX = 2000
};

struct seen {
    char id[PEER_ID_MAX + 1];
    uint64_t tag; /* of the last frame from it */
};

struct client {
    struct crowd *crowd;
    unsigned number, host;
    struct wire *wire; /* NULL: offline */
    bool open, joined, asked_join, deaf;
    char id[PEER_ID_MAX + 1];
    struct seen view[VIEW_MAX];
    size_t view_n;
    uint64_t tag, received;
};

struct crowd {
    struct world *w;
    struct wire_net *net;
    struct daemon *d;
    struct crowd_options options;
    struct client *clients;
    bool calm;
};

/* ---- what it hears ---- */

static struct seen *find(struct client *c, const char *id)
{
    for (size_t i = 0; id && i < c->view_n; i++)
        if (strcmp(c->view[i].id, id) == 0)
            return &c->view[i];
    return NULL;
}

static void see(struct client *c, const char *id)
{
    struct world *w = c->crowd->w;
    world_check(w, id, "client %u is told of nobody", c->number);
    world_check(w, !find(c, id) && strcmp(id, c->id) != 0, "client %u is told twice of %s", c->number, id);
    world_check(w, c->view_n < VIEW_MAX, "client %u sees more than %d", c->number, VIEW_MAX);
    snprintf(c->view[c->view_n++].id, sizeof c->view[0].id, "%s", id);
    c->view[c->view_n - 1].tag = 0;
}

static void heard_peers(struct client *c, const json_t *said)
{
    json_t *entry;
    size_t i;
    c->joined = true;
    c->view_n = 0;
    json_array_foreach(json_object_get(said, "peers"), i, entry)
    {
        see(c, json_string_value(json_object_get(entry, "peerId")));
    }
}

static void heard_relay(struct client *c, const json_t *said)
{
    const char *from = json_string_value(json_object_get(said, "from"));
    uint64_t tag = (uint64_t)json_integer_value(json_object_get(said, "tag"));
    struct seen *s = find(c, from);
    world_check(c->crowd->w, s, "client %u hears from %s, who is not in its room", c->number, from ? from : "?");
    world_check(c->crowd->w, tag > s->tag, "client %u: frame %llu of %s after %llu", c->number, (unsigned long long)tag,
        from, (unsigned long long)s->tag);
    s->tag = tag;
    c->received++;
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct client *c = who;
    if (wire != c->wire)
        return;
    json_t *said = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(said, "type"));
    const char *id = json_string_value(json_object_get(said, "peerId"));
    world_check(c->crowd->w, type, "client %u cannot read a frame", c->number);
    if (strcmp(type, "welcome") == 0) {
        snprintf(c->id, sizeof c->id, "%s", id ? id : "");
        c->open = true;
    } else if (strcmp(type, "peers") == 0) {
        heard_peers(c, said);
    } else if (strcmp(type, "left-room") == 0) {
        c->joined = false;
        c->view_n = 0;
    } else if (strcmp(type, "peer-joined") == 0) {
        see(c, id);
    } else if (strcmp(type, "peer-left") == 0) {
        struct seen *s = find(c, id);
        world_check(c->crowd->w, s, "client %u: %s left and was never there", c->number, id ? id : "?");
        *s = c->view[--c->view_n];
    } else if (json_object_get(said, "from")) {
        heard_relay(c, said);
    }
    json_decref(said);
}

static void forget(struct client *c)
{
    c->wire = NULL;
    c->open = c->joined = c->deaf = false;
    c->view_n = 0;
    c->received = 0;
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct client *c = who;
    (void)code;
    if (wire == c->wire)
        forget(c);
}

static void on_open(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_ping(void *who, struct wire *wire)
{
    (void)who;
    wire_pong(wire, WIRE_CLIENT);
}

static const struct wire_face FACE = {on_open, on_frame, on_open, on_ping, on_open, on_closed};

/* ---- what it says ---- */

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

static void join(struct client *c)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "{\"type\":\"join-room\",\"roomId\":\"room-%u\",\"displayName\":\"c%u \xc3\xa4\"",
        world_below(c->crowd->w, c->crowd->options.rooms), c->number);
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
    buf_printf(&b, "{\"tag\":%llu,\"to\":\"%s\"", (unsigned long long)++c->tag, to);
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

static void go_offline(struct client *c, unsigned how)
{
    struct wire *wire = c->wire;
    forget(c);
    if (how == 0)
        wire_close(wire, WIRE_CLIENT, 1000);
    else if (how == 1)
        wire_break(wire);
    else
        wire_vanish(wire, WIRE_CLIENT, how == 2);
}

static void do_mischief(struct client *c)
{
    struct world *w = c->crowd->w;
    switch (world_below(w, 12)) {
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
        go_offline(c, world_below(w, 4));
        break;
    case 5:
        say(c, SPAN("{\"type\":\"resume\",\"resumeToken\":\"stolen\",\"ref\":\"x\"}"));
        break;
    case 6:
        join(c);
        break;
    case 7:
        relay_to_stranger(c);
        break;
    case 8:
        relay(c, c->id);
        break;
    default:
        say_nonsense(c);
    }
}

static void do_something(struct client *c)
{
    struct world *w = c->crowd->w;
    if (world_chance(w, c->crowd->options.mischief)) {
        do_mischief(c);
        return;
    }
    uint32_t lot = world_below(w, 100);
    if (!c->joined && lot < 80)
        join(c);
    else if (lot < 85)
        relay_to_member(c);
    else if (lot < 88)
        say(c, SPAN("{\"type\":\"ping\",\"ref\":\"p\"}"));
    else if (lot < 89)
        say(c, SPAN("{\"type\":\"report\",\"peerId\":\"n1.x\",\"outcome\":\"direct\",\"connectMs\":40,\"rttMs\":3}"));
    else if (lot < 93)
        leave(c);
    else if (lot < 95)
        go_offline(c, 0);
}

static void act(void *who, uint64_t arg)
{
    struct client *c = who;
    struct crowd *crowd = c->crowd;
    (void)arg;
    if (crowd->calm)
        return;
    if (!c->wire)
        c->wire = wire_open(crowd->net, c->host, daemon_listener(crowd->d), &FACE, c,
            world_chance(crowd->w, crowd->options.mischief / 10));
    else if (c->open && !c->deaf)
        do_something(c);
    world_at(crowd->w, world_now(crowd->w) + 1 + world_below(crowd->w, 2 * crowd->options.pace_ms), act, c, 0);
}

/* ---- the crowd ---- */

struct crowd *crowd_new(struct world *w, struct wire_net *net, struct daemon *d, const struct crowd_options *options)
{
    struct crowd *crowd = world_alloc(sizeof *crowd);
    *crowd = (struct crowd){.w = w, .net = net, .d = d, .options = *options};
    crowd->clients = world_alloc(options->clients * sizeof *crowd->clients);
    for (unsigned i = 0; i < options->clients; i++) {
        struct client *c = &crowd->clients[i];
        c->crowd = crowd;
        c->number = i;
        c->host = world_host(w);
        world_weather(w, c->host,
            (struct weather){
                .latency_ms = 1 + world_below(w, 60), .jitter_ms = world_below(w, 30), .loss = world_below(w, 20)});
        world_at(w, world_now(w) + world_below(w, 2 * options->pace_ms), act, c, 0);
    }
    return crowd;
}

void crowd_free(struct crowd *c)
{
    if (!c)
        return;
    free(c->clients);
    free(c);
}

void crowd_calm(struct crowd *c)
{
    c->calm = true;
}

static void check_view(const struct crowd *crowd, const struct client *c)
{
    const struct judge *j = daemon_judge(crowd->d);
    if (!c->wire || !c->open || c->deaf || !wire_is_open(c->wire, WIRE_SERVER))
        return; /* the last: a daemon died without a word, and it cannot know */
    size_t members = judge_room_size(j, c->id);
    world_check(crowd->w, c->joined == (members > 0), "client %u believes that it is %s a room", c->number,
        c->joined ? "in" : "in no");
    world_check(crowd->w, !c->joined || c->view_n + 1 == members, "client %u sees %zu of %zu", c->number, c->view_n,
        members - 1);
    world_check(crowd->w, c->received == judge_relayed_to(j, c->id), "client %u got %llu of %llu frames", c->number,
        (unsigned long long)c->received, (unsigned long long)judge_relayed_to(j, c->id));
    for (size_t i = 0; i < c->view_n; i++)
        world_check(crowd->w, judge_share_room(j, c->id, c->view[i].id), "client %u sees %s, who is not there",
            c->number, c->view[i].id);
}

void crowd_check(const struct crowd *c)
{
    for (unsigned i = 0; i < c->options.clients; i++)
        check_view(c, &c->clients[i]);
}

size_t crowd_joined(const struct crowd *c)
{
    size_t n = 0;
    for (unsigned i = 0; i < c->options.clients; i++)
        n += c->clients[i].joined;
    return n;
}
