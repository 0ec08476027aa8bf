/* SPDX-License-Identifier: MIT */
#include "peer/cli/typists.h"

#include <glib.h>
#include <string.h>

struct typist {
    gchar *id;
    uint64_t until;
};

struct typists {
    GArray *all; /* of struct typist, in the order in which they began */
};

static void typist_clear(gpointer item)
{
    g_free(((struct typist *)item)->id);
}

struct typists *typists_new(void)
{
    struct typists *t = g_new0(struct typists, 1);
    t->all = g_array_new(FALSE, FALSE, sizeof(struct typist));
    g_array_set_clear_func(t->all, typist_clear);
    return t;
}

void typists_free(struct typists *t)
{
    if (!t)
        return;
    g_array_unref(t->all);
    g_free(t);
}

static struct typist *typist_at(const struct typists *t, guint i)
{
    return &g_array_index(t->all, struct typist, i);
}

void typists_heard(struct typists *t, const char *id, uint64_t now)
{
    for (guint i = 0; i < t->all->len; i++)
        if (strcmp(typist_at(t, i)->id, id) == 0) {
            typist_at(t, i)->until = now + TYPISTS_MS;
            return;
        }
    struct typist typist = {.id = g_strdup(id), .until = now + TYPISTS_MS};
    g_array_append_val(t->all, typist);
}

void typists_stopped(struct typists *t, const char *id)
{
    for (guint i = 0; i < t->all->len; i++)
        if (g_strcmp0(typist_at(t, i)->id, id) == 0) {
            g_array_remove_index(t->all, i);
            return;
        }
}

uint64_t typists_pass(struct typists *t, uint64_t now)
{
    uint64_t next = 0;
    for (guint i = 0; i < t->all->len;) {
        uint64_t until = typist_at(t, i)->until;
        if (until <= now) {
            g_array_remove_index(t->all, i);
            continue;
        }
        next = next == 0 ? until : MIN(next, until);
        i++;
    }
    return next;
}

char *typists_words(const struct typists *t, const char *(*call)(void *user, const char *id), void *user)
{
    guint n = t->all->len;
    if (n == 0)
        return NULL;
    if (n > TYPISTS_NAMED_MAX)
        return g_strdup_printf("%u people are typing", n);
    GString *out = g_string_new("typing: ");
    for (guint i = 0; i < n; i++)
        g_string_append_printf(out, "%s%s", i == 0 ? "" : ", ", call(user, typist_at(t, i)->id));
    return g_string_free(out, FALSE);
}
