/* SPDX-License-Identifier: MIT
 *
 * The header of terminfo makes macros of many words, so nothing else is done here.
 */
#include "peer/cli/terminfo.h"

#include <curses.h>
#include <term.h>

static bool is_described(int fd)
{
    int found;
    return setupterm(NULL, fd, &found) == OK;
}

bool terminfo_moves(int fd)
{
    char up_name[] = "cuu1";
    const char *up = is_described(fd) ? tigetstr(up_name) : NULL;
    return up && up != (const char *)-1;
}

int terminfo_colours(int fd)
{
    char name[] = "colors";
    int colours = is_described(fd) ? tigetnum(name) : 0;
    return colours > 0 ? colours : 0;
}
