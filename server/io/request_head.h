/* SPDX-License-Identifier: MIT
 *
 * The head of an HTTP/1.x request (RFC 9112): request line and header lines, read strictly, by one list of rules. What
 * two readers could take for two requests is refused with a status and a sentence, not guessed at.
 *
 * Pure: nothing is copied or allocated. All spans point into the caller's bytes, except the path "/" of a URL that has
 * none, and live as long as these.
 */
#ifndef SERVER_IO_REQUEST_HEAD_H
#define SERVER_IO_REQUEST_HEAD_H

#include <stdint.h>

#include "base/buf.h"

enum {
    REQUEST_HEAD_MAX =
        16 * 1024,             /* bytes, with the request line. RFC 9112 section 3 wants 8,000 for that one at least */
    REQUEST_HEADERS_MAX = 100, /* header lines */
    REQUEST_METHOD_MAX = 32,   /* bytes; the longest one registered has 17 (UPDATEREDIRECTREF) */
    REQUEST_EMPTY_LINES_MAX = 4, /* before the request line */
};

enum head_progress {
    HEAD_MORE,  /* sound as far as it goes: ask again when there are more bytes behind these */
    HEAD_WHOLE, /* all members of the head are set, but for the last three */
    HEAD_BAD,   /* `status`, `code` and `problem` are set; no bytes that may follow change that */
};

struct header {
    struct span name, value; /* the value without blanks and tabs around it; it may be empty */
};

struct request_head {
    size_t n;           /* bytes of the head, with empty lines before it and the one that ends it */
    struct span method; /* a token, case-sensitive. Of a bad head: set if it was read, else p == NULL */
    struct span path;   /* as it came, not decoded: begins with "/"; or is "*", of OPTIONS only. Of a URL: its path */
    struct span query;  /* behind the "?"; p == NULL if there is none */
    struct span host;   /* of a URL in the request line its own (RFC 9112 section 3.2.2), else Host's; with its port.
                           Empty if Host is; p == NULL if neither is there, which HTTP/1.0 may do */
    unsigned minor;     /* of HTTP/1.x: 0 or 1 (of a higher one, too: RFC 9110 section 2.5) */
    struct header headers[REQUEST_HEADERS_MAX]; /* in their order */
    size_t headers_count;
    unsigned status;            /* of the answer: 400, 413, 414, 431, 501, 505 */
    const char *code, *problem; /* static; for {"error":{"code":…,"message":…}} */
};

/* Reads the head at the beginning of the bytes, as far as it is there; what follows it is not looked at. Judged is each
 * byte as it comes, each line with its end, and what is missing with the end of the head, in this order: so the answer
 * does not depend on how the bytes were cut, and garbage is refused with the first byte that no head can have there.
 *
 * `seen` is how many of these bytes the last call was given, which answered HEAD_MORE; 0 at first. They are not read
 * again until a part of the line ends; then all is, at most five times a line and once for each byte of the method. So
 * REQUEST_HEAD_MAX bytes that come one by one cost 1 to 3 ms in all (50 if `seen` were always 0). A number that is
 * wrong may delay the verdict, but not change it. */
enum head_progress request_head_read(struct span bytes, size_t seen, struct request_head *h);

/* Names compare without case. */
bool header_is(const struct header *line, const char *name);
/* The value of a header that may come once. False if it is absent, or if it came several times: heads with two of those
 * in ONCE_TABLE (request_inner.h) are bad; of others with two no one value is meant, and they count as absent. */
bool request_head_find(const struct request_head *h, const char *name, struct span *value);
/* The values of all its lines with commas between (RFC 9110 section 5.3), in place of what was in `out`. False if it is
 * absent, or longer than out may be. */
bool request_head_join(const struct request_head *h, const char *name, struct buf *out);
/* Whether a comma-separated list, on any number of lines and of any length, has the word (RFC 9110 section 5.6.1).
 * Without regard to case if `fold`. */
bool request_head_list_has(const struct request_head *h, const char *name, const char *word, bool fold);
/* Whether it has nothing else, without regard to case; empty elements say nothing. True if it is absent. */
bool request_head_list_only(const struct request_head *h, const char *name, const char *word);

enum body_framing {
    BODY_NONE,    /* neither Content-Length nor Transfer-Encoding */
    BODY_LENGTH,  /* *length bytes, which may be 0 */
    BODY_CHUNKED, /* chunked, and nothing else */
    BODY_BAD,     /* h->status, code and problem are set; where the next request would begin is not known */
};
/* How the body that follows a whole head is framed (RFC 9112 section 6.3). */
enum body_framing request_head_body(struct request_head *h, uint64_t *length);

#endif
