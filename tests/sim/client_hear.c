/* SPDX-License-Identifier: MIT
 *
 * What a client hears, and the view of its room that it makes of it.
 */
#include <jansson.h>

#include "tests/sim/client_inner.h"

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
    struct seen *s = &c->view[c->view_n++];
    *s = (struct seen){0};
    snprintf(s->id, sizeof s->id, "%s", id);
}

static void see_all(struct client *c, const json_t *said)
{
    struct seen before[VIEW_MAX];
    size_t n = c->view_n;
    json_t *entry;
    size_t i;
    memcpy(before, c->view, n * sizeof *before);
    c->view_n = 0;
    json_array_foreach(json_object_get(said, "peers"), i, entry)
    {
        see(c, json_string_value(json_object_get(entry, "peerId")));
        struct seen *s = &c->view[c->view_n - 1];
        s->away = json_is_true(json_object_get(entry, "away"));
        for (size_t k = 0; k < n; k++)
            if (strcmp(before[k].id, s->id) == 0) {
                s->tag = before[k].tag;
                s->by = before[k].by;
            }
    }
}

static void take_token(struct client *c, const json_t *said)
{
    const char *token = json_string_value(json_object_get(said, "resumeToken"));
    memcpy(c->used, c->token, sizeof c->used);
    snprintf(c->token, sizeof c->token, "%s", token ? token : "");
}

static void heard_peers(struct client *c, const json_t *said)
{
    c->joined = true;
    c->returned = c->lost = false;
    c->received = 0;
    c->view_n = 0;
    memcpy(c->seat, c->id, sizeof c->seat);
    see_all(c, said);
    take_token(c, said);
}

static void heard_resumed(struct client *c, const json_t *said)
{
    const char *id = json_string_value(json_object_get(said, "peerId"));
    c->joined = c->returned = true;
    /* What another got in this seat, or what is lost, is not counted; all else must have come. And what was said to
     * that seat may be older than what we heard in ours: order is kept for each seat. */
    bool other = strcmp(id, c->seat) != 0;
    c->lost = c->lost || other || !json_is_true(json_object_get(said, "recovered"));
    if (other)
        c->view_n = 0;
    snprintf(c->id, sizeof c->id, "%s", id);
    snprintf(c->seat, sizeof c->seat, "%s", id);
    see_all(c, said);
    take_token(c, said);
    c->crowd->resumed++;
}

static void heard_relay(struct client *c, const json_t *said)
{
    const char *from = json_string_value(json_object_get(said, "from"));
    uint64_t tag = (uint64_t)json_integer_value(json_object_get(said, "tag"));
    unsigned by = (unsigned)json_integer_value(json_object_get(said, "by"));
    struct seen *s = find(c, from);
    c->received++;
    if (!s && c->returned)
        return;
    world_check(c->crowd->w, s, "client %u hears from %s, who is not in its room", c->number, from ? from : "?");
    world_check(c->crowd->w, tag > s->tag || by != s->by, "client %u: frame %llu of %s after %llu", c->number,
        (unsigned long long)tag, from, (unsigned long long)s->tag);
    s->tag = tag;
    s->by = by;
}

static void heard_away(struct client *c, const char *id)
{
    struct seen *s = find(c, id);
    world_check(c->crowd->w, s && !s->away, "client %u: %s goes away and was not there", c->number, id ? id : "?");
    s->away = true;
}

/* Somebody it knows is back, or, after the server was started again, one more of those who were there. */
static void heard_back(struct client *c, const char *id)
{
    struct seen *s = find(c, id);
    world_check(c->crowd->w, !s || s->away, "client %u: %s is back and was never away", c->number, id ? id : "?");
    if (s)
        s->away = false;
    else
        see(c, id);
}

static void heard_left(struct client *c, const char *id)
{
    struct seen *s = find(c, id);
    world_check(c->crowd->w, s, "client %u: %s left and was never there", c->number, id ? id : "?");
    *s = c->view[--c->view_n];
}

static void out_of_room(struct client *c)
{
    c->joined = false;
    c->view_n = 0;
    c->token[0] = c->used[0] = '\0';
}

static void heard_error(struct client *c, const json_t *said)
{
    const char *code = json_string_value(json_object_get(said, "code"));
    if (code && strcmp(code, "resume-failed") == 0 && !c->joined)
        c->token[0] = '\0';
}

void client_hear(struct client *c, struct span text)
{
    json_t *said = json_loadb(text.p, text.n, 0, NULL);
    const char *type = json_string_value(json_object_get(said, "type"));
    const char *id = json_string_value(json_object_get(said, "peerId"));
    world_check(c->crowd->w, type, "client %u cannot read a frame", c->number);
    if (strcmp(type, "welcome") == 0) {
        snprintf(c->id, sizeof c->id, "%s", id ? id : "");
        c->open = true;
    } else if (strcmp(type, "peers") == 0) {
        heard_peers(c, said);
    } else if (strcmp(type, "resumed") == 0) {
        heard_resumed(c, said);
    } else if (strcmp(type, "left-room") == 0 || strcmp(type, "room-closed") == 0) {
        out_of_room(c);
    } else if (strcmp(type, "peer-joined") == 0) {
        see(c, id);
    } else if (strcmp(type, "peer-away") == 0) {
        heard_away(c, id);
    } else if (strcmp(type, "peer-back") == 0) {
        heard_back(c, id);
    } else if (strcmp(type, "peer-left") == 0) {
        heard_left(c, id);
    } else if (strcmp(type, "error") == 0) {
        heard_error(c, said);
    } else if (json_object_get(said, "from")) {
        heard_relay(c, said);
    }
    json_decref(said);
}

void client_forget(struct client *c)
{
    c->wire = NULL;
    c->open = c->joined = c->deaf = false;
}
