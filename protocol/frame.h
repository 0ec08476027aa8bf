/* SPDX-License-Identifier: MIT
 *
 * An outgoing WebSocket text frame, built once, header and all (RFC 6455 section 5.2: a server's frames carry no
 * mask), and shared by reference count between all its readers. Single-threaded: the count is a plain number.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include <stdint.h>

#include "base/span.h"

struct frame {
    uint32_t refs;
    uint32_t len;   /* bytes on the wire: header and payload */
    uint8_t head;   /* bytes of the header: 2, 4 or 10; 0: no WebSocket frame, the bytes go out as they are */
    bool unlimited; /* does not count against a reader's queue limit (`peers` of a full room) */
    char bytes[];
};

/* A frame of one reference whose header is written and whose payload the caller fills; NULL when out of memory. */
struct frame *frame_new(size_t payload);
/* The same without a header: n bytes that go out as they are. */
struct frame *frame_raw(size_t n);
/* A frame that copies the payload. */
struct frame *frame_of(struct span payload);
struct frame *frame_ref(struct frame *f);
/* Drops one reference; frees at the last. Takes NULL. */
void frame_unref(struct frame *f);

static inline char *frame_payload(struct frame *f)
{
    return f->bytes + f->head;
}

static inline struct span frame_text(const struct frame *f)
{
    return (struct span){f->bytes + f->head, f->len - f->head};
}

#endif
