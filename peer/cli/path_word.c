/* SPDX-License-Identifier: MIT */
#include "peer/cli/path_word.h"

#include <string.h>

/* Reads one word to out; returns what is behind it. *quoted: a quote is open at its end. */
static const char *read_word(const char *p, GString *out, gboolean *quoted)
{
    char quote = '\0';
    for (; *p && (quote || *p != ' '); p++) {
        if (*p == '\\' && quote != '\'' && p[1])
            g_string_append_c(out, *++p);
        else if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? '\0' : *p;
        else
            g_string_append_c(out, *p);
    }
    *quoted = quote != '\0';
    return p;
}

static char *at_home(const char *typed, GString *word)
{
    if (typed[0] == '~' && (typed[1] == '/' || typed[1] == '\0' || typed[1] == ' '))
        g_string_replace(word, "~", g_get_home_dir(), 1);
    return g_string_free(word, FALSE);
}

char *path_word(const char *text, const char **rest)
{
    GString *word = g_string_new(NULL);
    gboolean quoted;
    text += strspn(text, " ");
    const char *end = read_word(text, word, &quoted);
    *rest = end + strspn(end, " ");
    return at_home(text, word);
}

/* With a backslash before what would end the word, or mean something. */
static void append_typed(GString *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        if (strchr(" \\'\"", *p) || (*p == '~' && out->len == 0))
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p);
    }
}

static gboolean can_be_typed(const char *name)
{
    if (!g_utf8_validate(name, -1, NULL))
        return FALSE;
    for (const char *p = name; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return FALSE;
    return TRUE;
}

/* before: the folder as it was typed, with its slash; begun: of the name. */
static void list_folder(const char *folder, const char *before, const char *begun, GPtrArray *found)
{
    GDir *dir = g_dir_open(*folder ? folder : ".", 0, NULL);
    const char *name;
    for (int i = 0; dir && i < PATH_WORD_ENTRIES_MAX && (name = g_dir_read_name(dir)); i++) {
        if (!g_str_has_prefix(name, begun) || (*name == '.' && *begun != '.') || !can_be_typed(name))
            continue;
        gchar *path = g_build_filename(*folder ? folder : ".", name, NULL);
        GString *typed = g_string_new(before);
        append_typed(typed, name);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            g_string_append_c(typed, '/');
        g_ptr_array_add(found, g_string_free(typed, FALSE));
        g_free(path);
    }
    if (dir)
        g_dir_close(dir);
}

size_t path_word_complete(const char *text, GPtrArray *found)
{
    GString *word = NULL;
    gboolean quoted = FALSE;
    const char *from = text, *p = text;
    do {
        from = p + strspn(p, " ");
        if (word)
            g_string_free(word, TRUE);
        word = g_string_new(NULL);
        p = read_word(from, word, &quoted);
    } while (*p);
    char *path = at_home(from, word);
    const char *slash = strrchr(path, '/'), *typed_slash = strrchr(from, '/');
    gchar *folder = slash ? g_strndup(path, (gsize)(slash + 1 - path)) : g_strdup("");
    gchar *before = typed_slash ? g_strndup(from, (gsize)(typed_slash + 1 - from)) : g_strdup("");
    if (!quoted || strcspn(from, "'\"") == strlen(from))
        list_folder(folder, before, slash ? slash + 1 : path, found);
    g_free(before);
    g_free(folder);
    g_free(path);
    return (size_t)(from - text);
}
