/* SPDX-License-Identifier: MIT
 *
 * The bytes of a part are in up to two places: those of a folder that was being unpacked when a process died are
 * partly in the folder already. Reading puts the two together, so checking and serving blocks need not know.
 */
#include "peer/io/file_part.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/io/file_disk.h"
#include "peer/io/file_there.h"

enum {
    CHECKED_AT_ONCE = 8 /* blocks: 10 ms */
};

/* A block that is under way. */
struct writing {
    EVP_MD_CTX *sum; /* owned */
    uint32_t block, next;
    bool used;
};

struct file_part {
    char *dir_path;
    int dir;
    char name[FILE_NAME_MAX + 1];
    struct file_map map;
    struct file_found found;
    struct file_folder folder;
    struct file_unpack unpack;
    uint8_t *room; /* for a block, while checking */
    uint32_t checked, have;
    struct file_there there; /* its source is what is there already, once it is known */
    bool begun, looked, finished;
    char *path; /* once finished */
    struct writing writing[FILE_WRITING_MAX];
};

struct file_part *file_part_new(
    const char *dir, struct span name, uint64_t size, const uint8_t root[FILE_HASH_BYTES], bool tree)
{
    struct file_part *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->dir = p->found.fd = p->folder.top = p->unpack.out = -1;
    p->map = (struct file_map){.fd = -1, .size = size, .tree = tree};
    p->map.blocks = size <= FILE_SIZE_MAX ? file_blocks(size) : 0;
    memcpy(p->map.root, root, FILE_HASH_BYTES);
    file_name_safe(name, true, FILE_NAME_BASE_MAX, p->name);
    p->dir_path = strdup(dir);
    if (p->dir_path)
        return p;
    file_part_free(p, true);
    return NULL;
}

static void remove_all(struct file_part *p)
{
    struct file_problem ignored;
    if (p->map.tree)
        file_unpack_forget(&p->unpack, &ignored);
    unlinkat(p->dir, p->found.part, 0);
    unlinkat(p->dir, p->found.part_map, 0);
}

void file_part_free(struct file_part *p, bool keep)
{
    if (!p)
        return;
    /* Only who has the lock may remove it. */
    if (!keep && !p->finished && p->map.fd >= 0 && p->found.fd >= 0)
        remove_all(p);
    for (size_t i = 0; i < FILE_WRITING_MAX; i++)
        EVP_MD_CTX_free(p->writing[i].sum);
    file_unpack_done(&p->unpack);
    file_folder_done(&p->folder);
    file_there_done(&p->there);
    file_map_done(&p->map);
    if (p->found.fd >= 0)
        close(p->found.fd);
    if (p->dir >= 0)
        close(p->dir);
    free(p->room);
    free(p->path);
    free(p->dir_path);
    free(p);
}

uint32_t file_part_blocks(const struct file_part *p)
{
    return p->map.blocks;
}

uint32_t file_part_block_bytes(const struct file_part *p, uint32_t block)
{
    return file_block_bytes(p->map.size, block);
}

uint32_t file_part_checked(const struct file_part *p)
{
    return p->checked;
}

const uint8_t *file_part_have(const struct file_part *p)
{
    return p->map.have;
}

const uint8_t *file_part_hashes(const struct file_part *p)
{
    return p->there.source ? p->there.source->hashes : p->map.hashes;
}

uint32_t file_part_renamed(const struct file_part *p)
{
    return p->folder.renamed;
}

static bool refuse(struct file_part *p, const char *cannot, const char *name, struct file_problem *why)
{
    char path[512];
    int error = errno;
    snprintf(path, sizeof path, "%.240s/%.240s", p->dir_path, name);
    return file_problem_errno(why, error, cannot, path);
}

/* ---- reading ---- */

static bool read_bytes(struct file_part *p, uint8_t *out, size_t n, uint64_t at, struct file_problem *why)
{
    bool given_back = p->map.stage == FILE_STAGE_WHOLE && p->unpack.sparing && p->folder.path;
    uint64_t unpacked = given_back || (p->finished && p->map.tree) ? p->map.size
                        : p->map.stage == FILE_STAGE_UNPACKING     ? p->map.unpacked
                                                                   : 0;
    if (at < unpacked) {
        size_t part = n < unpacked - at ? n : (size_t)(unpacked - at);
        if (!file_folder_read(&p->folder, out, part, at, why))
            return false;
        out += part;
        n -= part;
        at += part;
    }
    int64_t got = n ? file_disk_read(p->found.fd, out, n, at) : 0;
    if (got < 0)
        return refuse(p, "cannot read", p->found.part, why);
    return (size_t)got == n || file_problem_set(why, "file-changed", "%.200s/%.150s is shorter than it was",
                                   p->dir_path, p->finished ? p->found.name : p->found.part);
}

static bool is_sound(struct file_part *p, uint32_t block, uint8_t *out, struct file_problem *why)
{
    uint8_t hash[FILE_HASH_BYTES];
    size_t n = file_block_bytes(p->map.size, block);
    if (!read_bytes(p, out, n, file_block_at(block), why))
        return false;
    if (!file_hash(out, n, hash))
        return file_problem_memory(why);
    return memcmp(hash, p->map.hashes + (size_t)block * FILE_HASH_BYTES, sizeof hash) == 0 ||
           file_problem_set(why, "file-changed", "%.200s/%.150s was changed by somebody else", p->dir_path,
               p->finished ? p->found.name : p->found.part);
}

bool file_part_read(struct file_part *p, uint32_t block, uint8_t *out, struct file_problem *why)
{
    if (p->there.source && block < p->map.blocks)
        return file_source_read(p->there.source, block, out, why);
    if (block >= p->map.blocks || !p->map.hashes || !file_bit(p->map.have, block))
        return file_problem_set(why, "io", "block %u of %.200s is not here yet", block, p->found.name);
    return is_sound(p, block, out, why);
}

/* ---- finding, and checking what is there ---- */

static bool open_folder(struct file_part *p, struct file_problem *why)
{
    if (p->map.size > FILE_SIZE_MAX)
        return file_problem_set(why, "too-large", "%.200s is larger than 256 GiB: it cannot be received", p->name);
    p->dir = open(p->dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0 && errno == EACCES) /* it may be enough to write to it */
        p->dir = open(p->dir_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0 && errno == ENOTDIR)
        return file_problem_set(why, "not-a-file", "%.200s is not a folder: choose one to put files into", p->dir_path);
    if (p->dir < 0)
        return file_problem_errno(why, errno, "cannot open the folder", p->dir_path);
    p->there = (struct file_there){
        .dir = p->dir, .path = p->dir_path, .name = p->name, .size = p->map.size, .tree = p->map.tree};
    memcpy(p->there.root, p->map.root, sizeof p->there.root);
    return true;
}

static bool begin(struct file_part *p, struct file_problem *why)
{
    p->begun = true;
    p->unpack = (struct file_unpack){
        .dir = p->dir, .path = p->dir_path, .names = &p->found, .map = &p->map, .folder = &p->folder, .out = -1};
    if (!file_find(p->dir, p->dir_path, p->name, &p->map, &p->found, why))
        return false;
    if (p->map.stage != FILE_STAGE_BLOCKS && !file_unpack_reopen(&p->unpack) && !file_unpack_forget(&p->unpack, why))
        return false;
    p->room = malloc(FILE_BLOCK_BYTES);
    return p->room || file_problem_memory(why);
}

/* Where a part is being unpacked every block was verified: one that is not sound any more was damaged in the folder,
 * and so what was unpacked is given up, and all looked at again. */
static bool check(struct file_part *p, uint32_t block, struct file_problem *why)
{
    if (!p->found.resumed || !p->map.hashes || !file_bit(p->map.have, block))
        return true;
    struct file_problem unsound = {0};
    if (is_sound(p, block, p->room, &unsound)) {
        p->have++;
        return true;
    }
    if (p->map.stage == FILE_STAGE_UNPACKING) {
        p->checked = p->have = 0;
        return file_unpack_forget(&p->unpack, why);
    }
    return file_map_note(&p->map, block, false) || refuse(p, "cannot write", p->found.part_map, why);
}

static void take_all(struct file_part *p)
{
    for (uint32_t i = 0; i < p->map.blocks; i++)
        file_bit_set(p->map.have, i, true);
    p->have = p->checked = p->map.blocks;
}

/* What is there under its name already is as good as one that was finished a moment ago. */
static bool take_there(struct file_part *p, struct file_problem *why)
{
    p->map.have = calloc(1, file_bits_bytes(p->map.blocks) + 1);
    if (!p->map.have)
        return file_problem_memory(why);
    take_all(p);
    file_name_copy(p->there.found, p->found.name);
    p->finished = true;
    return true;
}

static bool look(struct file_part *p, struct file_problem *why)
{
    if (p->dir < 0 && !open_folder(p, why))
        return false;
    file_there_step(&p->there, &p->looked);
    return !p->looked || !p->there.source || take_there(p, why);
}

bool file_part_step(struct file_part *p, bool *whole, struct file_problem *why)
{
    *whole = p->finished;
    if (p->finished)
        return true;
    if (!p->looked && !look(p, why))
        return false;
    *whole = p->finished;
    if (p->finished || !p->looked)
        return true;
    if (!p->begun && !begin(p, why))
        return false;
    if (p->map.stage == FILE_STAGE_WHOLE)
        take_all(p);
    for (unsigned n = 0; n < CHECKED_AT_ONCE && p->checked < p->map.blocks;) {
        uint32_t block = p->checked++;
        n += file_bit(p->map.have, block);
        if (!check(p, block, why))
            return false;
    }
    *whole = p->checked == p->map.blocks;
    if (*whole) {
        free(p->room);
        p->room = NULL;
    }
    return true;
}

/* ---- writing ---- */

bool file_part_put_hashes(struct file_part *p, const uint8_t *hashes, size_t blocks, struct file_problem *why)
{
    if (p->there.source)
        return true;
    if (blocks != p->map.blocks)
        return file_problem_set(
            why, "io", "%.200s has %u blocks, and %zu hashes came", p->found.name, p->map.blocks, blocks);
    return file_map_put_hashes(&p->map, hashes) || refuse(p, "cannot write", p->found.part_map, why);
}

static struct writing *writing_find(struct file_part *p, uint32_t block)
{
    for (size_t i = 0; i < FILE_WRITING_MAX; i++)
        if (p->writing[i].used && p->writing[i].block == block)
            return &p->writing[i];
    return NULL;
}

static struct writing *writing_free(struct file_part *p)
{
    for (size_t i = 0; i < FILE_WRITING_MAX; i++)
        if (!p->writing[i].used)
            return &p->writing[i];
    return NULL;
}

static struct writing *writing_begin(struct file_part *p, uint32_t block, struct file_problem *why)
{
    struct writing *w = writing_find(p, block);
    if (!w)
        w = writing_free(p);
    if (!w) {
        file_problem_set(why, "io", "more than %d blocks of %.200s come at once", FILE_WRITING_MAX, p->found.name);
        return NULL;
    }
    if (!w->sum)
        w->sum = EVP_MD_CTX_new();
    w->used = w->sum && EVP_DigestInit_ex(w->sum, EVP_sha256(), NULL) == 1;
    w->block = block;
    w->next = 0;
    if (!w->used) {
        file_problem_memory(why);
        return NULL;
    }
    if (!file_bit(p->map.have, block))
        return w;
    p->have--;
    if (file_map_note(&p->map, block, false))
        return w;
    w->used = false;
    refuse(p, "cannot write", p->found.part_map, why);
    return NULL;
}

bool file_part_write(struct file_part *p, uint32_t block, uint32_t offset, struct span bytes, bool *whole,
    uint8_t hash[FILE_HASH_BYTES], struct file_problem *why)
{
    *whole = false;
    uint32_t n = block < p->map.blocks ? file_block_bytes(p->map.size, block) : 0;
    if (p->finished || offset > n || bytes.n > n - offset)
        return file_problem_set(why, "io", "a piece lies outside of its block, or %.200s is finished", p->found.name);
    struct writing *w = offset == 0 ? writing_begin(p, block, why) : writing_find(p, block);
    if (!w || w->next != offset) {
        if (w)
            w->used = false;
        return offset != 0;
    }
    unsigned length = FILE_HASH_BYTES;
    w->next += (uint32_t)bytes.n;
    w->used = file_disk_write(p->found.fd, bytes.p, bytes.n, file_block_at(block) + offset);
    if (!w->used)
        return refuse(p, "cannot write", p->found.part, why);
    *whole = w->next == n;
    w->used =
        EVP_DigestUpdate(w->sum, bytes.p, bytes.n) == 1 && (!*whole || EVP_DigestFinal_ex(w->sum, hash, &length) == 1);
    if (!w->used)
        return file_problem_memory(why);
    w->used = !*whole;
    return true;
}

bool file_part_verified(struct file_part *p, uint32_t block, struct file_problem *why)
{
    if (block >= p->map.blocks || file_bit(p->map.have, block))
        return true;
    p->have++;
    return file_map_note(&p->map, block, true) || refuse(p, "cannot write", p->found.part_map, why);
}

/* ---- the end ---- */

static bool finish_file(struct file_part *p, struct file_problem *why)
{
    char name[FILE_NAME_MAX + 1];
    struct stat is, named;
    if (fstat(p->found.fd, &is) != 0 || fstatat(p->dir, p->found.part, &named, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(p, "cannot find", p->found.part, why);
    if (is.st_ino != named.st_ino || is.st_dev != named.st_dev)
        return file_problem_set(
            why, "file-changed", "%.200s/%.150s was replaced by another file", p->dir_path, p->found.part);
    if (fsync(p->found.fd) != 0 || !file_disk_mode(p->found.fd, file_disk_permitted(0666)))
        return refuse(p, "cannot write", p->found.part, why);
    file_name_copy(p->found.name, name);
    bool done = false;
    for (unsigned i = 1; !done && i <= FILE_NAMES_TRIED; i++) {
        done = file_disk_rename(p->dir, p->found.part, name);
        if (!done && errno != EEXIST)
            return refuse(p, "cannot rename to", name, why);
        if (!done)
            file_name_numbered(p->found.name, i, FILE_NAME_BASE_MAX, name);
    }
    if (!done)
        return refuse(p, "cannot rename to", p->found.name, why);
    file_name_copy(name, p->found.name);
    fsync(p->dir); /* the new name before the map goes: a crash between them finds one or the other */
    unlinkat(p->dir, p->found.part_map, 0);
    return true;
}

bool file_part_finish_step(struct file_part *p, bool *whole, struct file_problem *why)
{
    *whole = p->finished;
    if (p->finished)
        return true;
    if (p->have < p->map.blocks)
        return file_problem_set(why, "incomplete", "%.200s has %u of %u blocks", p->found.name, p->have, p->map.blocks);
    bool ok = true;
    if (p->map.tree)
        ok = file_unpack_step(&p->unpack, whole, why);
    else
        *whole = ok = finish_file(p, why);
    if (!ok)
        file_unpack_done(&p->unpack);
    p->finished = *whole;
    if (!p->finished)
        return ok;
    close(p->map.fd); /* and with it the lock */
    p->map.fd = -1;
    if (p->map.tree) {
        file_unpack_done(&p->unpack);
        close(p->found.fd);
        p->found.fd = -1;
    }
    return true;
}

const char *file_part_path(struct file_part *p)
{
    char path[4096 + FILE_NAME_MAX + 2];
    if (!p->path) {
        size_t n = strlen(p->dir_path);
        snprintf(
            path, sizeof path, "%.4096s%s%s", p->dir_path, n && p->dir_path[n - 1] == '/' ? "" : "/", p->found.name);
        p->path = strdup(path);
    }
    return p->path;
}
