/* SPDX-License-Identifier: MIT
 *
 * Readers are those who were there when the message was sent; one who was away and comes back within its time makes one more.
 */
#include "peer/cli/marks.h"

#include <glib.h>
#include <string.h>

struct marks {
    GQueue newest; /* of struct mark, the last first */
};

static void mark_free(gpointer item)
{
    struct mark *mark = item;
    g_free(mark->ref);
    g_free(mark->id);
    g_free(mark->text);
    g_hash_table_unref(mark->delivered);
    g_hash_table_unref(mark->read);
    g_hash_table_unref(mark->failed);
    g_free(mark);
}

struct marks *marks_new(void)
{
    struct marks *m = g_new0(struct marks, 1);
    g_queue_init(&m->newest);
    return m;
}

void marks_free(struct marks *m)
{
    if (!m)
        return;
    g_queue_clear_full(&m->newest, mark_free);
    g_free(m);
}

static GHashTable *set_of_ids(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void marks_add(struct marks *m, const char *ref, const char *text, size_t expected)
{
    struct mark *mark = g_new0(struct mark, 1);
    mark->ref = g_strdup(ref);
    mark->text = g_strdup(text);
    mark->expected = expected;
    mark->delivered = set_of_ids();
    mark->read = set_of_ids();
    mark->failed = set_of_ids();
    g_queue_push_head(&m->newest, mark);
    if (g_queue_get_length(&m->newest) > MARKS_MAX)
        mark_free(g_queue_pop_tail(&m->newest));
}

static struct mark *find_by(const struct marks *m, bool by_ref, const char *key)
{
    for (GList *at = m->newest.head; at && key; at = at->next) {
        struct mark *mark = at->data;
        if (g_strcmp0(by_ref ? mark->ref : mark->id, key) == 0)
            return mark;
    }
    return NULL;
}

static bool is_newest(const struct marks *m, const struct mark *mark)
{
    return mark && mark == g_queue_peek_head((GQueue *)&m->newest);
}

bool marks_accepted(struct marks *m, const char *ref, const char *id)
{
    struct mark *mark = find_by(m, true, ref);
    if (mark && !mark->id)
        mark->id = g_strdup(id);
    return is_newest(m, mark);
}

bool marks_refused(struct marks *m, const char *ref)
{
    struct mark *mark = find_by(m, true, ref);
    if (mark)
        mark->refused = true;
    return is_newest(m, mark);
}

bool marks_delivered(struct marks *m, const char *id, const char *by)
{
    struct mark *mark = find_by(m, false, id);
    if (mark && by)
        g_hash_table_add(mark->delivered, g_strdup(by));
    return is_newest(m, mark);
}

bool marks_read(struct marks *m, const char *id, const char *by)
{
    struct mark *mark = find_by(m, false, id);
    if (mark && by) {
        g_hash_table_add(mark->delivered, g_strdup(by));
        g_hash_table_add(mark->read, g_strdup(by));
    }
    return is_newest(m, mark);
}

bool marks_failed(struct marks *m, const char *id, const char *const *to, size_t n)
{
    struct mark *mark = find_by(m, false, id);
    for (size_t i = 0; mark && i < n; i++)
        g_hash_table_add(mark->failed, g_strdup(to[i]));
    return is_newest(m, mark);
}

const struct mark *marks_at(const struct marks *m, size_t i)
{
    return g_queue_peek_nth((GQueue *)&m->newest, (guint)i);
}

const struct mark *marks_find(const struct marks *m, const char *id)
{
    return find_by(m, false, id);
}

/* "read", "read by all" or "read by 2 of 3". */
static void say_share(GString *out, const char *what, const char *by, size_t n, size_t of)
{
    g_string_append_printf(out, "%s%s", out->len ? ", " : "", what);
    if (n == of && of > 1)
        g_string_append_printf(out, " %s all", by);
    else if (n < of)
        g_string_append_printf(out, " %s %zu of %zu", by, n, of);
}

char *marks_words(const struct mark *mark)
{
    size_t delivered = g_hash_table_size(mark->delivered), read = g_hash_table_size(mark->read);
    size_t failed = g_hash_table_size(mark->failed), all = MAX(mark->expected, delivered + failed);
    GString *out = g_string_new(NULL);
    if (mark->refused)
        g_string_append(out, "not sent");
    else if (!mark->id)
        g_string_append(out, "sending");
    else if (all == 0)
        g_string_append(out, "sent, nobody else was here");
    else if (delivered == 0 && failed == 0)
        g_string_append(out, "sent");
    else if (read == all)
        say_share(out, "read", "by", read, all);
    else if (delivered > 0)
        say_share(out, "delivered", "to", delivered, all);
    if (read > 0 && read < all)
        say_share(out, "read", "by", read, all);
    if (failed > 0)
        say_share(out, "failed", "for", failed, all);
    return g_string_free(out, FALSE);
}
