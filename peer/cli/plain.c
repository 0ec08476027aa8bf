/* SPDX-License-Identifier: MIT */
#include "peer/cli/plain.h"

#include <glib.h>

#define REPLACEMENT 0xfffd

/* Unicode's Bidi_Control and the separators that some terminals take for a newline. */
static gboolean misleads(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *plain_text(const char *text, int lines)
{
    GString *out = g_string_new(NULL);
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\n' && lines)
            g_string_append(out, "\n    ");
        else if (c == '\t' || c == '\n')
            g_string_append_c(out, ' ');
        else
            g_string_append_unichar(out, g_unichar_iscntrl(c) || misleads(c) ? REPLACEMENT : c);
    }
    return g_string_free(out, FALSE);
}
