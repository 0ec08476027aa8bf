/* SPDX-License-Identifier: MIT */
#include "peer/io/file_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "peer/io/file_disk.h"

enum {
    HASHED_AT_ONCE = 8 /* blocks: 10 ms */
};

struct file_source *file_source_new(const char *path)
{
    struct file_source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = s->folder.top = -1;
    s->path = strdup(path);
    if (s->path && file_folder_init(&s->folder, path))
        return s;
    file_source_free(s);
    return NULL;
}

void file_source_free(struct file_source *s)
{
    if (!s)
        return;
    file_scan_free(s->scan);
    file_folder_done(&s->folder);
    if (s->fd >= 0)
        close(s->fd);
    free(s->hashes);
    free(s->room);
    free(s->path);
    free(s);
}

/* ---- opening ---- */

/* The last name of the path; of `.` and the like that of what it stands for. */
static void set_name(struct file_source *s)
{
    char real[PATH_MAX];
    struct span path = span_of(s->path);
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    size_t at = path.n;
    while (at > 0 && path.p[at - 1] != '/')
        at--;
    struct span last = {path.p + at, path.n - at};
    if ((last.n == 0 || span_is(last, ".") || span_is(last, "..")) && realpath(s->path, real))
        last = span_of(strrchr(real, '/') + 1);
    char name[FILE_NAME_MAX + 1];
    size_t n = last.n < FILE_NAME_MAX ? last.n : FILE_NAME_MAX;
    memcpy(name, last.p, n);
    name[n] = '\0';
    file_name_offered(n ? name : "files", s->name);
}

static bool open_file(struct file_source *s, struct file_problem *p)
{
    struct err why;
    struct stat st;
    s->fd = os_file_open(s->path, O_RDONLY, "a file or a folder", &why);
    if (s->fd < 0 && why.error)
        return file_problem_errno(p, why.error, "cannot open", s->path);
    if (s->fd < 0)
        return file_problem_set(p, "not-a-file", "cannot open %.200s: %.100s", s->path, why.text);
    if (fstat(s->fd, &st) != 0)
        return file_problem_errno(p, errno, "cannot look at", s->path);
    if (!S_ISREG(st.st_mode))
        return file_problem_set(p, "not-a-file", "cannot send %.200s: it is neither a file nor a folder", s->path);
    s->size = (uint64_t)st.st_size;
    posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

static bool open_tree(struct file_source *s, file_notice_fn *notice, void *ctx, struct file_problem *p)
{
    s->folder.top = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder.top < 0)
        return file_problem_errno(p, errno, "cannot open", s->path);
    s->scan = file_scan_new(&s->folder, notice, ctx);
    return s->scan || file_problem_memory(p);
}

static bool begin(struct file_source *s, file_notice_fn *notice, void *ctx, struct file_problem *p)
{
    struct stat st;
    s->tree = stat(s->path, &st) == 0 && S_ISDIR(st.st_mode);
    set_name(s);
    s->room = malloc(FILE_BLOCK_BYTES);
    if (!s->room)
        return file_problem_memory(p);
    return s->tree ? open_tree(s, notice, ctx, p) : open_file(s, p);
}

static bool begin_hashing(struct file_source *s, struct file_problem *p)
{
    if (s->size > FILE_SIZE_MAX)
        return file_problem_set(p, "too-large", "%.200s is larger than 256 GiB: split it", s->path);
    s->blocks = file_blocks(s->size);
    s->hashes = malloc((size_t)s->blocks * FILE_HASH_BYTES + 1);
    return s->hashes || file_problem_memory(p);
}

/* ---- reading ---- */

static bool read_block(struct file_source *s, uint32_t block, uint8_t *out, struct file_problem *p)
{
    size_t n = file_block_bytes(s->size, block);
    if (s->tree)
        return file_folder_read(&s->folder, out, n, file_block_at(block), p);
    int64_t got = file_disk_read(s->fd, out, n, file_block_at(block));
    if (got < 0)
        return file_problem_errno(p, errno, "cannot read", s->path);
    return (size_t)got == n ||
           file_problem_set(p, "file-changed", "%.200s is shorter than it was: offer it anew", s->path);
}

static bool hash_block(struct file_source *s, struct file_problem *p)
{
    uint8_t *hash = s->hashes + (size_t)s->hashed * FILE_HASH_BYTES;
    if (!read_block(s, s->hashed, s->room, p))
        return false;
    if (!file_hash(s->room, file_block_bytes(s->size, s->hashed), hash))
        return file_problem_memory(p);
    s->hashed++;
    return true;
}

static bool finish(struct file_source *s, struct file_problem *p)
{
    free(s->room);
    s->room = NULL;
    return file_hash_root(s->hashes, s->blocks, s->root) || file_problem_memory(p);
}

bool file_source_step(struct file_source *s, file_notice_fn *notice, void *ctx, bool *whole, struct file_problem *p)
{
    *whole = false;
    if (!s->room && !begin(s, notice, ctx, p))
        return false;
    if (s->scan) {
        bool listed;
        if (!file_scan_step(s->scan, &listed, p))
            return false;
        if (!listed)
            return true;
        file_scan_free(s->scan);
        s->scan = NULL;
        s->size = s->folder.size;
    }
    if (!s->hashes && !begin_hashing(s, p))
        return false;
    for (unsigned i = 0; i < HASHED_AT_ONCE && s->hashed < s->blocks; i++)
        if (!hash_block(s, p))
            return false;
    *whole = s->hashed == s->blocks;
    return !*whole || finish(s, p);
}

bool file_source_read(struct file_source *s, uint32_t block, uint8_t *out, struct file_problem *p)
{
    uint8_t hash[FILE_HASH_BYTES];
    if (!read_block(s, block, out, p))
        return false;
    if (!file_hash(out, file_block_bytes(s->size, block), hash))
        return file_problem_memory(p);
    return memcmp(hash, s->hashes + (size_t)block * FILE_HASH_BYTES, sizeof hash) == 0 ||
           file_problem_set(p, "file-changed", "%.200s was changed since it was offered: offer it anew", s->path);
}
