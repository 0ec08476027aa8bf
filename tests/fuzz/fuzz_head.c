/* SPDX-License-Identifier: MIT
 *
 * Differential fuzzing of the request head: the verdict and all that was read are compared with those of a slow reader,
 * after each byte of a short input and after some of a long one. So a head is refused no later and no earlier than the
 * rules say, however it comes. What was found bad stays bad for the same reason.
 *
 * The answers about single headers are compared with those of a search that knows no more than the lines.
 */
#include <stdint.h>

#include "tests/fuzz/slow_head.h"

enum {
    EACH_BYTE_MAX = 64, /* shorter inputs are tried after each byte */
    STEPS = 16
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_head: %s\n", what);
        abort();
    }
}

static bool is_within(struct span part, struct span whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

static void same(struct span a, struct span b, const char *what)
{
    must((a.p == NULL) == (b.p == NULL) && span_eq(a, b), what);
}

/* ---- what a whole head must hold, whoever read it ---- */

static void check_whole(struct span bytes, const struct request_head *h)
{
    struct span head = {bytes.p, h->n};
    must(h->n >= sizeof "A / HTTP/1.0\r\n\r\n" - 1 && h->n <= bytes.n && h->n <= REQUEST_HEAD_MAX,
        "a length that cannot be");
    must(memcmp(bytes.p + h->n - 4, "\r\n\r\n", 4) == 0, "it does not end with an empty line");
    must(is_within(h->method, head) && h->method.n > 0, "the method lies elsewhere");
    must(is_within(h->path, head) || span_is(h->path, "/"), "the path lies elsewhere");
    must(!h->query.p || is_within(h->query, head), "the query lies elsewhere");
    must(!h->host.p || is_within(h->host, head), "the host lies elsewhere");
    must(h->host.p || h->minor == 0, "HTTP/1.1 without a host");
    must(h->headers_count <= REQUEST_HEADERS_MAX, "too many headers");
    for (size_t i = 0; i < h->headers_count; i++) {
        const struct header *line = &h->headers[i];
        must(is_within(line->name, head) && line->name.n > 0, "a name lies elsewhere");
        must(is_within(line->value, head), "a value lies elsewhere");
        for (size_t j = 0; j < line->value.n; j++)
            must((unsigned char)line->value.p[j] >= 32 || line->value.p[j] == '\t', "a control character in a value");
    }
}

static void check_same(const struct request_head *h, const struct slow_head *slow)
{
    must(h->n == slow->n && h->minor == slow->minor && h->headers_count == slow->count, "another length or version");
    same(h->method, slow->method, "another method");
    same(h->path, slow->path, "another path");
    same(h->query, slow->query, "another query");
    same(h->host, slow->host, "another host");
    for (size_t i = 0; i < slow->count; i++) {
        same(h->headers[i].name, slow->headers[i].name, "another name");
        same(h->headers[i].value, slow->headers[i].value, "another value");
    }
}

/* ---- headers ---- */

/* How many lines of this name there are; the last of them. */
static size_t slow_lines(const struct slow_head *slow, const char *name, struct span *value)
{
    size_t n = 0;
    for (size_t i = 0; i < slow->count; i++)
        if (slow_same(slow->headers[i].name, name)) {
            *value = slow->headers[i].value;
            n++;
        }
    return n;
}

static void check_find(const struct request_head *h, const struct slow_head *slow)
{
    for (size_t i = 0; i < slow->count; i++) {
        char name[64];
        struct span found = {NULL, 0}, expected;
        if (slow->headers[i].name.n >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)slow->headers[i].name.n, slow->headers[i].name.p);
        size_t lines = slow_lines(slow, name, &expected);
        must(request_head_find(h, name, &found) == (lines == 1), "a header was found, or not");
        if (lines == 1)
            same(found, expected, "another value was found");
    }
}

/* Of lists without quotes, an element is what stands between commas. */
static bool slow_list_has(const struct slow_head *slow, const char *name, const char *word)
{
    bool has = false;
    for (size_t i = 0; i < slow->count; i++) {
        if (!slow_same(slow->headers[i].name, name))
            continue;
        char text[REQUEST_HEAD_MAX + 1], *rest = text, *element;
        snprintf(text, sizeof text, "%.*s", (int)slow->headers[i].value.n, slow->headers[i].value.p);
        must(strlen(text) == slow->headers[i].value.n, "a value was cut");
        while ((element = strsep(&rest, ","))) {
            element += strspn(element, " \t");
            for (size_t n = strlen(element); n > 0 && strchr(" \t", element[n - 1]); n--)
                element[n - 1] = '\0';
            has = has || strcasecmp(element, word) == 0;
        }
    }
    return has;
}

static bool has_quotes(const struct slow_head *slow)
{
    for (size_t i = 0; i < slow->count; i++)
        if (span_find(slow->headers[i].value, '"'))
            return true;
    return false;
}

static void check_lists(const struct request_head *h, const struct slow_head *slow)
{
    static const struct {
        const char *name, *word;
    } ASKED[] = {{"Connection", "upgrade"}, {"upgrade", "WebSocket"}, {"Transfer-Encoding", "chunked"},
        {"Sec-WebSocket-Protocol", "usher.v1"}, {"A", "b"}};
    for (size_t i = 0; i < sizeof ASKED / sizeof *ASKED; i++) {
        bool has = request_head_list_has(h, ASKED[i].name, ASKED[i].word, true);
        bool may = slow_list_has(slow, ASKED[i].name, ASKED[i].word);
        must(has_quotes(slow) ? !has || may : has == may, "a list has another word");
    }
}

/* The length in decimal, without the zeroes before it, must read back as it came. */
static void check_body(const struct request_head *whole, const struct slow_head *slow)
{
    static struct request_head copy; /* a problem of the body is none of the head */
    struct request_head *h = &copy;
    copy = *whole;
    struct span length = {NULL, 0}, coding = {NULL, 0};
    size_t lengths = slow_lines(slow, "Content-Length", &length),
           codings = slow_lines(slow, "Transfer-Encoding", &coding);
    uint64_t n = 0;
    char text[24];
    enum body_framing framing = request_head_body(h, &n);
    must((framing == BODY_NONE) == (lengths == 0 && codings == 0), "a body out of nothing");
    must((framing == BODY_BAD) == (h->problem != NULL), "a problem that none is");
    bool chunked = codings == 1 && lengths == 0 && slow->minor == 1 && slow_same(coding, "chunked");
    must((framing == BODY_CHUNKED) == chunked, "chunked, or not");
    if (lengths == 0 || codings > 0)
        return;
    must(framing == BODY_LENGTH || framing == BODY_BAD, "a length was lost");
    while (length.n > 1 && length.p[0] == '0')
        length = slow_cut(length, 1, length.n - 1);
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    bool number = length.n > 0 && slow_all_of(length, "0123456789");
    must(framing == BODY_BAD || (number && span_is(length, text)), "another length");
    bool small = length.n < 20 || (length.n == 20 && memcmp(length.p, "18446744073709551615", 20) <= 0);
    must((framing == BODY_LENGTH) == (number && small), "a length that counts, or not");
}

/* ---- all of it ---- */

/* On a copy of exactly n bytes, so that a look behind them is seen; the spans are moved to the bytes themselves. */
static enum head_progress read_exactly(struct span bytes, size_t seen, struct request_head *h)
{
    char *copy = malloc(bytes.n + 1);
    must(copy != NULL, "out of memory");
    memcpy(copy + 1, bytes.p, bytes.n);
    enum head_progress done = request_head_read((struct span){copy + 1, bytes.n}, seen, h);
    free(copy);
    return done == HEAD_WHOLE ? request_head_read(bytes, seen, h) : done;
}

static enum head_progress check(struct span bytes, struct request_head *h)
{
    static struct slow_head slow;
    enum head_progress done = read_exactly(bytes, 0, h), expected = slow_read(bytes, &slow);
    must(done == expected, "another verdict");
    must((done == HEAD_BAD) == (done != HEAD_MORE && h->problem), "bad without a problem, or good with one");
    if (done == HEAD_WHOLE) {
        check_whole(bytes, h);
        check_same(h, &slow);
        check_find(h, &slow);
        check_lists(h, &slow);
        check_body(h, &slow);
    }
    return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct request_head whole, part, late;
    struct span bytes = {(const char *)data, size};
    enum head_progress all = check(bytes, &whole);
    size_t step = size <= EACH_BYTE_MAX ? 1 : size / STEPS + 1, behind = 0;
    for (size_t n = size ? data[size - 1] % step : 0; n < size; n += step) { /* where it is cut, the last byte says */
        enum head_progress done = check((struct span){bytes.p, n}, &part);
        if (done == HEAD_WHOLE) {
            must(all == HEAD_WHOLE && part.n == whole.n, "what follows a head changes it");
            break;
        }
        must(done == HEAD_MORE || (all == HEAD_BAD && part.problem == whole.problem), "what follows changes a problem");
        if (done == HEAD_BAD)
            break;
        must(read_exactly(bytes, n, &late) == all, "another verdict after a pause");
        must(all == HEAD_MORE || late.problem == whole.problem, "another problem after a pause");
        must(all != HEAD_WHOLE || (late.n == whole.n && late.headers_count == whole.headers_count), "another head");
        must(n == 0 || read_exactly((struct span){bytes.p, n}, behind, &late) == done, "another verdict in between");
        behind = n;
    }
    return 0;
}
