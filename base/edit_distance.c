/* SPDX-License-Identifier: MIT
 *
 * Levenshtein's distance, in which two neighbours that changed places count as one: that is what fingers do.
 */
#include "base/edit_distance.h"

#include <stddef.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b)
{
    unsigned d[EDIT_DISTANCE_MAX + 1][EDIT_DISTANCE_MAX + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > EDIT_DISTANCE_MAX || m > EDIT_DISTANCE_MAX)
        return EDIT_DISTANCE_FAR;
    for (unsigned i = 0; i <= n; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}
