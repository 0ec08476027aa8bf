/* SPDX-License-Identifier: MIT
 *
 * Tab: a command at the beginning of a line, else a name, in any case. A name may hold spaces: behind /msg all that follows is
 * its beginning, elsewhere the last word is. At the beginning of a line a colon goes behind a name.
 */
#include <string.h>

#include "peer/cli/chat.h"

#define TO_ONE "/msg "

static bool begins_with(const char *name, const char *with)
{
    gchar *a = g_utf8_casefold(name, -1), *b = g_utf8_casefold(with, -1);
    bool begins = g_str_has_prefix(a, b);
    g_free(a);
    g_free(b);
    return begins;
}

static void complete_command(const char *before, struct term_completion *completion)
{
    const char *name;
    for (size_t i = 0; (name = chat_command(i)); i++)
        if (g_str_has_prefix(name, before))
            g_ptr_array_add(completion->found, g_strdup(name));
    completion->from = 0;
    completion->suffix = " ";
}

static void complete_name(struct chat *c, const char *before, struct term_completion *completion)
{
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people);
    for (size_t i = 0; i < n; i++) {
        const char *called = names_call(c->names, people[i].id); /* <name> */
        gchar *name = g_strndup(called + 1, strlen(called) - 2);
        if (begins_with(name, before + completion->from))
            g_ptr_array_add(completion->found, name);
        else
            g_free(name);
    }
}

void chat_complete(void *user, const char *before, struct term_completion *completion)
{
    struct chat *c = user;
    const char *space = strrchr(before, ' ');
    if (*before == '/' && !space) {
        complete_command(before, completion);
        return;
    }
    if (g_str_has_prefix(before, TO_ONE))
        completion->from = strlen(TO_ONE);
    else
        completion->from = space ? (size_t)(space + 1 - before) : 0;
    completion->suffix = completion->from == 0 ? ": " : " ";
    if (before[completion->from])
        complete_name(c, before, completion);
}
