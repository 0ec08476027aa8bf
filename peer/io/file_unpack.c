/* SPDX-License-Identifier: MIT
 *
 * Files are made one after the other in the order of the list. A folder is open to us (0700) until all is in it; its
 * own mode it gets at the end, the innermost first, since one may not write into it. So do files when space is
 * spared: they may have to be opened again.
 *
 * What must be on the disk before what: the contents before the map says that they are there (syncfs, then the map),
 * the map before the part gives anything back, the folder's name before part and map go.
 */
#include "peer/io/file_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/io/file_disk.h"

enum {
    COPY_BYTES = 256 * 1024,        /* above it the kernel copies from file to file, and may share the disk's blocks */
    SPARE_BYTES = 64 * 1024 * 1024, /* left on the disk when it has room for all */
    PAGE = 4096,
    ENTRY_BYTES = 512 /* what a file costs the disk beside its content, roughly */
};

static bool refuse(struct file_unpack *u, const char *cannot, const char *name, struct file_problem *p)
{
    char path[512];
    int error = errno;
    snprintf(path, sizeof path, "%.240s/%.240s", u->path, name);
    return file_problem_errno(p, error, cannot, path);
}

static bool refuse_entry(struct file_unpack *u, uint32_t entry, struct file_problem *p)
{
    int error = errno;
    char name[FILE_NAME_MAX + 1];
    file_folder_name(u->folder, entry, name);
    errno = error;
    return refuse(u, "cannot unpack", name, p);
}

/* ---- the list, and the folder ---- */

static bool read_list(struct file_unpack *u, struct file_problem *p)
{
    char head[FILE_TREE_HEAD];
    size_t n = 0;
    unsigned mode;
    if (u->folder->path)
        return true;
    if (!file_folder_init(u->folder, u->names->name))
        return file_problem_memory(p);
    if (file_disk_read(u->names->fd, head, sizeof head, 0) != (int64_t)sizeof head ||
        !file_tree_head((struct span){head, sizeof head}, &n, &mode) || n > u->map->size)
        return file_problem_set(
            p, "bad-folder", "%.200s cannot be unpacked: it does not begin with a folder's list", u->names->name);
    char *list = malloc(n + 1);
    if (!list)
        return file_problem_memory(p);
    if (file_disk_read(u->names->fd, list, n, 0) != (int64_t)n) {
        free(list);
        return file_problem_set(p, "io", "%.200s cannot be read", u->names->part);
    }
    list[n] = '\0';
    if (!file_folder_parse(u->folder, list, n, p))
        return false;
    return u->folder->size == u->map->size ||
           file_problem_set(p, "bad-folder", "%.200s cannot be unpacked: its list says that it has %llu bytes",
               u->names->name, (unsigned long long)u->folder->size);
}

/* Whether it is the folder that the map names. */
static bool is_mine(struct file_unpack *u, const char *name)
{
    struct stat st;
    return u->map->folder != 0 && fstatat(u->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           st.st_ino == u->map->folder;
}

static bool open_top(struct file_unpack *u)
{
    u->folder->top = openat(u->dir, u->names->unpacked, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return u->folder->top >= 0;
}

/* Of the names that it may have got, the one that it has. */
static bool find_named(struct file_unpack *u, char name[FILE_NAME_MAX + 1])
{
    file_name_copy(u->names->name, name);
    for (unsigned i = 1; i <= FILE_NAMES_TRIED; i++) {
        if (is_mine(u, name))
            return true;
        file_name_numbered(u->names->name, i, FILE_NAME_BASE_MAX, name);
    }
    return false;
}

bool file_unpack_reopen(struct file_unpack *u)
{
    struct file_problem p;
    char name[FILE_NAME_MAX + 1];
    if (u->map->stage == FILE_STAGE_WHOLE)
        return is_mine(u, u->names->unpacked) || find_named(u, name);
    return is_mine(u, u->names->unpacked) && read_list(u, &p) && open_top(u) &&
           u->map->unpacked >= u->folder->list.len && u->map->unpacked <= u->map->size;
}

bool file_unpack_forget(struct file_unpack *u, struct file_problem *p)
{
    file_folder_done(u->folder);
    if (is_mine(u, u->names->unpacked) && !file_disk_remove(u->dir, u->names->unpacked, FILE_TREE_DEPTH_MAX + 1))
        return refuse(u, "cannot remove", u->names->unpacked, p);
    if (u->map->stage == FILE_STAGE_BLOCKS && u->map->folder == 0)
        return true;
    u->map->stage = FILE_STAGE_BLOCKS;
    u->map->unpacked = u->map->folder = 0;
    return file_map_put_stage(u->map) || refuse(u, "cannot write", u->names->part_map, p);
}

static bool make_top(struct file_unpack *u, struct file_problem *p)
{
    struct stat st;
    unlinkat(u->dir, u->names->unpacked, AT_REMOVEDIR); /* made, and nothing more was done */
    if (mkdirat(u->dir, u->names->unpacked, 0700) != 0)
        return refuse(u, "cannot make", u->names->unpacked, p);
    if (!open_top(u) || fstat(u->folder->top, &st) != 0)
        return refuse(u, "cannot open", u->names->unpacked, p);
    u->map->folder = st.st_ino;
    return file_map_put_stage(u->map) || refuse(u, "cannot write", u->names->part_map, p);
}

/* Where the contents go on; and whether the disk has room for them beside the part. */
static bool begin(struct file_unpack *u, struct file_problem *p)
{
    u->resumed = u->map->stage != FILE_STAGE_BLOCKS;
    u->begun = true;
    if (u->map->stage == FILE_STAGE_WHOLE && !is_mine(u, u->names->unpacked))
        return true; /* it has its name already */
    if (!u->resumed && !file_unpack_forget(u, p))
        return false;
    if (!read_list(u, p) || (!u->resumed && !make_top(u, p)))
        return false;
    if (u->folder->top < 0 && !open_top(u) && u->map->stage == FILE_STAGE_UNPACKING)
        return refuse(u, "cannot open", u->names->unpacked, p);
    u->room = malloc(COPY_BYTES);
    if (!u->room)
        return file_problem_memory(p);
    uint64_t needs = u->map->size + (uint64_t)u->folder->n * ENTRY_BYTES + SPARE_BYTES;
    u->sparing = u->map->stage == FILE_STAGE_UNPACKING || file_disk_free(u->dir) < needs;
    u->at = u->resumed ? u->map->unpacked : u->folder->list.len;
    u->next = 0;
    while (u->next < u->folder->n && u->folder->entries[u->next].at + u->folder->entries[u->next].size < u->at)
        u->next++;
    u->permitted = file_disk_permitted(FILE_TREE_MODES);
    return true;
}

/* ---- contents ---- */

static bool kernel_copies(struct file_unpack *u, const struct file_entry *e, size_t n)
{
    off_t from = (off_t)u->at, to = (off_t)(u->at - e->at);
    while (n > 0) {
        ssize_t put = copy_file_range(u->names->fd, &from, u->out, &to, n, 0);
        if (put <= 0)
            return false;
        n -= (size_t)put;
        u->at += (uint64_t)put;
    }
    return true;
}

static bool copy(struct file_unpack *u, const struct file_entry *e, size_t n)
{
    uint64_t end = u->at + n;
    if (n >= COPY_BYTES && kernel_copies(u, e, n))
        return true;
    while (u->at < end) { /* what the kernel did not */
        size_t part = end - u->at < COPY_BYTES ? (size_t)(end - u->at) : COPY_BYTES;
        if (file_disk_read(u->names->fd, u->room, part, u->at) != (int64_t)part ||
            !file_disk_write(u->out, u->room, part, u->at - e->at))
            return false;
        u->at += part;
    }
    return true;
}

/* One entry, or so much of its content; *bytes is what is left of the stride. */
static bool unpack_entry(struct file_unpack *u, uint64_t *bytes, struct file_problem *p)
{
    const struct file_entry *e = &u->folder->entries[u->next];
    char name[FILE_NAME_MAX + 1];
    file_folder_name(u->folder, u->next, name);
    int dir = file_folder_enter(u->folder, e->parent);
    if (dir < 0)
        return refuse_entry(u, u->next, p);
    if (e->folder) {
        if (mkdirat(dir, name, 0700) != 0 && (errno != EEXIST || !u->resumed))
            return refuse_entry(u, u->next, p);
        u->next++;
        return true;
    }
    int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (u->resumed ? 0 : O_EXCL);
    if (u->out < 0)
        u->out = openat(dir, name, flags, 0600);
    if (u->out < 0)
        return refuse_entry(u, u->next, p);
    uint64_t left = e->at + e->size - u->at, n = left < *bytes ? left : *bytes;
    errno = EIO;
    if (!copy(u, e, (size_t)n))
        return refuse_entry(u, u->next, p);
    *bytes -= n;
    if (n < left)
        return true;
    if (!u->sparing && !file_disk_mode(u->out, e->mode & u->permitted))
        return refuse_entry(u, u->next, p);
    close(u->out);
    u->out = -1;
    u->next++;
    return true;
}

/* The contents so far are on the disk, and the map says so. */
static bool put_down(struct file_unpack *u, enum file_stage stage, struct file_problem *p)
{
    if (syncfs(u->map->fd) != 0)
        return refuse(u, "cannot write", u->names->unpacked, p);
    uint64_t from = u->map->unpacked > u->folder->list.len ? u->map->unpacked : u->folder->list.len;
    u->map->stage = stage;
    u->map->unpacked = u->at;
    if (!file_map_put_stage(u->map))
        return refuse(u, "cannot write", u->names->part_map, p);
    from = (from + PAGE - 1) / PAGE * PAGE;
    if (u->sparing && u->at > from)
        file_disk_punch(u->names->fd, from, u->at - from);
    return true;
}

static bool unpack_some(struct file_unpack *u, struct file_problem *p)
{
    uint64_t bytes = FILE_UNPACK_STRIDE;
    for (unsigned i = 0; i < FILE_UNPACK_AT_ONCE && bytes > 0 && u->next < u->folder->n; i++)
        if (!unpack_entry(u, &bytes, p))
            return false;
    if (u->next == u->folder->n) {
        u->giving_modes = true; /* from the last entry on */
        return put_down(u, FILE_STAGE_WHOLE, p);
    }
    return !u->sparing || u->at - u->map->unpacked < FILE_UNPACK_STRIDE || put_down(u, FILE_STAGE_UNPACKING, p);
}

/* ---- modes and name ---- */

/* May be done already, by a process that was killed then: what cannot be entered has its mode. */
static bool give_mode(struct file_unpack *u, uint32_t entry, struct file_problem *p)
{
    const struct file_entry *e = &u->folder->entries[entry];
    char name[FILE_NAME_MAX + 1];
    if (!e->folder && !u->sparing && !u->resumed)
        return true;
    file_folder_name(u->folder, entry, name);
    int dir = file_folder_enter(u->folder, e->parent);
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return (u->resumed && errno == EACCES) || refuse_entry(u, entry, p);
    bool ok = file_disk_mode(fd, e->mode & u->permitted) || refuse_entry(u, entry, p);
    close(fd);
    return ok;
}

static bool give_name(struct file_unpack *u, struct file_problem *p)
{
    char name[FILE_NAME_MAX + 1];
    bool done = find_named(u, name);
    if (!done)
        file_name_copy(u->names->name, name);
    for (unsigned i = 1; !done && i <= FILE_NAMES_TRIED; i++) {
        done = file_disk_rename(u->dir, u->names->unpacked, name);
        if (!done && errno != EEXIST && errno != ENOTEMPTY)
            return refuse(u, "cannot rename to", name, p);
        if (!done)
            file_name_numbered(u->names->name, i, FILE_NAME_BASE_MAX, name);
    }
    if (!done)
        return refuse(u, "cannot rename to", u->names->name, p);
    file_name_copy(name, u->names->name);
    if (u->folder->top < 0)
        u->folder->top = openat(u->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    fsync(u->dir);
    unlinkat(u->dir, u->names->part, 0);
    unlinkat(u->dir, u->names->part_map, 0);
    return true;
}

static bool finish(struct file_unpack *u, struct file_problem *p)
{
    if (u->folder->top >= 0)
        file_disk_mode(u->folder->top, u->folder->mode & u->permitted);
    if (u->folder->path)
        file_folder_leave(u->folder);
    return give_name(u, p);
}

bool file_unpack_step(struct file_unpack *u, bool *whole, struct file_problem *p)
{
    *whole = false;
    if (!u->begun) {
        if (!begin(u, p))
            return false;
        if (u->map->stage == FILE_STAGE_WHOLE) {
            u->giving_modes = true;
            u->next = u->folder->top >= 0 ? u->folder->n : 0;
        }
    }
    if (!u->giving_modes)
        return unpack_some(u, p);
    for (unsigned i = 0; i < FILE_UNPACK_AT_ONCE && u->next > 0; i++)
        if (!give_mode(u, --u->next, p))
            return false;
    *whole = u->next == 0;
    return !*whole || finish(u, p);
}

void file_unpack_done(struct file_unpack *u)
{
    if (u->out >= 0)
        close(u->out);
    free(u->room);
    u->room = NULL;
    u->out = -1;
    u->begun = u->giving_modes = false;
}
