/* SPDX-License-Identifier: MIT
 *
 * A header that is malformed never makes an answer shorter than it would be without it: a broken date, range or weight
 * is ignored, and a list of entity tags ends where it stops being one. (A broken If-Match names nothing, so it fails.)
 */
#include "server/io/conditional.h"

#include <strings.h>

#include "server/io/http_date.h"

/* ---- lists (RFC 9110 section 5.6.1) ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = (struct span){s.p + 1, s.n - 1};
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The next element that is not empty, off the front. Not for elements with quotes: those may hold a comma. */
static bool next_element(struct span *list, struct span *element)
{
    while (list->n > 0) {
        const char *comma = span_find(*list, ',');
        size_t n = comma ? (size_t)(comma - list->p) : list->n, used = comma ? n + 1 : n;
        *element = trim((struct span){list->p, n});
        *list = (struct span){list->p + used, list->n - used};
        if (element->n > 0)
            return true;
    }
    return false;
}

/* ---- entity tags (section 8.8.3) ---- */

struct tag {
    bool weak;
    struct span opaque; /* with its quotes */
};

static bool is_tag_char(unsigned char c)
{
    return c == 0x21 || (c >= 0x23 && c != 0x7f);
}

/* The tag at the front, taken off. */
static bool take_tag(struct span *s, struct tag *tag)
{
    tag->weak = s->n >= 2 && s->p[0] == 'W' && s->p[1] == '/';
    size_t quote = tag->weak ? 2 : 0, end = quote + 1;
    if (s->n <= quote || s->p[quote] != '"')
        return false;
    while (end < s->n && is_tag_char((unsigned char)s->p[end]))
        end++;
    if (end == s->n || s->p[end] != '"')
        return false;
    tag->opaque = (struct span){s->p + quote, end + 1 - quote};
    *s = (struct span){s->p + end + 1, s->n - end - 1};
    return true;
}

/* The next tag of a list; false at its end, and where it is none. */
static bool next_tag(struct span *list, struct tag *tag)
{
    while (list->n > 0 && (is_blank(list->p[0]) || list->p[0] == ','))
        *list = (struct span){list->p + 1, list->n - 1};
    if (!take_tag(list, tag))
        return false;
    *list = trim(*list);
    return list->n == 0 || list->p[0] == ',';
}

/* Whether the list, or `*`, names this strong tag. Section 8.8.3.2: strongly compared, a weak tag equals none. */
static bool names_tag(struct span list, struct span etag, bool strong)
{
    struct tag tag;
    list = trim(list);
    if (span_is(list, "*"))
        return true;
    while (next_tag(&list, &tag))
        if (span_eq(tag.opaque, etag) && !(strong && tag.weak))
            return true;
    return false;
}

/* ---- preconditions ---- */

enum verdict conditions_check(const struct conditions *c, const struct representation *r, int64_t now)
{
    int64_t date;
    if (c->if_match.p) {
        if (!names_tag(c->if_match, r->etag, true))
            return VERDICT_FAILED;
    } else if (c->if_unmodified_since.p && http_date_read(c->if_unmodified_since, now, &date)) {
        if (r->modified > date)
            return VERDICT_FAILED;
    }
    if (c->if_none_match.p)
        return names_tag(c->if_none_match, r->etag, false) ? VERDICT_NOT_MODIFIED : VERDICT_SEND;
    if (r->dated && c->if_modified_since.p && http_date_read(c->if_modified_since, now, &date) && r->modified <= date)
        return VERDICT_NOT_MODIFIED;
    return VERDICT_SEND;
}

bool http_dated(int64_t modified, int64_t now)
{
    return modified >= 0 && modified < now;
}

/* Section 13.1.5: the date has to be exactly ours, and one that proves what was there. */
static bool range_still_holds(struct span if_range, const struct representation *r, int64_t now)
{
    struct tag tag;
    struct span rest = if_range;
    int64_t date;
    if (take_tag(&rest, &tag))
        return rest.n == 0 && !tag.weak && span_eq(tag.opaque, r->etag);
    return r->dated && http_date_read(if_range, now, &date) && date == r->modified;
}

/* ---- ranges ---- */

/* Digits off the front; a number that is too large is as large as can be. False if there are none. */
static bool take_number(struct span *s, uint64_t *number)
{
    size_t n = 0;
    for (*number = 0; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(s->p[n] - '0');
        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    *s = (struct span){s->p + n, s->n - n};
    return n > 0;
}

/* The ranges so far. */
struct ranges {
    bool satisfiable;    /* one of them is */
    bool apart;          /* they are not one run of bytes */
    uint64_t first, end; /* the run; first == end: none */
};

static void add_run(struct ranges *all, uint64_t first, uint64_t end)
{
    all->satisfiable = true;
    if (all->first == all->end) {
        all->first = first;
        all->end = end;
    } else if (first > all->end || end < all->first) {
        all->apart = true;
    } else {
        all->first = first < all->first ? first : all->first;
        all->end = end > all->end ? end : all->end;
    }
}

/* Section 14.1.2; false if it is no range of bytes. */
static bool add_range(struct ranges *all, struct span text, uint64_t size)
{
    uint64_t first, last = UINT64_MAX;
    bool from = take_number(&text, &first);
    if (text.n == 0 || text.p[0] != '-')
        return false;
    text = (struct span){text.p + 1, text.n - 1};
    bool to = take_number(&text, &last);
    if (text.n > 0 || (!from && !to) || (from && to && last < first))
        return false;
    if (!from && last > 0) /* the last bytes: as many as there are */
        add_run(all, last < size ? size - last : 0, size);
    if (from && first < size)
        add_run(all, first, !to || last >= size ? size : last + 1);
    return true;
}

static bool read_ranges(struct span field, uint64_t size, struct ranges *all)
{
    const struct span UNIT = SPAN("bytes=");
    struct span element;
    size_t count = 0;
    if (field.n < UNIT.n || strncasecmp(field.p, UNIT.p, UNIT.n) != 0)
        return false;
    field = (struct span){field.p + UNIT.n, field.n - UNIT.n};
    while (next_element(&field, &element))
        if (++count > RANGES_MAX || !add_range(all, element, size))
            return false;
    return count > 0;
}

enum range_verdict range_choose(
    const struct conditions *c, const struct representation *r, int64_t now, struct byte_part *part)
{
    struct ranges all = {.satisfiable = false};
    if (!c->range.p || (c->if_range.p && !range_still_holds(trim(c->if_range), r, now)))
        return RANGE_WHOLE;
    if (!read_ranges(trim(c->range), r->size, &all))
        return RANGE_WHOLE;
    if (!all.satisfiable)
        return RANGE_UNSATISFIABLE;
    if (all.apart || all.first == all.end) /* no bytes: the last ones of an empty file, which no 206 can say */
        return RANGE_WHOLE;
    *part = (struct byte_part){all.first, all.end - all.first};
    return RANGE_PART;
}

/* ---- content codings ---- */

enum {
    WEIGHT_ONE = 1000,
    WEIGHT_UNSAID = -1
};

static const char *const NAMES[CODINGS] = {[CODING_BR] = "br", [CODING_GZIP] = "gzip"};

const char *coding_name(enum coding coding)
{
    return NAMES[coding];
}

static bool same_word(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* Section 12.4.2: `0`, `1`, or with up to three digits behind the point, in thousandths. */
static bool read_weight(struct span s, int *weight)
{
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return false;
    *weight = s.p[0] == '1' ? WEIGHT_ONE : 0;
    for (size_t i = 2, unit = WEIGHT_ONE / 10; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *weight += (s.p[i] - '0') * (int)unit;
    }
    return *weight <= WEIGHT_ONE;
}

/* `gzip` or `gzip;q=0.5`: its name and weight. */
static bool read_coding(struct span element, struct span *name, int *weight)
{
    const char *semicolon = span_find(element, ';');
    size_t n = semicolon ? (size_t)(semicolon - element.p) : element.n;
    *name = trim((struct span){element.p, n});
    *weight = WEIGHT_ONE;
    if (!semicolon)
        return true;
    struct span rest = trim((struct span){semicolon + 1, element.n - n - 1});
    return rest.n > 2 && (rest.p[0] == 'q' || rest.p[0] == 'Q') && rest.p[1] == '=' &&
           read_weight((struct span){rest.p + 2, rest.n - 2}, weight);
}

/* What is named twice counts with the less of both. */
static void note_weight(int *said, int weight)
{
    if (*said == WEIGHT_UNSAID || weight < *said)
        *said = weight;
}

struct weights {
    int said[CODINGS], others;
};

static void read_codings(struct span field, struct weights *w)
{
    struct span element, name;
    int weight;
    while (next_element(&field, &element)) {
        if (!read_coding(element, &name, &weight))
            continue;
        if (same_word(name, "*"))
            note_weight(&w->others, weight);
        else if (same_word(name, "br"))
            note_weight(&w->said[CODING_BR], weight);
        else if (same_word(name, "gzip") || same_word(name, "x-gzip")) /* section 8.4.1.3 */
            note_weight(&w->said[CODING_GZIP], weight);
        else if (same_word(name, "identity"))
            note_weight(&w->said[CODING_IDENTITY], weight);
    }
}

/* How much each is wanted; 0: not at all. Of equal weights a coding that is named wins, and one that only `*` stands for
 * does not: some say `*` and know none. So weights are told apart further: thousandths times two. */
static int wanted(const struct weights *w, enum coding coding)
{
    int said = w->said[coding];
    if (said != WEIGHT_UNSAID)
        return said > 0 ? said * 2 + (coding != CODING_IDENTITY) : 0;
    if (w->others != WEIGHT_UNSAID)
        return w->others * 2;
    return coding == CODING_IDENTITY; /* without a word it is acceptable, and least of all */
}

enum coding coding_choose(struct span accept_encoding, unsigned exist)
{
    struct weights w = {.said = {WEIGHT_UNSAID, WEIGHT_UNSAID, WEIGHT_UNSAID}, .others = WEIGHT_UNSAID};
    enum coding best = CODING_IDENTITY;
    read_codings(accept_encoding, &w);
    int most = wanted(&w, best);
    for (enum coding c = 0; c < CODING_IDENTITY; c++) {
        int much = exist & (1u << c) ? wanted(&w, c) : 0;
        if (much > most) {
            most = much;
            best = c;
        }
    }
    return best;
}
