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

#include "base/utf8.h"
#include "protocol/limits.h"
#include "protocol/plain.h"
#include "protocol/scan_escape.h"

/* Each reader below is given where its value begins and returns what lies behind it, or NULL: the grammar was broken. */
struct reader {
    const unsigned char *start, *end;
    const char *problem; /* why the grammar was broken */
    bool escaped;        /* the string read last has a backslash */
};

struct piece {
    const unsigned char *p, *end;
};

static const struct {
    const char *text;
    size_t n;
} NAMES[MEMBERS] = {
#define X(name, text) [MEMBER_##name] = {text, sizeof(text) - 1},
    MEMBER_TABLE(X)
#undef X
};

const char *member_name(enum member_name m)
{
    return NAMES[m].text;
}

static const unsigned char *broken(struct reader *r, const char *problem)
{
    r->problem = problem;
    return NULL;
}

/* Passes white space; returns the byte that comes then, or -1 at the end. */
static inline int next_byte(const unsigned char **at, const unsigned char *end)
{
    const unsigned char *p = *at;
    while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    *at = p;
    return p < end ? *p : -1;
}

/* The byte at p, or -1 at the end. */
static inline int peek(const unsigned char *p, const unsigned char *end)
{
    return p < end ? *p : -1;
}

/* ---- strings ---- */

/* Behind the escape at p; NULL if it is malformed. */
static const unsigned char *escape(struct reader *r, const unsigned char *p)
{
    if (r->end - p < 2)
        return broken(r, "a string has no end");
    if (short_escape(p[1]))
        return p + 2;
    if (p[1] != 'u')
        return broken(r, "a backslash must be followed by one of \" \\ / b f n r t u");
    int value = unicode_escape(p, r->end);
    if (value < 0)
        return broken(r, "\\u takes four hex digits, and surrogates only in pairs");
    return p + unicode_escape_size(value);
}

/* Escapes come in rows: each line of an SDP ends in these two. */
static const unsigned char *escapes(struct reader *r, const unsigned char *p)
{
    static const char line_end[] = "\\r\\n";
    enum {
        LINE_END = sizeof line_end - 1
    };
    r->escaped = true;
    do
        p = r->end - p >= LINE_END && memcmp(p, line_end, LINE_END) == 0 ? p + LINE_END : escape(r, p);
    while (p && p < r->end && *p == '\\');
    return p;
}

/* So do characters of other scripts. */
static const unsigned char *beyond_ascii(struct reader *r, const unsigned char *p)
{
    do {
        size_t n = utf8_next(p, (size_t)(r->end - p));
        if (n == 0)
            return broken(r, "the frame is not UTF-8");
        p += n;
    } while (p < r->end && *p >= 0x80);
    return p;
}

/* The rest of a string that is not over at p. */
static const unsigned char *long_string(struct reader *r, const unsigned char *p)
{
    const unsigned char *end = r->end;
    while ((p = plain_skip(p, end)) < end && *p != '"') {
        if (*p < 0x20)
            return broken(r, "a control character in a string must be escaped");
        p = *p == '\\' ? escapes(r, p) : beyond_ascii(r, p);
        if (!p)
            return NULL;
    }
    return p < end ? p + 1 : broken(r, "a string has no end");
}

/* From the opening quote on. Names and ids are short. */
static inline const unsigned char *string(struct reader *r, const unsigned char *p)
{
    r->escaped = false;
    p = plain_skip_one(p + 1, r->end);
    return p < r->end && *p == '"' ? p + 1 : long_string(r, p);
}

/* ---- numbers and words ---- */

static const unsigned char *digits(struct reader *r, const unsigned char *p)
{
    const unsigned char *from = p;
    while (p < r->end && *p >= '0' && *p <= '9')
        p++;
    return p > from ? p : broken(r, "a value is missing or malformed");
}

static const unsigned char *number(struct reader *r, const unsigned char *p)
{
    if (*p == '-')
        p++;
    if (peek(p, r->end) == '0')
        p++; /* a digit after it is then no part of the number, and nothing else either */
    else
        p = digits(r, p);
    if (p && peek(p, r->end) == '.')
        p = digits(r, p + 1);
    if (!p || (peek(p, r->end) | 0x20) != 'e')
        return p;
    p++;
    return digits(r, peek(p, r->end) == '+' || peek(p, r->end) == '-' ? p + 1 : p);
}

static const unsigned char *word(struct reader *r, const unsigned char *p, struct span text)
{
    if ((size_t)(r->end - p) < text.n || memcmp(p, text.p, text.n) != 0)
        return broken(r, "a value is missing or malformed");
    return p + text.n;
}

/* ---- values ---- */

static const unsigned char *object(struct reader *r, const unsigned char *p, unsigned depth, struct scan *s);
static const unsigned char *array(struct reader *r, const unsigned char *p, unsigned depth);

/* At its first byte, or -1. */
static inline const unsigned char *value(struct reader *r, const unsigned char *p, int first, unsigned depth)
{
    if (first == '"')
        return string(r, p);
    if (first == '{')
        return object(r, p, depth, NULL);
    if (first == '[')
        return array(r, p, depth);
    if (first == 't')
        return word(r, p, SPAN("true"));
    if (first == 'f')
        return word(r, p, SPAN("false"));
    if (first == 'n')
        return word(r, p, SPAN("null"));
    return first < 0 ? broken(r, "the frame ends inside an object or array") : number(r, p);
}

/* What kind a sound value is, by its first byte. */
static enum json_kind kind_of(unsigned char first)
{
    switch (first) {
    case '"':
        return JSON_KIND_STRING;
    case '{':
        return JSON_KIND_OBJECT;
    case '[':
        return JSON_KIND_ARRAY;
    case 't':
        return JSON_KIND_TRUE;
    case 'f':
        return JSON_KIND_FALSE;
    case 'n':
        return JSON_KIND_NULL;
    default:
        return JSON_KIND_NUMBER;
    }
}

static bool too_deep(struct reader *r, unsigned depth)
{
    if (depth <= FRAME_DEPTH_MAX)
        return false;
    broken(r, "objects and arrays may nest 32 deep, no deeper");
    return true;
}

/* After an entry: behind the comma (*more), or behind the container's end. */
static inline const unsigned char *next(struct reader *r, const unsigned char *p, int closing, bool *more)
{
    int c = next_byte(&p, r->end);
    *more = c == ',';
    return *more || c == closing ? p + 1 : broken(r, "a comma or the end of an object or array is missing");
}

static const unsigned char *array(struct reader *r, const unsigned char *p, unsigned depth)
{
    if (too_deep(r, depth))
        return NULL;
    p++;
    int first = next_byte(&p, r->end);
    if (first == ']')
        return p + 1;
    for (bool more;; first = next_byte(&p, r->end)) {
        p = value(r, p, first, depth + 1);
        p = p ? next(r, p, ']', &more) : NULL;
        if (!p || !more)
            return p;
    }
}

static void forbidden(struct scan *s, enum member_name m, const char *problem)
{
    if (s->problem)
        return;
    s->problem = problem;
    s->member = m;
}

static inline enum member_name named(const unsigned char *name, size_t n)
{
#define X(id, text)                                                         \
    if (n == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0) \
        return MEMBER_##id;
    MEMBER_TABLE(X)
#undef X
    return MEMBERS;
}

/* By their lengths first: where the length is a constant, the compiler keeps the names of that length only. */
static enum member_name find_member(const unsigned char *name, size_t n)
{
    switch (n) {
    case 2:
        return named(name, 2);
    case 3:
        return named(name, 3);
    case 4:
        return named(name, 4);
    case 5:
        return named(name, 5);
    case 6:
        return named(name, 6);
    default:
        return named(name, n);
    }
}

/* Takes down a top-level member: its name, quotes included, and its value; escaped: the name is. */
static void note(const struct reader *r, struct scan *s, struct piece name, struct piece value, bool escaped)
{
    if (escaped) {
        forbidden(s, MEMBERS, "the name of a top-level member must be written without escapes");
        return;
    }
    size_t n = (size_t)(name.end - name.p) - 2;
    if (n == 4 && memcmp(name.p + 1, "from", 4) == 0) {
        forbidden(s, MEMBERS, "`from` is the server's to set: leave it out");
        return;
    }
    enum member_name m = find_member(name.p + 1, n);
    if (m == MEMBERS)
        return;
    if (scan_has(s, m) && m <= MEMBER_REF) {
        forbidden(s, m, "`type`, `to` and `ref` may stand only once");
        return;
    }
    s->present |= 1u << m;
    struct scan_member *found = &s->m[m];
    found->key_at = (uint32_t)(name.p - r->start);
    found->value_at = (uint32_t)(value.p - r->start);
    found->value_n = (uint32_t)(value.end - value.p);
    found->kind = (uint8_t)kind_of(*value.p);
    found->escaped = *value.p == '"' && r->escaped;
}

/* The top-level object, for which s is given, or one inside it. */
static const unsigned char *object(struct reader *r, const unsigned char *p, unsigned depth, struct scan *s)
{
    const unsigned char *end = r->end;
    if (too_deep(r, depth))
        return NULL;
    p++;
    int first = next_byte(&p, end);
    if (first == '}')
        return p + 1;
    for (bool more;; first = next_byte(&p, end)) {
        if (first != '"')
            return broken(r, "a member's name is missing: it is a string in double quotes");
        struct piece key = {p, string(r, p)}, val;
        if (!key.end)
            return NULL;
        bool key_escaped = r->escaped;
        p = key.end;
        if (next_byte(&p, end) != ':')
            return broken(r, "a colon is missing between a member's name and its value");
        val.p = p + 1;
        first = next_byte(&val.p, end);
        val.end = value(r, val.p, first, depth + 1);
        if (!val.end)
            return NULL;
        if (s)
            note(r, s, key, val, key_escaped);
        p = next(r, val.end, '}', &more);
        if (!p || !more)
            return p;
    }
}

static inline struct reader start_scan(struct span frame, struct scan *s)
{
    assert(frame.n <= UINT32_MAX);
    s->frame = frame;
    s->present = 0;
    s->problem = NULL;
    s->member = MEMBERS;
    const unsigned char *start = (const unsigned char *)frame.p;
    return (struct reader){.start = start, .end = frame.n ? start + frame.n : start};
}

/* p: behind the value that the frame is. */
static inline enum error finish_scan(struct reader *r, const unsigned char *p, struct scan *s, const char *problem)
{
    if (p && next_byte(&p, r->end) != -1)
        p = broken(r, problem);
    if (!p) {
        s->present = 0;
        s->problem = r->problem;
        s->member = MEMBERS;
        return ERROR_BAD_JSON;
    }
    return s->problem ? ERROR_BAD_MESSAGE : ERROR_NONE;
}

enum error scan_frame(struct span frame, struct scan *s)
{
    struct reader r = start_scan(frame, s);
    const unsigned char *p = r.start;
    p = next_byte(&p, r.end) == '{' ? object(&r, p, 1, s) : broken(&r, "a frame is one JSON object");
    return finish_scan(&r, p, s, "nothing may follow the object");
}

/* From the opening bracket on. */
static const unsigned char *list(struct reader *r, const unsigned char *p, struct scan *s, struct span parts[2])
{
    p++;
    int first = next_byte(&p, r->end);
    if (first == ']')
        return p + 1;
    for (size_t i = 0;; i++, first = next_byte(&p, r->end)) {
        const unsigned char *at = p;
        bool more;
        p = i == 1 && first == '{' ? object(r, p, 2, s) : value(r, p, first, 2);
        if (p && i < 2)
            parts[i] = (struct span){(const char *)at, (size_t)(p - at)};
        p = p ? next(r, p, ']', &more) : NULL;
        if (!p || !more)
            return p;
    }
}

enum error scan_list(struct span frame, struct scan *s, struct span *first, struct span *second)
{
    struct reader r = start_scan(frame, s);
    struct span parts[2] = {{NULL, 0}, {NULL, 0}};
    const unsigned char *p = r.start;
    p = next_byte(&p, r.end) == '[' ? list(&r, p, s, parts) : broken(&r, "this is to be a JSON array");
    *first = parts[0];
    *second = parts[1];
    return finish_scan(&r, p, s, "nothing may follow the array");
}
