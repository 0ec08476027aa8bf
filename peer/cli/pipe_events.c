/* SPDX-License-Identifier: MIT
 *
 * One JSON object a line, flushed: what libusher tells, named as design and usher(1) name it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/cli/pipe.h"

void pipe_say(struct pipe *p, json_t *event)
{
    char *line = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (p->broken || !line) {
        free(line);
        return;
    }
    p->broken = fputs(line, stdout) < 0 || putchar('\n') < 0 || fflush(stdout) != 0;
    free(line);
    if (p->broken)
        session_leave(&p->session, EXIT_FAILED);
}

void pipe_say_error(struct pipe *p, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gchar *message = g_strdup_vprintf(format, args);
    va_end(args);
    pipe_say(p, json_pack("{s:s, s:s, s:s, s:s*}", "event", "error", "code", code, "message", message, "ref", p->ref));
    g_free(message);
}

static json_t *string_list(const char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *joined(const struct usher_event *e)
{
    json_t *peers = json_array();
    for (size_t i = 0; i < e->to_count; i++)
        json_array_append_new(
            peers, json_pack("{s:s, s:s}", "id", e->to[i], "name", e->names && e->names[i] ? e->names[i] : ""));
    return json_pack("{s:s, s:s, s:o}", "event", "joined", "room", e->room, "peers", peers);
}

static json_t *peer(const struct usher_event *e)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:b}", "event", "peer", "id", e->id, "name", e->name ? e->name : "",
        "state", e->up ? "up" : "down", "path", e->up ? e->path : NULL, "verified", e->verified);
}

static json_t *message(const struct usher_event *e)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:b}", "event", "message", "id", e->id, "from", e->from,
        "to", string_list(e->to, e->to_count), "text", e->text, "conversation", e->conversation ? e->conversation : "",
        "type", e->kind, "timestamp", (json_int_t)e->timestamp, "verified", e->verified);
}

static json_t *history(const struct usher_event *e)
{
    return json_pack(
        "{s:s, s:s*, s:o}", "event", "history", "ref", e->ref, "messages", json_loads(e->text, JSON_ALLOW_NUL, NULL));
}

static json_t *failed(const struct usher_event *e)
{
    return json_pack("{s:s, s:s, s:o, s:s}", "event", "failed", "id", e->id ? e->id : "", "to",
        string_list(e->to, e->to_count), "reason", e->reason ? e->reason : "");
}

static json_t *receipt(const char *name, const struct usher_event *e)
{
    return json_pack("{s:s, s:s, s:s}", "event", name, "id", e->id, "by", e->by);
}

static json_t *from_with_text(const char *name, const struct usher_event *e, const char *member)
{
    return json_pack("{s:s, s:s, s:s*}", "event", name, "from", e->from, member, e->text);
}

static json_t *as_json(const struct usher_event *e)
{
    switch (e->type) {
    case USHER_READY:
        return json_pack("{s:s, s:s}", "event", "ready", "id", e->id);
    case USHER_STATE:
        return json_pack("{s:s, s:s}", "event", "state", "state", e->text);
    case USHER_JOINED:
        return joined(e);
    case USHER_PEER:
        return peer(e);
    case USHER_MESSAGE:
        return message(e);
    case USHER_ACCEPTED:
        return json_pack("{s:s, s:s*, s:s}", "event", "accepted", "ref", e->ref, "id", e->id);
    case USHER_DELIVERED:
        return receipt("delivered", e);
    case USHER_READ:
        return receipt("read", e);
    case USHER_FAILED:
        return failed(e);
    case USHER_TYPING:
        return from_with_text("typing", e, "text");
    case USHER_PRESENCE:
        return from_with_text("presence", e, "presence");
    case USHER_STATUS:
        return from_with_text("status", e, "text");
    case USHER_LINK:
        return json_pack("{s:s, s:s*, s:s*, s:s*, s:s}", "event", "link", "id", e->id, "name", e->name, "code", e->code,
            "text", e->text);
    case USHER_ROOMS:
        return json_pack(
            "{s:s, s:s, s:o}", "event", "rooms", "from", e->from, "rooms", string_list(e->to, e->to_count));
    case USHER_MISSING:
        return json_pack("{s:s, s:s, s:s, s:s*, s:I}", "event", "missing", "from", e->from, "conversation",
            e->conversation, "before", e->id, "count", (json_int_t)e->count);
    case USHER_HISTORY:
        return history(e);
    case USHER_ERROR:
        return json_pack("{s:s, s:s, s:s, s:b, s:s*}", "event", "error", "code", e->code, "message",
            e->text ? e->text : "", "fatal", e->fatal, "ref", e->ref);
    case USHER_LEFT:
        return json_pack("{s:s}", "event", "left");
    }
    return NULL;
}

/* After the end of input only acknowledgements are waited for; before it stdin goes on where it had to wait. */
static void go_on(struct pipe *p)
{
    if (p->ending && usher_pending(p->session.usher) == 0)
        session_leave(&p->session, EXIT_DONE);
    else if (!p->ending && p->input && usher_pending(p->session.usher) < PIPE_PENDING_MAX)
        input_resume(p->input);
}

void pipe_on_event(struct usher *u, const struct usher_event *event, void *user)
{
    (void)u;
    struct pipe *p = user;
    json_t *line = as_json(event);
    if (line)
        pipe_say(p, line);
    if (event->type == USHER_READY)
        p->ready = true;
    if (p->ready && !p->session.leaving)
        go_on(p);
}
