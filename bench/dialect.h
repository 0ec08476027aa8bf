/* SPDX-License-Identifier: MIT
 *
 * What a client says and understands: the daemon's native dialect, or Socket.IO's. Pure functions on text.
 */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include "base/buf.h"

enum dialect_event {
    DIALECT_NOTHING, /* presence of others, heartbeats: nothing to do but send `answer` */
    DIALECT_WELCOME, /* the server gave us our id: join now */
    DIALECT_JOINED,  /* the room's list came */
    DIALECT_SIGNAL,  /* another member's signal */
    DIALECT_ERROR,   /* the server refused something */
};

struct dialect {
    const char *name;
    const char *path;
    const char *subprotocol; /* or NULL */
    /* Reads one message. *id is the own id at DIALECT_WELCOME; what must be sent in return is appended to `answer`. */
    enum dialect_event (*read)(struct span text, struct span *id, struct buf *answer);
    void (*write_join)(struct buf *out, const char *room, const char *name);
    /* `data` is a JSON value. */
    void (*write_signal)(struct buf *out, const char *to, struct span data);
};

extern const struct dialect native_dialect;
extern const struct dialect socketio_dialect;

static inline bool span_starts(struct span text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

/* The string after the first `"name":"`, up to the next quote; empty if there is none. Good for ids only: they hold no
 * escapes. */
static inline struct span span_string_after(struct span text, const char *name_and_quote)
{
    size_t n = strlen(name_and_quote);
    const char *at = memmem(text.p, text.n, name_and_quote, n);
    if (!at)
        return (struct span){NULL, 0};
    at += n;
    const char *end = memchr(at, '"', text.n - (size_t)(at - text.p));
    return (struct span){at, end ? (size_t)(end - at) : 0};
}

#endif
