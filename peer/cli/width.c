/* SPDX-License-Identifier: MIT */
#include "peer/cli/width.h"

#include <glib.h>
#include <string.h>
#include <wchar.h>

#include "peer/cli/style.h"

#define JOINER 0x200d
#define EMOJI_STYLE 0xfe0f /* draws the character before it in two columns */
enum {
    PARTS_MAX = 32 /* of one cluster: towers of accents have no end */
};

static long width_of_char(gunichar c)
{
    if (c == EMOJI_STYLE)
        return 1;
    long glib = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    return MAX(glib, (long)wcwidth((wchar_t)c));
}

static gboolean is_flag_half(gunichar c)
{
    return c >= 0x1f1e6 && c <= 0x1f1ff;
}

static gboolean is_skin(gunichar c)
{
    return c >= 0x1f3fb && c <= 0x1f3ff;
}

/* What a joiner may join. */
static gboolean is_pictogram(gunichar c)
{
    return c >= 0x1f000 || (c >= 0x2190 && c <= 0x2bff);
}

static gboolean goes_on(gunichar before, gunichar c, gboolean half)
{
    if (before == JOINER && is_pictogram(c))
        return TRUE;
    return is_skin(c) || (half && is_flag_half(c)) || g_unichar_iszerowidth(c);
}

size_t width_next(const char *p, long *width)
{
    *width = 0;
    if (*p == STYLE_BEGIN)
        return p[1] ? 2 : 1;
    if (*p == STYLE_END)
        return 1;
    const char *at = g_utf8_next_char(p);
    gunichar before = g_utf8_get_char(p);
    *width = width_of_char(before);
    gboolean half = is_flag_half(before);
    for (int parts = 1; *at && *at != STYLE_BEGIN && *at != STYLE_END && parts < PARTS_MAX; parts++) {
        gunichar c = g_utf8_get_char(at);
        long more = width_of_char(c);
        if (!goes_on(before, c, half) || *width + more > WIDTH_CLUSTER_MAX)
            break;
        half = FALSE;
        *width += more;
        before = c;
        at = g_utf8_next_char(at);
    }
    return (size_t)(at - p);
}

long width_of(const char *text, size_t n)
{
    long all = 0, width;
    for (const char *p = text; p < text + n;) {
        p += width_next(p, &width);
        all += width;
    }
    return all;
}

char *width_cut(const char *text, long columns)
{
    if (width_of(text, strlen(text)) <= columns)
        return g_strdup(text);
    GString *out = g_string_new(NULL);
    long used = 0, width;
    size_t n;
    for (const char *p = text; *p; p += n) {
        n = width_next(p, &width);
        if (used + width > columns - 1)
            break;
        g_string_append_len(out, p, (gssize)n);
        used += width;
    }
    g_string_append(out, "…");
    if (strchr(text, STYLE_BEGIN))
        g_string_append_c(out, STYLE_END);
    return g_string_free(out, FALSE);
}
