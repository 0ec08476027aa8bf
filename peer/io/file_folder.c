/* SPDX-License-Identifier: MIT
 *
 * Reading goes through the entries in their order, so the folders on the way to the last one stay open: the next is
 * mostly beside it. A folder of 100,000 files takes 5 MB and its list.
 */
#include "peer/io/file_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer/io/file_disk.h"
#include "peer/io/file_name.h"

bool file_folder_init(struct file_folder *f, const char *path)
{
    *f = (struct file_folder){.top = -1, .read = {.fd = -1}, .path = strdup(path)};
    buf_init(&f->list, FILE_TREE_MAX);
    return f->path != NULL;
}

static void close_read(struct file_folder *f)
{
    if (f->read.fd >= 0)
        close(f->read.fd);
    f->read.fd = -1;
}

void file_folder_leave(struct file_folder *f)
{
    close_read(f);
    while (f->depth > 0)
        close(f->way[--f->depth].fd);
}

void file_folder_done(struct file_folder *f)
{
    if (f->path) {
        file_folder_leave(f);
        if (f->top >= 0)
            close(f->top);
    }
    for (uint32_t i = 0; i < f->n; i++)
        free(f->entries[i].disk_name);
    free(f->entries);
    free(f->path);
    buf_done(&f->list);
    *f = (struct file_folder){.top = -1};
}

/* ---- entries ---- */

static bool make_room(struct file_folder *f)
{
    if (f->n < f->room)
        return true;
    uint32_t room = f->room ? f->room * 2 : 64;
    struct file_entry *more = f->n < FILE_TREE_ENTRIES_MAX ? realloc(f->entries, room * sizeof *more) : NULL;
    if (!more)
        return false;
    f->entries = more;
    f->room = room;
    return true;
}

bool file_folder_take(struct file_folder *f, struct span path, struct file_entry e)
{
    if (f->n >= FILE_TREE_ENTRIES_MAX || !make_room(f)) {
        free(e.disk_name);
        return false;
    }
    size_t name = path.n;
    while (name > 0 && path.p[name - 1] != '/')
        name--;
    e.path = (uint32_t)(path.p - f->list.p);
    e.path_n = (uint16_t)path.n;
    e.name_at = (uint16_t)name;
    f->entries[f->n++] = e;
    return true;
}

bool file_folder_add(struct file_folder *f, struct span path, struct file_entry e)
{
    struct file_tree_entry line = {path, e.folder, e.mode, e.size};
    file_tree_add(&f->list, &line);
    if (f->list.failed) {
        free(e.disk_name);
        return false;
    }
    return file_folder_take(f, (struct span){f->list.p + f->list.len - path.n - 1, path.n}, e);
}

void file_folder_place(struct file_folder *f)
{
    uint64_t at = f->list.len;
    for (uint32_t i = 0; i < f->n; i++) {
        f->entries[i].at = at;
        at += f->entries[i].size;
    }
    f->size = at;
}

bool file_folder_end(struct file_folder *f)
{
    file_tree_end(&f->list);
    file_folder_place(f);
    return !f->list.failed;
}

void file_folder_name(const struct file_folder *f, uint32_t entry, char *out)
{
    const struct file_entry *e = &f->entries[entry];
    struct span name = {f->list.p + e->path + e->name_at, (size_t)e->path_n - e->name_at};
    if (e->disk_name)
        name = span_of(e->disk_name);
    memcpy(out, name.p, name.n);
    out[name.n] = '\0';
}

struct span file_folder_path(const struct file_folder *f, uint32_t entry)
{
    return (struct span){f->list.p + f->entries[entry].path, f->entries[entry].path_n};
}

/* ---- on the disk ---- */

/* The folders from the top down to this one; returns how many. */
static size_t way_to(const struct file_folder *f, uint32_t folder, uint32_t way[FILE_TREE_DEPTH_MAX])
{
    size_t n = 0;
    for (uint32_t at = folder; at != FILE_FOLDER_TOP && n < FILE_TREE_DEPTH_MAX; at = f->entries[at].parent)
        way[n++] = at;
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t other = way[i];
        way[i] = way[n - 1 - i];
        way[n - 1 - i] = other;
    }
    return n;
}

int file_folder_enter(struct file_folder *f, uint32_t parent)
{
    uint32_t way[FILE_TREE_DEPTH_MAX];
    char name[FILE_NAME_MAX + 1];
    size_t n = way_to(f, parent, way), same = 0;
    while (same < n && same < f->depth && f->way[same].entry == way[same])
        same++;
    while (f->depth > same)
        close(f->way[--f->depth].fd);
    for (; f->depth < n; f->depth++) {
        file_folder_name(f, way[f->depth], name);
        int in = f->depth ? f->way[f->depth - 1].fd : f->top;
        int fd = openat(in, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return -1;
        f->way[f->depth] = (struct file_step){way[f->depth], fd};
    }
    return n ? f->way[n - 1].fd : f->top;
}

uint32_t file_folder_find(const struct file_folder *f, uint64_t at)
{
    uint32_t low = 0, high = f->n; /* entries[low].at <= at */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (f->entries[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool changed(struct file_folder *f, uint32_t entry, struct file_problem *p)
{
    struct span path = file_folder_path(f, entry);
    return file_problem_set(p, "file-changed", "%.150s/%.*s is not as it was any more: offer it anew", f->path,
        (int)(path.n > 150 ? 150 : path.n), path.p);
}

static bool open_entry(struct file_folder *f, uint32_t entry, struct file_problem *p)
{
    char name[FILE_NAME_MAX + 1];
    struct stat st;
    if (f->read.fd >= 0 && f->read.entry == entry)
        return true;
    close_read(f);
    file_folder_name(f, entry, name);
    int dir = file_folder_enter(f, f->entries[entry].parent);
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
        return file_problem_errno(p, errno, "cannot read", name);
    f->read = (struct file_step){entry, fd};
    return (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) || changed(f, entry, p);
}

bool file_folder_read(struct file_folder *f, void *bytes, size_t n, uint64_t at, struct file_problem *p)
{
    char *out = bytes;
    if (at < f->list.len) {
        size_t part = n < f->list.len - at ? n : f->list.len - (size_t)at;
        memcpy(out, f->list.p + at, part);
        out += part;
        n -= part;
        at += part;
    }
    for (uint32_t i = n ? file_folder_find(f, at) : 0; n > 0 && i < f->n; i++) {
        const struct file_entry *e = &f->entries[i];
        if (e->folder || at >= e->at + e->size)
            continue;
        size_t part = n < e->at + e->size - at ? n : (size_t)(e->at + e->size - at);
        if (!open_entry(f, i, p))
            return false;
        int64_t got = file_disk_read(f->read.fd, out, part, at - e->at);
        if (got < 0)
            return file_problem_errno(p, errno, "cannot read a file of", f->path);
        if ((size_t)got < part)
            return changed(f, i, p);
        out += part;
        n -= part;
        at += part;
    }
    return true;
}
