/* SPDX-License-Identifier: MIT
 *
 * What the header lines of a whole head say: single values, lists, and how much body follows.
 *
 * Where a body ends is what request smuggling is about, so wherever a recipient may either repair or refuse, we refuse:
 *
 *   RFC 9110 8.6  Content-Length is one number. A list of one number several times ("5, 5", or two lines) MAY be taken
 *                 for it or refused; no client sends it, and another reader may choose otherwise.
 *   RFC 9112 6.1  Content-Length with Transfer-Encoding MAY be refused, and "ought to be handled as an error" (6.3).
 *                 Transfer-Encoding in HTTP/1.0 is faulty.
 *   RFC 9112 6.3  Transfer-Encoding is chunked, once. Without it at the end: 400. With a coding before it: 501 (6.1).
 *                 Empty elements, which other lists may have, are refused here.
 */
#include "server/io/request_inner.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool head_fold_eq(struct span a, const char *text)
{
    size_t i = 0;
    while (i < a.n && text[i] && lower(a.p[i]) == lower(text[i]))
        i++;
    return i == a.n && text[i] == '\0';
}

bool header_is(const struct header *line, const char *name)
{
    return head_fold_eq(line->name, name);
}

/* The next line of that name from *at on, which moves behind it; NULL if there is none. */
static const struct header *next_line(const struct request_head *h, const char *name, size_t *at)
{
    while (*at < h->headers_count) {
        const struct header *line = &h->headers[(*at)++];
        if (header_is(line, name))
            return line;
    }
    return NULL;
}

bool request_head_find(const struct request_head *h, const char *name, struct span *value)
{
    size_t at = 0;
    const struct header *line = next_line(h, name, &at);
    if (!line || next_line(h, name, &at))
        return false;
    *value = line->value;
    return true;
}

bool request_head_join(const struct request_head *h, const char *name, struct buf *out)
{
    size_t at = 0;
    const struct header *line = next_line(h, name, &at);
    buf_reset(out);
    if (!line)
        return false;
    buf_span(out, line->value);
    while ((line = next_line(h, name, &at))) {
        buf_text(out, ", ");
        buf_span(out, line->value);
    }
    return !out->failed;
}

/* ---- lists ---- */

/* Cuts the first element off a list that is not at its end (p == NULL): up to a comma that is not in quotes (RFC 9110
 * section 5.6.4), without the blanks around it. It may be empty. */
static struct span cut_element(struct span *list)
{
    const char *p = list->p, *end = p + list->n;
    bool quoted = false;
    for (; p < end && (quoted || *p != ','); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (quoted && *p == '\\' && p + 1 < end)
            p++;
    }
    struct span element = head_trim(list->p, p);
    *list = p < end ? (struct span){p + 1, (size_t)(end - p) - 1} : (struct span){NULL, 0};
    return element;
}

bool request_head_list_has(const struct request_head *h, const char *name, const char *word, bool fold)
{
    const struct header *line;
    for (size_t at = 0; (line = next_line(h, name, &at));)
        for (struct span list = line->value; list.p;) {
            struct span element = cut_element(&list);
            if (fold ? head_fold_eq(element, word) : span_is(element, word))
                return true;
        }
    return false;
}

bool request_head_list_only(const struct request_head *h, const char *name, const char *word)
{
    const struct header *line;
    for (size_t at = 0; (line = next_line(h, name, &at));)
        for (struct span list = line->value; list.p;) {
            struct span element = cut_element(&list);
            if (element.n > 0 && !head_fold_eq(element, word))
                return false;
        }
    return true;
}

/* ---- the body ---- */

static enum body_framing bad_body(struct request_head *h, enum problem p)
{
    head_bad(h, p);
    return BODY_BAD;
}

static enum body_framing read_length(struct request_head *h, struct span text, uint64_t *length)
{
    uint64_t n = 0;
    bool huge = false;
    for (size_t i = 0; i < text.n; i++) {
        if (!head_is_digit(text.p[i]))
            return bad_body(h, PROBLEM_LENGTH_BAD);
        unsigned digit = (unsigned)(text.p[i] - '0');
        huge = huge || n > (UINT64_MAX - digit) / 10;
        n = n * 10 + digit;
    }
    if (text.n == 0)
        return bad_body(h, PROBLEM_LENGTH_BAD);
    if (huge)
        return bad_body(h, PROBLEM_LENGTH_HUGE);
    *length = n;
    return BODY_LENGTH;
}

static enum body_framing read_coding(struct request_head *h)
{
    const struct header *line;
    unsigned codings = 0, chunked = 0, empty = 0;
    bool last = false;
    for (size_t at = 0; (line = next_line(h, "Transfer-Encoding", &at));)
        for (struct span list = line->value; list.p;) {
            struct span element = cut_element(&list);
            last = head_fold_eq(element, "chunked");
            codings++;
            chunked += last;
            empty += element.n == 0;
        }
    if (!last || chunked > 1 || empty > 0)
        return bad_body(h, PROBLEM_CODING_BAD);
    return codings > 1 ? bad_body(h, PROBLEM_CODING_UNKNOWN) : BODY_CHUNKED;
}

enum body_framing request_head_body(struct request_head *h, uint64_t *length)
{
    size_t at = 0;
    struct span text;
    bool coded = next_line(h, "Transfer-Encoding", &at), told = request_head_find(h, "Content-Length", &text);
    if (coded && h->minor == 0)
        return bad_body(h, PROBLEM_CODING_OLD);
    if (coded && told)
        return bad_body(h, PROBLEM_LENGTH_CODED);
    if (coded)
        return read_coding(h);
    return told ? read_length(h, text, length) : BODY_NONE;
}
