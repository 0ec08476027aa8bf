/* SPDX-License-Identifier: MIT
 *
 * Colours. Lines carry tags, which take no columns; only what writes to a terminal turns them into its sequences, or leaves
 * them out. They are control characters, and texts and names of others have none (plain.h, usher.h): nobody else can set one.
 */
#ifndef PEER_CLI_STYLE_H
#define PEER_CLI_STYLE_H

#define STYLE_BEGIN '\001' /* and a letter behind it */
#define STYLE_END '\002'
/* Begin: ours, of less weight, and one of the colours of names. */
#define STYLE_BOLD "\001B"
#define STYLE_DIM "\001D"
#define STYLE_PLAIN "\002"
enum {
    STYLE_NAMES = 12 /* colours of names: letters from 'a' on */
};

enum style_depth {
    STYLE_NONE,  /* no sequences at all */
    STYLE_FEW,   /* the 8 colours that every terminal with colours has */
    STYLE_CHOSEN /* 256, of which those were chosen that can be read on black and on white */
};

/* What this terminal, which fd is, can show and the environment wants: NO_COLOR that is set and not empty means no colours
 * (no-color.org), and so do a terminal that has none and something that is no terminal. */
enum style_depth style_depth(int fd);
/* The letter of the colour of somebody's name, always the same for an id. */
char style_letter(const char *id);
/* The colour of a letter among 256; of the letters of names only. */
int style_colour(char letter);
/* A copy with sequences instead of tags, or without either; for g_free. */
char *style_render(const char *text, enum style_depth depth);

#endif
