/* SPDX-License-Identifier: MIT */
#include "protocol/frame.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FIN_TEXT = 0x81,
    LENGTH_16 = 126,
    LENGTH_64 = 127
};

static struct frame *make(uint8_t head, size_t payload)
{
    assert(payload <= UINT32_MAX - 16);
    struct frame *f = malloc(sizeof *f + head + payload);
    if (f)
        *f = (struct frame){.refs = 1, .len = (uint32_t)(head + payload), .head = head};
    return f;
}

struct frame *frame_raw(size_t n)
{
    return make(0, n);
}

struct frame *frame_new(size_t payload)
{
    uint8_t head = payload < LENGTH_16 ? 2 : payload <= 0xffff ? 4 : 10;
    struct frame *f = make(head, payload);
    if (!f)
        return NULL;
    unsigned char *h = (unsigned char *)f->bytes;
    h[0] = FIN_TEXT;
    h[1] = head == 2 ? (unsigned char)payload : head == 4 ? LENGTH_16 : LENGTH_64;
    for (int i = 0; i < head - 2; i++)
        h[head - 1 - i] = (unsigned char)((uint64_t)payload >> (8 * i));
    return f;
}

struct frame *frame_of(struct span payload)
{
    struct frame *f = frame_new(payload.n);
    if (f && payload.n)
        memcpy(frame_payload(f), payload.p, payload.n);
    return f;
}

struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

void frame_unref(struct frame *f)
{
    if (f && --f->refs == 0)
        free(f);
}
