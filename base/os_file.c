/* SPDX-License-Identifier: MIT */
#include "base/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool write_all(int fd, struct span bytes)
{
    while (bytes.n > 0) {
        ssize_t put = write(fd, bytes.p, bytes.n);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            bytes.p += put;
            bytes.n -= (size_t)put;
        }
    }
    return fsync(fd) == 0;
}

/* A rename is on disk when its directory is. */
static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

const char *os_file_advice(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return ": make room on that disk";
    case EACCES:
    case EPERM:
        return ": give the user that this runs as access to it";
    case ENOENT:
        return ": put it there, or correct the path";
    case EFBIG:
        return ": raise the limit of a file's size (ulimit -f, LimitFSIZE=)";
    case EROFS:
        return ": that file system is read-only, choose another";
    default:
        return "";
    }
}

/* NULL: it is a file, or not there. /dev/null is the empty file: it is how people say "none". */
static const char *no_file(const struct stat *st)
{
    struct stat null;
    if (S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && st->st_rdev == null.st_rdev)
        return NULL;
    switch (st->st_mode & S_IFMT) {
    case S_IFDIR:
        return "folder";
    case S_IFIFO:
        return "FIFO";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
    case S_IFBLK:
        return "device";
    default:
        return NULL;
    }
}

/* The kernel makes up what is read from these: /proc/kmsg, or a trace_pipe, as it happens. They call themselves files. */
static const char *made_up(int fd)
{
    struct statfs fs;
    if (fd < 0 || fstatfs(fd, &fs) != 0)
        return NULL;
    return fs.f_type == PROC_SUPER_MAGIC || fs.f_type == DEBUGFS_MAGIC || fs.f_type == TRACEFS_MAGIC
               ? "window of the kernel's, not a file"
               : NULL;
}

/* What it leads to may be on a disk that is not mounted yet: a file that is not there would be made anew. */
static bool leads_nowhere(const char *path, int error)
{
    struct stat st;
    return error == ENOENT && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* What was opened is looked at; and what cannot be opened for being none, like a socket or, to be written, a folder. */
int os_file_open(const char *path, int flags, const char *expected, struct err *why)
{
    struct stat st = {.st_mode = S_IFREG};
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    int error = errno;
    bool known = (fd < 0 ? stat(path, &st) : fstat(fd, &st)) == 0;
    const char *instead = known ? no_file(&st) : NULL;
    if (!instead)
        instead = made_up(fd);
    if (fd < 0 && !instead && leads_nowhere(path, error))
        instead = "link that leads nowhere";
    if (fd >= 0 && !instead)
        return fd;
    if (fd >= 0)
        close(fd);
    if (instead)
        err_set(why, "this is a %s: expected %s", instead, expected);
    else
        err_set_errno(why, error, "%s%s", strerror(error), os_file_advice(error));
    return -1;
}

static bool refuse(struct err *err, const char *file, int error)
{
    return err_set_errno(err, error, "cannot write %.180s: %s%s", file, strerror(error), os_file_advice(error));
}

bool os_file_replace(const char *dir, const char *name, struct span bytes, struct err *err)
{
    char file[PATH_MAX], made[PATH_MAX];
    int n = snprintf(made, sizeof made, "%s/%s.new", dir, name);
    if (n < 0 || (size_t)n >= sizeof made)
        return err_set(err, "%.180s is too long a path", dir);
    snprintf(file, sizeof file, "%s/%s", dir, name);
    struct err why;
    int fd = os_file_open(made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, "a file, or none", &why);
    if (fd < 0)
        return err_set_errno(err, why.error, "cannot write %.160s: %s", why.error ? file : made, why.text);
    bool ok = write_all(fd, bytes);
    int broken = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        broken = errno;
    }
    if (ok && (rename(made, file) != 0 || !sync_dir(dir))) {
        ok = false;
        broken = errno;
    }
    if (ok)
        return true;
    unlink(made);
    return refuse(err, file, broken);
}
