/* SPDX-License-Identifier: MIT */
#include "peer/cli/nearest.h"

#include <glib.h>
#include <string.h>

#include "peer/include/usher.h"

enum {
    NEAR = 2
};

/* 0: it begins so. */
static unsigned far_from(const char *typed, const char *word)
{
    gchar *a = g_utf8_casefold(typed, -1), *b = g_utf8_casefold(word, -1);
    unsigned distance = g_str_has_prefix(b, a) ? 0 : usher_word_distance(a, b);
    g_free(a);
    g_free(b);
    return distance;
}

size_t nearest_words(const char *typed, const char *const *words, size_t n, const char **out, size_t max)
{
    size_t count = 0;
    unsigned most = (unsigned)MIN(strlen(typed) / 3 + 1, NEAR + 1);
    for (unsigned distance = 0; distance <= most && distance < strlen(typed); distance++)
        for (size_t i = 0; i < n && count < max; i++)
            if (far_from(typed, words[i]) == distance)
                out[count++] = words[i];
    return count;
}

const char *nearest_word(const char *typed, const char *const *words, size_t n)
{
    const char *best = NULL;
    unsigned least = NEAR + 1;
    for (size_t i = 0; i < n; i++)
        if (g_str_has_prefix(words[i], typed))
            return words[i];
    for (size_t i = 0; i < n; i++) {
        unsigned distance = usher_word_distance(typed, words[i]);
        if (distance < least && distance < strlen(typed)) {
            least = distance;
            best = words[i];
        }
    }
    return best;
}
