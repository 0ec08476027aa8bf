/* SPDX-License-Identifier: MIT
 *
 * What the application hears, as one JSON object with all members that a notice has. Which of them an event shows, and what it
 * calls them, stands in web/host/events.js, which a test holds against `usher pipe`.
 */
#include <stdlib.h>

#include "web/core/face.h"
#include "web/core/host.h"
#include "web/core/ports.h"

static void set_list(json_t *all, const char *name, char *const *list, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_string(list[i] ? list[i] : ""));
    json_object_set_new(all, name, array);
}

static void set_text(json_t *all, const char *name, const char *text)
{
    if (text)
        json_object_set_new(all, name, json_string(text));
}

static void set_number(json_t *all, const char *name, uint64_t n)
{
    json_object_set_new(all, name, json_integer((json_int_t)n));
}

/* Of a message that was accepted: who is to have it. */
static void set_readers(json_t *all, const char *id)
{
    size_t n = peer_readers(face_peer(), span_of(id), NULL, 0);
    char(*ids)[PERSON_MAX + 1] = calloc(n + 1, sizeof *ids);
    json_t *list = json_array();
    if (!ids)
        ports_panic("memory ran out");
    n = peer_readers(face_peer(), span_of(id), ids, n);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(ids[i]));
    free(ids);
    json_object_set_new(all, "readers", list);
}

void face_notice(const struct peer_notice *n)
{
    json_t *all = json_object();
    if (n->type == NOTICE_ACCEPTED && n->id)
        set_readers(all, n->id);
    set_text(all, "event", peer_notice_name(n->type));
#define X(name) set_text(all, #name, n->name);
    PEER_NOTICE_TEXTS(X)
#undef X
    set_text(all, "kind", n->kind);
    set_text(all, "path", n->path);
    set_list(all, "to", n->to, n->to_count);
    if (n->names)
        set_list(all, "names", n->names, n->to_count);
    set_number(all, "timestamp", n->timestamp);
    set_number(all, "count", n->count);
    set_number(all, "size", n->size);
    set_number(all, "took_ms", n->took_ms);
    json_object_set_new(all, "up", json_boolean(n->up));
    json_object_set_new(all, "verified", json_boolean(n->verified));
    json_object_set_new(all, "fatal", json_boolean(n->fatal));
    const char *text = face_answer(all);
    host_notice(text, strlen(text));
}
