/* SPDX-License-Identifier: MIT
 *
 * Pages of Socket.IO, as an unmodified client and a usual application behave: they connect with pid and offset, join
 * whenever they are connected, keep a list of who is there, signal, and come back when their connection is lost. Paths are
 * slow, connections break, pages vanish, the daemon is killed and starts again.
 *
 * The oracle is told nothing by the daemon but what the pages hear. No signal is heard twice, by another page, or before an earlier
 * one of the same sender. One that was acknowledged is heard, unless its reader was told since, by a new pid, that something
 * may be lost. And when all have calmed down each page believes in exactly those who are in its room.
 */
#include <jansson.h>
#include <stdlib.h>

#include "protocol/write.h"
#include "tests/sim/run.h"
#include "tests/sim/stories.h"

enum {
    PAGES = 12,
    ROOMS = 2,
    TURNS = 1500,
    SIGNALS_MAX = 4000,
    CRASH_EVERY = 280, /* turns */
    SOON_MS = 400
};

struct page {
    struct run *r;
    unsigned host, number;
    struct wire *wire; /* NULL: offline */
    bool connected;
    char room[4];
    char sid[PEER_ID_MAX + 1], pid[PID_CHARS + 1], offset[RESUME_TOKEN_MAX + 1];
    json_t *others;       /* owned: whom it believes to be in its room, an object */
    unsigned lists;       /* `peers` since it was told that it lost nothing; 0 once that was looked at */
    unsigned last[PAGES]; /* the signal that it heard last of each */
    unsigned recovered, unsure;
};

struct said {
    unsigned from, to;
    bool accepted, heard;
    bool due;     /* it was acknowledged before its reader came back */
    bool excused; /* its reader was told that something may be lost */
};

static struct page cast[PAGES];
static struct said said[SIGNALS_MAX];
static unsigned said_n;

static struct page *find(const char *sid)
{
    for (unsigned i = 0; sid && i < PAGES; i++)
        if (strcmp(cast[i].sid, sid) == 0)
            return &cast[i];
    return NULL;
}

static void say(struct page *p, struct buf *text)
{
    if (p->wire)
        wire_send(p->wire, WIRE_CLIENT, frame_of(buf_view(text)));
    buf_done(text);
}

static void say_text(struct page *p, const char *text)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_text(&b, text);
    say(p, &b);
}

static void ask_to_join(struct page *p)
{
    struct buf b;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "2[\"join-room\",{\"roomId\":\"%s\"}]", p->room);
    say(p, &b);
}

/* ---- what a page hears ---- */

static void hear_connect(struct page *p, const json_t *told)
{
    const char *sid = json_string_value(json_object_get(told, "sid")),
               *pid = json_string_value(json_object_get(told, "pid"));
    bool recovered = strcmp(p->pid, pid) == 0, same = strcmp(p->sid, sid) == 0;
    world_check(p->r->w, same || (!recovered && !find(sid)), "page %u is %s, whom it never was", p->number, sid);
    p->recovered += recovered;
    p->unsure += !recovered && same;
    p->lists = recovered;
    for (unsigned n = 0; n < said_n; n++)
        said[n].excused |= said[n].to == p->number && !recovered;
    snprintf(p->sid, sizeof p->sid, "%s", sid);
    snprintf(p->pid, sizeof p->pid, "%s", pid);
    p->connected = true;
    ask_to_join(p);
}

/* It has its seat again, and what was held; the list that it asked for itself comes behind that. */
static void check_recovered(struct page *p)
{
    if (p->lists == 0 || ++p->lists < 3)
        return;
    p->lists = 0;
    for (unsigned n = 0; n < said_n; n++)
        world_check(p->r->w, said[n].to != p->number || !said[n].due || said[n].heard || said[n].excused,
            "page %u is told that it lost nothing, and lost signal %u", p->number, n + 1);
}

static void hear_peers(struct page *p, const json_t *event)
{
    size_t i;
    const json_t *id;
    json_object_clear(p->others);
    json_array_foreach(json_object_get(json_array_get(event, 1), "peers"), i, id)
    {
        json_object_set_new(p->others, json_string_value(id), json_true());
    }
    snprintf(p->offset, sizeof p->offset, "%s", json_string_value(json_array_get(event, 2)));
    check_recovered(p);
}

static void hear_signal(struct page *p, const json_t *argument)
{
    unsigned n = (unsigned)json_integer_value(json_object_get(argument, "data"));
    const struct page *from = find(json_string_value(json_object_get(argument, "from")));
    world_check(p->r->w, n >= 1 && n <= said_n, "page %u hears signal %u, which nobody sent", p->number, n);
    struct said *s = &said[n - 1];
    world_check(p->r->w, s->to == p->number && (!from || from->number == s->from), "signal %u goes astray", n);
    world_check(p->r->w, !s->heard, "page %u hears signal %u twice", p->number, n);
    world_check(p->r->w, n > p->last[s->from], "signal %u comes after %u", n, p->last[s->from]);
    p->last[s->from] = n;
    s->heard = true;
}

/* Its connection broke before its farewell to the room was heard: its seat is there still. */
static void hear_error(struct page *p, const json_t *argument)
{
    const char *message = json_string_value(json_object_get(argument, "message"));
    world_check(
        p->r->w, strcmp(message, "already in a room: leave first") == 0, "page %u hears: %s", p->number, message);
    say_text(p, "2[\"leave-room\"]");
    ask_to_join(p);
}

static void hear_event(struct page *p, const json_t *event)
{
    const char *name = json_string_value(json_array_get(event, 0));
    const json_t *argument = json_array_get(event, 1);
    const char *id = json_string_value(json_object_get(argument, "peerId"));
    if (strcmp(name, "peers") == 0)
        hear_peers(p, event);
    else if (strcmp(name, "peer-joined") == 0)
        json_object_set_new(p->others, id, json_true());
    else if (strcmp(name, "peer-left") == 0)
        json_object_del(p->others, id);
    else if (strcmp(name, "signal") == 0)
        hear_signal(p, argument);
    else if (strcmp(name, "error") == 0)
        hear_error(p, argument);
    else
        world_check(p->r->w, strcmp(name, "ice-servers") == 0 || strcmp(name, "left-room") == 0, "page %u hears %s",
            p->number, name);
}

/* The acknowledgement of the signal of that number. */
static void hear_done(struct span text)
{
    unsigned n = (unsigned)strtoul(text.p, NULL, 10);
    if (n >= 1 && n <= said_n)
        said[n - 1].accepted = memmem(text.p, text.n, "\"ok\":true", 9);
}

static void on_frame(void *who, struct wire *wire, struct span text)
{
    struct page *p = who;
    if (wire != p->wire)
        return;
    world_check(p->r->w, text.n >= 2 && text.p[0] == '4', "page %u hears no packet", p->number);
    json_t *payload = json_loadb(text.p + 2, text.n - 2, 0, NULL);
    if (text.p[1] == '3')
        hear_done((struct span){text.p + 2, text.n - 2});
    else if (text.p[1] == '0')
        hear_connect(p, payload);
    else if (text.p[1] == '2')
        hear_event(p, payload);
    json_decref(payload);
}

static void on_open(void *who, struct wire *wire)
{
    struct page *p = who;
    struct buf b;
    if (wire != p->wire)
        return;
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_byte(&b, '0');
    if (*p->pid) {
        buf_byte(&b, '{');
        write_member_string(&b, "pid", span_of(p->pid));
        write_member_string(&b, "offset", span_of(p->offset));
        buf_byte(&b, '}');
    }
    say(p, &b);
}

static void on_ping(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    wire_pong(wire, WIRE_CLIENT, number);
}

static void on_pong(void *who, struct wire *wire, uint32_t number)
{
    (void)who;
    (void)wire;
    (void)number;
}

static void on_nothing(void *who, struct wire *wire)
{
    (void)who;
    (void)wire;
}

static void on_closed(void *who, struct wire *wire, uint16_t code)
{
    struct page *p = who;
    (void)code;
    if (wire != p->wire)
        return;
    p->wire = NULL;
    p->connected = false;
}

static const struct wire_face FACE = {on_open, on_frame, on_nothing, on_nothing, on_ping, on_pong, on_closed};

/* ---- what it does ---- */

static void come(struct page *p)
{
    if (p->wire)
        return;
    for (unsigned n = 0; n < said_n; n++)
        said[n].due |= said[n].to == p->number && said[n].accepted;
    p->wire = wire_open(p->r->wires, p->host, daemon_listener(p->r->daemons[0]), &FACE, p, false);
}

static void vanish(struct page *p, bool mute)
{
    if (!p->wire)
        return;
    wire_vanish(p->wire, WIRE_CLIENT, mute);
    p->wire = NULL;
    p->connected = false;
}

/* It goes to the other room, or closes and is somebody else next time. */
static void leave(struct page *p, bool for_good)
{
    if (!p->connected)
        return;
    if (for_good) {
        say_text(p, "1");
        wire_close(p->wire, WIRE_CLIENT, 1000);
        return;
    }
    p->room[1] = p->room[1] == '0' ? '1' : '0';
    say_text(p, "2[\"leave-room\"]");
    ask_to_join(p);
}

static void send_to(struct page *p, struct page *to)
{
    struct buf b;
    if (!p->connected || to == p || !*to->sid || said_n == SIGNALS_MAX)
        return;
    said[said_n++] = (struct said){.from = p->number, .to = to->number};
    buf_init(&b, FRAME_MAX_DEFAULT);
    buf_printf(&b, "2%u[\"signal\",{\"to\":\"%s\",\"data\":%u}]", said_n, to->sid, said_n);
    say(p, &b);
}

static void take_turn(struct run *r)
{
    struct page *p = &cast[world_below(r->w, PAGES)];
    uint32_t what = world_below(r->w, 100);
    if (!p->wire)
        come(p);
    else if (what < 4)
        wire_break(p->wire);
    else if (what < 8)
        vanish(p, what < 6);
    else if (what < 10)
        leave(p, what < 9);
    else
        send_to(p, &cast[world_below(r->w, PAGES)]);
}

/* ---- the story ---- */

static void open_stage(struct run *r, const struct world_options *options, struct core_settings *s)
{
    run_init(r, options);
    daemon_speak(run_add_daemon(r, s), &dialect_socketio);
    said_n = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        cast[i] = (struct page){.r = r, .host = world_host(r->w), .number = i, .others = json_object()};
        snprintf(cast[i].room, sizeof cast[i].room, "r%u", i % ROOMS);
        world_weather(r->w, cast[i].host, (struct weather){.latency_ms = 20, .jitter_ms = 60, .loss = 20});
        come(&cast[i]);
    }
}

static void calm_down(struct run *r, const struct core_settings *s)
{
    run_for(r, s->ping_interval_ms + s->ping_timeout_ms + s->resume_grace_ms);
    for (unsigned turn = 0; turn < 10; turn++) {
        for (unsigned i = 0; i < PAGES; i++)
            come(&cast[i]);
        run_for(r, 2000);
    }
    run_for(r, s->resume_grace_ms);
}

static void check_beliefs(const struct page *p)
{
    size_t here = 0;
    world_check(p->r->w, p->connected, "page %u cannot connect", p->number);
    for (unsigned i = 0; i < PAGES; i++) {
        bool there = &cast[i] != p && strcmp(cast[i].room, p->room) == 0;
        here += there;
        world_check(p->r->w, there == (json_object_get(p->others, cast[i].sid) != NULL),
            "page %u believes wrongly in %u", p->number, i);
    }
    world_check(p->r->w, json_object_size(p->others) == here, "page %u believes in ghosts", p->number);
}

static void check_signals(struct run *r)
{
    unsigned heard = 0;
    for (unsigned n = 1; n <= said_n; n++) {
        const struct said *s = &said[n - 1];
        heard += s->heard;
        world_check(
            r->w, s->heard || !s->accepted || s->excused, "signal %u was taken, and page %u never hears it", n, s->to);
    }
    world_check(r->w, heard > said_n / 4, "%u of %u signals arrive", heard, said_n);
}

void story_pages_come_and_go(struct run *r, const struct world_options *options)
{
    struct core_settings s = daemon_settings();
    s.ping_interval_ms = 3000;
    s.ping_timeout_ms = 2000;
    s.resume_grace_ms = 8000;
    open_stage(r, options, &s);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        take_turn(r);
        run_for(r, world_below(r->w, SOON_MS));
        if (turn % CRASH_EVERY)
            continue;
        daemon_crash(r->daemons[0], false);
        run_for(r, SOON_MS + world_below(r->w, 2000));
        daemon_start(r->daemons[0]);
    }
    calm_down(r, &s);
    for (unsigned i = 0; i < PAGES; i++)
        for (unsigned k = 0; k < PAGES; k++)
            send_to(&cast[i], &cast[k]);
    run_for(r, 2000);
    unsigned recovered = 0, unsure = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        check_beliefs(&cast[i]);
        recovered += cast[i].recovered;
        unsure += cast[i].unsure;
    }
    check_signals(r);
    world_check(r->w, recovered > PAGES && unsure > PAGES, "%u recovered, %u unsure", recovered, unsure);
    for (unsigned i = 0; i < PAGES; i++)
        json_decref(cast[i].others);
}
