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

bool os_file_replace(const char *dir, const char *name, struct span bytes, struct err *err)
{
    char file[PATH_MAX], made[PATH_MAX];
    int n = snprintf(made, sizeof made, "%s/%s.new", dir, name);
    if (n < 0 || (size_t)n >= sizeof made)
        return err_set(err, "%.180s is too long a path", dir);
    snprintf(file, sizeof file, "%s/%s", dir, name);
    int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, "cannot write %.180s: %s", file, strerror(errno));
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
    return err_set(err, "cannot write %.180s: %s", file, strerror(why));
}
