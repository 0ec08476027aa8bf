/* SPDX-License-Identifier: MIT
 *
 * A frame that was understood is written again in the same bytes, and lies within a file's bounds.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocol/file_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_frame f;
    struct buf out;
    if (!file_frame_read((struct span){(const char *)data, size}, &f))
        return 0;
    if (f.block > FILE_BLOCKS_MAX || (uint64_t)f.offset + f.n > FILE_BLOCK_BYTES)
        abort();
    buf_init(&out, size);
    if (!file_frame_write(&out, &f) || out.len != size || memcmp(out.p, data, size) != 0)
        abort();
    buf_done(&out);
    return 0;
}
