/* SPDX-License-Identifier: MIT
 *
 * Every frame has one head; what follows it is a row of a table: how many numbers, and whether bytes end it.
 */
#include "protocol/file_frame.h"

#include <assert.h>

enum {
    NUMBER_BYTES = 4
};

static const struct shape {
    unsigned numbers;   /* behind the block */
    size_t bytes_max;   /* 0: none; else at least one */
    size_t bytes_piece; /* they are a multiple of it */
} SHAPES[] = {
    [FILE_FRAME_HASHES_WANTED] = {0, 0, 1},
    [FILE_FRAME_HASHES] = {0, (size_t)FILE_HASHES_MAX *FILE_HASH_BYTES, FILE_HASH_BYTES},
    [FILE_FRAME_WANTED] = {2, 0, 1},
    [FILE_FRAME_CHUNK] = {1, FILE_CHUNK_MAX, 1},
    [FILE_FRAME_HAVE] = {0, 0, 1},
    [FILE_FRAME_STOP] = {0, 0, 1},
    [FILE_FRAME_REFUSED] = {0, 0, 1},
    [FILE_FRAME_COMING] = {0, 0, 1},
};

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static char *put32(char *p, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *p++ = (char)(v >> shift);
    return p;
}

static bool is_within(const struct file_frame *f)
{
    uint64_t n = f->type == FILE_FRAME_WANTED ? f->n : f->bytes.n;
    switch (f->type) {
    case FILE_FRAME_HASHES:
        return f->block + n / FILE_HASH_BYTES <= FILE_BLOCKS_MAX;
    case FILE_FRAME_WANTED:
    case FILE_FRAME_CHUNK:
        return f->block < FILE_BLOCKS_MAX && n > 0 && f->offset + n <= FILE_BLOCK_BYTES;
    default:
        return f->block < FILE_BLOCKS_MAX;
    }
}

bool file_frame_read(struct span frame, struct file_frame *f)
{
    const unsigned char *p = (const unsigned char *)frame.p;
    *f = (struct file_frame){.type = FILE_FRAME_CHUNK};
    if (frame.n >= 2 && frame.n >= 2 + (size_t)p[1] && envelope_id_valid((struct span){frame.p + 2, p[1]}))
        f->file_id = (struct span){frame.p + 2, p[1]};
    if (frame.n < 2 || p[0] == 0 || p[0] >= sizeof SHAPES / sizeof SHAPES[0])
        return false;
    const struct shape *shape = &SHAPES[p[0]];
    size_t id = p[1], head = 2 + id + NUMBER_BYTES + shape->numbers * (size_t)NUMBER_BYTES;
    if (frame.n < head)
        return false;
    const unsigned char *number = p + 2 + id;
    *f = (struct file_frame){.type = (enum file_frame_type)p[0],
        .file_id = {frame.p + 2, id},
        .block = get32(number),
        .offset = shape->numbers > 0 ? get32(number + NUMBER_BYTES) : 0,
        .n = shape->numbers > 1 ? get32(number + 2 * (size_t)NUMBER_BYTES) : 0,
        .bytes = {frame.p + head, frame.n - head}};
    bool fits = f->bytes.n <= shape->bytes_max && f->bytes.n % shape->bytes_piece == 0 &&
                (f->bytes.n > 0) == (shape->bytes_max > 0);
    return fits && is_within(f) && envelope_id_valid(f->file_id);
}

static size_t write_head(const struct file_frame *f, char out[FILE_FRAME_HEAD_MAX])
{
    assert(f->type > 0 && f->type < sizeof SHAPES / sizeof SHAPES[0] && envelope_id_valid(f->file_id));
    char *p = out;
    *p++ = (char)f->type;
    *p++ = (char)f->file_id.n;
    memcpy(p, f->file_id.p, f->file_id.n);
    p = put32(p + f->file_id.n, f->block);
    if (SHAPES[f->type].numbers > 0)
        p = put32(p, f->offset);
    if (SHAPES[f->type].numbers > 1)
        p = put32(p, f->n);
    return (size_t)(p - out);
}

bool file_frame_write(struct buf *out, const struct file_frame *f)
{
    char head[FILE_FRAME_HEAD_MAX];
    assert(is_within(f));
    size_t n = write_head(f, head);
    buf_add(out, head, n);
    buf_span(out, f->bytes);
    return !out->failed;
}

size_t file_frame_chunk_head(struct span file_id, uint32_t block, uint32_t offset, char out[FILE_FRAME_HEAD_MAX])
{
    return write_head(
        &(struct file_frame){.type = FILE_FRAME_CHUNK, .file_id = file_id, .block = block, .offset = offset}, out);
}

uint64_t file_blocks(uint64_t size)
{
    return size / FILE_BLOCK_BYTES + (size % FILE_BLOCK_BYTES > 0);
}

uint32_t file_block_bytes(uint64_t size, uint32_t block)
{
    assert(block < file_blocks(size));
    uint64_t rest = size - (uint64_t)block * FILE_BLOCK_BYTES;
    return rest < FILE_BLOCK_BYTES ? (uint32_t)rest : FILE_BLOCK_BYTES;
}
