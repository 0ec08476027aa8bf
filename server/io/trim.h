/* SPDX-License-Identifier: MIT
 *
 * When freed memory goes back to the system. The allocator keeps what lies below anything that is still in use, so
 * after a thousand backlogs have gone the process would stay as large as it was with them. Giving it back walks the
 * whole heap: it is done a while after enough was freed, when the rest of the same fall is in too, and so at most
 * once in that time.
 */
#ifndef SERVER_IO_TRIM_H
#define SERVER_IO_TRIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRIM_BYTES = 4 * 1024 * 1024, /* freed: less is not worth a walk */
    TRIM_MS = 1000,               /* from there to the walk */
    TRIM_CONNECTION = 4 * 1024,   /* bytes that a connection itself is good for (bench/figures/memory.txt), */
    TRIM_SECURE = 32 * 1024,      /* and under TLS: 17 KB while it is open, up to 160 KB in its handshake */
};

struct trim {
    size_t freed; /* bytes, since the last time */
    uint64_t at;  /* when it is due; UINT64_MAX: not */
};

void trim_init(struct trim *t);
/* So many bytes were freed. */
void trim_freed(struct trim *t, size_t bytes, uint64_t now);
/* Whether the time has come; then it begins anew. */
bool trim_due(struct trim *t, uint64_t now);
/* Gives back what is free. */
void trim_memory(void);

#endif
