/* SPDX-License-Identifier: MIT
 *
 * Bytes of a terminal. Each key is taken whole, however the bytes are cut: a reader that gets one byte at a time finds the same keys.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/cli/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_keys: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    char kept[KEYS_BYTES_MAX];
    size_t at = 0, n = 0, used;
    enum key key, slow;
    for (size_t i = 0; i < size; i++) {
        must(n < sizeof kept, "more is kept than was promised");
        kept[n++] = bytes[i];
        /* What a byte at a time completes is what stands there when all of it is seen. */
        while ((used = keys_next(kept, n, &slow)) > 0) {
            must(used <= n, "it takes more than there is");
            must(keys_next(bytes + at, size - at, &key) == used && key == slow, "a cut changes a key");
            at += used;
            n -= used;
            memmove(kept, kept + used, n);
        }
    }
    must(at + n == size, "bytes are lost");
    must(n == 0 || keys_next(bytes + at, n, &key) == 0, "what is kept was whole");
    return 0;
}
