/* SPDX-License-Identifier: MIT
 *
 * One folder after the other, deepest first as the list wants it, on a stack of its own: each level has its names,
 * sorted, and the place that was reached. Names are sorted as they are offered, which is not always as they are on
 * the disk.
 */
#include "peer/io/file_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/io/file_name.h"

struct named {
    char *disk;    /* owned */
    char *offered; /* the same, or owned */
};

struct level {
    int fd; /* owned */
    struct named *names;
    uint32_t n, room, next;
    uint32_t parent; /* what the names lie in */
    size_t path_n;   /* of the path that leads here, with its `/` */
};

struct file_scan {
    struct file_folder *folder;
    file_notice_fn *notice;
    void *ctx;
    struct level levels[FILE_TREE_DEPTH_MAX];
    size_t depth;
    char path[FILE_TREE_PATH_MAX + FILE_NAME_MAX + 2]; /* of what is looked at */
    uint32_t left_out;
    bool begun;
};

struct file_scan *file_scan_new(struct file_folder *folder, file_notice_fn *notice, void *ctx)
{
    struct file_scan *s = calloc(1, sizeof *s);
    if (s)
        *s = (struct file_scan){.folder = folder, .notice = notice, .ctx = ctx};
    return s;
}

static void level_done(struct level *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->names[i].offered != l->names[i].disk)
            free(l->names[i].offered);
        free(l->names[i].disk);
    }
    free(l->names);
    if (l->fd >= 0)
        close(l->fd);
}

void file_scan_free(struct file_scan *s)
{
    while (s && s->depth > 0)
        level_done(&s->levels[--s->depth]);
    free(s);
}

static void tell(struct file_scan *s, const char *why)
{
    char sentence[FILE_TREE_PATH_MAX + 512];
    if (++s->left_out > FILE_SCAN_NOTICES_MAX)
        return;
    snprintf(sentence, sizeof sentence, "left out: %s/%s %s", s->folder->path, s->path, why);
    s->notice(s->ctx, sentence);
}

/* ---- names of a folder ---- */

static bool add_name(struct level *l, const char *disk, bool *odd)
{
    char offered[FILE_NAME_MAX + 1];
    if (l->n == l->room) {
        uint32_t room = l->room ? l->room * 2 : 16;
        struct named *more = realloc(l->names, room * sizeof *more);
        if (!more)
            return false;
        memset(more + l->n, 0, (room - l->n) * sizeof *more);
        l->names = more;
        l->room = room;
    }
    char *own = strdup(disk);
    if (!own)
        return false;
    struct named *name = &l->names[l->n++];
    *name = (struct named){own, own};
    file_name_offered(disk, offered);
    if (strcmp(offered, disk) == 0)
        return true;
    *odd = true;
    char *copy = strdup(offered);
    if (copy)
        name->offered = copy;
    return copy != NULL;
}

static int by_offered(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->offered, ((const struct named *)b)->offered);
}

static bool has_offered(const struct level *l, const char *offered)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (strcmp(l->names[i].offered, offered) == 0)
            return true;
    return false;
}

/* Names that were no text became it, and may be equal now. They are rare, so each looks through all. */
static bool set_apart(struct level *l)
{
    char other[FILE_NAME_MAX + 1];
    for (uint32_t i = 0; i < l->n; i++) {
        struct named *name = &l->names[i];
        if (name->offered == name->disk)
            continue;
        char *mine = name->offered;
        unsigned number = 0;
        name->offered = name->disk;
        file_name_copy(mine, other);
        while (has_offered(l, other) && number < FILE_NAMES_TRIED)
            file_name_numbered(mine, ++number, FILE_NAME_MAX, other);
        free(mine);
        char *copy = number < FILE_NAMES_TRIED ? strdup(other) : NULL;
        if (!copy)
            return false;
        name->offered = copy;
    }
    return true;
}

static bool read_names(struct level *l, struct file_problem *p, const char *path)
{
    bool odd = false, ok = true;
    int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return file_problem_errno(p, error, "cannot read the folder", path);
    }
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        ok = l->n < FILE_TREE_ENTRIES_MAX && add_name(l, e->d_name, &odd);
    }
    closedir(d);
    if (!ok || (odd && !set_apart(l)))
        return file_problem_set(
            p, "too-large", "%.200s has more in it than can be sent at once: send its folders one by one", path);
    if (l->n > 1)
        qsort(l->names, l->n, sizeof *l->names, by_offered);
    return true;
}

/* Takes fd. */
static bool go_down(struct file_scan *s, int fd, uint32_t parent, size_t path_n, struct file_problem *p)
{
    struct level *l = &s->levels[s->depth++];
    *l = (struct level){.fd = fd, .parent = parent, .path_n = path_n};
    return read_names(l, p, s->folder->path);
}

/* ---- entries ---- */

static const char *no_entry(const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
        return NULL;
    case S_IFLNK:
        return "is a symbolic link";
    case S_IFIFO:
        return "is a FIFO";
    case S_IFSOCK:
        return "is a socket";
    default:
        return "is a device";
    }
}

static bool too_large(struct file_scan *s, struct file_problem *p)
{
    return file_problem_set(p, "too-large",
        "%.200s is too large: a folder may have 100,000 entries and 256 GiB: send its folders one by one",
        s->folder->path);
}

static const char *why_not(struct file_scan *s, const struct level *l, const char *disk, struct stat *st)
{
    if (fstatat(l->fd, disk, st, AT_SYMLINK_NOFOLLOW) != 0)
        return "cannot be looked at, or is gone";
    const char *why = no_entry(st);
    if (!why && faccessat(l->fd, disk, S_ISDIR(st->st_mode) ? R_OK | X_OK : R_OK, AT_EACCESS) != 0)
        why = "may not be read";
    if (!why && strlen(s->path) > FILE_TREE_PATH_MAX)
        why = "has too long a path";
    if (!why && S_ISDIR(st->st_mode) && s->depth == FILE_TREE_DEPTH_MAX)
        why = "is too many folders deep";
    return why;
}

static bool look_at(struct file_scan *s, struct level *l, struct named *name, struct file_problem *p)
{
    struct stat st;
    snprintf(s->path + l->path_n, FILE_NAME_MAX + 1, "%s", name->offered);
    const char *why = why_not(s, l, name->disk, &st);
    if (why) {
        tell(s, why);
        return true;
    }
    struct file_entry e = {.parent = l->parent, .mode = st.st_mode & FILE_TREE_MODES, .folder = S_ISDIR(st.st_mode)};
    e.size = e.folder ? 0 : (uint64_t)st.st_size;
    s->folder->size += e.size;
    if (e.size > FILE_SIZE_MAX || s->folder->size > FILE_SIZE_MAX)
        return too_large(s, p);
    int fd = -1;
    if (e.folder && (fd = openat(l->fd, name->disk, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        tell(s, "cannot be opened, or is gone");
        return true;
    }
    if (name->offered != name->disk) {
        e.disk_name = name->disk;
        name->disk = NULL;
    }
    struct span path = span_of(s->path);
    if (!file_folder_add(s->folder, path, e)) {
        if (fd >= 0)
            close(fd);
        return too_large(s, p);
    }
    if (!e.folder)
        return true;
    s->path[path.n] = '/';
    return go_down(s, fd, s->folder->n - 1, path.n + 1, p);
}

static bool finish(struct file_scan *s, struct file_problem *p)
{
    char sentence[512];
    if (s->left_out > FILE_SCAN_NOTICES_MAX) {
        snprintf(sentence, sizeof sentence, "left out: %u more in %.300s", s->left_out - FILE_SCAN_NOTICES_MAX,
            s->folder->path);
        s->notice(s->ctx, sentence);
    }
    return (file_folder_end(s->folder) && s->folder->size <= FILE_SIZE_MAX) || too_large(s, p);
}

static bool begin(struct file_scan *s, struct file_problem *p)
{
    struct stat st;
    s->begun = true;
    if (fstat(s->folder->top, &st) != 0)
        return file_problem_errno(p, errno, "cannot look at", s->folder->path);
    s->folder->mode = st.st_mode & FILE_TREE_MODES;
    file_tree_begin(&s->folder->list, s->folder->mode);
    int fd = fcntl(s->folder->top, F_DUPFD_CLOEXEC, 0);
    return fd >= 0 ? go_down(s, fd, FILE_FOLDER_TOP, 0, p)
                   : file_problem_errno(p, errno, "cannot look at", s->folder->path);
}

bool file_scan_step(struct file_scan *s, bool *whole, struct file_problem *p)
{
    *whole = false;
    if (!s->begun && !begin(s, p))
        return false;
    for (unsigned i = 0; i < FILE_SCAN_AT_ONCE && s->depth > 0; i++) {
        struct level *l = &s->levels[s->depth - 1];
        if (l->next == l->n)
            level_done(&s->levels[--s->depth]);
        else if (!look_at(s, l, &l->names[l->next++], p))
            return false;
    }
    *whole = s->depth == 0;
    return !*whole || finish(s, p);
}
