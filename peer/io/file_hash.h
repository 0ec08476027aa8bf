/* SPDX-License-Identifier: MIT
 *
 * The hashes of a file: of each block, and of the list of these. And the arithmetic of blocks.
 */
#ifndef PEER_IO_FILE_HASH_H
#define PEER_IO_FILE_HASH_H

#include <stdint.h>

#include "protocol/file_tree.h"

/* SHA-256. False: no memory. */
bool file_hash(const void *bytes, size_t n, uint8_t out[FILE_HASH_BYTES]);
/* The root: SHA-256 of the concatenated hashes of the blocks. */
static inline bool file_hash_root(const uint8_t *hashes, uint32_t blocks, uint8_t out[FILE_HASH_BYTES])
{
    return file_hash(hashes, (size_t)blocks * FILE_HASH_BYTES, out);
}

/* size <= FILE_SIZE_MAX */
static inline uint32_t file_blocks(uint64_t size)
{
    return (uint32_t)((size + FILE_BLOCK_BYTES - 1) / FILE_BLOCK_BYTES);
}

static inline uint64_t file_block_at(uint32_t block)
{
    return (uint64_t)block * FILE_BLOCK_BYTES;
}

static inline uint32_t file_block_bytes(uint64_t size, uint32_t block)
{
    uint64_t left = size - file_block_at(block);
    return left < FILE_BLOCK_BYTES ? (uint32_t)left : FILE_BLOCK_BYTES;
}

/* A bitmap of blocks: block b is bit b % 8 of byte b / 8. */
static inline size_t file_bits_bytes(uint32_t blocks)
{
    return ((size_t)blocks + 7) / 8;
}

static inline bool file_bit(const uint8_t *bits, uint32_t block)
{
    return bits[block / 8] >> block % 8 & 1;
}

static inline void file_bit_set(uint8_t *bits, uint32_t block, bool on)
{
    uint8_t mask = (uint8_t)(1u << block % 8);
    bits[block / 8] = on ? bits[block / 8] | mask : bits[block / 8] & (uint8_t)~mask;
}

#endif
