/* SPDX-License-Identifier: MIT
 *
 *       0  "usher-part-map 1"
 *      16  size, 8 bytes; 24: 1 for a folder, else 0, 8 bytes
 *      32  root
 *      64  SHA-256 of the 64 bytes before
 *      96  stage, unpacked, folder, 0: 8 bytes each
 *     128  SHA-256 of the root and the 32 bytes before
 *     160  hashes, 32 bytes a block; zeros until they are known
 *          bitmap, a bit a block
 *
 * Numbers are little-endian.
 */
#include "peer/io/file_map.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/io/file_disk.h"

static const char MAGIC[] = "usher-part-map 1";

enum {
    SIZE_AT = 16,
    TREE_AT = 24,
    ROOT_AT = 32,
    HEAD_BYTES = 64,
    HEAD_CHECKED = HEAD_BYTES + FILE_HASH_BYTES,
    STAGE_AT = HEAD_CHECKED,
    STAGE_BYTES = 32,
    STAGE_CHECKED = STAGE_BYTES + FILE_HASH_BYTES,
    HASHES_AT = STAGE_AT + STAGE_CHECKED
};

static void put64(uint8_t *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(n >> 8 * i);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | p[i];
    return n;
}

static uint64_t bitmap_at(const struct file_map *m)
{
    return HASHES_AT + (uint64_t)m->blocks * FILE_HASH_BYTES;
}

static void write_head(const struct file_map *m, uint8_t out[HEAD_BYTES])
{
    memcpy(out, MAGIC, SIZE_AT);
    put64(out + SIZE_AT, m->size);
    put64(out + TREE_AT, m->tree);
    memcpy(out + ROOT_AT, m->root, FILE_HASH_BYTES);
}

/* With its checksum, which holds for this root only. */
static bool write_stage(const struct file_map *m, uint8_t out[STAGE_CHECKED])
{
    uint8_t checked[FILE_HASH_BYTES + STAGE_BYTES];
    put64(out, m->stage);
    put64(out + 8, m->unpacked);
    put64(out + 16, m->folder);
    put64(out + 24, 0);
    memcpy(checked, m->root, FILE_HASH_BYTES);
    memcpy(checked + FILE_HASH_BYTES, out, STAGE_BYTES);
    return file_hash(checked, sizeof checked, out + STAGE_BYTES);
}

bool file_map_create(struct file_map *m)
{
    uint8_t head[HASHES_AT];
    m->blocks = file_blocks(m->size);
    m->have = calloc(1, file_bits_bytes(m->blocks) + 1);
    write_head(m, head);
    if (!m->have || !file_hash(head, HEAD_BYTES, head + HEAD_BYTES) || !write_stage(m, head + STAGE_AT)) {
        errno = ENOMEM;
        return false;
    }
    return file_disk_write(m->fd, head, sizeof head, 0) &&
           ftruncate(m->fd, (off_t)(bitmap_at(m) + file_bits_bytes(m->blocks))) == 0;
}

bool file_map_is(const struct file_map *m)
{
    uint8_t is[HEAD_CHECKED], wanted[HEAD_CHECKED];
    write_head(m, wanted);
    return file_hash(wanted, HEAD_BYTES, wanted + HEAD_BYTES) &&
           file_disk_read(m->fd, is, sizeof is, 0) == (int64_t)sizeof is && memcmp(is, wanted, sizeof is) == 0;
}

static void load_stage(struct file_map *m)
{
    uint8_t is[STAGE_CHECKED], again[STAGE_CHECKED];
    if (file_disk_read(m->fd, is, sizeof is, STAGE_AT) != (int64_t)sizeof is || get64(is) > FILE_STAGE_WHOLE)
        return;
    struct file_map said = *m;
    said.stage = (enum file_stage)get64(is);
    said.unpacked = get64(is + 8);
    said.folder = get64(is + 16);
    if (write_stage(&said, again) && memcmp(is, again, sizeof is) == 0)
        *m = said;
}

static void load_hashes(struct file_map *m)
{
    uint8_t root[FILE_HASH_BYTES];
    size_t n = (size_t)m->blocks * FILE_HASH_BYTES;
    if (file_disk_read(m->fd, m->hashes, n, HASHES_AT) == (int64_t)n && file_hash_root(m->hashes, m->blocks, root) &&
        memcmp(root, m->root, sizeof root) == 0)
        return;
    free(m->hashes);
    m->hashes = NULL;
}

bool file_map_load(struct file_map *m)
{
    m->blocks = file_blocks(m->size);
    m->have = calloc(1, file_bits_bytes(m->blocks) + 1);
    m->hashes = malloc((size_t)m->blocks * FILE_HASH_BYTES + 1);
    if (!m->have || !m->hashes)
        return false;
    load_stage(m);
    load_hashes(m);
    if (m->hashes) /* what is not there to be read is zeros */
        file_disk_read(m->fd, m->have, file_bits_bytes(m->blocks), bitmap_at(m));
    for (uint32_t none = m->blocks; none % 8 != 0; none++)
        file_bit_set(m->have, none, false);
    return true;
}

bool file_map_put_hashes(struct file_map *m, const uint8_t *hashes)
{
    size_t n = (size_t)m->blocks * FILE_HASH_BYTES;
    uint8_t *copy = m->hashes ? m->hashes : malloc(n + 1);
    if (!copy) {
        errno = ENOMEM;
        return false;
    }
    memcpy(copy, hashes, n);
    m->hashes = copy;
    return file_disk_write(m->fd, hashes, n, HASHES_AT);
}

bool file_map_note(struct file_map *m, uint32_t block, bool have)
{
    if (file_bit(m->have, block) == have)
        return true;
    file_bit_set(m->have, block, have);
    return file_disk_write(m->fd, &m->have[block / 8], 1, bitmap_at(m) + block / 8);
}

bool file_map_put_stage(struct file_map *m)
{
    uint8_t stage[STAGE_CHECKED];
    if (!write_stage(m, stage)) {
        errno = ENOMEM;
        return false;
    }
    return file_disk_write(m->fd, stage, sizeof stage, STAGE_AT) && fdatasync(m->fd) == 0;
}

void file_map_done(struct file_map *m)
{
    if (m->fd >= 0)
        close(m->fd);
    free(m->hashes);
    free(m->have);
    *m = (struct file_map){.fd = -1};
}
