/* SPDX-License-Identifier: MIT
 *
 * Values as people write them: 25s, 64K, yes. Each type has one reader and one writer, and what is written reads back
 * as the same number.
 */
#include "server/config.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

struct unit {
    const char *name;
    unsigned long long factor;
};

static const struct unit DURATIONS[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit SIZES[] = {{"M", 1024 * 1024}, {"K", 1024}, {"", 1}};
static const char *const TRUE_WORDS[] = {"yes", "true", "on", "1"};
static const char *const FALSE_WORDS[] = {"no", "false", "off", "0"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool parse_bool(const char *text, unsigned long long *number)
{
    for (size_t i = 0; i < COUNT(TRUE_WORDS); i++) {
        bool yes = strcasecmp(text, TRUE_WORDS[i]) == 0;
        if (yes || strcasecmp(text, FALSE_WORDS[i]) == 0) {
            *number = yes;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const char *choices, const char *text, unsigned long long *number)
{
    size_t n = strlen(text);
    *number = 0;
    for (const char *word = choices; *word; (*number)++) {
        size_t len = strcspn(word, " ");
        if (n == len && memcmp(word, text, n) == 0)
            return true;
        word += len;
        word += strspn(word, " ");
    }
    return false;
}

/* Digits and one of the units; `bare` is the factor of a number without one. */
static bool parse_units(
    const char *text, const struct unit *units, size_t count, unsigned long long bare, unsigned long long *number)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno)
        return false;
    unsigned long long factor = *end ? 0 : bare;
    for (size_t i = 0; i < count && *end; i++)
        if (strcasecmp(end, units[i].name) == 0)
            factor = units[i].factor;
    return factor > 0 && !__builtin_mul_overflow(n, factor, number);
}

bool option_parse(const struct option *o, const char *text, unsigned long long *number)
{
    switch (o->type) {
    case OPTION_BOOL:
        return parse_bool(text, number);
    case OPTION_ENUM:
        return parse_choice(o->choices, text, number);
    case OPTION_INTEGER:
        return parse_units(text, NULL, 0, 1, number);
    case OPTION_SIZE:
        return parse_units(text, SIZES, COUNT(SIZES), 1, number);
    case OPTION_DURATION:
        return parse_units(text, DURATIONS, COUNT(DURATIONS), 1000, number);
    case OPTION_TEXT:
    case OPTION_LIST:
        break;
    }
    return false;
}

/* The largest unit that leaves no remainder. */
static void format_units(
    const struct unit *units, size_t count, const char *zero, unsigned long long number, struct buf *out)
{
    if (number == 0) {
        buf_text(out, zero);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (number % units[i].factor == 0) {
            buf_printf(out, "%llu%s", number / units[i].factor, units[i].name);
            return;
        }
}

static void format_choice(const char *choices, unsigned long long index, struct buf *out)
{
    for (; index > 0; index--)
        choices += strcspn(choices, " ") + 1;
    buf_add(out, choices, strcspn(choices, " "));
}

void option_format(const struct option *o, unsigned long long number, struct buf *out)
{
    switch (o->type) {
    case OPTION_BOOL:
        buf_text(out, number ? "yes" : "no");
        break;
    case OPTION_ENUM:
        format_choice(o->choices, number, out);
        break;
    case OPTION_SIZE:
        format_units(SIZES, COUNT(SIZES), "0", number, out);
        break;
    case OPTION_DURATION:
        format_units(DURATIONS, COUNT(DURATIONS), "0s", number, out);
        break;
    case OPTION_INTEGER:
    case OPTION_TEXT:
    case OPTION_LIST:
        buf_printf(out, "%llu", number);
        break;
    }
}

static void range(const struct option *o, const char *what, const char *after, struct buf *out)
{
    buf_text(out, what);
    option_format(o, o->least, out);
    buf_text(out, " to ");
    option_format(o, o->most, out);
    buf_text(out, after);
}

void option_allowed(const struct option *o, struct buf *out)
{
    switch (o->type) {
    case OPTION_BOOL:
        buf_text(out, "yes or no");
        break;
    case OPTION_ENUM:
        buf_printf(out, "one of: %s", o->choices);
        break;
    case OPTION_INTEGER:
        range(o, "a whole number from ", "", out);
        break;
    case OPTION_SIZE:
        range(o, "a size (bytes, K or M) from ", "", out);
        break;
    case OPTION_DURATION:
        range(o, "a duration (ms, s, m or h) from ", "", out);
        break;
    case OPTION_TEXT:
        range(o, "a text of ", " printable bytes", out);
        break;
    case OPTION_LIST:
        range(o, "", " entries, none empty", out);
        break;
    }
}
