/* SPDX-License-Identifier: MIT
 *
 * How wide text is on a terminal, as far as one can know: terminals differ in emoji that are put together of several, and in
 * what they do not know. Where they do, this says the larger number: a row that is broken too early is harmless, one that
 * the terminal breaks itself is not (see fold.h). The widths are GLib's, in any locale, or wcwidth(3)'s where those are larger.
 */
#ifndef PEER_CLI_WIDTH_H
#define PEER_CLI_WIDTH_H

#include <stddef.h>

enum {
    WIDTH_CLUSTER_MAX = 8 /* columns of what stays together */
};

/* What a person takes for one character, at p, which is UTF-8 and not at its end: a letter and its accents, a flag, an
 * emoji with its colour of skin; or a tag of style.h. Returns its bytes; its columns to *width. */
size_t width_next(const char *p, long *width);
/* Columns of n bytes of UTF-8. */
long width_of(const char *text, size_t n);
/* A copy of what fits into so many columns, for g_free, with "…" at its end if that is not all. */
char *width_cut(const char *text, long columns);

#endif
