/* SPDX-License-Identifier: MIT
 *
 * Frames of the data channel `usher-files` ([F-1] to [F-7] in protocol/README.md): binary, one a message. Whoever receives a
 * file asks for its blocks, and is sent what it asked for, in the order in which it asked:
 *
 *     receiver                                   whoever has the file, or blocks of it
 *     HASHES_WANTED first ─────────────────────► HASHES first, 32 bytes a block …
 *     WANTED block offset n ───────────────────► CHUNK block offset bytes …   or REFUSED block
 *     HAVE block (it was verified)    STOP (nothing more of this file is wanted)
 *
 * and tells the others who receive it, so that no two ask its sender for one block: COMING block, HAVE block.
 *
 * Layout: one byte type, one byte n, n bytes of the file's id, four bytes block; then what the type brings. Numbers are
 * unsigned, the highest byte first.
 */
#ifndef PROTOCOL_FILE_FRAME_H
#define PROTOCOL_FILE_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "protocol/envelope.h"

enum {
    FILE_CHUNK_BYTES = 16 * 1024, /* that we send */
    FILE_CHUNK_MAX = 64 * 1024,   /* that we take */
    FILE_HASHES_MAX = 512,        /* in one frame: 16 KiB */
    FILE_FRAME_HEAD_MAX = 2 + ENVELOPE_ID_MAX + 12
};

enum file_frame_type {
    FILE_FRAME_HASHES_WANTED = 1, /* block: the first whose hash is wanted; all behind it too */
    FILE_FRAME_HASHES = 2,        /* block: the first; bytes: 1 to FILE_HASHES_MAX hashes */
    FILE_FRAME_WANTED = 3,        /* block, offset in it, n bytes: at least 1, within a block */
    FILE_FRAME_CHUNK = 4,         /* block, offset in it; bytes: 1 to FILE_CHUNK_MAX, within a block */
    FILE_FRAME_HAVE = 5,          /* block */
    FILE_FRAME_STOP = 6,          /* block: 0 */
    FILE_FRAME_COMING = 8,        /* block: it was asked for, of whoever sends the file */
    FILE_FRAME_REFUSED = 7        /* block: what was wanted of it does not come */
};

struct file_frame {
    enum file_frame_type type;
    struct span file_id; /* envelope_id_valid */
    uint32_t block, offset, n;
    struct span bytes;
};

/* False unless it is such a frame, whole, within its bounds; then file_id alone is set, where one can be read (n is 0 where not).
 * Spans are borrowed from it. */
bool file_frame_read(struct span frame, struct file_frame *f);
/* Appends it. False when memory is short, or out's maximum is reached. */
bool file_frame_write(struct buf *out, const struct file_frame *f);
/* What stands before the bytes of a CHUNK, for who has those elsewhere: at most FILE_FRAME_HEAD_MAX bytes. Returns how many. */
size_t file_frame_chunk_head(struct span file_id, uint32_t block, uint32_t offset, char out[FILE_FRAME_HEAD_MAX]);

/* How many blocks a file of so many bytes has; those of one of them. */
uint64_t file_blocks(uint64_t size);
uint32_t file_block_bytes(uint64_t size, uint32_t block);

#endif
