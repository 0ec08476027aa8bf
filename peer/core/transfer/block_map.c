/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "peer/core/transfer/block_map.h"

uint32_t block_map_count(const uint8_t *map, uint32_t blocks)
{
    uint32_t n = 0;
    for (size_t i = 0; i < block_map_bytes(blocks); i++)
        for (unsigned bits = map[i]; bits; bits &= bits - 1)
            n++;
    assert(n <= blocks);
    return n;
}

bool block_map_write(const uint8_t *map, uint32_t blocks, struct buf *out)
{
    assert(out->len == 0);
    size_t bytes = block_map_bytes(blocks);
    if (!map || block_map_count(map, blocks) == 0)
        return true;
    char *text = buf_reserve(out, BASE64_LEN(bytes) + 1);
    if (!text)
        return false;
    base64_encode(map, bytes, text);
    out->len += BASE64_LEN(bytes);
    return true;
}

bool block_map_read(struct span text, uint8_t *map, uint32_t blocks)
{
    size_t bytes = block_map_bytes(blocks);
    bool ok = text.n == 0 || base64_decode(text, map, bytes);
    /* Bits behind the last block say nothing, so nobody may have them. */
    if (ok && text.n > 0 && blocks % 8 > 0 && map[bytes - 1] >> blocks % 8)
        ok = false;
    if (!ok || text.n == 0)
        memset(map, 0, bytes);
    return ok;
}
