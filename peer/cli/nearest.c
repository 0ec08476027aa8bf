/* SPDX-License-Identifier: MIT */
#include "peer/cli/nearest.h"

#include <glib.h>
#include <string.h>

enum {
    NEAR = 2
};

unsigned nearest_distance(const char *a, const char *b)
{
    unsigned cost[NEAREST_MAX + 1][NEAREST_MAX + 1];
    size_t an = strlen(a), bn = strlen(b);
    if (an > NEAREST_MAX || bn > NEAREST_MAX)
        return NEAREST_FAR;
    for (size_t i = 0; i <= an; i++)
        for (size_t k = 0; k <= bn; k++) {
            if (i == 0 || k == 0) {
                cost[i][k] = (unsigned)(i + k);
                continue;
            }
            unsigned change = cost[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            cost[i][k] = MIN(change, MIN(cost[i - 1][k], cost[i][k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                cost[i][k] = MIN(cost[i][k], cost[i - 2][k - 2] + 1);
        }
    return cost[an][bn];
}

const char *nearest_word(const char *typed, const char *const *words, size_t n)
{
    const char *best = NULL;
    unsigned least = NEAR + 1;
    for (size_t i = 0; i < n; i++)
        if (g_str_has_prefix(words[i], typed))
            return words[i];
    for (size_t i = 0; i < n; i++) {
        unsigned distance = nearest_distance(typed, words[i]);
        if (distance < least && distance < strlen(typed)) {
            least = distance;
            best = words[i];
        }
    }
    return best;
}
