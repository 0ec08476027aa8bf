/* SPDX-License-Identifier: MIT */
#include "peer/cli/keys.h"

#include <glib.h>
#include <string.h>

#define ESCAPE '\033'

static enum key control(char c)
{
    static const struct {
        char c;
        enum key key;
    } CONTROLS[] = {
        {'A', KEY_HOME},
        {'B', KEY_LEFT},
        {'D', KEY_DELETE_OR_LEAVE},
        {'E', KEY_END},
        {'F', KEY_RIGHT},
        {'G', KEY_CANCEL},
        {'H', KEY_BACKSPACE},
        {'I', KEY_TAB},
        {'J', KEY_ENTER},
        {'K', KEY_KILL_END},
        {'L', KEY_REDRAW},
        {'M', KEY_ENTER},
        {'N', KEY_DOWN},
        {'P', KEY_UP},
        {'R', KEY_SEARCH},
        {'T', KEY_TRANSPOSE},
        {'U', KEY_KILL_BEGIN},
        {'W', KEY_WORD_BACKSPACE},
        {'Y', KEY_YANK},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CONTROLS); i++)
        if (c == CONTROLS[i].c - '@')
            return CONTROLS[i].key;
    return c == '\177' ? KEY_BACKSPACE : KEY_NOTHING;
}

/* What stands behind ESC. Modes of the cursor keys and of terminals differ, so several sequences are one key. */
static enum key sequence(const char *bytes, size_t n)
{
    static const struct {
        const char *bytes;
        enum key key;
    } SEQUENCES[] = {
        {"[A", KEY_UP},
        {"OA", KEY_UP},
        {"[B", KEY_DOWN},
        {"OB", KEY_DOWN},
        {"[C", KEY_RIGHT},
        {"OC", KEY_RIGHT},
        {"[D", KEY_LEFT},
        {"OD", KEY_LEFT},
        {"[H", KEY_HOME},
        {"OH", KEY_HOME},
        {"[1~", KEY_HOME},
        {"[7~", KEY_HOME},
        {"[F", KEY_END},
        {"OF", KEY_END},
        {"[4~", KEY_END},
        {"[8~", KEY_END},
        {"[3~", KEY_DELETE},
        {"[1;5C", KEY_WORD_RIGHT},
        {"[1;3C", KEY_WORD_RIGHT},
        {"Oc", KEY_WORD_RIGHT},
        {"f", KEY_WORD_RIGHT},
        {"[1;5D", KEY_WORD_LEFT},
        {"[1;3D", KEY_WORD_LEFT},
        {"Od", KEY_WORD_LEFT},
        {"b", KEY_WORD_LEFT},
        {"[3;5~", KEY_WORD_DELETE},
        {"d", KEY_WORD_DELETE},
        {"\177", KEY_WORD_BACKSPACE},
        {"\b", KEY_WORD_BACKSPACE},
        {"\r", KEY_ENTER},
        {"[200~", KEY_PASTE_BEGIN},
        {"[201~", KEY_PASTE_END},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(SEQUENCES); i++)
        if (strlen(SEQUENCES[i].bytes) == n && memcmp(SEQUENCES[i].bytes, bytes, n) == 0)
            return SEQUENCES[i].key;
    return KEY_NOTHING;
}

/* Bytes of what begins with ESC; 0: more come. A second ESC, or another control, is a key of its own, but for those that
 * the table has. */
static size_t escape_bytes(const char *bytes, size_t n)
{
    if (n < 2)
        return 0;
    if (bytes[1] == 'O')
        return n < 3 ? 0 : 3;
    if (bytes[1] != '[')
        return bytes[1] == ESCAPE ? 1 : 2;
    for (size_t i = 2; i < n && i < KEYS_BYTES_MAX; i++) {
        if (bytes[i] >= 0x40 && bytes[i] <= 0x7e)
            return i + 1;
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return i; /* it was broken off */
    }
    return n < KEYS_BYTES_MAX ? 0 : KEYS_BYTES_MAX;
}

size_t keys_next(const char *bytes, size_t n, enum key *key)
{
    *key = KEY_NOTHING;
    if (n == 0)
        return 0;
    if (*bytes == ESCAPE) {
        size_t used = escape_bytes(bytes, n);
        if (used > 1)
            *key = sequence(bytes + 1, used - 1);
        return used;
    }
    if ((guchar)*bytes < 0x20 || *bytes == '\177') {
        *key = control(*bytes);
        return 1;
    }
    /* GLib takes a NUL for the end, and waits for more of what was UTF-8 long ago. */
    gunichar c = g_utf8_get_char_validated(bytes, (gssize)MIN(n, 4));
    if (c == (gunichar)-2 && (guchar)*bytes < 0xf5 && n < 4 && !memchr(bytes, '\0', n))
        return 0; /* the rest comes */
    if (c >= (gunichar)-2)
        return 1; /* no UTF-8 */
    *key = g_unichar_iscntrl(c) ? KEY_NOTHING : KEY_TEXT;
    return (size_t)(g_utf8_next_char(bytes) - bytes);
}
