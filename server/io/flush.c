/* SPDX-License-Identifier: MIT
 *
 * Writing: whole frames, put together in the process's one scratch buffer, in one write. LWS_WRITE_RAW hands ready-made
 * frames through untouched (4.1 to 4.5), which rules out permessage-deflate: it is not offered. What a socket does not
 * take, libwebsockets keeps and writes first of all, its own pongs included, so a control frame never falls inside a
 * batch half written; until that is gone we write nothing and wait for its writeable callback. Its copy counts as
 * waiting like the queue does, and whole until the last byte is out, since that is how long its memory is kept.
 */
#include "server/io/turn.h"

/* A lone frame needs no copy. */
static int write_some(struct io *io, struct conn *c)
{
    struct frame *first = queue_first(&c->queue);
    if (c->queue.count == 1 || first->len > OUT_BATCH) {
        frame_ref(first);
        queue_pop(&c->queue);
        int n = lws_write(c->wsi, (unsigned char *)first->bytes, first->len, LWS_WRITE_RAW);
        frame_unref(first);
        return n;
    }
    unsigned char *batch = io->scratch + LWS_PRE;
    size_t n = queue_take(&c->queue, (char *)batch, OUT_BATCH);
    return lws_write(c->wsi, batch, n, LWS_WRITE_RAW);
}

bool flush(struct io *io, struct conn *c)
{
    while (!lws_partial_buffered(c->wsi)) {
        size_t waiting = c->queue.bytes;
        c->handed = 0;
        if (c->queue.count == 0)
            return true;
        if (write_some(io, c) < 0)
            return false;
        c->handed = waiting - c->queue.bytes;
    }
    return true;
}
