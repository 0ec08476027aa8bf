/* SPDX-License-Identifier: MIT
 *
 * A name is taken as it is written first, so that one of two that look alike can be meant. What is only near is never taken: it
 * is proposed.
 */
#include "peer/cli/people.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "peer/cli/nearest.h"
#include "peer/cli/plain.h"

enum {
    ID_CHARS = 26,
    SHORT_ID = 8,
    SKELETON_BYTES = 512
};

struct people {
    struct usher_known *list;
    size_t n;
};

static bool read_people(const struct options *o, struct people *p)
{
    char err[256];
    p->n = usher_known(o->usher.state_dir, &p->list, err, sizeof err);
    if (*err)
        fprintf(stderr, "usher: %s\n", err);
    return !*err;
}

static bool is_id(const char *text)
{
    return strlen(text) == ID_CHARS && strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == ID_CHARS;
}

static bool looks_like(const char *name, const char *wanted)
{
    char skeleton[SKELETON_BYTES];
    usher_name_skeleton(name, skeleton, sizeof skeleton);
    return strcmp(skeleton, wanted) == 0;
}

/* The only one of that name, or of one that looks like it; *several: there are more. */
static const struct usher_known *find(const struct people *p, const char *name, bool *several)
{
    char wanted[SKELETON_BYTES];
    const struct usher_known *found = NULL;
    *several = false;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return &p->list[i];
    usher_name_skeleton(name, wanted, sizeof wanted);
    for (size_t i = 0; i < p->n; i++)
        if (looks_like(p->list[i].name, wanted)) {
            *several = *several || (found && strcmp(found->id, p->list[i].id) != 0);
            found = &p->list[i];
        }
    return *several ? NULL : found;
}

static void say_several(const struct people *p, const char *name, const char *shown)
{
    char wanted[SKELETON_BYTES];
    fprintf(stderr, "usher: \"%s\" may be one of several: write the name as it stands here, or the identity:\n", shown);
    usher_name_skeleton(name, wanted, sizeof wanted);
    for (size_t i = 0; i < p->n; i++)
        if (looks_like(p->list[i].name, wanted)) {
            char *plain = plain_text(p->list[i].name, FALSE);
            fprintf(stderr, "usher:   %s  %s\n", plain, p->list[i].id);
            g_free(plain);
        }
}

/* ": did you mean ben or Benno?", or nothing. For g_free. */
static char *nearest_names(const struct people *p, const char *name)
{
    const char *names[PEOPLE_NEAREST_MAX];
    const char **all = g_new(const char *, p->n + 1);
    for (size_t i = 0; i < p->n; i++)
        all[i] = p->list[i].name;
    size_t n = nearest_words(name, all, p->n, names, PEOPLE_NEAREST_MAX);
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        char *plain = plain_text(names[i], FALSE);
        g_string_append_printf(out, "%s%s", i == 0 ? ": did you mean " : i + 1 < n ? ", " : " or ", plain);
        g_free(plain);
    }
    g_string_append(out, n ? "?" : "");
    g_free(all);
    return g_string_free(out, FALSE);
}

static void say_unknown(const struct people *p, const char *name, const char *shown)
{
    char *nearest = nearest_names(p, name);
    if (p->n == 0)
        fprintf(stderr,
            "usher: \"%s\" is not known, and nobody is: whoever has a --name is known once you met, by a code or in a "
            "room\n",
            shown);
    else
        fprintf(stderr, "usher: nobody is known as \"%s\"%s\n", shown, nearest);
    g_free(nearest);
}

bool people_find(const struct options *o, char id[PEOPLE_ID_MAX + 1], char **name)
{
    struct people p = {NULL, 0};
    bool several = false;
    if (is_id(o->to)) {
        g_strlcpy(id, o->to, PEOPLE_ID_MAX + 1);
        *name = g_strndup(o->to, SHORT_ID);
        return true;
    }
    char *shown = plain_text(o->to, FALSE);
    bool read = read_people(o, &p);
    const struct usher_known *found = read ? find(&p, o->to, &several) : NULL;
    if (found) {
        g_strlcpy(id, found->id, PEOPLE_ID_MAX + 1);
        *name = plain_text(found->name, FALSE);
    } else if (several) {
        say_several(&p, o->to, shown);
    } else if (read) {
        say_unknown(&p, o->to, shown);
    }
    usher_known_free(p.list);
    g_free(shown);
    return found != NULL;
}

static bool is_among(const struct usher_known *list, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, id) == 0)
            return true;
    return false;
}

size_t people_newest(const struct options *o, size_t max, struct usher_known **list, size_t *all)
{
    struct people p = {NULL, 0};
    size_t n = 0;
    *all = 0;
    read_people(o, &p);
    *list = p.list;
    /* The newest stand last; they are moved to the front, each once. */
    struct usher_known *newest = g_new0(struct usher_known, p.n + 1);
    for (size_t i = p.n; i-- > 0;)
        if (!is_among(newest, *all, p.list[i].id))
            newest[(*all)++] = p.list[i];
    n = MIN(*all, max);
    if (n)
        memcpy(p.list, newest, n * sizeof *newest);
    g_free(newest);
    return n;
}
