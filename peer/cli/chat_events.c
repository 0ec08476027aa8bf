/* SPDX-License-Identifier: MIT
 *
 * What happens, in words. What usher says begins with "* ", and what a person should look at with "! ". What people say
 * begins with their name in angle brackets, or with a remark in round ones before that ("(to you) <Ann> hello"), and goes
 * on in rows that are indented. Everything up to the first ">" of a row is usher's or a name; names have no brackets and
 * texts stand behind, so nothing that others wrote can pass for anything that usher says.
 */
#include <jansson.h>
#include <string.h>

#include "peer/cli/chat.h"
#include "peer/cli/chat_files.h"
#include "peer/cli/plain.h"
#include "peer/cli/width.h"

enum {
    EXCERPT_COLUMNS = 30 /* of a message that failed */
};

const char *chat_path(const char *path)
{
    if (g_strcmp0(path, "turn") == 0)
        return "through a TURN server";
    if (g_strcmp0(path, "relay") == 0)
        return "through another member";
    return "direct link";
}

static void say_who_is_here(struct chat *c, const struct usher_event *e)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < e->to_count; i++)
        names_learn(c->names, e->to[i], e->names ? e->names[i] : NULL);
    for (size_t i = 0; i < e->to_count; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", chat_call(c, e->to[i]));
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
    names_learn(c->names, e->id, e->name);
    const char *name = chat_call(c, e->id);
    if (!e->up)
        g_hash_table_remove(c->away, e->id);
    if (!e->up && c->client.leaving)
        return; /* it is we who go */
    if (!e->up)
        chat_say(c, "* %s is gone.", name);
    else if (e->verified)
        chat_say(c, "* %s is here (%s).", name, chat_path(e->path));
    else
        chat_say(c, "* %s is here (%s). This one has no key: nobody can tell whether it is really %s.", name,
            chat_path(e->path), name);
}

/* Where a message went, and whether its author has a key, in round brackets; when, too, if it is not new. Owned. */
static gchar *remark(const char *when, bool group, size_t readers, bool verified)
{
    const char *parts[] = {when, group ? "" : readers > 1 ? "to some" : "to you", verified ? "" : "no key"};
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (*parts[i])
            g_string_append_printf(out, "%s%s", out->len ? ", " : "(", parts[i]);
    g_string_append(out, out->len ? ") " : "");
    return g_string_free(out, FALSE);
}

static void say_message(struct chat *c, const struct usher_event *e)
{
    gchar *text = plain_text(e->text, TRUE);
    gchar *before = remark("", g_strcmp0(e->kind, "group_message") == 0, e->to_count, e->verified);
    chat_say(c, "%s%s %s", before, chat_call(c, e->from), text);
    g_free(before);
    g_free(text);
    usher_read(c->client.usher, e->id);
}

static void say_status(struct chat *c, const struct usher_event *e)
{
    gchar *text = plain_text(e->text ? e->text : "", TRUE);
    chat_say(c, "(status) %s %s", chat_call(c, e->from), text);
    g_free(text);
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
    bool ours = g_strcmp0(from, usher_id(c->client.usher)) == 0;
    chat_say(c, "(%s%s) %s %s", when, g_strcmp0(kind, "group_message") == 0 ? "" : ", not to all",
        ours ? "you:" : chat_call(c, from), text);
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
    const char *name = chat_call(c, e->from);
    if (e->count == 1)
        chat_say(c, "! A message of %s is missing: nobody here has it any more.", name);
    else if (e->count > 1)
        chat_say(
            c, "! %" G_GUINT64_FORMAT " messages of %s are missing: nobody here has them any more.", e->count, name);
    else
        chat_say(c, "! Something that %s is said to have written never came.", name);
}

/* The reason in words; what is not known here, as it came. For g_free. */
static gchar *reason_in_words(const char *reason)
{
    static const struct {
        const char *reason, *words;
    } REASONS[] = {
        {"expired", "its time is over, and they were not seen"},
        {"missed", "they gave it up, or have another in its place"},
        {"too-large", "they take only smaller ones"},
        {"queue-full", "too much waits for them already"},
        {"gone", "they are gone"},
        {"forgotten", "they were away for too long"},
        {"left", "they left"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(REASONS); i++)
        if (g_strcmp0(reason, REASONS[i].reason) == 0)
            return g_strdup(REASONS[i].words);
    return plain_text(reason ? reason : "", FALSE);
}

/* Which message, if it was sent since the start. For g_free. */
static gchar *excerpt(struct chat *c, const char *id)
{
    const struct mark *mark = marks_find(c->marks, id);
    if (!mark)
        return g_strdup("");
    gchar *flat = plain_text(mark->text, FALSE), *cut = width_cut(flat, EXCERPT_COLUMNS);
    gchar *quoted = g_strdup_printf(" (%s)", cut);
    g_free(cut);
    g_free(flat);
    return quoted;
}

static void say_failed(struct chat *c, const struct usher_event *e)
{
    GString *names = g_string_new(NULL);
    for (size_t i = 0; i < e->to_count; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", chat_call(c, e->to[i]));
    gchar *reason = reason_in_words(e->reason), *which = excerpt(c, e->id);
    chat_say(c, "! A message%s did not reach %s: %s.", which, names->len ? names->str : "anybody", reason);
    g_free(which);
    g_free(reason);
    g_string_free(names, TRUE);
}

/* "gone" is told by its link. */
static void say_presence(struct chat *c, const struct usher_event *e)
{
    if (g_strcmp0(e->text, "away") == 0 && g_hash_table_add(c->away, g_strdup(e->from)))
        chat_say(c, "* %s is away.", chat_call(c, e->from));
    else if (g_strcmp0(e->text, "online") == 0 && g_hash_table_remove(c->away, e->from))
        chat_say(c, "* %s is back.", chat_call(c, e->from));
}

/* Only what a person can use: that the server is lost while links stay. */
static void say_state(struct chat *c, const char *state)
{
    bool lost = g_strcmp0(state, "disconnected") == 0;
    if (lost && !c->lost && c->was_in && !c->client.leaving)
        chat_say(c, "* The server is lost, the links to others stay. Looking for it again …");
    c->lost = lost || (c->lost && g_strcmp0(state, "in-room") != 0);
}

static void say_remark(struct chat *c, const char *mark, const char *who, const char *text)
{
    gchar *harmless = plain_text(text ? text : "", FALSE);
    chat_say(c, "%s %s%s%s", mark, who ? who : "", who ? ": " : "", harmless);
    g_free(harmless);
}

static void say_link(struct chat *c, const struct usher_event *e)
{
    bool known_name = g_strcmp0(e->code, "known-name") == 0;
    names_learn(c->names, e->id, e->name);
    if (known_name)
        names_doubt(c->names, e->id);
    say_remark(c, known_name ? "!" : "*", e->id ? chat_call(c, e->id) : NULL, e->text);
}

void chat_on_event(struct usher *u, const struct usher_event *event, void *user)
{
    (void)u;
    struct chat *c = user;
    if (chat_files_event(c, event))
        return;
    chat_status_event(c, event);
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
        say_status(c, event);
        return;
    case USHER_PRESENCE:
        say_presence(c, event);
        return;
    case USHER_LINK:
        say_link(c, event);
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
