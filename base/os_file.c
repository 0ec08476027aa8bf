/* SPDX-License-Identifier: MIT */
#include "base/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
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
    int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(err, file, errno);
    bool ok = write_all(fd, bytes);
    int why = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && (rename(made, file) != 0 || !sync_dir(dir))) {
        ok = false;
        why = errno;
    }
    if (ok)
        return true;
    unlink(made);
    return refuse(err, file, why);
}
