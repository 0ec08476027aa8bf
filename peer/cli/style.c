/* SPDX-License-Identifier: MIT
 *
 * Of the 256 colours of xterm those were chosen whose contrast (WCAG 2.1) with black and with white is 3.9 to 1 or more,
 * and that can be told from one another and from the red of warnings. Of the 8, blue and yellow can be read on one of the
 * two only, and are left out.
 */
#include "peer/cli/style.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "peer/cli/terminfo.h"

static const int CHOSEN[STYLE_NAMES] = {130, 64, 28, 30, 31, 27, 63, 98, 129, 163, 162, 131};
static const int FEW[] = {31, 32, 35, 36};

enum style_depth style_depth(int fd)
{
    const char *no = g_getenv("NO_COLOR");
    if ((no && *no) || !isatty(fd))
        return STYLE_NONE;
    int colours = terminfo_colours(fd);
    return colours >= 256 ? STYLE_CHOSEN : colours >= 8 ? STYLE_FEW : STYLE_NONE;
}

/* FNV-1a, which spreads ids that begin alike. */
char style_letter(const char *id)
{
    guint32 hash = 2166136261u;
    for (const char *p = id; *p; p++)
        hash = (hash ^ (guchar)*p) * 16777619u;
    return (char)('a' + (hash >> 16) % STYLE_NAMES);
}

int style_colour(char letter)
{
    return CHOSEN[(guint)(letter - 'a') % STYLE_NAMES];
}

static void begin(GString *out, char letter, enum style_depth depth)
{
    if (letter == 'B')
        g_string_append(out, "\033[1m");
    else if (letter == 'D')
        g_string_append(out, "\033[2m");
    else if (depth == STYLE_CHOSEN)
        g_string_append_printf(out, "\033[38;5;%dm", style_colour(letter));
    else
        g_string_append_printf(out, "\033[%dm", FEW[(guint)(letter - 'a') % G_N_ELEMENTS(FEW)]);
}

char *style_render(const char *text, enum style_depth depth)
{
    GString *out = g_string_sized_new(strlen(text));
    for (const char *p = text; *p; p++) {
        if (*p == STYLE_BEGIN && p[1]) {
            p++;
            if (depth != STYLE_NONE)
                begin(out, *p, depth);
        } else if (*p == STYLE_END) {
            if (depth != STYLE_NONE)
                g_string_append(out, "\033[m");
        } else if (*p != STYLE_BEGIN) {
            g_string_append_c(out, *p);
        }
    }
    return g_string_free(out, FALSE);
}
