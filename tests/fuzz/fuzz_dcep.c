/* SPDX-License-Identifier: MIT
 *
 * An OPEN that was understood is written again in the same bytes, but for those behind it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocol/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dcep_open open;
    const struct span message = {(const char *)data, size};
    if (dcep_parse(message, &open) != DCEP_OPEN)
        return 0;
    struct buf out;
    buf_init(&out, size);
    if (!dcep_build_open(&open, &out) || out.len > size)
        abort();
    if (open.reliability != DCEP_RELIABLE && memcmp(out.p, data, out.len) != 0)
        abort();
    buf_done(&out);
    return 0;
}
