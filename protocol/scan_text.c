/* SPDX-License-Identifier: MIT
 *
 * What the scanner found, as it was sent and as text. It was found sound, so nothing is looked for here but room.
 */
#include <assert.h>

#include "base/utf8.h"
#include "protocol/scan.h"
#include "protocol/scan_escape.h"

struct span scan_raw(const struct scan *s, enum member_name m)
{
    assert(scan_has(s, m));
    return (struct span){s->frame.p + s->m[m].value_at, s->m[m].value_n};
}

/* Decodes a string that was found sound; false if it does not fit. */
static bool decode(struct span raw, char *room, size_t room_n, size_t *made)
{
    const unsigned char *p = (const unsigned char *)raw.p, *end = p + raw.n;
    size_t n = 0;
    while (p < end) {
        char piece[4];
        size_t piece_n = 1, taken = 1;
        if (*p != '\\') {
            piece[0] = (char)*p;
        } else if (p[1] == 'u') {
            int value = unicode_escape(p, end);
            piece_n = utf8_put((unsigned)value, piece);
            taken = unicode_escape_size(value);
        } else {
            piece[0] = short_escape(p[1]);
            taken = 2;
        }
        if (piece_n > room_n - n)
            return false;
        memcpy(room + n, piece, piece_n);
        n += piece_n;
        p += taken;
    }
    *made = n;
    return true;
}

bool scan_text(const struct scan *s, enum member_name m, char *room, size_t room_n, struct span *text)
{
    if (!scan_has(s, m) || s->m[m].kind != JSON_KIND_STRING)
        return false;
    struct span raw = scan_raw(s, m);
    struct span inner = {raw.p + 1, raw.n - 2};
    if (!s->m[m].escaped) {
        *text = inner;
        return true;
    }
    size_t n;
    if (!decode(inner, room, room_n, &n))
        return false;
    *text = (struct span){room, n};
    return true;
}

bool scan_string(struct span raw, char *room, size_t room_n, struct span *text)
{
    size_t n;
    if (raw.n == 0 || *raw.p != '"' || !decode((struct span){raw.p + 1, raw.n - 2}, room, room_n, &n))
        return false;
    *text = (struct span){room, n};
    return true;
}
