/* SPDX-License-Identifier: MIT
 *
 * The map is what counts: it is locked, names the root, and is made first and taken away last. It is looked for under
 * the name that was offered, then in all maps of the folder, since a part may have got a number, or another name from
 * a person.
 *
 * A lock is taken on a file, which may have lost its name meanwhile because another process finished it: then it is
 * looked for anew.
 */
#include "peer/io/file_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "peer/io/file_disk.h"

enum {
    TRIES_MAX = 3 /* to lock a map that goes away meanwhile */
};

static const char PART[] = ".part", MAP[] = ".part.map", UNPACKED[] = ".part.d";

struct finding {
    int dir;
    const char *path;
    struct file_map *m;
    struct file_found *found;
    struct file_problem *p;
};

static bool set_names(struct file_found *f, const char *name)
{
    if (strlen(name) + sizeof MAP - 1 > FILE_NAME_MAX)
        return false;
    file_name_copy(name, f->name);
    snprintf(f->part, sizeof f->part, "%.240s%s", name, PART);
    snprintf(f->part_map, sizeof f->part_map, "%.240s%s", name, MAP);
    snprintf(f->unpacked, sizeof f->unpacked, "%.240s%s", name, UNPACKED);
    return true;
}

static bool refuse(struct finding *f, int error, const char *cannot, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%.240s/%.240s", f->path, name);
    return file_problem_errno(f->p, error, cannot, path);
}

/* ---- one that was begun ---- */

enum outcome {
    NO, /* it is another's, or not there */
    YES,
    GONE,
    FAILED
};

/* Whether the map is still what has that name. */
static bool is_named(struct finding *f, const char *name)
{
    struct stat is, named;
    return fstat(f->m->fd, &is) == 0 && fstatat(f->dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           is.st_ino == named.st_ino && is.st_dev == named.st_dev;
}

static enum outcome lock_map(struct finding *f, const char *name)
{
    if (flock(f->m->fd, LOCK_EX | LOCK_NB) == 0)
        return is_named(f, name) ? YES : GONE;
    if (errno == EWOULDBLOCK)
        file_problem_set(f->p, "in-use", "%.200s/%.150s is being received already: wait until that is done", f->path,
            f->found->name);
    else
        refuse(f, errno, "cannot lock", name);
    return FAILED;
}

static enum outcome try_map(struct finding *f, const char *name)
{
    struct stat st;
    int fd = openat(f->dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NO;
    f->m->fd = fd;
    enum outcome o = NO;
    if (fstat(fd, &st) == 0 && file_disk_is_ours(&st) && file_map_is(f->m)) {
        char plain[FILE_NAME_MAX + 1];
        snprintf(plain, sizeof plain, "%.*s", (int)(strlen(name) - (sizeof MAP - 1)), name);
        set_names(f->found, plain);
        o = lock_map(f, name);
    }
    if (o != YES) {
        close(fd);
        f->m->fd = -1;
    }
    return o;
}

static bool is_map_name(const char *name)
{
    size_t n = strlen(name);
    return n >= sizeof MAP && strcmp(name + n - (sizeof MAP - 1), MAP) == 0;
}

static enum outcome look_through(struct finding *f)
{
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    enum outcome o = NO;
    if (!d) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        if (error == EACCES) /* a folder that may be written to and not read */
            return NO;
        refuse(f, error, "cannot read the folder", "");
        return FAILED;
    }
    unsigned maps = 0;
    struct dirent *e;
    for (unsigned i = 0; o == NO && i < FILE_FIND_ENTRIES_MAX && (e = readdir(d)); i++)
        if (is_map_name(e->d_name) && maps++ < FILE_FIND_MAPS_MAX)
            o = try_map(f, e->d_name);
    closedir(d);
    return o;
}

static enum outcome find_begun(struct finding *f, const char *name)
{
    char first[FILE_NAME_MAX + 1];
    snprintf(first, sizeof first, "%.240s%s", name, MAP);
    enum outcome o = GONE;
    for (unsigned i = 0; o == GONE && i < TRIES_MAX; i++) {
        o = try_map(f, first);
        if (o == NO)
            o = look_through(f);
    }
    return o == GONE ? NO : o;
}

/* ---- one that is new ---- */

static bool enough_room(struct finding *f)
{
    char needed[16], there[16];
    struct stat st = {0};
    if (f->found->fd >= 0)
        fstat(f->found->fd, &st);
    uint64_t has = (uint64_t)st.st_blocks * 512, bytes = file_disk_free(f->dir);
    uint64_t more = f->m->size > has ? f->m->size - has : 0;
    if (f->m->stage != FILE_STAGE_BLOCKS || more <= bytes)
        return true;
    file_disk_size(more, needed);
    file_disk_size(bytes, there);
    return file_problem_set(f->p, "disk-full",
        "%.150s needs %s, and %.150s has %s left: make room there, or choose another folder", f->found->name, needed,
        f->path, there);
}

/* A file of this name that was not there before; -1 with errno. */
static int create(struct finding *f, const char *name)
{
    return openat(f->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool fail_new(struct finding *f, const char *cannot, const char *name)
{
    int error = errno;
    if (f->found->fd >= 0)
        unlinkat(f->dir, f->found->part, 0);
    unlinkat(f->dir, f->found->part_map, 0);
    if (f->found->fd >= 0)
        close(f->found->fd);
    close(f->m->fd);
    f->found->fd = f->m->fd = -1;
    return refuse(f, error, cannot, name);
}

static enum outcome try_new(struct finding *f, const char *name)
{
    if (!set_names(f->found, name))
        return NO;
    f->m->fd = create(f, f->found->part_map);
    if (f->m->fd < 0 && errno == EEXIST)
        return NO;
    if (f->m->fd < 0) {
        refuse(f, errno, "cannot write to", f->path);
        return FAILED;
    }
    f->found->fd = create(f, f->found->part);
    if (f->found->fd < 0 && errno == EEXIST) {
        unlinkat(f->dir, f->found->part_map, 0);
        close(f->m->fd);
        f->m->fd = -1;
        return NO;
    }
    if (f->found->fd < 0 || flock(f->m->fd, LOCK_EX | LOCK_NB) != 0 || !file_map_create(f->m) ||
        ftruncate(f->found->fd, (off_t)f->m->size) != 0) {
        fail_new(f, "cannot write", f->found->part);
        return FAILED;
    }
    return YES;
}

static bool make_new(struct finding *f, const char *name)
{
    char numbered[FILE_NAME_MAX + 1];
    enum outcome o = try_new(f, name);
    for (unsigned i = 1; o == NO && i <= FILE_NAMES_TRIED; i++) {
        file_name_numbered(name, i, FILE_NAME_MAX - (sizeof MAP - 1), numbered);
        o = try_new(f, numbered);
    }
    if (o == NO)
        return file_problem_set(
            f->p, "io", "%.200s has too many files that are called %.150s: move some", f->path, name);
    return o == YES;
}

/* ---- the face ---- */

/* The part of a map that was found. One that was taken away begins anew. NO: something else has its name. */
static enum outcome open_part(struct finding *f)
{
    struct stat st;
    struct file_found *found = f->found;
    if (!file_map_load(f->m)) {
        file_problem_memory(f->p);
        return FAILED;
    }
    found->fd = openat(f->dir, found->part, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (found->fd < 0 && errno == ENOENT)
        found->fd = create(f, found->part);
    bool other = found->fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == EEXIST);
    if (!other && (found->fd < 0 || fstat(found->fd, &st) != 0)) {
        refuse(f, errno, "cannot open", found->part);
        return FAILED;
    }
    if (other || !file_disk_is_ours(&st))
        return NO;
    if ((uint64_t)st.st_size == f->m->size || ftruncate(found->fd, (off_t)f->m->size) == 0)
        return YES;
    refuse(f, errno, "cannot write", found->part);
    return FAILED;
}

/* A map whose part is not ours is of no use to anybody. */
static void forget_map(struct finding *f)
{
    struct file_map fresh = {.fd = -1, .size = f->m->size, .tree = f->m->tree};
    memcpy(fresh.root, f->m->root, sizeof fresh.root);
    unlinkat(f->dir, f->found->part_map, 0);
    if (f->found->fd >= 0)
        close(f->found->fd);
    f->found->fd = -1;
    file_map_done(f->m);
    *f->m = fresh;
}

bool file_find(
    int dir, const char *path, const char *name, struct file_map *m, struct file_found *found, struct file_problem *p)
{
    struct finding f = {dir, path, m, found, p};
    *found = (struct file_found){.fd = -1};
    set_names(found, name);
    enum outcome o = find_begun(&f, name);
    if (o == YES) {
        o = open_part(&f);
        found->resumed = o == YES;
        if (o == NO)
            forget_map(&f);
    }
    if (o == FAILED)
        return false;
    if (o == YES)
        return enough_room(&f);
    set_names(found, name);
    return enough_room(&f) && make_new(&f, name);
}
