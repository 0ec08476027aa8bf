/* SPDX-License-Identifier: MIT
 *
 * Tab: a command at the beginning of a line, else a name, in any case. A name may hold spaces: as many words as begin one
 * count. At the beginning of a line a colon goes behind it.
 */
#include <string.h>

#include "peer/cli/chat.h"
#include "peer/cli/path_word.h"

#define SEND "/send "
enum {
    NAME_BYTES = 256 /* of what is looked at before the cursor: a name and the part of an id behind it are shorter */
};

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

static void complete_name(struct chat *c, const char *begun, GPtrArray *found)
{
    const struct usher_person *people;
    size_t n = usher_people(c->client.usher, &people);
    for (size_t i = 0; i < n; i++) {
        const char *called = names_call(c->names, people[i].id); /* <name> */
        gchar *name = g_strndup(called + 1, strlen(called) - 2);
        if (begins_with(name, begun))
            g_ptr_array_add(found, name);
        else
            g_free(name);
    }
}

/* Behind /send the first word is a file. True: it is what is being typed. */
static bool complete_file(const char *before, struct term_completion *completion)
{
    size_t n = strlen(SEND);
    const char *behind;
    if (!g_str_has_prefix(before, SEND))
        return false;
    g_free(path_word(before + n, &behind));
    if (*behind || (g_str_has_suffix(before, " ") && strlen(before) > n && !g_str_has_suffix(before, "\\ ")))
        return false;
    completion->from = n + path_word_complete(before + n, completion->found);
    bool folder = completion->found->len == 1 && g_str_has_suffix(g_ptr_array_index(completion->found, 0), "/");
    completion->suffix = folder ? "" : " ";
    return true;
}

void chat_complete(void *user, const char *before, struct term_completion *completion)
{
    struct chat *c = user;
    size_t n = strlen(before);
    if (complete_file(before, completion))
        return;
    if (*before == '/' && !strchr(before, ' ')) {
        complete_command(before, completion);
        return;
    }
    completion->of_others = TRUE;
    for (size_t at = n > NAME_BYTES ? n - NAME_BYTES : 0; at < n && completion->found->len == 0; at++)
        if (before[at] != ' ' && (at == 0 || before[at - 1] == ' ')) {
            complete_name(c, before + at, completion->found);
            completion->from = at;
        }
    completion->suffix = completion->from == 0 ? ": " : " ";
}
