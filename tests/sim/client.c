/* SPDX-License-Identifier: MIT
 *
 * One timer per client: each time it fires the client connects, or does one thing.
 */
#include "tests/sim/client.h"

#include <stdlib.h>

#include "tests/sim/client_inner.h"

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct client *c = who;
    if (wire == c->wire)
        client_hear(c, text);
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct client *c = who;
    if (wire != c->wire)
        return;
    client_forget(c);
    if (code == CLOSE_TAKEN_OVER) /* */
        c->token[0] = c->used[0] = '\0';
}

static void on_open(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    struct client *c = who;
    c->ping = number;
    wire_pong(wire, WIRE_CLIENT, number);
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static const struct wire_face FACE = {on_open, on_frame, on_open, on_open, on_ping, on_pong, on_closed};

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
        client_act(c);
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
        world_weather(w, c->host, world_draw_weather(w, 60, 30, 20));
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
    const struct server_oracle *j = daemon_server_oracle(crowd->d);
    if (!c->wire || !c->open || c->deaf || !wire_is_open(c->wire, WIRE_SERVER))
        return; /* the last: a daemon died without a word, and it cannot know */
    size_t members = server_oracle_room_size(j, c->id);
    world_check(crowd->w, c->joined == (members > 0), "client %u believes that it is %s a room", c->number,
        c->joined ? "in" : "in no");
    if (!c->joined)
        return;
    world_check(crowd->w, c->view_n + 1 == members, "client %u sees %zu of %zu", c->number, c->view_n, members - 1);
    uint64_t sent = server_oracle_relayed_to(j, c->id);
    world_check(crowd->w, c->lost || c->received == sent, "client %u got %llu of %llu frames", c->number,
        (unsigned long long)c->received, (unsigned long long)sent);
    for (size_t i = 0; i < c->view_n; i++)
        world_check(crowd->w, server_oracle_share_room(j, c->id, c->view[i].id), "client %u sees %s, who is not there",
            c->number, c->view[i].id);
}

void crowd_check(const struct crowd *c)
{
    for (unsigned i = 0; i < c->options.clients; i++)
        check_view(c, &c->clients[i]);
}

unsigned crowd_size(const struct crowd *c)
{
    return c->options.clients;
}

size_t crowd_joined(const struct crowd *c)
{
    size_t n = 0;
    for (unsigned i = 0; i < c->options.clients; i++)
        n += c->clients[i].joined;
    return n;
}
