/* SPDX-License-Identifier: MIT
 *
 * The option that was probably meant: the one of the fewest slips of a finger (optimal string alignment: a letter too
 * many, too few, another one, or two exchanged), if they are few; one of that name in another section; one whose name
 * was written short or long; or one of the words that other servers use.
 */
#include "server/config.h"

#include <assert.h>
#include <stdio.h>

enum {
    LONGEST = 63, /* a longer word is no slip of ours */
    LETTERS_A_SLIP = 8,
    SHORT_MIN = 3
};

/* What others call it. */
static const struct {
    const char *key;
    enum option_id id;
} OTHER_NAMES[] = {
    {"port", OPTION_SERVER_LISTEN},
    {"host", OPTION_SERVER_LISTEN},
    {"bind", OPTION_SERVER_LISTEN},
    {"address", OPTION_SERVER_LISTEN},
};

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned slips(const char *a, size_t an, const char *b, size_t bn)
{
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= bn; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= an; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= bn; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[bn];
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* How unlike section.key, or section_key, the option's name is; 0 for the same. */
static unsigned difference(const char *name, char separator, const struct option *o)
{
    char full[LONGEST + 1];
    int n = snprintf(full, sizeof full, "%s%c%s", o->section, separator, o->key);
    assert(n > 0 && (size_t)n < sizeof full);
    return slips(name, strlen(name), full, (size_t)n);
}

/* The key behind the section of the option, NULL if the name has another section. */
static const char *key_in_section(const char *name, char separator, const struct option *o)
{
    size_t n = strlen(o->section);
    return begins_with(name, o->section) && name[n] == separator ? name + n + 1 : NULL;
}

static bool is_short_for(const char *name, char separator, const struct option *o)
{
    const char *key = key_in_section(name, separator, o);
    return key && strlen(key) >= SHORT_MIN && (begins_with(o->key, key) || begins_with(key, o->key));
}

static const struct option *find_elsewhere(const char *name, char separator)
{
    const char *key = strchr(name, separator);
    key = key ? key + 1 : name;
    for (size_t i = 0; i < sizeof OTHER_NAMES / sizeof *OTHER_NAMES; i++)
        if (strcmp(key, OTHER_NAMES[i].key) == 0)
            return &options[OTHER_NAMES[i].id];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(key, options[i].key) == 0)
            return &options[i];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (is_short_for(name, separator, &options[i]))
            return &options[i];
    return NULL;
}

const struct option *option_near(const char *name, char separator)
{
    size_t n = strlen(name);
    if (n == 0 || n > LONGEST)
        return NULL;
    const struct option *best = NULL;
    unsigned fewest = 1 + (unsigned)n / LETTERS_A_SLIP;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned d = difference(name, separator, &options[i]);
        if (d < fewest || (d == fewest && !best)) {
            best = &options[i];
            fewest = d;
        }
    }
    return best;
}

const struct option *option_suggest(const char *name, char separator)
{
    const struct option *near = option_near(name, separator);
    return near ? near : find_elsewhere(name, separator);
}

const char *option_suggest_section(const char *section)
{
    size_t n = strlen(section);
    const char *best = NULL;
    unsigned fewest = 2;
    for (size_t i = 0; i < OPTION_COUNT && n <= LONGEST; i++) {
        unsigned d = slips(section, n, options[i].section, strlen(options[i].section));
        if (d < fewest || (d == fewest && !best)) {
            best = options[i].section;
            fewest = d;
        }
    }
    return best;
}
