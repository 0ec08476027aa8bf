/* SPDX-License-Identifier: MIT
 *
 * He keeps the last owner tokens that he was given, of whichever rooms, and tries them.
 */
#include "tests/sim/rest_client.h"

#include <stdarg.h>
#include <stdlib.h>

#include <jansson.h>

#include "tests/sim/ports.h"

enum {
    DEEDS = 2 * HALLS,
    BODY_MAX = 256
};

struct deed {
    char room[ROOM_ID_MAX + 1], token[PORTS_TOKEN_MAX];
};

struct rest_client {
    struct world *w;
    struct daemon *d;
    uint32_t pace_ms;
    struct deed deeds[DEEDS];
    size_t deed;
    bool calm;
};

static void on_answer(void *who, uint64_t arg, unsigned status, struct span body)
{
    struct rest_client *l = who;
    (void)arg;
    if (status != 201)
        return;
    json_t *said = json_loadb(body.p, body.n, 0, NULL);
    struct deed *deed = &l->deeds[l->deed++ % DEEDS];
    snprintf(deed->room, sizeof deed->room, "%s", json_string_value(json_object_get(said, "id")));
    snprintf(deed->token, sizeof deed->token, "%s", json_string_value(json_object_get(said, "ownerToken")));
    json_decref(said);
}

static void ask(
    struct rest_client *l, enum core_request_type type, const char *room, const char *token, const char *body)
{
    struct core_request r = {.type = type, .room = span_of(room), .token = span_of(token), .body = span_of(body)};
    daemon_request(l->d, &r, world_chance(l->w, 100) ? 1 + world_below(l->w, 300) : 8000, on_answer, l, 0);
}

__attribute__((format(printf, 2, 3))) static void add(char *body, const char *format, ...)
{
    size_t at = strlen(body);
    va_list args;
    va_start(args, format);
    vsnprintf(body + at, BODY_MAX - at, format, args);
    va_end(args);
}

static void make(struct rest_client *l, unsigned hall)
{
    char body[BODY_MAX] = "{\"listed\":";
    add(body, "%s", world_chance(l->w, 500) ? "true" : "false");
    if (world_chance(l->w, 900))
        add(body, ",\"name\":\"hall-%u\"", hall);
    else if (world_chance(l->w, 500))
        add(body, ",\"name\":\"Hall %u of many\"", hall);
    if (world_chance(l->w, 600))
        add(body, ",\"password\":\"secret-%u\"", hall);
    if (world_chance(l->w, 300))
        add(body, ",\"maxPeers\":%u", 1 + world_below(l->w, 40));
    add(body, "%s", world_chance(l->w, 950) ? "}" : "");
    ask(l, REQUEST_CREATE, "", "", body);
}

static void shut(struct rest_client *l, const char *hall)
{
    const struct deed *deed = &l->deeds[world_below(l->w, DEEDS)];
    char token[PORTS_TOKEN_MAX] = "";
    if (world_chance(l->w, 150))
        ports_token(token, "", "", UINT64_MAX, world_chance(l->w, 500));
    else
        memcpy(token, deed->token, sizeof token);
    ask(l, REQUEST_CLOSE, *deed->room && world_chance(l->w, 800) ? deed->room : hall, token, "");
}

static void act(void *who, uint64_t arg)
{
    struct rest_client *l = who;
    (void)arg;
    if (l->calm)
        return;
    unsigned n = world_below(l->w, HALLS);
    char hall[ROOM_ID_MAX + 1];
    snprintf(hall, sizeof hall, world_chance(l->w, 900) ? "hall-%u" : "room-%u", n);
    uint32_t lot = world_below(l->w, 100);
    if (lot < 40)
        make(l, n);
    else if (lot < 60)
        shut(l, hall);
    else if (lot < 75)
        ask(l, REQUEST_ROOM, hall, "", "");
    else if (lot < 85)
        ask(l, REQUEST_ROOMS, "", "", "");
    else
        ask(l, REQUEST_VALIDATE, world_chance(l->w, 950) ? hall : "no room", "", "");
    world_at(l->w, world_now(l->w) + 1 + world_below(l->w, 2 * l->pace_ms), act, l, 0);
}

struct rest_client *rest_client_new(struct world *w, struct daemon *d, uint32_t pace_ms)
{
    struct rest_client *l = world_alloc(sizeof *l);
    *l = (struct rest_client){.w = w, .d = d, .pace_ms = pace_ms};
    world_at(w, world_now(w) + 1, act, l, 0);
    return l;
}

void rest_client_free(struct rest_client *l)
{
    free(l);
}

void rest_client_calm(struct rest_client *l)
{
    l->calm = true;
}
