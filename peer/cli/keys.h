/* SPDX-License-Identifier: MIT
 *
 * What a terminal sends, taken apart into keys. A key whose bytes have not all come is waited for by keeping them, never by
 * reading on: the program has other things to do. A key that means nothing here is taken whole, so that no rest of it
 * stands in what is being typed. Sequences are those of ECMA-48 as xterm uses them, pasted text that of its mode 2004.
 */
#ifndef PEER_CLI_KEYS_H
#define PEER_CLI_KEYS_H

#include <stddef.h>

enum key {
    KEY_NOTHING, /* it means nothing */
    KEY_TEXT,    /* a character: the bytes are its UTF-8 */
    KEY_ENTER,
    KEY_TAB,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_UP,   /* history */
    KEY_DOWN, /* history */
    KEY_BACKSPACE,
    KEY_DELETE,
    KEY_DELETE_OR_LEAVE, /* control-D */
    KEY_WORD_BACKSPACE,
    KEY_WORD_DELETE,
    KEY_KILL_END,   /* control-K */
    KEY_KILL_BEGIN, /* control-U */
    KEY_YANK,
    KEY_TRANSPOSE,
    KEY_SEARCH, /* control-R */
    KEY_CANCEL, /* control-G */
    KEY_REDRAW, /* control-L */
    KEY_PASTE_BEGIN,
    KEY_PASTE_END
};

/* The key at the beginning of n bytes. Returns its bytes; 0: they are not all there, which are KEYS_BYTES_MAX at most. */
size_t keys_next(const char *bytes, size_t n, enum key *key);
enum {
    KEYS_BYTES_MAX = 32
};

#endif
