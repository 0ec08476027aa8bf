/* SPDX-License-Identifier: MIT
 *
 * Clients of Socket.IO in the harness. They say packets without the `4` of Engine.IO and hear frames with it.
 */
#ifndef TESTS_UNIT_SERVER_CORE_SOCKETIO_H
#define TESTS_UNIT_SERVER_CORE_SOCKETIO_H

#include "tests/unit/server_core/seat.h"

struct pid {
    char text[PID_CHARS + 1];
};

static inline void find_text(const char *in, const char *before, char *out, size_t size)
{
    const char *at = strstr(in, before);
    assert_non_null(at);
    at += strlen(before);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* The next frame begins so. */
static inline void hears_first(struct harness *h, unsigned i, const char *text)
{
    if (strncmp(heard(h, i), text, strlen(text)) != 0)
        fail_msg("%s and not %s", h->text, text);
}

/* The transport is there; nothing was said. */
static inline void ready_io(struct harness *h, unsigned i)
{
    open_from(h, i, (struct address){{0}});
    step(h, (struct core_event){.type = CORE_READY, .conn = conn_of(h, i), .dialect = &dialect_socketio});
    quiet(h);
}

/* The answer to a CONNECT: who it is now. */
static inline struct pid welcomed_io(struct harness *h, unsigned i)
{
    struct pid pid;
    hears_first(h, i, "40{\"sid\":\"");
    find_text(h->text, "\"sid\":\"", h->id[i], sizeof h->id[i]);
    find_text(h->text, "\"pid\":\"", pid.text, sizeof pid.text);
    return pid;
}

static inline struct pid enter_io(struct harness *h, unsigned i)
{
    ready_io(h, i);
    say(h, i, "0");
    struct pid pid = welcomed_io(h, i);
    quiet(h);
    return pid;
}

/* The offset in the list of peers that is heard next. */
static inline struct token peers_io(struct harness *h, unsigned i)
{
    struct token t;
    hears_first(h, i, "42[\"peers\",{\"peers\":[");
    const char *last = strrchr(h->text, '}');
    find_text(last, "},\"", t.text, sizeof t.text);
    return t;
}

static inline void join_io(struct harness *h, unsigned i, const char *room)
{
    char text[256];
    snprintf(text, sizeof text, "2[\"join-room\",{\"roomId\":\"%s\"}]", room);
    say(h, i, text);
}

/* Connected, and the first or the next one in the room. */
static inline struct token enter_room_io(struct harness *h, unsigned i, const char *room, struct pid *pid)
{
    *pid = enter_io(h, i);
    join_io(h, i, room);
    return peers_io(h, i);
}

static inline void signal_io(struct harness *h, unsigned i, const char *to, const char *id)
{
    char text[256];
    snprintf(text, sizeof text, "2%s[\"signal\",{\"to\":\"%s\",\"data\":1}]", id, to);
    say(h, i, text);
}

/* A new connection that shows who it was. */
static inline void return_io(struct harness *h, unsigned i, const struct pid *pid, const struct token *offset)
{
    char text[RESUME_TOKEN_MAX + 128];
    ready_io(h, i);
    snprintf(text, sizeof text, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", pid->text, offset->text);
    say(h, i, text);
}

#endif
