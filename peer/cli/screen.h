/* SPDX-License-Identifier: MIT
 *
 * The bottom of a terminal: a row that tells how things are, if there is something to tell, and the rows of what is being
 * typed. It is drawn below what was printed, and erased before more is. Pure: bytes for the terminal, and where they leave
 * its cursor.
 *
 * Rows are broken here, one column before the edge, so that it is known where they begin, whatever the terminal takes a
 * character's width for. Of a line with more rows than there is place for, those around the cursor are shown.
 */
#ifndef PEER_CLI_SCREEN_H
#define PEER_CLI_SCREEN_H

#include <glib.h>

#include "peer/cli/style.h"

struct screen_view {
    const char *status; /* rows, with a newline between them, and tags of style.h; NULL: none */
    const char *prompt; /* so, too */
    const char *text;   /* what is typed; control characters in it are shown as something else */
    size_t cursor;      /* in its bytes */
};

struct screen {
    long columns, rows; /* of the terminal, as they are now */
    enum style_depth depth;
    GArray *above; /* of long: columns of each row drawn above the cursor's; owned */
    long cursor;   /* the column it was left in */
    gboolean drawn;
};

void screen_init(struct screen *s, enum style_depth depth);
void screen_done(struct screen *s);
/* Appends what draws it, from the first column of an empty row on. */
void screen_draw(struct screen *s, const struct screen_view *view, GString *out);
/* Appends what erases it, and leaves the cursor where it began; nothing if it is not there. If columns are fewer than when it
 * was drawn, the terminal has broken its rows anew, as most do. */
void screen_erase(struct screen *s, GString *out);

#endif
