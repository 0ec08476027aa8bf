/* SPDX-License-Identifier: MIT
 *
 * Two tables: people by id, and by skeleton (usher_name_skeleton) how many share it. Whoever was seen counts for as long as
 * the chat runs, so that nobody takes the name of one who just left.
 *
 * Eight characters of an id are 40 bits. Who makes an identity whose id begins as another's is shown with the whole of it.
 */
#include "peer/cli/names.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "peer/cli/plain.h"
#include "peer/include/usher.h"

enum {
    NAME_BYTES = 512,
    SHORT_ID = 8, /* characters of an id behind a name */
    ID_PREFIX_MIN = 4
};

struct seen {
    gchar *name, *skeleton, *id; /* owned; id as it may be shown */
    bool doubted;
};

struct names {
    GHashTable *people;    /* id → struct seen */
    GHashTable *skeletons; /* → how many have it */
    gchar *called;
};

static void seen_drop(gpointer item)
{
    struct seen *s = item;
    g_free(s->name);
    g_free(s->skeleton);
    g_free(s->id);
    g_free(s);
}

struct names *names_new(void)
{
    struct names *n = g_new0(struct names, 1);
    n->people = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_drop);
    n->skeletons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return n;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    g_hash_table_unref(n->people);
    g_hash_table_unref(n->skeletons);
    g_free(n->called);
    g_free(n);
}

static guint sharing(struct names *n, const char *skeleton)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(n->skeletons, skeleton));
}

static void share(struct names *n, const char *skeleton, int change)
{
    guint count = (guint)((int)sharing(n, skeleton) + change);
    g_hash_table_replace(n->skeletons, g_strdup(skeleton), GUINT_TO_POINTER(count));
}

static struct seen *person(struct names *n, const char *id)
{
    struct seen *s = g_hash_table_lookup(n->people, id);
    if (s)
        return s;
    if (g_hash_table_size(n->people) >= NAMES_SEEN_MAX) {
        g_hash_table_remove_all(n->people);
        g_hash_table_remove_all(n->skeletons);
    }
    s = g_new0(struct seen, 1);
    s->id = plain_text(id, FALSE);
    g_hash_table_replace(n->people, g_strdup(id), s);
    return s;
}

void names_learn(struct names *n, const char *id, const char *name)
{
    char skeleton[NAME_BYTES];
    if (!id || !name || !*name)
        return;
    struct seen *s = person(n, id);
    if (g_strcmp0(s->name, name) == 0)
        return;
    usher_name_skeleton(name, skeleton, sizeof skeleton);
    if (s->skeleton)
        share(n, s->skeleton, -1);
    g_free(s->name);
    g_free(s->skeleton);
    s->name = g_strdup(name);
    s->skeleton = g_strdup(skeleton);
    share(n, skeleton, 1);
}

void names_doubt(struct names *n, const char *id)
{
    if (id)
        person(n, id)->doubted = true;
}

static bool is_clear(struct names *n, const struct seen *s)
{
    return s->name && !s->doubted && !strchr(s->name, '#') && sharing(n, s->skeleton) == 1;
}

/* Whether the beginning of its id is another's, too. */
static bool is_short_id_shared(struct names *n, const struct seen *s)
{
    GHashTableIter all;
    gpointer other;
    g_hash_table_iter_init(&all, n->people);
    while (g_hash_table_iter_next(&all, NULL, &other))
        if (other != s && strncmp(((const struct seen *)other)->id, s->id, SHORT_ID) == 0)
            return true;
    return false;
}

const char *names_call(struct names *n, const char *id)
{
    g_free(n->called);
    n->called = NULL;
    if (!id)
        return n->called = g_strdup("somebody");
    const struct seen *s = person(n, id);
    const char *name = s->name ? s->name : "";
    if (is_clear(n, s))
        n->called = g_strdup_printf("<%s>", name);
    else if (is_short_id_shared(n, s))
        n->called = g_strdup_printf("<%s#%s>", name, s->id);
    else
        n->called = g_strdup_printf("<%s#%.*s>", name, SHORT_ID, s->id);
    return n->called;
}

static size_t begins(const char *line, const char *with, size_t n)
{
    return n > 0 && strncmp(line, with, n) == 0 && (line[n] == ' ' || line[n] == '\0') ? n : 0;
}

size_t names_match(struct names *n, const char *id, const char *line)
{
    const char *called = names_call(n, id);
    const struct seen *s = person(n, id);
    size_t best = begins(line, called + 1, strlen(called) - 2), word = strcspn(line, " ");
    if (best == 0 && s->name)
        best = begins(line, s->name, strlen(s->name));
    return best == 0 && word >= ID_PREFIX_MIN && strncmp(line, id, word) == 0 ? word : best;
}
