/* SPDX-License-Identifier: MIT
 *
 * A slow reader of request heads that is easy to check against the RFCs: it cuts lines, compares words, and tries whether
 * some end would make a line of what is there. Borrowed bytes throughout.
 */
#ifndef TESTS_FUZZ_SLOW_HEAD_H
#define TESTS_FUZZ_SLOW_HEAD_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "server/io/request_head.h"

#define SLOW_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

struct slow_head {
    struct span method, path, query, host;
    unsigned minor, empty_lines, hosts;
    bool url;
    size_t n, count;
    struct header headers[REQUEST_HEADERS_MAX];
};

static inline struct span slow_cut(struct span s, size_t from, size_t n)
{
    return (struct span){s.p + from, n};
}

static inline bool slow_all_of(struct span s, const char *allowed)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || !strchr(allowed, s.p[i]))
            return false;
    return true;
}

static inline bool slow_same(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* Where the first c is; s.n if it is nowhere. */
static inline size_t slow_index(struct span s, char c)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != c)
        i++;
    return i;
}

/* ---- one line ---- */

static inline bool slow_is_token(struct span s)
{
    return s.n > 0 && slow_all_of(s, "!#$%&'*+-.^_`|~" SLOW_LETTERS);
}

/* method SP target SP HTTP/1.x, as far as characters go. */
static inline bool slow_is_request_line(struct span line)
{
    size_t first = slow_index(line, ' ');
    if (first == line.n)
        return false;
    struct span rest = slow_cut(line, first + 1, line.n - first - 1);
    size_t second = slow_index(rest, ' ');
    if (second == rest.n || second == 0 || first > REQUEST_METHOD_MAX)
        return false;
    struct span version = slow_cut(rest, second + 1, rest.n - second - 1);
    return slow_is_token(slow_cut(line, 0, first)) &&
           slow_all_of(slow_cut(rest, 0, second), "-._~:/?[]@!$&'()*+,;=%{}|\\^`" SLOW_LETTERS) && version.n == 8 &&
           memcmp(version.p, "HTTP/1.", 7) == 0 && slow_all_of(slow_cut(version, 7, 1), "0123456789");
}

static inline bool slow_is_header_line(struct span line)
{
    size_t colon = slow_index(line, ':');
    if (colon == line.n || !slow_is_token(slow_cut(line, 0, colon)))
        return false;
    for (size_t i = colon + 1; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if ((c < 32 && c != '\t') || c == 127)
            return false;
    }
    return true;
}

/* Whether the beginning of a line, perhaps with the CR behind it, is one of a line that is good: whether some of these
 * ends makes it one. */
static inline bool slow_may_become(struct span begun, bool first)
{
    static const char REQUEST[] = "A / HTTP/1.1", HEADER[] = "A:";
    const char *ends = first ? REQUEST : HEADER;
    bool (*is_line)(struct span) = first ? slow_is_request_line : slow_is_header_line;
    if (begun.n > 0 && begun.p[begun.n - 1] == '\r')
        return begun.n == 1 || is_line(slow_cut(begun, 0, begun.n - 1));
    char *text = malloc(begun.n + sizeof REQUEST);
    bool good = false;
    if (!text)
        abort();
    memcpy(text, begun.p, begun.n);
    for (size_t i = 0; i <= strlen(ends) && !good; i++) {
        memcpy(text + begun.n, ends + i, strlen(ends + i));
        good = is_line((struct span){text, begun.n + strlen(ends + i)});
    }
    free(text);
    return good;
}

/* ---- what lines mean ---- */

static inline bool slow_is_name(struct span host)
{
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] == '%') {
            if (host.n - i < 3 || !slow_all_of(slow_cut(host, i + 1, 2), "0123456789abcdefABCDEF"))
                return false;
            i += 2;
        } else if (!slow_all_of(slow_cut(host, i, 1), "-._~!$&'()*+,;=" SLOW_LETTERS)) {
            return false;
        }
    return true;
}

static inline bool slow_is_host(struct span host)
{
    bool bracket = host.n > 0 && host.p[0] == '[';
    size_t end = bracket ? slow_index(host, ']') + 1 : slow_index(host, ':');
    if (end > host.n)
        return false;
    if (end < host.n) {
        char digits[6] = "";
        struct span port = slow_cut(host, end + 1, host.n - end - 1);
        if (host.p[end] != ':' || port.n > 5 || !slow_all_of(port, "0123456789"))
            return false;
        memcpy(digits, port.p, port.n);
        if (strtol(digits, NULL, 10) > 65535)
            return false;
    }
    char text[64];
    struct in6_addr address;
    if (!bracket)
        return slow_is_name(slow_cut(host, 0, end));
    snprintf(text, sizeof text, "%.*s", (int)(end - 2), host.p + 1);
    return end - 2 < sizeof text && inet_pton(AF_INET6, text, &address) == 1;
}

static inline void slow_set_path(struct slow_head *h, struct span rest)
{
    size_t mark = slow_index(rest, '?');
    h->path = slow_cut(rest, 0, mark);
    if (mark < rest.n)
        h->query = slow_cut(rest, mark + 1, rest.n - mark - 1);
}

static inline bool slow_take_target(struct slow_head *h, struct span target)
{
    static const char *const SCHEMES[] = {"http://", "https://", "ws://", "wss://"};
    if (span_is(h->method, "CONNECT"))
        return false;
    if (span_is(target, "*")) {
        h->path = target;
        return span_is(h->method, "OPTIONS");
    }
    if (target.p[0] == '/') {
        slow_set_path(h, target);
        return true;
    }
    for (size_t i = 0; i < sizeof SCHEMES / sizeof *SCHEMES; i++) {
        size_t n = strlen(SCHEMES[i]);
        if (target.n < n || strncasecmp(target.p, SCHEMES[i], n) != 0)
            continue;
        struct span rest = slow_cut(target, n, target.n - n);
        size_t slash = slow_index(rest, '/'), mark = slow_index(rest, '?'), end = slash < mark ? slash : mark;
        h->url = true;
        h->host = slow_cut(rest, 0, end);
        slow_set_path(h, slow_cut(rest, end, rest.n - end));
        if (h->path.n == 0)
            h->path = SPAN("/");
        return slow_index(h->host, ':') > 0 && h->host.n > 0 && slow_is_host(h->host);
    }
    return false;
}

static inline bool slow_take_request_line(struct slow_head *h, struct span line)
{
    size_t first = slow_index(line, ' ');
    if (!slow_is_request_line(line))
        return false;
    h->method = slow_cut(line, 0, first);
    h->minor = line.p[line.n - 1] == '0' ? 0 : 1;
    return slow_take_target(h, slow_cut(line, first + 1, line.n - first - 10));
}

static inline bool slow_take_header(struct slow_head *h, struct span line)
{
    static const char *const ONCE[] = {
        "host", "content-length", "authorization", "origin", "sec-websocket-key", "sec-websocket-version"};
    size_t colon = slow_index(line, ':');
    if (h->count == REQUEST_HEADERS_MAX || !slow_is_header_line(line))
        return false;
    struct header *header = &h->headers[h->count];
    header->name = slow_cut(line, 0, colon);
    header->value = slow_cut(line, colon + 1, line.n - colon - 1);
    while (header->value.n > 0 && strchr(" \t", header->value.p[0]))
        header->value = slow_cut(header->value, 1, header->value.n - 1);
    while (header->value.n > 0 && strchr(" \t", header->value.p[header->value.n - 1]))
        header->value.n--;
    for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++)
        for (size_t j = 0; slow_same(header->name, ONCE[i]) && j < h->count; j++)
            if (slow_same(h->headers[j].name, ONCE[i]))
                return false;
    h->count++;
    if (!slow_same(header->name, "host"))
        return true;
    h->hosts++;
    if (!h->url)
        h->host = header->value;
    return slow_is_host(header->value);
}

/* ---- the head ---- */

/* Takes one whole line; HEAD_MORE: and it was not the last. */
static inline enum head_progress slow_take_line(struct slow_head *h, struct span line)
{
    bool good;
    if (!h->method.p && line.n == 0)
        good = ++h->empty_lines <= REQUEST_EMPTY_LINES_MAX;
    else if (!h->method.p)
        good = slow_take_request_line(h, line);
    else if (line.n > 0)
        good = slow_take_header(h, line);
    else
        return h->hosts > 0 || h->minor == 0 ? HEAD_WHOLE : HEAD_BAD;
    return good ? HEAD_MORE : HEAD_BAD;
}

/* Whether a line that is not whole may go on. */
static inline bool slow_may_go_on(const struct slow_head *h, struct span begun)
{
    if (begun.n == 0)
        return true;
    bool ends = begun.p[0] == '\r';
    if (!h->method.p)
        return ends ? begun.n == 1 && h->empty_lines < REQUEST_EMPTY_LINES_MAX : slow_may_become(begun, true);
    return ends ? begun.n == 1 : h->count < REQUEST_HEADERS_MAX && slow_may_become(begun, false);
}

static inline enum head_progress slow_read(struct span bytes, struct slow_head *h)
{
    size_t most = bytes.n < REQUEST_HEAD_MAX ? bytes.n : REQUEST_HEAD_MAX, start = 0;
    memset(h, 0, offsetof(struct slow_head, headers));
    for (size_t i = 0; i + 1 < most; i++) {
        if (bytes.p[i] != '\r' || bytes.p[i + 1] != '\n')
            continue;
        enum head_progress done = slow_take_line(h, slow_cut(bytes, start, i - start));
        start = i + 2;
        h->n = start;
        if (done != HEAD_MORE)
            return done;
    }
    bool may = most < REQUEST_HEAD_MAX && slow_may_go_on(h, slow_cut(bytes, start, most - start));
    return may ? HEAD_MORE : HEAD_BAD;
}

#endif
