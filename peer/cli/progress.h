/* SPDX-License-Identifier: MIT
 *
 * How far a file is, in words and as a bar. Pure.
 */
#ifndef PEER_CLI_PROGRESS_H
#define PEER_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes a second, as an average that forgets: what came within the last SPEED_MEMORY_MS counts for the most. */
struct speed {
    double per_second;
    uint64_t at, bytes; /* of the last sample */
    bool begun, known;
};
enum {
    SPEED_MEMORY_MS = 5000,
    PROGRESS_TEXT_MAX = 32
};

/* So many bytes are there at this time, which never goes back. */
void speed_add(struct speed *s, uint64_t now_ms, uint64_t bytes);
/* 0: not known yet. */
uint64_t speed_now(const struct speed *s);

/* "0 B", "999 B", "1.0 kB", "12.3 MB": powers of 1000, as disks are sold. */
void progress_size(uint64_t bytes, char out[PROGRESS_TEXT_MAX]);
/* "0:07", "12:34", "1:02:03"; above 99 hours "long". */
void progress_time(uint64_t seconds, char out[PROGRESS_TEXT_MAX]);
/* 0 to 100, and 100 only if all is there. */
unsigned progress_percent(uint64_t done, uint64_t size);
/* One row of at most so many columns, for g_free: the name, cut if it must be, a bar if there is room, and what fits of
 * "45 %  12.3 MB of 27.4 MB  3.1 MB/s  0:05 left". name is harmless already. */
char *progress_row(const char *name, uint64_t done, uint64_t size, uint64_t per_second, long columns);

#endif
