/* SPDX-License-Identifier: MIT
 *
 * One pass from left to right. Each function reads one part and says HEAD_MORE where the bytes end, HEAD_BAD at the
 * first byte that cannot be, HEAD_WHOLE when it has passed its part. Nothing is kept between calls: the number of bytes
 * seen before is enough to notice that what came now only makes the last line longer (line_goes_on).
 *
 * The rules, each with its problem in request_inner.h:
 *
 *   RFC 9112 2.2  Lines end with CR LF. A lone LF MAY be taken for a line end: it is not, since not all readers do so.
 *                 A lone CR is none either. Up to REQUEST_EMPTY_LINES_MAX empty lines before the request line are
 *                 ignored. No space between request line and first header.
 *   RFC 9112 3    A request line is a method, a target and a version with one space between them. A method longer than
 *                 any is 501.
 *   RFC 9112 2.3  The version is HTTP/1 in capitals, a dot, a digit. Another major version is 505 (RFC 9110 15.6.6).
 *   RFC 9112 3.2  The target: request_target.c. Exactly one Host, and a valid one; HTTP/1.0 may do without.
 *   RFC 9112 5    A header line is a name, a colon, a value. The name is a token. No space before the colon (5.1). No
 *                 folded lines (5.2). No control character but the tab in a value (RFC 9110 5.5).
 *   RFC 9110 5.3  What is in ONCE_TABLE comes once.
 *   RFC 9112 6    How much body: request_fields.c.
 */
#include "server/io/request_inner.h"

#include <assert.h>

enum {
#define X(name, text) ONCE_##name,
    ONCE_TABLE(X)
#undef X
    ONCE_HEADERS
};

_Static_assert(REQUEST_HEAD_MAX == 16384 && REQUEST_HEADERS_MAX == 100, "the sentences of PROBLEM_TABLE say these");

struct reader {
    const char *start, *p, *end; /* p: what is read next */
    struct request_head *h;
    bool came[ONCE_HEADERS];
    bool line_read; /* the request line is whole */
};

const uint8_t head_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,                /* tab */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                /* */
    2, 15, 2, 3, 15, 7, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6,     /* space to / */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 14, 2, 14, 2, 6,    /* 0 to ? */
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* @ to O */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15,    /* P to _ */
    7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* ` to o */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0,    /* p to DEL */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* obs-text, from here on */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                /* */
};

static const char *skip(unsigned class, const char *p, const char *end)
{
    while (p < end && head_class_has(class, *p))
        p++;
    return p;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

enum head_progress head_bad(struct request_head *h, enum problem p)
{
    static const struct {
        unsigned status;
        const char *code, *text;
    } PROBLEMS[] = {
#define X(name, status, code, text) [PROBLEM_##name] = {status, code, text},
        PROBLEM_TABLE(X)
#undef X
#define X(name, text) [PROBLEM_##name##_TWICE] = {400, "bad-request", "the header " text " came more than once"},
            ONCE_TABLE(X)
#undef X
    };
    h->status = PROBLEMS[p].status;
    h->code = PROBLEMS[p].code;
    h->problem = PROBLEMS[p].text;
    return HEAD_BAD;
}

/* ---- lines ---- */

/* Where a CR or LF is next. */
static enum head_progress read_line_end(struct reader *r)
{
    if (*r->p == '\n')
        return head_bad(r->h, PROBLEM_BARE_LF);
    if (r->p + 1 == r->end)
        return HEAD_MORE;
    if (r->p[1] != '\n')
        return head_bad(r->h, PROBLEM_BARE_CR);
    r->p += 2;
    return HEAD_WHOLE;
}

/* Old clients send one behind the body of their request before. */
static enum head_progress read_empty_lines(struct reader *r)
{
    for (unsigned n = 0; r->p < r->end && is_line_end(*r->p); n++) {
        if (n == REQUEST_EMPTY_LINES_MAX)
            return head_bad(r->h, PROBLEM_EMPTY_LINES);
        enum head_progress done = read_line_end(r);
        if (done != HEAD_WHOLE)
            return done;
    }
    return r->p == r->end ? HEAD_MORE : HEAD_WHOLE;
}

/* ---- the request line ---- */

/* What comes to a port by mistake is named, so that whoever made the mistake finds it. */
static enum problem method_problem(const struct reader *r, size_t n)
{
    enum {
        TLS_HANDSHAKE = 0x16, /* RFC 8446 section 5.1: the type of a connection's first record */
        PROXY_V2_EMPTY = 4    /* its signature is CR LF CR LF NUL … */
    };
    unsigned char c = (unsigned char)*r->p;
    if (n == 0 && c == TLS_HANDSHAKE)
        return PROBLEM_TLS;
    if (n == 0 && c == '\0' && r->p - r->start == PROXY_V2_EMPTY)
        return PROBLEM_PROXY;
    if (is_blank(*r->p) || is_line_end(*r->p))
        return PROBLEM_LINE;
    return c < ' ' || c > '~' ? PROBLEM_BINARY : PROBLEM_METHOD;
}

static enum head_progress read_method(struct reader *r)
{
    const char *start = r->p, *end = r->end - start > REQUEST_METHOD_MAX ? start + REQUEST_METHOD_MAX + 1 : r->end;
    r->p = skip(TOKEN, start, end);
    size_t n = (size_t)(r->p - start);
    if (n > REQUEST_METHOD_MAX)
        return head_bad(r->h, PROBLEM_METHOD_LONG);
    if (r->p == r->end)
        return HEAD_MORE;
    if (n == 0 || *r->p != ' ')
        return head_bad(r->h, method_problem(r, n));
    r->h->method = (struct span){start, n};
    r->p++;
    return HEAD_WHOLE;
}

/* Version 1 of the PROXY protocol is a line of text, whose first word looks like a method. */
static enum head_progress bad_line(struct request_head *h, enum problem p)
{
    return head_bad(h, span_is(h->method, "PROXY") ? PROBLEM_PROXY : p);
}

static enum head_progress read_target(struct reader *r, struct span *target)
{
    const char *start = r->p;
    r->p = skip(TARGET, start, r->end);
    *target = (struct span){start, (size_t)(r->p - start)};
    if (r->p == r->end)
        return HEAD_MORE;
    if (is_line_end(*r->p))
        return bad_line(r->h, PROBLEM_NO_VERSION);
    if (*r->p != ' ')
        return head_bad(r->h, PROBLEM_TARGET_BYTE);
    if (target->n == 0)
        return head_bad(r->h, PROBLEM_LINE);
    r->p++;
    return HEAD_WHOLE;
}

/* A version is `HTTP/1.` and a digit: what is wrong with c at place i of it? */
static enum problem version_problem(size_t i, char c)
{
    enum {
        LETTERS = 4,
        MAJOR = 5
    };
    if (i < LETTERS && c >= 'a' && c <= 'z')
        return PROBLEM_VERSION_CASE;
    return i == MAJOR && head_is_digit(c) ? PROBLEM_VERSION : PROBLEM_LINE;
}

static enum head_progress read_version(struct reader *r)
{
    static const char START[] = "HTTP/1.";
    for (size_t i = 0; START[i]; i++, r->p++) {
        if (r->p == r->end)
            return HEAD_MORE;
        if (*r->p != START[i])
            return bad_line(r->h, version_problem(i, *r->p));
    }
    if (r->p == r->end)
        return HEAD_MORE;
    if (!head_is_digit(*r->p))
        return head_bad(r->h, PROBLEM_LINE);
    r->h->minor = *r->p++ != '0'; /* a higher one is served as the highest that is known: RFC 9110 section 2.5 */
    if (r->p == r->end)
        return HEAD_MORE;
    return is_line_end(*r->p) ? read_line_end(r) : head_bad(r->h, PROBLEM_LINE);
}

static enum head_progress read_request_line(struct reader *r)
{
    struct span target = {NULL, 0};
    enum head_progress done = read_empty_lines(r);
    if (done == HEAD_WHOLE)
        done = read_method(r);
    if (done == HEAD_WHOLE)
        done = read_target(r, &target);
    if (done == HEAD_WHOLE)
        done = read_version(r);
    if (done != HEAD_WHOLE)
        return done;
    r->line_read = true;
    return head_read_target(r->h, target);
}

/* ---- header lines ---- */

/* RFC 9112 section 3.2. A URL's host, which was there before, stays. */
static enum head_progress judge_host(struct request_head *h, struct span value)
{
    if (!head_host_is_valid(value))
        return head_bad(h, PROBLEM_HOST_BAD);
    if (!h->host.p)
        h->host = value;
    return HEAD_WHOLE;
}

static enum head_progress judge_header(struct reader *r, const struct header *line)
{
    static const struct {
        struct span name;
        enum problem twice;
    } ONCE[ONCE_HEADERS] = {
#define X(name, text) [ONCE_##name] = {{text, sizeof(text) - 1}, PROBLEM_##name##_TWICE},
        ONCE_TABLE(X)
#undef X
    };
    size_t i = 0;
    while (i < ONCE_HEADERS && (line->name.n != ONCE[i].name.n || !head_fold_eq(line->name, ONCE[i].name.p)))
        i++;
    if (i == ONCE_HEADERS)
        return HEAD_WHOLE;
    if (r->came[i])
        return head_bad(r->h, ONCE[i].twice);
    r->came[i] = true;
    return i == ONCE_HOST ? judge_host(r->h, line->value) : HEAD_WHOLE;
}

static enum problem name_problem(char c, size_t n)
{
    if (n == 0 && is_blank(c))
        return PROBLEM_FOLDED;
    if (n == 0 && c == ':')
        return PROBLEM_NAME_ABSENT;
    if (is_blank(c))
        return PROBLEM_NAME_BLANK;
    return is_line_end(c) ? PROBLEM_NAME_ALONE : PROBLEM_NAME_BYTE;
}

struct span head_trim(const char *p, const char *end)
{
    while (p < end && is_blank(*p))
        p++;
    while (p < end && is_blank(end[-1]))
        end--;
    return (struct span){p, (size_t)(end - p)};
}

static enum head_progress read_header(struct reader *r)
{
    struct request_head *h = r->h;
    if (h->headers_count == REQUEST_HEADERS_MAX)
        return head_bad(h, PROBLEM_HEADERS_MANY);
    struct header *line = &h->headers[h->headers_count];
    const char *start = r->p;
    r->p = skip(TOKEN, start, r->end);
    line->name = (struct span){start, (size_t)(r->p - start)};
    if (r->p == r->end)
        return HEAD_MORE;
    if (*r->p != ':' || line->name.n == 0)
        return head_bad(h, name_problem(*r->p, line->name.n));
    start = ++r->p;
    r->p = skip(FIELD, start, r->end);
    if (r->p == r->end)
        return HEAD_MORE;
    if (!is_line_end(*r->p))
        return head_bad(h, PROBLEM_VALUE_BYTE);
    line->value = head_trim(start, r->p);
    enum head_progress done = read_line_end(r);
    if (done != HEAD_WHOLE)
        return done;
    h->headers_count++;
    return judge_header(r, line);
}

static enum head_progress read_end(struct reader *r)
{
    enum head_progress done = read_line_end(r);
    if (done != HEAD_WHOLE)
        return done;
    if (r->h->minor > 0 && !r->came[ONCE_HOST])
        return head_bad(r->h, PROBLEM_HOST_ABSENT);
    r->h->n = (size_t)(r->p - r->start);
    return HEAD_WHOLE;
}

static enum head_progress read_head(struct reader *r)
{
    enum head_progress done = read_request_line(r);
    while (done == HEAD_WHOLE && r->p < r->end && !is_line_end(*r->p))
        done = read_header(r);
    if (done != HEAD_WHOLE)
        return done;
    return r->p == r->end ? HEAD_MORE : read_end(r);
}

/* ---- what came since the last call ---- */

/* Whether the line that begins at p is the request line: all before it is empty lines. */
static bool is_first_line(const char *start, const char *p)
{
    if (p - start > 2 * REQUEST_EMPTY_LINES_MAX)
        return false;
    while (start < p && is_line_end(*start))
        start++;
    return start == p;
}

/* Whether the bytes behind `seen`, which were good for HEAD_MORE, are only more of the same target, name or value: so
 * HEAD_MORE it is again. If not, or where it is not worth while, the whole is read. */
static bool line_goes_on(struct span bytes, size_t seen)
{
    const char *from = bytes.p + seen, *end = bytes.p + bytes.n;
    const char *before = memrchr(bytes.p, '\n', seen), *line = before ? before + 1 : bytes.p;
    unsigned class;
    if (line == from || from[-1] == '\r')
        return false;
    if (is_first_line(bytes.p, line)) {
        const char *space = memchr(line, ' ', (size_t)(from - line));
        if (!space || memchr(space + 1, ' ', (size_t)(from - space) - 1))
            return false;
        class = TARGET;
    } else {
        class = memchr(line, ':', (size_t)(from - line)) ? FIELD : TOKEN;
    }
    return skip(class, from, end) == end;
}

enum head_progress request_head_read(struct span bytes, size_t seen, struct request_head *h)
{
    assert(seen <= bytes.n);
    bool full = bytes.n >= REQUEST_HEAD_MAX;
    if (!full && seen > 0 && line_goes_on(bytes, seen))
        return HEAD_MORE;
    h->n = h->headers_count = 0;
    h->method = h->path = h->query = h->host = (struct span){NULL, 0};
    h->minor = h->status = 0;
    h->code = h->problem = NULL;
    struct reader r = {bytes.p, bytes.p, bytes.p + (full ? REQUEST_HEAD_MAX : bytes.n), h, {false}, false};
    enum head_progress done = read_head(&r);
    if (done == HEAD_MORE && full)
        return head_bad(h, r.line_read ? PROBLEM_HEAD_LONG : PROBLEM_TARGET_LONG);
    return done;
}
