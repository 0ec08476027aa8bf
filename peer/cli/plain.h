/* SPDX-License-Identifier: MIT
 *
 * Remote text on a person's terminal: nothing in it may move the cursor, change colours or pass for another line.
 */
#ifndef PEER_CLI_PLAIN_H
#define PEER_CLI_PLAIN_H

/* A copy, for g_free: control characters (C0, DEL, C1) and those that turn the direction of writing become U+FFFD, a
 * tab a space, and a newline a newline and four spaces if lines is set, else a space. */
char *plain_text(const char *text, int lines);

#endif
