/* SPDX-License-Identifier: MIT
 *
 * Which blocks of a file somebody has: a bit for each, block b is bit b % 8 of byte b / 8.
 *   owns     nothing: maps are their holders', block_map_bytes long, zeroed when nothing is there
 *   before   a block that is named is below `blocks`
 *   after    bits behind the last block are not set
 */
#ifndef PEER_TRANSFER_BLOCK_MAP_H
#define PEER_TRANSFER_BLOCK_MAP_H

#include "base/buf.h"
#include "protocol/file_frame.h"

static inline size_t block_map_bytes(uint32_t blocks)
{
    return ((size_t)blocks + 7) / 8;
}

static inline bool block_map_has(const uint8_t *map, uint32_t block)
{
    return map[block / 8] >> block % 8 & 1;
}

static inline void block_map_add(uint8_t *map, uint32_t block)
{
    map[block / 8] |= (uint8_t)(1 << block % 8);
}

static inline void block_map_remove(uint8_t *map, uint32_t block)
{
    map[block / 8] &= (uint8_t) ~(1 << block % 8);
}

uint32_t block_map_count(const uint8_t *map, uint32_t blocks);
/* Appends it in base64; nothing if no block is there. False when memory is short. */
bool block_map_write(const uint8_t *map, uint32_t blocks, struct buf *out);
/* Replaces what is in map. False, and the map is empty, unless the text is such a map of so many blocks, or empty. */
bool block_map_read(struct span text, uint8_t *map, uint32_t blocks);

#endif
