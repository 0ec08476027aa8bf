/* SPDX-License-Identifier: MIT
 *
 * A character is two modules high: half blocks. The margin is two modules in place of four, so that a usual link fits into 24
 * rows; what reads screens does not mind.
 */
#include "peer/cli/page_link.h"

#include <glib.h>
#include <qrencode.h>
#include <string.h>

enum {
    MARGIN = 2 /* modules */
};

char *page_link(const char *server, const char *code)
{
    GUri *uri = g_uri_parse(server, G_URI_FLAGS_ENCODED, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    char *link = NULL;
    if (strcmp(scheme, "ws") == 0 || strcmp(scheme, "wss") == 0) {
        const char *path = g_uri_get_path(uri);
        /* A proxy may have the whole server below a path of its own. */
        size_t base = g_str_has_suffix(path, "/ws") ? strlen(path) - strlen("/ws") : 0;
        char *folder = g_strdup_printf("%.*s/", (int)base, path);
        link = g_uri_join(G_URI_FLAGS_ENCODED, strcmp(scheme, "ws") == 0 ? "http" : "https", NULL, g_uri_get_host(uri),
            g_uri_get_port(uri), folder, NULL, code);
        g_free(folder);
    }
    if (uri)
        g_uri_unref(uri);
    return link;
}

static bool is_light(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return y < code->width + MARGIN; /* below an odd last row there is nothing */
    return !(code->data[y * code->width + x] & 1);
}

static char *draw(const QRcode *code, bool colours)
{
    static const char *const HALVES[] = {" ", "▄", "▀", "█"};
    GString *out = g_string_new(NULL);
    for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
        g_string_append(out, colours ? "\033[97;40m" : "");
        for (int x = -MARGIN; x < code->width + MARGIN; x++)
            g_string_append(out, HALVES[is_light(code, x, y) * 2 + is_light(code, x, y + 1)]);
        g_string_append(out, colours ? "\033[0m\n" : "\n");
    }
    return g_string_free(out, FALSE);
}

char *page_link_qr(const char *text, bool colours, size_t rows, size_t columns)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (!code)
        return NULL;
    size_t width = (size_t)code->width + 2 * MARGIN;
    char *out = width <= columns && (width + 1) / 2 <= rows ? draw(code, colours) : NULL;
    QRcode_free(code);
    return out;
}
