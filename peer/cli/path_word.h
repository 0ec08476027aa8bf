/* SPDX-License-Identifier: MIT
 *
 * The name of a file as it is typed in a line, as shells have it: a backslash takes the next character as it is, and so do
 * single and double quotes all between them; ~/ is the home directory.
 */
#ifndef PEER_CLI_PATH_WORD_H
#define PEER_CLI_PATH_WORD_H

#include <glib.h>

/* The first word of text, for g_free, and what is behind it and the spaces after it (borrowed of text). Empty: there is none. A
 * quote that is not closed goes to the end. */
char *path_word(const char *text, const char **rest);
/* Files and folders that the last word of text may mean, as they are typed, each for g_free, to `found`; a folder has a slash at
 * its end. Returns where that word begins in text. Names that cannot be typed, and hidden ones that are not asked for, are left
 * out; of a folder PATH_WORD_ENTRIES_MAX entries are looked at. */
size_t path_word_complete(const char *text, GPtrArray *found);
enum {
    PATH_WORD_ENTRIES_MAX = 10000
};

#endif
