/* SPDX-License-Identifier: MIT
 *
 * Up to four daemons on one bus, without time between them: each event is followed until nothing is under way any more.
 * What clients hear is kept in order until a test takes it.
 */
#ifndef TESTS_UNIT_SERVER_CORE_CLUSTER_H
#define TESTS_UNIT_SERVER_CORE_CLUSTER_H

#include "tests/sim/nodes.h"
#include "tests/unit/server_core/seat.h"

enum {
    NODES_HERE = 4,
    SLOTS_HERE = 8,
    WAITING_MAX = 4096,
    LEASE_MS = 15000
};

struct net {
    struct nodes *nodes;
    uint64_t now;
    struct parcel *waiting[WAITING_MAX];
    size_t first, n;
    bool (*lose)(struct net *t, const struct parcel *p); /* NULL: nothing is lost */
    unsigned lost;
    uint32_t generation[NODES_HERE][SLOTS_HERE];
    char *heard[NODES_HERE][SLOTS_HERE]; /* lines */
    char *taken;
    char id[NODES_HERE][SLOTS_HERE][PEER_ID_MAX + 1];
    uint16_t closed[NODES_HERE][SLOTS_HERE], status;
    char body[16384];
    char *told; /* webhooks, lines */
};

static inline void net_later(void *ctx, struct parcel *p)
{
    struct net *t = ctx;
    assert_true(t->n < WAITING_MAX);
    if (t->lose && t->lose(t, p)) {
        t->lost++;
        parcel_free(p);
        return;
    }
    t->waiting[(t->first + t->n++) % WAITING_MAX] = p;
}

static inline void append_line(char **lines, struct span text)
{
    size_t n = *lines ? strlen(*lines) : 0;
    *lines = realloc(*lines, n + text.n + 2);
    memcpy(*lines + n, text.p, text.n);
    memcpy(*lines + n + text.n, "\n", 2);
}

static inline void net_heard(void *ctx, unsigned node, struct conn_id conn, struct span text)
{
    struct net *t = ctx;
    if (t->generation[node][conn.slot] == conn.generation)
        append_line(&t->heard[node][conn.slot], text);
}

static inline void net_closed(void *ctx, unsigned node, struct conn_id conn, uint16_t code)
{
    struct net *t = ctx;
    if (t->generation[node][conn.slot] == conn.generation)
        t->closed[node][conn.slot] = code;
}

static inline void net_responded(void *ctx, unsigned node, struct conn_id conn, uint16_t status, struct span body)
{
    struct net *t = ctx;
    (void)node;
    (void)conn;
    t->status = status;
    snprintf(t->body, sizeof t->body, "%.*s", (int)body.n, body.p);
}

static inline void net_told(void *ctx, unsigned node, struct span webhook)
{
    struct net *t = ctx;
    (void)node;
    append_line(&t->told, webhook);
}

static inline uint64_t net_now(void *ctx)
{
    return ((struct net *)ctx)->now;
}

/* Until nothing is under way: nor is anything due. */
static inline void settle(struct net *t)
{
    for (unsigned turns = 0; turns < 10000; turns++) {
        bool idle = t->n == 0;
        while (t->n > 0) {
            struct parcel *p = t->waiting[t->first];
            t->first = (t->first + 1) % WAITING_MAX;
            t->n--;
            nodes_arrives(t->nodes, p);
        }
        for (unsigned i = 0; i < NODES_HERE; i++)
            if (nodes_core(t->nodes, i) && core_deadline(nodes_core(t->nodes, i)) <= t->now) {
                idle = false;
                nodes_step(t->nodes, i, (struct core_event){.type = CORE_TIME});
            }
        if (idle && t->n == 0)
            return;
    }
    fail_msg("it does not settle");
}

/* Lets time pass, from deadline to deadline. */
static inline void pass(struct net *t, uint64_t ms)
{
    uint64_t end = t->now + ms;
    for (;;) {
        uint64_t due = end;
        settle(t);
        for (unsigned i = 0; i < NODES_HERE; i++)
            if (nodes_core(t->nodes, i) && core_deadline(nodes_core(t->nodes, i)) < due)
                due = core_deadline(nodes_core(t->nodes, i));
        if (due >= end)
            break;
        t->now = due;
    }
    t->now = end;
    settle(t);
}

extern const struct dialect *const NET_DIALECTS[];

static inline struct core_settings clustered(void)
{
    struct core_settings set = with_seats();
    set.node[0] = '\0';
    set.cluster = true;
    set.lease_ms = LEASE_MS;
    set.dialects = NET_DIALECTS;
    set.max_room_members = 8;
    return set;
}

/* So many daemons, registered. */
static inline void net_start(struct net *t, unsigned count, struct core_settings settings)
{
    memset(t, 0, sizeof *t);
    t->now = 5000;
    t->nodes =
        nodes_new(&(struct nodes_host){t, net_later, net_heard, net_closed, net_responded, net_told, net_now}, 7);
    for (unsigned i = 0; i < count; i++) {
        nodes_start(t->nodes, i, settings);
        nodes_link(t->nodes, i, true);
    }
    settle(t);
    for (unsigned i = 0; i < count; i++)
        assert_true(core_clustered(nodes_core(t->nodes, i)));
}

static inline void net_stop(struct net *t)
{
    t->lose = NULL;
    while (t->n > 0) {
        parcel_free(t->waiting[t->first]);
        t->first = (t->first + 1) % WAITING_MAX;
        t->n--;
    }
    nodes_free(t->nodes);
    for (unsigned i = 0; i < NODES_HERE; i++)
        for (unsigned k = 0; k < SLOTS_HERE; k++)
            free(t->heard[i][k]);
    free(t->taken);
    free(t->told);
}

/* ---- clients ---- */

static inline struct conn_id net_conn(const struct net *t, unsigned node, unsigned slot)
{
    return (struct conn_id){slot, t->generation[node][slot]};
}

/* The next message to the client; "" if there is none. Good until the next one is taken. */
static inline const char *net_hears(struct net *t, unsigned node, unsigned slot)
{
    char *lines = t->heard[node][slot];
    free(t->taken);
    t->taken = NULL;
    if (!lines || !*lines)
        return "";
    size_t n = strcspn(lines, "\n");
    t->taken = strndup(lines, n);
    memmove(lines, lines + n + 1, strlen(lines + n + 1) + 1);
    return t->taken;
}

static inline void net_silent(struct net *t)
{
    for (unsigned i = 0; i < NODES_HERE; i++)
        for (unsigned k = 0; k < SLOTS_HERE; k++)
            if (nodes_core(t->nodes, i) && t->heard[i][k] && *t->heard[i][k])
                fail_msg("client %u.%u heard more: %s", i, k, t->heard[i][k]);
}

static inline void net_enter_as(struct net *t, unsigned node, unsigned slot, const struct dialect *dialect)
{
    t->generation[node][slot]++;
    t->closed[node][slot] = 0;
    free(t->heard[node][slot]);
    t->heard[node][slot] = NULL;
    nodes_step(t->nodes, node, (struct core_event){.type = CORE_OPEN, .conn = net_conn(t, node, slot)});
    nodes_step(
        t->nodes, node, (struct core_event){.type = CORE_READY, .conn = net_conn(t, node, slot), .dialect = dialect});
    settle(t);
}

static inline void net_enter(struct net *t, unsigned node, unsigned slot)
{
    net_enter_as(t, node, slot, &dialect_native);
    const char *text = net_hears(t, node, slot), *id = strstr(text, "\"peerId\":\"");
    assert_non_null(id);
    snprintf(t->id[node][slot], sizeof t->id[node][slot], "%.*s", (int)strcspn(id + 10, "\""), id + 10);
}

static inline void net_say(struct net *t, unsigned node, unsigned slot, const char *text)
{
    nodes_step(t->nodes, node,
        (struct core_event){.type = CORE_FRAME, .conn = net_conn(t, node, slot), .bytes = span_of(text)});
    settle(t);
}

static inline void net_join(struct net *t, unsigned node, unsigned slot, const char *room)
{
    char text[256];
    snprintf(
        text, sizeof text, "{\"type\":\"join-room\",\"roomId\":\"%s\",\"displayName\":\"c%u.%u\"}", room, node, slot);
    net_say(t, node, slot, text);
}

static inline struct token net_token(const char *text)
{
    struct token token;
    const char *at = strstr(text, "\"resumeToken\":\"");
    assert_non_null(at);
    at += strlen("\"resumeToken\":\"");
    snprintf(token.text, sizeof token.text, "%.*s", (int)strcspn(at, "\""), at);
    return token;
}

/* Connected and in the room; what the others hear of it is left for the test. */
static inline struct token net_enter_room(struct net *t, unsigned node, unsigned slot, const char *room)
{
    net_enter(t, node, slot);
    net_join(t, node, slot, room);
    const char *peers = net_hears(t, node, slot);
    assert_non_null(strstr(peers, "{\"type\":\"peers\""));
    return net_token(peers);
}

static inline void net_gone(struct net *t, unsigned node, unsigned slot, uint16_t code)
{
    nodes_step(
        t->nodes, node, (struct core_event){.type = CORE_GONE, .conn = net_conn(t, node, slot), .close_code = code});
    settle(t);
}

__attribute__((format(printf, 4, 5))) static inline void net_expect(
    struct net *t, unsigned node, unsigned slot, const char *format, ...)
{
    char expected[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    assert_string_equal(net_hears(t, node, slot), expected);
}

static inline void net_signal(struct net *t, unsigned node, unsigned slot, const char *to)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"signal\",\"to\":\"%s\",\"data\":1}", to);
    net_say(t, node, slot, text);
}

static inline void net_resume(struct net *t, unsigned node, unsigned slot, const struct token *token)
{
    char text[RESUME_TOKEN_MAX + 64];
    snprintf(text, sizeof text, "{\"type\":\"resume\",\"resumeToken\":\"%.*s\"}", RESUME_TOKEN_MAX, token->text);
    net_say(t, node, slot, text);
}

#endif
