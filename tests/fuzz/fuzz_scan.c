/* SPDX-License-Identifier: MIT
 *
 * Differential fuzzing of the frame scanner: what protocol/scan.h says about jansson is held for every input, and the
 * spans that the scanner yields are compared with jansson's values. Jansson is helped over the two things that the
 * scanner takes and it does not: \u0000 becomes \u0001, and a number that it cannot hold becomes a 1. The two ways of
 * passing plain text are compared, too.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_scan: %s\n", what);
        abort();
    }
}

static void replace_nul_escapes(char *text, size_t n)
{
    for (size_t i = 0; i + 6 <= n; i++) {
        if (text[i] != '\\')
            continue;
        if (memcmp(text + i, "\\u0000", 6) == 0)
            text[i + 5] = '1';
        i++; /* what is escaped starts no escape */
    }
}

static size_t skip_digits(const char *text, size_t at, size_t end)
{
    while (at < end && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

/* Behind the number at `at`, as far as it is one. */
static size_t skip_number(const char *text, size_t at, size_t end)
{
    at = skip_digits(text, at + (text[at] == '-'), end);
    if (at < end && text[at] == '.')
        at = skip_digits(text, at + 1, end);
    if (at < end && (text[at] | 0x20) == 'e')
        at = skip_digits(text, at + 1 + (at + 1 < end && (text[at + 1] == '-' || text[at + 1] == '+')), end);
    return at;
}

/* Overwrites the number that ends at `end` by a 1 between spaces, which reads the same. Others may touch it: where it
 * begins shows only from the left, and the 1 must grow onto none of them. */
static void replace_number(char *text, size_t end)
{
    size_t from = end;
    while (from > 0 && text[from - 1] && strchr("0123456789+-.eE", text[from - 1]))
        from--;
    while (from < end && !strchr("-0123456789", text[from]))
        from++;
    for (size_t next; (next = skip_number(text, from, end)) < end; from = next)
        must(next > from, "jansson found a number too large where there is none");
    memset(text + from, ' ', end - from);
    must(end - from >= 3, "so short a number is not too large");
    text[from + 1] = '1';
}

/* Jansson's verdict, with the two allowances. */
static json_t *load(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    must(text != NULL, "out of memory");
    memcpy(text, data, size);
    text[size] = '\0';
    replace_nul_escapes(text, size);
    json_error_t error;
    json_t *tree;
    while (!(tree = json_loadb(text, size, 0, &error)) && json_error_code(&error) == json_error_numeric_overflow)
        replace_number(text, (size_t)error.position);
    free(text);
    return tree;
}

static enum json_kind kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_TRUE:
        return JSON_KIND_TRUE;
    case JSON_FALSE:
        return JSON_KIND_FALSE;
    case JSON_NULL:
        return JSON_KIND_NULL;
    default:
        return JSON_KIND_NUMBER;
    }
}

/* What jansson's tree does not show, read from text that jansson took: how deep it nests, and whether a top-level name
 * is escaped, `from`, or a second `type`, `to` or `ref`. */
struct walk {
    unsigned depth, deepest;
    unsigned seen[3];
    bool forbidden;
};

static void walk_name(struct walk *w, const char *name, size_t n)
{
    static const char *const ONCE[] = {"type", "to", "ref"};
    struct span text = {name, n};
    for (int i = 0; i < 3; i++)
        if (span_is(text, ONCE[i]) && w->seen[i]++)
            w->forbidden = true;
    if (span_is(text, "from") || memchr(name, '\\', n))
        w->forbidden = true;
}

static struct walk walk_text(const char *p, size_t n)
{
    struct walk w = {0};
    bool name_comes = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"') {
            size_t from = ++i;
            for (; p[i] != '"'; i++)
                i += p[i] == '\\';
            if (w.depth == 1 && name_comes)
                walk_name(&w, p + from, i - from);
            name_comes = false;
        } else if (p[i] == '{' || p[i] == '[') {
            w.depth++;
            name_comes = true;
        } else if (p[i] == '}' || p[i] == ']') {
            w.depth--;
        } else if (p[i] == ',') {
            name_comes = true;
        }
        w.deepest = w.depth > w.deepest ? w.depth : w.deepest;
    }
    return w;
}

static void compare_member(const struct scan *s, enum member_name m, const json_t *tree)
{
    const json_t *value = json_object_get(tree, member_name(m));
    must((value != NULL) == scan_has(s, m), "a member is seen by one only");
    if (!value)
        return;
    must(kind_of(value) == s->m[m].kind, "a member's kind differs");
    struct span raw = scan_raw(s, m);
    must(raw.n > 0 && s->frame.p[s->m[m].key_at + 1] == member_name(m)[0], "a name's offset is wrong");
    if (!json_is_string(value))
        return;
    size_t n = json_string_length(value);
    char *room = malloc(n + 1);
    struct span text;
    must(room && scan_text(s, m, room, n, &text), "a string does not decode into its length");
    /* The allowance for \u0000 changes that character only. */
    for (size_t i = 0; i < n; i++)
        must(text.n == n && (text.p[i] == json_string_value(value)[i] || text.p[i] == '\0'), "a string differs");
    if (s->m[m].escaped && n > 0)
        must(!scan_text(s, m, room, n - 1, &text), "a string was decoded into too little room");
    free(room);
}

static void check_parse(struct span frame)
{
    struct message m;
    enum error e = message_parse(frame, &m);
    must(e == ERROR_NONE || e == ERROR_UNKNOWN_TYPE || m.problem, "a refusal has no sentence");
    if (e != ERROR_NONE || !message_is_relayed(m.type))
        return;
    struct frame *f = message_splice(&m, SPAN("n.x"));
    must(f != NULL, "out of memory");
    struct scan again;
    must(scan_frame(frame_text(f), &again) == ERROR_BAD_MESSAGE && !scan_has(&again, MEMBER_TO),
        "a spliced frame is no message with `from`");
    json_t *tree = load((const uint8_t *)frame_text(f).p, frame_text(f).n);
    must(tree && strcmp(json_string_value(json_object_get(tree, "from")), "n.x") == 0, "`from` is not the sender");
    json_decref(tree);
    frame_unref(f);
}

/* Both ways of passing plain text, from each place that stops them to the next. */
static void check_plain(const uint8_t *data, size_t size)
{
    for (const uint8_t *p = data, *end = data + size; p < end; p++) {
        const uint8_t *stop = plain_skip_words(p, end);
        must(stop == plain_skip(p, end), "the ways of passing plain text differ");
        must(stop == end || !plain_byte(*stop), "plain text stops the scan");
        p = stop;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_plain(data, size);
    struct span frame = {(const char *)data, size};
    struct scan s;
    enum error e = scan_frame(frame, &s);
    /* A raw NUL is never JSON; jansson swallows it behind a number, and then tells wrong positions. */
    json_t *tree = memchr(data, '\0', size) ? NULL : load(data, size);
    struct walk w = {0};
    if (json_is_object(tree))
        w = walk_text(frame.p, frame.n);
    bool fits = json_is_object(tree) && w.deepest <= FRAME_DEPTH_MAX;
    must(e == ERROR_NONE || s.problem, "a refusal has no sentence");
    must((e == ERROR_BAD_JSON) == !fits, "the verdict differs from jansson's");
    must(!fits || (e == ERROR_BAD_MESSAGE) == w.forbidden, "the verdict on members differs");
    if (e == ERROR_NONE) {
        for (enum member_name m = 0; m < MEMBERS; m++)
            compare_member(&s, m, tree);
    }
    check_parse(frame);
    json_decref(tree);
    return 0;
}
