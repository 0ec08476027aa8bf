/* SPDX-License-Identifier: MIT
 *
 * A recursive descent over the grammar of RFC 8259, at most FRAME_DEPTH_MAX deep. Text inside strings is most of a
 * frame, so plain ASCII there is passed sixteen bytes at a time (plain.h); everything else goes byte by byte.
 *
 * What breaks the grammar ends the scan: bad-json. What is sound JSON but may not be sent (`from`, a second `to`, an
 * escape in a name) is noted and the scan goes on: so the verdict does not depend on the order of members, a frame
 * that is both is bad-json, and `ref` is known for the answer.
 */
#include "protocol/scan.h"

#include <assert.h>
#include <limits.h>

#include "base/utf8.h"
#include "protocol/limits.h"
#include "protocol/plain.h"

struct reader {
    const unsigned char *start, *p, *end;
    const char *problem; /* why the grammar was broken */
    bool escaped;        /* the string read last held a backslash */
};

static const struct {
    const char *text;
    size_t n;
} NAMES[MEMBERS] = {
#define X(name, text) [MEMBER_##name] = {text, sizeof(text) - 1},
    MEMBER_TABLE(X)
#undef X
};

const char *member_name(enum member m)
{
    return NAMES[m].text;
}

static bool broken(struct reader *r, const char *problem)
{
    r->problem = problem;
    return false;
}

/* Passes white space; the byte that comes then, or -1 at the end. */
static int peek(struct reader *r)
{
    for (; r->p < r->end; r->p++)
        if (*r->p > ' ' || !(*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
            return *r->p;
    return -1;
}

/* ---- strings ---- */

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of "\uXXXX" at p, or -1. */
static int code_unit(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The Unicode scalar value of the \u escape at p (RFC 8259 section 7: twelve characters above the BMP, else six). -1 if
 * it is malformed or half a surrogate pair. */
static int unicode_escape(const unsigned char *p, const unsigned char *end)
{
    int unit = code_unit(p, end);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    int low = unit < 0xdc00 ? code_unit(p + 6, end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t unicode_escape_size(int value)
{
    return value < 0x10000 ? 6 : 12;
}

/* What the letter of a short escape stands for, or 0. */
static char short_escape(unsigned char letter)
{
    static const char MEANINGS[UCHAR_MAX + 1] = {
        ['"'] = '"',
        ['\\'] = '\\',
        ['/'] = '/',
        ['b'] = '\b',
        ['f'] = '\f',
        ['n'] = '\n',
        ['r'] = '\r',
        ['t'] = '\t',
    };
    return MEANINGS[letter];
}

static const unsigned char *broken_string(struct reader *r, const char *problem)
{
    r->problem = problem;
    return NULL;
}

/* Behind the escape at p; NULL if it is malformed. */
static const unsigned char *escape(struct reader *r, const unsigned char *p)
{
    if (r->end - p < 2)
        return broken_string(r, "a string has no end");
    if (short_escape(p[1]))
        return p + 2;
    if (p[1] != 'u')
        return broken_string(r, "a backslash must be followed by one of \" \\ / b f n r t u");
    int value = unicode_escape(p, r->end);
    if (value < 0)
        return broken_string(r, "\\u takes four hex digits, and surrogates only in pairs");
    return p + unicode_escape_size(value);
}

/* Escapes come in rows: each line of an SDP ends in two. */
static const unsigned char *escapes(struct reader *r, const unsigned char *p)
{
    r->escaped = true;
    do
        p = escape(r, p);
    while (p && p < r->end && *p == '\\');
    return p;
}

/* So do characters of other scripts. */
static const unsigned char *beyond_ascii(struct reader *r, const unsigned char *p)
{
    do {
        size_t n = utf8_next(p, (size_t)(r->end - p));
        if (n == 0)
            return broken_string(r, "the frame is not UTF-8");
        p += n;
    } while (p < r->end && *p >= 0x80);
    return p;
}

/* From the opening quote to behind the closing one. */
static bool string(struct reader *r)
{
    const unsigned char *p = r->p + 1, *end = r->end;
    r->escaped = false;
    while ((p = plain_skip(p, end)) < end && *p != '"') {
        if (*p < 0x20)
            return broken(r, "a control character in a string must be escaped");
        p = *p == '\\' ? escapes(r, p) : beyond_ascii(r, p);
        if (!p)
            return false;
    }
    if (p == end)
        return broken(r, "a string has no end");
    r->p = p + 1;
    return true;
}

/* ---- numbers and words ---- */

static bool digits(struct reader *r)
{
    const unsigned char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > from || broken(r, "a value is missing or malformed");
}

static bool number(struct reader *r)
{
    if (*r->p == '-')
        r->p++;
    if (r->p < r->end && *r->p == '0')
        r->p++; /* a digit after it is then no part of the number, and nothing else either */
    else if (!digits(r))
        return false;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!digits(r))
            return false;
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        return digits(r);
    }
    return true;
}

static bool word(struct reader *r, struct span text)
{
    if ((size_t)(r->end - r->p) < text.n || memcmp(r->p, text.p, text.n) != 0)
        return broken(r, "a value is missing or malformed");
    r->p += text.n;
    return true;
}

/* ---- values ---- */

static bool object(struct reader *r, unsigned depth, struct scan *s);
static bool array(struct reader *r, unsigned depth);

static enum json_kind value(struct reader *r, unsigned depth)
{
    switch (peek(r)) {
    case '"':
        return string(r) ? JSON_KIND_STRING : JSON_KIND_NONE;
    case '{':
        return object(r, depth, NULL) ? JSON_KIND_OBJECT : JSON_KIND_NONE;
    case '[':
        return array(r, depth) ? JSON_KIND_ARRAY : JSON_KIND_NONE;
    case 't':
        return word(r, SPAN("true")) ? JSON_KIND_TRUE : JSON_KIND_NONE;
    case 'f':
        return word(r, SPAN("false")) ? JSON_KIND_FALSE : JSON_KIND_NONE;
    case 'n':
        return word(r, SPAN("null")) ? JSON_KIND_NULL : JSON_KIND_NONE;
    case -1:
        broken(r, "the frame ends inside an object or array");
        return JSON_KIND_NONE;
    default:
        return number(r) ? JSON_KIND_NUMBER : JSON_KIND_NONE;
    }
}

/* Steps into a container and tells whether it is empty, in which case it is passed too. */
static bool enter(struct reader *r, unsigned depth, int closing, bool *empty)
{
    if (depth > FRAME_DEPTH_MAX)
        return broken(r, "objects and arrays may nest 32 deep, no deeper");
    r->p++;
    *empty = peek(r) == closing;
    if (*empty)
        r->p++;
    return true;
}

/* After an entry: a comma (true, *more) or the container's end. */
static bool next(struct reader *r, int closing, bool *more)
{
    int c = peek(r);
    *more = c == ',';
    if (!*more && c != closing)
        return broken(r, "a comma or the end of an object or array is missing");
    r->p++;
    return true;
}

static bool array(struct reader *r, unsigned depth)
{
    bool empty, more;
    if (!enter(r, depth, ']', &empty))
        return false;
    if (empty)
        return true;
    do {
        if (value(r, depth + 1) == JSON_KIND_NONE || !next(r, ']', &more))
            return false;
    } while (more);
    return true;
}

static void forbidden(struct scan *s, enum member m, const char *problem)
{
    if (s->problem)
        return;
    s->problem = problem;
    s->member = m;
}

static enum member find_member(const unsigned char *name, size_t n)
{
#define X(id, text)                                                         \
    if (n == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0) \
        return MEMBER_##id;
    MEMBER_TABLE(X)
#undef X
    return MEMBERS;
}

/* Takes down a top-level member whose name, quotes included, is n bytes at offset `at`. */
static void note(struct scan *s, size_t at, size_t n, const struct scan_member *found, bool escaped)
{
    if (escaped) {
        forbidden(s, MEMBERS, "the name of a top-level member must be written without escapes");
        return;
    }
    const unsigned char *name = (const unsigned char *)s->frame.p + at + 1;
    if (n == 6 && memcmp(name, "from", 4) == 0) {
        forbidden(s, MEMBERS, "`from` is the server's to set: leave it out");
        return;
    }
    enum member m = find_member(name, n - 2);
    if (m == MEMBERS)
        return;
    if (scan_has(s, m) && m <= MEMBER_REF) {
        forbidden(s, m, "`type`, `to` and `ref` may stand only once");
        return;
    }
    s->present |= 1u << m;
    s->m[m] = *found;
}

/* The top-level object, for which s is given, or one inside it. */
static bool object(struct reader *r, unsigned depth, struct scan *s)
{
    bool empty, more;
    if (!enter(r, depth, '}', &empty))
        return false;
    if (empty)
        return true;
    do {
        if (peek(r) != '"')
            return broken(r, "a member's name is missing: it is a string in double quotes");
        const unsigned char *key = r->p;
        if (!string(r))
            return false;
        bool key_escaped = r->escaped;
        size_t key_n = (size_t)(r->p - key);
        if (peek(r) != ':')
            return broken(r, "a colon is missing between a member's name and its value");
        r->p++;
        peek(r);
        const unsigned char *at = r->p;
        enum json_kind kind = value(r, depth + 1);
        if (kind == JSON_KIND_NONE)
            return false;
        if (s) {
            struct scan_member found = {(uint32_t)(key - r->start), (uint32_t)(at - r->start), (uint32_t)(r->p - at),
                (uint8_t)kind, kind == JSON_KIND_STRING && r->escaped};
            note(s, found.key_at, key_n, &found, key_escaped);
        }
        if (!next(r, '}', &more))
            return false;
    } while (more);
    return true;
}

enum error scan_frame(struct span frame, struct scan *s)
{
    assert(frame.n <= UINT32_MAX);
    s->frame = frame;
    s->present = 0;
    s->problem = NULL;
    s->member = MEMBERS;
    const unsigned char *p = (const unsigned char *)frame.p;
    struct reader r = {.start = p, .p = p, .end = frame.n ? p + frame.n : p};
    bool sound = peek(&r) == '{' ? object(&r, 1, s) : broken(&r, "a frame is one JSON object");
    if (sound && peek(&r) != -1)
        sound = broken(&r, "nothing may follow the object");
    if (!sound) {
        s->present = 0;
        s->problem = r.problem;
        s->member = MEMBERS;
        return ERROR_BAD_JSON;
    }
    return s->problem ? ERROR_BAD_MESSAGE : ERROR_NONE;
}

/* ---- what was found ---- */

struct span scan_raw(const struct scan *s, enum member m)
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

bool scan_text(const struct scan *s, enum member m, char *room, size_t room_n, struct span *text)
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
