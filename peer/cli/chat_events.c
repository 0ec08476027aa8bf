/* SPDX-License-Identifier: MIT
 *
 * What happens, in words. What people say stands behind their name and a colon; what usher says begins with "* ", and
 * what a person should look at with "! ". Remote text goes through plain_text, so none of it can pass for another line.
 */
#include <jansson.h>
#include <string.h>

#include "peer/cli/chat.h"
#include "peer/cli/plain.h"

enum {
    SHORT_ID = 6 /* characters of an id that stand for a person without a name */
};

const char *chat_path(const char *path)
{
    if (g_strcmp0(path, "turn") == 0)
        return "through a TURN server";
    if (g_strcmp0(path, "relay") == 0)
        return "through another member";
    return "direct link";
}

static void learn_name(struct chat *c, const char *id, const char *name)
{
    if (!id || !name || !*name)
        return;
    if (g_hash_table_size(c->names) >= CHAT_NAMES_MAX)
        g_hash_table_remove_all(c->names);
    g_hash_table_replace(c->names, g_strdup(id), plain_text(name, FALSE));
}

const char *chat_name(struct chat *c, const char *id)
{
    const char *name = id ? g_hash_table_lookup(c->names, id) : NULL;
    if (name || !id)
        return name ? name : "somebody";
    gchar *made = g_strdup_printf("somebody (%.*s)", SHORT_ID, id);
    g_hash_table_replace(c->names, g_strdup(id), made);
    return made;
}

static void say_who_is_here(struct chat *c, const struct usher_event *e)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < e->to_count; i++) {
        learn_name(c, e->to[i], e->names ? e->names[i] : NULL);
        g_string_append_printf(names, "%s%s", i ? ", " : "", chat_name(c, e->to[i]));
    }
    if (c->was_in)
        chat_say(c, "* The server is back.");
    else if (e->to_count == 0)
        chat_say(c, "* You are in room %s. Nobody else is here yet; /help lists what you can do.", c->room);
    else
        chat_say(
            c, "* You are in room %s, with %s. Connecting to them; /help lists what you can do.", c->room, names->str);
    c->was_in = TRUE;
    g_string_free(names, TRUE);
}

static void say_peer(struct chat *c, const struct usher_event *e)
{
    learn_name(c, e->id, e->name);
    const char *name = chat_name(c, e->id);
    if (!e->up && c->session.leaving)
        return; /* it is we who go */
    if (!e->up)
        chat_say(c, "* %s is gone.", name);
    else if (e->verified)
        chat_say(c, "* %s is here (%s).", name, chat_path(e->path));
    else
        chat_say(c, "* %s is here (%s). This one has no key: nobody can tell whether it is really %s.", name,
            chat_path(e->path), name);
}

static void say_message(struct chat *c, const struct usher_event *e)
{
    gchar *text = plain_text(e->text, TRUE);
    bool group = g_strcmp0(e->kind, "group_message") == 0;
    chat_say(c, "%s%s%s: %s", chat_name(c, e->from), e->verified ? "" : " (no key)",
        group             ? ""
        : e->to_count > 1 ? " (to some)"
                          : " (to you)",
        text);
    g_free(text);
    usher_read(c->session.usher, e->id);
}

/* Who said it to whom, and when; texts go through plain_text as they do when they come. */
static void say_record(struct chat *c, const json_t *m)
{
    const char *from = json_string_value(json_object_get(m, "from"));
    const char *kind = json_string_value(json_object_get(m, "type"));
    gchar *text = plain_text(json_string_value(json_object_get(m, "text")), TRUE);
    gint64 ms = json_integer_value(json_object_get(m, "timestamp"));
    GDateTime *at = g_date_time_new_from_unix_local(ms / 1000);
    gchar *when = at ? g_date_time_format(at, "%F %H:%M") : g_strdup("?");
    bool ours = g_strcmp0(from, usher_id(c->session.usher)) == 0;
    chat_say(c, "* %s %s%s: %s", when, ours ? "you" : chat_name(c, from),
        g_strcmp0(kind, "group_message") == 0 ? "" : " (not to all)", text);
    g_free(when);
    if (at)
        g_date_time_unref(at);
    g_free(text);
}

static void say_history(struct chat *c, const char *text)
{
    json_t *messages = json_loads(text, JSON_ALLOW_NUL, NULL), *m;
    size_t i;
    if (json_array_size(messages) == 0)
        chat_say(c, "* Nothing was said yet.");
    json_array_foreach(messages, i, m) say_record(c, m);
    json_decref(messages);
}

static void say_missing(struct chat *c, const struct usher_event *e)
{
    const char *name = chat_name(c, e->from);
    if (e->count == 1)
        chat_say(c, "! A message of %s is missing: nobody here has it any more.", name);
    else if (e->count > 1)
        chat_say(
            c, "! %" G_GUINT64_FORMAT " messages of %s are missing: nobody here has them any more.", e->count, name);
    else
        chat_say(c, "! Something that %s is said to have written never came.", name);
}

static void say_failed(struct chat *c, const struct usher_event *e)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < e->to_count; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", chat_name(c, e->to[i]));
    gchar *reason = plain_text(e->reason ? e->reason : "", FALSE);
    chat_say(c, "! A message did not reach %s: %s", names->len ? names->str : "anybody", reason);
    g_free(reason);
    g_string_free(names, TRUE);
}

/* Only what a person can use: that the server is lost while links stay. */
static void say_state(struct chat *c, const char *state)
{
    bool lost = g_strcmp0(state, "disconnected") == 0;
    if (lost && !c->lost && c->was_in && !c->session.leaving)
        chat_say(c, "* The server is lost, the links to others stay. Looking for it again …");
    c->lost = lost || (c->lost && g_strcmp0(state, "in-room") != 0);
}

static void say_remark(struct chat *c, const char *mark, const char *who, const char *text)
{
    gchar *harmless = plain_text(text ? text : "", FALSE);
    chat_say(c, "%s %s%s%s", mark, who ? who : "", who ? ": " : "", harmless);
    g_free(harmless);
}

void chat_on_event(struct usher *u, const struct usher_event *event, void *user)
{
    (void)u;
    struct chat *c = user;
    switch (event->type) {
    case USHER_STATE:
        say_state(c, event->text);
        return;
    case USHER_JOINED:
        say_who_is_here(c, event);
        return;
    case USHER_PEER:
        say_peer(c, event);
        return;
    case USHER_MESSAGE:
        say_message(c, event);
        return;
    case USHER_FAILED:
        say_failed(c, event);
        return;
    case USHER_STATUS:
        say_remark(c, "*", chat_name(c, event->from), event->text);
        return;
    case USHER_LINK:
        learn_name(c, event->id, event->name);
        say_remark(c, "*", event->id ? chat_name(c, event->id) : NULL, event->text);
        return;
    case USHER_MISSING:
        say_missing(c, event);
        return;
    case USHER_HISTORY:
        say_history(c, event->text);
        return;
    case USHER_ERROR:
        say_remark(c, "!", event->code, event->text);
        return;
    default:
        return;
    }
}
