/* SPDX-License-Identifier: MIT
 *
 * The figures stand on the right and have their widths, so that nothing jumps while they change; what is left is shared by the
 * name and the bar. On narrow terminals the bar goes first, then the figures from the right.
 */
#include "peer/cli/progress.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "peer/cli/width.h"

enum {
    NAME_COLUMNS_MIN = 8,
    NAME_COLUMNS_MAX = 28,
    BAR_COLUMNS_MIN = 10,
    BAR_COLUMNS_MAX = 40,
    SAMPLE_MS = 100, /* what comes sooner is added to the next */
    LONG_SECONDS = 100 * 3600
};

void speed_add(struct speed *s, uint64_t now_ms, uint64_t bytes)
{
    if (!s->begun || bytes < s->bytes) {
        *s = (struct speed){.at = now_ms, .bytes = bytes, .begun = true};
        return;
    }
    uint64_t ms = now_ms - s->at;
    if (ms < SAMPLE_MS)
        return;
    double sample = (double)(bytes - s->bytes) * 1000 / (double)ms,
           weight = (double)ms / (double)(ms + SPEED_MEMORY_MS);
    s->per_second = s->known ? s->per_second + weight * (sample - s->per_second) : sample;
    s->known = true;
    s->at = now_ms;
    s->bytes = bytes;
}

uint64_t speed_now(const struct speed *s)
{
    return (uint64_t)s->per_second;
}

void progress_size(uint64_t bytes, char out[PROGRESS_TEXT_MAX])
{
    static const char *const UNITS[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(out, PROGRESS_TEXT_MAX, "%u B", (unsigned)bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < G_N_ELEMENTS(UNITS)) {
        value /= 1000;
        unit++;
    }
    snprintf(out, PROGRESS_TEXT_MAX, "%.1f %s", value, UNITS[unit]);
}

void progress_time(uint64_t seconds, char out[PROGRESS_TEXT_MAX])
{
    unsigned s = (unsigned)MIN(seconds, LONG_SECONDS);
    if (s >= LONG_SECONDS)
        snprintf(out, PROGRESS_TEXT_MAX, "long");
    else if (s >= 3600)
        snprintf(out, PROGRESS_TEXT_MAX, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, PROGRESS_TEXT_MAX, "%u:%02u", s / 60, s % 60);
}

unsigned progress_percent(uint64_t done, uint64_t size)
{
    if (done >= size)
        return 100;
    unsigned percent = (unsigned)((double)done * 100 / (double)size);
    return MIN(percent, 99);
}

/* The name in exactly so many columns. */
static void add_name(GString *out, const char *name, long columns)
{
    char *cut = width_cut(name, columns);
    g_string_append(out, cut);
    for (long used = width_of(cut, strlen(cut)); used < columns; used++)
        g_string_append_c(out, ' ');
    g_free(cut);
}

static void add_bar(GString *out, unsigned percent, long columns)
{
    long full = (columns - 2) * (long)percent / 100;
    g_string_append_c(out, '[');
    for (long i = 0; i < columns - 2; i++)
        g_string_append_c(out, i < full ? '#' : '-');
    g_string_append(out, "]");
}

/* The figures, each with its width. The first are the last to go. */
static GString *figures(uint64_t done, uint64_t size, uint64_t per_second, long columns)
{
    char a[PROGRESS_TEXT_MAX], b[PROGRESS_TEXT_MAX], part[4][4 * PROGRESS_TEXT_MAX];
    progress_size(done, a);
    progress_size(size, b);
    snprintf(part[0], sizeof part[0], "%3u%%", progress_percent(done, size));
    snprintf(part[1], sizeof part[1], "  %8s of %8s", a, b);
    progress_size(per_second, a);
    snprintf(part[2], sizeof part[2], per_second ? "  %8s/s" : "  %8s  ", per_second ? a : "");
    progress_time(per_second && size > done ? (size - done) / per_second + 1 : 0, a);
    snprintf(part[3], sizeof part[3], per_second && size > done ? "  %7s left" : "  %7s     ",
        per_second && size > done ? a : "");
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(part); i++) {
        if ((long)(out->len + strlen(part[i])) > columns)
            break;
        g_string_append(out, part[i]);
    }
    return out;
}

char *progress_row(const char *name, uint64_t done, uint64_t size, uint64_t per_second, long columns)
{
    GString *row = g_string_new(NULL), *right = figures(done, size, per_second, MAX(columns - NAME_COLUMNS_MIN - 1, 4));
    long left = columns - (long)right->len - 1, name_columns = MIN(left, NAME_COLUMNS_MAX);
    long bar = left - NAME_COLUMNS_MIN - 1;
    if (bar >= BAR_COLUMNS_MIN) {
        name_columns = CLAMP(left - 1 - BAR_COLUMNS_MIN, NAME_COLUMNS_MIN, NAME_COLUMNS_MAX);
        bar = MIN(left - 1 - name_columns, BAR_COLUMNS_MAX);
    }
    if (name_columns > 0) {
        add_name(row, name, name_columns);
        g_string_append_c(row, ' ');
    }
    if (bar >= BAR_COLUMNS_MIN) {
        add_bar(row, progress_percent(done, size), bar);
        g_string_append_c(row, ' ');
    }
    g_string_append_len(row, right->str, (gssize)right->len);
    g_string_free(right, TRUE);
    while (row->len > 0 && row->str[row->len - 1] == ' ')
        g_string_truncate(row, row->len - 1);
    return g_string_free(row, FALSE);
}
