/* SPDX-License-Identifier: MIT
 *
 * Rows of a terminal. A row that the terminal itself breaks goes on in the first column, where usher's own lines begin
 * with their marks: text that is long enough could pass for one. So lines are broken here, and go on indented.
 */
#ifndef PEER_CLI_FOLD_H
#define PEER_CLI_FOLD_H

#define FOLD_INDENT "    "
enum {
    FOLD_COLUMNS_MIN = 20 /* on less, lines are broken as for so many */
};

/* A copy, for g_free: no row is wider than columns, and each but the first begins with FOLD_INDENT. It is broken at spaces,
 * a word that is longer than a row between any two characters (width.h). */
char *fold_lines(const char *text, long columns);

#endif
