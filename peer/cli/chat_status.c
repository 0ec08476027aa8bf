/* SPDX-License-Identifier: MIT
 *
 * The rows above the prompt: how far the file is that is under way; how the message that was sent last fares, and who is typing.
 * They begin with words of usher's own, as all its lines do. Without a terminal there is none.
 */
#include <string.h>

#include "peer/cli/chat.h"
#include "peer/cli/chat_files.h"
#include "peer/cli/style.h"

enum {
    TEXT_MAX = 64 * 1024 /* as usher.h has it */
};

static uint64_t now_ms(void)
{
    return (uint64_t)(g_get_monotonic_time() / 1000);
}

static const char *call_plainly(void *user, const char *id)
{
    return names_call(((struct chat *)user)->names, id);
}

static gboolean on_typists_timer(gpointer user)
{
    struct chat *c = user;
    c->typists_timer = 0;
    chat_status(c);
    return G_SOURCE_REMOVE;
}

static void arm(struct chat *c)
{
    uint64_t now = now_ms(), next = typists_pass(c->typists, now);
    if (c->typists_timer)
        g_source_remove(c->typists_timer);
    c->typists_timer = next ? g_timeout_add((guint)(next - now), on_typists_timer, c) : 0;
}

void chat_status(struct chat *c)
{
    if (!c->term)
        return;
    arm(c);
    const struct mark *newest = marks_at(c->marks, 0);
    gchar *mark = newest ? marks_words(newest) : NULL, *typing = typists_words(c->typists, call_plainly, c);
    gchar *row = g_strconcat(STYLE_DIM, mark ? "last message: " : "", mark ? mark : "", mark && typing ? " · " : "",
        typing ? typing : "", STYLE_PLAIN, NULL);
    char *file = chat_files_row(c, term_columns(c->term) - 1);
    gchar *rows = file && (mark || typing) ? g_strconcat(file, "\n", row, NULL) : g_strdup(file ? file : row);
    term_status(c->term, file || mark || typing ? rows : NULL);
    g_free(rows);
    g_free(file);
    g_free(row);
    g_free(typing);
    g_free(mark);
}

void chat_status_event(struct chat *c, const struct usher_event *e)
{
    switch (e->type) {
    case USHER_ACCEPTED:
        marks_accepted(c->marks, e->ref, e->id);
        break;
    case USHER_ERROR:
        marks_refused(c->marks, e->ref);
        break;
    case USHER_DELIVERED:
        marks_delivered(c->marks, e->id, e->by);
        break;
    case USHER_READ:
        marks_read(c->marks, e->id, e->by);
        break;
    case USHER_FAILED:
        marks_failed(c->marks, e->id, e->to, e->to_count);
        break;
    case USHER_TYPING:
        typists_heard(c->typists, e->from, now_ms());
        break;
    case USHER_MESSAGE:
        typists_stopped(c->typists, e->from);
        break;
    case USHER_PEER:
        if (!e->up)
            typists_stopped(c->typists, e->id);
        break;
    default:
        return;
    }
    chat_status(c);
}

void chat_typing(void *user, const char *line)
{
    struct chat *c = user;
    uint64_t now = now_ms();
    bool told = c->typing_told_at > 0 && now < c->typing_told_at + TYPISTS_TELL_MS;
    if (*line == '/' || told || !c->client.joined || c->client.leaving)
        return;
    c->typing_told_at = now;
    usher_typing(c->client.usher);
}

/* Readers of a message to everybody. Whoever has no key gets it, and cannot say so. */
static size_t people_who_confirm(struct chat *c)
{
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people), count = 0;
    for (size_t i = 0; i < n; i++)
        count += people[i].verified && people[i].in_room;
    return count;
}

void chat_send(struct chat *c, const char *const *to, size_t to_count, const char *text)
{
    gchar *ref = g_uuid_string_random();
    if (c->is_away)
        usher_presence(c->client.usher, "online");
    c->is_away = false;
    size_t readers = to_count > 0 ? to_count : people_who_confirm(c);
    if (!usher_send(c->client.usher, to, to_count, text, ref)) {
        chat_say(c, "! That was not sent: a message is UTF-8 text of at most %d bytes.", TEXT_MAX);
    } else {
        marks_add(c->marks, ref, text, readers);
        c->typing_told_at = 0;
        chat_status(c);
    }
    g_free(ref);
}
