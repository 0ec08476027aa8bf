/* SPDX-License-Identifier: MIT
 *
 * One JSON object a line, flushed: what libusher tells, named as design and usher(1) name it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        client_leave(&p->client, EXIT_FAILED);
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

/* ---- members: each function makes the value of one; NULL: there is none ---- */

static const char *text_at(const struct usher_event *e, size_t at)
{
    return *(const char *const *)((const char *)e + at);
}

static json_t *text(const struct usher_event *e, size_t at)
{
    const char *t = text_at(e, at);
    return t ? json_string(t) : NULL;
}

static json_t *text_or_empty(const struct usher_event *e, size_t at)
{
    const char *t = text_at(e, at);
    return json_string(t ? t : "");
}

static json_t *number(const struct usher_event *e, size_t at)
{
    return json_integer((json_int_t) * (const uint64_t *)((const char *)e + at));
}

static json_t *seconds(const struct usher_event *e, size_t at)
{
    return json_real((double)*(const uint64_t *)((const char *)e + at) / 1000);
}

static json_t *truth(const struct usher_event *e, size_t at)
{
    return json_boolean(*(const bool *)((const char *)e + at));
}

static json_t *list(const struct usher_event *e, size_t at)
{
    (void)at;
    json_t *list = json_array();
    for (size_t i = 0; i < e->to_count; i++)
        json_array_append_new(list, json_string(e->to[i]));
    return list;
}

static json_t *people(const struct usher_event *e, size_t at)
{
    (void)at;
    json_t *people = json_array();
    for (size_t i = 0; i < e->to_count; i++)
        json_array_append_new(
            people, json_pack("{s:s, s:s}", "id", e->to[i], "name", e->names && e->names[i] ? e->names[i] : ""));
    return people;
}

static json_t *messages(const struct usher_event *e, size_t at)
{
    return json_loads(text_at(e, at), JSON_ALLOW_NUL, NULL);
}

static json_t *json_or_none(const struct usher_event *e, size_t at)
{
    const char *t = text_at(e, at);
    return t ? json_loads(t, JSON_ALLOW_NUL, NULL) : NULL;
}

static json_t *up_or_down(const struct usher_event *e, size_t at)
{
    (void)at;
    return json_string(e->up ? "up" : "down");
}

static json_t *path_if_up(const struct usher_event *e, size_t at)
{
    return e->up ? text(e, at) : NULL;
}

/* ---- events ---- */

#define AT(member) offsetof(struct usher_event, member)
enum presence {
    MUST,
    MAY /* be there */
};

/* Each member of each event, in the order in which they are printed; usher(1) tells of them. */
static const struct {
    enum usher_event_type type;
    const char *name;
    json_t *(*value)(const struct usher_event *e, size_t at);
    size_t at;
    enum presence presence;
} MEMBERS[] = {
    {USHER_READY, "id", text, AT(id), MUST},
    {USHER_STATE, "state", text, AT(text), MUST},
    {USHER_JOINED, "room", text, AT(room), MUST},
    {USHER_JOINED, "peers", people, AT(to), MUST},
    {USHER_PEER, "id", text, AT(id), MUST},
    {USHER_PEER, "name", text_or_empty, AT(name), MUST},
    {USHER_PEER, "state", up_or_down, AT(up), MUST},
    {USHER_PEER, "path", path_if_up, AT(path), MAY},
    {USHER_PEER, "verified", truth, AT(verified), MUST},
    {USHER_MESSAGE, "id", text, AT(id), MUST},
    {USHER_MESSAGE, "from", text, AT(from), MUST},
    {USHER_MESSAGE, "to", list, AT(to), MUST},
    {USHER_MESSAGE, "text", text, AT(text), MUST},
    {USHER_MESSAGE, "conversation", text_or_empty, AT(conversation), MUST},
    {USHER_MESSAGE, "type", text, AT(kind), MUST},
    {USHER_MESSAGE, "attachments", json_or_none, AT(attachments), MAY},
    {USHER_MESSAGE, "timestamp", number, AT(timestamp), MUST},
    {USHER_MESSAGE, "verified", truth, AT(verified), MUST},
    {USHER_ACCEPTED, "ref", text, AT(ref), MAY},
    {USHER_ACCEPTED, "id", text, AT(id), MUST},
    {USHER_DELIVERED, "id", text, AT(id), MUST},
    {USHER_DELIVERED, "by", text, AT(by), MUST},
    {USHER_READ, "id", text, AT(id), MUST},
    {USHER_READ, "by", text, AT(by), MUST},
    {USHER_FAILED, "id", text_or_empty, AT(id), MUST},
    {USHER_FAILED, "to", list, AT(to), MUST},
    {USHER_FAILED, "reason", text_or_empty, AT(reason), MUST},
    {USHER_TYPING, "from", text, AT(from), MUST},
    {USHER_PRESENCE, "from", text, AT(from), MUST},
    {USHER_PRESENCE, "presence", text, AT(text), MAY},
    {USHER_STATUS, "from", text, AT(from), MUST},
    {USHER_STATUS, "text", text, AT(text), MAY},
    {USHER_LINK, "id", text, AT(id), MAY},
    {USHER_LINK, "name", text, AT(name), MAY},
    {USHER_LINK, "code", text, AT(code), MAY},
    {USHER_LINK, "text", text, AT(text), MUST},
    {USHER_ROOMS, "from", text, AT(from), MUST},
    {USHER_ROOMS, "rooms", list, AT(to), MUST},
    {USHER_MISSING, "from", text, AT(from), MUST},
    {USHER_MISSING, "conversation", text, AT(conversation), MUST},
    {USHER_MISSING, "before", text, AT(id), MAY},
    {USHER_MISSING, "count", number, AT(count), MUST},
    {USHER_HISTORY, "ref", text, AT(ref), MAY},
    {USHER_HISTORY, "messages", messages, AT(text), MUST},
    {USHER_ERROR, "code", text, AT(code), MUST},
    {USHER_ERROR, "message", text_or_empty, AT(text), MUST},
    {USHER_ERROR, "fatal", truth, AT(fatal), MUST},
    {USHER_ERROR, "ref", text, AT(ref), MAY},
    {USHER_ERROR, "fileId", text, AT(id), MAY},
    {USHER_FILE_OFFER, "fileId", text, AT(id), MUST},
    {USHER_FILE_OFFER, "from", text, AT(from), MUST},
    {USHER_FILE_OFFER, "name", text_or_empty, AT(name), MUST},
    {USHER_FILE_OFFER, "bytes", number, AT(size), MUST},
    {USHER_FILE_OFFER, "kind", text, AT(kind), MUST},
    {USHER_FILE_OFFER, "conversation", text, AT(conversation), MAY},
    {USHER_FILE_PROGRESS, "fileId", text, AT(id), MUST},
    {USHER_FILE_PROGRESS, "from", text, AT(from), MAY},
    {USHER_FILE_PROGRESS, "by", text, AT(by), MAY},
    {USHER_FILE_PROGRESS, "bytes", number, AT(count), MUST},
    {USHER_FILE_PROGRESS, "of", number, AT(size), MUST},
    {USHER_FILE_COMPLETE, "fileId", text, AT(id), MUST},
    {USHER_FILE_COMPLETE, "from", text, AT(from), MAY},
    {USHER_FILE_COMPLETE, "by", text, AT(by), MAY},
    {USHER_FILE_COMPLETE, "path", text, AT(text), MAY},
    {USHER_FILE_COMPLETE, "bytes", number, AT(size), MUST},
    {USHER_FILE_COMPLETE, "seconds", seconds, AT(took_ms), MUST},
    {USHER_FILE_FAILED, "fileId", text, AT(id), MUST},
    {USHER_FILE_FAILED, "ref", text, AT(ref), MAY},
    {USHER_FILE_FAILED, "from", text, AT(from), MAY},
    {USHER_FILE_FAILED, "by", text, AT(by), MAY},
    {USHER_FILE_FAILED, "name", text, AT(name), MAY},
    {USHER_FILE_FAILED, "reason", text, AT(reason), MUST},
    {USHER_FILE_FAILED, "message", text_or_empty, AT(text), MUST},
    {USHER_FILE_PAUSED, "fileId", text, AT(id), MUST},
    {USHER_FILE_PAUSED, "by", text, AT(by), MUST},
    {USHER_FILE_RESUMED, "fileId", text, AT(id), MUST},
    {USHER_FILE_RESUMED, "by", text, AT(by), MUST},
    {USHER_FILE_STALLED, "fileId", text, AT(id), MUST},
    {USHER_FILE_STALLED, "from", text, AT(from), MUST},
    {USHER_FILE_STALLED, "name", text_or_empty, AT(name), MUST},
    {USHER_FILE_STALLED, "message", text_or_empty, AT(text), MUST},
};

/* NULL if something is missing that must be there. */
static json_t *as_json(const struct usher_event *e)
{
    json_t *line = json_pack("{s:s}", "event", usher_event_name(e->type));
    for (size_t i = 0; i < G_N_ELEMENTS(MEMBERS); i++) {
        if (MEMBERS[i].type != e->type)
            continue;
        json_t *value = MEMBERS[i].value(e, MEMBERS[i].at);
        if (!value && MEMBERS[i].presence == MAY)
            continue;
        if (json_object_set_new(line, MEMBERS[i].name, value) != 0) {
            json_decref(line);
            return NULL;
        }
    }
    return line;
}

/* After the end of input only acknowledgements are waited for; before it stdin goes on where it had to wait. */
static void go_on(struct pipe *p)
{
    if (p->ending && usher_pending(p->client.usher) == 0)
        client_leave(&p->client, EXIT_DONE);
    else if (!p->ending && p->input && usher_pending(p->client.usher) < PIPE_PENDING_MAX)
        input_resume(p->input);
}

void pipe_on_event(struct usher *u, const struct usher_event *event, void *user)
{
    (void)u;
    struct pipe *p = user;
    json_t *line = as_json(event);
    if (line)
        pipe_say(p, line);
    /* The next commit takes back that it is still to be told: ended as by a crash, the next start tells it. */
    if (p->broken && (event->type == USHER_DELIVERED || event->type == USHER_FAILED))
        _exit(EXIT_FAILED);
    if (event->type == USHER_READY)
        p->ready = true;
    if (p->ready && !p->client.leaving)
        go_on(p);
}
