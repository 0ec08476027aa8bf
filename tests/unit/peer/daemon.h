/* SPDX-License-Identifier: MIT
 *
 * The daemon of the small world of world.h: one room, and, if the test wants them, seats that outlive their sockets.
 */
#ifndef TESTS_PEER_DAEMON_H
#define TESTS_PEER_DAEMON_H

#include "tests/unit/peer/base.h"

static inline int node_at(struct world *w, const char *seat)
{
    for (int i = 0; i < w->n; i++)
        if (w->nodes[i].in_room && strcmp(w->nodes[i].seat, seat) == 0)
            return i;
    return -1;
}

static inline void write_card(const struct node *n, char *out, size_t room)
{
    char key[64], box[64], sig[128];
    base64_encode(n->settings.key, KEY_BYTES, key);
    base64_encode(n->settings.box, KEY_BYTES, box);
    base64_encode(n->settings.box_signature, SIGNATURE_BYTES, sig);
    snprintf(out, room,
        "\"peerId\":\"%s\",\"displayName\":\"%s\",\"metadata\":{\"usher\":1,\"key\":\"%s\",\"box\":\"%s\",\"sig\":\"%"
        "s\"}%s",
        n->seat, n->settings.name, key, box, sig, n->away ? ",\"away\":true" : "");
}

static inline bool in_one_room(const struct world *w, int a, int b)
{
    return w->nodes[a].in_room && w->nodes[b].in_room && (!w->split || w->nodes[a].seated == w->nodes[b].seated);
}

/* of: whom it is about, who does not hear it; -1: a stranger, of whom all hear. */
static inline void tell_room(struct world *w, int of, const char *text)
{
    for (int i = 0; i < w->n; i++)
        if (i != of && in_one_room(w, i, of < 0 ? i : of) && !w->nodes[i].away)
            frame_to(w, i, text);
}

/* `peers` and `resumed`, which end alike: the next token and who is there. */
static inline void send_list(struct world *w, int node, const char *type, const char *more)
{
    struct node *n = &w->nodes[node];
    char *text = malloc(65536);
    char card[1024];
    size_t at = (size_t)sprintf(text, "{\"type\":\"%s\",\"roomId\":\"demo\",\"peerId\":\"%s\"%s", type, n->seat, more);
    if (w->grace)
        at += (size_t)sprintf(
            text + at, ",\"resumeToken\":\"%s/%u/%u/%u\"", n->seat, n->generation + 1, w->boot, n->server);
    at += (size_t)sprintf(text + at, ",\"peers\":[");
    bool first = true;
    for (int i = 0; i < w->n; i++)
        if (in_one_room(w, i, node) && i != node) {
            write_card(&w->nodes[i], card, sizeof card);
            at += (size_t)sprintf(text + at, "%s{%s}", first ? "" : ",", card);
            first = false;
        }
    for (size_t i = 0; i < w->stranger_n; i++) {
        at += (size_t)sprintf(text + at, "%s{%s}", first ? "" : ",", w->strangers[i].card);
        first = false;
    }
    strcpy(text + at, "]}");
    frame_to(w, node, text);
    free(text);
}

static inline void tell_of(struct world *w, int node, const char *type)
{
    char card[1024], text[1200];
    write_card(&w->nodes[node], card, sizeof card);
    snprintf(text, sizeof text, "{\"type\":\"%s\",%s}", type, card);
    tell_room(w, node, text);
}

static inline void daemon_left(struct world *w, int node, const char *reason);

static inline void daemon_join(struct world *w, int node)
{
    struct node *n = &w->nodes[node];
    n->joins++;
    if (w->refuses[n->server]) {
        frame_to(w, node, "{\"type\":\"error\",\"code\":\"room-locked\",\"message\":\"m\",\"fatal\":false}");
        return;
    }
    if (w->full) {
        frame_to(w, node, "{\"type\":\"error\",\"code\":\"room-full\",\"message\":\"m\",\"fatal\":false}");
        return;
    }
    if (w->split && n->in_room && n->seated != n->server)
        daemon_left(w, node, "timeout");
    n->seated = n->server;
    n->away = false;
    if (w->grace && !n->in_room)
        n->seat[0] = '\0';
    n->generation = 0;
    if (n->seat[0] == '\0')
        snprintf(n->seat, sizeof n->seat, "n.%c%03u", 'a' + node, ++w->seats);
    n->in_room = true;
    send_list(w, node, "peers", "");
    tell_of(w, node, "peer-joined");
}

static inline void daemon_resume(struct world *w, int node, const char *token)
{
    struct node *n = &w->nodes[node];
    char seat[PEER_ID_MAX + 1];
    unsigned generation, boot, server;
    n->resumes++;
    assert_non_null(token);
    assert_int_equal(sscanf(token, "%59[^/]/%u/%u/%u", seat, &generation, &boot, &server), 4);
    bool valid = boot == w->boot ? n->in_room : !n->in_room;
    if (!w->grace || strcmp(seat, n->seat) != 0 || generation < n->generation || !valid ||
        (w->apart && server != n->server)) {
        frame_to(w, node, "{\"type\":\"error\",\"code\":\"resume-failed\",\"message\":\"m\",\"fatal\":false}");
        return;
    }
    n->generation = generation;
    n->away = false;
    n->in_room = true;
    bool restarted = boot != w->boot;
    char more[100];
    snprintf(more, sizeof more, ",\"restarted\":%s,\"recovered\":%s,\"resumeGrace\":30000",
        restarted ? "true" : "false", restarted || w->lossy ? "false" : "true");
    send_list(w, node, "resumed", more);
    struct event *e, *next;
    DL_FOREACH_SAFE (w->mail, e, next) {
        if (e->node != node)
            continue;
        DL_DELETE(w->mail, e);
        DL_APPEND(w->queue, e);
    }
    tell_of(w, node, "peer-back");
}

static inline void daemon_left(struct world *w, int node, const char *reason)
{
    struct node *n = &w->nodes[node];
    char text[256];
    if (!n->in_room)
        return;
    snprintf(text, sizeof text, "{\"type\":\"peer-left\",\"peerId\":\"%s\",\"reason\":\"%s\"}", n->seat, reason);
    tell_room(w, node, text);
    n->in_room = n->away = false;
    n->seat[0] = '\0';
}

static inline void daemon_relay(struct world *w, const char *from, json_t *frame)
{
    const char *to = json_string_value(json_object_get(frame, "to"));
    char target[PEER_ID_MAX + 1];
    assert_non_null(to);
    snprintf(target, sizeof target, "%s", to);
    assert_true(w->signal_n < SIGNALS_MAX);
    struct signal *s = &w->signals[w->signal_n++];
    memcpy(s->from, from, strlen(from) + 1);
    memcpy(s->to, target, sizeof target);
    s->body = json_deep_copy(frame);
    json_object_del(frame, "to");
    json_object_set_new(frame, "from", json_string(from));
    int node = node_at(w, target);
    if (node < 0)
        return;
    char *text = json_dumps(frame, JSON_COMPACT);
    frame_to(w, node, text);
    free(text);
    struct event *e = w->queue->prev;
    if (w->nodes[node].away) {
        DL_DELETE(w->queue, e);
        DL_APPEND(w->mail, e);
    } else if (w->hold_signals) {
        DL_DELETE(w->queue, e);
        DL_APPEND(w->delayed, e);
    }
}

static inline void daemon_report(struct node *n, const json_t *frame)
{
    n->reports++;
    snprintf(n->outcome, sizeof n->outcome, "%s", json_string_value(json_object_get(frame, "outcome")));
    snprintf(n->reported, sizeof n->reported, "%s", json_string_value(json_object_get(frame, "peerId")));
    n->connect_ms = (uint64_t)json_integer_value(json_object_get(frame, "connectMs"));
    n->rtt_ms = (uint64_t)json_integer_value(json_object_get(frame, "rttMs"));
}

static inline void daemon_frame(struct world *w, int node, struct span text)
{
    struct node *n = &w->nodes[node];
    json_t *frame = json_loadb(text.p, text.n, 0, NULL);
    assert_non_null(frame);
    const char *type = json_string_value(json_object_get(frame, "type"));
    if (!n->open)
        type = "";
    if (strcmp(type, "join-room") == 0)
        daemon_join(w, node);
    else if (strcmp(type, "leave-room") == 0)
        daemon_left(w, node, "left");
    else if (strcmp(type, "ping") == 0)
        frame_to(w, node, "{\"type\":\"pong\"}");
    else if (strcmp(type, "resume") == 0)
        daemon_resume(w, node, json_string_value(json_object_get(frame, "resumeToken")));
    else if (strcmp(type, "report") == 0)
        daemon_report(n, frame);
    else if (type[0])
        daemon_relay(w, n->seat, frame);
    json_decref(frame);
}

static inline void daemon_lost(struct world *w, int node)
{
    struct node *n = &w->nodes[node];
    if (w->grace && n->in_room) {
        char text[256];
        snprintf(text, sizeof text, "{\"type\":\"peer-away\",\"peerId\":\"%s\"}", n->seat);
        n->away = true;
        tell_room(w, node, text);
    } else {
        daemon_left(w, node, "disconnected");
    }
}

static inline bool is_reached(const struct world *w, int node, unsigned server)
{
    return w->daemon_up && !w->down[server] && !(w->nodes[node].blocked >> server & 1);
}

static inline void daemon_connect(struct world *w, int node)
{
    struct node *n = &w->nodes[node];
    char welcome[256], cluster[128] = "";
    if (n->in_room && !n->away) /* the former socket broke */
        daemon_lost(w, node);
    n->open = is_reached(w, node, n->server);
    if (!n->open) {
        later(w, node, PEER_SIGNALING_CLOSED, 0, SPAN("connection refused"));
        return;
    }
    later(w, node, PEER_SIGNALING_OPEN, 0, SPAN(""));
    if (w->cluster[n->server])
        snprintf(cluster, sizeof cluster, ",\"cluster\":\"%s\"", w->cluster[n->server]);
    snprintf(welcome, sizeof welcome,
        "{\"type\":\"welcome\",\"peerId\":\"n.x\",\"iceServers\":[{\"urls\":\"stun:s\"}],\"pingInterval\":25000,"
        "\"limits\":{},\"server\":\"usherd\"%s}",
        cluster);
    if (!w->hangs[n->server])
        frame_to(w, node, welcome);
}

static inline void daemon_probe(struct world *w, int node, unsigned server)
{
    const char *cluster = w->cluster[server] ? w->cluster[server] : "";
    bool well = is_reached(w, node, server) && !w->hangs[server];
    w->probes[server]++;
    if (w->keep_probes)
        return;
    struct event *e = later(w, node, PEER_PROBED, 0, span_of(cluster));
    e->ev.probed.server = server;
    e->ev.probed.ms = !well ? 0 : w->ms[server] ? w->ms[server] : 1;
    e->ev.probed.cluster = span_of(e->bytes);
}

/* The socket of one breaks; the others hear it. */
static inline void break_socket(struct world *w, int node)
{
    struct node *n = &w->nodes[node];
    daemon_lost(w, node);
    n->open = false;
    later(w, node, PEER_SIGNALING_CLOSED, 0, SPAN("broken"));
}

static inline void daemon_dies(struct world *w)
{
    w->daemon_up = false;
    w->boot++;
    for (int i = 0; i < w->n; i++) {
        w->nodes[i].in_room = w->nodes[i].open = w->nodes[i].away = false;
        if (!w->grace)
            w->nodes[i].seat[0] = '\0';
        later(w, i, PEER_SIGNALING_CLOSED, 0, SPAN("gone"));
    }
}

#endif
