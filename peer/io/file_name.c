/* SPDX-License-Identifier: MIT
 *
 * Character by character into a buffer that is larger than any name may be, then the ends are trimmed, then what is too
 * long is cut before its extension. A long name is read no further than matters: its front and its extension.
 */
#include "peer/io/file_name.h"

#include <glib.h>
#include <stdio.h>

#include "base/display_name.h"
#include "base/utf8.h"

enum {
    EXTENSION_MAX = 16, /* bytes with the dot; what is longer is part of the name */
    CHAR_MAX_BYTES = 4
};

/* ---- parts of a name ---- */

/* Where its extension begins, or its end: ".tar.gz" is one. */
static size_t extension_at(struct span name)
{
    size_t at = name.n;
    while (at > 0 && name.p[at - 1] != '.')
        at--;
    if (at <= 1 || name.n - (at - 1) > EXTENSION_MAX || at == name.n)
        return name.n;
    at--;
    return at > 4 && g_ascii_strncasecmp(name.p + at - 4, ".tar", 4) == 0 ? at - 4 : at;
}

/* The longest beginning of at most n bytes that ends at a character's end. */
static size_t cut(struct span name, size_t n)
{
    if (name.n <= n)
        return name.n;
    while (n > 0 && ((unsigned char)name.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static struct span last_component(struct span path)
{
    while (path.n > 0 && (path.p[path.n - 1] == '/' || path.p[path.n - 1] == '\\'))
        path.n--;
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
        at--;
    return (struct span){path.p + at, path.n - at};
}

static size_t trim_end(const char *name, size_t n)
{
    while (n > 0 && (name[n - 1] == '.' || name[n - 1] == ' '))
        n--;
    return n;
}

/* Its front, and its end, so that a name of a megabyte costs what any does. Each character takes a byte at least. */
static size_t copy_safe(struct span s, char *out, size_t room)
{
    size_t used = 0, n;
    for (; s.n > 0 && used + CHAR_MAX_BYTES <= room; s.p += n, s.n -= n) {
        unsigned c = display_next(s, &n);
        enum display_kind kind = display_kind(c);
        bool bad = kind == DISPLAY_UNSEEN || c == '/' || c == '\\';
        used += utf8_put(bad ? '_' : kind == DISPLAY_SPACE ? ' ' : c, out + used);
    }
    return used;
}

/* ---- names that mean something else ---- */

static bool is_reserved(const char *name)
{
    static const char *const DEVICES[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    size_t n = strcspn(name, ".");
    while (n > 0 && name[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < G_N_ELEMENTS(DEVICES); i++)
        if (n == strlen(DEVICES[i]) && g_ascii_strncasecmp(name, DEVICES[i], n) == 0)
            return true;
    if (n < 4 || (g_ascii_strncasecmp(name, "COM", 3) != 0 && g_ascii_strncasecmp(name, "LPT", 3) != 0))
        return false;
    struct span digit = {name + 3, n - 3}; /* Windows takes the superscript digits too */
    return (n == 4 && g_ascii_isdigit(name[3])) || span_is(digit, "¹") || span_is(digit, "²") || span_is(digit, "³");
}

/* A received file must not pass for what we keep of an unfinished one. */
static bool is_ours(const char *name)
{
    static const char *const ENDS[] = {".part", ".part.map", ".part.d"};
    size_t n = strlen(name);
    for (size_t i = 0; i < G_N_ELEMENTS(ENDS); i++) {
        size_t end = strlen(ENDS[i]);
        if (n >= end && g_ascii_strcasecmp(name + n - end, ENDS[i]) == 0)
            return true;
    }
    return false;
}

/* ---- the face ---- */

static void shorten(char *name, size_t max)
{
    struct span s = span_of(name);
    if (s.n <= max)
        return;
    size_t at = extension_at(s), end = s.n - at;
    size_t stem = cut((struct span){name, at}, max - end);
    memmove(name + stem, name + at, end + 1);
    name[trim_end(name, stem + end)] = '\0';
}

void file_name_safe(struct span sent, bool without_path, size_t max, char out[FILE_NAME_MAX + 1])
{
    /* 4 times the most that is kept: front, and end with the extension. */
    char name[4 * FILE_NAME_MAX + 8];
    struct span s = without_path ? last_component(sent) : sent;
    size_t n = 0;
    if (s.n > 2 * FILE_NAME_MAX) {
        size_t from = s.n - EXTENSION_MAX;
        while (from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80)
            from++;
        n = copy_safe((struct span){s.p, 2 * FILE_NAME_MAX}, name, 3 * FILE_NAME_MAX);
        s = (struct span){s.p + from, s.n - from};
    }
    if (!span_is(s, ".") && !span_is(s, ".."))
        n += copy_safe(s, name + n, sizeof name - 3 - n);
    name[trim_end(name, n)] = '\0';
    size_t blank = strspn(name, " ");
    memmove(name, name + blank, strlen(name + blank) + 1);
    if (name[0] == '\0')
        memcpy(name, "file", sizeof "file");
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
    if (is_reserved(name)) {
        memmove(name + 1, name, strlen(name) + 1);
        name[0] = '_';
    }
    shorten(name, max);
    if (is_ours(name)) {
        shorten(name, max - 1);
        memcpy(name + strlen(name), "_", 2);
    }
    file_name_copy(name, out);
}

void file_name_offered(const char *name, char out[FILE_NAME_MAX + 1])
{
    size_t used = 0, n;
    for (struct span s = span_of(name); s.n > 0 && used + s.n <= FILE_NAME_MAX; s.p += n, s.n -= n) {
        unsigned c = display_next(s, &n);
        used += utf8_put(c < 0x20 || (c >= 0x7f && c < 0xa0) ? '_' : c, out + used);
    }
    out[used] = '\0';
}

void file_name_numbered(const char *name, unsigned number, size_t max, char out[FILE_NAME_MAX + 1])
{
    char middle[16];
    struct span s = span_of(name);
    size_t at = extension_at(s), n = (size_t)snprintf(middle, sizeof middle, " (%u)", number);
    size_t stem = cut((struct span){name, at}, max - n - (s.n - at));
    snprintf(out, FILE_NAME_MAX + 1, "%.*s%s%s", (int)stem, name, middle, name + at);
}

char *file_name_key(const char *name)
{
    char *decomposed = g_utf8_normalize(name, -1, G_NORMALIZE_NFD);
    char *folded = g_utf8_casefold(decomposed, -1);
    char *key = g_utf8_normalize(folded, -1, G_NORMALIZE_NFC);
    g_free(decomposed);
    g_free(folded);
    return key;
}
