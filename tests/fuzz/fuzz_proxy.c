/* SPDX-License-Identifier: MIT
 *
 * A PROXY header read as it comes in, a byte at a time, and whole: it never asks for more than it may, never takes a
 * byte more than it says, and both ways end alike.
 */
#include <stdint.h>
#include <stdlib.h>

#include "server/io/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On a copy of exactly n bytes, so that a look behind them is seen. */
static struct proxy_header look(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n);
    if (!copy)
        abort();
    memcpy(copy, data, n);
    struct proxy_header h = proxy_header_read(copy, n);
    free(copy);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header slow = {.command = PROXY_MORE, .length = PROXY_HEADER_LEAST}, fast = slow;
    size_t n = 0;
    while (slow.command == PROXY_MORE && n < size) {
        size_t asked = slow.length;
        slow = look(data, ++n);
        if (slow.length > PROXY_HEADER_MAX || (slow.command == PROXY_MORE && slow.length < asked))
            abort();
    }
    for (size_t take = 0; fast.command == PROXY_MORE && take < size;) {
        take = fast.length < size ? fast.length : size;
        fast = look(data, take);
    }
    if (fast.command != slow.command || (slow.command > PROXY_BAD && n != slow.length))
        abort();
    static const struct address NOWHERE;
    if (slow.command == PROXY_CLIENT && memcmp(&slow.client, &NOWHERE, sizeof NOWHERE) == 0)
        abort();
    return 0;
}
