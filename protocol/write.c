/* SPDX-License-Identifier: MIT
 *
 * Strings are escaped as RFC 8785 section 3.2.2.2 wants them, the shortest form of each: what is written here is
 * canonical too, and protocol/canonical.c uses it as it is.
 */
#include "protocol/write.h"

/* What others choose to be written costs no more than it must: printf for each of these bytes took forty times as
 * long. */
static void write_escape(struct buf *b, unsigned char c)
{
    static const char CONTROLS[0x20][6] = {"\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006",
        "\\u0007", "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012",
        "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c",
        "\\u001d", "\\u001e", "\\u001f"};
    if (c >= 0x20)
        buf_add(b, (char[]){'\\', (char)c}, 2);
    else
        buf_add(b, CONTROLS[c], CONTROLS[c][1] == 'u' ? 6 : 2);
}

/* Of eight bytes, whether one may be below 0x20, '"' or '\\'. Never "no" when there is: each byte borrows from the next
 * only if it is below itself. */
static bool may_need_escape(const char *eight)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t v;
    memcpy(&v, eight, sizeof v);
    uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';
    return (((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & tops;
}

void write_string(struct buf *b, struct span text)
{
    buf_byte(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.n - i >= 8 && !may_need_escape(text.p + i)) {
            i += 7;
            continue;
        }
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(b, text.p + from, i - from);
        write_escape(b, c);
        from = i + 1;
    }
    if (from < text.n)
        buf_add(b, text.p + from, text.n - from);
    buf_byte(b, '"');
}

void write_name(struct buf *b, const char *name)
{
    char last = b->len > 0 ? b->p[b->len - 1] : '{';
    if (last != '{' && last != '[')
        buf_byte(b, ',');
    buf_byte(b, '"');
    buf_text(b, name);
    buf_text(b, "\":");
}

void write_member_string(struct buf *b, const char *name, struct span text)
{
    write_name(b, name);
    write_string(b, text);
}

void write_member_optional(struct buf *b, const char *name, struct span text)
{
    if (text.n)
        write_member_string(b, name, text);
}

void write_member_raw(struct buf *b, const char *name, struct span json)
{
    write_name(b, name);
    buf_span(b, json);
}

void write_member_u64(struct buf *b, const char *name, uint64_t value)
{
    write_name(b, name);
    buf_number(b, value);
}

void write_member_bool(struct buf *b, const char *name, bool value)
{
    write_name(b, name);
    buf_text(b, value ? "true" : "false");
}
