/* SPDX-License-Identifier: MIT
 *
 * Names that people give themselves, as others may show them. Such a name is any text; two rules make it harmless.
 *
 * What is shown has nothing in it that cannot be seen or that changes what stands around it: no control characters, none
 * that turn the direction of writing, none that are invisible, no run of spaces, no angle brackets, between which names
 * stand.
 *
 * The skeleton (the word of UTS 39) is what is left when case, spaces, accents and letters that look alike are made
 * equal: two names with one skeleton may be taken for each other. It is for comparing and never shown.
 */
#ifndef BASE_DISPLAY_NAME_H
#define BASE_DISPLAY_NAME_H

#include "base/span.h"

/* Each writes at most name.n bytes and a NUL to out (room > name.n), which may be name.p, and returns how many. The result
 * is UTF-8; bytes that are none become U+005F. */
size_t display_name_clean(struct span name, char *out);
size_t display_name_skeleton(struct span name, char *out);

/* What a reader sees of one code point. */
enum display_kind {
    DISPLAY_SEEN,
    DISPLAY_SPACE,  /* a space of whatever width */
    DISPLAY_UNSEEN, /* nothing, or it changes what stands around it: controls and line ends too */
};
enum display_kind display_kind(unsigned c);
/* The code point of the first character of s (s.n > 0), whose bytes are *n; '_' for a byte that begins none. */
unsigned display_next(struct span s, size_t *n);

#endif
